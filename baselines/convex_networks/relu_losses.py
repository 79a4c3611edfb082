"""The two-layer ReLU program with losses for classification: logistic by proximal Newton steps, hinge by interior point.

    min  sum_i l(y_i f_i) + beta sum_c |w_c|    s.t.  w_c in K_c,  f = sum_c F_c w_c,

in the notation of :mod:`relu_certificate`. With ``v_i = y_i a_i`` the dual is

    max  sum_i g(a_i)    s.t.  |Proj_{K_c}(F_c'v)| <= beta for every c,

g(a) = -a log a - (1-a) log(1-a) for the logistic loss and g(a) = a for the hinge, both on [0, 1].

References
----------
M. Pilanci, T. Ergen (2020), Neural networks are convex regularizers, ICML, for convex losses; J. D. Lee, Y. Sun, M. A. Saunders
(2014), Proximal Newton-type methods for minimizing composite functions, SIAM J. Optim. 24(3), Algorithm 1.
"""

from __future__ import annotations

from typing import Any

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
    recover_network,
)
from optathlon.baselines.convex_networks.relu_feasible import (
    Certifier,
    inside_cones,
    is_zero_optimal,
    largest_price,
    new_certifier,
    useful_patterns,
)
from optathlon.baselines.convex_networks.relu_patterns import choose_patterns

Array = NDArray[np.float64]

LOSSES = ("logistic", "hinge")

_LEAST_CURVATURE = 1e-6  # of the quadratic models, in units of the logistic loss's largest, 1/4
_ARMIJO = 1e-4
_MAX_STEPS = 50


def classification_objective(
    X: ArrayLike, y: ArrayLike, beta: float, W1: ArrayLike, w2: ArrayLike, *, loss: str = "logistic"
) -> float:
    """Objective ``sum_i l(y_i f(x_i)) + beta/2 (|W1|_F^2 + |w2|^2)`` of a network.

    Parameters
    ----------
    X, y
        Data, (n_samples, n_features), and labels -1 and 1, (n_samples,).
    beta
        Weight decay.
    W1, w2
        Weights, (n_features, n_neurons) and (n_neurons,).
    loss
        ``"logistic"`` or ``"hinge"``.

    Raises
    ------
    ValueError
        X or y is not finite or misshapen.
    """
    X = _checks.samples(X)
    W1, w2 = np.asarray(W1, dtype=np.float64), np.asarray(w2, dtype=np.float64)
    margins = _checks.labels(y, len(X)) * ReluNetwork(W1, w2).predict(X)
    return _loss(margins, loss) + 0.5 * beta * float(np.sum(W1**2) + np.sum(w2**2))


