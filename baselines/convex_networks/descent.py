"""Optimisers of flat parameter vectors: SGD with momentum, Adam and L-BFGS."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.convex_networks.networks import Objective

Array = NDArray[np.float64]


def sgd(
    objective: Objective,
    theta: Array,
    *,
    n_steps: int,
    step: float,
    momentum: float = 0.9,
    batch_size: int | None = None,
    rng: np.random.Generator,
    callback: Callable[[int, Array], None] | None = None,
) -> tuple[Array, int]:
    """Minimise by stochastic gradients with momentum and a step that falls linearly to zero.

    ``d <- momentum d + gradient / n_samples``, ``theta <- theta - step (1 - t / n_steps) d``.

    Parameters
    ----------
    objective
        What is minimised.
    theta
        First parameters.
    n_steps
        Number of steps.
    step
        First step length, for the objective per sample.
    momentum
        In [0, 1).
    batch_size
        Samples per step, without replacement in every pass; all of them where None.
    rng
        Shuffles the samples.
    callback
        ``callback(step, theta)`` after every step.

    Returns
    -------
    theta : ndarray
        The last parameters.
    n_taken : int
        Steps taken: fewer than `n_steps` where the parameters ceased to be finite.
    """
    n = objective.n_samples
    rows = batches(n, batch_size, rng)
    direction = np.zeros_like(theta)
    for t in range(n_steps):
        direction = momentum * direction + objective.gradient(theta, next(rows)) / n
        theta = theta - step * (1 - t / n_steps) * direction
        if not np.isfinite(theta).all():
            return theta, t + 1
        if callback is not None:
            callback(t + 1, theta)
    return theta, n_steps


def adam(
    objective: Objective,
    theta: Array,
    *,
    n_steps: int,
    step: float,
    betas: tuple[float, float] = (0.9, 0.999),
    batch_size: int | None = None,
    rng: np.random.Generator,
    callback: Callable[[int, Array], None] | None = None,
) -> tuple[Array, int]:
    """Minimise by Adam, its step falling along half a cosine to a hundredth.

    ``m <- b1 m + (1 - b1) g``, ``v <- b2 v + (1 - b2) g^2``, ``theta <- theta - step_t m^ / (sqrt(v^) + 1e-8)``
    with the bias-corrected m^, v^.

    Parameters
    ----------
    objective
        What is minimised; its penalty is part of the gradient (no decoupled weight decay).
    theta
        First parameters.
    n_steps
        Number of steps.
    step
        First step length.
    betas
        Decay of the two averages, in [0, 1).
    batch_size
        Samples per step, without replacement in every pass; all of them where None.
    rng
        Shuffles the samples.
    callback
        ``callback(step, theta)`` after every step.

    Returns
    -------
    theta : ndarray
        The last parameters.
    n_taken : int
        Steps taken: fewer than `n_steps` where the parameters ceased to be finite.

    References
    ----------
    D. P. Kingma and J. Ba (2015), Adam: a method for stochastic optimization, Algorithm 1.
    """
    rows = batches(objective.n_samples, batch_size, rng)
    first, second = np.zeros_like(theta), np.zeros_like(theta)
    b1, b2 = betas
    for t in range(1, n_steps + 1):
        g = objective.gradient(theta, next(rows)) / objective.n_samples
        first = b1 * first + (1 - b1) * g
        second = b2 * second + (1 - b2) * g * g
        length = step * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * (t - 1) / n_steps)))
        theta = theta - length * (first / (1 - b1**t)) / (np.sqrt(second / (1 - b2**t)) + 1e-8)
        if not np.isfinite(theta).all():
            return theta, t
        if callback is not None:
            callback(t, theta)
    return theta, n_steps


def lbfgs(
    objective: Objective,
    theta: Array,
    *,
    n_steps: int,
    memory: int = 20,
    callback: Callable[[int, Array], None] | None = None,
) -> tuple[Array, int]:
    """Minimise by L-BFGS; it stops where the line search fails, as it may at the kinks of the ReLU.

    Parameters
    ----------
    objective
        What is minimised.
    theta
        First parameters.
    n_steps
        Iterations at most.
    memory
        Pairs of differences that it keeps.
    callback
        ``callback(step, theta)`` after every iteration.

    Returns
    -------
    theta : ndarray
        The last parameters.
    n_taken : int
        Iterations taken.

    References
    ----------
    R. H. Byrd, P. Lu, J. Nocedal and C. Zhu (1995), A limited memory algorithm for bound constrained optimization,
    as in SciPy.
    """
    from scipy.optimize import minimize

    steps = 0

    def count(current: Array) -> None:
        nonlocal steps
        steps += 1
        if callback is not None:
            callback(steps, current.copy())

    options = {"maxiter": n_steps, "maxfun": 10 * n_steps, "maxcor": memory, "ftol": 1e-15, "gtol": 1e-9}
    result = minimize(objective.value_and_gradient, theta, jac=True, method="L-BFGS-B", callback=count, options=options)
    return result.x, steps


def batches(n: int, size: int | None, rng: np.random.Generator) -> Iterator[NDArray[np.intp] | None]:
    """Yield the rows of one batch after another: a fresh permutation per pass, its remainder left out."""
    if size is None or size >= n:
        while True:
            yield None
    while True:
        order = rng.permutation(n)
        for start in range(0, n - size + 1, size):
            yield order[start : start + size]
