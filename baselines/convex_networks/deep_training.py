"""Back-propagation on deep ReLU networks, and the last layer that makes a network fit its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks.minimum_norm import forward, labels_of, network_depth
from optathlon.baselines.convex_networks.networks import DeepLinear
from optathlon.baselines.convex_networks.nonconvex import descend
from optathlon.baselines.convex_networks.variants import Trained

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DeepRelu(DeepLinear):
    """``1/2 ||(...(X W_1)_+ ...)_+ W_L - Y||^2 + beta/2 sum_l ||W_l||^2``."""

    def _evaluate(self, theta: Array, rows: NDArray[np.intp] | None) -> tuple[float, Array]:
        X, Y = (self.X, self.Y) if rows is None else (self.X[rows], self.Y[rows])
        scale = 1.0 if rows is None else len(self.X) / len(rows)
        layers = self.layers(theta)
        hidden = [X]
        for W in layers[:-1]:
            hidden.append(np.maximum(hidden[-1] @ W, 0))
        back = scale * (hidden[-1] @ layers[-1] - Y)
        value = 0.5 * float((back * back).sum()) / scale + 0.5 * self.beta * float(theta @ theta)
        gradients = []
        for W, before in zip(layers[::-1], hidden[::-1], strict=True):
            gradients.append((before.T @ back).ravel())
            back = (back @ W.T) * (before > 0)
        return value, np.concatenate(gradients[::-1]) + self.beta * theta


def train_deep_relu(
    X: ArrayLike, Y: ArrayLike, beta: float, *, depth: int, width: int, relu: bool = True, **settings: Any
) -> Trained:
    """Minimise ``1/2 ||f(X) - Y||^2 + beta/2 sum_l ||W_l||^2``, a ReLU after every layer but the last.

    Parameters
    ----------
    X, Y
        Data (n_samples, n_features); labels (n_samples,) or (n_samples, n_outputs).
    beta
        Weight decay, positive.
    depth
        Number of layers L, at least 2.
    width
        Hidden units of every layer.
    relu
        False leaves the ReLUs out: a deep linear network.
    settings
        optimizer, n_steps, step, batch_size, initialisation, rng and callback of
        :func:`optathlon.baselines.convex_networks.train_network`; ``callback(step, layers)``.

    Returns
    -------
    Trained
        The layers, their objective and the steps taken.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen, not positive or unknown.
    """
    X = _checks.samples(X)
    Y, _ = labels_of(X, Y)
    kind = DeepRelu if relu else DeepLinear
    objective = kind(X, Y, _checks.positive(beta, "beta"), network_depth(depth), _checks.positive_integer(width, "width"))
    chosen = {"optimizer": "adam", "n_steps": 2000, "step": None, "batch_size": None, "initialisation": "gaussian", "rng": None}
    chosen |= settings
    callback = chosen.pop("callback", None)

    def network(theta: Array) -> tuple[Array, ...]:
        return tuple(W.copy() for W in objective.layers(theta))

    watch = None if callback is None else lambda t, theta: callback(t, network(theta))
    theta, steps = descend(objective, watch=watch, **chosen)
    return Trained(network(theta), objective.value_and_gradient(theta)[0], steps)


def fit_labels(X: ArrayLike, Y: ArrayLike, weights: tuple[Array, ...], *, relu: bool = True) -> tuple[Array, ...]:
    """Return the layers with the least change of one that makes the network fit its labels, as far as it can.

    It is the last layer of a network with ReLUs, ``W_L + A^+ (Y - A W_L)``, A the last hidden layer's outputs, and the first of a
    linear one, ``W_1 + X^+ (Y - X W_1 B) B^+`` with ``B = W_2 ... W_L``, whose hidden outputs weight decay leaves of low rank.

    Parameters
    ----------
    X, Y
        Data (n_samples, n_features); labels (n_samples,) or (n_samples, n_outputs).
    weights
        The layers W_1, ..., W_L.
    relu
        Whether a ReLU follows every layer but the last.

    Returns
    -------
    tuple of ndarray
        The layers.

    Raises
    ------
    ValueError
        An argument is not finite or misshapen.
    """
    X = _checks.samples(X)
    Y, _ = labels_of(X, Y)
    missed = Y - forward(X, weights, relu=relu)
    if relu:
        *inner, last = weights
        A = forward(X, (*inner, np.eye(last.shape[0])), relu=True)
        return (*inner, last + np.linalg.lstsq(A, missed, rcond=1e-12)[0])
    first, *outer = weights
    B = forward(outer[0], (np.eye(outer[0].shape[1]), *outer[1:]), relu=False)
    return (first + np.linalg.lstsq(X, missed, rcond=1e-12)[0] @ np.linalg.pinv(B), *outer)
