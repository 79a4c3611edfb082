"""Semismooth-Newton augmented Lagrangian on the dual of the two-layer ReLU program, with a certificate at every step.

In the notation of :mod:`relu_certificate`, with v the dual variable and w the multiplier of its constraints,

    z_c = w_c / sigma + F_c'v,   p_c = Proj_{K_c}(z_c),   w_c^+ = sigma (1 - beta/|p_c|)_+ p_c,
    phi(v) = 1/2 |v|^2 - y'v + sigma/2 sum_c (|p_c| - beta)_+^2,   grad phi = v - y + sum_c F_c w_c^+.

The outer step is ``w <- w^+`` at an approximate minimiser of phi, which keeps every w_c in its cone exactly. phi is minimised by
Newton's method with the generalised Hessian

    I + sigma B B',   B = [F_c N_c diag(1, sqrt t_c, ..)],   t_c = 1 - beta/|p_c|,

over the columns with ``|p_c| > beta`` (:mod:`relu_newton`); N_c is a basis of the face of K_c in which p_c lies, p_c first.
Optimal neurons lie near extreme rays, so that B has few columns. Where beta is small a full Newton step meets many faces that
B does not know of. Adding ``damping I`` then shortens only the directions without curvature, where a line search would shorten
all of them.

References
----------
X. Li, D. Sun, K.-C. Toh (2018), A highly efficient semismooth Newton augmented Lagrangian method for solving Lasso problems,
SIAM Journal on Optimization 28(1), algorithms SSNAL and SSN. Here the penalty's proximal map is a shrunk cone projection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.convex_networks.relu_certificate import (
    ReluAnswer,
    ReluNetwork,
    ReluProblem,
    dual_value,
    recover_network,
    scaled_dual_point,
)
from optathlon.baselines.convex_networks.relu_cone import (
    Cones,
    ConeStates,
    new_cones,
    new_states,
    price_columns,
    project_columns,
)
from optathlon.baselines.convex_networks.relu_faces import masked_sum
from optathlon.baselines.convex_networks.relu_feasible import best_factor, inside_cones
from optathlon.baselines.convex_networks.relu_newton import NewtonMatrix

Array = NDArray[np.float64]

#: First penalty, times beta, its bound (rounding drowns a dual variable that starts far above), and its growth per outer step.
_FIRST_SIGMA, _FIRST_AT_MOST, _GROWTH = 0.1, 1e4, 3.0
_LARGEST_SIGMA = 1e15
#: Newton's method stops at a gradient of this times ``|w^+ - w| / sqrt(sigma)``.
_INEXACTNESS = 2.0
_MAX_NEWTON_STEPS, _MAX_TRIALS = 100, 40
#: Outer steps in a row without progress after which the method gives up.
_MAX_IDLE = 20
#: First damping after a refused step, and the factor by which it grows and shrinks.
_DAMPING = 4.0


class _Model(NamedTuple):
    """The instance as the method uses it."""

    X: Array
    columns: Array
    """X transposed, (n_features, n_samples)."""
    y: Array
    beta: float
    D: Array
    """Patterns as rows, (n_patterns, n_samples)."""
    cones: Cones


class _Working(NamedTuple):
    """The columns of the program that are at work."""

    which: NDArray[np.int64]
    """Columns, (n_working,); column c is pattern ``c % n_patterns``, with sign + below n_patterns and - above."""
    signs: Array
    D: Array
    """Patterns of these columns, each once, (n_working_patterns, n_samples)."""
    pattern: NDArray[np.int64]
    """Row of D of each column."""


class _Point(NamedTuple):
    """phi at v, and the projections p_c that it is made of."""

    v: Array
    phi: float
    P: Array
    lengths: Array


def ssnal(
    problem: ReluProblem,
    tol: float,
    max_steps: int | None = None,
    callback: Callable[[int, ReluNetwork], None] | None = None,
    start: ReluAnswer | None = None,
) -> ReluAnswer:
    """Solve the two-layer ReLU program to a certified relative gap of ``tol``.

    Parameters
    ----------
    problem
        The instance, in units in which X, or its spread, and y have mean square 1; its patterns are distinct and not zero.
    tol
        Relative gap at which to stop.
    max_steps
        Outer steps at most; None means 100.
    callback
        Called as ``callback(step, network)`` after each outer step.
    start
        An answer of a program with the same data and patterns, near which the search begins.

    Returns
    -------
    ReluAnswer
        The best feasible point and the best dual point met.
    """
    model = _model(problem)
    n_features, n_columns = model.X.shape[1], 2 * len(model.D)
    states = new_states(n_columns, n_features)
    prices = _promise(model)
    # A tenth of the columns, and at least 48.
    first = np.argsort(-prices, kind="stable")[: max(48, n_columns // 10)]
    W = np.zeros((n_columns, n_features))
    if start is not None:
        taken = start.pattern + np.where(start.sign > 0, 0, len(model.D))
        W[taken] = start.blocks.T
        first = np.union1d(first, taken)
    working, newton = _working(model, first), NewtonMatrix(model.columns, model.D)
    v, sigma, damping = model.y.copy(), min(_FIRST_SIGMA / model.beta, _FIRST_AT_MOST), 0.0
    v = v if start is None else start.dual_point
    best_W, best_v, objective, dual_bound = np.zeros_like(W), np.zeros_like(v), 0.5 * float(model.y @ model.y), 0.0
    gap, idle, status, step = np.inf, 0, "max_steps", 0
    for step in range(1, (max_steps or 100) + 1):
        point, damping, solved = _minimise(model, states, working, newton, W, v, sigma, damping)
        v, blocks = point.v, _shrunk(point, model.beta, sigma)
        W[working.which] = blocks  # exactly feasible: the cones hold every multiple of a projection
        outputs = _outputs(model, working, blocks)
        prices, new = _price(model, states, working, v, np.argsort(-prices, kind="stable"))

        # Certificate: the best multiple of each side.
        cost = model.beta * float(np.linalg.norm(blocks, axis=1).sum())
        factor = best_factor(model.y, outputs, cost)
        value = 0.5 * float(np.sum((factor * outputs - model.y) ** 2)) + factor * cost
        if value < objective:
            best_W, objective = factor * W, value
        dual = scaled_dual_point(model.y, v, prices.max(), model.beta)
        if dual_value(model.y, dual) > dual_bound:
            best_v, dual_bound = dual, dual_value(model.y, dual)
        if callback is not None:
            callback(step, recover_network(*_network_blocks(model, best_W)[:2]))
        if objective - dual_bound <= tol * objective:
            status = "converged"
            break
        idle = idle + 1 if solved and not new.size and objective - dual_bound > 0.9 * gap else 0
        if idle == _MAX_IDLE:
            status = "stalled"  # rounding is all that is left of the gap
            break
        gap = objective - dual_bound
        n_active = np.count_nonzero(point.lengths > model.beta)
        if new.size:
            working = _working(model, np.concatenate([working.which, new]))
        if solved and new.size <= 0.3 * n_active:
            sigma, damping = min(_GROWTH * sigma, _LARGEST_SIGMA), _GROWTH * damping
    blocks, signs, pattern = _network_blocks(model, best_W)
    return ReluAnswer(blocks, pattern, signs, best_v, step, status)


def _minimise(
    model: _Model,
    states: ConeStates,
    working: _Working,
    newton: NewtonMatrix,
    W: Array,
    v: Array,
    sigma: float,
    damping: float,
) -> tuple[_Point, float, bool]:
    """Damped Newton's method on phi from v: the last point, the last damping, and whether the stopping test was met."""
    shift = W[working.which] / sigma
    point = _evaluate(model, states, working, shift, v, sigma)
    rounding = 1e-15 * float(model.y @ model.y)
    for _ in range(_MAX_NEWTON_STEPS):
        blocks = _shrunk(point, model.beta, sigma)
        gradient = point.v - model.y + _outputs(model, working, blocks)
        moved = float(np.linalg.norm(blocks - sigma * shift))
        allowed = max(_INEXACTNESS * moved / np.sqrt(sigma), 1e-11 * float(np.linalg.norm(model.y)))
        if float(np.linalg.norm(gradient)) <= allowed:
            return point, damping, True
        active = np.flatnonzero(point.lengths > model.beta)
        newton.move_to(working.which[active], point.P[active], point.lengths[active], model.beta, states)
        for _ in range(_MAX_TRIALS):
            direction = newton.solve(sigma, 1.0 + damping, gradient)
            slope = float(direction @ gradient)
            trial = _evaluate(model, states, working, shift, point.v + direction, sigma)
            if trial.phi <= point.phi + 1e-4 * slope + rounding:
                break
            damping = max(_DAMPING * damping, _DAMPING)
        else:
            return point, 0.0, True  # rounding hides any further decrease
        # Levenberg and Marquardt: compare with the quadratic model, which promised (slope - damping |d|^2) / 2.
        promised = 0.5 * (slope - damping * float(direction @ direction))
        share = (trial.phi - point.phi) / promised if promised < -rounding else 1.0
        if share > 0.75:
            damping = damping / _DAMPING if damping > 1e-2 else 0.0
        elif share < 0.25:
            damping = max(2.0 * damping, 1.0)
        point = trial
    return point, damping, False


