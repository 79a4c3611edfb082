"""Fastfood: Gaussian frequencies as a product of diagonal and Hadamard matrices."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from optathlon.baselines.random_features._base import RandomFeatureMap
from optathlon.baselines.random_features._checks import check_choice, check_memory
from optathlon.baselines.random_features.fourier import fourier_features
from optathlon.baselines.random_features.hadamard import hadamard_by_products, padded_length

_SMALLEST_BLOCK = 16


class Fastfood(RandomFeatureMap):
    r"""Random Fourier features with n D log d operations and O(D) memory instead of n d D and d D.

    .. math::
        V = \frac{\sqrt{2 \gamma}}{\sqrt{d}} S H G \Pi H B, \qquad
        B_{ii} = \pm 1, \quad G_{ii} \sim N(0, 1), \quad S_{ii} = \frac{\chi_d}{\|G\|_F}

    in blocks of d rows, d the number of columns padded to a power of two (16 at least). Each row of V is exactly
    N(0, 2 gamma I), so the kernel is unbiased; rows of a block depend on each other, which costs some variance. The
    projection runs in compiled tiles, 16 samples at a time in float32, and never leaves the cache.

    Parameters
    ----------
    n_components : int
        Number D of features.
    gamma : float, "median" or "scale"
        Inverse squared width of the kernel, or the rule `median_gamma` or `scale_gamma`.
    features : {"cos", "cos-sin"}
        Cosines with a random phase, or pairs of cosine and sine (all cosines first).
    engine : {"compiled", "numpy"}
        Tiles compiled by numba, or whole blocks by numpy, which is several times slower.
    random_state : int, RandomState or None
        Source of the random numbers.

    Attributes
    ----------
    signs_, gaussian_, scaling_ : ndarray, shape (n_blocks, d)
        Diagonals of B, of G, and of S with the factors in front of it.
    permutation_ : ndarray of int32, shape (n_blocks, d)
        The permutations.
    random_offset_ : ndarray, shape (n_blocks, d)
        The phases b in [0, 2 pi); zero for pairs and beyond n_components.
    gamma_ : float
        The inverse squared width used.

    Notes
    -----
    The survey prints the factor 1 / (sigma sqrt(D)), and costs O(m log D) and O(m): with d the block length, the factor is
    1 / (sigma sqrt(d)), the time O(n D log d) and the memory O(D).

    References
    ----------
    Le, Sarlos, Smola. *Fastfood: approximating kernel expansions in loglinear time*. ICML 2013. Survey, section 5.2.1.
    """

    def __init__(
        self,
        n_components: int = 100,
        *,
        gamma: float | str = 1.0,
        features: Literal["cos", "cos-sin"] = "cos",
        engine: Literal["compiled", "numpy"] = "compiled",
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.gamma = gamma
        self.features = features
        self.engine = engine
        self.random_state = random_state

    def _draw(self, X: np.ndarray, n_frequencies: int, rng: np.random.RandomState) -> None:
        check_choice("engine", self.engine, ("compiled", "numpy"))
        d = padded_length(X.shape[1], least=_SMALLEST_BLOCK)
        shape = (-(-n_frequencies // d), d)
        check_memory("the diagonals", 5 * shape[0] * d, 8)
        G = rng.standard_normal(shape)
        S = np.sqrt(rng.chisquare(d, shape)) / np.linalg.norm(G, axis=1, keepdims=True)
        self.signs_ = rng.choice(np.array([-1.0, 1.0], X.dtype), shape)
        self.permutation_ = np.argsort(rng.random_sample(shape), axis=1).astype(np.int32)
        self.gaussian_ = G.astype(X.dtype, copy=False)
        self.scaling_ = (math.sqrt(2.0 * self.gamma_ / d) * S).astype(X.dtype, copy=False)
        offsets = np.zeros(shape)
        offsets.flat[:n_frequencies] = self._draw_offsets(n_frequencies, rng)
        self.random_offset_ = offsets.astype(X.dtype, copy=False)

    @property
    def _n_frequencies(self) -> int:
        return self.n_components - (self.n_components // 2 if self.features == "cos-sin" else 0)

    def project(self, X: ArrayLike) -> np.ndarray:
        """Return V x for every row x, shape (n_samples, n_frequencies)."""
        X = self._validated(X)
        if self.engine == "numpy":
            return self._project_by_products(X)
        return self._run(X, self._n_frequencies, self.scaling_, np.zeros((1, *self.scaling_.shape)), 0.0)

    def _map(self, X: np.ndarray) -> np.ndarray:
        if self.engine == "numpy":
            offsets = self.random_offset_.ravel()[: self._n_frequencies]
            return fourier_features(self._project_by_products(X), offsets, self.n_components, self.features)
        slope, cosines = self.scaling_ / (2.0 * np.pi), self.random_offset_ / (2.0 * np.pi)
        sines = [np.full_like(slope, -0.25)] if self.features == "cos-sin" else []  # a quarter of a turn later
        offsets = np.stack([cosines, *sines])
        return self._run(X, self.n_components, slope, offsets, math.sqrt(2.0 / self.n_components))

    def _project_by_products(self, X: np.ndarray) -> np.ndarray:
        n_blocks, d = self.signs_.shape
        padded = np.pad(X, ((0, 0), (0, d - X.shape[1])))
        out = np.empty((len(X), n_blocks * d), X.dtype)
        for i, (B, P, G, S) in enumerate(zip(self.signs_, self.permutation_, self.gaussian_, self.scaling_, strict=True)):
            mixed = hadamard_by_products(padded * B.astype(X.dtype))
            mixed = hadamard_by_products(mixed[:, P] * G.astype(X.dtype))
            np.multiply(mixed, S.astype(X.dtype), out=out[:, i * d : (i + 1) * d])
        return out[:, : self._n_frequencies]

    def _run(self, X: np.ndarray, n_columns: int, slope: np.ndarray, offsets: np.ndarray, amplitude: float) -> np.ndarray:
        from optathlon.baselines.random_features import _kernels

        def cast(array: np.ndarray) -> np.ndarray:
            # Read-only and strided arrays are other types to numba, and a compilation each.
            return np.require(array, X.dtype, ["C", "W"])

        length = self.signs_.shape[1]
        out = np.empty((len(X), n_columns), X.dtype)
        _kernels.fastfood(
            cast(X),
            cast(self.signs_),
            self.permutation_,
            cast(self.gaussian_),
            cast(slope),
            cast(offsets),
            X.dtype.type(amplitude),
            self._n_frequencies,
            _kernels.radices(length),
            _kernels.workspace(5, length, X.dtype),
            out,
        )
        return out
