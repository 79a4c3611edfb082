"""Algorithm 1: networks of random signs whose mean is the relaxation's solution."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.quantized_networks import _checks
from optathlon.baselines.quantized_networks._column_program import solve_columns
from optathlon.baselines.quantized_networks.networks import BilinearNetwork
from optathlon.baselines.quantized_networks.sdp_bound import SdpBound

Array = NDArray[np.float64]

GAMMA = float(np.log(1 + np.sqrt(2)))


def krivine_covariance(V: ArrayLike, Z: ArrayLike, W: ArrayLike | None = None) -> Array:
    """Return the Q of (24) in closed form: unit diagonal, positive semidefinite, with Q_12 = sin(gamma Z).

    Parameters
    ----------
    V, Z, W : array_like, shape (d, d)
        Blocks of a positive semidefinite [[V, Z], [Z', W]] with unit diagonal; W is V by default.

    Returns
    -------
    ndarray, shape (2d, 2d)
        [[sinh(gamma V), sin(gamma Z)], [sin(gamma Z)', sinh(gamma W)]], entry by entry, gamma = ln(1 + sqrt 2), so that
        sinh(gamma) = 1: power series with the signs of sin in the off-diagonal blocks, as in Krivine's proof.
    """
    V, Z = _checks.check_real("V", V), _checks.check_real("Z", Z)
    W = V if W is None else _checks.check_real("W", W)
    for name, block in (("V", V), ("W", W)):
        if block.shape != Z.shape or Z.ndim != 2 or Z.shape[0] != Z.shape[1]:
            raise ValueError(f"{name} must be square and of Z's shape {Z.shape}, got {block.shape}")
        worst = float(np.abs(np.diagonal(block) - 1).max(initial=0.0))
        if worst > 1e-6:
            raise ValueError(f"{name} must have a unit diagonal, got an entry off by {worst:.3g}")
    Q12 = np.sin(GAMMA * Z)
    Q = np.block([[np.sinh(GAMMA * V), Q12], [Q12.T, np.sinh(GAMMA * W)]])
    np.fill_diagonal(Q, 1.0)
    return Q


def sample_network(
    bound: SdpBound,
    n_neurons: int,
    *,
    rng: np.random.Generator | int | None,
    weights: Literal["shared", "own"] = "shared",
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    beta: float | None = None,
) -> BilinearNetwork:
    """Round the relaxation: [u, v] = sign(N(0, Q)), so that E[uv'] = (2 gamma / pi) Z / rho (Algorithm 1).

    Parameters
    ----------
    bound : SdpBound
        A "bilinear" solution, corrected or printed, of one output.
    n_neurons : int
        m.
    rng : numpy.random.Generator or int
        Source of the signs.
    weights : {"shared", "own"}
        alpha_j = rho pi / (gamma m) for all, or alpha of least objective for the neurons drawn.
    X, y, beta
        Of that objective; for "own" only.

    Returns
    -------
    BilinearNetwork
        m neurons.

    Raises
    ------
    ValueError
        For m < 1, a "quadratic" solution, or "own" without data.
    """
    m = _checks.check_count("n_neurons", n_neurons)
    _checks.check_choice("weights", weights, ("shared", "own"))
    if bound.form == "quadratic" or bound.Z.ndim != 2:
        raise ValueError(f"bound must be bilinear and of one output, got form={bound.form!r} and Z of shape {bound.Z.shape}")
    generator = _checks.check_rng(rng)
    d, rho = len(bound.Z), float(np.asarray(bound.rho))
    if rho > 0:
        V = 0.5 * (bound.P + bound.N) / rho
        np.fill_diagonal(V, 1.0)
        Q = krivine_covariance(V, bound.Z / rho)
        values, vectors = np.linalg.eigh(Q)
        normal = generator.standard_normal((m, 2 * d)) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    else:
        normal = generator.standard_normal((m, 2 * d))
    signs = np.where(normal >= 0, 1.0, -1.0)
    network = BilinearNetwork(signs[:, :d], signs[:, d:], np.full(m, rho * np.pi / (GAMMA * m)))
    if weights == "shared":
        return network
    if X is None or y is None or beta is None:
        raise ValueError("X, y and beta must be given for weights='own', got None")
    return refit(network, X, y, beta=beta, loss=bound.loss)


def refit(network: BilinearNetwork, X: ArrayLike, y: ArrayLike, *, beta: float, loss: str = "squared") -> BilinearNetwork:
    """Return the network with the alpha of least loss + beta d sum |alpha_j|: a lasso, or a linear program for the hinge."""
    features, target = _checks.check_data(X, y, loss)
    columns = (features @ network.U.T) * (features @ network.V.T)
    answer = solve_columns(columns, target, _checks.check_positive("beta", beta) * features.shape[1], loss)
    return BilinearNetwork(network.U, network.V, answer.alpha)
