"""CRAIG: the points whose gradients stand nearest to all others, each counting for those it stands for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optathlon.baselines._distances import Block
from optathlon.baselines._rng import Rng
from optathlon.baselines.coresets._checks import affordable, subset_size
from optathlon.baselines.coresets.coreset import Coreset
from optathlon.baselines.coresets.facility_location import Strategy, facility_location
from optathlon.baselines.coresets.gradients import FactoredGradients, Gradients, GradientsLike, as_gradients, rescaled

_BLOCK = 32  # rows of a similarity matrix made at a time, so that its passes stay in cache
_FEW, _BANDS = 1024, 8


def craig(gradients: GradientsLike, k: int, *, strategy: Strategy = "lazy", rng: Rng = None) -> Coreset:
    r"""Minimise :math:`\sum_i \min_{j \in S} \|g_i - g_j\|` over subsets of k points by greedy facility location.

    Parameters
    ----------
    gradients : ndarray of shape (n, d), or factored pair
        Per-sample gradients. All n^2 distances are kept: 4 n^2 bytes for float32. They are computed in float64, and those
        between near copies from their differences, so that neither a large common part nor tight clusters cost digits.
    k : int
        Points to choose, 1 to n.
    strategy : {"lazy", "batched", "naive", "stochastic"}
        How `facility_location` evaluates gains; the answer is the same but for "stochastic".
    rng : int, Generator or None
        Source of the candidates of "stochastic".

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
    similarity = pairwise(gradients, _negative_distances).T  # symmetric, and so laid out as it is read
    return facility_location(similarity, k, strategy=strategy, rng=rng)


def pairwise(gradients: Gradients, similarities: Callable[[Gradients], Block]) -> np.ndarray:
    """Return a matrix of similarities, (n, n), up to a common factor, for the gradients are rescaled first.

    It is made a block of rows at a time by what `similarities(gradients)` returns, in bands: what lies below a band is the mirror
    image of what lies beside it.
    """
    n, dtype = gradients.n, gradients[0].dtype
    affordable("the similarity of all pairs", n, n, dtype.itemsize, "select per class or per batch")
    gradients = rescaled(gradients)
    matrix = np.empty((n, n), dtype)
    height = n if n < _FEW else -(-n // _BANDS)
    for start in range(0, n, height):
        block, band = similarities(gradients.take(slice(start, None))), matrix[start : start + height, start:]
        for first in range(0, len(band), _BLOCK):
            rows = slice(first, min(first + _BLOCK, len(band)))
            band[rows] = block(rows)
            matrix[start + height :, start + first : start + rows.stop] = band[rows, height:].T
    return matrix


def squared_gradient_distances(gradients: Gradients) -> Block:
    """Return what makes some rows of the matrix of ||g_i - g_j||^2, in float64."""
    if isinstance(gradients, FactoredGradients):
        return _squared_distances_of_products(gradients.residuals, gradients.features)
    return _squared_distances(gradients.rows)


def _negative_distances(gradients: Gradients) -> Block:
    squared = squared_gradient_distances(gradients)

    def block(rows: slice) -> np.ndarray:
        distances = squared(rows)
        np.maximum(distances, 0, out=distances)
        np.sqrt(distances, out=distances)
        return np.negative(distances, out=distances)

    return block


def _squared_distances_of_products(residuals: np.ndarray, features: np.ndarray) -> Block:
    from optathlon.baselines.coresets._pair_distances import to_distances_of_products

    residual_distances, feature_distances = _squared_distances(residuals), _squared_distances(features)
    a, b = _half_squared_norms(residuals), _half_squared_norms(features)

    def block(rows: slice) -> np.ndarray:
        distances = residual_distances(rows)
        to_distances_of_products(distances, feature_distances(rows), a, b, rows.start)
        return distances

    return block


def _squared_distances(points: np.ndarray) -> Block:
    """Return what makes some rows of the matrix of squared distances, good to about 1e-9 of themselves.

    The products, in float64 and around the mean, lose what cancels; so close pairs are measured again by their differences.
    """
    from optathlon.baselines.coresets._pair_distances import to_squared_distances

    points = np.ascontiguousarray(points, np.float64)
    centred = points - points.mean(axis=0)
    squares = np.einsum("ij,ij->i", centred, centred)

    def block(rows: slice) -> np.ndarray:
        products = centred[rows] @ centred.T
        to_squared_distances(products, points, squares, rows.start)
        return products

    return block


def _half_squared_norms(points: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", points, points, dtype=np.float64) / 2
