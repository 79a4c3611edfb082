"""Networks with polynomial activation as semidefinite programs, and the way back from a matrix to neurons.

For ``sigma(t) = a t^2 + b t + c`` a neuron with a unit weight vector w is linear in ``[w; 1][w; 1]'``, so that the
network is linear in ``Z = Z_plus - Z_minus``, each a sum of such matrices: positive semidefinite, with the trace of
its upper block equal to its corner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks._lifted_program import NuclearBall, SignedTraceCone, lifted_program
from optathlon.baselines.convex_networks._result import Certified, within

Array = NDArray[np.float64]

#: The degree-2 approximation of the ReLU in Bartan and Pilanci (2021).
RELU_APPROXIMATION = (0.09, 0.5, 0.47)


@dataclass(frozen=True)
class PolynomialNetwork(Certified):
    """A two-layer network with polynomial activation, with the certificate of its training objective.

    Attributes
    ----------
    W1 : ndarray, (n_features, n_neurons)
        First layer, columns of unit length.
    w2 : ndarray, (n_neurons,)
        Second layer.
    coefficients : (float, float, float)
        a, b, c of the activation ``a t^2 + b t + c``.
    objective : float
        ``1/2 ||f(X) - y||^2 + beta ||w2||_1`` of this network on the training data.
    dual_bound : float
        No network of any width has a smaller objective.
    converged : bool
        Whether `gap` is within the tolerance.
    n_steps : int
        Steps of the solver.
    """

    W1: Array
    w2: Array
    coefficients: tuple[float, float, float]
    objective: float
    dual_bound: float
    converged: bool
    n_steps: int

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs, (n_samples,), of the network on X, (n_samples, n_features)."""
        return polynomial(_checks.finite_array(X, "X", 2) @ self.W1, self.coefficients) @ self.w2


def polynomial(t: Array, coefficients: tuple[float, float, float]) -> Array:
    """Return ``a t^2 + b t + c``, elementwise."""
    a, b, c = coefficients
    return (a * t + b) * t + c


def quadratic_program(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    tol: float = 1e-9,
    n_steps: int = 20_000,
    callback: Callable[[int, Array], None] | None = None,
) -> PolynomialNetwork:
    """Train a two-layer network with activation ``t^2`` to its global optimum.

    ``min_Z 1/2 sum_i (x_i' Z x_i - y_i)^2 + beta ||Z||_*`` over symmetric Z. The eigenvectors of Z are the first
    layer and its eigenvalues the second, at most n_features neurons.

    Parameters
    ----------
    X, y
        Data (n_samples, n_features) and labels (n_samples,).
    beta
        Weight of ``||w2||_1``, positive.
    tol
        Stop at this certified relative gap.
    n_steps
        Steps of the alternating direction method at most; what was reached is certified in any case.
    callback
        ``callback(step, Z)`` after every step, with Z of shape (1, n_features, n_features), the method's own, only to be read.

    Returns
    -------
    PolynomialNetwork
        The network, its objective and a lower bound of the optimum.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen or not positive, or X is too large for the lifted problem.

    References
    ----------
    B. Bartan and M. Pilanci (2021), Neural spectrahedra and semidefinite lifts, section 3 (quadratic activation).
    """
    X, y = _data(X, y, extra=0)
    lift = X[:, :, None] * X[:, None, :]
    cone = NuclearBall(X.shape[1])
    blocks, bound, steps = lifted_program(lift, y, _checks.positive(beta, "beta"), cone, tol, n_steps, callback)
    values, vectors = np.linalg.eigh(blocks[0])
    keep = np.abs(values) > 1e-13 * np.abs(values).max(initial=0.0)
    return _network(X, y, beta, vectors[:, keep], values[keep], (1.0, 0.0, 0.0), bound, steps, tol)


def polynomial_program(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    coefficients: tuple[float, float, float] = RELU_APPROXIMATION,
    tol: float = 1e-9,
    n_steps: int = 20_000,
    callback: Callable[[int, Array], None] | None = None,
) -> PolynomialNetwork:
    """Train a two-layer network with activation ``a t^2 + b t + c`` and unit first-layer weights to its global optimum.

    ``min 1/2 ||f(Z - Z') - y||^2 + beta (Z_44 + Z'_44)`` over positive semidefinite
    ``Z = [[Z_1, Z_2], [Z_2', Z_44]]`` with ``tr Z_1 = Z_44``, and Z' alike for the negative second-layer weights,
    where ``f_i(Z) = a x_i' Z_1 x_i + b x_i' Z_2 + c Z_44``. At most 2 (n_features + 1) neurons.

    Parameters
    ----------
    X, y
        Data (n_samples, n_features) and labels (n_samples,).
    beta
        Weight of ``||w2||_1``, positive.
    coefficients
        a, b, c of the activation, not all zero.
    tol
        Stop at this certified relative gap.
    n_steps
        Steps of the alternating direction method at most; what was reached is certified in any case.
    callback
        ``callback(step, Z)`` after every step, with Z of shape (2, n_features + 1, n_features + 1), the
        method's own array, only to be read.

    Returns
    -------
    PolynomialNetwork
        The network, its objective and a lower bound of the optimum.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen or not positive, or X is too large for the lifted problem.

    References
    ----------
    B. Bartan and M. Pilanci (2021), Neural spectrahedra and semidefinite lifts, equation (11) for one sign; the
    signed program has one block for each.
    """
    X, y = _data(X, y, extra=1)
    a, b, c = _coefficients(coefficients)
    ones = np.column_stack([X, np.ones(len(X))])
    d = X.shape[1]
    scale = np.empty((d + 1, d + 1))
    scale[:d, :d], scale[d, :d], scale[:d, d], scale[d, d] = a, b / 2, b / 2, c
    lift = scale * ones[:, :, None] * ones[:, None, :]
    cone = SignedTraceCone(d)
    blocks, bound, steps = lifted_program(lift, y, _checks.positive(beta, "beta"), cone, tol, n_steps, callback)
    parts = [neural_decomposition(block) for block in blocks]
    W1 = np.hstack([directions for directions, _ in parts])
    w2 = np.concatenate([parts[0][1], -parts[1][1]])
    return _network(X, y, beta, W1, w2, (a, b, c), bound, steps, tol)


