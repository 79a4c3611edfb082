"""Semidefinite relaxation (SDR) of binary least squares, its rounding, and certificates for its answers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import (
    check_choice,
    check_count,
    check_positive,
    check_regression,
    check_rng,
)
from optathlon.baselines.binary_regression._newton import unit_rows
from optathlon.baselines.binary_regression.diagonal_sdp import bound_factor, solve_diagonal_sdp
from optathlon.baselines.binary_regression.least_squares import sign

Array = NDArray[np.float64]

SOLVERS = ("low-rank", "scs", "clarabel")
ROUNDINGS = ("eigenvector", "randomized")

_MEMORY = 16e9  # bytes that a solve may take, as estimated from N
_BYTES = {"low-rank": lambda N: 24 * N**2, "scs": lambda N: 500 * N**2, "clarabel": lambda N: N**4}
_SMALL_OBJECTIVE = 1e-3  # of |y|^2: gaps are not measured against less, which rounding would blur


class SemidefiniteResult(NamedTuple):
    """Answer of `semidefinite_relaxation`.

    Attributes
    ----------
    w : ndarray, shape (n_features,)
        Weights in {-1, +1}.
    factor : ndarray, shape (n_features + 1, rank)
        V with rows of length one; U = VV' solves the relaxation. The last row belongs to the constant 1.
    dual : ndarray, shape (n_features + 1,)
        Multipliers of U_ii = 1 that prove `bound`.
    objective : float
        <Q, VV'>: the relaxation's least |Xw - y|^2.
    bound : float
        Proved lower bound of the relaxation, hence of |Xw - y|^2 over binary w.
    gap : float
        Proved relative gap (objective - bound) / reference, the reference being the smaller of the objective and its distance
        from |y|^2, though at least |y|^2 / 1000.
    converged : bool
        Whether `gap` is within the tolerance asked for.
    """

    w: Array
    factor: Array
    dual: Array
    objective: float
    bound: float
    gap: float
    converged: bool


class Certificate(NamedTuple):
    """What is proved of a factor: `bound` <= optimum of the relaxation <= `objective`, and the relative `gap` between them."""

    bound: float
    gap: float
    objective: float
    dual: Array


def semidefinite_relaxation(
    X: ArrayLike,
    y: ArrayLike,
    *,
    solver: str = "low-rank",
    rounding: str = "eigenvector",
    tol: float = 1e-6,
    n_roundings: int = 100,
    rng: int | np.random.Generator | None = None,
) -> SemidefiniteResult:
    """Relax min |Xw - y|_2^2 over binary w to a semidefinite program, solve it and round.

    With Q = [[X'X, -X'y], [-y'X, y'y]] and u = (w, 1), |Xw - y|^2 = <Q, uu'>; the relaxation is min <Q, U> over positive
    semidefinite U with U_ii = 1.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    y : array_like, shape (n_samples,)
        Targets.
    solver : {"low-rank", "scs", "clarabel"}
        Our solver for a factor of U, which proves its gap, or a conic solver through cvxpy.
    rounding : {"eigenvector", "randomized"}
        Signs of the top eigenvector of U, or the best of `n_roundings` signs of Gaussian vectors with covariance U.
    tol : float
        Relative gap at which to stop; the conic solvers take it as their own tolerance.
    n_roundings : int
        Draws of the randomised rounding.
    rng : int or numpy.random.Generator, optional
        Source of the first factor and of the randomised rounding.

    Returns
    -------
    SemidefiniteResult
        Weights, factor, and proved bound.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range, or the problem is too large for the solver.

    References
    ----------
    Goemans and Williamson, Improved approximation algorithms for maximum cut, J. ACM 1995; Luo et al., Semidefinite relaxation of
    quadratic optimization problems, IEEE Signal Processing Magazine 2010; Burer and Monteiro, Math. Programming 2003.
    """
    features, target = check_regression(X, y)
    check_choice("solver", solver, SOLVERS)
    check_choice("rounding", rounding, ROUNDINGS)
    check_positive("tol", tol)
    check_count("n_roundings", n_roundings)
    generator = check_rng(rng)
    estimate = _BYTES[solver](features.shape[1] + 1)
    if estimate > _MEMORY:
        raise ValueError(
            f"X must be small enough for solver={solver!r} to stay below {_MEMORY / 1e9:.0f} GB, got {features.shape[1]} "
            f"features, which take about {estimate / 1e9:.0f} GB"
        )
    Q, offset = homogenise(features, target)
    if solver == "low-rank":
        # A little less than asked for, so that rounding in the quotient cannot lift the gap above the tolerance.
        answer = solve_diagonal_sdp(Q, lambda value: 0.99 * tol * _reference(value, offset), rng=generator)
    else:
        answer = bound_factor(Q, _solve_conic(Q, solver, tol), generator)
    gap = _relative_gap(answer.objective, answer.bound, offset)
    V = answer.factor
    w = _top_eigenvector(V) if rounding == "eigenvector" else _randomized(Q, V, n_roundings, generator)
    return SemidefiniteResult(w, V, answer.dual, answer.objective + offset, answer.bound + offset, gap, gap <= tol)


def certificate(X: ArrayLike, y: ArrayLike, V: ArrayLike) -> Certificate:
    """Prove how far a factor is from the optimum of the semidefinite relaxation.

    The multipliers lam_i = -(QV)_i . V_i of the factor, improved on the low-lying eigenspace of Q + diag(lam) and shifted until a
    Cholesky factorisation proves them feasible, bound the relaxation from below: <Q, U> >= -sum(lam) for every feasible U if
    Q + diag(lam) is positive semidefinite.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    y : array_like, shape (n_samples,)
        Targets.
    V : array_like, shape (n_features + 1, rank)
        Factor with rows of length one, the last one for the constant 1; a vector (w, 1) of signs is one of rank one.

    Returns
    -------
    Certificate
        Bound, relative gap (as in `SemidefiniteResult`), objective and multipliers.

    Raises
    ------
    ValueError
        When an argument has the wrong shape or dtype, or the rows of `V` are not of length one within 1e-6.
    """
    features, target = check_regression(X, y)
    factor = np.asarray(V)
    n_rows = features.shape[1] + 1
    if factor.shape == (n_rows,):
        factor = factor[:, None]
    if factor.ndim != 2 or factor.shape[0] != n_rows or factor.shape[1] == 0 or factor.dtype.kind not in "iuf":
        raise ValueError(
            f"V must hold real numbers in shape (n_features + 1, rank) = ({n_rows}, rank), got {factor.dtype} {factor.shape}"
        )
    factor = factor.astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", factor, factor))
    if not np.allclose(lengths, 1, rtol=0, atol=1e-6):
        raise ValueError(f"V must have rows of length one, got lengths from {lengths.min():.6g} to {lengths.max():.6g}")
    Q, offset = homogenise(features, target)
    answer = bound_factor(Q, unit_rows(factor), np.random.default_rng(0))
    gap = _relative_gap(answer.objective, answer.bound, offset)
    return Certificate(answer.bound + offset, gap, answer.objective + offset, answer.dual)


def homogenise(X: Array, y: Array) -> tuple[Array, float]:
    """Return Q with 0 in place of y'y, which would only cost digits, and y'y."""
    X = np.ascontiguousarray(X)  # X'X of one array is symmetric to the last bit
    moments = X.T @ y
    Q = np.empty((len(moments) + 1, len(moments) + 1))
    Q[:-1, :-1], Q[:-1, -1], Q[-1, :-1], Q[-1, -1] = X.T @ X, -moments, -moments, 0.0
    return Q, float(y @ y)


def _reference(value: float, offset: float) -> float:
    """Return what a gap is measured against: the smaller of |Xw - y|^2 and what it takes off |y|^2, but not next to nothing."""
    return max(min(abs(value), value + offset), _SMALL_OBJECTIVE * offset)


def _relative_gap(value: float, bound: float, offset: float) -> float:
    reference = _reference(value, offset)
    gap = max(value - bound, 0.0)
    return gap / reference if reference > 0 else (0.0 if gap == 0 else np.inf)


def _top_eigenvector(factor: Array) -> Array:
    """Round the top eigenvector of VV'; the coordinate of the constant fixes its sign."""
    top = np.linalg.svd(factor, full_matrices=False)[0][:, 0]
    return sign(top[:-1] * sign(top[-1:]))


