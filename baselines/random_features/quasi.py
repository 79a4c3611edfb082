"""Quasi-random Fourier features: frequencies from a scrambled low-discrepancy sequence."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from optathlon.baselines.random_features._checks import check_choice
from optathlon.baselines.random_features.fourier import FourierFeatureMap

_SEQUENCES = {"sobol": qmc.Sobol, "halton": qmc.Halton}


class QuasiRandomFeatures(FourierFeatureMap):
    r"""Random Fourier features whose frequencies fill the space more evenly than independent ones.

    .. math:: w_i = \sqrt{2 \gamma}\, \Phi^{-1}(t_i), \qquad t_1, t_2, \dots \in (0, 1)^d \text{ a scrambled sequence}

    with :math:`\Phi` the normal distribution function, entry by entry. Scrambling makes every t uniform, so that the kernel is
    unbiased. The gain is large in few dimensions and gone in hundreds.

    Parameters
    ----------
    n_components : int
        Number D of features.
    gamma : float, "median" or "scale"
        Inverse squared width of the kernel, or the rule `median_gamma` or `scale_gamma`.
    features : {"cos-sin", "cos"}
        Pairs of cosine and sine (all cosines first), or cosines with a random phase.
    sequence : {"sobol", "halton"}
        The sequence.
    random_state : int, RandomState or None
        Source of the scrambling.

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
    Avron, Sindhwani, Yang, Mahoney. *Quasi-Monte Carlo feature maps for shift-invariant kernels*. JMLR 2016, algorithm 1.
    """

    def __init__(
        self,
        n_components: int = 100,
        *,
        gamma: float | str = 1.0,
        features: Literal["cos", "cos-sin"] = "cos-sin",
        sequence: Literal["sobol", "halton"] = "sobol",
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.gamma = gamma
        self.features = features
        self.sequence = sequence
        self.random_state = random_state

    def _draw_frequencies(self, n_features: int, n_frequencies: int, rng: np.random.RandomState) -> np.ndarray:
        check_choice("sequence", self.sequence, tuple(_SEQUENCES))
        if self.sequence == "sobol" and n_features > qmc.Sobol.MAXDIM:
            raise ValueError(
                f"X must have at most {qmc.Sobol.MAXDIM} columns for a Sobol sequence, got {n_features}; use 'halton'"
            )
        sequence = _SEQUENCES[self.sequence](n_features, scramble=True, rng=np.random.default_rng(rng.randint(2**31)))
        # A Sobol sequence is balanced at powers of two: the first points of the next one, not a warning about it.
        points = (
            sequence.random_base2((n_frequencies - 1).bit_length())
            if self.sequence == "sobol"
            else sequence.random(n_frequencies)
        )
        return ndtri(np.clip(points[:n_frequencies], np.finfo(np.float64).tiny, 1 - np.finfo(np.float64).epsneg)).T
