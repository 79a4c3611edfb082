"""The non-convex training objectives of the networks in this package, with their gradients.

Every objective takes one flat parameter vector, so that any optimizer can run on it, and is the very objective that
the convex programs minimise: the penalty is part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks

Array = NDArray[np.float64]
Initialisation = Literal["gaussian", "balanced", "small"]


@dataclass(frozen=True)
class TrainedNetwork:
    """A two-layer network found by non-convex training.

    Attributes
    ----------
    W1 : ndarray, (n_features, n_neurons)
        First layer.
    w2 : ndarray, (n_neurons,) or (n_neurons, n_outputs)
        Second layer.
    coefficients : (float, float, float) or None
        a, b, c of a polynomial activation; None for the ReLU.
    objective : float
        The training objective of this network.
    n_steps : int
        Steps taken.
    """

    W1: Array
    w2: Array
    coefficients: tuple[float, float, float] | None
    objective: float
    n_steps: int

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs on X, (n_samples, n_features): (n_samples,) or (n_samples, n_outputs)."""
        return _activate(_checks.finite_array(X, "X", 2) @ self.W1, self.coefficients)[0] @ self.w2


@dataclass(frozen=True)
class TrainedSubnetworks:
    """Parallel three-layer networks ``sum_k ((X W1_k)_+ w2_k)_+ w3_k``.

    Attributes
    ----------
    W1 : ndarray, (n_subnetworks, n_features, width)
        First layers, each of Frobenius norm at most 1.
    w2 : ndarray, (n_subnetworks, width)
        Second layers.
    w3 : ndarray, (n_subnetworks,)
        Output weights.
    objective : float
        ``1/2 ||f(X) - y||^2 + beta/2 sum_k (||w2_k||^2 + w3_k^2)``.
    n_steps : int
        Steps taken.
    """

    W1: Array
    w2: Array
    w3: Array
    objective: float
    n_steps: int

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs, (n_samples,), on X, (n_samples, n_features)."""
        hidden = np.maximum(np.einsum("nd,kdm->knm", _checks.finite_array(X, "X", 2), self.W1), 0)
        return self.w3 @ np.maximum(np.einsum("knm,km->kn", hidden, self.w2), 0)


@dataclass(frozen=True)
class TrainedLinear:
    """A linear network found by non-convex training.

    Attributes
    ----------
    weights : tuple of ndarray
        The layers W_1, ..., W_L, (n_features, width), ..., (width, n_outputs).
    objective : float
        ``1/2 ||X W_1 ... W_L - Y||^2 + beta/2 sum_l ||W_l||^2``.
    n_steps : int
        Steps taken.
    """

    weights: tuple[Array, ...]
    objective: float
    n_steps: int

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs, (n_samples, n_outputs), on X, (n_samples, n_features)."""
        out = _checks.finite_array(X, "X", 2)
        for W in self.weights:
            out = out @ W
        return out


class Objective(Protocol):
    """A training objective over one flat parameter vector."""

    @property
    def n_samples(self) -> int:
        """Samples that the loss sums over."""
        ...

    def start(self, rng: np.random.Generator, initialisation: Initialisation) -> Array:
        """Draw first parameters."""
        ...

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """Return the objective and its gradient."""
        ...

    def gradient(self, theta: Array, rows: NDArray[np.intp] | None) -> Array:
        """Return the gradient, its loss estimated from these rows (unbiased; all where None)."""
        ...


