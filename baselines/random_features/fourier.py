"""Random Fourier features: the kernel as the mean of cosines at Gaussian frequencies."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from optathlon.baselines.random_features._base import RandomFeatureMap
from optathlon.baselines.random_features._checks import check_choice, check_memory

_MATERN = {"matern-1/2": 1, "matern-3/2": 3, "matern-5/2": 5}  # twice the smoothness nu: the degrees of freedom


class FourierFeatureMap(RandomFeatureMap):
    """Cosines of a dense projection; subclasses say how the frequencies are drawn.

    Attributes
    ----------
    random_weights_ : ndarray, shape (n_features, n_frequencies)
        The frequencies w, one per column.
    random_offset_ : ndarray, shape (n_frequencies,)
        The phases b in [0, 2 pi); zero for pairs.
    gamma_ : float
        The inverse squared width used.
    """

    random_weights_: np.ndarray
    random_offset_: np.ndarray

    def project(self, X: ArrayLike) -> np.ndarray:
        """Return w'x for every row x and frequency w, shape (n_samples, n_frequencies)."""
        return self._project(self._validated(X))

    def _project(self, X: np.ndarray) -> np.ndarray:
        return X @ self.random_weights_.astype(X.dtype, copy=False)

    def _draw(self, X: np.ndarray, n_frequencies: int, rng: np.random.RandomState) -> None:
        n_features = X.shape[1]
        check_memory("the frequencies", n_features * n_frequencies, 8)
        frequencies = self._draw_frequencies(n_features, n_frequencies, rng)
        self.random_weights_ = (math.sqrt(2.0 * self.gamma_) * frequencies).astype(X.dtype, copy=False)
        self.random_offset_ = self._draw_offsets(n_frequencies, rng).astype(X.dtype, copy=False)

    def _draw_frequencies(self, n_features: int, n_frequencies: int, rng: np.random.RandomState) -> np.ndarray:
        """Draw frequencies of the kernel exp(-|x - y|^2 / 2), one per column."""
        return rng.standard_normal((n_features, n_frequencies))

    def _map(self, X: np.ndarray) -> np.ndarray:
        return fourier_features(self._project(X), self.random_offset_, self.n_components, self.features)


def fourier_features(projection: np.ndarray, offsets: np.ndarray, n_components: int, features: str) -> np.ndarray:
    """Return ``sqrt(2/D) cos(w'x + b)``, and beside it for pairs ``sqrt(2/D) sin(w'x)`` of the first D/2 frequencies."""
    amplitude = math.sqrt(2.0 / n_components)
    if features == "cos":
        return phased_features(projection, offsets, amplitude)
    n_cosines, n_sines = projection.shape[1], n_components - projection.shape[1]
    Z = np.empty((len(projection), n_components), projection.dtype)
    np.sin(projection[:, :n_sines], out=Z[:, n_cosines:])
    Z[:, :n_cosines] = phased_features(projection, offsets, 1.0)
    Z *= Z.dtype.type(amplitude)
    return Z


def phased_features(projection: np.ndarray, phases: np.ndarray, amplitude: float) -> np.ndarray:
    """Turn w'x into ``amplitude * cos(w'x + b)``, in place."""
    projection += phases.astype(projection.dtype, copy=False)
    np.cos(projection, out=projection)
    projection *= projection.dtype.type(amplitude)
    return projection


