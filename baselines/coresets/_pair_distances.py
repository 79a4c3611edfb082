"""Squared distances of all pairs as compiled passes over a block; imported on first use, for numba is slow to import.

Signatures are given, for a read-only array is another type to numba and would be compiled for on its own.
"""

from __future__ import annotations

import numba

_CLOSE = 1e-6  # a squared distance below this part of |x|^2 + |y|^2 has lost too many digits to its cancellation


@numba.njit("float64(Array(float64, 1, 'C', True), Array(float64, 1, 'C', True))", cache=True, fastmath={"reassoc", "contract"})
def _of_differences(x, y):
    total = 0.0
    for k in range(x.size):
        total += (x[k] - y[k]) ** 2
    return total


@numba.njit("void(float64[:, ::1], Array(float64, 2, 'C', True), float64[::1], int64)", cache=True)
def to_squared_distances(products, points, squares, first):
    """Turn inner products of centred points, those from `first` on with all, into squared distances in place.

    `squares` are the squared norms of the centred points. Pairs much nearer to each other than to the centre are measured again
    by the differences of `points`, which need not be centred.
    """
    for row in range(len(products)):
        i = first + row
        values = products[row]
        close = 0
        for j in range(values.size):
            scale = squares[i] + squares[j]
            values[j] = scale - 2.0 * values[j]
            close += values[j] <= _CLOSE * scale
        if close:
            for j in range(values.size):
                if values[j] <= _CLOSE * (squares[i] + squares[j]):
                    values[j] = _of_differences(points[i], points[j])


@numba.njit("void(float64[:, ::1], float64[:, ::1], float64[::1], float64[::1], int64)", cache=True)
def to_distances_of_products(p, q, a, b, first):
    """Turn the squared distances `p` of residuals and `q` of features into those of their outer products, in place of `p`.

    With halves a and b of the factors' squared norms, ||D_i (x) H_i - D_j (x) H_j||^2 is
    P (b_i + b_j - Q / 2) + Q (a_i + a_j) + 2 (a_i - a_j) (b_i - b_j): every term vanishes where the factors agree.
    """
    for row in range(len(p)):
        i = first + row
        for j in range(p.shape[1]):
            of_factors = p[row, j] * (b[i] + b[j] - q[row, j] / 2) + q[row, j] * (a[i] + a[j])
            p[row, j] = of_factors + 2 * (a[i] - a[j]) * (b[i] - b[j])
