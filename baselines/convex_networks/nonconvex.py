"""Back-propagation on the objectives of :mod:`optathlon.baselines.convex_networks.networks`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks.adaptive import adagrad, rmsprop
from optathlon.baselines.convex_networks.descent import adam, lbfgs, sgd
from optathlon.baselines.convex_networks.networks import (
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
Optimizer = Literal["sgd", "adam", "adagrad", "rmsprop", "lbfgs"]

_STEPPED = {"sgd": (sgd, 0.1), "adam": (adam, 0.03), "adagrad": (adagrad, 0.1), "rmsprop": (rmsprop, 0.01)}


def train_network(
    X: ArrayLike,
    Y: ArrayLike,
    beta: float,
    *,
    n_neurons: int,
    optimizer: Optimizer = "adam",
    coefficients: tuple[float, float, float] | None = None,
    n_steps: int = 2000,
    step: float | None = None,
    batch_size: int | None = None,
    initialisation: Initialisation = "gaussian",
    rng: int | np.random.Generator | None = None,
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
    optimizer
        ``"sgd"`` (momentum .9), ``"adam"``, ``"adagrad"``, ``"rmsprop"`` or ``"lbfgs"``.
    coefficients
        a, b, c of a polynomial activation; None for the ReLU.
    n_steps
        Steps, at most.
    step
        First step length on the objective per sample; .1 for SGD and AdaGrad, .03 for Adam, .01 for RMSProp unless given.
    batch_size
        Samples per step of all but L-BFGS; all of them where None.
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
    theta, steps = descend(objective, optimizer, n_steps, step, batch_size, initialisation, rng, watch)
    return network(theta, objective.value_and_gradient(theta)[0], steps)


def train_subnetworks(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    n_subnetworks: int,
    width: int = 3,
    optimizer: Optimizer = "adam",
    n_steps: int = 2000,
    step: float | None = None,
    batch_size: int | None = None,
    initialisation: Initialisation = "gaussian",
    rng: int | np.random.Generator | None = None,
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
    optimizer, n_steps, step, batch_size, initialisation, rng, callback
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
    theta, steps = descend(objective, optimizer, n_steps, step, batch_size, initialisation, rng, watch)
    return network(theta, objective.value_and_gradient(theta)[0], steps)


def train_linear(
    X: ArrayLike,
    Y: ArrayLike,
    beta: float,
    *,
    depth: int,
    width: int | None = None,
    optimizer: Optimizer = "adam",
    n_steps: int = 2000,
    step: float | None = None,
    batch_size: int | None = None,
    initialisation: Initialisation = "gaussian",
    rng: int | np.random.Generator | None = None,
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
    optimizer, n_steps, step, batch_size, initialisation, rng, callback
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
    theta, steps = descend(objective, optimizer, n_steps, step, batch_size, initialisation, rng, watch)
    return network(theta, objective.value_and_gradient(theta)[0], steps)


def _data(X: ArrayLike, Y: ArrayLike) -> tuple[Array, Array]:
    """Return data and labels, the labels with two dimensions, checked."""
    X = _checks.samples(X)
    Y = _checks.finite_array(Y, "Y", 1 if np.ndim(Y) == 1 else 2)
    if len(Y) != len(X):
        raise ValueError(f"Y must have one row per row of X ({len(X)}), got {len(Y)}")
    return X, Y.reshape(len(X), -1)


def descend(
    objective: Objective,
    optimizer: Optimizer,
    n_steps: int,
    step: float | None,
    batch_size: int | None,
    initialisation: Initialisation,
    rng: int | np.random.Generator | None,
    watch: Callable[[int, Array], None] | None,
) -> tuple[Array, int]:
    """Check the settings, draw a start and run the optimizer."""
    _checks.positive_integer(n_steps, "n_steps")
    if optimizer not in get_args(Optimizer):
        raise ValueError(f"optimizer must be one of {', '.join(get_args(Optimizer))}, got {optimizer!r}")
    if initialisation not in get_args(Initialisation):
        raise ValueError(f"initialisation must be one of {', '.join(get_args(Initialisation))}, got {initialisation!r}")
    if batch_size is not None:
        batch_size = min(_checks.positive_integer(batch_size, "batch_size"), objective.n_samples)
    rng = _checks.generator(rng)
    theta = objective.start(rng, initialisation)
    if optimizer == "lbfgs":
        return lbfgs(objective, theta, n_steps=n_steps, callback=watch)
    method, default = _STEPPED[optimizer]
    length = default if step is None else _checks.positive(step, "step")
    return method(objective, theta, n_steps=n_steps, step=length, batch_size=batch_size, rng=rng, callback=watch)
