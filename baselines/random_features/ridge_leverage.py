"""Ridge leverage scores, and the effective dimension that they sum to."""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from optathlon.baselines.random_features._checks import check_matrix, check_positive


def effective_dimension(K: ArrayLike, regularization: float) -> float:
    r"""Effective degrees of freedom of a kernel matrix, :math:`d_K^\lambda = \mathrm{tr}\, K (K + n \lambda I)^{-1}`.

    Parameters
    ----------
    K : array_like, shape (n, n)
        Kernel matrix, symmetric and positive semidefinite.
    regularization : float
        The :math:`\lambda` of ridge regression with the mean squared loss.

    Returns
    -------
    float
        A number between 0 and n.

    Raises
    ------
    ValueError
        If K is not a finite square matrix or the regularization is not positive.
    """
    K = check_matrix("K", K)
    regularization = check_positive("regularization", regularization)
    if K.shape[0] != K.shape[1]:
        raise ValueError(f"K must be square, got shape {K.shape}")
    eigenvalues = np.maximum(np.linalg.eigvalsh(K), 0.0)
    return float((eigenvalues / (eigenvalues + len(K) * regularization)).sum())


def ridge_leverage_scores(Z: ArrayLike, regularization: float) -> np.ndarray:
    r"""Ridge leverage score of each column of a feature matrix, whose kernel estimate is :math:`Z Z^\top / s`.

    .. math::
        p_i = \frac1s z_i^\top \bigl(\tfrac1s Z Z^\top + n \lambda I\bigr)^{-1} z_i
            = \Bigl[\tfrac1s Z^\top Z \bigl(\tfrac1s Z^\top Z + n \lambda I\bigr)^{-1}\Bigr]_{ii}, \qquad
        \sum_i p_i = d^\lambda_{Z Z^\top / s}

    Parameters
    ----------
    Z : array_like, shape (n, s)
        Unscaled features: column i holds :math:`\sqrt2 \cos(w_i^\top x + b_i)` for all points x.
    regularization : float
        The :math:`\lambda` of ridge regression with the mean squared loss.

    Returns
    -------
    ndarray, shape (s,)
        Scores in [0, 1].

    Raises
    ------
    ValueError
        If Z is not a finite matrix or the regularization is not positive.

    Notes
    -----
    The survey's equation (9) lacks the inverse, and its step 3 the 1/s, without which the scores sum to s times the
    effective dimension. The cost is O(n s min(n, s)), for all the data.

    References
    ----------
    Li, Ton, Oglic, Sejdinovic. *Towards a unified analysis of random Fourier features*. JMLR 2021, algorithm 1.
    Avron et al. *Random Fourier features for kernel ridge regression*. ICML 2017, definition 4.
    """
    Z = check_matrix("Z", Z).astype(np.float64, copy=False)
    ridge = len(Z) * check_positive("regularization", regularization)
    n, s = Z.shape
    if n <= s:
        whitened = _inverse_root(Z @ Z.T / s, ridge, Z) / math.sqrt(s)
        return np.einsum("ij,ij->j", whitened, whitened)
    inverse_root = _inverse_root(Z.T @ Z / s, ridge, np.eye(s))
    return np.clip(1.0 - ridge * np.einsum("ij,ij->j", inverse_root, inverse_root), 0.0, 1.0)


def _inverse_root(gram: np.ndarray, ridge: float, B: np.ndarray) -> np.ndarray:
    """Return L^{-1} B, where L L' = gram + ridge I."""
    gram[np.diag_indices_from(gram)] += ridge
    L = scipy.linalg.cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
    return scipy.linalg.solve_triangular(L, B, lower=True, check_finite=False)
