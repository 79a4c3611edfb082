"""The pricing problem of column generation: max over signs u, v of u'Sv = max_u |Su|_1, S symmetric."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STARTS = 300
_MOST_ROUNDS = 50


def price_exactly(S: Array, n_columns: int) -> tuple[float, Array]:
    """Return max |Su|_1 over all u, u and -u being one, and the `n_columns` best u as rows.

    2^(d-1) sums of d magnitudes: Su is a sum of one of 2^(d/2) low parts and one of as many high parts.
    """
    from optathlon.baselines.quantized_networks._kernels import sums_of_magnitudes

    d = len(S)
    split = d // 2
    low, high = _all_signs(split), _all_signs(d - split - 1)
    high = np.hstack([high, np.ones((len(high), 1))])
    values = np.empty((len(high), len(low)))
    sums_of_magnitudes(np.ascontiguousarray(S[:, :split] @ low.T), np.ascontiguousarray(high @ S[split:]), values)
    flat = values.ravel()
    best = np.argpartition(flat, -n_columns)[-n_columns:] if n_columns < len(flat) else np.arange(len(flat))
    best = best[np.argsort(-flat[best], kind="stable")]
    return float(flat[best[0]]), np.hstack([low[best % len(low)], high[best // len(low)]])


def price_heuristically(S: Array, n_columns: int, rng: np.random.Generator) -> tuple[float, Array]:
    """Return a large |Su|_1 and good u: v <- sgn(Su), u <- sgn(Sv) from random starts, then single flips."""
    d = len(S)
    U = np.where(rng.random((_STARTS, d)) < 0.5, -1.0, 1.0)
    for _ in range(_MOST_ROUNDS):
        moved = _signs(_signs(U @ S) @ S)
        if np.array_equal(moved, U):
            break
        U = moved
    U = np.unique(U * U[:, -1:], axis=0)
    SU = U @ S
    for _ in range(_MOST_ROUNDS):
        values = np.abs(SU).sum(axis=1)
        best, which = values.copy(), np.full(len(U), -1)
        for k in range(d):
            flipped = np.abs(SU - 2 * U[:, k : k + 1] * S[k]).sum(axis=1)
            gain = flipped > best * (1 + 1e-12)
            best[gain], which[gain] = flipped[gain], k
        rows = np.flatnonzero(which >= 0)
        if not len(rows):
            break
        SU[rows] -= 2 * U[rows, which[rows], None] * S[which[rows]]
        U[rows, which[rows]] *= -1
    U = np.unique(U * U[:, -1:], axis=0)
    values = np.abs(U @ S).sum(axis=1)
    order = np.argsort(-values, kind="stable")[:n_columns]
    return float(values[order[0]]), U[order]


def _all_signs(d: int) -> Array:
    return 1.0 - 2.0 * ((np.arange(2**d)[:, None] >> np.arange(d)) & 1)


def _signs(values: Array) -> Array:
    return np.where(values >= 0, 1.0, -1.0)
