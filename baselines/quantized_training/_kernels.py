"""Compiled loops: the histogram behind the ternary projection, and QUANT's recurrence.

Arrays are C-contiguous, and indices are not checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit


def _compiled(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile at the first call; keep the machine code on disk, or in memory where no directory can be written."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:
            return njit(**options)(function)

    return decorate


# ---- ternary projection: magnitudes as the integers that their bits are, in the same order ------------------------------


@_compiled()
def largest_bits(bits, mask):
    """Return the largest magnitude as an integer: infinities and NaN are above every finite number."""
    largest = bits[0] & mask
    for i in range(len(bits)):
        largest = max(largest, bits[i] & mask)
    return largest


@_compiled()
def histogram(y, bits, mask, shift, top, bins):
    """Count the magnitudes by their leading bits, the largest first, and sum them; the last bin takes what is left.

    Count and sum stand side by side in `bins`, so that both are raised by one vector operation.
    """
    last = len(bins) - 1
    for i in range(len(y)):
        place = min(top - np.int64((bits[i] & mask) >> shift), last)
        bins[place, 0] += 1.0
        bins[place, 1] += abs(y[i])


@_compiled()
def surviving_bins(bins, highest):
    """Return first and last bin that can hold the best threshold, how many numbers they hold, how many stand before, their sum.

    The score S_j^2 / j is known at every border. Inside a bin of c numbers, none above h, it is at most the larger of the score
    at the upper border and (S + c h)^2 / (j + c), for (S + t h)^2 / (j + t) is convex in t.
    """
    best, total, kept = 0.0, 0.0, 0.0
    for b in range(len(bins)):
        if bins[b, 0] > 0.0:
            kept += bins[b, 0]
            total += bins[b, 1]
            best = max(best, total * total / kept)
    first, last, first_sum, first_kept, within = -1, -1, 0.0, 0.0, 0.0
    total, kept = 0.0, 0.0
    for b in range(len(bins)):
        if bins[b, 0] == 0.0:
            continue
        reach = total + bins[b, 0] * highest[b]
        before = total * total / kept if kept > 0.0 else 0.0
        survives = max(before, reach * reach / (kept + bins[b, 0])) >= best * (1.0 - 1e-9)  # rounding of the sums aside
        if survives and first < 0:
            first, first_sum, first_kept = b, total, kept
        kept += bins[b, 0]
        total += bins[b, 1]
        if survives:
            last, within = b, kept - first_kept
    return first, last, int(within), int(first_kept), first_sum


@_compiled()
def gather(y, lowest, highest, survivors):
    """Copy the magnitudes in [lowest, highest) to `survivors`, which has room for one more.

    They are few, so most blocks of 64 hold none, which a vector operation sees. In the others every number is written, and only
    those inside are kept: no branch to mispredict.
    """
    found, whole = 0, len(y) // 64 * 64
    for start in range(0, whole, 64):
        some = False
        for i in range(start, start + 64):
            value = abs(y[i])
            some |= (value >= lowest) & (value < highest)
        if some:
            for i in range(start, start + 64):
                value = abs(y[i])
                survivors[found] = value
                found += 1 if (value >= lowest) & (value < highest) else 0
    for i in range(whole, len(y)):
        value = abs(y[i])
        survivors[found] = value
        found += 1 if (value >= lowest) & (value < highest) else 0


@_compiled()
def best_threshold(ascending, kept, total):
    """Return scale and least kept magnitude of the largest S_j^2 / j, given sorted magnitudes and what stands above them."""
    best, scale, threshold = 0.0, 0.0, 0.0
    for i in range(len(ascending) - 1, -1, -1):
        total += ascending[i]
        kept += 1
        score = total * total / kept
        if score > best:
            best, scale, threshold = score, total / kept, ascending[i]
    return scale, threshold


@_compiled()
def keep_above(y, threshold, scale, result):
    """Set result to scale * sign(y) where |y| >= threshold > 0, else to 0."""
    zero = scale - scale
    for i in range(len(y)):
        value = y[i]
        result[i] = scale if value >= threshold else (-scale if value <= -threshold else zero)


# ---- QUANT on the teacher problem --------------------------------------------------------------------------------------


@_compiled()
def _project(y, order, weights, roots, ternary):
    """Set weights to the unit vector of the projection of y; return how many are kept. `order` sorts |y| from step to step."""
    n = len(y)
    if not ternary:
        for i in range(n):
            weights[i] = 1.0 if y[i] >= 0.0 else -1.0
        return n
    for a in range(1, n):  # insertion: the order hardly changes
        place, key = order[a], abs(y[order[a]])
        b = a - 1
        while b >= 0 and abs(y[order[b]]) < key:
            order[b + 1] = order[b]
            b -= 1
        order[b + 1] = place
    total, best, kept = 0.0, -1.0, 1
    for j in range(n):
        total += abs(y[order[j]])
        if total > best * roots[j]:  # S_j / sqrt(j) against the best so far
            best, kept = total / roots[j], j + 1
    for j in range(n):
        value = y[order[j]]
        weights[order[j]] = 0.0 if j >= kept or value == 0.0 else (1.0 if value > 0.0 else -1.0)
    return kept


@_compiled()
def recur(y, w_star, steps, ternary, ranks, shares, wrong, last, changed, recorded):
    """Run y <- y + steps[t] (w* - w / |w|), w = proj(y), in place; gather where w is and how it moves.

    shares[j] counts the iterates w that are the (j + 1) leading signs of w*; wrong[i] those with w_i w*_i < 0. `last` holds the
    last iterate that moved, and the last that is none of the leading signs. `changed` marks the coordinates that moved within the
    recorded steps, which end the run.
    """
    n, n_steps, n_recorded = len(y), len(steps), len(recorded)
    roots = np.sqrt(np.arange(1.0, n + 1.0))
    order = np.arange(n)
    weights, before = np.empty(n), np.empty(n)
    kept = _project(y, order, weights, roots, ternary)
    for t in range(n_steps):
        size = steps[t] / roots[kept - 1]
        before[:] = weights
        for i in range(n):
            y[i] += steps[t] * w_star[i] - size * weights[i]  # Algorithm 1 with eq. 4.4
        kept = _project(y, order, weights, roots, ternary)
        leading, moved = True, False
        for i in range(n):
            agrees = weights[i] * w_star[i]
            wrong[i] += 1 if agrees < 0.0 else 0
            leading = leading and ((ranks[i] < kept) == (weights[i] != 0.0)) and agrees >= 0.0
            if weights[i] != before[i]:
                moved = True
                if t >= n_steps - n_recorded and t > 0:
                    changed[i] = True
        if leading:
            shares[kept - 1] += 1
        else:
            last[1] = t + 1
        if moved:
            last[0] = t + 1
        if t >= n_steps - n_recorded:
            for i in range(n):
                recorded[t - (n_steps - n_recorded), i] = np.int8(weights[i])
