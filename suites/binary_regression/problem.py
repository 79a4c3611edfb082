"""Batches of binary regressions: generators, and what makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray


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

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    w_true: NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """Weights found for every trial.

    Attributes
    ----------
    w : ndarray, shape (trials, n_features)
        Weights; only their signs count.
    """

    w: NDArray[np.float64]


def synthetic(
    trials: int, n_samples: int, n_features: int, sigma: float, noise: Literal["gaussian", "laplace"] = "gaussian"
) -> Callable[[np.random.Generator, str], Regressions]:
    """Return the generator of eq. 14: X_ij ~ N(0, 1/n_features), e ~ N(0, sigma^2) or Laplace(0, sigma)."""

    def make(rng: np.random.Generator, device: str) -> Regressions:
        X = rng.standard_normal((trials, n_samples, n_features)) / np.sqrt(n_features)
        w_true = rng.choice([-1.0, 1.0], size=(trials, n_features))
        draw = rng.normal if noise == "gaussian" else rng.laplace
        y = np.einsum("tij,tj->ti", X, w_true) + draw(0.0, sigma, size=(trials, n_samples))
        return Regressions(X, y, w_true)

    return make