class RandomFourierFeatures(FourierFeatureMap):
    r"""Random Fourier features of the Gaussian kernel :math:`k(x, y) = \exp(-\gamma \|x - y\|^2)`, or of a rougher one.

    .. math::
        z(x) = \sqrt{2/D}\, [\cos(w_i^\top x + b_i)]_{i \le D} \quad\text{or}\quad
        z(x) = \sqrt{2/D}\, [\cos(w_i^\top x), \sin(w_i^\top x)]_{i \le D/2}, \qquad
        w_i \sim N(0, 2 \gamma I), \; b_i \sim U[0, 2\pi)

    The frequencies of the Laplacian kernel :math:`\exp(-\gamma \|x - y\|_1)` are Cauchy of scale gamma, those of the Matern
    kernel of smoothness nu and length :math:`1 / \sqrt{2 \gamma}` Student's with 2 nu degrees of freedom (as nu grows, the
    Gaussian's).

    Both kinds of feature are unbiased. At the same number D of columns the pairs have the lower variance (`kernel_variance`).

    Parameters
    ----------
    n_components : int
        Number D of features.
    gamma : float, "median" or "scale"
        Inverse squared width of the kernel, or the rule `median_gamma` or `scale_gamma`.
    features : {"cos", "cos-sin"}
        Cosines with a random phase, or pairs of cosine and sine (all cosines first).
    kernel : {"gaussian", "laplacian", "matern-1/2", "matern-3/2", "matern-5/2"}
        The kernel.
    random_state : int, RandomState or None
        Source of the random numbers.

    Attributes
    ----------
    random_weights_ : ndarray, shape (n_features, n_frequencies)
        The frequencies w, one per column.
    random_offset_ : ndarray, shape (n_frequencies,)
        The phases b in [0, 2 pi); zero for pairs.
    gamma_ : float
        The inverse squared width used.

    References
    ----------
    Rahimi, Recht. *Random features for large-scale kernel machines*. NIPS 2007, algorithm 1 and figure 1. Equation (7) of the
    survey. Rasmussen, Williams. *Gaussian processes for machine learning*. 2006, equation (4.15).
    """

    def __init__(
        self,
        n_components: int = 100,
        *,
        gamma: float | str = 1.0,
        features: Literal["cos", "cos-sin"] = "cos",
        kernel: Literal["gaussian", "laplacian", "matern-1/2", "matern-3/2", "matern-5/2"] = "gaussian",
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.gamma = gamma
        self.features = features
        self.kernel = kernel
        self.random_state = random_state

    def _draw_frequencies(self, n_features: int, n_frequencies: int, rng: np.random.RandomState) -> np.ndarray:
        check_choice("kernel", self.kernel, ("gaussian", "laplacian", *_MATERN))
        if self.kernel == "laplacian":
            return math.sqrt(self.gamma_ / 2.0) * rng.standard_cauchy((n_features, n_frequencies))  # times sqrt(2 gamma): gamma
        frequencies = super()._draw_frequencies(n_features, n_frequencies, rng)
        if self.kernel in _MATERN:
            freedom = _MATERN[self.kernel]
            frequencies /= np.sqrt(rng.chisquare(freedom, n_frequencies) / freedom)
        return frequencies


class NormalizedRandomFeatures(FourierFeatureMap):
    r"""Cosines with a random phase, each row scaled to norm one, so that z(x)'z(y) is a correlation.

    .. math:: z(x) = \frac{c(x)}{\|c(x)\|}, \qquad c(x) = [\cos(w_i^\top x + b_i)]_{i \le D}

    The variance is below that of the cosines and above that of cosine-sine pairs (`kernel_variance`); the bias is O(1/D).

    Parameters
    ----------
    n_components : int
        Number D of features.
    gamma : float, "median" or "scale"
        Inverse squared width of the kernel, or the rule `median_gamma` or `scale_gamma`.
    random_state : int, RandomState or None
        Source of the random numbers.

    Attributes
    ----------
    random_weights_ : ndarray, shape (n_features, n_components)
        The frequencies w, one per column.
    random_offset_ : ndarray, shape (n_components,)
        The phases b in [0, 2 pi).
    gamma_ : float
        The inverse squared width used.

    References
    ----------
    Li. *Linearized GMM kernels and normalized random Fourier features*. KDD 2017. Equation (8) of the survey.
    """

    def __init__(self, n_components: int = 100, *, gamma: float | str = 1.0, random_state: Any = None) -> None:
        self.n_components = n_components
        self.gamma = gamma
        self.random_state = random_state

    def _map(self, X: np.ndarray) -> np.ndarray:
        Z = super()._map(X)
        norms = np.sqrt(np.einsum("ij,ij->i", Z, Z))
        return np.divide(Z, np.maximum(norms, np.finfo(Z.dtype).tiny)[:, None], out=Z)
