"""Networks trained by gradients: rounded after training, rounded with compensation, or trained through the rounding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.quantized_networks import _checks
from optathlon.baselines.quantized_networks.flips import Trained, fit_scale
from optathlon.baselines.quantized_networks.networks import BilinearNetwork

Array = NDArray[np.float64]

_MOMENTUM = 0.9


def post_training_quantization(
    X: ArrayLike,
    y: ArrayLike,
    n_neurons: int,
    *,
    n_steps: int = 1500,
    learning_rate: float = 1e-3,
    rng: np.random.Generator | int | None = None,
    callback: Callable[[int, Array], object] | None = None,
) -> Trained:
    """Train sum_j (x'u_j)(x'v_j) / m by full-batch gradients with momentum 0.9, then take signs (Section 5.1).

    Parameters
    ----------
    X, y : array_like, shapes (n, d), (n,)
        Training samples.
    n_neurons : int
        m.
    n_steps : int
        Steps on the mean square error.
    learning_rate : float
        Step, times m so that it means the same for all widths, and halved from a start anew where training explodes.
    rng : numpy.random.Generator or int, optional
        Of the first weights, N(0, 1).
    callback : callable, optional
        ``callback(step, U)`` after each step: the method's own array, only to be read, and moved on in place.

    Returns
    -------
    Trained
        c minimises |c sum_j sgn(u_j) sgn(v_j)' - sum_j u_j v_j' / m|_F: <Zh, Z> / <Zh, Zh>. The paper prints <Z, Z> below.

    Raises
    ------
    ValueError
        For bad input.
    """
    features, target, m, n_steps = _training_input(X, y, n_neurons, n_steps)
    learning_rate = _checks.check_positive("learning_rate", learning_rate)
    generator = _checks.check_rng(rng)
    d = features.shape[1]
    start = generator.standard_normal((2, m, d))
    for _ in range(20):
        weights, finite = _descend(features, target, start, n_steps, learning_rate, callback)
        if finite:
            break
        learning_rate *= 0.5
    else:
        weights = start
    U, V = weights
    signs_U, signs_V = _signs(U), _signs(V)
    rounded, wanted = signs_U.T @ signs_V, U.T @ V / m
    c = float(np.vdot(rounded, wanted)) / max(float(np.vdot(rounded, rounded)), 1.0)
    network = BilinearNetwork(signs_U, signs_V, np.full(m, c))
    return Trained(network, _square(network, features, target), finite, n_steps, U, V)


def _descend(
    X: Array, y: Array, start: Array, n_steps: int, learning_rate: float, callback: Callable[[int, Array], object] | None
) -> tuple[Array, bool]:
    """Return the weights after heavy-ball steps, and whether they stayed finite."""
    weights, velocity = start.copy(), np.zeros_like(start)
    m = start.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(n_steps):
            A, B = X @ weights[0].T, X @ weights[1].T
            slope = (2 / len(y)) * (np.einsum("ij,ij->i", A, B) / m - y)
            velocity *= _MOMENTUM
            velocity[0] -= learning_rate * ((slope[:, None] * B).T @ X)
            velocity[1] -= learning_rate * ((slope[:, None] * A).T @ X)
            weights += velocity
            if callback is not None:
                callback(step, weights[0])
            if step % 50 == 49 and not np.isfinite(weights).all():
                break
    return weights, bool(np.isfinite(weights).all() and np.abs(weights).max() < 1e100)


def straight_through_network(
    X: ArrayLike,
    y: ArrayLike,
    n_neurons: int,
    *,
    n_steps: int = 1000,
    learning_rate: float = 0.02,
    rng: np.random.Generator | int | None = None,
    callback: Callable[[int, Array], object] | None = None,
) -> Trained:
    """Train through the signs: the gradient at sgn(u), sgn(v) moves u and v (Adam, cosine decay), c refitted at each step.

    Parameters
    ----------
    X, y, n_neurons, rng, callback
        As in `post_training_quantization`.
    n_steps : int
        Adam steps.
    learning_rate : float
        First step; it decays to 0.

    Returns
    -------
    Trained
        The best iterate on the training samples.
    """
    features, target, m, n_steps = _training_input(X, y, n_neurons, n_steps)
    learning_rate = _checks.check_positive("learning_rate", learning_rate)
    generator = _checks.check_rng(rng)
    weights = 0.1 * generator.standard_normal((2, m, features.shape[1]))
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    best_loss, best = np.inf, (_signs(weights), 0.0)
    for step in range(n_steps):
        signs = _signs(weights)
        A, B = features @ signs[0].T, features @ signs[1].T
        fitted = np.einsum("ij,ij->i", A, B)
        c = float(fitted @ target) / max(float(fitted @ fitted), np.finfo(float).tiny)
        residual = c * fitted - target
        loss = float(residual @ residual)
        if loss < best_loss:
            best_loss, best = loss, (signs, c)
        slope = c * residual[:, None]
        gradient = np.stack([(slope * B).T @ features, (slope * A).T @ features])
        gradient /= max(float(np.abs(gradient).max()), np.finfo(float).tiny)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        corrected = first / (1 - 0.9 ** (step + 1)) / (np.sqrt(second / (1 - 0.999 ** (step + 1))) + 1e-8)
        weights -= 0.5 * learning_rate * (1 + np.cos(np.pi * step / n_steps)) * corrected
        np.clip(weights, -1.0, 1.0, out=weights)
        if callback is not None:
            callback(step, signs[0])
    (signs, c) = best
    network = BilinearNetwork(signs[0], signs[1], np.full(m, c))
    return Trained(network, _square(network, features, target), True, n_steps)


def compensated_rounding(
    X: ArrayLike, y: ArrayLike, U: ArrayLike, V: ArrayLike, *, damping: float = 0.01, max_memory: int = 2 * 2**30
) -> Trained:
    """Round a trained network sign by sign, each error made up for by the weights still to come, U first and then V.

    Parameters
    ----------
    X, y : array_like, shapes (n, d), (n,)
        Training samples.
    U, V : array_like, shape (m, d)
        Float weights of sum_j (x'u_j)(x'v_j) / m.
    damping : float
        Share of the mean curvature that is added to its diagonal.
    max_memory : int
        Bytes that the curvature of all md weights of a layer may take.

    Returns
    -------
    Trained
        Signs with one c by least squares.

    Raises
    ------
    ValueError
        For bad input, and beyond `max_memory`, with the estimate.

    References
    ----------
    Frantar, Ashkboos, Hoefler, Alistarh (2023), GPTQ, Algorithm 1: the same compensation, on the outputs of the whole network.
    """
    features, target = _checks.check_data(X, y, "squared")
    floats = [_checks.check_real("U", U), _checks.check_real("V", V)]
    d = features.shape[1]
    if floats[0].ndim != 2 or floats[0].shape != floats[1].shape or floats[0].shape[1] != d:
        raise ValueError(f"U and V must both have shape (m, {d}), got {floats[0].shape} and {floats[1].shape}")
    damping = _checks.check_positive("damping", damping)
    needed = 24 * floats[0].size ** 2
    if needed > max_memory:
        raise ValueError(f"max_memory must be at least {needed} bytes for {floats[0].size} weights a layer, got {max_memory}")
    rounded_U = _round_layer(features, floats[0], features @ floats[1].T, damping)
    step = float(np.abs(floats[0]).mean())
    rounded_V = _round_layer(features, floats[1], step * (features @ rounded_U.T), damping)
    network = fit_scale(BilinearNetwork(rounded_U, rounded_V, np.full(len(rounded_U), 1 / len(rounded_U))), features, target)
    return Trained(network, _square(network, features, target), True, rounded_U.size, *floats)


def _round_layer(X: Array, weights: Array, partner: Array, damping: float) -> Array:
    """Round to the mean magnitude times a sign, with inverse-curvature compensation; return the signs."""
    design = (partner[:, :, None] * X[:, None, :]).reshape(len(X), -1)
    curvature = design.T @ design
    curvature.ravel()[:: len(curvature) + 1] += damping * (float(np.diagonal(curvature).mean()) or 1.0)
    inverse = scipy.linalg.cholesky(scipy.linalg.inv(curvature), lower=False)
    step, left = float(np.abs(weights).mean()), weights.ravel().copy()
    signs = np.empty_like(left)
    for i in range(len(left)):
        signs[i] = 1.0 if left[i] >= 0 else -1.0
        left[i:] -= (left[i] - step * signs[i]) / inverse[i, i] * inverse[i, i:]
    return signs.reshape(weights.shape)


def _training_input(X: ArrayLike, y: ArrayLike, n_neurons: int, n_steps: int) -> tuple[Array, Array, int, int]:
    features, target = _checks.check_data(X, y, "squared")
    return features, target, _checks.check_count("n_neurons", n_neurons), _checks.check_count("n_steps", n_steps)


def _signs(values: Array) -> Array:
    return np.where(values >= 0, 1.0, -1.0)


def _square(network: BilinearNetwork, X: Array, y: Array) -> float:
    return float(np.sum((network.predict(X) - y) ** 2))
