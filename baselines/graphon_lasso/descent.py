"""First-order methods on the eliminated problem: the paper's block MM, FISTA and L-BFGS-B."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optathlon.baselines.graphon_lasso._checks import Array
from optathlon.baselines.graphon_lasso._spectral import Model, Point
from optathlon.baselines.graphon_lasso.laplacian import matrix_of, vector_of

Finished = Callable[[Point], bool]
Callback = Callable[[int, Array], None]


def block_mm(model: Model, W: Array, finished: Finished, max_steps: int, callback: Callback) -> Point:
    """Minimise by the sweeps of sections 4.1 to 4.3 of the paper; same arguments as `newton_cg`.

    Notes
    -----
    U and Lambda are minimised exactly, so that a sweep is a projected gradient step of h with length 1 / (2 p beta).
    """
    point = model.at(W)
    for step in range(1, max_steps + 1):
        if finished(point):
            break
        W = np.maximum(point.W - point.gradient / (2 * len(W) * model.beta), 0.0)  # equation (4)
        W = np.where(model.edges, W, 0.0)
        point = model.at(W)  # U of section 4.2, lambda of section 4.3
        callback(step, W)
    return point


def fista(model: Model, W: Array, finished: Finished, max_steps: int, callback: Callback) -> Point:
    """Minimise by projected gradient steps with momentum, restarted where it points uphill; same arguments as `newton_cg`."""
    ahead, t = model.at(W), 1.0
    for step in range(1, max_steps + 1):
        if finished(ahead):
            break
        stepped = np.where(model.edges, np.maximum(ahead.W - ahead.gradient / (2 * len(W) * model.beta), 0.0), 0.0)
        if float(((ahead.W - stepped) * (stepped - W)).sum()) > 0:
            t = 1.0
        t_next = (1 + (1 + 4 * t * t) ** 0.5) / 2
        extrapolated = np.maximum(stepped + (t - 1) / t_next * (stepped - W), 0.0)  # h is defined for w >= 0 only
        W, t = stepped, t_next
        callback(step, W)
        ahead = model.at(extrapolated)
    return ahead


def lbfgs(model: Model, W: Array, finished: Finished, max_steps: int, callback: Callback) -> Point:
    """Minimise by scipy's L-BFGS-B, restarted where it ends early; same arguments as `newton_cg`."""
    from scipy.optimize import OptimizeResult, minimize

    pairs = np.flatnonzero(model.edges[np.triu_indices(len(model.edges), 1)])
    point, step = model.at(W), 0

    def spread(w: Array) -> Array:
        full = np.zeros(len(model.C) * (len(model.C) - 1) // 2)
        full[pairs] = w
        return matrix_of(full)

    def evaluate(w: Array) -> tuple[float, Array]:
        nonlocal point
        point = model.at(spread(w))
        return point.value, vector_of(point.gradient)[pairs]

    def seen(intermediate_result: OptimizeResult) -> None:
        nonlocal step, best
        step += 1
        at = spread(intermediate_result.x)
        best = point if np.array_equal(point.W, at) else model.at(at)
        callback(step, at)
        if finished(best) or step >= max_steps:
            raise StopIteration

    best = point
    while not finished(best) and step < max_steps:
        before = step
        options = {"maxiter": max_steps, "maxfun": 100 * max_steps, "ftol": 0.0, "gtol": 0.0, "maxcor": 20}
        minimize(
            evaluate, vector_of(best.W)[pairs], jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(pairs),
            callback=seen, options=options,
        )  # fmt: skip
        if step - before <= 1:
            break
    return best