def _evaluate(model: _Model, states: ConeStates, working: _Working, shift: Array, v: Array, sigma: float) -> _Point:
    """phi(v) and its projections; ``shift`` is w / sigma on the working columns."""
    G = working.D @ (model.X * v[:, None])
    Z = shift + working.signs[:, None] * G[working.pattern]
    P, lengths = np.empty_like(Z), np.empty(len(Z))
    project_columns(Z, model.beta, working.which, model.cones, states, P, lengths)
    excess = np.maximum(lengths - model.beta, 0.0)
    phi = 0.5 * float(v @ v) - float(model.y @ v) + 0.5 * sigma * float(excess @ excess)
    return _Point(v, phi, P, lengths)


def _shrunk(point: _Point, beta: float, sigma: float) -> Array:
    """The blocks ``w^+ = sigma (1 - beta/|p|)_+ p``, (n_working, n_features)."""
    lengths = np.maximum(point.lengths, beta)
    return sigma * (1.0 - beta / lengths)[:, None] * point.P


def _outputs(model: _Model, working: _Working, blocks: Array) -> Array:
    """``sum_c F_c w_c`` over the working columns."""
    alive = np.flatnonzero(blocks.any(axis=1))
    return masked_sum((working.signs[alive, None] * blocks[alive]) @ model.columns, working.D, working.pattern[alive])