def neural_decomposition(Z: ArrayLike) -> tuple[Array, Array]:
    """Write ``Z`` as ``sum_j weight_j [w_j; 1][w_j; 1]'`` with unit vectors w_j and positive weights.

    From ``Z = sum_j p_j p_j'`` (eigenvectors) a plane rotation of two vectors leaves the sum as it is. With
    ``q_j = |c_j|^2 - d_j^2`` for ``p_j = [c_j; d_j]`` a pair of opposite signs is rotated until one of the two is
    zero; as the q_j sum to ``tr Z_1 - Z_44 = 0``, rank(Z) - 1 rotations make all of them zero.

    Parameters
    ----------
    Z
        Positive semidefinite, (d + 1, d + 1), the trace of its upper block equal to its corner.

    Returns
    -------
    directions : ndarray, (d, n_neurons)
        The w_j as columns, at most d + 1.
    weights : ndarray, (n_neurons,)
        Positive.

    Raises
    ------
    ValueError
        Z is not a finite symmetric positive semidefinite matrix whose upper block has the corner as trace (to 1e-6).

    References
    ----------
    B. Bartan and M. Pilanci (2021), Neural spectrahedra and semidefinite lifts, section 4 (neural decomposition).
    """
    Z = _checks.finite_array(Z, "Z", 2)
    d = Z.shape[0] - 1
    if Z.shape[1] != d + 1 or d < 1 or not np.allclose(Z, Z.T, rtol=0, atol=1e-9 * np.abs(Z).max()):
        raise ValueError(f"Z must be a symmetric matrix of at least 2 rows, got shape {Z.shape}")
    values, vectors = np.linalg.eigh(Z)
    largest = values[-1]
    if values[0] < -1e-6 * abs(largest) or abs(np.trace(Z) - 2 * Z[d, d]) > 1e-6 * abs(np.trace(Z)):
        raise ValueError(
            "Z must be positive semidefinite with trace(Z[:-1, :-1]) = Z[-1, -1], "
            f"got least eigenvalue {values[0]:.3g}, trace {np.trace(Z) - Z[d, d]:.6g} and corner {Z[d, d]:.6g}"
        )
    keep = values > 1e-13 * largest
    P = vectors[:, keep] * np.sqrt(values[keep])
    q = (P[:d] ** 2).sum(axis=0) - P[d] ** 2
    for _ in range(P.shape[1] - 1):
        i, j = int(np.argmax(q)), int(np.argmin(q))
        if q[i] <= 0 or q[j] >= 0:
            break
        # q(cos t p_i + sin t p_j) = 0, a quadratic equation in tan t with roots of both signs.
        mixed = P[:d, i] @ P[:d, j] - P[d, i] * P[d, j]
        root = np.sqrt(mixed**2 - q[i] * q[j])
        tangent = q[i] / (root - mixed) if mixed < 0 else -(mixed + root) / q[j]
        cos = 1 / np.hypot(1.0, tangent)
        sin = tangent * cos
        P[:, [i, j]] = np.column_stack([cos * P[:, i] + sin * P[:, j], cos * P[:, j] - sin * P[:, i]])
        q[i], q[j] = 0.0, q[i] + q[j]
    corner = P[d]
    directions = P[:d] / corner
    return directions / np.linalg.norm(directions, axis=0), corner**2


def _data(X: ArrayLike, y: ArrayLike, *, extra: int) -> tuple[Array, Array]:
    X = _checks.samples(X)
    n, d = X.shape
    columns = (d + extra) ** 2
    _checks.require_memory(8.0 * columns * (3 * n + 2 * min(n, columns)), f"the lifted data of X with shape {X.shape}")
    return X, _checks.labels(y, n)


def _coefficients(coefficients: tuple[float, float, float]) -> tuple[float, float, float]:
    values = _checks.finite_array(coefficients, "coefficients", 1)
    if values.shape != (3,) or not values.any():
        raise ValueError(f"coefficients must be three numbers a, b, c that are not all zero, got {coefficients!r}")
    return float(values[0]), float(values[1]), float(values[2])


def _network(
    X: Array,
    y: Array,
    beta: float,
    W1: Array,
    w2: Array,
    coefficients: tuple[float, float, float],
    bound: float,
    steps: int,
    tol: float,
) -> PolynomialNetwork:
    residual = polynomial(X @ W1, coefficients) @ w2 - y
    objective = 0.5 * float(residual @ residual) + beta * float(np.abs(w2).sum())
    return PolynomialNetwork(W1, w2, coefficients, objective, bound, within(objective, bound, tol), steps)
