"""L-BFGS whose line search asks for a gradient only where the value is already low enough."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from optathlon.baselines.acceleration.oracle import NotFinite, Oracle

__all__ = ["descend"]

DECREASE, CURVATURE, TRIALS = 1e-4, 0.9, 60  # Wolfe's constants, and trials of a line search
Pair = tuple[np.ndarray, np.ndarray, float]


def descend(oracle: Oracle, x: np.ndarray, *, tol: float, memory: int) -> bool:
    """Descend from x until the gradient is within tol; return whether it is at the last accepted iterate.

    Not so where no step of the line search lowers f, at the limit of rounding.

    Parameters
    ----------
    oracle, x, tol
        As in `minimize`.
    memory : int
        Pairs of moves and changes of the gradient kept.
    """
    pairs: deque[Pair] = deque(maxlen=memory)
    value, g = oracle.objective(x), oracle.gradient(x)
    oracle.accept(x)
    while np.linalg.norm(g) > tol:
        direction = -_inverse_hessian_times(g, pairs)
        if not direction @ g < 0:  # rounding has spoilt the pairs
            pairs.clear()
            direction = -_inverse_hessian_times(g, pairs)
        found = _wolfe_step(oracle, x, value, g, direction)
        if found is None:
            if not pairs:
                return False
            pairs.clear()
            continue
        x_next, value, g_next = found
        s, y = x_next - x, g_next - g
        if s @ y > 0:
            pairs.append((s, y, float(s @ y)))
        x, g = x_next, g_next
        oracle.accept(x)
    return True


def _inverse_hessian_times(g: np.ndarray, pairs: deque[Pair]) -> np.ndarray:
    """Return the two-loop product; without pairs, a step of at most unit length."""
    if not pairs:
        return g / max(1.0, float(np.linalg.norm(g)))
    q, shares = g.copy(), []
    for s, y, sy in reversed(pairs):
        shares.append(s @ q / sy)
        q -= shares[-1] * y
    s, y, sy = pairs[-1]
    q *= sy / (y @ y)
    for (s, y, sy), share in zip(pairs, reversed(shares), strict=True):
        q += (share - y @ q / sy) * s
    return q


def _wolfe_step(
    oracle: Oracle, x: np.ndarray, value: float, g: np.ndarray, direction: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """Return a point, its value and its gradient by bisection for the weak Wolfe conditions; None where there is none.

    References
    ----------
    Lewis, Overton, Nonsmooth optimization via quasi-Newton methods (2013), Algorithm 2.6.
    """
    slope, rounding = float(direction @ g), 4 * np.finfo(float).eps * abs(value)
    low, high, t = 0.0, math.inf, 1.0
    best = None
    for _ in range(TRIALS):
        trial = x + t * direction
        try:
            reached = oracle.objective(trial)
            too_long = not reached <= value + DECREASE * t * slope + rounding
            g_trial = None if too_long else oracle.gradient(trial)
        except NotFinite:
            reached, g_trial = math.inf, None
        if g_trial is None:
            high = t
            bend = reached - value - slope * t
            bottom = -slope * t * t / (2 * bend) if math.isfinite(bend) and bend > 0 else 0.0
            t = min(max(bottom, low + 0.1 * (high - low)), low + 0.5 * (high - low))
        else:
            if reached < value:
                best = (trial, reached, g_trial)
            if g_trial @ direction >= CURVATURE * slope:
                return trial, reached, g_trial
            low = t
            t = 2 * t if math.isinf(high) else (low + high) / 2
        if not t * float(np.abs(direction).max()) > np.finfo(float).eps * float(np.abs(x).max()) * 1e-3:
            break
    return best