@dataclass(frozen=True)
class TwoLayer:
    """``1/2 ||sigma(X W1) w2 - Y||^2`` plus the penalty that the convex program has.

    ReLU: ``beta/2 (||W1||^2 + ||w2||^2)``. Polynomial: ``beta sum_j ||w2_j||`` with first-layer columns of unit
    length; the parameters are scaled to it, for weight decay would be another penalty there (a cubic one for
    ``t^2``).

    Attributes
    ----------
    X, Y : ndarray
        (n_samples, n_features) and (n_samples, n_outputs).
    beta : float
        Weight of the penalty.
    n_neurons : int
        Width.
    coefficients : tuple or None
        a, b, c of a polynomial activation; None for the ReLU.
    """

    X: Array
    Y: Array
    beta: float
    n_neurons: int
    coefficients: tuple[float, float, float] | None = None

    @property
    def n_samples(self) -> int:
        """Samples that the loss sums over."""
        return len(self.X)

    def start(self, rng: np.random.Generator, initialisation: Initialisation) -> Array:
        """Draw ``W1 ~ N(0, 2/d)``, ``w2 ~ N(0, 1/m)``; "balanced" gives both layers of a neuron one length, "small" a tenth."""
        d, m, k = self.X.shape[1], self.n_neurons, self.Y.shape[1]
        W1 = rng.standard_normal((d, m)) * np.sqrt(2 / d)
        w2 = rng.standard_normal((m, k)) / np.sqrt(m)
        if initialisation == "balanced":
            first, second = np.linalg.norm(W1, axis=0), np.linalg.norm(w2, axis=1)
            ratio = np.sqrt(second / first)
            W1, w2 = W1 * ratio, w2 / ratio[:, None]
        elif initialisation == "small":
            W1, w2 = 0.1 * W1, 0.1 * w2
        return np.concatenate([W1.ravel(), w2.ravel()])

    def layers(self, theta: Array) -> tuple[Array, Array]:
        """Return W1, (n_features, n_neurons), and w2, (n_neurons, n_outputs), as views of theta."""
        d, m = self.X.shape[1], self.n_neurons
        return theta[: d * m].reshape(d, m), theta[d * m :].reshape(m, -1)

    def network_layers(self, theta: Array) -> tuple[Array, Array]:
        """Return the layers as the network has them: unit columns for a polynomial activation, w2 flat for one output."""
        W1, w2 = self.layers(theta)
        if self.coefficients is not None:
            W1 = W1 / np.linalg.norm(W1, axis=0)
        return W1.copy(), (w2[:, 0] if w2.shape[1] == 1 else w2).copy()

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """Return the objective and its gradient."""
        loss, gradient = self._loss(theta, None)
        W1, w2 = self.layers(theta)
        if self.coefficients is None:
            return loss + 0.5 * self.beta * float(theta @ theta), gradient + self.beta * theta
        lengths = np.linalg.norm(w2, axis=1)
        gradient[W1.size :] += (self.beta * w2 / np.maximum(lengths, 1e-300)[:, None]).ravel()
        return loss + self.beta * float(lengths.sum()), gradient

    def gradient(self, theta: Array, rows: NDArray[np.intp] | None) -> Array:
        """Return the gradient, its loss estimated from these rows (unbiased; all where None)."""
        if rows is None:
            return self.value_and_gradient(theta)[1]
        gradient = self._loss(theta, rows)[1]
        if self.coefficients is None:
            return gradient + self.beta * theta
        W1, w2 = self.layers(theta)
        gradient[W1.size :] += (self.beta * w2 / np.maximum(np.linalg.norm(w2, axis=1), 1e-300)[:, None]).ravel()
        return gradient

    def _loss(self, theta: Array, rows: NDArray[np.intp] | None) -> tuple[float, Array]:
        X, Y = (self.X, self.Y) if rows is None else (self.X[rows], self.Y[rows])
        scale = 1.0 if rows is None else len(self.X) / len(rows)
        W1, w2 = self.layers(theta)
        lengths = np.linalg.norm(W1, axis=0) if self.coefficients is not None else None
        unit = W1 if lengths is None else W1 / lengths
        hidden, slope = _activate(X @ unit, self.coefficients)
        r = hidden @ w2 - Y
        first = X.T @ ((r @ w2.T) * slope)
        if lengths is not None:  # through W1 / |W1|
            first = (first - unit * (unit * first).sum(axis=0)) / lengths
        gradient = scale * np.concatenate([first.ravel(), (hidden.T @ r).ravel()])
        return scale * 0.5 * float((r * r).sum()), gradient


