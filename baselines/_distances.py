"""Squared Euclidean distances at the speed of a matrix product, with the digits of differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

Block: TypeAlias = Callable[[slice], np.ndarray]
"""Makes some rows of a matrix."""

_CLOSE = 1e-6  # a squared distance below this part of |x|^2 + |y|^2 has lost too many digits to its cancellation
_PAIR_NUMBERS = 2**20  # of the differences made at a time: 8 MiB


def squared_distances(X: np.ndarray, Y: np.ndarray) -> Block:
    """Return what makes some rows of the matrix of squared distances between the rows of X (n, d) and of Y (m, d), in float64.

    The expansion |x|^2 + |y|^2 - 2 x'y loses what cancels. So it is made in float64 and around the mean of X, and pairs much
    nearer to each other than to that mean are measured again by their differences: every distance is good to about 1e-9 of
    itself. The largest numbers must have squares that are finite, and not all zero.

    Parameters
    ----------
    X, Y : ndarray, shapes (n, d) and (m, d)
        Points.

    Returns
    -------
    callable
        ``block(rows)`` makes the rows of a slice, shape (number of rows, m).
    """
    X, same = X.astype(np.float64, copy=False), Y is X
    Y = X if same else Y.astype(np.float64, copy=False)
    centre = X.mean(axis=0)
    x = X - centre
    y = x if same else Y - centre
    x_squares, y_squares = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    size = 1 + _PAIR_NUMBERS // X.shape[1]

    def block(rows: slice) -> np.ndarray:
        scale = x_squares[rows, None] + y_squares
        squares = x[rows] @ y.T
        squares *= -2.0
        squares += scale
        scale *= _CLOSE
        i, j = np.nonzero(squares <= scale)
        for part in range(0, len(i), size):
            a, b = i[part : part + size], j[part : part + size]
            differences = X[rows][a] - Y[b]
            squares[a, b] = np.einsum("ij,ij->i", differences, differences)
        return squares

    return block
