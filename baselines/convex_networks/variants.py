"""Back-propagation on networks with other losses or layers: classifiers, batch normalisation, convolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks.networks import Initialisation, TwoLayer
from optathlon.baselines.convex_networks.nonconvex import Optimizer, descend
from optathlon.baselines.convex_networks.relu_losses import LOSSES

Array = NDArray[np.float64]
Watch = Callable[[int, tuple[Array, ...]], None]


@dataclass(frozen=True)
class Trained:
    """A network by back-propagation.

    Attributes
    ----------
    layers : tuple of ndarray
        (W1, w2); with batch normalisation (W1, gamma, alpha, w2).
    objective : float
        The training objective.
    n_steps : int
        Steps taken.
    """

    layers: tuple[Array, ...]
    objective: float
    n_steps: int


def train_classifier(
    X: ArrayLike, y: ArrayLike, beta: float, *, n_neurons: int, loss: str = "logistic", **settings: Any
) -> Trained:
    """Minimise ``sum_i l(y_i f(x_i)) + beta/2 (|W1|_F^2 + |w2|^2)``, l the logistic loss or the hinge.

    Parameters
    ----------
    X, y
        Data, (n_samples, n_features), and labels -1 and 1, (n_samples,).
    beta
        Weight decay, positive.
    n_neurons
        Width of the hidden layer.
    loss
        ``"logistic"`` or ``"hinge"``.
    settings
        optimizer, n_steps, step, batch_size, initialisation, rng and callback of
        :func:`optathlon.baselines.convex_networks.train_network`; ``callback(step, layers)``.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen, not positive or unknown.
    """
    X = _checks.samples(X)
    y = _checks.labels(y, len(X))
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")
    if not np.isin(y, (-1.0, 1.0)).all():
        raise ValueError(f"y must hold -1 and 1 only, got {np.unique(y)[:5]}")
    m = _checks.positive_integer(n_neurons, "n_neurons")
    return _train(Classifier(X, y[:, None], _checks.positive(beta, "beta"), m, loss=loss), **settings)


def train_convolutional(patches: ArrayLike, y: ArrayLike, beta: float, *, n_neurons: int, **settings: Any) -> Trained:
    """Minimise ``1/2 |f - y|^2 + beta/2 (|W1|_F^2 + |w2|^2)``, ``f(x) = sum_j w2_j sum_k (x_k'w_j)_+`` over patches x_k.

    Parameters
    ----------
    patches, y, beta
        As in :func:`optathlon.baselines.convex_networks.convolutional_program`.
    n_neurons
        Number of filters.
    settings
        As in `train_classifier`.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen, not positive or unknown.
    """
    patches = _checks.sized_array(patches, "patches", 3)
    y = _checks.labels(y, len(patches))
    m = _checks.positive_integer(n_neurons, "n_neurons")
    return _train(Convolution(patches, y[:, None], _checks.positive(beta, "beta"), m), **settings)


def train_batch_norm(X: ArrayLike, y: ArrayLike, beta: float, *, n_neurons: int, **settings: Any) -> Trained:
    """Minimise ``1/2 |f - y|^2 + beta/2 (|gamma|^2 + |alpha|^2 + |w2|^2)``, f with batch normalisation before the ReLU.

    ``f(X) = sum_j (gamma_j Xc w_j / |Xc w_j| + alpha_j / sqrt(n))_+ w2_j`` with the centred data Xc and all samples in the batch.

    Parameters
    ----------
    X, y, beta
        As in :func:`optathlon.baselines.convex_networks.batch_norm_program`.
    n_neurons
        Width of the hidden layer.
    settings
        As in `train_classifier`, without `batch_size`.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen, not positive or unknown.
    """
    if settings.get("batch_size") is not None:
        raise ValueError(f"batch_size must be None, for the statistics are those of all samples, got {settings['batch_size']}")
    X = _checks.samples(X)
    y = _checks.labels(y, len(X))
    m = _checks.positive_integer(n_neurons, "n_neurons")
    return _train(BatchNorm(X - X.mean(axis=0), y, _checks.positive(beta, "beta"), m), **settings)


def _train(
    objective: Classifier | Convolution | BatchNorm,
    *,
    optimizer: Optimizer = "adam",
    n_steps: int = 2000,
    step: float | None = None,
    batch_size: int | None = None,
    initialisation: Initialisation = "gaussian",
    rng: int | np.random.Generator | None = None,
    callback: Watch | None = None,
) -> Trained:
    watch = None if callback is None else lambda t, theta: callback(t, objective.network_layers(theta))
    theta, steps = descend(objective, optimizer, n_steps, step, batch_size, initialisation, rng, watch)
    return Trained(objective.network_layers(theta), objective.value_and_gradient(theta)[0], steps)


@dataclass(frozen=True)
class Classifier(TwoLayer):
    """`TwoLayer` with a loss of the margins, for labels -1 and 1 in one column of Y."""

    loss: str = "logistic"

    def _loss(self, theta: Array, rows: NDArray[np.intp] | None) -> tuple[float, Array]:
        X, Y = (self.X, self.Y) if rows is None else (self.X[rows], self.Y[rows])
        scale = len(self.X) / len(X)
        W1, w2 = self.layers(theta)
        pre = X @ W1
        hidden = np.maximum(pre, 0)
        margins = Y * (hidden @ w2)
        if self.loss == "hinge":
            value, slope = float(np.maximum(1 - margins, 0).sum()), -Y * (margins < 1)
        else:
            value, slope = float(np.logaddexp(0, -margins).sum()), -Y / (1 + np.exp(np.clip(margins, -500, 500)))
        first = X.T @ ((slope @ w2.T) * (pre > 0))
        return scale * value, scale * np.concatenate([first.ravel(), (hidden.T @ slope).ravel()])


@dataclass(frozen=True)
class Convolution(TwoLayer):
    """`TwoLayer` on patches: X has shape (n_samples, n_patches, patch_size), and the ReLUs of a filter are summed."""

    def start(self, rng: np.random.Generator, initialisation: Initialisation) -> Array:
        """Draw filters and output weights as `TwoLayer` draws its layers."""
        return TwoLayer(self.X[:, 0], self.Y, self.beta, self.n_neurons).start(rng, initialisation)

    def layers(self, theta: Array) -> tuple[Array, Array]:
        """Return the filters, (patch_size, n_filters), and w2, (n_filters, 1), as views of theta."""
        d, m = self.X.shape[2], self.n_neurons
        return theta[: d * m].reshape(d, m), theta[d * m :].reshape(m, -1)

    def _loss(self, theta: Array, rows: NDArray[np.intp] | None) -> tuple[float, Array]:
        X, Y = (self.X, self.Y) if rows is None else (self.X[rows], self.Y[rows])
        scale = len(self.X) / len(X)
        W1, w2 = self.layers(theta)
        pre = X @ W1
        hidden = np.maximum(pre, 0).sum(axis=1)
        r = hidden @ w2 - Y
        first = np.einsum("npd,npm->dm", X, (r @ w2.T)[:, None, :] * (pre > 0))
        return scale * 0.5 * float((r * r).sum()), scale * np.concatenate([first.ravel(), (hidden.T @ r).ravel()])


@dataclass(frozen=True)
class BatchNorm:
    """A two-layer network with batch normalisation before the ReLU, on all samples at once.

    Attributes
    ----------
    X, y : ndarray
        Centred data (n_samples, n_features), labels (n_samples,).
    beta : float
        Decay of gamma, alpha and w2.
    n_neurons : int
        Width.
    """

    X: Array
    y: Array
    beta: float
    n_neurons: int

    @property
    def n_samples(self) -> int:
        """Samples that the loss sums over."""
        return len(self.X)

    def start(self, rng: np.random.Generator, initialisation: Initialisation) -> Array:
        """Draw directions, and gamma, alpha and w2 of the size ``m^-1/2`` ("small": a tenth of it)."""
        d, m = self.X.shape[1], self.n_neurons
        scale = (0.1 if initialisation == "small" else 1.0) / np.sqrt(m)
        return np.concatenate([rng.standard_normal(d * m), scale * rng.standard_normal(3 * m)])

    def network_layers(self, theta: Array) -> tuple[Array, Array, Array, Array]:
        """Return W1, (n_features, n_neurons), gamma, alpha and w2, (n_neurons,)."""
        d, m = self.X.shape[1], self.n_neurons
        W1, rest = theta[: d * m].reshape(d, m), theta[d * m :].reshape(3, m)
        return W1.copy(), rest[0].copy(), rest[1].copy(), rest[2].copy()

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """Return the objective and its gradient."""
        W1, gamma, alpha, w2 = self.network_layers(theta)
        raw = self.X @ W1
        lengths = np.maximum(np.linalg.norm(raw, axis=0), 1e-300)
        normal = raw / lengths
        root = np.sqrt(self.n_samples)
        pre = normal * gamma + alpha / root
        hidden = np.maximum(pre, 0)
        r = hidden @ w2 - self.y
        back = np.outer(r, w2) * (pre > 0)
        through = back * gamma
        to_W1 = self.X.T @ ((through - normal * (normal * through).sum(axis=0)) / lengths)
        trained = np.concatenate([gamma, alpha, w2])
        slope = np.concatenate([(back * normal).sum(axis=0), back.sum(axis=0) / root, hidden.T @ r])
        value = 0.5 * float(r @ r) + 0.5 * self.beta * float(trained @ trained)
        return value, np.concatenate([to_W1.ravel(), slope + self.beta * trained])

    def gradient(self, theta: Array, rows: NDArray[np.intp] | None) -> Array:
        """Return the gradient over all samples, whatever the rows."""
        return self.value_and_gradient(theta)[1]