@dataclass(frozen=True)
class ThreeLayer:
    """``1/2 ||sum_k ((X W1_k)_+ w2_k)_+ w3_k - y||^2 + beta/2 sum_k (||w2_k||^2 + w3_k^2)``, ``||W1_k||_F = 1`` by scaling.

    Attributes
    ----------
    X, y : ndarray
        (n_samples, n_features) and (n_samples,).
    beta : float
        Weight decay.
    n_subnetworks, width : int
        K and the width m_1 of each.
    """

    X: Array
    y: Array
    beta: float
    n_subnetworks: int
    width: int

    @property
    def n_samples(self) -> int:
        """Samples that the loss sums over."""
        return len(self.X)

    def start(self, rng: np.random.Generator, initialisation: Initialisation) -> Array:
        """Draw standard normal parameters, w2 and w3 at half ("gaussian", "balanced") or a tenth ("small") of that."""
        K, d, m = self.n_subnetworks, self.X.shape[1], self.width
        scale = 0.1 if initialisation == "small" else 0.5
        return np.concatenate([rng.standard_normal(K * d * m), scale * rng.standard_normal(K * (m + 1))])

    def layers(self, theta: Array) -> tuple[Array, Array, Array]:
        """Return the raw W1, (K, n_features, width), w2, (K, width), and w3, (K,), as views of theta."""
        K, d, m = self.n_subnetworks, self.X.shape[1], self.width
        W1, w2, w3 = np.split(theta, [K * d * m, K * d * m + K * m])
        return W1.reshape(K, d, m), w2.reshape(K, m), w3

    def network_layers(self, theta: Array) -> tuple[Array, Array, Array]:
        """Return the layers as the network has them: W1_k of Frobenius norm 1."""
        W1, w2, w3 = self.layers(theta)
        return W1 / np.linalg.norm(W1, axis=(1, 2), keepdims=True), w2.copy(), w3.copy()

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """Return the objective and its gradient."""
        return self._evaluate(theta, None)

    def gradient(self, theta: Array, rows: NDArray[np.intp] | None) -> Array:
        """Return the gradient, its loss estimated from these rows (unbiased; all where None)."""
        return self._evaluate(theta, rows)[1]

    def _evaluate(self, theta: Array, rows: NDArray[np.intp] | None) -> tuple[float, Array]:
        X, y = (self.X, self.y) if rows is None else (self.X[rows], self.y[rows])
        scale = 1.0 if rows is None else len(self.X) / len(rows)
        W1, w2, w3 = self.layers(theta)
        lengths = np.linalg.norm(W1, axis=(1, 2), keepdims=True)
        unit = W1 / lengths
        first = np.maximum(X @ unit, 0)  # (K, n, m)
        second = np.maximum((first @ w2[:, :, None])[:, :, 0], 0)  # (K, n)
        r = w3 @ second - y
        back = w3[:, None] * r * (second > 0)
        to_unit = X.T @ (back[:, :, None] * w2[:, None, :] * (first > 0))
        to_W1 = (to_unit - unit * (unit * to_unit).sum(axis=(1, 2), keepdims=True)) / lengths
        to_w2 = (back[:, None, :] @ first)[:, 0, :]
        value = scale * 0.5 * float(r @ r) + 0.5 * self.beta * float((w2**2).sum() + (w3**2).sum())
        parts = scale * to_W1.ravel(), (scale * to_w2 + self.beta * w2).ravel(), scale * second @ r + self.beta * w3
        return value, np.concatenate(parts)


@dataclass(frozen=True)
class DeepLinear:
    """``1/2 ||X W_1 ... W_L - Y||^2 + beta/2 sum_l ||W_l||^2``.

    Attributes
    ----------
    X, Y : ndarray
        (n_samples, n_features) and (n_samples, n_outputs).
    beta : float
        Weight decay.
    depth, width : int
        Number of layers and of hidden units in each.
    """

    X: Array
    Y: Array
    beta: float
    depth: int
    width: int

    @property
    def n_samples(self) -> int:
        """Samples that the loss sums over."""
        return len(self.X)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """The shapes of the layers."""
        sizes = [self.X.shape[1], *[self.width] * (self.depth - 1), self.Y.shape[1]]
        return list(pairwise(sizes))

    def start(self, rng: np.random.Generator, initialisation: Initialisation) -> Array:
        """Draw layers that keep the length of their input on average ("small": a tenth of it)."""
        scale = 0.1 if initialisation == "small" else 1.0
        return np.concatenate([scale / np.sqrt(a) * rng.standard_normal(a * b) for a, b in self.shapes])

    def layers(self, theta: Array) -> list[Array]:
        """Return the layers as views of theta."""
        ends = np.cumsum([a * b for a, b in self.shapes])
        return [part.reshape(s) for part, s in zip(np.split(theta, ends[:-1]), self.shapes, strict=True)]

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """Return the objective and its gradient."""
        return self._evaluate(theta, None)

    def gradient(self, theta: Array, rows: NDArray[np.intp] | None) -> Array:
        """Return the gradient, its loss estimated from these rows (unbiased; all where None)."""
        return self._evaluate(theta, rows)[1]

    def _evaluate(self, theta: Array, rows: NDArray[np.intp] | None) -> tuple[float, Array]:
        X, Y = (self.X, self.Y) if rows is None else (self.X[rows], self.Y[rows])
        scale = 1.0 if rows is None else len(self.X) / len(rows)
        layers = self.layers(theta)
        outputs = [X]
        for W in layers:
            outputs.append(outputs[-1] @ W)
        back = scale * (outputs[-1] - Y)
        value = 0.5 * float((back * back).sum()) / scale + 0.5 * self.beta * float(theta @ theta)
        gradients = []
        for W, before in zip(layers[::-1], outputs[-2::-1], strict=True):
            gradients.append((before.T @ back).ravel())
            back = back @ W.T
        return value, np.concatenate(gradients[::-1]) + self.beta * theta


def _activate(pre: Array, coefficients: tuple[float, float, float] | None) -> tuple[Array, Array]:
    """Return the activation and its derivative."""
    if coefficients is None:
        return np.maximum(pre, 0), (pre > 0).astype(pre.dtype)
    a, b, c = coefficients
    return (a * pre + b) * pre + c, 2 * a * pre + b
