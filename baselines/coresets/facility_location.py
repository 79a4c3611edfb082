"""Facility location: choose k points that serve all points best, by exact greedy maximisation."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from optathlon.baselines._rng import Rng, numpy_generator
from optathlon.baselines.coresets._checks import real_array, subset_size
from optathlon.baselines.coresets.coreset import Coreset

Strategy = Literal["lazy", "batched", "naive", "stochastic"]

_SLACK = 0.01  # of the stochastic greedy's guarantee
_TILE = 512  # rows of a tile that stays in cache while it is transposed


def facility_location(similarity: np.ndarray, k: int, *, strategy: Strategy = "lazy", rng: Rng = None) -> Coreset:
    r"""Maximise :math:`F(S) = \sum_i \max_{j \in S} s_{ij}` over subsets of k points, greedily.

    F is monotone and submodular, hence the greedy set reaches 1 - 1/e of the best value, both measured from the smallest
    similarity. Every strategy but "stochastic" takes the point of largest gain at each step, the first of equals, and so all
    choose the same points; they differ in how few gains they evaluate. "stochastic" takes the best of (n / k) log(1 / .01) random
    points at each step, 4.6 n gains in all: the value reaches 1 - 1/e - .01 of the best in expectation.

    Parameters
    ----------
    similarity : ndarray, shape (n, n)
        s_ij says how well point j serves point i; any sign, need not be symmetric.
    k : int
        Points to choose, 1 to n.
    strategy : {"lazy", "batched", "naive", "stochastic"}
        Re-evaluate outdated gains one at a time from a heap [2]_, 32 at a time, all at every step, or those of a random few
        [3]_. Compiled by numba, about two seconds at the very first call.
    rng : int, Generator or None
        Source of the candidates of "stochastic".

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
    .. [3] Mirzasoleiman et al., "Lazier than lazy greedy", 2015, algorithm 1.
    """
    similarity = real_array("similarity", similarity, 2)
    if similarity.shape[0] != similarity.shape[1]:
        raise ValueError(f"similarity must be square, got shape {similarity.shape}")
    k = subset_size(k, len(similarity))
    if not isinstance(strategy, str) or strategy not in (*_STRATEGIES, "stochastic"):
        raise ValueError(f"strategy must be 'lazy', 'batched', 'naive' or 'stochastic', got {strategy!r}")
    generator = numpy_generator("rng", rng)
    if max(similarity.max(), -similarity.min()) > np.finfo(similarity.dtype).max / (4 * len(similarity)):
        similarity = np.ldexp(similarity, -2 - len(similarity).bit_length())  # or a sum of gains might overflow
    columns = _columns(similarity)
    # What an empty set serves: a constant that changes no choice. In float64, for it may be far below most similarities.
    served = np.full(len(columns), columns.min(), np.float64)
    chosen = _stochastic(columns, served, k, generator) if strategy == "stochastic" else _STRATEGIES[strategy](columns, served, k)
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


def _lazy(columns: np.ndarray, served: np.ndarray, k: int) -> np.ndarray:
    from optathlon.baselines.coresets._lazy_greedy import lazy_greedy

    return lazy_greedy(columns, served, k)


def _batched(columns: np.ndarray, served: np.ndarray, k: int, size: int = 32) -> np.ndarray:
    """Refresh the `size` largest bounds together, until the largest of all is fresh."""
    from optathlon.baselines.coresets._lazy_greedy import gains

    n = len(columns)
    bounds = gains(columns, np.arange(n), served)
    fresh = np.zeros(n, np.int64)  # the step at which a gain was last evaluated
    chosen = np.empty(k, np.int64)
    for step in range(k):
        while fresh[best := int(bounds.argmax())] < step:
            largest = np.argpartition(bounds, -size)[-size:] if size < n else np.arange(n)
            candidates = np.append(largest[fresh[largest] < step], best)  # argpartition may miss the first of equals
            bounds[candidates] = gains(columns, candidates, served)
            fresh[candidates] = step
            bounds[chosen[:step]] = -np.inf
        chosen[step] = best
        np.maximum(served, columns[best], out=served)
        bounds[best] = -np.inf
    return chosen


def _naive(columns: np.ndarray, served: np.ndarray, k: int) -> np.ndarray:
    from optathlon.baselines.coresets._lazy_greedy import gains

    everybody = np.arange(len(columns))
    chosen = np.empty(k, np.int64)
    for step in range(k):
        values = gains(columns, everybody, served)
        values[chosen[:step]] = -np.inf
        chosen[step] = values.argmax()
        np.maximum(served, columns[chosen[step]], out=served)
    return chosen


def _stochastic(columns: np.ndarray, served: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    from optathlon.baselines.coresets._lazy_greedy import gains

    n = len(columns)
    size = math.ceil(n / k * math.log(1 / _SLACK))
    left = np.arange(n)
    chosen = np.empty(k, np.int64)
    for step in range(k):
        candidates = np.sort(rng.choice(left, min(size, len(left)), replace=False))
        chosen[step] = candidates[gains(columns, candidates, served).argmax()]
        np.maximum(served, columns[chosen[step]], out=served)
        left = left[left != chosen[step]]
    return chosen


_STRATEGIES = {"lazy": _lazy, "batched": _batched, "naive": _naive}
