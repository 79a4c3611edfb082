"""Local search over single signs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.quantized_networks import _checks
from optathlon.baselines.quantized_networks.networks import BilinearNetwork

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trained:
    """A quantised network and how it was had.

    Attributes
    ----------
    network : BilinearNetwork
        Signs, and one alpha for all unless it was given otherwise.
    objective : float
        |y - f(X)|^2 on the training samples.
    converged : bool
        Whether the method ended of itself: at a local minimum, or with finite weights.
    n_steps : int
        Sweeps, gradient steps, or weights of a layer rounded.
    float_U, float_V : ndarray, shape (m, d), optional
        Weights before they were quantised; their network has alpha = 1/m.
    """

    network: BilinearNetwork
    objective: float
    converged: bool
    n_steps: int
    float_U: Array | None = None
    float_V: Array | None = None


def flip_signs(network: BilinearNetwork, X: ArrayLike, y: ArrayLike, *, max_sweeps: int = 200) -> Trained:
    """Lower |y - f(X)|^2 by flips of single signs until none helps.

    A sweep flips in each u_j the sign that helps most, then in each v_j, then refits one factor of all alpha.

    Parameters
    ----------
    network : BilinearNetwork
        Start; unchanged.
    X, y : array_like, shapes (n, d), (n,)
        Training samples.
    max_sweeps : int
        Sweeps at most.

    Returns
    -------
    Trained
        `converged` where no flip of one sign lowers the loss.

    Raises
    ------
    ValueError
        For bad input, and where X does not fit the network.
    """
    from optathlon.baselines.quantized_networks._kernels import flip_sweep

    features, target = _checks.check_data(X, y, "squared")
    max_sweeps = _checks.check_count("max_sweeps", max_sweeps)
    network = fit_scale(network, features, target)
    U, V, alpha = network.U.copy(), network.V.copy(), network.alpha.copy()
    XT = np.ascontiguousarray(features.T)
    converged, sweep = False, 0
    for _ in range(max_sweeps):
        sweep += 1
        A, B = U @ XT, V @ XT
        residual = target - alpha @ (A * B)
        before = alpha
        flips = flip_sweep(XT, U, A, B, residual, alpha) + flip_sweep(XT, V, B, A, residual, alpha)
        alpha = _scaled(alpha, A * B, target)
        if not flips and np.allclose(alpha, before, rtol=1e-12, atol=0.0):
            converged = True
            break
    answer = BilinearNetwork(U, V, alpha)
    return Trained(answer, float(np.sum((target - answer.predict(features)) ** 2)), converged, sweep)


def random_network(n_neurons: int, n_features: int, *, rng: np.random.Generator | int | None) -> BilinearNetwork:
    """Return random signs with alpha = 1/m, where flips may start."""
    m, d = _checks.check_count("n_neurons", n_neurons), _checks.check_count("n_features", n_features)
    generator = _checks.check_rng(rng)
    return BilinearNetwork(generator.choice([-1.0, 1.0], (m, d)), generator.choice([-1.0, 1.0], (m, d)), np.full(m, 1 / m))


def fit_scale(network: BilinearNetwork, X: ArrayLike, y: ArrayLike) -> BilinearNetwork:
    """Return the network with all alpha times the one factor of least squares."""
    features, target = _checks.check_data(X, y, "squared")
    if features.shape[1] != network.U.shape[1]:
        raise ValueError(f"X must have shape (n, {network.U.shape[1]}) to match the network, got {features.shape}")
    hidden = (network.U @ features.T) * (network.V @ features.T)
    return BilinearNetwork(network.U, network.V, _scaled(network.alpha, hidden, target))


def _scaled(alpha: Array, hidden: Array, y: Array) -> Array:
    fitted = alpha @ hidden
    size = float(np.abs(fitted).max(initial=0.0))
    if size == 0:
        return alpha
    unit = fitted / size
    return alpha * (float(unit @ y) / float(unit @ unit) / size)
