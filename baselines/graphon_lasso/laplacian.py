"""The Laplacian operator of a weighted graph, and its adjoint."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from optathlon.baselines.graphon_lasso._checks import Array, check_array, count_nodes


def laplacian(w: ArrayLike) -> Array:
    """Return the Laplacian matrix L w of a graph.

    Parameters
    ----------
    w : array_like, shape (p (p - 1) / 2,)
        Weights of the pairs (1, 2), (1, 3), .., (1, p), (2, 3), ..: entry k = i - j + (j - 1)(2p - j) / 2 is that of i > j,
        counted from 1.

    Returns
    -------
    ndarray, shape (p, p)
        Minus the weights off the diagonal, their sums on it.

    Raises
    ------
    ValueError
        If w is not finite or its length is not p (p - 1) / 2 for a p of at least 2.

    Notes
    -----
    The squared norm of the operator is 2p, and the smallest eigenvalue of L*L is 2 (p > 3).

    References
    ----------
    Kumar, Ying, Cardoso, Palomar. *A unified framework for structured graph learning via spectral constraints*. JMLR 21, 2020.
    """
    array = check_array("w", w, 1)
    count_nodes("w", len(array))
    return laplacian_of(matrix_of(array))


def laplacian_adjoint(Y: ArrayLike) -> Array:
    """Return L* Y, with entry Y_ii - Y_ij - Y_ji + Y_jj for each pair, in the order of `laplacian`.

    Parameters
    ----------
    Y : array_like, shape (p, p)
        Any square matrix.

    Returns
    -------
    ndarray, shape (p (p - 1) / 2,)
        Satisfies <L w, Y> = w'(L* Y) for every w.

    Raises
    ------
    ValueError
        If Y is not a finite square matrix with at least two rows.
    """
    array = check_array("Y", Y, 2)
    if array.shape[0] != array.shape[1] or len(array) < 2:
        raise ValueError(f"Y must be a square matrix with at least two rows, got shape {array.shape}")
    return vector_of(adjoint_of(array))


# Inside the package weights are symmetric (p, p) matrices with a zero diagonal: products instead of gathers.


def matrix_of(w: Array) -> Array:
    """Return weights as a symmetric matrix, shape (p, p)."""
    n_nodes = count_nodes("w", len(w))
    W = np.zeros((n_nodes, n_nodes))
    W[np.triu_indices(n_nodes, 1)] = w
    return W + W.T


def vector_of(W: Array) -> Array:
    """Return the pairs of a symmetric matrix, shape (p (p - 1) / 2,)."""
    return W[np.triu_indices(len(W), 1)]


def laplacian_of(W: Array) -> Array:
    """Return L w of weights as a matrix."""
    L = 0.0 - W  # without negative zeros
    L[np.diag_indices_from(L)] += W.sum(axis=1)
    return L


def adjoint_of(Y: Array) -> Array:
    """Return L* Y as a matrix with a zero diagonal, symmetric to the last bit: what differs between halves would grow."""
    y = np.diagonal(Y)
    return (y[:, None] + y) - (Y + Y.T)
