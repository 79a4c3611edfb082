"""CRAIG: the points whose gradients stand nearest to all others, each counting for those it stands for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from baselines.coresets._checks import affordable, subset_size
from baselines.coresets.coreset import Coreset
from baselines.coresets.facility_location import Strategy, facility_location
from baselines.coresets.gradients import Gradients, GradientsLike, as_gradients

_BLOCK = 256  # rows of a similarity matrix made at a time, so that its passes stay in cache


def craig(gradients: GradientsLike, k: int, *, strategy: Strategy = "lazy") -> Coreset:
    r"""Minimise :math:`\sum_i \min_{j \in S} \|g_i - g_j\|` over subsets of k points by greedy facility location.

    Parameters
    ----------
    gradients : ndarray of shape (n, d), or factored pair
        Per-sample gradients. All n^2 distances are kept: 4 n^2 bytes for float32.
    k : int
        Points to choose, 1 to n.
    strategy : {"lazy", "batched", "naive"}
        How `facility_location` evaluates gains; the answer is the same.

    Returns
    -------
    Coreset
        k points in greedy order; the weight of a point is the number of points nearest to it, so weights sum to n.

    Raises
    ------
    ValueError
        Where gradients are not finite or not of one shape, k is not between 1 and n, or the distances would exceed 4 GiB.

    References
    ----------
    .. [1] Mirzasoleiman, Bilmes and Leskovec, "Coresets for data-efficient training of machine learning models", 2020,
       algorithm 1.
    """
    gradients = as_gradients(gradients)
    subset_size(k, gradients.n)
    return facility_location(pairwise(gradients, _negative_distance), k, strategy=strategy)


def pairwise(gradients: Gradients, similarity: Callable[[np.ndarray, np.ndarray, np.ndarray], None]) -> np.ndarray:
    """Return a matrix of similarities, (n, n), made in place from inner products a block of rows at a time.

    `similarity(products, row_norms, norms)` overwrites products (m, n) using the squared norms (m, 1) and (n,).
    """
    n, dtype = gradients.n, gradients[0].dtype
    affordable("the similarity of all pairs", n, n, dtype.itemsize, "select per class or per batch")
    norms = gradients.squared_norms()
    similarities = np.empty((n, n), dtype)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        products = gradients.gram(rows)
        similarity(products, norms[rows, None], norms)
        similarities[rows] = products
    return similarities


def _negative_distance(products: np.ndarray, row_norms: np.ndarray, norms: np.ndarray) -> None:
    """-||g_i - g_j||, from ||g_i||^2 + ||g_j||^2 - 2 <g_i, g_j>."""
    products *= -2
    products += norms
    products += row_norms
    np.maximum(products, 0, out=products)
    np.sqrt(products, out=products)
    np.negative(products, out=products)
