"""GRAD-MATCH: a weighted subset whose gradient is the gradient of everything."""

from __future__ import annotations

import numpy as np

from optathlon.baselines._rng import Rng, numpy_generator
from optathlon.baselines.coresets._checks import fraction, non_negative, subset_size
from optathlon.baselines.coresets.coreset import Coreset
from optathlon.baselines.coresets.gradients import GradientsLike, as_gradients, rescaled
from optathlon.baselines.coresets.nonnegative_omp import pursue


def grad_match(
    gradients: GradientsLike,
    k: int,
    *,
    ridge: float = 0.5,
    tol: float = 1e-3,
    padding: bool = False,
    rng: Rng = None,
) -> Coreset:
    r"""Minimise :math:`\|\sum_{j \in S} w_j g_j - \sum_i g_i\|^2 + \lambda \bar\gamma \|w\|^2` over w >= 0, size of S <= k.

    The penalty is relative: :math:`\bar\gamma` is the mean squared length of a gradient. An absolute one would mean
    nothing, for gradients shrink a hundredfold in training. Without a penalty few points with very unequal weights
    match best; with it, all k share. Then the penalised objective never increases with k, the error alone may.

    Parameters
    ----------
    gradients : ndarray of shape (n, d), or factored pair
        Per-sample gradients.
    k : int
        Most points to choose, 1 to n.
    ridge : float
        The penalty lambda, relative to the gradients' scale.
    tol : float
        Stop once the error is at most this fraction of the whole gradient, from 0 to below 1.
    padding : bool
        Fill up with random points of weight 1 where fewer than k suffice, as the authors' code does. It spoils the match.
    rng : int, Generator or None
        Source of the padding.

    Returns
    -------
    Coreset
        At most k points, at least one. Where the gradients sum to zero but for the rounding of a sum (all of them zero,
        say) nothing can be matched, and k evenly spaced points of weight n / k are returned.

    Raises
    ------
    ValueError
        Where gradients are not finite, k is not between 1 and n, ridge is negative, tol is negative or not below 1,
        or rng is no source of random numbers.

    References
    ----------
    .. [1] Killamsetty et al., "GRAD-MATCH: gradient matching based data subset selection for efficient deep model
       training", 2021, equation 4 and algorithm 2.
    """
    gradients = rescaled(as_gradients(gradients))
    n, k = gradients.n, subset_size(k, gradients.n)
    ridge, tol = non_negative("ridge", ridge), fraction("tol", tol)
    rng = numpy_generator("rng", rng)
    target = gradients.combine(np.ones(n))
    squared_norms = gradients.squared_norms()
    rounding = 4 * np.finfo(target.dtype).eps * np.sqrt(n) * np.sqrt(squared_norms).sum()
    if np.linalg.norm(target) <= rounding:
        target = np.zeros_like(target)
    coreset = pursue(gradients, target, k, ridge * float(squared_norms.mean()), tol)
    if len(coreset) == 0:
        return Coreset(np.arange(k) * n // k, np.full(k, n / k))
    if padding and len(coreset) < k:
        coreset = _padded(coreset, n, k, rng)
    return coreset


def _padded(coreset: Coreset, n: int, k: int, rng: np.random.Generator) -> Coreset:
    others = np.setdiff1d(np.arange(n), coreset.indices)
    extra = rng.choice(others, size=k - len(coreset), replace=False)
    return Coreset(np.concatenate([coreset.indices, extra]), np.concatenate([coreset.weights, np.ones(len(extra))]))
