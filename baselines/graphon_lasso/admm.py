"""Alternating directions on the copy Theta = L w: exact in its kinks, where smooth methods crawl."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from optathlon.baselines.graphon_lasso._checks import Array
from optathlon.baselines.graphon_lasso._spectral import Model, Point, dual_bound, inner
from optathlon.baselines.graphon_lasso.laplacian import adjoint_of, laplacian_of

_CHECK_EVERY = 10
_OVER_RELAXATION = 1.6
_UNBALANCED, _REBALANCE, _BALANCE_UP_TO = 3.0, 1.7, 300
_PROJECTION_STEPS = 60
_GROWS_UP_TO = 10.0  # times the rho of the start


@dataclass(frozen=True)
class State:
    """Where the alternation stands."""

    W: Array
    Theta: Array
    Y: Array
    """Multiplier of L w = Theta, (p, p)."""
    degrees: Array
    """Multiplier of the degrees inside the w-step, (p,): where its next solve starts."""
    rho: float


def begin(model: Model, W: Array) -> State:
    """Start from weights, with a penalty of the curvature of -log at their mean eigenvalue."""
    mean = float(W.sum()) / (len(W) - 1) or 1.0
    return State(W, laplacian_of(W), np.zeros_like(W), np.zeros(len(W)), min(1 / mean**2, model.beta))


def alternate(
    model: Model,
    state: State,
    finished: Callable[[Point], bool],
    max_steps: int,
    callback: Callable[[int, Array], None],
    *,
    relaxed: bool,
    growth: float = 1.0,
) -> tuple[Point, State]:
    """Minimise h or its convex relaxation; returns the best point and where the alternation stands.

    Parameters
    ----------
    model : Model
        The instance.
    state : State
        Where to start.
    finished : callable
        Whether a point is good enough; asked every ten steps.
    max_steps : int
        Most steps, of one eigendecomposition each.
    callback : callable
        ``callback(step, W)`` after each step.
    relaxed : bool
        Whether to minimise the relaxation, which is convex: then its multipliers raise the bound.
    growth : float
        Factor of rho after each step, tenfold in all; above 1 it makes the iterates settle where h is not convex.

    Notes
    -----
    With M(Theta) the spectral part of h, the augmented Lagrangian of min c'w + M(Theta), L w = Theta, w >= 0 is minimised in
    turn over w (a projection in the metric L*L) and Theta. M is a Moreau envelope, so the second is the inner problem of h
    with ``beta rho / (beta + rho)`` for beta. Gabay and Mercier 1976; over-relaxation and balanced rho: Boyd et al. 2011, 3.4.
    """
    beta, best = model.beta, model.at(state.W, relaxed=relaxed)
    W, Theta, Y, degrees, rho = state.W, state.Theta, state.Y, state.degrees, state.rho
    relaxation = _OVER_RELAXATION if relaxed else 1.0
    for step in range(1, max_steps + 1):
        W, degrees = project(model, model.C + adjoint_of(Y - rho * Theta), rho, degrees)
        Lw = laplacian_of(W)
        A = relaxation * Lw + (1 - relaxation) * Theta + Y / rho
        a, U = model.eigh(A)
        kappa = beta * rho / (beta + rho)
        lam, z, _ = inner(a, model.mu, kappa, model.gamma, relaxed)
        previous, Theta = Theta, (U * ((beta * lam + rho * a) / (beta + rho))) @ U.T
        Y = (U * (kappa * (a - lam))) @ U.T
        callback(step, W)
        if relaxed and 2 * step % _CHECK_EVERY == 0:
            model.bound = max(model.bound, dual_bound(model, z, adjoint_of(-Y)))
        if step % _CHECK_EVERY == 0 or step == max_steps:
            point = model.at(W, relaxed=relaxed)
            best = min(best, point, key=lambda one: one.value)
            if finished(point):
                best = point
                break
            if relaxed and step <= _BALANCE_UP_TO:
                apart = float(np.linalg.norm(Lw - Theta)) / max(float(np.linalg.norm(Theta)), 1e-300)
                moved = rho * float(np.linalg.norm(Theta - previous)) / max(float(np.linalg.norm(Y)), 1e-300)
                rho *= _REBALANCE if apart > _UNBALANCED * moved else 1 / _REBALANCE if moved > _UNBALANCED * apart else 1.0
        rho = max(rho, min(rho * growth, _GROWS_UP_TO * state.rho))
    return best, replace(state, W=W, Theta=Theta, Y=Y, degrees=degrees, rho=rho)


def project(model: Model, Q: Array, rho: float, degrees: Array) -> tuple[Array, Array]:
    """Minimise q'w + rho/2 |L w|^2 over w >= 0; returns w as a matrix and rho times its degrees t, given a guess of them.

    With |L w|^2 = |t|^2 + 2 |w|^2 the dual has one variable per node, y = rho t, and w_ij = max(0, -(q_ij + y_i + y_j) / (2
    rho)). Newton's method solves that equation.
    """
    p, y = len(Q), degrees
    W = np.zeros_like(Q)
    for _ in range(_PROJECTION_STEPS):
        W = np.where(model.edges, np.maximum(-(Q + (y[:, None] + y)) / (2 * rho), 0.0), 0.0)
        excess = y - rho * W.sum(axis=1)
        if np.abs(excess).max() <= 1e-12 * max(float(np.abs(y).max()), 1e-300):
            break
        J = 0.5 * (W > 0)
        J[np.diag_indices(p)] = 1 + J.sum(axis=1)
        y = y - scipy.linalg.solve(J, excess, assume_a="pos", check_finite=False, overwrite_a=True)
    return W, y
