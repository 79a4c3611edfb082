"""The smallest eigenvalue of a Hessian by products alone, with the number of products that a guarantee asks for (Lemma 2.2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh_tridiagonal

from optathlon.baselines.acceleration.oracle import Oracle

__all__ = ["Curvature", "lanczos_steps", "smallest_curvature", "tested_curvature"]


class Curvature(NamedTuple):
    """A unit vector v (d,) and its curvature v'Hv, an upper bound on the smallest eigenvalue."""

    direction: np.ndarray
    value: float


def lanczos_steps(d: int, L1: float, accuracy: float, delta: float) -> int:
    """Return how many products make v'Hv <= lambda_min + accuracy, with probability at least 1 - delta.

    Lanczos on L1 I - H, whose spectrum lies in [0, 2 L1], errs by more than a share e with probability at most
    1.648 sqrt(d) exp(-sqrt(e) (2k - 1)); here e = accuracy / (2 L1). Never more than d: then it is exact.

    References
    ----------
    Kuczynski, Wozniakowski (1992), Theorem 4.2.
    """
    share = min(1.0, accuracy / (2 * L1))
    return max(1, min(d, math.ceil(0.5 + math.log(1.648 * math.sqrt(d) / delta) / (2 * math.sqrt(share)))))


def smallest_curvature(oracle: Oracle, x: np.ndarray, *, steps: int, rng: np.random.Generator) -> Curvature:
    """Return the direction of least curvature in a random Krylov space of the Hessian at x.

    Parameters
    ----------
    oracle, x
        Whose Hessian.
    steps : int
        Products to spend, as `lanczos_steps` says; fewer where the Krylov space is exhausted, which a random start
        reaches only when it holds the smallest eigenvalue.
    rng : numpy.random.Generator
        Start.
    """
    return _lanczos(oracle, x, rng, lambda done, _: done >= steps)


def tested_curvature(oracle: Oracle, x: np.ndarray, *, accuracy: float, delta: float, rng: np.random.Generator) -> Curvature:
    """Return a direction whose curvature settles whether the smallest eigenvalue is below -2 accuracy.

    Either its curvature is below -accuracy, or no eigenvalue is below -2 accuracy, with probability at least 1 - delta. The
    largest Ritz value, 10 % up, stands for L1.
    """

    def settled(done: int, ritz: Callable[[], np.ndarray]) -> bool:
        values = ritz()
        L1 = 1.1 * float(np.abs(values).max())
        # What is found may err by as much as it stays above -2 accuracy.
        room = max(accuracy, float(values[0]) + 2 * accuracy)
        return values[0] < -2 * accuracy or (done > 1 and (L1 == 0 or done >= lanczos_steps(len(x), L1, room, delta)))

    return _lanczos(oracle, x, rng, settled)


def _lanczos(oracle: Oracle, x: np.ndarray, rng: np.random.Generator, settled: Callable[[int, np.ndarray], bool]) -> Curvature:
    """Build a Krylov space from a random start until it is settled; every vector is orthogonalised twice against the rest."""
    start = rng.standard_normal(len(x))
    Q = np.empty((min(len(x), 64), len(x)))
    Q[0] = start / np.linalg.norm(start)
    diagonal: list[float] = []
    off: list[float] = []
    for done in range(1, len(x) + 1):
        basis = Q[:done]
        product = oracle.hessian_product(x, Q[done - 1])
        diagonal.append(float(Q[done - 1] @ product))
        for _ in range(2):
            product = product - basis.T @ (basis @ product)
        beta = float(np.linalg.norm(product))
        exhausted = beta <= 1e-12 * max(1e-300, *map(abs, diagonal), *off)
        if done == len(x) or exhausted or settled(done, partial(_ritz_values, diagonal, off)):
            values, vectors = eigh_tridiagonal(diagonal, off, select="i", select_range=(0, 0))
            direction = vectors[:, 0] @ basis
            return Curvature(direction / np.linalg.norm(direction), float(values[0]))
        off.append(beta)
        if done == len(Q):
            Q = np.concatenate([Q, np.empty((min(len(Q), len(x) - len(Q)), len(x)))])
        Q[done] = product / beta
    raise AssertionError("the loop ends by return")


def _ritz_values(diagonal: list[float], off: list[float]) -> np.ndarray:
    return np.asarray(eigh_tridiagonal(diagonal, off, eigvals_only=True))
