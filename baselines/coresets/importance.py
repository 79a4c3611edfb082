"""Importance sampling: points drawn by the length of their gradients, weighed so that the sum stays unbiased."""

from __future__ import annotations

import numpy as np

from optathlon.baselines._rng import Rng, numpy_generator
from optathlon.baselines.coresets._checks import non_negative, subset_size
from optathlon.baselines.coresets.coreset import Coreset
from optathlon.baselines.coresets.gradients import GradientsLike, as_gradients, rescaled


def importance_sampling(gradients: GradientsLike, k: int, *, uniform: float = 0.1, rng: Rng = None) -> Coreset:
    r"""Draw k points with replacement by :math:`q_i = (1 - \alpha) \|g_i\| / \sum_j \|g_j\| + \alpha / n`, weights 1 / (k q).

    Lengths as probabilities minimise the variance of the weighted sum; the uniform part alpha bounds a draw's weight by
    n / (alpha k).

    Parameters
    ----------
    gradients : ndarray of shape (n, d), or factored pair
        Per-sample gradients.
    k : int
        Draws, 1 to n.
    uniform : float
        The share alpha of uniform draws, from 0 to 1.
    rng : int, Generator or None
        Source of randomness.

    Returns
    -------
    Coreset
        The points drawn, each once, its weights summed: at most k of them. The weighted sum of gradients has the sum of all as
        its expectation.

    Raises
    ------
    ValueError
        Where gradients are not finite, k is not between 1 and n, or uniform is not between 0 and 1.

    References
    ----------
    .. [1] Zhao and Zhang, "Stochastic optimization with importance sampling for regularized loss minimization", 2015, section 3.
    .. [2] Katharopoulos and Fleuret, "Not all samples are created equal", 2018, equations 6 and 20.
    """
    gradients = rescaled(as_gradients(gradients))
    n, k, uniform = gradients.n, subset_size(k, gradients.n), non_negative("uniform", uniform)
    if uniform > 1:
        raise ValueError(f"uniform must be a number from 0 to 1, got {uniform}")
    lengths = np.sqrt(gradients.squared_norms().astype(np.float64))
    if not lengths.any():
        lengths = np.ones(n)
    q = (1 - uniform) * lengths / lengths.sum() + uniform / n
    drawn, counts = np.unique(numpy_generator("rng", rng).choice(n, size=k, p=q / q.sum()), return_counts=True)
    return Coreset(drawn, counts / (k * q[drawn]))
