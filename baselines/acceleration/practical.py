"""The practical answer: L-BFGS with a long memory, a Lanczos test where it stops, a step along negative curvature, repeat."""

from __future__ import annotations

import math

import numpy as np

from optathlon.baselines.acceleration._checks import check_count, check_positive
from optathlon.baselines.acceleration.lanczos import Curvature, tested_curvature
from optathlon.baselines.acceleration.oracle import Oracle, Stuck
from optathlon.baselines.acceleration.quasi_newton import descend

__all__ = ["second_order"]

LONGEST_MEMORY, SHORTEST_MEMORY, MEMORY_NUMBERS = 300, 10, 2**25  # pairs, pairs, and floats that all pairs may take


def second_order(
    oracle: Oracle,
    x: np.ndarray,
    *,
    tol: float,
    rng: np.random.Generator,
    curvature_tol: float,
    delta: float = 0.01,
    memory: int | None = None,
) -> None:
    """Reach |gradient| <= tol and lambda_min >= -curvature_tol, from exact saddles too, without any constant.

    With about d pairs L-BFGS is a quasi-Newton method without loss, which on near-quadratic stretches takes the steps of
    conjugate gradients; that is where the ten pairs of common use cost most. The point where it stops is tested in a random
    Krylov space, and left along the direction of least curvature where that is below -curvature_tol / 2.

    Parameters
    ----------
    oracle, x, tol, rng, curvature_tol
        As in `minimize`.
    delta : float
        Probability with which the test may miss a curvature below -curvature_tol.
    memory : int, optional
        Pairs kept by L-BFGS; by default d, at most 300, fewer where they would take more than 256 MiB.
    """
    if not 0 < check_positive("delta", delta) < 1:
        raise ValueError(f"delta must lie in (0, 1), got {delta}")
    d = len(x)
    if memory is None:
        memory = min(d, LONGEST_MEMORY, max(SHORTEST_MEMORY, MEMORY_NUMBERS // (2 * d)))
    memory = check_count("memory", memory)
    while True:
        descend(oracle, x, tol=tol, memory=memory)
        assert oracle.x is not None
        x = oracle.x
        least = tested_curvature(oracle, x, accuracy=curvature_tol / 2, delta=delta, rng=rng)
        oracle.smallest_eigenvalue = least.value
        if least.value >= -curvature_tol / 2:
            return
        lower = _along_curvature(oracle, x, least)
        if lower is None:
            raise Stuck(f"f is too flat for its values to fall along the curvature {least.value:.3g}")
        x = lower
        oracle.accept(x)
        oracle.events["curvature steps"] += 1


def _along_curvature(oracle: Oracle, x: np.ndarray, least: Curvature) -> np.ndarray | None:
    """Return a point that is lower by the curvature's worth, x + t v with t doubled while f falls as it should.

    By f alone, from a quarter of the decrease |lambda| t^2 / 2 of the quadratic model; None where f is too flat to tell.
    """
    start, scale = oracle.objective(x), max(1.0, float(np.linalg.norm(x)))
    rounding = 8 * np.finfo(float).eps * max(1e-300, abs(start))
    smallest = math.sqrt(rounding / abs(least.value))

    def lower(t: float) -> tuple[float, float]:
        """Return the better of both signs: (f, signed t)."""
        return min((oracle.objective(x + s * t * least.direction), s * t) for s in (-1.0, 1.0))

    t = scale
    found = lower(t)
    while not found[0] < start - abs(least.value) * t * t / 8 - rounding:
        t /= 2
        if t < smallest:
            return None
        found = lower(t)
    for _ in range(60):
        t *= 2
        longer = lower(t)
        if not longer[0] < found[0] or not math.isfinite(longer[0]):
            break
        found = longer
    return x + found[1] * least.direction
