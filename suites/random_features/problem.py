"""Kernels to approximate, learning tasks, points for the variance laws, and pools of features to score."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optathlon import data
from optathlon.baselines.random_features import gaussian_kernel, median_gamma

Array = NDArray[np.floating]
Rng = np.random.Generator

KERNEL_VALUES = (0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True)
class Gram:
    """A Gram matrix of the Gaussian kernel, to be approximated by the inner products of features.

    Attributes
    ----------
    X : ndarray, shape (n, d)
        Points.
    K : ndarray, shape (n, n)
        Kernel values exp(-gamma |x - y|^2).
    gamma : float
        Inverse squared width; sigma is the median distance.
    n_components : int
        Number of features D.
    regularization : float, optional
        The lambda of the spectral error and of the leverage scores.
    warm : bool
        Whether to map the points twice and time the second time: the first one pays for caches and pages.
    """

    X: Array
    K: Array
    gamma: float
    n_components: int
    regularization: float | None = None
    warm: bool = False


@dataclass(frozen=True)
class Learning:
    """A regression or a classification, to be solved with D features.

    Attributes
    ----------
    X, X_test : ndarray, shapes (n, d), (n_test, d)
        Inputs.
    y, y_test : ndarray, shapes (n,), (n_test,)
        Real targets, or labels 0, 1, ...
    n_classes : int
        Number of classes; 0 for a regression.
    gamma : float
        Inverse squared width; sigma is the median distance.
    regularization : float
        The lambda of ridge regression with the mean squared loss.
    n_components : int
        Number of features D.
    """

    X: Array
    y: NDArray
    X_test: Array
    y_test: NDArray
    n_classes: int
    gamma: float
    regularization: float
    n_components: int

    @property
    def targets(self) -> Array:
        """One column of -1, +1 per class, or the column of real targets."""
        if not self.n_classes:
            return self.y[:, None]
        return np.where(self.y[:, None] == np.arange(self.n_classes), 1.0, -1.0)


@dataclass(frozen=True)
class Estimates:
    """Pairs of points with known kernel values, whose estimates are drawn many times.

    Attributes
    ----------
    X : ndarray, shape (1 + k, d)
        An origin and k points at the distances of `values`, for gamma = 1/2.
    values : ndarray, shape (k,)
        Kernel values between the origin and each other point.
    n_components : int
        Number of features D.
    draws : int
        Maps to draw.
    """

    X: Array
    values: Array
    n_components: int
    draws: int


@dataclass(frozen=True)
class Pool:
    """A pool of features whose leverage is asked for.

    Attributes
    ----------
    Z : ndarray, shape (n, s)
        Unscaled features.
    regularization : float
        The lambda of ridge regression with the mean squared loss.
    """

    Z: Array
    regularization: float


@dataclass(frozen=True)
class Features:
    """Features of the points of a `Gram`.

    Attributes
    ----------
    Z : ndarray, shape (n, D)
        Features, one point per row.
    parameter_bytes : int
        Bytes of the fitted map.
    leverage_sum : float, optional
        Sum of the leverage scores of the pool.
    pool_size : int
        Features in the pool.
    """

    Z: Array
    parameter_bytes: int = 0
    leverage_sum: float | None = None
    pool_size: int = 0


@dataclass(frozen=True)
class Predictions:
    """Real-valued predictions of a `Learning`, one column per class or one of targets: shape (n_test, n_columns)."""

    values: Array


@dataclass(frozen=True)
class Draws:
    """Kernel estimates of an `Estimates`, shape (draws, k), and the variance law that they should follow, if there is one."""

    estimates: Array
    law: str = ""


@dataclass(frozen=True)
class Scores:
    """Scores of the features of a `Pool`, shape (s,)."""

    values: Array


Source = Callable[[Rng], tuple[NDArray, NDArray, int]]
"""Inputs (n, d), targets (n,), and the number of classes (0 for a regression)."""


def table(name: str) -> Source:
    """Return an embedded set: digits divided by 16, the others standardised."""

    def draw(rng: Rng) -> tuple[NDArray, NDArray, int]:
        arrays = data.load(name)
        X, y = arrays["X"], arrays["y"]
        if name == "digits":
            return X / 16.0, y, 10
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        return (X, (y - y.mean()) / y.std(), 0) if name == "diabetes" else (X, y, len(np.unique(y)))

    return draw


def parity(rng: Rng) -> tuple[NDArray, NDArray, int]:
    """Return digits, even against odd."""
    X, y, _ = table("digits")(rng)
    return X, y % 2, 2


def gaussian(n: int, d: int) -> Source:
    """Return standard Gaussian inputs without targets."""
    return lambda rng: (rng.standard_normal((n, d)), np.zeros(n), 0)


def spectrum(n: int) -> Source:
    """Return four inputs of scales 3, 1, .3, .1 and a target at three standard deviations of the kernel's frequencies."""

    def draw(rng: Rng) -> tuple[NDArray, NDArray, int]:
        X = rng.standard_normal((n, 4)) * [3.0, 1.0, 0.3, 0.1]
        frequency = 3.0 * math.sqrt(2.0 * median_gamma(X))
        y = np.sin(frequency * X[:, 0]) + 0.5 * np.cos(2.0 * frequency * X[:, 1])
        return X, y + 0.1 * rng.standard_normal(n), 0

    return draw


