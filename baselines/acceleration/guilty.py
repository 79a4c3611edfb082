"""Accelerated descent that treats f as convex until two iterates prove it is not, and then steps along them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from optathlon.baselines.acceleration._checks import check_positive
from optathlon.baselines.acceleration.oracle import Oracle, norm

__all__ = ["convex_until_guilty"]


class _Regularised:
    """f + alpha |x - centre|^2, with the same oracles."""

    def __init__(self, oracle: Oracle, centre: np.ndarray, alpha: float) -> None:
        self.oracle, self.centre, self.alpha = oracle, centre, alpha

    def objective(self, x: np.ndarray) -> float:
        away = x - self.centre
        return self.oracle.objective(x) + self.alpha * float(away @ away)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        return self.oracle.gradient(x) + 2 * self.alpha * (x - self.centre)


class _Trial(NamedTuple):
    """Where a trial ended, its iterates, and the pair (u, v) that proves f non-convex, if there is one."""

    y: np.ndarray
    ys: list[np.ndarray]
    pair: tuple[np.ndarray, np.ndarray] | None


def convex_until_guilty(
    oracle: Oracle,
    p: np.ndarray,
    *,
    tol: float,
    rng: np.random.Generator,
    alpha: float | None = None,
    L1: float | None = None,
    L2: float | None = None,
) -> None:
    """Minimise f + alpha |x - p|^2 as if it were alpha-strongly convex; exploit the pair that proves it is not.

    Parameters
    ----------
    oracle, p, tol, rng
        As in `minimize`.
    alpha : float, optional
        Regularisation; 2 sqrt(L2 tol) by default.
    L1, L2 : float, optional
        Lipschitz constants instead of the problem's.

    References
    ----------
    Carmon, Duchi, Hinder, Sidford, Convex until proven guilty (2017), Algorithms 1 to 3, eta = alpha / L2.
    """
    L1, L2 = oracle.constant("L1", L1), oracle.constant("L2", L2)
    alpha = check_positive("alpha", 2 * math.sqrt(L2 * tol) if alpha is None else alpha)
    oracle.accept(p)
    if norm(oracle.gradient(p)) <= tol:
        return
    while True:
        trial = _agd_until_guilty(_Regularised(oracle, p, alpha), p, tol=tol / 10, L=L1 + 2 * alpha, sigma=alpha)
        oracle.events["outer iterations"] += 1
        if trial.pair is None:
            p = trial.y
        else:
            oracle.events["curvature steps"] += 1
            u, v = trial.pair
            shift = alpha / L2 * (u - v) / np.linalg.norm(u - v)
            p = min([*trial.ys, u, u + shift, u - shift], key=oracle.objective)
        oracle.accept(p)
        if norm(oracle.gradient(p)) <= tol:
            return


def _agd_until_guilty(f: _Regularised, y0: np.ndarray, *, tol: float, L: float, sigma: float) -> _Trial:
    root = math.sqrt(L / sigma)
    momentum = (root - 1) / (root + 1)
    start = f.objective(y0)
    y, x = y0, y0
    xs, ys, slopes = [], [y0], []
    while True:
        g = f.gradient(x)
        xs.append(x)
        slopes.append(g)
        y_next = x - g / L
        x = y_next + momentum * (y_next - y)
        y = y_next
        ys.append(y)
        g_y = f.gradient(y)
        witness = _uncertified(f, y0, start, y, g_y, len(xs), L, sigma)
        if witness is not None:
            return _Trial(y, ys[:-1], _witness_pair(f, xs, slopes, ys[:-1], witness, sigma))
        if norm(g_y) <= tol:
            return _Trial(y, ys, None)


def _uncertified(
    f: _Regularised, y0: np.ndarray, start: float, y: np.ndarray, g: np.ndarray, t: int, L: float, sigma: float
) -> np.ndarray | None:
    """Return the point at which progress is slower than strong convexity allows, if there is one (Certify-Progress)."""
    if f.objective(y) > start:
        return y0
    z = y - g / L
    away = z - y0
    allowed = start - f.objective(z) + sigma / 2 * float(away @ away)
    return z if float(g @ g) > 2 * L * allowed * math.exp(-t * math.sqrt(sigma / L)) else None


def _witness_pair(
    f: _Regularised,
    xs: list[np.ndarray],
    slopes: list[np.ndarray],
    ys: list[np.ndarray],
    witness: np.ndarray,
    sigma: float,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return (u, v) with f(u) below the strongly convex bound at v (Find-Witness-Pair)."""
    known = f.objective(witness)
    for x, slope, y in zip(xs, slopes, ys, strict=True):
        at_x, at_y = f.objective(x), f.objective(y)
        for u, value in ((y, at_y), (witness, known)):
            away = u - x
            if value < at_x + slope @ away + sigma / 2 * float(away @ away) and away.any():
                return u, x
    return None  # in exact arithmetic there is one
