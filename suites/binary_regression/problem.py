"""Batches of binary regressions: generated ones, and tables split into training and test rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optathlon import data

Array = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True)
class Regressions:
    """Independent regressions y = X w_true + e with binary weights.

    Attributes
    ----------
    X : ndarray, shape (trials, n_samples, n_features)
        Features.
    y : ndarray, shape (trials, n_samples)
        Targets.
    w_true : ndarray, shape (trials, n_features)
        The weights that made `y`, in {-1, +1}.
    """

    X: Array
    y: Array
    w_true: Array


@dataclass(frozen=True)
class Robust(Regressions):
    """Regressions for Huber's loss of width `delta`."""

    delta: float


@dataclass(frozen=True)
class Table:
    """Regressions on random splits of one table, standardised.

    Attributes
    ----------
    X, X_test : ndarray, shapes (splits, n_train, n_features), (splits, n_test, n_features)
        Features.
    y, y_test : ndarray, shapes (splits, n_train), (splits, n_test)
        Targets.
    """

    X: Array
    y: Array
    X_test: Array
    y_test: Array


@dataclass(frozen=True)
class Answer:
    """Weights found for every trial, and what a method knows besides.

    Attributes
    ----------
    w : ndarray, shape (trials, n_features)
        Weights; only their signs count.
    relaxed : ndarray, shape (trials, n_features), optional
        The last real-valued weights behind them.
    dual : ndarray, shape (trials, n_features), optional
        Dual variables z of w_i^2 = 1.
    bound : ndarray, shape (trials,), optional
        Proved lower bounds of |Xw - y|^2 over binary w.
    huber_bound : ndarray, shape (trials,), optional
        Proved lower bounds of the Huber loss over the box.
    """

    w: Array
    relaxed: Array | None = None
    dual: Array | None = None
    bound: Array | None = None
    huber_bound: Array | None = None


def synthetic(
    trials: int,
    n_samples: int,
    n_features: int,
    sigma: float,
    noise: Literal["gaussian", "laplace"] = "gaussian",
    variance: float | None = None,
) -> Callable[[Rng, str], Regressions]:
    """Return the generator of eq. 14: X_ij ~ N(0, 1/n_features), or N(0, variance); e ~ N(0, sigma^2) or Laplace(0, sigma)."""

    def make(rng: Rng, device: str) -> Regressions:
        X = rng.standard_normal((trials, n_samples, n_features)) * np.sqrt(variance or 1 / n_features)
        draw = rng.normal if noise == "gaussian" else rng.laplace
        return _planted(rng, X, draw(0.0, sigma, size=(trials, n_samples)))

    return make


def low_noise(trials: int, n_samples: int, n_features: int, sigma: float) -> Callable[[Rng, str], Regressions]:
    """Return a generator of regressions that all satisfy condition (8), |X'e|_inf < lambda_min(X'X), by drawing until they do."""

    def make(rng: Rng, device: str) -> Regressions:
        X, noise = np.zeros((trials, n_samples, n_features)), np.zeros((trials, n_samples))
        for trial in range(trials):
            while not condition_8(X[trial], noise[trial]):
                X[trial] = rng.standard_normal((n_samples, n_features)) / np.sqrt(n_features)
                noise[trial] = rng.normal(0.0, sigma, n_samples)
        return _planted(rng, X, noise)

    return make


def scaled_columns(trials: int, n_samples: int, n_features: int) -> Callable[[Rng, str], Regressions]:
    """Return a generator of regressions whose columns' scales run from 1 to 0.1, with noise at 0.9 of condition (8)'s limit."""

    def make(rng: Rng, device: str) -> Regressions:
        X = rng.standard_normal((trials, n_samples, n_features)) / np.sqrt(n_features) * np.logspace(0, -1, n_features)
        noise = rng.standard_normal((trials, n_samples))
        for trial in range(trials):
            limit = np.linalg.eigvalsh(X[trial].T @ X[trial])[0]
            noise[trial] *= 0.9 * limit / np.abs(X[trial].T @ noise[trial]).max()
        return _planted(rng, X, noise)

    return make