def _price(
    model: _Model, states: ConeStates, working: _Working, v: Array, order: NDArray[np.int64]
) -> tuple[Array, NDArray[np.int64]]:
    """Bounds of ``|Proj_{K_c}(F_c'v)|`` for every column, and the worst violators outside the working set."""
    at_work = np.zeros(2 * len(model.D), dtype=np.bool_)
    at_work[working.which] = True
    lengths = np.empty(len(at_work))
    G = model.D @ (model.X * v[:, None])
    least = price_columns(G, model.beta, at_work, order, model.cones, states, lengths)
    return lengths, np.flatnonzero(~at_work & (lengths > model.beta) & (lengths >= least))


def _promise(model: _Model) -> Array:
    """How much the gradient of each column at v = y agrees with a vector inside its cone."""
    # The least-squares fit b of the signs 2 D - 1 stands for the inside: it tends to have X b of those signs.
    inside = (2.0 * (model.D @ model.X) - model.X.sum(axis=0)) @ np.linalg.pinv(model.X.T @ model.X, hermitian=True)
    lengths = np.linalg.norm(inside, axis=1)
    scores = np.sum(inside * (model.D @ (model.X * model.y[:, None])), axis=1) / np.where(lengths > 0, lengths, 1.0)
    return np.concatenate([scores, -scores])


def _network_blocks(model: _Model, W: Array) -> tuple[Array, Array, NDArray[np.intp]]:
    """The non-zero blocks as columns, their signs and patterns."""
    which, blocks = inside_cones(model.cones, np.arange(len(W)), W)
    return blocks.T, np.where(which < len(model.D), 1.0, -1.0), which % len(model.D)


def _working(model: _Model, which: NDArray[np.int64]) -> _Working:
    """The working set of the given columns."""
    n_patterns = len(model.D)
    patterns, position = np.unique(which % n_patterns, return_inverse=True)
    return _Working(which, np.where(which < n_patterns, 1.0, -1.0), model.D[patterns], position)


def _model(problem: ReluProblem) -> _Model:
    """The instance with its patterns as rows, and its cones."""
    X, y, beta, D = problem
    D = np.ascontiguousarray(D.T)
    return _Model(X, np.ascontiguousarray(X.T), y, beta, D, new_cones(X, D))
