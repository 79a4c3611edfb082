"""Descent with a step per parameter: AdaGrad and RMSProp."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.convex_networks.descent import batches
from optathlon.baselines.convex_networks.networks import Objective

Array = NDArray[np.float64]

_EPS = 1e-8


def adagrad(
    objective: Objective,
    theta: Array,
    *,
    n_steps: int,
    step: float,
    batch_size: int | None = None,
    rng: np.random.Generator,
    callback: Callable[[int, Array], None] | None = None,
) -> tuple[Array, int]:
    """Minimise by AdaGrad: ``s <- s + g^2``, ``theta <- theta - step g / (sqrt(s) + 1e-8)``.

    Parameters and returns as for :func:`optathlon.baselines.convex_networks.descent.adam`.

    References
    ----------
    J. Duchi, E. Hazan and Y. Singer (2011), Adaptive subgradient methods for online learning and stochastic optimization, JMLR.
    """
    return _scaled(objective, theta, lambda t, s, g: s + g * g, lambda t: step, n_steps, batch_size, rng, callback)


def rmsprop(
    objective: Objective,
    theta: Array,
    *,
    n_steps: int,
    step: float,
    decay: float = 0.9,
    batch_size: int | None = None,
    rng: np.random.Generator,
    callback: Callable[[int, Array], None] | None = None,
) -> tuple[Array, int]:
    """Minimise by RMSProp, ``s <- decay s + (1 - decay) g^2``, its step falling as Adam's does.

    Parameters and returns as for :func:`optathlon.baselines.convex_networks.descent.adam`; `decay` is in [0, 1).

    References
    ----------
    T. Tieleman and G. Hinton (2012), Lecture 6.5: RMSProp, Coursera.
    """

    def length(t: int) -> float:
        return step * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * (t - 1) / n_steps)))

    def fade(t: int, s: Array, g: Array) -> Array:
        return g * g if t == 1 else decay * s + (1 - decay) * g * g

    return _scaled(objective, theta, fade, length, n_steps, batch_size, rng, callback)


def _scaled(
    objective: Objective,
    theta: Array,
    update: Callable[[int, Array, Array], Array],
    length: Callable[[int], float],
    n_steps: int,
    batch_size: int | None,
    rng: np.random.Generator,
    callback: Callable[[int, Array], None] | None,
) -> tuple[Array, int]:
    """Step along the gradient divided by the root of `update`'s squares."""
    rows, squares = batches(objective.n_samples, batch_size, rng), np.zeros_like(theta)
    for t in range(1, n_steps + 1):
        g = objective.gradient(theta, next(rows)) / objective.n_samples
        squares = update(t, squares, g)
        theta = theta - length(t) * g / (np.sqrt(squares) + _EPS)
        if not np.isfinite(theta).all():
            return theta, t
        if callback is not None:
            callback(t, theta)
    return theta, n_steps
