"""Perturbed accelerated gradient descent: noise where the gradient is small, negative curvature by two values."""

from __future__ import annotations

import math

import numpy as np

from optathlon.baselines.acceleration._checks import check_positive
from optathlon.baselines.acceleration.oracle import Oracle, norm

__all__ = ["perturbed_agd"]


def perturbed_agd(
    oracle: Oracle,
    x: np.ndarray,
    *,
    tol: float,
    rng: np.random.Generator,
    chi: float = 1.0,
    c: float = 1.0,
    L1: float | None = None,
    L2: float | None = None,
) -> None:
    """Escape saddles by noise, and exploit negative curvature where the momentum has met it.

    The published method never ends. Here a perturbation that has not lowered f by sqrt(tol^3 / L2) / (chi^5 c^7) within its
    period ends the run at the point before it.

    Parameters
    ----------
    oracle, x, tol, rng
        As in `minimize`.
    chi, c : float
        The factors of the theory: logarithms and a constant, which a proof wants large.
    L1, L2 : float, optional
        Lipschitz constants instead of the problem's.

    References
    ----------
    Jin, Netrapalli, Jordan, Accelerated gradient descent escapes saddle points faster (2018), Algorithms 2 and 3, eq. 3. The
    test for negative curvature is strict and skipped while v = 0, where it would hold with equality for ever. The gradient is
    tested at y_t, where the step needs it anyway, and not at x_t: half the calls.
    """
    L1, L2 = oracle.constant("L1", L1), oracle.constant("L2", L2)
    chi, c = check_positive("chi", chi), check_positive("c", c)
    kappa = max(1.0, L1 / math.sqrt(L2 * tol))
    step, theta = 1 / (4 * L1), 1 / (4 * math.sqrt(kappa))
    gamma = theta**2 / step
    s, radius = gamma / (4 * L2), step * tol / (chi**5 * c**8)
    period, decrease = math.ceil(math.sqrt(kappa) * chi * c), math.sqrt(tol**3 / L2) / (chi**5 * c**7)
    v, quiet = np.zeros_like(x), 0  # steps left in which no noise is added
    candidate: tuple[np.ndarray, float] | None = None  # the point before the last noise, and its value
    while True:
        if quiet == 0 and candidate is not None:
            if candidate[1] - oracle.objective(x) < decrease:
                oracle.accept(candidate[0])
                return
            candidate = None
        y = x + (1 - theta) * v
        oracle.accept(y)
        g = oracle.gradient(y)
        if quiet == 0 and norm(g) <= tol:
            candidate, quiet = (y, oracle.objective(y)), period
            x, v = y + radius * _in_unit_ball(rng, len(y)), np.zeros_like(v)
            oracle.events["perturbations"] += 1
            continue
        quiet = max(0, quiet - 1)
        back = x - y
        if v.any() and oracle.objective(x) < oracle.objective(y) + g @ back - gamma / 2 * (back @ back):
            x, v = _exploit(oracle, x, v, s)
        else:
            x, v = y - step * g, y - step * g - x


def _exploit(oracle: Oracle, x: np.ndarray, v: np.ndarray, s: float) -> tuple[np.ndarray, np.ndarray]:
    """Drop a long momentum; step along a short one to whichever side is lower (Algorithm 3)."""
    oracle.events["curvature steps"] += 1
    length = float(np.linalg.norm(v))
    if length < s:
        shift = s * v / length
        x = min(x + shift, x - shift, key=oracle.objective)
    return x, np.zeros_like(v)


def _in_unit_ball(rng: np.random.Generator, d: int) -> np.ndarray:
    direction = rng.standard_normal(d)
    return direction / np.linalg.norm(direction) * rng.random() ** (1 / d)
