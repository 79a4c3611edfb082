"""Training problems whose optimum is known, and the answers to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """A trained network, or generated data.

    Attributes
    ----------
    layers : tuple of ndarray
        The weights, as the problem's `objective` reads them.
    dual_bound : float
        The method's own lower bound of the optimum, NaN where it gives none.
    gaps : ndarray or None
        Frank-Wolfe gaps, one per step.
    """

    layers: tuple[Any, ...]
    dual_bound: float = float("nan")
    gaps: Array | None = None


class Problem(Protocol):
    """What the metrics need of a problem.

    Attributes
    ----------
    optimum : float
        A certified lower bound of the objective over the networks that the convex program covers.
    """

    @property
    def optimum(self) -> float:
        """Certified lower bound."""
        ...

    @property
    def scale(self) -> float:
        """What gaps are divided by."""
        ...

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the training objective of an answer's layers."""
        ...


@dataclass(frozen=True)
class Samples:
    """Training and test data.

    Attributes
    ----------
    X, y : ndarray
        (n_samples, n_features) and (n_samples,) or (n_samples, n_outputs).
    X_test, y_test : ndarray
        The same for the test; empty where there is none.
    classes : bool
        Labels are -1 and 1; the test error is then the share of wrong signs, else the squared error over the variance.
    """

    X: Array
    y: Array
    X_test: Array
    y_test: Array
    classes: bool


@dataclass(frozen=True)
class ReluFit:
    """``1/2 ||(X W1)_+ w2 - y||^2 + beta/2 (||W1||^2 + ||w2||^2)``, layers (W1, w2); y may have several columns.

    Attributes
    ----------
    samples : Samples
        The data.
    beta : float
        Weight decay.
    patterns : ndarray of int8, (n_samples, n_patterns)
        What the convex program runs over.
    complete : bool
        Whether these are all patterns there are; otherwise they are sampled, and a network may be below `optimum`.
    optimum : float
        Certified lower bound over the patterns; 0 where it was not computed.
    """

    samples: Samples
    beta: float
    patterns: NDArray[np.int8]
    complete: bool
    optimum: float

    @property
    def scale(self) -> float:
        """The optimum, or the objective of the zero network where it is unknown."""
        return self.optimum if self.optimum > 0 else 0.5 * float((self.samples.y**2).sum())

    def predict(self, layers: tuple[Any, ...], X: Array) -> Array:
        """Return the outputs on X."""
        W1, w2 = layers
        return np.maximum(X @ W1, 0) @ w2

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the training objective."""
        W1, w2 = layers
        residual = self.predict(layers, self.samples.X) - self.samples.y
        return 0.5 * float((residual**2).sum()) + 0.5 * self.beta * float((W1**2).sum() + (w2**2).sum())


@dataclass(frozen=True)
class PolynomialFit:
    """``1/2 ||sigma(X W1) w2 - y||^2 + beta ||w2||_1`` with unit columns in W1, layers (W1, w2).

    Attributes
    ----------
    samples : Samples
        The data.
    beta : float
        Weight of the penalty.
    coefficients : (float, float, float)
        a, b, c of ``sigma(t) = a t^2 + b t + c``.
    optimum : float
        Certified lower bound over networks of any width.
    """

    samples: Samples
    beta: float
    coefficients: tuple[float, float, float]
    optimum: float

    @property
    def scale(self) -> float:
        """The optimum."""
        return self.optimum

    def predict(self, layers: tuple[Any, ...], X: Array) -> Array:
        """Return the outputs on X."""
        W1, w2 = layers
        a, b, c = self.coefficients
        pre = X @ W1
        return ((a * pre + b) * pre + c) @ w2

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the training objective; infinite where a column of W1 is longer than 1."""
        W1, w2 = layers
        if W1.size and np.linalg.norm(W1, axis=0).max() > 1 + 1e-9:
            return float("inf")
        residual = self.predict(layers, self.samples.X) - self.samples.y
        return 0.5 * float(residual @ residual) + self.beta * float(np.abs(w2).sum())


