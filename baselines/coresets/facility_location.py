"""Facility location: choose k points that serve all points best, by exact greedy maximisation."""

from __future__ import annotations

from typing import Literal

import numpy as np

from baselines.coresets._checks import real_array, subset_size
from baselines.coresets.coreset import Coreset

Strategy = Literal["lazy", "batched", "naive"]

_TILE = 512  # rows of a tile that stays in cache while it is transposed


def facility_location(similarity: np.ndarray, k: int, *, strategy: Strategy = "lazy") -> Coreset:
    r"""Maximise :math:`F(S) = \sum_i \max_{j \in S} s_{ij}` over subsets of k points, greedily.

    F is monotone and submodular, hence the greedy set reaches 1 - 1/e of the best value, both measured from the smallest
    similarity. Every strategy takes the point of largest gain at each step; they differ in how few gains they evaluate.

    Parameters
    ----------
    similarity : ndarray, shape (n, n)
        s_ij says how well point j serves point i; any sign, need not be symmetric.
    k : int
        Points to choose, 1 to n.
    strategy : {"lazy", "batched", "naive"}
        Re-evaluate outdated gains one at a time from a heap [2]_ in a compiled loop (numba, about a second at the very
        first call), many at a time with numpy, or all at every step.

    Returns
    -------
    Coreset
        k points in greedy order; the weight of a point is the number of points that it serves best, so weights sum to n.

    Raises
    ------
    ValueError
        Where the matrix is not square or not finite, k is not between 1 and n, or the strategy is unknown.

    References
    ----------
    .. [1] Nemhauser, Wolsey and Fisher, "An analysis of approximations for maximizing submodular set functions", 1978.
    .. [2] Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978.
    """
    similarity = real_array("similarity", similarity, 2)
    if similarity.shape[0] != similarity.shape[1]:
        raise ValueError(f"similarity must be square, got shape {similarity.shape}")
    k = subset_size(k, len(similarity))
    greedy = {"lazy": _lazy, "batched": _batched, "naive": _naive}.get(strategy)
    if greedy is None:
        raise ValueError(f"strategy must be 'lazy', 'batched' or 'naive', got {strategy!r}")
    columns = _columns(similarity)
    lowest = similarity.min()  # what an empty set serves: a constant that changes no choice
    served = np.full(len(columns), lowest, columns.dtype)
    chosen = greedy(columns, served, columns.sum(axis=1, dtype=np.float64) - float(lowest) * len(columns), k)
    nearest = columns[chosen].argmax(axis=0)
    return Coreset(chosen, np.bincount(nearest, minlength=k))


def _columns(similarity: np.ndarray) -> np.ndarray:
    """Return the transpose with contiguous rows: row j is how j serves everybody. A symmetric matrix is its own."""
    if similarity.flags.f_contiguous:
        return similarity.T
    n = len(similarity)
    tiles = [slice(start, start + _TILE) for start in range(0, n, _TILE)]
    if similarity.flags.c_contiguous and all(
        np.array_equal(similarity[a, b], similarity[b, a].T) for a in tiles for b in tiles if a.start <= b.start
    ):
        return similarity
    columns = np.empty_like(similarity, order="C")
    for a in tiles:
        for b in tiles:
            columns[a, b] = similarity[b, a].T
    return columns


def _lazy(columns: np.ndarray, served: np.ndarray, bounds: np.ndarray, k: int) -> np.ndarray:
    from baselines.coresets._lazy_greedy import lazy_greedy

    return lazy_greedy(columns, served, bounds, k)


def _batched(columns: np.ndarray, served: np.ndarray, bounds: np.ndarray, k: int, size: int = 32) -> np.ndarray:
    """Refresh the `size` largest bounds together, until a refreshed gain is the largest of all."""
    size = min(size, len(bounds))
    chosen = np.empty(k, np.int64)
    for step in range(k):
        while True:
            candidates = np.argpartition(bounds, -size)[-size:]
            bounds[candidates] = _gains(columns[candidates], served)
            bounds[chosen[:step]] = -np.inf
            best = candidates[bounds[candidates].argmax()]
            if bounds[best] == bounds.max():
                break
        chosen[step] = best
        np.maximum(served, columns[best], out=served)
        bounds[best] = -np.inf
    return chosen


def _naive(columns: np.ndarray, served: np.ndarray, bounds: np.ndarray, k: int) -> np.ndarray:
    chosen = np.empty(k, np.int64)
    for step in range(k):
        gains = np.array([_gains(row, served) for row in columns])
        gains[chosen[:step]] = -np.inf
        chosen[step] = gains.argmax()
        np.maximum(served, columns[chosen[step]], out=served)
    return chosen


def _gains(rows: np.ndarray, served: np.ndarray) -> np.ndarray:
    return np.maximum(rows - served, 0).sum(axis=-1)
