"""The activation patterns over which the two-layer ReLU program is posed when the caller names none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.convex_networks.arrangements import count_arrangements, enumerate_patterns, pool_patterns

#: Data with at most so many patterns are given all of them.
MOST_ENUMERATED = 2000
#: Networks whose patterns are pooled otherwise, their neurons, and the iterations of each.
_N_NETWORKS, _N_NEURONS, _N_STEPS = 5, 50, 500


def choose_patterns(
    X: NDArray[np.float64], y: NDArray[np.float64], beta: float, rng: np.random.Generator
) -> tuple[NDArray[np.int8], bool]:
    """Return all patterns of X where they are few, else those of a few trained networks; and whether they are all.

    Gaussian-sampled patterns miss the narrow cones in which good neurons lie; trained networks find them.
    """
    if count_arrangements(X) <= MOST_ENUMERATED:
        return enumerate_patterns(X, max_patterns=MOST_ENUMERATED), True
    layers = [first_layer(X, y, beta, _N_NEURONS, _N_STEPS, rng) for _ in range(_N_NETWORKS)]
    return pool_patterns(X, layers), False


def first_layer(
    X: NDArray[np.float64],
    y: NDArray[np.float64],
    beta: float,
    n_neurons: int,
    n_steps: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """First layer of a network trained by L-BFGS from Gaussian weights; dead neurons are left out."""
    from scipy.optimize import minimize

    n_features = X.shape[1]
    # A network of random weights of this size has outputs of the size of y.
    size = np.sqrt(np.linalg.norm(y) / max(np.linalg.norm(X), np.finfo(float).tiny)) / n_neurons**0.25
    start = size * rng.standard_normal((n_features + 1) * n_neurons)

    def objective(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        W1, w2 = theta[:-n_neurons].reshape(n_features, n_neurons), theta[-n_neurons:]
        hidden = np.maximum(X @ W1, 0.0)
        residual = hidden @ w2 - y
        dW1 = X.T @ ((hidden > 0) * np.outer(residual, w2))
        value = float(0.5 * residual @ residual + 0.5 * beta * theta @ theta)
        return value, np.concatenate([dW1.ravel(), hidden.T @ residual]) + beta * theta

    theta = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": n_steps}).x
    W1 = theta[:-n_neurons].reshape(n_features, n_neurons)
    alive = (X @ W1 > 0).any(axis=0) & (theta[-n_neurons:] != 0)
    return W1[:, alive] if alive.any() else W1
