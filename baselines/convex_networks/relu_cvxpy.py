"""The two-layer ReLU program by general conic solvers: Clarabel (interior point) and SCS (splitting), through cvxpy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks.relu_certificate import (
    ReluAnswer,
    ReluNetwork,
    ReluProblem,
)
from optathlon.baselines.convex_networks.relu_feasible import feasible_answer, new_certifier

#: Bytes per entry of the constraint matrix that Clarabel was seen to hold (2.9 GB for 2.4e7 entries).
_BYTES_PER_ENTRY = 120


def clarabel(
    problem: ReluProblem,
    tol: float,
    max_steps: int | None = None,
    callback: Callable[[int, ReluNetwork], None] | None = None,
) -> ReluAnswer:
    """Solve by Clarabel, to a tolerance a hundred times tighter than ``tol``: its own dual value is not a bound."""
    inner = min(max(1e-2 * tol, 1e-11), 1e-4)
    # Either gap ends Clarabel: the absolute one must not, for objectives may be of any size.
    options = {"tol_gap_abs": 1e-16, "tol_gap_rel": inner, "tol_feas": inner, "max_threads": 1}
    return _solve(problem, "CLARABEL", {**options, "max_iter": 200 if max_steps is None else max_steps})


def scs(
    problem: ReluProblem,
    tol: float,
    max_steps: int | None = None,
    callback: Callable[[int, ReluNetwork], None] | None = None,
) -> ReluAnswer:
    """Solve by SCS, to a tolerance ten times tighter than ``tol``; few programs get as far in 100 000 iterations."""
    inner = 0.1 * tol
    return _solve(problem, "SCS", {"eps_abs": inner, "eps_rel": inner, "max_iters": max_steps or 100_000})


def _solve(problem: ReluProblem, name: str, options: dict[str, Any]) -> ReluAnswer:
    """Model, solve, and make the answer exactly feasible on both sides."""
    import cvxpy as cp

    X, y, beta, D = problem
    (n_samples, n_features), n_patterns = X.shape, D.shape[1]
    entries = 4.0 * n_samples * n_features * n_patterns
    _checks.require_memory(_BYTES_PER_ENTRY * entries, f"{name} on {n_patterns} patterns of {n_samples} samples")
    U, V = cp.Variable((n_features, n_patterns)), cp.Variable((n_features, n_patterns))
    XU, XV = X @ U, X @ V
    cones: list[cp.Constraint] = [cp.multiply(2 * D - 1, XU) >= 0, cp.multiply(2 * D - 1, XV) >= 0]
    outputs = cp.sum(cp.multiply(D, XU - XV), axis=1)
    norms = cp.sum(cp.norm(U, 2, axis=0)) + cp.sum(cp.norm(V, 2, axis=0))
    program = cp.Problem(cp.Minimize(0.5 * cp.sum_squares(outputs - y) + beta * norms), cones)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an inaccurate answer is told by its gap
            program.solve(solver=name, **options)
        status = str(program.status)
    except cp.SolverError:
        status = "solver error"
    U_value, V_value = U.value, V.value
    if U_value is None or V_value is None:
        U_value = V_value = np.zeros((n_features, n_patterns))
    blocks = np.hstack([U_value, V_value])
    n_steps = 0 if program.solver_stats is None else int(program.solver_stats.num_iters or 0)
    v = y - np.sum(np.hstack([D, -D]) * (X @ blocks), axis=1)
    return feasible_answer(new_certifier(problem), blocks, v, n_steps, status)
