"""Compiled loops; imported on first use, for numba is slow to import. Arrays are C-contiguous, indices are not checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_JIT: dict[str, Any] = {"cache": True, "fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy"}


@njit(**_JIT)
def symmetric_kronecker(A, B, rows, columns, out):
    """Add to the lower triangle of `out` the matrix of svec(S) -> svec((A S B + B S A) / 2), of the given order of entries."""
    half = np.sqrt(0.5)
    for p in range(rows.size):
        i, j = rows[p], columns[p]
        outer = 1.0 if i != j else half
        for q in range(p + 1):
            k, m = rows[q], columns[q]
            inner = 1.0 if k != m else half
            value = A[i, k] * B[j, m] + A[j, m] * B[i, k] + A[i, m] * B[j, k] + A[j, k] * B[i, m]
            out[p, q] += 0.5 * outer * inner * value


@njit(**_JIT)
def flip_sweep(X, signs, hidden, other, residual, alpha):
    """Flip one sign of each neuron where that lowers |residual|^2, residual = y - sum_j alpha_j hidden_j o other_j; count them.

    `signs` (m, d), `hidden` (m, n) = signs X and `residual` (n,) are updated in place; `other` (m, n) is the partner layer's, and
    X is (d, n). A flip of u_jk changes the square by 4 alpha_j u_jk X_k'(r o b_j) + 4 alpha_j^2 (X_k o X_k)'(b_j o b_j).
    """
    m, d = signs.shape
    n = residual.size
    flips = 0
    for j in range(m):
        best, which = 0.0, -1
        for k in range(d):
            first, second = 0.0, 0.0
            for i in range(n):
                moved = X[k, i] * other[j, i]
                first += moved * residual[i]
                second += moved * moved
            change = 4.0 * alpha[j] * signs[j, k] * first + 4.0 * alpha[j] * alpha[j] * second
            if change < best:
                best, which = change, k
        if which >= 0:
            step = -2.0 * signs[j, which]
            signs[j, which] = -signs[j, which]
            for i in range(n):
                moved = step * X[which, i]
                hidden[j, i] += moved
                residual[i] -= alpha[j] * moved * other[j, i]
            flips += 1
    return flips


@njit(**_JIT)
def sums_of_magnitudes(low, high, out):
    """Set out[h, l] to sum_k |low[k, l] + high[h, k]|; `low` is (d, n_low), `high` (n_high, d)."""
    for h in range(high.shape[0]):
        out[h, :] = 0.0
        for k in range(high.shape[1]):
            shift = high[h, k]
            for index in range(low.shape[1]):
                out[h, index] += abs(low[k, index] + shift)
