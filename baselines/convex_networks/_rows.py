"""Products with the rows of small matrices, in numba: what the kernels of the cones are made of."""

from __future__ import annotations

from typing import Any

from numba import njit

# Reassociation lets sums be vectorised; NaN and infinity stay as they are but for minima, which see none.
JIT: dict[str, Any] = {
    "cache": True,
    "fastmath": {"reassoc", "contract", "nsz", "nnan"},
    "error_model": "numpy",
}


@njit(**JIT)
def dot(a, b):
    """Inner product of two vectors."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@njit(**JIT)
def add_multiple(target, factor, vector):
    """Add ``factor * vector`` to `target` in place."""
    for i in range(target.size):
        target[i] += factor * vector[i]


@njit(**JIT)
def row_products(Q, first, last, x, q):
    """Products of rows first to last of Q with x into the same places of q; four at a time, so that none waits for another."""
    i = first
    while i + 4 <= last:
        a, b, c, d = Q[i], Q[i + 1], Q[i + 2], Q[i + 3]
        s0 = s1 = s2 = s3 = 0.0
        for j in range(x.size):
            s0 += a[j] * x[j]
            s1 += b[j] * x[j]
            s2 += c[j] * x[j]
            s3 += d[j] * x[j]
        q[i], q[i + 1], q[i + 2], q[i + 3] = s0, s1, s2, s3
        i += 4
    while i < last:
        q[i] = dot(Q[i], x)
        i += 1


@njit(**JIT)
def combine_rows(Q, first, last, q, x):
    """Sum of ``q_i Q_i`` over rows first to last into x."""
    x[:] = 0.0
    i = first
    while i + 4 <= last:
        a, b, c, d = Q[i], Q[i + 1], Q[i + 2], Q[i + 3]
        s0, s1, s2, s3 = q[i], q[i + 1], q[i + 2], q[i + 3]
        for j in range(x.size):
            x[j] += s0 * a[j] + s1 * b[j] + s2 * c[j] + s3 * d[j]
        i += 4
    while i < last:
        add_multiple(x, q[i], Q[i])
        i += 1
