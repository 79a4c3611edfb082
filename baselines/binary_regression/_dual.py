"""Multipliers of the diagonally constrained SDP: correction on the low-lying subspace, and proof by Cholesky."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.binary_regression._interior_point import is_positive_definite
from optathlon.baselines.binary_regression._lbfgs import Evaluation, minimise_lbfgs
from optathlon.baselines.binary_regression._newton import Inverse, Iterate, jacobi_scale, row_dots, unit_rows

Array = NDArray[Any]
Vector = NDArray[np.float64]

_DENSE_UP_TO = 64  # up to here a full eigendecomposition is cheaper than a filter
_EXTRA = 4  # columns of the subspace beyond the factor's
_DEGREE = 10  # of the Chebyshev filter
_LOW_END = 0.06  # where the filter starts to damp; the bulk of the Jacobi-scaled spectrum lies around 1
_INVERSE_STEPS = 3
_OUTLIERS = 6  # eigenvalues far above the bulk that are moved into it
_POWER_STEPS = 6
_PENALTY = 0.03  # of the augmented Lagrangian, in units of the diagonal of S
_ROUNDS = 3
_STEPS = 40
_PADDING = 2  # columns by which the correction may raise the factor's rank
_HALF_ULP = 2.0**-53


class Subspace(NamedTuple):
    """Ritz vectors of S = Q + diag(dual) for its low-lying eigenvalues.

    Attributes
    ----------
    P : ndarray, shape (N, p)
        Orthonormal Ritz vectors.
    values : ndarray, shape (p,)
        Ritz values, ascending: upper bounds of the lowest eigenvalues.
    """

    P: NDArray[np.float64]
    values: Vector


def low_subspace(
    Q: Array,
    Q_fast: Array,
    point: Iterate,
    rng: np.random.Generator,
    before: NDArray[np.float64] | None = None,
    inverse: Inverse | None = None,
) -> Subspace:
    """Find the low-lying eigenspace of S from the factor, an earlier subspace, and random columns.

    By inverse iteration where the inverse of S is at hand, and else by a Chebyshev filter, which takes for granted that the other
    eigenvalues lie above _LOW_END.
    """
    if len(Q) <= _DENSE_UP_TO:
        n_columns = min(len(Q), point.V.shape[1] + _EXTRA)
        values, vectors = np.linalg.eigh(Q + np.diag(point.dual))
        return Subspace(vectors[:, :n_columns], values[:n_columns])
    scale = jacobi_scale(Q, point.dual).astype(Q_fast.dtype)
    dual = point.dual[:, None].astype(Q_fast.dtype)

    def scaled(B: Array) -> Array:
        moved = scale * B
        return scale * (Q_fast @ moved + dual * moved)

    if before is None:
        others = rng.standard_normal((len(Q), _EXTRA))
    else:
        # What the factor has dropped may be needed again, and what it never had may be found in time.
        before = before[:, : point.V.shape[1] + 2 * _EXTRA]
        basis = np.linalg.qr(point.V)[0]
        rest, size, _ = np.linalg.svd(before - basis @ (basis.T @ before), full_matrices=False)
        others = np.hstack([rest[:, size > 0.1], rng.standard_normal((len(Q), 1))])
    n_columns = min(len(Q), point.V.shape[1] + others.shape[1])
    P = np.hstack([point.V, others])[:, :n_columns].astype(Q_fast.dtype)
    if inverse is None or inverse.everywhere is None:
        P = scale * _chebyshev(scaled, P / scale, rng)
    else:
        for _ in range(_INVERSE_STEPS):
            P = inverse.everywhere(np.linalg.qr(P)[0])
    P = np.linalg.qr(P.astype(np.float64))[0]
    values, rotation = np.linalg.eigh(P.T @ (Q @ P + point.dual[:, None] * P))
    return Subspace(P @ rotation, values)


def _chebyshev(operator: Any, block: Array, rng: np.random.Generator) -> Array:
    """Damp the eigenvectors of `operator` above _LOW_END in `block` by a Chebyshev polynomial."""
    top, outliers, weights = _outliers(operator, len(block), rng, block.dtype)

    def deflated(B: Array) -> Array:
        return operator(B) - outliers @ (weights * (outliers.T @ B))

    low, high = min(_LOW_END, 0.1 * top), 1.2 * top
    half, centre = (high - low) / 2, (high + low) / 2
    before = np.linalg.qr(block)[0]
    now = (deflated(before) - centre * before) / half
    for _ in range(_DEGREE - 1):
        before, now = now, 2 * (deflated(now) - centre * now) / half - before
    return now


def _outliers(operator: Any, n: int, rng: np.random.Generator, dtype: Any) -> tuple[float, Array, Array]:
    """Return the top of the bulk of the spectrum, eigenvectors far above it, and by how much they stick out, as a column."""
    block = rng.standard_normal((n, _OUTLIERS)).astype(dtype)
    for _ in range(_POWER_STEPS):
        block = operator(np.linalg.qr(block)[0])
    basis = np.linalg.qr(block)[0]
    values, rotation = np.linalg.eigh(basis.T @ operator(basis))
    sizes = np.sort(np.abs(values))
    # Not less than what rounding leaves of the outliers, which the filter must not blow up.
    bulk = max(float(sizes[1]), 100 * float(np.finfo(dtype).eps * sizes[-1]), np.finfo(np.float32).tiny)
    far = values > 2 * bulk
    top = float(values[~far].max(initial=bulk))
    return top, np.asarray(basis @ rotation[:, far]), (values[far] - top)[:, None]


def correct_dual(Q: Array, point: Iterate, space: Subspace, allowed: float) -> tuple[Vector, NDArray[np.float64], bool]:
    """Improve the multipliers by an augmented Lagrangian restricted to U = (PB)(PB)'.

    min_B <PB, S PB> + mu/2 sum_i (|(PB)_i|^2 - 1)^2, then y_i += mu (|(PB)_i|^2 - 1), until the lowest Ritz value lets the gap be
    proved. Returns the multipliers, the factor unit_rows(PB), and whether the Ritz value looks good.
    """
    P, values = space
    N, p = P.shape
    dual, squares = point.dual, P**2
    restricted = np.diag(values)
    penalty = _PENALTY * float(np.median(1 / jacobi_scale(Q, point.dual) ** 2))
    B = np.hstack([P.T @ point.V, 0.02 * math.sqrt(N / point.V.shape[1]) * np.eye(p, min(p, _PADDING))])
    curvature = 2 * np.maximum(values, 0)[:, None] + 0.01 * penalty

    def evaluate(B: Array) -> Evaluation:
        PB = P @ B
        excess = row_dots(PB, PB) - 1
        SB = restricted @ B
        value = float(np.vdot(B, SB)) + penalty / 2 * float(excess @ excess)
        gradient = 2 * SB + 2 * penalty * (P.T @ (excess[:, None] * PB))
        return Evaluation(value, gradient, 1 / (curvature + 4 * penalty * (squares.T @ PB**2)))

    promising = False
    for _ in range(_ROUNDS):
        B = minimise_lbfgs(evaluate, B, n_steps=_STEPS, gradient_tol=0.01)
        change = penalty * (row_dots(P @ B, P @ B) - 1)
        dual = dual + change
        restricted = restricted + P.T @ (change[:, None] * P)
        shift = (allowed - point.value - dual.sum()) / N
        promising = shift > 0 and float(np.linalg.eigvalsh(restricted)[0]) >= -0.9 * shift
        if promising:
            break
    return dual, unit_rows(P @ B), promising


def is_proved(Q: NDArray[np.float64], dual: Vector) -> bool:
    """Tell whether Q + diag(dual) is positive semidefinite beyond doubt, by one Cholesky factorisation.

    If the factorisation of A runs through in floating point, the smallest eigenvalue of A is at least
    -(N + 2) u tr(A) (1 + small) (Rump, Verification of positive definiteness, BIT 2006, Theorem 2.3); that much is taken off
    beforehand, and a little more for the rounding of the diagonal itself.
    """
    N = len(Q)
    S = Q.copy()
    S.flat[:: N + 1] += dual
    margin = 1.01 * (N + 6) * _HALF_ULP * float(np.abs(S.diagonal()).sum())
    S.flat[:: N + 1] -= margin
    return is_positive_definite(S)


def proved_dual(Q: NDArray[np.float64], dual: Vector, lowest: float) -> Vector:
    """Return `dual` plus about the least constant that makes it provably feasible; `lowest` estimates the lowest eigenvalue."""
    size = float(np.abs(Q.diagonal() + dual).sum())
    shift = max(-1.1 * lowest, 4 * len(Q) * _HALF_ULP * size, np.finfo(float).tiny)
    while not is_proved(Q, dual + shift):
        shift *= 1.5
    return dual + shift
