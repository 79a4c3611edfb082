"""Least squares over symmetric matrices with a gauge: an alternating direction method with a certificate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.convex_networks import _checks

Array = NDArray[np.float64]

_OVER_RELAXATION = 1.6
_CHECK_EVERY = 20


class NuclearBall:
    """Symmetric matrices with the nuclear norm."""

    n_blocks = 1

    def __init__(self, size: int) -> None:
        self.size = size

    def tangent(self, V: Array) -> Array:
        """Project on the linear constraints: there are none."""
        return V

    def prox(self, V: Array, threshold: float) -> Array:
        """Shrink the eigenvalues by ``threshold``."""
        values, vectors = np.linalg.eigh(V)
        values = np.sign(values) * np.maximum(np.abs(values) - threshold, 0)
        return (vectors * values[:, None, :]) @ vectors.transpose(0, 2, 1)

    def feasible(self, Z: Array) -> tuple[Array, float]:
        """Return Z and its norm."""
        return Z, float(np.abs(np.linalg.eigvalsh(Z)).sum())

    def polar(self, G: Array) -> float:
        """Return the dual norm: the largest absolute eigenvalue."""
        return float(np.abs(np.linalg.eigvalsh(G)).max())


class SignedTraceCone:
    """Pairs of positive semidefinite matrices with ``<A, Z> = 0``, ``A = diag(1, ..., 1, -1)``; the norm is the corner."""

    n_blocks = 2

    def __init__(self, n_features: int) -> None:
        self.size = n_features + 1
        self.signs = np.append(np.ones(n_features), -1.0)

    def tangent(self, V: Array) -> Array:
        """Project on ``<A, V> = 0``."""
        V = V.copy()
        diagonal = np.einsum("...ii->...i", V)
        diagonal -= (diagonal @ self.signs)[..., None] / self.size * self.signs
        return V

    def prox(self, V: Array, threshold: float) -> Array:
        """Return the positive semidefinite part of V less ``threshold`` in the corner."""
        V = V.copy()
        V[:, -1, -1] -= threshold
        values, vectors = np.linalg.eigh(V)
        return (vectors * np.maximum(values, 0)[:, None, :]) @ vectors.transpose(0, 2, 1)

    def feasible(self, Z: Array) -> tuple[Array, float]:
        """Scale upper block and corner until the trace condition holds; return that pair and the sum of its corners."""
        Z = Z.copy()
        for block in Z:
            corner, trace = block[-1, -1], np.trace(block) - block[-1, -1]
            if corner <= 0 or trace <= 0:
                block[...] = 0.0
                continue
            balance = np.append(np.full(self.size - 1, (corner / trace) ** 0.25), (trace / corner) ** 0.25)
            block *= balance[:, None] * balance
        return Z, float(Z[:, -1, -1].sum())

    def polar(self, G: Array) -> float:
        """Return ``max_{|w| = 1} |[w; 1]' G [w; 1]|``: a trust-region problem on the sphere for either sign of G."""
        return max(_sphere_maximum(G), _sphere_maximum(-G))


def _sphere_maximum(G: Array) -> float:
    """Return ``max_{|w| = 1} w' H w + 2 g'w + c`` for ``G = [[H, g], [g', c]]``.

    By duality it is ``min_{mu > lambda_max(H)} mu + g' (mu I - H)^{-1} g + c``, where ``|(mu I - H)^{-1} g| = 1``.
    Every mu gives an upper bound, so that rounding costs tightness, never validity.
    """
    from scipy.optimize import root_scalar

    values, vectors = np.linalg.eigh(G[:-1, :-1])
    g = vectors.T @ G[:-1, -1]
    shift = values[-1] - values
    length = float(np.linalg.norm(g))
    tiny = 1e-14 * (length + float(np.abs(values).max())) + 1e-300

    def excess(mu: float) -> float:
        return float(np.linalg.norm(g / (shift + mu))) - 1

    mu = tiny
    if length > tiny and excess(tiny) > 0:
        end = length if excess(length) <= 0 else length * (1 + 1e-9)  # rounding may leave a hair of it
        mu = float(root_scalar(excess, bracket=(tiny, end), xtol=1e-14 * length).root)
    return float(values[-1] + mu + (g**2 / (shift + mu)).sum() + G[-1, -1])


