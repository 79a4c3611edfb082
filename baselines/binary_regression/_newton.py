"""Riemannian Newton steps for min <Q, VV'> over matrices V with unit rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_CG_STEPS = 250
_CG_TOL = 0.1
_ACCEPT = 0.05  # share of the predicted decrease that a step must bring


class Iterate(NamedTuple):
    """A factor with what one product with Q tells of it.

    Attributes
    ----------
    V : ndarray, shape (N, k)
        Factor with rows of length one.
    QV : ndarray, shape (N, k)
        Product with Q.
    dual : ndarray, shape (N,)
        lam_i = -(QV)_i . V_i: the multipliers of |V_i| = 1, for which (Q + diag(lam)) V is the Riemannian gradient.
    value : float
        <Q, VV'> = -sum(lam).
    """

    V: Array
    QV: Array
    dual: Array
    value: float


def at(Q: Array, V: Array) -> Iterate:
    """Evaluate the factor `V`."""
    QV = Q @ V
    dual = -row_dots(QV, V)
    return Iterate(V, QV, dual, -float(dual.sum(dtype=np.float64)))


def row_dots(A: Array, B: Array) -> Array:
    """Return the inner products of the rows of `A` with those of `B`."""
    return np.einsum("ij,ij->i", A, B)


def unit_rows(V: Array) -> Array:
    """Scale the rows of `V` to length one; a zero row becomes the first unit vector."""
    length = np.sqrt(row_dots(V, V))
    if not length.all():
        V = V.copy()
        V[length == 0, 0] = 1.0
        length = np.where(length == 0, V.dtype.type(1), length)
    return V / length[:, None]


def jacobi_scale(Q: Array, dual: Array) -> Array:
    """Return 1/sqrt(S_ii), S = Q + diag(dual), as a column; small or negative S_ii are lifted."""
    diagonal = Q.diagonal() + dual
    floor = max(0.05 * float(np.abs(diagonal).mean()), np.finfo(np.float32).tiny)
    return (1 / np.sqrt(np.maximum(diagonal, floor)))[:, None]


def newton_step(Q: Array, Q_fast: Array, point: Iterate, radius: float) -> tuple[Iterate, float]:
    """Take one trust-region Newton step; return the point (the old one if the step brings nothing) and the next radius.

    `Q_fast` may hold Q in single precision: only the inner products of conjugate gradients use it, while values, gradients and
    multipliers stay in double precision, without which rounding would decide the last steps.
    """
    scale = jacobi_scale(Q, point.dual)
    gradient = point.QV + point.dual[:, None] * point.V
    step, curvature, at_boundary = _steihaug(Q_fast, point, scale, gradient, radius)
    move = scale * step
    predicted = -2 * float(np.vdot(gradient, move)) - curvature
    trial = at(Q, unit_rows(point.V + move))
    quality = (point.value - trial.value) / predicted if predicted > 0 else -1.0
    if quality < 0.25:
        radius *= 0.25
    elif quality > 0.75 and at_boundary:
        radius *= 2
    return (trial if quality > _ACCEPT else point), radius


def _steihaug(Q: Array, point: Iterate, scale: Array, gradient: Array, radius: float) -> tuple[NDArray[np.float64], float, bool]:
    """Minimise the Newton model in the trust region by conjugate gradients (Steihaug 1983) in the variable step / scale.

    Returns the step, its curvature <step, H step> with the Riemannian Hessian H[D] = P(QD + diag(lam) D), P the projection that
    removes from each row its component along V_i, and whether the boundary was reached.
    """
    V, dual, scale = (a.astype(Q.dtype, copy=False) for a in (point.V, point.dual[:, None], scale))
    residual = -(scale * gradient.astype(Q.dtype, copy=False))
    direction = residual.copy()
    step, image = np.zeros_like(residual), np.zeros_like(residual)
    norm = first_norm = _dot(residual, residual)
    at_boundary = False
    for _ in range(_CG_STEPS):
        if norm <= _CG_TOL**2 * first_norm or norm == 0:
            break
        move = scale * direction
        product = scale * (Q @ move + dual * move)
        product -= row_dots(product, V)[:, None] * V
        curvature = _dot(direction, product)
        length = norm / curvature if curvature > 0 else np.inf
        ss, sd, dd = _dot(step, step), _dot(step, direction), _dot(direction, direction)
        if not np.isfinite(length) or ss + 2 * length * sd + length**2 * dd >= radius**2:
            length = (np.sqrt(sd**2 + dd * (radius**2 - ss)) - sd) / dd
            at_boundary = True
        step += length * direction
        image += length * product
        if at_boundary:
            break
        residual -= length * product
        norm, old_norm = _dot(residual, residual), norm
        direction = residual + norm / old_norm * direction
    return step.astype(np.float64), _dot(step, image), at_boundary


def _dot(a: Array, b: Array) -> float:
    return float(np.vdot(a, b))
