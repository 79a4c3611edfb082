"""Back-propagation on the objectives of :mod:`baselines.convex_networks.networks`: SGD, Adam and L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from baselines.convex_networks import _checks
from baselines.convex_networks.networks import (
    DeepLinear,
    Initialisation,
    Objective,
    ThreeLayer,
    TrainedLinear,
    TrainedNetwork,
    TrainedSubnetworks,
    TwoLayer,
)

Array = NDArray[np.float64]
Optimiser = Literal["sgd", "adam", "lbfgs"]


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
    n_iterations : int
        Steps taken: fewer than `n_steps` where the parameters ceased to be finite.
    """
    n = objective.n_samples
    batches = _batches(n, batch_size, rng)
    direction = np.zeros_like(theta)
    for t in range(n_steps):
        direction = momentum * direction + objective.gradient(theta, next(batches)) / n
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
    n_iterations : int
        Steps taken: fewer than `n_steps` where the parameters ceased to be finite.

    References
    ----------
    D. P. Kingma and J. Ba (2015), Adam: a method for stochastic optimization, Algorithm 1.
    """
    batches = _batches(objective.n_samples, batch_size, rng)
    first, second = np.zeros_like(theta), np.zeros_like(theta)
    b1, b2 = betas
    for t in range(1, n_steps + 1):
        g = objective.gradient(theta, next(batches)) / objective.n_samples
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
    n_iterations : int
        Iterations taken.

    References
    ----------
    R. H. Byrd, P. Lu, J. Nocedal and C. Zhu (1995), A limited memory algorithm for bound constrained optimization,
    as in SciPy.
    """
    steps = 0

    def count(current: Array) -> None:
        nonlocal steps
        steps += 1
        if callback is not None:
            callback(steps, current.copy())

    options = {"maxiter": n_steps, "maxfun": 10 * n_steps, "maxcor": memory, "ftol": 1e-15, "gtol": 1e-9}
    result = minimize(objective.value_and_gradient, theta, jac=True, method="L-BFGS-B", callback=count, options=options)
    return result.x, steps


def train_network(
    X: ArrayLike,
    Y: ArrayLike,
    beta: float,
    *,
    n_neurons: int,
    optimiser: Optimiser = "adam",
    coefficients: tuple[float, float, float] | None = None,
    n_steps: int = 2000,
    step: float | None = None,
    batch_size: int | None = None,
    initialisation: Initialisation = "gaussian",
    rng: np.random.Generator | None = None,
    callback: Callable[[int, TrainedNetwork], None] | None = None,
) -> TrainedNetwork:
    """Train a two-layer network by back-propagation, on the objective of the convex program.

    ReLU: ``1/2 ||(X W1)_+ w2 - Y||^2 + beta/2 (||W1||^2 + ||w2||^2)``; polynomial: the same loss plus
    ``beta sum_j ||w2_j||`` with unit columns in W1.

    Parameters
    ----------
    X, Y
        Data (n_samples, n_features); labels (n_samples,) or (n_samples, n_outputs).
    beta
        Weight of the penalty, positive.
    n_neurons
        Width of the hidden layer.
    optimiser
        ``"sgd"`` (momentum .9), ``"adam"`` or ``"lbfgs"``.
    coefficients
        a, b, c of a polynomial activation; None for the ReLU.
    n_steps
        Steps, at most.
    step
        First step length; .1 for SGD on the objective per sample and .03 for Adam unless given.
    batch_size
        Samples per step of SGD and Adam; all of them where None.
    initialisation
        ``"gaussian"``, ``"balanced"`` or ``"small"``, see :meth:`TwoLayer.start`.
    rng
        Draws the start and the batches.
    callback
        ``callback(step, network)`` after every step; the network's objective is NaN there.

    Returns
    -------
    TrainedNetwork
        The network and its objective.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen, not positive or unknown.
    """
    X, Y = _data(X, Y)
    m = _checks.positive_integer(n_neurons, "n_neurons")
    objective = TwoLayer(X, Y, _checks.positive(beta, "beta"), m, coefficients)

    def network(theta: Array, value: float, steps: int) -> TrainedNetwork:
        return TrainedNetwork(*objective.network_layers(theta), coefficients, value, steps)

    watch = None if callback is None else lambda t, theta: callback(t, network(theta, float("nan"), t))
    theta, steps = _descend(objective, optimiser, n_steps, step, batch_size, initialisation, rng, watch)
    return network(theta, objective.value_and_gradient(theta)[0], steps)