def tight(trials: int, n_samples: int, n_features: int, sigma: float) -> Callable[[Rng, str], Regressions]:
    """Return a generator of regressions whose semidefinite relaxation is tight, by drawing until it is: the optimum is proved."""

    def make(rng: Rng, device: str) -> Regressions:
        from optathlon.baselines.binary_regression import semidefinite_relaxation

        kept: list[Regressions] = []
        while len(kept) < trials:
            drawn = synthetic(1, n_samples, n_features, sigma)(rng, device)
            X, y = drawn.X[0], drawn.y[0]
            relaxation = semidefinite_relaxation(X, y, rng=rng)
            if np.sum((X @ relaxation.w - y) ** 2) <= relaxation.bound * (1 + 1e-5):
                kept.append(drawn)
        return Regressions(*(np.concatenate([getattr(one, name) for one in kept]) for name in ("X", "y", "w_true")))

    return make


def robust(trials: int, n_samples: int, n_features: int, delta: float, share: float) -> Callable[[Rng, str], Robust]:
    """Return a generator of regressions that meet conditions (11) to (13) of Theorem IV.1, by drawing until they do."""

    def make(rng: Rng, device: str) -> Robust:
        from optathlon.baselines.binary_regression import robust_condition

        X, noise = np.zeros((trials, n_samples, n_features)), np.zeros((trials, n_samples))
        for trial in range(trials):
            while True:
                X[trial] = rng.standard_normal((n_samples, n_features))
                outliers = rng.random(n_samples) < share
                noise[trial] = np.where(outliers, 100 * delta, 0.2 * delta * rng.standard_normal(n_samples))
                first, apart = robust_condition(X[trial], noise[trial], delta)
                if first.holds and apart:
                    break
        planted = _planted(rng, X, noise)
        return Robust(planted.X, planted.y, planted.w_true, delta)

    return make


def sparse_outliers(trials: int, n_samples: int, n_features: int, share: float, size: float) -> Callable[[Rng, str], Regressions]:
    """Return the generator of Theorem IV.2: standard Gaussian X, and noise that is zero but for a share of equal outliers."""

    def make(rng: Rng, device: str) -> Regressions:
        noise = np.zeros((trials, n_samples))
        noise[:, : round(share * n_samples)] = size * rng.choice([-1.0, 1.0], (trials, round(share * n_samples)))
        return _planted(rng, rng.standard_normal((trials, n_samples, n_features)), noise)

    return make


def condition_8(X: Array, noise: Array) -> bool:
    """Tell whether the noise is as low as Theorem III.1 requires."""
    return bool(np.abs(X.T @ noise).max() < np.linalg.eigvalsh(X.T @ X)[0])


def _planted(rng: Rng, X: Array, noise: Array) -> Regressions:
    w_true = rng.choice([-1.0, 1.0], size=(len(X), X.shape[2]))
    return Regressions(X, np.einsum("tij,tj->ti", X, w_true) + noise, w_true)


def table(name: str, splits: int, outliers: float = 0.0) -> Callable[[Rng, str], Table]:
    """Return the maker of random 70/30 splits of a data set, standardised by the training rows.

    A share of `outliers` adds N(0, (2 sd)^2) to that share of the training targets before these are standardised, so the test
    targets are standardised by the corrupted statistics.
    """

    def make(rng: Rng, device: str) -> Table:
        arrays = data.load(name)
        parts = [_split(rng, arrays["X"], arrays["y"], outliers) for _ in range(splits)]
        return Table(*(np.stack(part) for part in zip(*parts, strict=True)))

    return make


def _split(rng: Rng, X: Array, y: Array, outliers: float) -> tuple[Array, Array, Array, Array]:
    order = rng.permutation(len(X))
    n_train = round(0.7 * len(X))
    train, test = order[:n_train], order[n_train:]
    corrupted = y[train].astype(np.float64)
    chosen = rng.permutation(n_train)[: round(outliers * n_train)]
    corrupted[chosen] += rng.normal(0.0, 2 * y[train].std(), len(chosen))

    def standardise(values: Array, reference: Array) -> Array:
        return (values - reference.mean(axis=0)) / reference.std(axis=0)

    return (
        standardise(X[train], X[train]),
        standardise(corrupted, corrupted),
        standardise(X[test], X[train]),
        standardise(y[test], corrupted),
    )
