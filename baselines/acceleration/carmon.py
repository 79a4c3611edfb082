"""The accelerated method for non-convex functions, Algorithms 1 to 4, with the misprints of the survey corrected.

Corrected against Carmon, Duchi, Hinder, Sidford, Accelerated methods for nonconvex optimization (2018): the curvature step of
Algorithm 1 goes along v; the penalty of Algorithm 4 is squared; accelerated descent of g = f + gamma |. - z|^2 steps by
1 / (L1 + 2 gamma), the smoothness of g.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from optathlon.baselines.acceleration._checks import check_positive
from optathlon.baselines.acceleration.lanczos import lanczos_steps, smallest_curvature
from optathlon.baselines.acceleration.oracle import Oracle, norm

__all__ = ["accelerated_nonconvex", "almost_convex_agd", "estimate_hessian_lipschitz", "negative_curvature_descent"]

Gradient = Callable[[np.ndarray], np.ndarray]


def negative_curvature_descent(
    oracle: Oracle,
    z: np.ndarray,
    *,
    tol: float,
    rng: np.random.Generator,
    alpha: float | None = None,
    delta: float = 0.1,
    L1: float | None = None,
    L2: float | None = None,
    gap: float | None = None,
) -> np.ndarray:
    """Follow negative curvature until the Hessian is at least -alpha, with probability 1 - delta (Algorithm 1).

    Parameters
    ----------
    oracle, z, tol, rng
        As in `minimize`; `tol` is used only by the default of `alpha`.
    alpha : float, optional
        Curvature to reach; sqrt(L2 tol) by default.
    delta : float
        Probability of failure allowed.
    L1, L2 : float, optional
        Lipschitz constants instead of the problem's.
    gap : float, optional
        Delta_f, a bound on f(z) - inf f; from the problem's lower bound by default.
    """
    L1, L2 = oracle.constant("L1", L1), oracle.constant("L2", L2)
    alpha = check_positive("alpha", math.sqrt(L2 * tol) if alpha is None else alpha)
    delta = _share("delta", delta)
    gap = check_positive("gap", oracle.gap(z) if gap is None else gap)
    steps = lanczos_steps(len(z), L1, alpha / 2, delta / (1 + 12 * L2**2 * gap / alpha**3))
    while True:
        oracle.accept(z)
        v, curvature = smallest_curvature(oracle, z, steps=steps, rng=rng)
        if curvature > -alpha / 2:
            oracle.smallest_eigenvalue = curvature
            return z
        sign = 1.0 if oracle.gradient(z) @ v >= 0 else -1.0
        z = z - 2 * abs(curvature) / L2 * sign * v
        oracle.events["curvature steps"] += 1


def accelerated_gradient_descent(gradient: Gradient, y: np.ndarray, *, tol: float, L: float, sigma: float) -> np.ndarray:
    """Minimise a sigma-strongly convex, L-smooth function to a gradient within tol (Algorithm 2).

    The gradient is tested at z_j, where the step needs it anyway, and not at y_j: half the calls, and any point with a gradient
    within tol serves the proofs.
    """
    root = math.sqrt(L / sigma)
    momentum = (root - 1) / (root + 1)
    z = y
    while True:
        g = gradient(z)
        if norm(g) <= tol:
            return z
        y_next = z - g / L
        z = (1 + momentum) * y_next - momentum * y
        y = y_next


def almost_convex_agd(
    oracle: Oracle,
    z: np.ndarray,
    *,
    tol: float,
    rng: np.random.Generator,
    gamma: float | None = None,
    L1: float | None = None,
    L2: float | None = None,
    penalty: Gradient | None = None,
) -> np.ndarray:
    """Minimise a gamma-almost convex function by proximal steps, each an accelerated descent (Algorithm 3).

    Parameters
    ----------
    oracle, z, tol, rng
        As in `minimize`.
    gamma : float, optional
        How far from convex: f + gamma/2 |x|^2 is convex; 3 sqrt(L2 tol) by default. At most L1.
    L1, L2 : float, optional
        Lipschitz constants instead of the problem's.
    penalty : callable, optional
        Gradient of what is added to f: (d,) -> (d,).
    """
    L1 = oracle.constant("L1", L1)
    gamma = min(L1, 3 * math.sqrt(oracle.constant("L2", L2) * tol)) if gamma is None else check_positive("gamma", gamma)

    def gradient(x: np.ndarray) -> np.ndarray:
        return oracle.gradient(x) if penalty is None else oracle.gradient(x) + penalty(x)

    inner_tol = tol * math.sqrt(gamma / (50 * (L1 + 2 * gamma)))
    while True:
        oracle.accept(z)
        if norm(gradient(z)) <= tol:
            return z
        z = accelerated_gradient_descent(
            partial(_proximal_gradient, gradient, gamma, z), z, tol=inner_tol, L=L1 + 2 * gamma, sigma=gamma
        )
        oracle.events["proximal steps"] += 1


def _proximal_gradient(gradient: Gradient, gamma: float, centre: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the gradient of g_j(x) = f(x) + gamma |x - z_j|^2."""
    return gradient(x) + 2 * gamma * (x - centre)


