"""Moderate coresets: neither the points at the heart of a class nor those at its edge."""

from __future__ import annotations

import numpy as np

from optathlon.baselines.coresets._checks import subset_size
from optathlon.baselines.coresets.coreset import Coreset
from optathlon.baselines.coresets.gradients import FactoredGradients, GradientsLike, as_gradients


def moderate(gradients: GradientsLike, k: int) -> Coreset:
    r"""Choose the k points whose distance from the mean of the features is nearest to the median distance.

    Call it class by class (`per_class`): the mean is that of the points given.

    Parameters
    ----------
    gradients : ndarray of shape (n, d), or factored pair
        Features, one row a point; of a factored pair its second factor, which is what enters the last layer.
    k : int
        Points to choose, 1 to n.

    Returns
    -------
    Coreset
        k points, the nearest to the median first, each with weight n / k.

    Raises
    ------
    ValueError
        Where features are not finite or k is not between 1 and n.

    References
    ----------
    .. [1] Xia, Liu, Yu, Shen, Han and Liu, "Moderate coreset: a universal method of data selection for real-world data-efficient
       deep learning", 2023, section 3.
    """
    given = as_gradients(gradients)
    rows = (given.features if isinstance(given, FactoredGradients) else given.rows).astype(np.float64, copy=False)
    n, k = given.n, subset_size(k, given.n)
    distances = np.linalg.norm(rows - rows.mean(axis=0), axis=1)
    order = np.argsort(np.abs(distances - np.median(distances)), kind="stable")
    return Coreset(order[:k], np.full(k, n / k))
