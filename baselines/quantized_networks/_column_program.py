"""min loss(F alpha) + price |alpha|_1 by an interior point: the master problem of column generation, with accurate duals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotrs

from optathlon.baselines.quantized_networks._datafits import Hinges, Squares, _to_zero

Array = NDArray[np.float64]

_MOST_STEPS = 100


class Columns(NamedTuple):
    """Answer of `solve_columns`.

    Attributes
    ----------
    alpha : ndarray, shape (k,)
        Weights of the columns.
    v : ndarray, shape (n,)
        Dual point with |F'v| <= price.
    objective, bound : float
        Values of the two.
    """

    alpha: Array
    v: Array
    objective: float
    bound: float


def solve_columns(F: Array, y: Array, price: float, loss: str, *, tol: float = 1e-9) -> Columns:
    """Solve to a gap of `tol` of the objective, or as far as rounding allows.

    The dual is max -loss*(-v), -price <= F'v <= price; multipliers p, q >= 0 of the two sides give alpha = p - q. A Newton step
    costs n^2 k + n^3 / 3.
    """
    f_unit = float(np.sqrt(np.mean(F * F))) or 1.0
    y_unit = (float(np.sqrt(np.mean(y * y))) or 1.0) if loss == "squared" else 1.0
    answer = _solve(F / f_unit, y / y_unit, price / f_unit / y_unit, loss, tol)
    alpha, v = answer.alpha * (y_unit / f_unit), answer.v * y_unit
    datafit = Squares(y) if loss == "squared" else Hinges(y)
    kept = np.abs(alpha) > 1e-12 * np.abs(alpha).max(initial=0.0)
    alpha = np.where(kept, alpha, 0.0)
    return Columns(alpha, v, datafit.loss(F @ alpha) + price * float(np.abs(alpha).sum()), datafit.value(v))


def _solve(F: Array, y: Array, price: float, loss: str, tol: float) -> Columns:
    n, k = F.shape
    datafit = Squares(y) if loss == "squared" else Hinges(y)
    v = datafit.start(lambda v: float(np.abs(F.T @ v).max(initial=0.0)), 0.5 * price)
    p, q = np.ones(k), np.ones(k)
    datafit.centre(v, price)
    best = Columns(np.zeros(k), np.zeros(n), datafit.loss(np.zeros(n)), 0.0)
    for _ in range(_MOST_STEPS):
        correlation = F.T @ v
        s, t = price - correlation, price + correlation
        if not (min(s.min(initial=1.0), t.min(initial=1.0)) > 0):
            break
        best = _better(best, datafit, F, p - q, v, price)
        if best.objective - best.bound <= tol * best.objective:
            break
        product = float(p @ s + q @ t) + datafit.product(v)
        tau = product / (2 * k + datafit.n_pairs)
        # alpha = p - q as a function of dv: p ds + s dp = tau - ps, ds = -F'dv.
        weights = p / s + q / t
        matrix = (F * weights) @ F.T
        matrix.ravel()[:: n + 1] += datafit.curvature(v)
        factor, info = dpotrf(matrix.T, lower=1, overwrite_a=1, clean=0)
        if info:
            break

        def direction(
            target: float,
            affine: tuple[Array, Array, Array] | None,
            v: Array = v, s: Array = s, t: Array = t, p: Array = p, q: Array = q, factor: Array = factor,
        ) -> tuple[Array, Array, Array]:  # fmt: skip
            first, second = np.full(k, target), np.full(k, target)
            if affine is not None:
                moved = F.T @ affine[0]
                first, second = first + affine[1] * moved, second - affine[2] * moved
            right = datafit.target(v, target, None if affine is None else affine[0]) - F @ (first / s - second / t)
            dv = dpotrs(factor, right, lower=1)[0]
            moved = F.T @ dv
            return dv, first / s - p + p / s * moved, second / t - q - q / t * moved

        affine = direction(0.0, None)
        primal, dual = _lengths(datafit, v, p, q, s, t, F, affine, 0.0, None)
        moved = dual * (F.T @ affine[0])
        ahead = float((p + primal * affine[1]) @ (s - moved) + (q + primal * affine[2]) @ (t + moved))
        ahead += datafit.product_ahead(v, affine[0], primal, dual)
        target = tau * min(max(ahead / product, 1e-3), 0.9) ** 3
        dv, dp, dq = direction(target, affine)
        if not np.isfinite(dv).all():
            break
        primal, dual = _lengths(datafit, v, p, q, s, t, F, (dv, dp, dq), target, affine[0], share=0.99)
        if max(primal, dual) < 1e-10:
            break
        datafit.move(v, dv, primal, target, affine[0])
        p, q, v = p + primal * dp, q + primal * dq, v + dual * dv
    return best


def _better(best: Columns, datafit: Squares | Hinges, F: Array, alpha: Array, v: Array, price: float) -> Columns:
    fitted, cost = F @ alpha, price * float(np.abs(alpha).sum())
    scale = datafit.best_multiple(fitted, cost)
    objective, bound = datafit.loss(scale * fitted) + scale * cost, datafit.value(v)
    if objective < best.objective:
        best = best._replace(alpha=scale * alpha, objective=objective)
    return best._replace(v=v, bound=bound) if bound > best.bound else best


def _lengths(
    datafit: Squares | Hinges, v: Array, p: Array, q: Array, s: Array, t: Array, F: Array, step: tuple[Array, Array, Array],
    target: float, affine: Array | None, share: float = 1.0,
) -> tuple[float, float]:  # fmt: skip
    moved = F.T @ step[0]
    primal = min(_to_zero(p, step[1]), _to_zero(q, step[2]), datafit.length_primal(v, step[0], target, affine))
    dual = min(_to_zero(s, -moved), _to_zero(t, moved), datafit.length_dual(v, step[0]))
    return min(1.0, share * primal), min(1.0, share * dual)