@dataclass(frozen=True)
class ThreeLayerFit:
    """``1/2 ||sum_k ((X W1_k)_+ w2_k)_+ w3_k - y||^2 + beta/2 sum_k (||w2_k||^2 + w3_k^2)``, ``||W1_k||_F <= 1``.

    Layers: (W1, w2, w3), each a sequence over k.

    Attributes
    ----------
    samples : Samples
        The data.
    beta : float
        Weight decay.
    optimum : float
        Certified lower bound over networks of any width and number.
    """

    samples: Samples
    beta: float
    optimum: float

    @property
    def scale(self) -> float:
        """The optimum."""
        return self.optimum

    def predict(self, layers: tuple[Any, ...], X: Array) -> Array:
        """Return the outputs on X."""
        out = np.zeros(len(X))
        for W1, w2, w3 in zip(*layers, strict=True):
            out += np.maximum(np.maximum(X @ W1, 0) @ w2, 0) * w3
        return out

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the training objective; infinite where a first layer is longer than 1."""
        W1s, w2s, w3s = layers
        if any(np.linalg.norm(W1) > 1 + 1e-9 for W1 in W1s):
            return float("inf")
        residual = self.predict(layers, self.samples.X) - self.samples.y
        decay = sum(float(w2 @ w2 + w3 * w3) for w2, w3 in zip(w2s, w3s, strict=True))
        return 0.5 * float(residual @ residual) + 0.5 * self.beta * decay


@dataclass(frozen=True)
class LinearFit:
    """``1/2 ||X W_1 ... W_L - Y||^2 + beta/2 sum_l ||W_l||^2``, layers (W_1, ..., W_L).

    Attributes
    ----------
    samples : Samples
        The data; y has two dimensions.
    beta : float
        Weight decay.
    depth : int
        Number of layers.
    optimum : float
        The value of the dual (two layers) or of the closed form.
    """

    samples: Samples
    beta: float
    depth: int
    optimum: float

    @property
    def scale(self) -> float:
        """The optimum."""
        return self.optimum

    def predict(self, layers: tuple[Any, ...], X: Array) -> Array:
        """Return the outputs on X."""
        for W in layers:
            X = X @ W
        return X

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the training objective."""
        residual = self.predict(layers, self.samples.X) - self.samples.y
        return 0.5 * float((residual**2).sum()) + 0.5 * self.beta * sum(float((W**2).sum()) for W in layers)


@dataclass(frozen=True)
class VariationFit:
    """``||(A W1)_+ w2 - y||^2`` over networks with unit columns in W1 and ``||w2||_1 <= delta``, layers (W1, w2).

    Attributes
    ----------
    A, y : ndarray
        (n_samples, n_features) and (n_samples,), planted: the minimum is 0 where delta is at least the planted norm.
    delta : float
        Bound of the variation norm.
    """

    A: Array
    y: Array
    delta: float

    optimum = 0.0

    @property
    def scale(self) -> float:
        """The loss of the zero network."""
        return float(self.y @ self.y)

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the loss; infinite outside the ball."""
        W1, w2 = layers
        if np.linalg.norm(W1, axis=0) @ np.abs(w2) > self.delta * (1 + 1e-9):
            return float("inf")
        residual = np.maximum(self.A @ W1, 0) @ w2 - self.y
        return float(residual @ residual)


@dataclass(frozen=True)
class Vote:
    """``penalty ||w||_1 + sum_t max(0, 1 - y_t sign([x_t, 1] V) w)``, layers (V, w).

    Attributes
    ----------
    samples : Samples
        The data, two features.
    penalty : float
        Weight of the l1 norm.
    optimum : float
        The optimum over all lines, by the linear program over every dichotomy that was reached.
    """

    samples: Samples
    penalty: float
    optimum: float

    @property
    def scale(self) -> float:
        """The optimum."""
        return self.optimum

    def predict(self, layers: tuple[Any, ...], X: Array) -> Array:
        """Return the vote on X."""
        V, w = layers
        return np.where(np.column_stack([X, np.ones(len(X))]) @ V >= 0, 1.0, -1.0) @ w

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the training objective."""
        margins = self.samples.y * self.predict(layers, self.samples.X)
        return self.penalty * float(np.abs(layers[1]).sum()) + float(np.maximum(0, 1 - margins).sum())


@dataclass(frozen=True)
class PlantedNeurons:
    """``1/2 ||sum_j (A w_j)_+ - y||^2``, layers (W,).

    Attributes
    ----------
    A, y : ndarray
        (n_samples, n_features) and (n_samples,), y made by planted neurons without noise.
    planted : ndarray, (n_features, n_neurons)
        The neurons that made y; as many are looked for.
    """

    A: Array
    y: Array
    planted: Array

    optimum = 0.0

    @property
    def scale(self) -> float:
        """The loss of the zero network."""
        return 0.5 * float(self.y @ self.y)

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the loss."""
        residual = np.maximum(self.A @ layers[0], 0).sum(axis=1) - self.y
        return 0.5 * float(residual @ residual)


@dataclass(frozen=True)
class Moments:
    """``||G||_F^2`` of generated data with ``||X'X - G'G||_2 <= beta``, layers (G,).

    Attributes
    ----------
    X : ndarray, (n_samples, n_features)
        Real data.
    beta : float
        Tolerance of the second moments.
    optimum : float
        Least squared norm, by a semidefinite program that knows nothing of singular values.
    """

    X: Array
    beta: float
    optimum: float

    @property
    def scale(self) -> float:
        """The optimum."""
        return self.optimum

    def excess(self, layers: tuple[Any, ...]) -> float:
        """Return ``||X'X - G'G||_2 / beta``."""
        (G,) = layers
        return float(np.linalg.norm(self.X.T @ self.X - G.T @ G, 2)) / self.beta

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the squared norm; infinite where the moments differ by more than beta."""
        return float((layers[0] ** 2).sum()) if self.excess(layers) <= 1 + 1e-6 else float("inf")
