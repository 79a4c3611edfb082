"""The best network of few neurons by enumeration: every support and every choice of signs of the second layer."""

from __future__ import annotations

import itertools
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.quantized_networks import _checks
from optathlon.baselines.quantized_networks.networks import BilinearNetwork, total_loss

Array = NDArray[np.float64]

_MOST_SYSTEMS = 10**7
_SYSTEMS_AT_ONCE = 2**14
_RIDGE = 1e-13  # of the diagonal: of neurons that predict the same, one would do


def best_of_few(X: ArrayLike, y: ArrayLike, n_neurons: int, *, beta: float) -> tuple[BilinearNetwork, float]:
    r"""Minimise (21) for squares over networks of at most m neurons, p_b^*(m), and return the network and its objective.

    .. math:: \min_{u_j, v_j \in \{-1, 1\}^d, \alpha \in R^m} |\sum_{j \le m} \alpha_j (X u_j) \circ (X v_j) - y|^2
        + \beta d \sum_j |\alpha_j|

    Parameters
    ----------
    X : array_like, shape (n, d)
        Samples.
    y : array_like, shape (n,)
        Targets.
    n_neurons : int
        m, at least 1.
    beta : float
        Regularisation.

    Returns
    -------
    BilinearNetwork, float
        At most m neurons, and the minimum. It falls with m, to p_b^* of `exact_optimum` at m = n.

    Raises
    ------
    ValueError
        For bad input, and for more than 10^7 linear systems: a(a+1)/2 neurons, a = 2^(d-1), m at a time, 2^m signs.
    """
    features, target = _checks.check_data(X, y, "squared")
    m, beta = _checks.check_count("n_neurons", n_neurons), _checks.check_positive("beta", beta)
    n, d = features.shape
    half = 2 ** (d - 1)
    k = half * (half + 1) // 2
    m = min(m, k, n)
    systems = sum(comb(k, size) * 2**size for size in range(1, m + 1))
    if systems > _MOST_SYSTEMS:
        raise ValueError(
            f"n_neurons must leave at most {_MOST_SYSTEMS:.0e} systems, got {systems:.3g} of {m} neurons for d = {d}"
        )
    signs = np.hstack([1.0 - 2.0 * ((np.arange(half)[:, None] >> np.arange(d - 1)) & 1), np.ones((half, 1))])
    first, second = np.triu_indices(half)
    F = (features @ signs[first].T) * (features @ signs[second].T)
    gram, slope, square = F.T @ F, F.T @ target, float(target @ target)
    best, alpha, support = square, np.zeros(0), np.zeros(0, dtype=int)
    for size in range(1, m + 1):
        choices = np.array(list(itertools.product([-1.0, 1.0], repeat=size)))
        for part in _supports(k, size):
            G, b = gram[part[:, :, None], part[:, None, :]], slope[part]
            G = G + _RIDGE * np.einsum("ijj->ij", G)[:, :, None] * np.eye(size)
            # Stationary where alpha has these signs: G alpha = b - beta d signs / 2; a wrong sign is dearer than its own price.
            weights = np.linalg.solve(G, b[:, :, None] - 0.5 * beta * d * choices.T)
            values = square + np.einsum("ijs,ijs->is", np.einsum("ijk,iks->ijs", G, weights) - 2 * b[:, :, None], weights)
            values += beta * d * np.abs(weights).sum(axis=1)
            row, column = np.unravel_index(int(np.argmin(values)), values.shape)
            if values[row, column] < best:
                best, alpha, support = float(values[row, column]), weights[row, :, column], part[row]
    network = BilinearNetwork(signs[first[support]], signs[second[support]], alpha)
    return network, total_loss(network.predict(features), target, "squared") + beta * d * float(np.abs(alpha).sum())


def _supports(k: int, size: int) -> list[NDArray[np.int64]]:
    """Return all sets of `size` of k columns, in parts that fit in memory."""
    flat = np.fromiter(itertools.chain.from_iterable(itertools.combinations(range(k), size)), dtype=np.int64)
    return np.array_split(flat.reshape(-1, size), -(-comb(k, size) // _SYSTEMS_AT_ONCE))
