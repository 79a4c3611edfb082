"""Polyak's momentum on the two networks whose acceleration is proved: wide ReLU (Theorem 3.1) and deep linear (Theorem 3.2)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from optathlon.baselines.acceleration._checks import (
    check_count,
    check_generator,
    check_matrix,
    check_momentum,
    check_point,
    check_positive,
)

__all__ = ["DeepLinear", "Training", "WideReLU", "deep_linear", "momenta", "polyak", "wide_relu"]

Weights = list[np.ndarray]


class Network(Protocol):
    """What `polyak` trains: squared loss 1/2 |xi|^2 of the residual xi."""

    @property
    def start(self) -> Weights:
        """The weights at the start."""
        ...

    def residual_and_gradient(self, weights: Weights) -> tuple[np.ndarray, Weights]:
        """Return xi at the weights, flat, and the gradient of 1/2 |xi|^2 with respect to each of them."""
        ...


@dataclass(frozen=True)
class Training:
    """A run of Polyak's momentum.

    Attributes
    ----------
    residuals : numpy.ndarray (n_steps + 1,)
        |xi_t| at t = 0, 1, ...
    weights : list of numpy.ndarray
        At the end.
    n_steps : int
        Steps taken.
    converged : bool
        The last residual is within `tol` times the first.
    """

    residuals: np.ndarray
    weights: Weights
    n_steps: int
    converged: bool

    def bound_ratio(self, kappa: float) -> float:
        """Return the largest |xi_t, xi_{t-1}| over the bound (1 - 1/(4 sqrt kappa))^t 8 sqrt(kappa) |xi_0, xi_-1| (eqs. 8, 10).

        xi_-1 = xi_0. At most 1 where the theorem's statement holds.
        """
        kappa, r = check_positive("kappa", kappa), self.residuals
        pairs = np.hypot(r, np.concatenate([r[:1], r[:-1]]))
        bound = (1 - 1 / (4 * math.sqrt(kappa))) ** np.arange(len(r)) * 8 * math.sqrt(kappa) * pairs[0]
        return float(np.max(pairs / bound)) if pairs[0] > 0 else 0.0


def polyak(
    network: Network,
    *,
    step: float,
    momentum: float = 0.0,
    tol: float = 1e-6,
    max_steps: int = 20_000,
    callback: Callable[[int, float], object] | None = None,
) -> Training:
    """Train by W_{t+1} = W_t - step * gradient + momentum (W_t - W_{t-1}); momentum 0 is gradient descent.

    Parameters
    ----------
    network : WideReLU or DeepLinear
        What is trained, from `network.start`.
    step : float
        eta of the theorems.
    momentum : float
        Polyak's beta, in [0, 1).
    tol : float
        Residual to reach, relative to the first.
    max_steps : int
        Steps at most; a residual that overflows ends the run too.
    callback : callable, optional
        ``callback(step, |xi|)``.
    """
    step, momentum = check_positive("step", step), check_momentum("momentum", momentum)
    tol, max_steps = check_positive("tol", tol), check_count("max_steps", max_steps, least=0)
    weights = [W.copy() for W in network.start]
    velocity = [np.zeros_like(W) for W in weights]
    residuals: list[float] = []
    with np.errstate(over="ignore", invalid="ignore"):
        while True:
            xi, gradient = network.residual_and_gradient(weights)
            residuals.append(float(np.linalg.norm(xi)))
            if callback is not None:
                callback(len(residuals) - 1, residuals[-1])
            converged = residuals[-1] <= tol * residuals[0]
            if converged or len(residuals) > max_steps or not math.isfinite(residuals[-1]):
                return Training(np.array(residuals), weights, len(residuals) - 1, converged)
            for W, V, G in zip(weights, velocity, gradient, strict=True):
                V *= momentum
                V -= step * G
                W += V


def momenta(kappa: float) -> dict[str, float]:
    """Return Polyak's beta for a condition number: as proved, as the survey prints it in Theorem 3.1, and as tuned.

    Parameters
    ----------
    kappa : float
        At least 1; kappa-hat for the ReLU network.

    Returns
    -------
    dict
        ``proved``: (1 - 1/(2 sqrt kappa))^2. ``printed``: (1 - 1/(2 kappa))^2, without the square root. ``tuned``:
        (1 - 1/sqrt kappa)^2, about the best on a quadratic.
    """
    if check_positive("kappa", kappa) < 1:
        raise ValueError(f"kappa must be at least 1, got {kappa}")
    root = math.sqrt(kappa)
    return {"proved": (1 - 1 / (2 * root)) ** 2, "printed": (1 - 1 / (2 * kappa)) ** 2, "tuned": (1 - 1 / root) ** 2}


@dataclass(frozen=True)
class WideReLU:
    """N(x) = 1/sqrt(m) sum_r a_r relu(w_r'x) with the signs a_r fixed, on n samples of unit length.

    Attributes
    ----------
    X : numpy.ndarray (n, d)
        Samples of unit length.
    y : numpy.ndarray (n,)
        Targets.
    signs : numpy.ndarray (m,)
        a_r.
    start : list with one numpy.ndarray (d, m)
        The weights at the start.
    """

    X: np.ndarray
    y: np.ndarray
    signs: np.ndarray
    start: Weights

    def residual_and_gradient(self, weights: Weights) -> tuple[np.ndarray, Weights]:
        """Return N(X) - y and the gradient of half its squared norm."""
        outputs = self.signs / math.sqrt(len(self.signs))
        inputs = self.X @ weights[0]
        active = (inputs > 0).astype(float)
        xi = np.maximum(inputs, 0, out=inputs) @ outputs - self.y
        gradient = (self.X * xi[:, None]).T @ active
        gradient *= outputs
        return xi, [gradient]

    def gram(self) -> np.ndarray:
        """Return the expected Gram matrix, x_i'x_j (pi - angle(x_i, x_j)) / (2 pi) (n, n)."""
        cosines = np.clip(self.X @ self.X.T, -1, 1)
        return cosines * (math.pi - np.arccos(cosines)) / (2 * math.pi)

    def constants(self) -> tuple[float, float]:
        """Return lambda_max and kappa-hat of Theorem 3.1: lambda_max(H) + lambda_min(H)/4, and that over 3/4 lambda_min(H)."""
        values = np.linalg.eigvalsh(self.gram())
        if values[0] <= 0:
            raise ValueError(f"the Gram matrix must be positive definite, got smallest eigenvalue {values[0]:.3g}")
        largest = float(values[-1] + values[0] / 4)
        return largest, largest / float(0.75 * values[0])

    def flips(self, weights: Weights) -> float:
        """Return the share of activations (sample, neuron) that differ from the start's."""
        return float(np.mean((self.X @ weights[0] > 0) != (self.X @ self.start[0] > 0)))


def wide_relu(X: np.ndarray, y: np.ndarray, *, width: int, rng: int | np.random.Generator | None = None) -> WideReLU:
    """Return the network of Theorem 3.1 at its random start: w_r ~ N(0, I), a_r = -1 or 1.

    Parameters
    ----------
    X : array (n, d)
        Samples of unit length.
    y : array (n,)
        Targets.
    width : int
        m.
    rng : int, Generator or None
        Randomness.
    """
    X, y, width, rng = check_matrix("X", X), check_point("y", y), check_count("width", width), check_generator(rng)
    lengths = np.linalg.norm(X, axis=1)
    if np.abs(lengths - 1).max() > 1e-8:
        raise ValueError(f"X must have rows of unit length, got lengths from {lengths.min():.6g} to {lengths.max():.6g}")
    if len(y) != len(X):
        raise ValueError(f"y must have shape ({len(X)},), one entry per row of X, got {y.shape}")
    return WideReLU(X, y, rng.choice([-1.0, 1.0], size=width), [rng.standard_normal((X.shape[1], width))])


@dataclass(frozen=True)
class DeepLinear:
    """N(x) = 1/sqrt(m^(L-1) dy) W_L ... W_1 x on the columns of X (eq. 9).

    Attributes
    ----------
    X : numpy.ndarray (d, n)
        One sample a column.
    Y : numpy.ndarray (dy, n)
        Targets.
    start : list of L numpy.ndarray
        Orthogonal weights: (m, d), (m, m), ..., (dy, m).
    """

    X: np.ndarray
    Y: np.ndarray
    start: Weights

    @property
    def scale(self) -> float:
        """1/sqrt(m^(L-1) dy)."""
        return 1 / math.sqrt(float(len(self.start[0])) ** (len(self.start) - 1) * len(self.Y))

    def residual_and_gradient(self, weights: Weights) -> tuple[np.ndarray, Weights]:
        """Return N(X) - Y, flat, and the gradient of half its squared norm."""
        inputs = [self.X]
        for W in weights:
            inputs.append(W @ inputs[-1])
        xi = self.scale * inputs[-1] - self.Y
        back, gradient = self.scale * xi, []
        for W, signal in zip(reversed(weights), reversed(inputs[:-1]), strict=True):
            gradient.append(back @ signal.T)
            back = W.T @ back
        return xi.ravel(), gradient[::-1]

    def constants(self) -> tuple[float, float]:
        """Return the step dy / (2 L sigma_max^2) and kappa = sigma_max^2 / sigma_min^2 of Theorem 3.2."""
        values = np.linalg.svd(self.X, compute_uv=False)
        values = values[values > len(self.X) * np.finfo(float).eps * values[0]]
        return len(self.Y) / (2 * len(self.start) * float(values[0]) ** 2), float((values[0] / values[-1]) ** 2)


def deep_linear(
    X: np.ndarray, Y: np.ndarray, *, width: int, depth: int, rng: int | np.random.Generator | None = None
) -> DeepLinear:
    """Return the network of Theorem 3.2 at its random orthogonal start.

    W_l W_l' = m I for the square layers, W_1'W_1 = m I, and W_L W_L' = m I.

    Parameters
    ----------
    X : array (d, n)
        One sample a column.
    Y : array (dy, n)
        Targets.
    width : int
        m, at least max(d, dy).
    depth : int
        L, at least 2.
    rng : int, Generator or None
        Randomness.
    """
    X, Y, rng = check_matrix("X", X), check_matrix("Y", Y), check_generator(rng)
    if Y.shape[1] != X.shape[1]:
        raise ValueError(f"Y must have {X.shape[1]} columns like X, got shape {Y.shape}")
    if not X.any():
        raise ValueError("X must have an entry that is not zero")
    width, depth = check_count("width", width, least=max(len(X), len(Y))), check_count("depth", depth, least=2)
    sizes = [len(X), *[width] * (depth - 1), len(Y)]
    return DeepLinear(X, Y, [_orthogonal(rng, rows, columns, width) for columns, rows in itertools.pairwise(sizes)])


def _orthogonal(rng: np.random.Generator, rows: int, columns: int, width: int) -> np.ndarray:
    """Return sqrt(width) times a matrix with orthonormal rows or columns, uniformly drawn."""
    Q, R = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    Q = math.sqrt(width) * Q * np.sign(np.diag(R))
    return Q if rows >= columns else Q.T
