"""k-centre: no point far from its nearest chosen one."""

from __future__ import annotations

import numpy as np

from optathlon.baselines.coresets._checks import subset_size
from optathlon.baselines.coresets.coreset import Coreset
from optathlon.baselines.coresets.craig import squared_gradient_distances
from optathlon.baselines.coresets.gradients import GradientsLike, as_gradients, rescaled


def k_centre(gradients: GradientsLike, k: int) -> Coreset:
    r"""Minimise :math:`\max_i \min_{j \in S} \|g_i - g_j\|` over subsets of k points by farthest-first traversal.

    The first point is the one of smallest index; every next one is the farthest from those before. The radius is at most twice
    the best.

    Parameters
    ----------
    gradients : ndarray of shape (n, d), or factored pair
        Per-sample gradients, or features.
    k : int
        Points to choose, 1 to n.

    Returns
    -------
    Coreset
        k points in order of choice; the weight of a point is the number of points nearest to it, so weights sum to n.

    Raises
    ------
    ValueError
        Where gradients are not finite or k is not between 1 and n.

    References
    ----------
    .. [1] Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985.
    .. [2] Sener and Savarese, "Active learning for convolutional neural networks: a core-set approach", 2018, algorithm 1.
    """
    gradients = rescaled(as_gradients(gradients))
    k = subset_size(k, gradients.n)
    block = squared_gradient_distances(gradients)
    chosen = np.zeros(k, np.int64)
    distances = block(slice(0, 1))[0]
    nearest = np.zeros(gradients.n, np.int64)
    for step in range(1, k):
        ranking = distances.copy()
        ranking[chosen[:step]] = -np.inf
        chosen[step] = ranking.argmax()
        others = block(slice(chosen[step], chosen[step] + 1))[0]
        nearer = others < distances
        nearer[chosen[step]] = True
        distances[nearer], nearest[nearer] = others[nearer], step
    return Coreset(chosen, np.bincount(nearest, minlength=k))
