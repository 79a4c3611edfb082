"""The Wasserstein GAN with a quadratic discriminator, solved by singular-value thresholding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks

Array = NDArray[np.float64]


class ThresholdedGenerator(NamedTuple):
    """The optimal generated data, up to a rotation of its rows.

    Attributes
    ----------
    G : ndarray, (rank, n_features)
        Generated data: ``(Sigma^2 - beta)_+^{1/2} V'``, zero rows left out (one zero row where all are thresholded).
    rank : int
        Number of singular values of X whose square exceeds beta.
    squared_norm : float
        The optimal value ``||G||_F^2 = sum_i (sigma_i^2 - beta)_+``.
    """

    G: Array
    rank: int
    squared_norm: float


def wasserstein_generator(X: ArrayLike, beta: float) -> ThresholdedGenerator:
    """Return the least generated data whose second moments match those of X to within beta.

    ``min_G ||G||_F^2  subject to  ||X'X - G'G||_2 <= beta``: what a Wasserstein GAN with the discriminator
    ``(x'v)^2`` of norm at most beta asks of its generator. With ``X = U Sigma V'`` the optimum is
    ``G = (Sigma^2 - beta I)_+^{1/2} V'``.

    Parameters
    ----------
    X
        Real data, (n_samples, n_features).
    beta
        Tolerance in the squared units of X, positive.

    Returns
    -------
    ThresholdedGenerator
        G, its rank and its squared Frobenius norm.

    Raises
    ------
    ValueError
        X is not a finite matrix or beta is not positive.

    References
    ----------
    A. Sahiner et al. (2022), Hidden convexity of Wasserstein GANs: interpretable generative models with closed-form
    solutions, Theorem 2.1; M. Pilanci, Convex optimization for neural networks (slides), "Convex GANs".
    """
    X = _checks.samples(X)
    beta = _checks.positive(beta, "beta")
    # n_features eigenvalues of the second moments would do, at half the digits; the singular values keep them all.
    _, sigma, Vt = np.linalg.svd(X, full_matrices=False)
    excess = np.maximum(sigma**2 - beta, 0)
    rank = int((excess > 0).sum())
    kept = max(rank, 1)
    return ThresholdedGenerator(np.sqrt(excess[:kept])[:, None] * Vt[:kept], rank, float(excess.sum()))


def linear_generator(Z: ArrayLike, G: ArrayLike) -> Array:
    """Return W such that the linear generator ``Z W`` has the second moments ``G'G`` on the noise Z.

    ``Z W = Q G`` with the orthonormal basis Q of the first columns of Z.

    Parameters
    ----------
    Z
        Noise, (n_samples, n_noise), at least as many independent columns as G has rows.
    G
        Generated data up to rotation, (rank, n_features), from :func:`wasserstein_generator`.

    Returns
    -------
    ndarray, (n_noise, n_features)
        The generator's weights, with ``(Z W)'(Z W) = G'G``.

    Raises
    ------
    ValueError
        An argument is not a finite matrix, or Z has a smaller rank than G has rows.
    """
    Z = _checks.finite_array(Z, "Z", 2)
    G = _checks.finite_array(G, "G", 2)
    rank = int(np.linalg.matrix_rank(Z))
    if rank < len(G):
        raise ValueError(f"Z must have rank at least {len(G)}, one per row of G, got {rank}")
    _, s, Vt = np.linalg.svd(Z, full_matrices=False)
    k = len(G)
    return Vt[:k].T @ (G / s[:k, None])
