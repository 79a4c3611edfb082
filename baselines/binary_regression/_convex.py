"""Convex regression without constraints or in a box: accelerated gradients, and linear programming for absolute deviations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.binary_regression._losses import Loss

Array = NDArray[np.float64]

_CURVATURE_MARGIN = 1.02  # the power method estimates the curvature from below


def accelerated_gradient(
    f: Loss, bound: float, n_steps: int, least_move: float, callback: Callable[[int, Array], object] | None = None
) -> Array:
    """Minimise f over |w_i| <= bound by FISTA with restarts, until no weight moves by more than `least_move` in a step.

    References
    ----------
    Beck and Teboulle, SIAM J. Imaging Sciences 2009; O'Donoghue and Candes, Found. Comput. Math. 2015 (restarts).
    """
    length = 1 / (_CURVATURE_MARGIN * f.curvature)
    w = ahead = np.clip(f.start, -bound, bound)
    momentum = np.ones_like(f.curvature)
    for step in range(1, n_steps + 1):
        w_next = np.clip(ahead - length * f.gradient(ahead), -bound, bound)
        move = w_next - w
        uphill = np.sum((ahead - w_next) * move, axis=-1, keepdims=True) > 0
        momentum = np.where(uphill, 1.0, momentum)
        momentum_next = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = w_next + (momentum - 1) / momentum_next * move
        w, momentum = w_next, momentum_next
        if callback is not None:
            callback(step, w)
        if np.abs(move).max() <= least_move:
            break
    return w


def box_gap(w: Array, gradient: Array) -> Array:
    """Return how far f(w) is at most above its minimum over the box: f(u) >= f(w) + g'(u - w), least at u = -sign(g)."""
    return np.abs(gradient).sum(axis=-1) + (gradient * w).sum(axis=-1)


def active_set_newton(
    w: Array,
    value: Callable[[Array], float],
    gradient: Callable[[Array], Array],
    solve: Callable[[Array, Array, NDArray[np.bool_]], Array],
    allowed: float,
    n_steps: int,
) -> Array:
    """Minimise a convex function over |w_i| <= 1 from w, for one problem, until `box_gap` is at most `allowed`.

    ``solve(w, g, free)`` is the Newton step of the free weights. A step is cut off by the box, or ends at the first wall where
    that is better; weights at a wall are held there, and let go one by one once the free ones are at their minimum.

    References
    ----------
    Stark and Parker, Bounded-variable least squares: an algorithm and applications, Computational Statistics 1995.
    """
    free, f = np.abs(w) < 1.0, value(w)
    for _ in range(n_steps):
        g = gradient(w)
        if box_gap(w, g) <= allowed:
            break
        step = np.zeros_like(w)
        if free.any():
            step[free] = solve(w, g, free)
        room = np.where(step > 0, 1.0 - w, 1.0 + w)
        reach = float(np.min(np.where(step != 0, room / np.maximum(np.abs(step), 1e-300), np.inf), initial=1.0))
        to_wall = w + reach * step
        met = (step != 0) & (room <= reach * np.abs(step) * (1 + 1e-15))
        to_wall[met] = np.sign(step[met])
        trials = [np.clip(w + step, -1.0, 1.0), np.clip(to_wall, -1.0, 1.0), np.clip(w + 0.3 * reach * step, -1.0, 1.0)]
        values = [value(trial) for trial in trials]
        best = int(np.argmin(values))
        if values[best] < f:
            w, f = trials[best], values[best]
            free &= np.abs(w) < 1.0
            continue
        inward = np.where(free, 0.0, w * g)
        if inward.max() <= 0:
            break
        free[int(np.argmax(inward))] = True
    return w


def least_deviations(X: Array, y: Array, bound: float = np.inf) -> tuple[Array, Array]:
    """Minimise |Xw - y|_1 over |w_i| <= bound, as a linear program for every problem of the stack.

    min sum(p + q) over Xw + p - q = y, p >= 0, q >= 0. Returns w and multipliers v of the equations, |v_i| <= 1, of which
    v'y - bound |X'v|_1 is a lower bound.
    """
    import scipy.optimize
    import scipy.sparse

    n_samples, n_features = X.shape[-2:]
    cost = np.concatenate([np.zeros(n_features), np.ones(2 * n_samples)])
    limits = [(-bound, bound)] * n_features + [(0, np.inf)] * (2 * n_samples)
    slack = scipy.sparse.hstack([scipy.sparse.eye_array(n_samples), -scipy.sparse.eye_array(n_samples)])
    weights, multipliers = np.zeros((*X.shape[:-2], n_features)), np.zeros(y.shape)
    for index in np.ndindex(X.shape[:-2]):
        unit = np.abs(X[index]).mean() or 1.0  # the program's tolerances are absolute
        equations = scipy.sparse.hstack([scipy.sparse.csr_array(X[index] / unit), slack], format="csr")
        answer = scipy.optimize.linprog(cost, A_eq=equations, b_eq=y[index] / unit, bounds=limits, method="highs")
        if answer.x is not None:
            weights[index] = np.clip(answer.x[:n_features], -bound, bound)
            multipliers[index] = np.clip(answer.eqlin.marginals, -1.0, 1.0)
    return weights, multipliers
