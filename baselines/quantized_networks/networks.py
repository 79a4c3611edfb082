"""Two-layer networks with quantised weights: bilinear and degree-two activation, and Theorem 1's way from one to the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.quantized_networks import _checks

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BilinearNetwork:
    """f(x) = sum_j alpha_j (x'u_j)(x'v_j) with signs u_j, v_j (2).

    Attributes
    ----------
    U, V : ndarray, shape (m, d)
        Weights in {-1, 1}, a neuron a row.
    alpha : ndarray, shape (m,)
        Second layer.
    """

    U: Array
    V: Array
    alpha: Array

    def __post_init__(self) -> None:
        U = _checks.check_signs("U", self.U, (None, None))
        V = _checks.check_signs("V", self.V, U.shape)
        alpha = _checks.check_real("alpha", self.alpha)
        if alpha.shape != (len(U),):
            raise ValueError(f"alpha must have shape ({len(U)},) to match U of shape {U.shape}, got {alpha.shape}")
        for name, value in (("U", U), ("V", V), ("alpha", alpha)):
            object.__setattr__(self, name, value)

    def predict(self, X: ArrayLike) -> Array:
        """Return f(x) of each row of X, shape (n,)."""
        X = _samples(X, self.U.shape[1])
        return ((X @ self.U.T) * (X @ self.V.T)) @ self.alpha

    def matrix(self) -> Array:
        """Return M = sum_j alpha_j sym(u_j v_j'), with f(x) = x'Mx, shape (d, d)."""
        M = (self.U.T * self.alpha) @ self.V
        return 0.5 * (M + M.T)

    @property
    def bits(self) -> int:
        """2md bits of signs, and 64 for each different entry of alpha."""
        return 2 * self.U.size + 64 * len(np.unique(self.alpha))


@dataclass(frozen=True, eq=False)
class PolynomialNetwork:
    """f(x) = sum_j alpha_j sigma(x'q_j), sigma(t) = a t^2 + b t + c, with integer weights q_j (1).

    Attributes
    ----------
    weights : ndarray, shape (m, d)
        Integers, a neuron a row.
    alpha : ndarray, shape (m,)
        Second layer.
    a, b, c : float
        The activation.
    """

    weights: Array
    alpha: Array
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0

    def __post_init__(self) -> None:
        weights, alpha = _checks.check_real("weights", self.weights), _checks.check_real("alpha", self.alpha)
        if weights.ndim != 2 or not np.array_equal(weights, np.round(weights)):
            raise ValueError(f"weights must be integers of shape (m, d), got {self.weights!r}")
        if alpha.shape != (len(weights),):
            raise ValueError(f"alpha must have shape ({len(weights)},) to match the weights, got {alpha.shape}")
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "alpha", alpha)

    def predict(self, X: ArrayLike) -> Array:
        """Return f(x) of each row of X, shape (n,)."""
        t = _samples(X, self.weights.shape[1]) @ self.weights.T
        return (self.a * t * t + self.b * t + self.c) @ self.alpha


def objective(network: BilinearNetwork, X: ArrayLike, y: ArrayLike, *, beta: float, loss: str = "squared") -> float:
    """Return loss + beta d sum_j |alpha_j| (21)."""
    features, target = _checks.check_data(X, y, loss)
    fitted = network.predict(features)
    cost = beta * features.shape[1] * float(np.abs(network.alpha).sum())
    return total_loss(fitted, target, loss) + cost


def total_loss(fitted: Array, y: Array, loss: str) -> float:
    """Return the sum of squares or of hinges."""
    return float(np.sum((fitted - y) ** 2) if loss == "squared" else np.maximum(1 - y * fitted, 0.0).sum())


def reduce_levels(network: PolynomialNetwork, n_levels: int) -> BilinearNetwork:
    """Return the bilinear sign network of Theorem 1 that computes the same on `lift_samples`.

    Parameters
    ----------
    network : PolynomialNetwork
        With weights in {-M, -M + 2, ..., M}; level 0 exists for even M only.
    n_levels : int
        M + 1, at least 2.

    Returns
    -------
    BilinearNetwork
        u_j = v_j, of length dM + 1: M signs whose sum is a weight (4), and a 1 for the constant (5).

    Raises
    ------
    ValueError
        For weights off the levels.

    References
    ----------
    Bartan, Pilanci, Theorem 1.
    """
    M = _checks.check_count("n_levels", n_levels, 2) - 1
    q = network.weights
    off = (np.abs(q) > M) | ((q - M) % 2 != 0)
    if off.any():
        raise ValueError(f"weights must lie in {{-{M}, -{M} + 2, ..., {M}}} for n_levels={n_levels}, got {q[off].flat[0]:g}")
    positive = ((q + M) / 2)[:, :, None]
    signs = np.where(np.arange(M) < positive, 1.0, -1.0).reshape(len(q), -1)
    signs = np.hstack([signs, np.ones((len(q), 1))])
    return BilinearNetwork(signs, signs.copy(), network.alpha)


def lift_samples(X: ArrayLike, n_levels: int, *, a: float = 1.0, b: float = 0.0, c: float = 0.0) -> Array:
    """Return [[a xt xt', b xt / 2], [b xt' / 2, c]], xt each x_i M times, shape (n, dM + 1, dM + 1) (Theorem 1)."""
    M = _checks.check_count("n_levels", n_levels, 2) - 1
    samples = _checks.check_real("X", X)
    if samples.ndim != 2:
        raise ValueError(f"X must have shape (n, d), got {samples.shape}")
    repeated = np.repeat(samples, M, axis=1)
    lifted = np.empty((len(samples), repeated.shape[1] + 1, repeated.shape[1] + 1))
    lifted[:, :-1, :-1] = a * repeated[:, :, None] * repeated[:, None, :]
    lifted[:, :-1, -1] = lifted[:, -1, :-1] = 0.5 * b * repeated
    lifted[:, -1, -1] = c
    return lifted


def predict_lifted(network: BilinearNetwork, lifted: ArrayLike) -> Array:
    """Return sum_j alpha_j u_j' X v_j of matrices X, shape (n,) (2)."""
    matrices = _checks.check_real("lifted", lifted)
    d = network.U.shape[1]
    if matrices.ndim != 3 or matrices.shape[1:] != (d, d):
        raise ValueError(f"lifted must have shape (n, {d}, {d}), got {matrices.shape}")
    return np.tensordot(matrices, (network.U.T * network.alpha) @ network.V, axes=2)


def expand_bilinear(network: BilinearNetwork) -> PolynomialNetwork:
    """Return the quadratic network of 3m neurons that computes the same (7).

    2 u'Av = (u + v)'A(u + v) - u'Au - v'Av, so that the weights are those of u, v and (u + v)/2: of {-1, 0, 1}, not of {-1, 1}.
    Theorem 1's converse says that signs suffice, which fails: sum_j alpha_j q_j q_j' of signs has a constant diagonal, and
    (x1 + x2)(x1 - x2) = x1^2 - x2^2 has none.
    """
    middle = 0.5 * (network.U + network.V)
    alpha = np.concatenate([2 * network.alpha, -0.5 * network.alpha, -0.5 * network.alpha])
    return PolynomialNetwork(np.vstack([middle, network.U, network.V]), alpha)


def _samples(X: ArrayLike, d: int) -> Array:
    samples = _checks.check_real("X", X)
    if samples.ndim != 2 or samples.shape[1] != d:
        raise ValueError(f"X must have shape (n, {d}), got {samples.shape}")
    return samples
