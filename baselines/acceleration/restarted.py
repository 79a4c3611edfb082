"""Accelerated descent that restarts when it has travelled far: the simplest method with a proved eps^-7/4 rate."""

from __future__ import annotations

import math

import numpy as np

from optathlon.baselines.acceleration.oracle import Oracle, norm

__all__ = ["restarted_agd"]


def restarted_agd(
    oracle: Oracle,
    x: np.ndarray,
    *,
    tol: float,
    rng: np.random.Generator,
    L1: float | None = None,
    L2: float | None = None,
) -> None:
    """Run Nesterov's descent with a fixed momentum, anew whenever k sum |moves|^2 exceeds tol / L2.

    An epoch of K steps without a restart ends in the average of its extrapolated points, whose gradient is small; where it is
    not yet within tol, the next epoch goes on from the last iterate.

    Parameters
    ----------
    oracle, x, tol, rng
        As in `minimize`. The gradient is tested at the extrapolated points too.
    L1, L2 : float, optional
        Lipschitz constants instead of the problem's.

    References
    ----------
    Li, Lin, Restarted nonconvex accelerated gradient descent (2022), Algorithm 1 and the constants of Theorem 2.2.
    """
    L1, L2 = oracle.constant("L1", L1), oracle.constant("L2", L2)
    step = 1 / (4 * L1)
    theta = min(1.0, 4 * (tol * L2 * step**2) ** 0.25)
    radius2, epoch = tol / L2, max(1, math.floor(1 / theta))
    while True:
        previous, travelled = x, 0.0
        extrapolated, moves = [], []
        for k in range(1, epoch + 1):
            y = x + (1 - theta) * (x - previous)
            oracle.accept(y)
            g = oracle.gradient(y)
            if norm(g) <= tol:
                return
            previous, x = x, y - step * g
            extrapolated.append(y)
            moves.append(float((x - previous) @ (x - previous)))
            travelled += moves[-1]
            if k * travelled > radius2:
                oracle.events["restarts"] += 1
                break
        else:
            last = epoch // 2 + int(np.argmin(moves[epoch // 2 :]))
            average = np.mean(extrapolated[: last + 1], axis=0)
            oracle.accept(average)
            if norm(oracle.gradient(average)) <= tol:
                return
