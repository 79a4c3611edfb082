"""Greedy facility location as compiled loops; imported on first use, for numba is slow to import."""

from __future__ import annotations

import heapq

import numba
import numpy as np


@numba.njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def _gain(row, served):
    total = 0.0
    for i in range(row.size):
        total += max(row[i] - served[i], 0.0)
    return total


@numba.njit(cache=True)
def gains(columns, candidates, served):
    """Return what each candidate row adds to `served`, the similarity that each point has so far, in float64.

    All gains come from here: one order of summation makes a gain, rounded, exactly monotone in `served`, and equal ones equal.
    """
    result = np.empty(candidates.size)
    for place in range(candidates.size):
        result[place] = _gain(columns[candidates[place]], served)
    return result


@numba.njit(cache=True)
def lazy_greedy(columns, served, k):
    """Return k rows of `columns` in greedy order; `served` is updated in place.

    Gains only shrink as the set grows (submodularity), hence a stale gain is an upper bound, and a fresh one at the top of the
    heap is the largest of all. Ties go to the smaller index.
    """
    n = len(columns)
    bounds = gains(columns, np.arange(n), served)
    heap = [(-bounds[j], j) for j in range(n)]
    heapq.heapify(heap)
    fresh = np.zeros(n, np.int64)  # the step at which a gain was last evaluated
    chosen = np.empty(k, np.int64)
    for step in range(k):
        while fresh[heap[0][1]] < step:
            j = heap[0][1]
            fresh[j] = step
            heapq.heapreplace(heap, (-np.float64(_gain(columns[j], served)), j))
        chosen[step] = heapq.heappop(heap)[1]
        best = columns[chosen[step]]
        for i in range(served.size):
            served[i] = max(served[i], best[i])
    return chosen