def _randomized(Q: Array, factor: Array, n_roundings: int, rng: np.random.Generator) -> Array:
    """Return the best of the signs of V g, g standard normal."""
    draws = sign(factor @ rng.standard_normal((factor.shape[1], n_roundings)))
    draws *= draws[-1]
    values = np.einsum("ij,ij->j", draws, Q @ draws)
    return draws[:-1, int(np.argmin(values))]


def _solve_conic(Q: Array, solver: str, tol: float) -> Array:
    """Solve for U by cvxpy and return a factor of it."""
    import cvxpy

    unit = max(float(np.abs(Q).mean()), np.finfo(float).tiny)
    U = cvxpy.Variable(Q.shape, PSD=True)
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum(cvxpy.multiply(Q / unit, U))), [cvxpy.diag(U) == 1])
    if solver == "scs":
        problem.solve(solver=cvxpy.SCS, eps_abs=tol, eps_rel=tol, max_iters=100_000)
    else:
        limits = {"tol_gap_abs": tol, "tol_gap_rel": tol, "tol_feas": min(tol, 1e-8)}
        problem.solve(solver=cvxpy.CLARABEL, max_threads=1, **limits)  # a pool of threads does not survive a fork
    if U.value is None:  # the solver gave up: the origin of the factor space is a poor answer that the certificate exposes
        return np.ones((len(Q), 1))
    values, vectors = np.linalg.eigh((U.value + U.value.T) / 2)
    return unit_rows(vectors[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0)))
