"""Limited-memory BFGS with a diagonal start matrix and an optional retraction, for matrices of any float dtype."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_ARMIJO = 1e-4
_BACKTRACK = 0.4
_SHORTEST = 1e-5


class Evaluation(NamedTuple):
    """Value and gradient of a function, and a diagonal guess of its inverse Hessian that broadcasts against the gradient."""

    value: float
    gradient: Array
    inverse_hessian: Array


def minimise_lbfgs(
    evaluate: Callable[[Array], Evaluation],
    x: Array,
    *,
    retract: Callable[[Array], Array] = lambda x: x,
    n_steps: int,
    value_tol: float = 0.0,
    gradient_tol: float = 0.0,
    memory: int = 8,
) -> Array:
    """Minimise by L-BFGS with backtracking (Nocedal and Wright, Algorithm 7.4); return the last point.

    Stops after `n_steps`, after two steps in a row that gain less than `value_tol` of the value, when the gradient has
    shrunk to `gradient_tol` of its first length, or when rounding leaves no descent.
    """
    now = evaluate(x)
    pairs: deque[tuple[Array, Array, float]] = deque(maxlen=memory)
    first_norm, small_gains = _dot(now.gradient, now.gradient), 0
    for _ in range(n_steps):
        direction = -_apply_inverse_hessian(pairs, now)
        slope = _dot(direction, now.gradient)
        if not slope < 0:
            break
        length = 1.0
        while True:
            x_next = retract(x + length * direction)
            then = evaluate(x_next)
            if then.value <= now.value + _ARMIJO * length * slope or length < _SHORTEST:
                break
            length *= _BACKTRACK
        if not then.value < now.value:
            break
        step, change = x_next - x, then.gradient - now.gradient
        curvature = _dot(step, change)
        if curvature > 0:
            pairs.append((step, change, 1 / curvature))
        small_gains = small_gains + 1 if now.value - then.value < value_tol * abs(now.value) else 0
        x, now = x_next, then
        if small_gains == 2 or _dot(now.gradient, now.gradient) <= gradient_tol**2 * first_norm:
            break
    return x


def _apply_inverse_hessian(pairs: deque[tuple[Array, Array, float]], now: Evaluation) -> Array:
    """Multiply the gradient by the L-BFGS inverse Hessian: the two-loop recursion."""
    q = now.gradient.copy()
    weights = []
    for step, change, inverse_curvature in reversed(pairs):
        weights.append(inverse_curvature * _dot(step, q))
        q -= weights[-1] * change
    q *= now.inverse_hessian
    for (step, change, inverse_curvature), weight in zip(pairs, reversed(weights), strict=True):
        q += (weight - inverse_curvature * _dot(change, q)) * step
    return q


def _dot(a: Array, b: Array) -> float:
    return float(np.vdot(a, b))
