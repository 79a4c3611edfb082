"""Orthogonal random features: Gaussian frequencies that repel each other."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from optathlon.baselines.random_features.fourier import FourierFeatureMap


class OrthogonalRandomFeatures(FourierFeatureMap):
    r"""Random Fourier features whose frequencies are orthogonal within blocks of n_features.

    .. math:: W = \sqrt{2 \gamma}\, S Q, \qquad Q \text{ uniform on the orthogonal group}, \quad S_{ii} \sim \chi_d

    Each frequency is still exactly Gaussian, so the kernel is unbiased; the variance falls, most of all with cosine-sine
    pairs (with a phase, the noise of the phase hides most of the gain).

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
    random_weights_ : ndarray, shape (n_features, n_frequencies)
        The frequencies w, one per column.
    random_offset_ : ndarray, shape (n_frequencies,)
        The phases b in [0, 2 pi); zero for pairs.
    gamma_ : float
        The inverse squared width used.

    References
    ----------
    Yu, Suresh, Choromanski, Holtmann-Rice, Kumar. *Orthogonal random features*. NIPS 2016, section 3.
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

    def _draw_frequencies(self, n_features: int, n_frequencies: int, rng: np.random.RandomState) -> np.ndarray:
        directions = np.empty((n_features, n_frequencies))
        for start in range(0, n_frequencies, n_features):
            width = min(n_features, n_frequencies - start)  # a last block needs no more columns than are left
            Q, R = np.linalg.qr(rng.standard_normal((n_features, width)))
            directions[:, start : start + width] = Q * np.sign(np.diagonal(R))  # uniform only with R's diagonal positive
        return directions * np.sqrt(rng.chisquare(n_features, n_frequencies))
