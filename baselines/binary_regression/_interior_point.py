"""A dense interior-point method for the diagonally constrained SDP: slow for many rows, but indifferent to degeneracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STEPS = 60
_STAY_INSIDE = 0.95
_SHORTEST = 1e-8


def interior_point(Q: Array, gap: float, U: Array, y: Array) -> tuple[Array, Array]:
    """Solve min <Q, U>, U_ii = 1, and its dual max -sum(y), S = Q + diag(y), both positive semidefinite.

    Primal-dual method of Helmberg, Rendl, Vanderbei and Wolkowicz (An interior-point method for semidefinite programming, SIAM J.
    Optim. 1996, Section 4), with Mehrotra's predictor and corrector. Starts from strictly feasible U and y, and returns
    them once <U, S> <= gap, or where rounding ends the progress.
    """
    N = len(Q)
    for _ in range(_STEPS):
        S = Q + np.diag(y)
        product = float(np.vdot(U, S))
        if product <= gap:
            break
        try:
            inverse = _inverse(S)
            factor = scipy.linalg.cho_factor(inverse * U, check_finite=False)
        except np.linalg.LinAlgError:
            break
        # Linearised U S = mu I with diag(U) = 1 kept: (S^-1 o U) dy = mu diag(S^-1) - 1, first for mu = 0.
        dy = scipy.linalg.cho_solve(factor, -np.ones(N), check_finite=False)
        dU = -U - _symmetric(inverse @ (dy[:, None] * U))
        ahead = np.vdot(U + _length(U, dU) * dU, S + _length(S, np.diag(dy)) * np.diag(dy))
        mu = (max(float(ahead), 0.0) / product) ** 2 * product / N
        # Then for the mu that the first step suggests, with its second-order error S^-1 dS dU taken along.
        error = _symmetric(inverse @ (dy[:, None] * dU))
        dy = scipy.linalg.cho_solve(factor, mu * inverse.diagonal() - 1 - error.diagonal(), check_finite=False)
        dU = mu * inverse - U - _symmetric(inverse @ (dy[:, None] * U)) - error
        length_U, length_y = _length(U, dU), _length(S, np.diag(dy))
        if max(length_U, length_y) < _SHORTEST:
            break
        U, y = U + length_U * dU, y + length_y * dy
    return U, y


def _inverse(A: Array) -> Array:
    """Invert the positive definite `A`, by a Cholesky factorisation at half the cost of a general inverse."""
    potri: Any = scipy.linalg.get_lapack_funcs("potri", (A,))
    upper = np.triu(potri(scipy.linalg.cholesky(A, lower=False, check_finite=False), lower=0)[0])
    return upper + np.triu(upper, 1).T


def _symmetric(A: NDArray[np.floating]) -> Array:
    return np.asarray((A + A.T) / 2, dtype=np.float64)


def is_positive_definite(A: Array) -> bool:
    """Tell whether a Cholesky factorisation runs through; overwrites the symmetric `A`."""
    try:
        scipy.linalg.cholesky(A.T, lower=False, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError:
        return False
    return True


def _length(A: Array, change: Array) -> float:
    """Return a step up to 1 for which A + step * change stays positive definite, or 0."""
    length = 1.0
    while length > _SHORTEST:
        if is_positive_definite(A + length * change):
            return length if length == 1.0 else _STAY_INSIDE * length
        length *= 0.8
    return 0.0
