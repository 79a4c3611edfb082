"""Herding: points whose running mean follows the mean of everything."""

from __future__ import annotations

import numpy as np

from optathlon.baselines.coresets._checks import subset_size
from optathlon.baselines.coresets.coreset import Coreset
from optathlon.baselines.coresets.gradients import GradientsLike, as_gradients, rescaled


def herding(gradients: GradientsLike, k: int) -> Coreset:
    r"""Choose :math:`j_t = \arg\max_j \langle g_j, t \bar g - \sum_{s < t} g_{j_s} \rangle`, each point once.

    Parameters
    ----------
    gradients : ndarray of shape (n, d), or factored pair
        Per-sample gradients (or features: herding is older than gradients).
    k : int
        Points to choose, 1 to n.

    Returns
    -------
    Coreset
        k points in order of choice, each with weight n / k: herding does not weigh.

    Raises
    ------
    ValueError
        Where gradients are not finite or k is not between 1 and n.

    References
    ----------
    .. [1] Welling, "Herding dynamical weights to learn", 2009; Chen, Welling and Smola, "Super-samples from kernel herding",
       2010, equation 2.
    """
    gradients = rescaled(as_gradients(gradients)).astype(np.float64)
    n, k = gradients.n, subset_size(k, gradients.n)
    towards_mean = gradients.correlate(gradients.combine(np.full(n, 1 / n)))
    towards_chosen = np.zeros(n)
    chosen = np.empty(k, np.int64)
    for step in range(k):
        scores = (step + 1) * towards_mean - towards_chosen
        scores[chosen[:step]] = -np.inf
        chosen[step] = scores.argmax()
        towards_chosen += gradients.gram(slice(chosen[step], chosen[step] + 1))[0]
    return Coreset(chosen, np.full(k, n / k))