def lifted_program(
    lift: Array,
    y: Array,
    beta: float,
    cone: NuclearBall | SignedTraceCone,
    tol: float,
    n_steps: int,
    callback: Callable[[int, Array], None] | None,
) -> tuple[Array, float, int]:
    """Minimise ``1/2 ||F(Z) - y||^2 + beta norm(Z)`` over the cone by ADMM; return blocks, dual bound and steps.

    x: least squares on the linear constraints (one SVD for every penalty); z: the prox of the norm; u: the scaled
    multiplier.
    """
    _checks.positive(tol, "tol")
    _checks.positive_integer(n_steps, "n_steps")
    n, size, k = len(y), cone.size, cone.n_blocks
    sign = np.array([1.0, -1.0])[:k, None]
    U, S, Vt = np.linalg.svd(cone.tangent(lift).reshape(n, -1), full_matrices=False)
    rank = int((1e-12 * max(S[0], 1e-300) < S).sum())
    S, Vt, Uy = S[:rank], Vt[:rank], U[:, :rank].T @ y
    best = (np.zeros((k, size, size)), 0.5 * float(y @ y), 0.0)  # blocks, objective, dual bound
    if rank == 0 or not y.any():
        return best[0], best[1], 0
    penalty = 10 * beta * float(S.mean()) / float(np.linalg.norm(y))
    z = np.zeros((k, size * size))
    u = np.zeros_like(z)
    for step in range(1, n_steps + 1):
        p = cone.tangent((z - u).reshape(k, size, size)).reshape(k, -1)
        shift = (S / (penalty + k * S**2) * (Uy - S * (Vt @ (sign * p).sum(axis=0)))) @ Vt
        x = p + sign * shift
        relaxed = _OVER_RELAXATION * x + (1 - _OVER_RELAXATION) * z
        previous = z
        blocks = cone.prox((relaxed + u).reshape(k, size, size), beta / penalty)
        z = blocks.reshape(k, -1)
        u = u + relaxed - z
        if callback is not None:
            callback(step, blocks)
        if step % _CHECK_EVERY and step != n_steps:
            continue
        candidate, norm = cone.feasible(blocks)
        best = _certify(lift, y, beta, cone, candidate, norm, best)
        if best[1] - best[2] <= tol * best[1]:
            return best[0], best[2], step
        # Residual balancing (relative), only early on: a penalty that never settles never converges.
        primal = np.linalg.norm(x - z) / (np.linalg.norm(z) + 1e-300)
        dual = np.linalg.norm(z - previous) / (np.linalg.norm(u) + 1e-300)
        if step <= 600 and max(primal, dual) > 10 * min(primal, dual):
            factor = 2.0 if primal > dual else 0.5
            penalty, u = penalty * factor, u / factor
    return best[0], best[2], n_steps


def _certify(
    lift: Array,
    y: Array,
    beta: float,
    cone: NuclearBall | SignedTraceCone,
    blocks: Array,
    norm: float,
    best: tuple[Array, float, float],
) -> tuple[Array, float, float]:
    """Return the better of the best point and this one, and the better of the dual bounds.

    Dual: ``max y'v - 1/2 ||v||^2`` subject to ``polar(sum_i v_i F_i) <= beta``; v is the residual, scaled to be
    feasible.
    """
    total = blocks[0] - blocks[1] if cone.n_blocks == 2 else blocks[0]
    residual = y - lift.reshape(len(y), -1) @ total.ravel()
    objective = 0.5 * float(residual @ residual) + beta * norm
    squared = float(residual @ residual)
    bound = 0.0
    if squared > 0:
        reach = cone.polar((residual @ lift.reshape(len(y), -1)).reshape(cone.size, cone.size))
        scale = min(beta / max(reach, 1e-300), max(float(y @ residual), 0.0) / squared)
        bound = scale * float(y @ residual) - 0.5 * scale**2 * squared
    blocks, objective = (blocks, objective) if objective < best[1] else best[:2]
    return blocks, objective, max(bound, best[2])
