"""Structured orthogonal random features: three Hadamard transforms and three diagonals of signs."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from optathlon.baselines.random_features._base import RandomFeatureMap
from optathlon.baselines.random_features._checks import check_memory
from optathlon.baselines.random_features.fourier import fourier_features
from optathlon.baselines.random_features.hadamard import fast_walsh_hadamard, padded_length


class StructuredOrthogonalRandomFeatures(RandomFeatureMap):
    r"""Orthogonal random features with n D log d operations and O(D) memory.

    .. math:: W = \sqrt{2 \gamma d}\, H D_1 H D_2 H D_3, \qquad H H^\top = I, \quad (D_j)_{ii} = \pm 1

    in blocks of d rows, d the number of columns padded to a power of two. All frequencies of a block have one length,
    which lowers a kernel value k by about :math:`k \log^2 k / d`, at most .54 / d; of up to 8 columns by two to four times that.

    Parameters
    ----------
    n_components : int
        Number D of features.
    gamma : float, "median" or "scale"
        Inverse squared width of the kernel, or the rule `median_gamma` or `scale_gamma`.
    features : {"cos-sin", "cos"}
        Pairs of cosine and sine (all cosines first), or cosines with a random phase.
    random_state : int, RandomState or None
        Source of the random numbers.

    Attributes
    ----------
    signs_ : ndarray, shape (3, n_blocks, d)
        Diagonals of D_3, D_2 and D_1.
    random_offset_ : ndarray, shape (n_frequencies,)
        The phases b in [0, 2 pi); zero for pairs.
    gamma_ : float
        The inverse squared width used.

    References
    ----------
    Yu, Suresh, Choromanski, Holtmann-Rice, Kumar. *Orthogonal random features*. NIPS 2016, section 4.
    """

    def __init__(
        self,
        n_components: int = 100,
        *,
        gamma: float | str = 1.0,
        features: Literal["cos", "cos-sin"] = "cos-sin",
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.gamma = gamma
        self.features = features
        self.random_state = random_state

    def _draw(self, X: np.ndarray, n_frequencies: int, rng: np.random.RandomState) -> None:
        d = padded_length(X.shape[1], least=1)
        shape = (3, -(-n_frequencies // d), d)
        check_memory("the diagonals", 3 * shape[1] * d, 8)
        self.signs_ = rng.choice(np.array([-1.0, 1.0], X.dtype), shape)
        self.random_offset_ = self._draw_offsets(n_frequencies, rng).astype(X.dtype, copy=False)

    def _map(self, X: np.ndarray) -> np.ndarray:
        _, n_blocks, d = self.signs_.shape
        padded = np.pad(X, ((0, 0), (0, d - X.shape[1])))
        projection = np.empty((len(X), n_blocks * d), X.dtype)
        scale = math.sqrt(2.0 * self.gamma_) / d  # sqrt(d) over the three roots of d that a plain transform lacks
        for block in range(n_blocks):
            mixed = padded
            for signs in self.signs_[:, block]:
                mixed = fast_walsh_hadamard(mixed * signs.astype(X.dtype))
            np.multiply(mixed, X.dtype.type(scale), out=projection[:, block * d : (block + 1) * d])
        n_frequencies = len(self.random_offset_)
        return fourier_features(projection[:, :n_frequencies], self.random_offset_, self.n_components, self.features)