def relu_classification_program(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    loss: str = "logistic",
    patterns: ArrayLike | None = None,
    tol: float = 1e-5,
    max_steps: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> ReluProgramResult:
    """Train a two-layer ReLU network for classification to a certified optimum over the given activation patterns.

    Minimises ``sum_i l(y_i f(x_i)) + beta/2 (|W1|_F^2 + |w2|^2)`` with the logistic loss ``l(t) = log(1 + exp(-t))`` or the hinge
    ``l(t) = max(0, 1 - t)``. Each logistic step solves :func:`relu_program` with a weight per sample, which the cones do not see.

    Parameters
    ----------
    X
        Data, (n_samples, n_features); a bias is a column of ones.
    y
        Labels -1 and 1, (n_samples,).
    beta
        Weight decay, greater than 0.
    loss
        ``"logistic"``, or ``"hinge"`` (through Clarabel and cvxpy).
    patterns
        As in :func:`relu_program`.
    tol
        Certified relative gap at which to stop.
    max_steps
        Newton steps, or interior-point steps, at most; None means 50, or what Clarabel takes.
    rng
        Source of the networks whose patterns are pooled where none are given; None means a fresh one.

    Returns
    -------
    ReluProgramResult
        The network; its ``objective`` and ``dual_bound`` are of this loss, ``dual_point`` holds ``v_i = y_i a_i``.

    Raises
    ------
    ValueError
        Bad input, or a program whose memory would exceed the limit.
    """
    X = _checks.samples(X)
    y = _checks.labels(y, len(X))
    beta, tol = _checks.positive(beta, "beta"), _checks.positive(tol, "tol")
    if max_steps is not None:
        _checks.positive_integer(max_steps, "max_steps")
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")
    if not np.isin(y, (-1.0, 1.0)).all():
        raise ValueError(f"y must hold -1 and 1 only, got {np.unique(y)[:5]}")
    complete = False
    if patterns is None:
        patterns, complete = choose_patterns(X, y, beta, _checks.generator(rng))
    D = as_patterns(patterns, len(X))
    useful = useful_patterns(D)
    unit = float(np.sqrt(np.mean(X**2))) or 1.0  # w has the inverse unit of X
    problem = ReluProblem(X / unit, y, beta / unit, np.ascontiguousarray(D[:, useful]))
    at_zero = y if loss == "hinge" else 0.5 * y  # the dual point of the zero network
    if useful.size and not is_zero_optimal(problem._replace(y=at_zero)):
        blocks, v, steps = (_hinge if loss == "hinge" else _logistic)(problem, tol, max_steps)
    else:
        blocks, v, steps = np.zeros((0, X.shape[1])), at_zero, 0
    which, inside = inside_cones(new_certifier(problem).cones, np.arange(len(blocks)), blocks) if len(blocks) else ([], blocks)
    which = np.asarray(which, dtype=np.intp)
    network = recover_network(inside.T / unit, np.where(which < useful.size, 1.0, -1.0))
    objective = classification_objective(X, y, beta, *network, loss=loss)
    bound = _gain(y * v, loss)
    converged = within(objective, bound, tol)
    return ReluProgramResult(
        W1=network.W1,
        w2=network.w2,
        objective=objective,
        dual_bound=bound,
        dual_point=v,
        pattern_index=useful[which % max(useful.size, 1)] if which.size else useful[:0],
        converged=converged,
        status="converged" if converged else "inaccurate",
        n_steps=steps,
        solver="proximal newton" if loss == "logistic" else "clarabel",
        patterns=D.astype(np.int8),
        complete=complete,
    )


def _logistic(problem: ReluProblem, tol: float, max_steps: int | None) -> tuple[Array, Array, int]:
    """Proximal Newton: blocks as rows, (2 n_patterns, n_features), the best dual point, and the steps taken."""
    from optathlon.baselines.convex_networks.ssnal import ssnal

    X, y, beta, D = problem
    certifier = new_certifier(problem)
    W, f = np.zeros((2 * D.shape[1], X.shape[1])), np.zeros(len(y))
    objective, best, bound, step = _loss(y * f, "logistic"), np.zeros(len(y)), 0.0, 0
    start: ReluAnswer | None = None
    for step in range(1, (max_steps or _MAX_STEPS) + 1):
        share = 1 / (1 + np.exp(np.clip(y * f, -500, 500)))  # -l'(y f)
        point = _feasible(certifier, y, share, "logistic")
        if (gain := _gain(y * point, "logistic")) > bound:
            best, bound = point, gain
        gap = objective - bound
        if gap <= tol * objective:
            step -= 1
            break
        curvature = np.maximum(share * (1 - share), _LEAST_CURVATURE)
        root = np.sqrt(curvature)
        goal = root * f + y * share / root  # where the quadratic model of the loss has its minimum
        unit = float(np.sqrt(np.mean(goal**2)))
        inner = ReluProblem(root[:, None] * X, goal / unit, beta / unit, D)
        answer = ssnal(inner, max(1e-12, min(1e-4, 0.01 * gap / (unit**2 * max(0.5 * len(y), 1.0)))), 60, None, start)
        start = answer
        trial = np.zeros_like(W)
        trial[answer.pattern + np.where(answer.sign > 0, 0, D.shape[1])] = unit * answer.blocks.T
        move, outputs = trial - W, _outputs(problem, trial) - f
        slope = -float((y * share) @ outputs) + beta * (_norms(trial) - _norms(W))
        if slope >= 0:
            break  # rounding is all that is left
        length = 1.0
        while True:
            value = _loss(y * (f + length * outputs), "logistic") + beta * _norms(W + length * move)
            if value <= objective + _ARMIJO * length * slope or length < 1e-6:
                break
            length *= 0.5
        if value >= objective:
            break
        W, f, objective = W + length * move, f + length * outputs, value
    return W, best, step


def _hinge(problem: ReluProblem, tol: float, max_steps: int | None) -> tuple[Array, Array, int]:
    """Clarabel through cvxpy; the answer as `_logistic` gives it, made feasible on the dual side."""
    import cvxpy as cp

    X, y, beta, D = problem
    n_patterns = D.shape[1]
    _checks.require_memory(480.0 * X.size * n_patterns, f"Clarabel on {n_patterns} patterns of {len(y)} samples")
    U, V = cp.Variable((X.shape[1], n_patterns)), cp.Variable((X.shape[1], n_patterns))
    slack = cp.Variable(len(y), nonneg=True)
    XU, XV = X @ U, X @ V
    fits = slack >= 1 - cp.multiply(y, cp.sum(cp.multiply(D, XU - XV), axis=1))
    cones: list[cp.Constraint] = [cp.multiply(2 * D - 1, XU) >= 0, cp.multiply(2 * D - 1, XV) >= 0, fits]
    norms = cp.sum(cp.norm(U, 2, axis=0)) + cp.sum(cp.norm(V, 2, axis=0))
    program = cp.Problem(cp.Minimize(cp.sum(slack) + beta * norms), cones)
    inner = min(max(1e-3 * tol, 1e-11), 1e-8)
    options = {"max_iter": max_steps} if max_steps else {}
    try:
        program.solve(solver="CLARABEL", tol_gap_rel=inner, tol_gap_abs=1e-14, tol_feas=inner, max_threads=1, **options)
    except cp.SolverError:
        return np.zeros((2 * n_patterns, X.shape[1])), np.zeros(len(y)), 0
    steps = 0 if program.solver_stats is None else int(program.solver_stats.num_iters or 0)
    if U.value is None or V.value is None or fits.dual_value is None:
        return np.zeros((2 * n_patterns, X.shape[1])), np.zeros(len(y)), steps
    W = np.vstack([U.value.T, V.value.T])
    lengths = np.linalg.norm(W, axis=1)
    W[lengths <= 1e-7 * lengths.max()] = 0.0
    return (
        W,
        _feasible(new_certifier(problem), y, np.clip(np.asarray(fits.dual_value, dtype=np.float64), 0.0, 1.0), "hinge"),
        steps,
    )


def _feasible(certifier: Certifier, y: Array, share: Array, loss: str) -> Array:
    """The multiple of ``v = y share`` that is dual feasible and best."""
    from scipy.optimize import minimize_scalar

    v = y * share
    largest = largest_price(certifier, v)
    top = min(certifier.problem.beta / largest if largest > 0 else np.inf, 1 / max(float(share.max()), 1e-300))
    if loss == "hinge":
        return top * v
    found: Any = minimize_scalar(
        lambda t: -_gain(t * share, loss), bounds=(0, top), method="bounded", options={"xatol": 1e-12 * top}
    )
    return max((top, float(found.x)), key=lambda t: _gain(t * share, loss)) * v


def _gain(a: Array, loss: str) -> float:
    """The dual value ``sum_i g(a_i)``."""
    from scipy.special import entr

    a = np.clip(a, 0.0, 1.0)
    return float(a.sum() if loss == "hinge" else (entr(a) + entr(1 - a)).sum())


def _loss(margins: Array, loss: str) -> float:
    return float(np.maximum(1 - margins, 0).sum() if loss == "hinge" else np.logaddexp(0, -margins).sum())


def _norms(W: Array) -> float:
    return float(np.linalg.norm(W, axis=1).sum())


def _outputs(problem: ReluProblem, W: Array) -> Array:
    """``sum_c F_c w_c`` for blocks as rows, the positive columns first."""
    n_patterns = problem.D.shape[1]
    return (problem.D * (problem.X @ (W[:n_patterns] - W[n_patterns:]).T)).sum(axis=1)
