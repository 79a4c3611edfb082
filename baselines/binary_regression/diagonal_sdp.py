"""Diagonally constrained semidefinite programs by a low-rank factor, with a proved gap."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.binary_regression._checks import check_rng, check_symmetric
from optathlon.baselines.binary_regression._dual import correct_dual, is_proved, low_subspace, proved_dual
from optathlon.baselines.binary_regression._interior_point import interior_point
from optathlon.baselines.binary_regression._lbfgs import Evaluation, minimise_lbfgs
from optathlon.baselines.binary_regression._newton import (
    Inverse,
    Iterate,
    at,
    diagonal_inverse,
    full_inverse,
    jacobi_scale,
    newton_step,
    unit_rows,
)

Array = NDArray[Any]

_SINGLE_FROM = 250  # from here on products dominate, and single precision halves them
_DESCENT_STEPS = 300
_DESCENT_TOL = 1e-6  # of the value: below, Newton steps gain more per product
_ROUNDS = 50
_MANY_PRODUCTS = 40  # in one Newton step: from here on to invert S costs less
_INTERIOR_UP_TO = 1200  # rows up to which the dense method takes over where the low-rank one ends without proof
_PATIENCE = 20  # inverses of S, after which the dense method, where it can take over, costs less than going on
_INSIDE = 1e-2  # of the mean diagonal of S: the dense method starts from multipliers raised by two such shifts
_WARMTH = 0.7  # weight of the last factor in the start of the dense method; the rest is the identity's
_FIRST_RADIUS = 0.02  # of the step that moves every row by one
_SHORTER = 0.1  # share of the radius that is left when lengths are taken in the metric of S
_TRIM = 3e-2  # singular values of a factor below this share of the largest are noise
_WORTH_CORRECTING = 100.0  # times the wanted gap: from here down the correction of the multipliers reaches it


class DiagonalSDP(NamedTuple):
    """Answer of `solve_diagonal_sdp`.

    Attributes
    ----------
    factor : ndarray, shape (N, rank)
        V with unit rows; U = VV' is feasible.
    dual : ndarray, shape (N,)
        Multipliers y with Q + diag(y) positive semidefinite, proved.
    objective : float
        <Q, VV'>.
    bound : float
        -sum(y): no feasible U has a lower objective, rounding included.
    converged : bool
        Whether objective - bound is within the tolerance.
    """

    factor: NDArray[np.float64]
    dual: NDArray[np.float64]
    objective: float
    bound: float
    converged: bool


def solve_diagonal_sdp(
    Q: NDArray[np.float64],
    tol: Callable[[float], float],
    *,
    rank: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> DiagonalSDP:
    """Solve min <Q, U> over positive semidefinite U with U_ii = 1, and prove how far the answer is from the optimum.

    Parameters
    ----------
    Q : ndarray, shape (N, N)
        Symmetric.
    tol : callable
        ``tol(objective)`` is the gap objective - bound at which to stop.
    rank : int, optional
        Columns of the first factor; must exceed the rank of the solution. By default 12 to 24, growing with N.
    rng : int or numpy.random.Generator, optional
        Source of the first factor.

    Returns
    -------
    DiagonalSDP
        Factor, multipliers, objective and proved bound.

    Raises
    ------
    ValueError
        When `Q` is not a finite symmetric matrix.

    Notes
    -----
    U = VV' with unit rows (Burer and Monteiro 2003). Riemannian L-BFGS, in single precision for large N, brings V near the
    solution, and Newton steps with conjugate gradients finish it: preconditioned by the diagonal of S = Q + diag(lam) while few
    products suffice, and else, as with fewer samples than weights, by its inverse. The multipliers lam of V are off by the square
    root of the primal error, so they are corrected on the low-lying eigenspace of S, where alone S can be indefinite. One
    Cholesky factorisation proves the bound. Where that does not succeed soon and N is moderate, an interior-point method takes
    over from a blend of the last factor with the identity: where |Xw - y|^2 is next to nothing, U is all but degenerate, and
    Newton steps in V shrink to the length of its vanishing columns.
    """
    check_symmetric("Q", Q)
    generator = check_rng(rng)
    if not Q.any():
        return DiagonalSDP(np.ones((len(Q), 1)), np.zeros(len(Q)), 0.0, 0.0, True)
    unit = _unit(Q)
    scaled = Q / unit
    rank = min(len(Q), rank or _first_rank(len(Q)))

    def allowed(value: float) -> float:
        return tol(value * unit) / unit

    single = len(Q) > _SINGLE_FROM
    point, dual = _search(scaled, scaled.astype(np.float32) if single else scaled, allowed, rank, generator)
    if dual is None and single and len(Q) > _INTERIOR_UP_TO:
        point, dual = _search(scaled, scaled, allowed, rank, generator)
    if dual is None and len(Q) <= _INTERIOR_UP_TO:
        point, dual = _interior(scaled, point, allowed(point.value))
    converged = dual is not None
    if dual is None:
        dual = _best_dual(scaled, point, generator)
    return DiagonalSDP(point.V, dual * unit, point.value * unit, -math.fsum(dual) * unit, converged)


def bound_factor(Q: NDArray[np.float64], V: NDArray[np.float64], rng: int | np.random.Generator | None = None) -> DiagonalSDP:
    """Return a feasible factor with the best proved bound to be had from it; `converged` tells whether they are equal."""
    generator = check_rng(rng)
    if not Q.any():
        return DiagonalSDP(V, np.zeros(len(Q)), 0.0, 0.0, True)
    unit = _unit(Q)
    point = at(Q / unit, V)
    dual = _best_dual(Q / unit, point, generator)
    value, bound = point.value * unit, -math.fsum(dual) * unit
    return DiagonalSDP(V, dual * unit, value, bound, value <= bound)


def _unit(Q: NDArray[np.float64]) -> float:
    """Return the size of a row of Q as a power of two, by which scaling is exact."""
    return float(2.0 ** np.round(np.log2(np.abs(Q).sum(axis=1).mean())))


def _interior(Q: NDArray[np.float64], start: Iterate, allowed: float) -> tuple[Iterate, NDArray[np.float64] | None]:
    """Solve by the interior-point method from within the factor and the multipliers of `start`; the same answer as `_search`."""
    shift = max(_INSIDE * float((Q.diagonal() + start.dual).mean()), np.finfo(float).eps)
    while not is_proved(Q, start.dual + shift):
        shift *= 4
    inner = _WARMTH * (start.V @ start.V.T) + (1 - _WARMTH) * np.eye(len(Q))
    U, y = interior_point(Q, 0.5 * allowed, inner, start.dual + 2 * shift)
    values, vectors = np.linalg.eigh(U)
    point = at(Q, unit_rows(vectors * np.sqrt(np.maximum(values, 0))))
    shifted = y + (allowed - point.value - y.sum()) / len(Q)
    return point, shifted if is_proved(Q, shifted) else None


def _best_dual(Q: NDArray[np.float64], point: Iterate, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return proved multipliers that make the bound of a given factor as high as the correction can."""
    space = low_subspace(Q, Q, point, rng)
    plain = proved_dual(Q, point.dual, float(space.values[0]))
    gap = point.value + float(plain.sum())
    corrected, _, _ = correct_dual(Q, point, space, 0.1 * gap)
    lowest = float(low_subspace(Q, Q, point._replace(dual=corrected), rng).values[0])
    return max(plain, proved_dual(Q, corrected, lowest), key=lambda dual: -dual.sum())


