"""Leverage-score random features: frequencies that the data care about."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optathlon.baselines.random_features._base import RandomFeatureMap
from optathlon.baselines.random_features._checks import check_count, check_memory
from optathlon.baselines.random_features.fourier import phased_features
from optathlon.baselines.random_features.ridge_leverage import ridge_leverage_scores


class LeverageScoreRandomFeatures(RandomFeatureMap):
    r"""Random Fourier features drawn from a pool by their ridge leverage scores on the training data.

    .. math::
        q_i = p_i / \textstyle\sum_j p_j, \qquad i_1, \dots, i_D \sim q, \qquad
        z(x) = \Bigl[ \frac{\sqrt 2 \cos(w_i^\top x + b_i)}{\sqrt{D\, s\, q_i}} \Bigr]_{i = i_1, \dots, i_D}

    with s frequencies in the pool. The importance weight 1 / (D s q) keeps the kernel unbiased. Without weights the
    draw is without replacement and all features weigh 1 / D: the kernel is then another one, which suits regression better.

    Parameters
    ----------
    n_components : int
        Number D of features.
    gamma : float, "median" or "scale"
        Inverse squared width of the kernel, or the rule `median_gamma` or `scale_gamma`.
    regularization : float
        The :math:`\lambda` of the ridge regression that the features are for (mean squared loss).
    weighted : bool
        Whether to draw with replacement and importance weights.
    pool_size : int, optional
        Number s of frequencies in the pool, at least n_components; ten times n_components by default.
    n_rows : int, optional
        Random rows on which the scores are computed; all rows by default. The
        cost is O(r s min(r, s)) time and O((r + min(r, s)) s) memory for r rows: thousands are enough for the draw.
    random_state : int, RandomState or None
        Source of the random numbers.

    Attributes
    ----------
    random_weights_ : ndarray, shape (n_features, n_components)
        The frequencies w, one per column.
    random_offset_ : ndarray, shape (n_components,)
        The phases b in [0, 2 pi).
    importance_ : ndarray, shape (n_components,)
        Factor of each cosine.
    leverage_scores_ : ndarray, shape (pool_size,)
        Scores of the pool.
    effective_dimension_ : float
        Sum of the scores.
    gamma_ : float
        The inverse squared width used.

    References
    ----------
    Li, Ton, Oglic, Sejdinovic. *Towards a unified analysis of random Fourier features*. JMLR 2021, algorithm 1.
    Survey, section 5.3.1, with the inverse and the factor 1/s that it lacks.
    """

    def __init__(
        self,
        n_components: int = 100,
        *,
        gamma: float | str = 1.0,
        regularization: float = 1e-3,
        weighted: bool = True,
        pool_size: int | None = None,
        n_rows: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.gamma = gamma
        self.regularization = regularization
        self.weighted = weighted
        self.pool_size = pool_size
        self.n_rows = n_rows
        self.random_state = random_state

    def _draw(self, X: np.ndarray, n_frequencies: int, rng: np.random.RandomState) -> None:
        k = n_frequencies
        s = 10 * k if self.pool_size is None else check_count("pool_size", self.pool_size, least=k)
        rows = len(X) if self.n_rows is None else min(len(X), check_count("n_rows", self.n_rows))
        check_memory(
            "the pool of features", (2 * rows + X.shape[1] + min(s, rows)) * s, 8, "reduce n_components, pool_size or n_rows"
        )
        frequencies = math.sqrt(2.0 * self.gamma_) * rng.standard_normal((X.shape[1], s))  # step 1
        phases = rng.uniform(0.0, 2.0 * np.pi, s)
        known = X if rows == len(X) else X[rng.choice(len(X), rows, replace=False)]
        Z = phased_features(known @ frequencies, phases, math.sqrt(2.0))  # step 2
        p = ridge_leverage_scores(Z, self.regularization)  # step 3
        q = np.maximum(p, np.finfo(np.float64).tiny)
        q /= q.sum()  # step 4
        chosen = rng.choice(s, k, replace=bool(self.weighted), p=q)  # step 5
        self.leverage_scores_, self.effective_dimension_ = p, float(p.sum())
        self.random_weights_ = frequencies[:, chosen].astype(X.dtype, copy=False)
        self.random_offset_ = phases[chosen].astype(X.dtype, copy=False)
        weights = np.sqrt(2.0 / (k * s * q[chosen])) if self.weighted else np.full(k, math.sqrt(2.0 / k))
        self.importance_ = weights.astype(X.dtype, copy=False)

    def _map(self, X: np.ndarray) -> np.ndarray:
        Z = phased_features(X @ self.random_weights_.astype(X.dtype, copy=False), self.random_offset_, 1.0)
        Z *= self.importance_.astype(X.dtype, copy=False)
        return Z
