"""The two-layer ReLU network as a convex program: the front door to every solver of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks._result import within
from optathlon.baselines.convex_networks.relu_certificate import (
    ReluAnswer,
    ReluNetwork,
    ReluProblem,
    ReluProgramResult,
    as_patterns,
    dual_value,
    network_objective,
    recover_network,
)
from optathlon.baselines.convex_networks.relu_feasible import is_zero_optimal, useful_patterns
from optathlon.baselines.convex_networks.relu_patterns import choose_patterns

SOLVERS = ("ssnal", "admm", "clarabel", "scs")

_SMALLEST_BETA = 1e-305  # in units of X and y
_FAR = 100.0  # distance of the rows of X from zero, in units of their spread, from which they are turned


def relu_program(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    patterns: ArrayLike | None = None,
    solver: str = "ssnal",
    tol: float = 1e-6,
    max_steps: int | None = None,
    start: ReluProgramResult | None = None,
    rng: int | np.random.Generator | None = None,
    callback: Callable[[int, ReluNetwork], None] | None = None,
) -> ReluProgramResult:
    """Train a two-layer ReLU network to a certified optimum over the given activation patterns.

    Solves

        min  1/2 |sum_p D_p X (u_p - v_p) - y|^2 + beta sum_p (|u_p| + |v_p|)
        s.t. (2 D_p - I) X u_p >= 0,  (2 D_p - I) X v_p >= 0,

    whose value is that of ``min 1/2 |(X W1)_+ w2 - y|^2 + beta/2 (|W1|_F^2 + |w2|^2)`` over all networks (wide enough)
    where the patterns are complete (:func:`enumerate_patterns`), and over the networks whose neurons have the given
    patterns otherwise. Every solver's answer is made exactly feasible, recovered as a network, and certified by a dual bound
    to which every column (pattern and sign) is held.

    Parameters
    ----------
    X
        Data, (n_samples, n_features); a bias is a column of ones. Rows far from zero beside their spread are turned, so that
        hardly a digit is lost. Where that does not suffice, as with a shift by 1e9 of several features beside a column of ones,
        the result says ``converged=False``: centre such data.
    y
        Labels, (n_samples,).
    beta
        Weight decay, greater than 0.
    patterns
        0/1 activation patterns as columns, (n_samples, n_patterns). Repeated and all-zero ones are harmless. None takes all
        of them where they are at most 2000, and those of five networks trained by L-BFGS otherwise.
    solver
        ``"ssnal"`` (semismooth-Newton augmented Lagrangian, the default), ``"admm"``, or ``"clarabel"`` and ``"scs"`` through
        cvxpy.
    tol
        Relative gap at which to stop.
    max_steps
        Outer iterations at most; None leaves it to the solver.
    start
        A result for the same data and patterns, of another beta say, to begin from (ssnal).
    rng
        Source of the networks whose patterns are pooled; None means a fresh one.
    callback
        Called as ``callback(step, network)`` with the current feasible network (ssnal, admm).

    Returns
    -------
    ReluProgramResult
        The network, its objective, the dual bound and the gap. A solver that stops early returns what it has, with its gap.

    Raises
    ------
    ValueError
        Bad input, or a program whose memory would exceed the limit.

    References
    ----------
    M. Pilanci, T. Ergen (2020), Neural networks are convex regularizers, ICML, Theorem 1. The factor 1/2 of both terms makes
    the two sides agree; the cone needs 2 D_p - I.
    """
    X = _checks.samples(X)
    y = _checks.labels(y, X.shape[0])
    beta = _checks.positive(beta, "beta")
    tol = _checks.positive(tol, "tol")
    max_steps = None if max_steps is None else _checks.positive_integer(max_steps, "max_steps")
    if solver not in SOLVERS:
        raise ValueError(f"solver must be one of {', '.join(SOLVERS)}, got {solver!r}")
    complete = False
    if patterns is None:
        patterns, complete = choose_patterns(X, y, beta, _checks.generator(rng))
    D = as_patterns(patterns, X.shape[0])
    useful = useful_patterns(D)
    # Solvers work in units in which y and X, or the spread of X, have mean square 1: w then has the unit of y over that of X.
    (turned, turn, unit_x), unit_y = _turned(X), _root_mean_square(y)
    unit = unit_y / unit_x
    problem = ReluProblem(turned, y / unit_y, beta / unit_x / unit_y, np.ascontiguousarray(D[:, useful]))
    if useful.size and not is_zero_optimal(problem):
        if problem.beta < _SMALLEST_BETA:
            raise ValueError(
                f"beta must not vanish beside the product of the root mean squares of X and y, got {beta:g} beside "
                f"{unit_x:g} times {unit_y:g}"
            )
        options = {} if start is None or solver != "ssnal" else {"start": _start(start, useful, turn, unit, unit_y)}
        answer = _solver(solver)(problem, tol, max_steps, _in_units(callback, turn, unit), **options)
    else:  # the zero network, and v = y proves it optimal
        answer = ReluAnswer(np.zeros((X.shape[1], 0)), useful[:0], np.zeros(0), problem.y, 0, "converged")
    network = recover_network(unit * (turn @ answer.blocks), answer.sign)
    dual_point = unit_y * answer.dual_point
    objective = network_objective(X, y, beta, *network)
    dual_bound = dual_value(y, dual_point)
    converged = within(objective, dual_bound, tol)
    return ReluProgramResult(
        W1=network.W1,
        w2=network.w2,
        objective=objective,
        dual_bound=dual_bound,
        dual_point=dual_point,
        pattern_index=useful[answer.pattern],
        converged=converged,
        status="converged" if converged else answer.status.replace("converged", "inaccurate"),
        n_steps=answer.n_steps,
        solver=solver,
        patterns=D.astype(np.int8),
        complete=complete,
    )


def _solver(name: str) -> Callable[..., ReluAnswer]:
    """The named solver; imported here because each needs a library of its own."""
    if name == "ssnal":
        from optathlon.baselines.convex_networks.ssnal import ssnal

        return ssnal
    if name == "admm":
        from optathlon.baselines.convex_networks.admm import admm

        return admm
    from optathlon.baselines.convex_networks.relu_cvxpy import clarabel, scs

    return scs if name == "scs" else clarabel


def _turned(X: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """X times a symmetric orthogonal matrix and in units of its spread, this matrix, and the unit.

    A turn changes neither the norms of the weights nor the cones. Where the rows lie far from zero beside their spread it is the
    reflection that takes their mean to the first axis: the other columns then hold the differences of the rows to all their
    digits, and of the nearly parallel normals of the cones Householder's reflections lose none. Elsewhere it is the identity.
    """
    unit, n_features = _root_mean_square(X), X.shape[1]
    centre = np.mean(X / unit, axis=0)
    rest, length = X - unit * centre, float(np.linalg.norm(centre))
    spread = _root_mean_square(rest)
    if length * unit <= _FAR * np.sqrt(n_features) * spread or not rest.any():
        return X / unit, np.eye(n_features), unit
    sign = np.copysign(1.0, centre[0])
    normal = centre / length
    normal[0] += sign
    turn = np.eye(n_features) - 2.0 * np.outer(normal, normal) / (normal @ normal)
    turned = rest / spread @ turn
    turned[:, 0] -= sign * length * (unit / spread)
    return turned, turn, spread


def _start(
    result: ReluProgramResult, useful: NDArray[np.intp], turn: NDArray[np.float64], unit: float, unit_y: float
) -> ReluAnswer:
    """The blocks of a result among the useful patterns, in the coordinates and units of the solvers."""
    if len(result.dual_point) == 0 or not np.isin(result.pattern_index, useful).all():
        raise ValueError("start must be a result for the same data and patterns, got one with other patterns")
    blocks = turn @ result.W1 * np.abs(result.w2) / unit
    pattern = np.searchsorted(useful, result.pattern_index)
    return ReluAnswer(blocks, pattern, np.sign(result.w2), result.dual_point / unit_y, 0, "start")


def _root_mean_square(values: NDArray[np.float64]) -> float:
    """Root mean square, without overflow; 1 where all are zero."""
    largest = float(np.abs(values).max())
    return largest * float(np.sqrt(np.mean((values / largest) ** 2))) if largest > 0 else 1.0


def _in_units(
    callback: Callable[[int, ReluNetwork], None] | None, turn: NDArray[np.float64], unit: float
) -> Callable[[int, ReluNetwork], None] | None:
    """The callback, given networks of turned data whose outputs are smaller by ``unit``."""
    if callback is None:
        return None
    root = float(np.sqrt(unit))
    return lambda step, network: callback(step, ReluNetwork(root * (turn @ network.W1), root * network.w2))
