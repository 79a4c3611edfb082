"""Gradient descent and momentum: the methods whose only oracle is the gradient, without a proof for non-convex functions."""

from __future__ import annotations

import math

import numpy as np

from optathlon.baselines.acceleration._checks import check_momentum, check_positive
from optathlon.baselines.acceleration.oracle import Oracle, norm

__all__ = ["adaptive", "gradient_descent", "heavy_ball", "nesterov"]


def gradient_descent(oracle: Oracle, x: np.ndarray, *, tol: float, rng: np.random.Generator, step: float | None = None) -> None:
    """Step against the gradient: ``x - step * gradient``.

    Parameters
    ----------
    oracle, x, tol, rng
        As in `minimize`.
    step : float, optional
        Step size; 1 / L1 by default.
    """
    heavy_ball(oracle, x, tol=tol, rng=rng, step=step, momentum=0.0)


def heavy_ball(
    oracle: Oracle,
    x: np.ndarray,
    *,
    tol: float,
    rng: np.random.Generator,
    step: float | None = None,
    momentum: float = 0.9,
    restart: bool = False,
) -> None:
    """Polyak's momentum: ``x - step * gradient + momentum * (x - previous)``.

    Parameters
    ----------
    oracle, x, tol, rng
        As in `minimize`.
    step : float, optional
        Step size; 1 / L1 by default.
    momentum : float
        Polyak's beta, in [0, 1).
    restart : bool
        Drop the momentum whenever it points uphill.

    References
    ----------
    Polyak, Some methods of speeding up the convergence of iteration methods (1964).
    """
    step = check_positive("step", 1 / oracle.constant("L1") if step is None else step)
    momentum = check_momentum("momentum", momentum)
    velocity = np.zeros_like(x)
    while True:
        oracle.accept(x)
        g = oracle.gradient(x)
        if norm(g) <= tol:
            return
        if restart and g @ velocity > 0:
            velocity[:] = 0
            oracle.events["restarts"] += 1
        velocity = momentum * velocity - step * g
        x = x + velocity


def nesterov(
    oracle: Oracle,
    x: np.ndarray,
    *,
    tol: float,
    rng: np.random.Generator,
    step: float | None = None,
    restart: bool = True,
) -> None:
    """Nesterov's accelerated gradient with the momentum (t - 1) / t+ of the convex case, restarted where it points uphill.

    Parameters
    ----------
    oracle, x, tol, rng
        As in `minimize`. The gradient is taken, and tested, at the extrapolated points.
    step : float, optional
        Step size; 1 / L1 by default.
    restart : bool
        O'Donoghue and Candes' gradient restart: start the momentum anew where the gradient and the step make an acute angle.

    References
    ----------
    O'Donoghue, Candes, Adaptive restart for accelerated gradient schemes (2015), eq. 13.
    """
    step = check_positive("step", 1 / oracle.constant("L1") if step is None else step)
    y, t = x, 1.0
    while True:
        oracle.accept(y)
        g = oracle.gradient(y)
        if norm(g) <= tol:
            return
        following = y - step * g
        if restart and g @ (following - x) > 0:
            t = 1.0
            oracle.events["restarts"] += 1
        t_next = (1 + math.sqrt(1 + 4 * t * t)) / 2
        y = following + (t - 1) / t_next * (following - x)
        x, t = following, t_next


def adaptive(oracle: Oracle, x: np.ndarray, *, tol: float, rng: np.random.Generator, first_step: float = 1e-6) -> None:
    """Gradient descent whose step follows the local curvature, without a constant and without a line search.

    Parameters
    ----------
    oracle, x, tol, rng
        As in `minimize`.
    first_step : float
        The first step size, which the second one forgets.

    References
    ----------
    Malitsky, Mishchenko, Adaptive gradient descent without descent (2020), Algorithm 1.
    """
    step, ratio = check_positive("first_step", first_step), math.inf
    oracle.accept(x)
    g = oracle.gradient(x)
    while norm(g) > tol:
        x_next = x - step * g
        oracle.accept(x_next)
        g_next = oracle.gradient(x_next)
        moved, turned = norm(x_next - x), norm(g_next - g)
        local = moved / (2 * turned) if turned > 0 else math.inf
        following = float(min(math.sqrt(1 + ratio) * step, local))
        if not math.isfinite(following):
            following = step
        ratio, step = following / step, following
        x, g = x_next, g_next