def _first_rank(N: int) -> int:
    """Return a rank above that of typical solutions, which grows far slower than the bound sqrt(2N) of Barvinok and Pataki."""
    ranks = ((300, 12), (700, 16), (3000, 20))
    return min(math.isqrt(2 * N) + 1, next((rank for largest, rank in ranks if largest >= N), 24))


def _search(
    Q: NDArray[np.float64], Q_fast: Array, tol: Callable[[float], float], rank: int, rng: np.random.Generator
) -> tuple[Iterate, NDArray[np.float64] | None]:
    """Return the last factor, and multipliers that prove its gap to be within the tolerance, or None."""
    V = unit_rows(rng.standard_normal((len(Q), rank)))
    point = at(Q, _trim(_descend(Q_fast, V.astype(Q_fast.dtype))))
    radius = _FIRST_RADIUS * math.sqrt(float((Q.diagonal() + point.dual).clip(0).sum()))
    hard, lowest, patience = False, 0.0, _PATIENCE if len(Q) <= _INTERIOR_UP_TO else _ROUNDS

    def inverse_at(point: Iterate) -> Inverse:
        return full_inverse(Q_fast, point, lowest) if hard else diagonal_inverse(Q_fast, point)

    tried, space, allowed, gap, inverse = None, None, 0.0, 0.0, inverse_at(point)
    for _ in range(_ROUNDS):
        if point is not tried:
            patience -= hard
            if patience < 0:
                break
            tried, allowed, inverse = point, tol(point.value), inverse_at(point)
            space = low_subspace(Q, Q_fast, point, rng, None if space is None else space.P, inverse)
            lowest = float(space.values[0])
            gap = len(Q) * max(-lowest, 0.0)
            dual, promising = point.dual, gap <= 0.9 * allowed
            if not promising and gap <= _WORTH_CORRECTING * allowed:
                dual, V, promising = correct_dual(Q, point, space, allowed)
                point = min(point, at(Q, _trim(V)), key=lambda one: one.value)
            if promising:
                shifted = dual + (allowed - point.value - dual.sum()) / len(Q)
                if is_proved(Q, shifted):
                    return point, shifted
            inverse = inverse if point is tried else inverse_at(point)
        # Neither proved nor provable yet: improve the factor.
        stepped, radius, predicted, n_products = newton_step(Q, Q_fast, point, radius, inverse)
        if predicted <= 0.01 * allowed:
            stepped = _escape(Q, stepped, space.P[:, :1]) if space is not None and gap > allowed else stepped
            tried = None  # there is little left to gain: if the factor stays, try another subspace
        point = min(point, stepped, key=lambda one: one.value)
        if not hard and n_products > _MANY_PRODUCTS:
            hard, radius = True, _SHORTER * radius
    return point, None