def train_subnetworks(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    n_subnetworks: int,
    width: int = 3,
    optimiser: Optimiser = "adam",
    n_steps: int = 2000,
    step: float | None = None,
    batch_size: int | None = None,
    initialisation: Initialisation = "gaussian",
    rng: np.random.Generator | None = None,
    callback: Callable[[int, TrainedSubnetworks], None] | None = None,
) -> TrainedSubnetworks:
    """Train parallel three-layer networks by back-propagation.

    ``1/2 ||sum_k ((X W1_k)_+ w2_k)_+ w3_k - y||^2 + beta/2 sum_k (||w2_k||^2 + w3_k^2)`` with ``||W1_k||_F <= 1``.

    Parameters
    ----------
    X, y
        Data (n_samples, n_features) and labels (n_samples,).
    beta
        Weight decay, positive.
    n_subnetworks, width
        K and m_1.
    optimiser, n_steps, step, batch_size, initialisation, rng, callback
        As in :func:`train_network`.

    Returns
    -------
    TrainedSubnetworks
        The networks and their objective.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen, not positive or unknown.

    References
    ----------
    T. Ergen and M. Pilanci (2021), Global optimality beyond two layers, equation (38) in the review of Lina and Yang.
    """
    X = _checks.samples(X)
    y = _checks.labels(y, len(X))
    K, m = _checks.positive_integer(n_subnetworks, "n_subnetworks"), _checks.positive_integer(width, "width")
    objective = ThreeLayer(X, y, _checks.positive(beta, "beta"), K, m)

    def network(theta: Array, value: float, steps: int) -> TrainedSubnetworks:
        return TrainedSubnetworks(*objective.network_layers(theta), value, steps)

    watch = None if callback is None else lambda t, theta: callback(t, network(theta, float("nan"), t))
    theta, steps = _descend(objective, optimiser, n_steps, step, batch_size, initialisation, rng, watch)
    return network(theta, objective.value_and_gradient(theta)[0], steps)


def train_linear(
    X: ArrayLike,
    Y: ArrayLike,
    beta: float,
    *,
    depth: int,
    width: int | None = None,
    optimiser: Optimiser = "adam",
    n_steps: int = 2000,
    step: float | None = None,
    batch_size: int | None = None,
    initialisation: Initialisation = "gaussian",
    rng: np.random.Generator | None = None,
    callback: Callable[[int, TrainedLinear], None] | None = None,
) -> TrainedLinear:
    """Train a deep linear network by back-propagation.

    ``1/2 ||X W_1 ... W_L - Y||^2 + beta/2 sum_l ||W_l||^2``.

    Parameters
    ----------
    X, Y
        Data (n_samples, n_features); labels (n_samples,) or (n_samples, n_outputs).
    beta
        Weight decay, positive.
    depth
        Number of layers L, at least 2.
    width
        Hidden units of every layer; n_features unless given.
    optimiser, n_steps, step, batch_size, initialisation, rng, callback
        As in :func:`train_network`.

    Returns
    -------
    TrainedLinear
        The layers and their objective.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen, not positive or unknown.
    """
    X, Y = _data(X, Y)
    if _checks.positive_integer(depth, "depth") < 2:
        raise ValueError(f"depth must be at least 2, got {depth}")
    m = X.shape[1] if width is None else _checks.positive_integer(width, "width")
    objective = DeepLinear(X, Y, _checks.positive(beta, "beta"), depth, m)

    def network(theta: Array, value: float, steps: int) -> TrainedLinear:
        return TrainedLinear(tuple(W.copy() for W in objective.layers(theta)), value, steps)

    watch = None if callback is None else lambda t, theta: callback(t, network(theta, float("nan"), t))
    theta, steps = _descend(objective, optimiser, n_steps, step, batch_size, initialisation, rng, watch)
    return network(theta, objective.value_and_gradient(theta)[0], steps)


def _data(X: ArrayLike, Y: ArrayLike) -> tuple[Array, Array]:
    """Return data and labels, the labels with two dimensions, checked."""
    X = _checks.samples(X)
    Y = _checks.finite_array(Y, "Y", 1 if np.ndim(Y) == 1 else 2)
    if len(Y) != len(X):
        raise ValueError(f"Y must have one row per row of X ({len(X)}), got {len(Y)}")
    return X, Y.reshape(len(X), -1)


def _descend(
    objective: Objective,
    optimiser: Optimiser,
    n_steps: int,
    step: float | None,
    batch_size: int | None,
    initialisation: Initialisation,
    rng: np.random.Generator | None,
    watch: Callable[[int, Array], None] | None,
) -> tuple[Array, int]:
    """Check the settings, draw a start and run the optimiser."""
    _checks.positive_integer(n_steps, "n_steps")
    if optimiser not in get_args(Optimiser):
        raise ValueError(f"optimiser must be one of {', '.join(get_args(Optimiser))}, got {optimiser!r}")
    if initialisation not in get_args(Initialisation):
        raise ValueError(f"initialisation must be one of {', '.join(get_args(Initialisation))}, got {initialisation!r}")
    if batch_size is not None:
        batch_size = min(_checks.positive_integer(batch_size, "batch_size"), objective.n_samples)
    rng = _checks.generator(rng)
    theta = objective.start(rng, initialisation)
    if optimiser == "lbfgs":
        return lbfgs(objective, theta, n_steps=n_steps, callback=watch)
    method, default = (sgd, 0.1) if optimiser == "sgd" else (adam, 0.03)
    length = default if step is None else _checks.positive(step, "step")
    return method(objective, theta, n_steps=n_steps, step=length, batch_size=batch_size, rng=rng, callback=watch)


def _batches(n: int, size: int | None, rng: np.random.Generator):
    """Yield the rows of one batch after another: a fresh permutation per pass, its remainder left out."""
    if size is None or size >= n:
        while True:
            yield None
    while True:
        order = rng.permutation(n)
        for start in range(0, n - size + 1, size):
            yield order[start : start + size]