def friedman(n: int) -> Source:
    """Return Friedman's first regression: ten uniform inputs, five of them in the target, unit noise."""

    def draw(rng: Rng) -> tuple[NDArray, NDArray, int]:
        X = rng.random((n, 10))
        y = 10 * np.sin(math.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]
        return X, y + rng.standard_normal(n), 0

    return draw


def hastie(n: int) -> Source:
    """Return the ten-dimensional Gaussian whose label says whether its squared norm exceeds the median 9.34."""

    def draw(rng: Rng) -> tuple[NDArray, NDArray, int]:
        X = rng.standard_normal((n, 10))
        return X, ((X**2).sum(axis=1) > 9.34).astype(np.int64), 2

    return draw


def clusters(n: int, d: int) -> Source:
    """Return two classes of Gaussian clusters on the corners of a hypercube, 20 informative directions, 5 % wrong labels."""

    def draw(rng: Rng) -> tuple[NDArray, NDArray, int]:
        from sklearn.datasets import make_classification

        seed = int(rng.integers(2**31))
        drawn = make_classification(
            n, d, n_informative=20, n_redundant=20, n_clusters_per_class=8, flip_y=0.05, random_state=seed
        )
        X, y = np.asarray(drawn[0]), np.asarray(drawn[1])
        return (X - X.mean(axis=0)) / X.std(axis=0), y, 2

    return draw


def gram(
    source: Source, n: int, n_components: int, *, regularization: float | None = None, timed: bool = False
) -> Callable[[Rng, str], Gram]:
    """Return the maker of a `Gram` from the first n inputs, in float32 and warm where it is timed."""

    def make(rng: Rng, device: str) -> Gram:
        X = source(rng)[0][:n]
        gamma = median_gamma(X)
        K = gaussian_kernel(X, gamma=gamma)
        return Gram(X.astype(np.float32) if timed else X, K, gamma, n_components, regularization, timed)

    return make


def learning(source: Source, n_train: int, n_components: int, *, regularization: float = 1e-4) -> Callable[[Rng, str], Learning]:
    """Return the maker of a `Learning` with a random split."""

    def make(rng: Rng, device: str) -> Learning:
        X, y, n_classes = source(rng)
        order = rng.permutation(len(X))
        train, test = order[:n_train], order[n_train:]
        gamma = median_gamma(X[train])
        return Learning(X[train], y[train], X[test], y[test], n_classes, gamma, regularization, n_components)

    return make


def images(name: str, n_train: int, n_components: int, *, regularization: float = 1e-6) -> Callable[[Rng, str], Learning]:
    """Return the maker of a `Learning` from n_train random training images, in float32, with the whole test set."""

    def make(rng: Rng, device: str) -> Learning:
        arrays = data.load(name)
        X, X_test = (arrays[part].reshape(-1, 784).astype(np.float32) / 255 for part in ("train_images", "test_images"))
        chosen = rng.permutation(len(X))[:n_train]
        X, y = X[chosen], arrays["train_labels"][chosen]
        return Learning(X, y, X_test, arrays["test_labels"], 10, median_gamma(X), regularization, n_components)

    return make


def estimates(n_components: int, draws: int) -> Callable[[Rng, str], Estimates]:
    """Return the maker of an `Estimates` at the kernel values .3, .5, .7, .9, in random directions of the plane."""

    def make(rng: Rng, device: str) -> Estimates:
        values = np.array(KERNEL_VALUES)
        angles = rng.uniform(0.0, 2.0 * np.pi, len(values))
        circle = np.sqrt(-2.0 * np.log(values)) * np.stack([np.cos(angles), np.sin(angles)])
        return Estimates(np.vstack([np.zeros(2), circle.T]), values, n_components, draws)

    return make


def pool(source: Source, n: int, size: int, regularization: float) -> Callable[[Rng, str], Pool]:
    """Return the maker of a `Pool` of cosines with a random phase."""

    def make(rng: Rng, device: str) -> Pool:
        X = source(rng)[0][:n]
        frequencies = math.sqrt(2.0 * median_gamma(X)) * rng.standard_normal((X.shape[1], size))
        return Pool(math.sqrt(2.0) * np.cos(X @ frequencies + rng.uniform(0.0, 2.0 * np.pi, size)), regularization)

    return make
