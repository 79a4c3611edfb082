"""The relaxation through cvxpy, as the paper solves it, with SCS or Clarabel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.quantized_networks._interior_point import pad
from optathlon.baselines.quantized_networks._measurements import Samples
from optathlon.baselines.quantized_networks._relaxation import Relaxation, Solved

Array = NDArray[np.float64]


def solve_by_cvxpy(problem: Relaxation, solver: str, tol: float) -> Solved:
    """Solve (19) or (22), and shift diagonals until both answers are feasible; where the solver has none, M = 0 and v = 0.

    SCS runs at eps `tol`, but at least 1e-9, Clarabel at its own settings.
    """
    import cvxpy as cp

    n, d = problem.X.shape
    yhat = cp.Variable(n)
    loss = cp.sum_squares(yhat - problem.y) if problem.loss == "squared" else cp.sum(cp.pos(1 - cp.multiply(problem.y, yhat)))
    if problem.tied:
        Q, rho = cp.Variable((2 * d, 2 * d), PSD=True), cp.Variable()
        matrix, price, diagonals = 2 * Q[:d, d:], 2 * rho, [cp.diag(Q) == rho]
        halves = [Q]
    else:
        halves, levels = [cp.Variable((d, d), PSD=True) for _ in range(2)], cp.Variable(2)
        matrix, price = halves[0] - halves[1], cp.sum(levels)
        diagonals = [cp.diag(half) == level for half, level in zip(halves, levels, strict=True)]
    fit = yhat == cp.sum(cp.multiply(problem.X @ matrix, problem.X), axis=1)
    program = cp.Problem(cp.Minimize(loss + problem.cost * price), [fit, *diagonals])
    options: dict[str, Any] = {"eps": max(tol, 1e-9), "max_iters": 100_000}
    if solver == "clarabel":
        options = {"max_threads": 1}  # a pool of threads does not survive a fork
    try:
        program.solve(solver=solver.upper(), **options)
    except cp.SolverError:
        return Solved.nothing(problem)
    if yhat.value is None or fit.dual_value is None:
        return Solved.nothing(problem)
    primal = [np.asarray(half.value) for half in halves]
    duals = [np.asarray(one.dual_value) for one in diagonals]
    return _repaired(problem, primal, np.asarray(fit.dual_value), np.concatenate(duals))


def _repaired(problem: Relaxation, primal: list[Array], v: Array, mu: Array) -> Solved:
    """Return feasible points next to a solver's answer."""
    d = problem.X.shape[1]
    if problem.tied:
        Q = primal[0]
        V, Z = 0.5 * (Q[:d, :d] + Q[d:, d:]), 0.5 * (Q[:d, d:] + Q[d:, :d])
        primal, mu = [V + Z, V - Z], 0.5 * (mu[:d] + mu[d:])
    P, N = (_lifted(0.5 * (A + A.T)) for A in primal)
    if not problem.tied:
        P, N = pad(P), pad(N)
    if problem.loss == "hinge":
        v = problem.y * np.clip(problem.y * v, 0.0, 1.0)
    S = Samples(problem.X).adjoint(v)
    short = [np.linalg.eigvalsh(np.diag(half) + sign * S)[0] for half, sign in ((mu[:d], -1), (mu[-d:], 1))]
    shifts = [max(-float(value), 0.0) * (1 + 1e-9) for value in short]
    if problem.tied:
        mu = mu + max(shifts)
        scale = problem.cost / float(mu.sum())
    else:
        mu = mu + np.repeat(shifts, d)
        scale = problem.cost / max(float(mu[:d].sum()), float(mu[d:].sum()))
    if problem.loss == "hinge":
        scale = min(scale, 1.0)
    return Solved(P, N, scale * v, scale * mu, problem.objective(P, N), 0.0, 0)


def _lifted(A: Array) -> Array:
    return A + max(-float(np.linalg.eigvalsh(A)[0]), 0.0) * np.eye(len(A))