def accelerated_nonconvex(
    oracle: Oracle,
    x: np.ndarray,
    *,
    tol: float,
    rng: np.random.Generator,
    alpha: float | None = None,
    delta: float = 0.1,
    L1: float | None = None,
    L2: float | str | None = None,
    gap: float | None = None,
) -> None:
    """Alternate negative curvature descent with accelerated descent of an almost convex neighbour of f (Algorithm 4).

    Ends at |gradient| <= tol with the smallest eigenvalue at least -2 sqrt(L2 tol), with probability 1 - delta (Theorem 2.5).

    Parameters
    ----------
    oracle, x, tol, rng
        As in `minimize`.
    alpha : float, optional
        Curvature that counts as almost convex; Theorem 2.5's min(L1, max(tol^2 / gap, sqrt(L2 tol))) by default.
    delta : float
        Probability of failure allowed.
    L1 : float, optional
        Instead of the problem's.
    L2 : float or "estimate", optional
        Instead of the problem's; ``"estimate"`` measures it at x. Where it is too small, the theorem says nothing.
    gap : float, optional
        Delta_f, a bound on f(x) - inf f; from the problem's lower bound by default.
    """
    L1 = oracle.constant("L1", L1)
    if isinstance(L2, str):
        if L2 != "estimate":
            raise ValueError(f"L2 must be a finite number > 0 or 'estimate', got {L2!r}")
        L2 = estimate_hessian_lipschitz(oracle, x, rng=rng)
    L2 = oracle.constant("L2", L2)
    gap = check_positive("gap", oracle.gap(x) if gap is None else gap)
    if alpha is None:
        alpha = min(L1, max(tol**2 / gap, math.sqrt(L2 * tol)))
    alpha, delta = check_positive("alpha", alpha), _share("delta", delta)
    rounds = 1 + gap * (12 * L2**2 / alpha**3 + math.sqrt(10) * L2 / (alpha * tol))
    while True:
        oracle.events["outer iterations"] += 1
        if alpha < L1:
            x = negative_curvature_descent(
                oracle, x, tol=tol, rng=rng, alpha=alpha, delta=delta / math.ceil(rounds), L1=L1, L2=L2, gap=gap
            )
        else:
            oracle.accept(x)
        if norm(oracle.gradient(x)) <= tol:
            return
        penalty = partial(_ball_penalty, L1, x, alpha / L2)
        x = almost_convex_agd(oracle, x, tol=tol / 2, rng=rng, gamma=min(3 * alpha, 5 * L1), L1=5 * L1, penalty=penalty)


def _ball_penalty(L1: float, centre: np.ndarray, radius: float, x: np.ndarray) -> np.ndarray:
    """Return the gradient of L1 [|x - centre| - radius]_+^2."""
    away = x - centre
    distance = float(np.linalg.norm(away))
    return 2 * L1 * (1 - radius / distance) * away if distance > radius else np.zeros_like(x)


def estimate_hessian_lipschitz(
    oracle: Oracle, x: np.ndarray, *, rng: np.random.Generator, n_probes: int = 5, radius: float = 1.0
) -> float:
    """Return the largest change of a Hessian product per distance among random pairs near x: too small as a rule.

    Parameters
    ----------
    oracle, x, rng
        Where; 2 `n_probes` products are spent.
    n_probes : int
        Random pairs of a displacement and a direction.
    radius : float
        Length of the displacements.
    """
    largest = 0.0
    for _ in range(n_probes):
        u, v = rng.standard_normal((2, len(x)))
        u, v = radius * u / np.linalg.norm(u), v / np.linalg.norm(v)
        change = oracle.hessian_product(x + u, v) - oracle.hessian_product(x, v)
        largest = max(largest, float(np.linalg.norm(change)) / radius)
    if largest == 0:
        raise ValueError("L2 cannot be estimated here: the Hessian did not change in any probe; give it as a number")
    return largest


def _share(name: str, value: float) -> float:
    if not 0 < check_positive(name, value) < 1:
        raise ValueError(f"{name} must lie in (0, 1), got {value}")
    return float(value)