def _escape(Q: NDArray[np.float64], point: Iterate, direction: NDArray[np.float64]) -> Iterate:
    """Leave a stationary point that is not optimal by a further column along a direction of negative curvature of S."""
    lengths = math.sqrt(len(Q)) * np.logspace(-0.5, -3, 6)
    trials = (at(Q, unit_rows(np.hstack([point.V, length * direction]))) for length in lengths)
    return min(point, *trials, key=lambda one: one.value)


def _descend(Q: Array, V: Array) -> NDArray[np.float64]:
    """Minimise <Q, VV'> over unit rows by L-BFGS."""

    def evaluate(V: Array) -> Evaluation:
        point = at(Q, V)
        gradient = 2 * (point.QV + point.dual[:, None] * V)
        return Evaluation(point.value, gradient, 0.5 * jacobi_scale(Q, point.dual) ** 2)

    return minimise_lbfgs(evaluate, V, retract=unit_rows, n_steps=_DESCENT_STEPS, value_tol=_DESCENT_TOL).astype(np.float64)


def _trim(V: NDArray[np.float64]) -> NDArray[np.float64]:
    """Drop the directions of the factor that hold almost nothing."""
    vectors, values, _ = np.linalg.svd(V, full_matrices=False)
    return unit_rows((vectors * values)[:, values > _TRIM * values[0]])
