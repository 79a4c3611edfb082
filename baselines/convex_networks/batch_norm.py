"""A two-layer ReLU network with batch normalisation as a convex program: the ReLU program on whitened data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks._result import Certified

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BatchNormNetwork(Certified):
    """``f(x) = sum_j (gamma_j (x - mean)'w_j / |(X - mean) w_j| + alpha_j / sqrt(n))_+ w2_j`` with the training statistics.

    Attributes
    ----------
    W1 : ndarray, (n_features, n_neurons)
        First layer, scaled so that ``(X - mean) W1`` has unit columns on the training data.
    gamma, alpha : ndarray, (n_neurons,)
        Trained scale and shift of the normalised pre-activations.
    w2 : ndarray, (n_neurons,)
        Second layer.
    mean : ndarray, (n_features,)
        Mean of the training data.
    n_samples : int
        Size of the training data.
    objective : float
        ``1/2 ||f(X) - y||^2 + beta/2 (||gamma||^2 + ||alpha||^2 + ||w2||^2)``.
    dual_bound : float
        Lower bound of the optimum over the patterns; over all networks where the patterns are all there are.
    converged : bool
        Whether `gap` is within the tolerance of the solver.
    """

    W1: Array
    gamma: Array
    alpha: Array
    w2: Array
    mean: Array
    n_samples: int
    objective: float
    dual_bound: float
    converged: bool

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs, (n_samples,), on X, (n_samples, n_features)."""
        normalised = (_checks.finite_array(X, "X", 2) - self.mean) @ self.W1
        return np.maximum(normalised * self.gamma + self.alpha / np.sqrt(self.n_samples), 0) @ self.w2


def whiten(X: ArrayLike) -> tuple[Array, Array, Array]:
    """Return the orthonormal basis in which batch normalisation is linear.

    With the singular value decomposition ``(I - 11'/n) X = U S V'`` the basis is ``[U, 1/sqrt(n)]``: a normalised
    neuron with trained scale and shift is any vector times it.

    Parameters
    ----------
    X
        Data, (n_samples, n_features).

    Returns
    -------
    basis : ndarray, (n_samples, rank + 1)
        Orthonormal columns.
    unwhiten : ndarray, (n_features, rank)
        ``V S^{-1}``: ``(X - mean) unwhiten = U``.
    mean : ndarray, (n_features,)
        Column means of X.

    Raises
    ------
    ValueError
        X is not a finite matrix, or all its rows are equal.
    """
    X = _checks.samples(X)
    mean = X.mean(axis=0)
    U, s, Vt = np.linalg.svd(X - mean, full_matrices=False)
    # What is left of equal rows, or of features that depend on each other, is rounding.
    rounding = np.finfo(float).eps * len(X) * np.abs(mean).max()
    rank = int((s > max(1e-10 * s[0], rounding)).sum())
    if rank == 0:
        raise ValueError("X must have at least two different rows to be normalised, got equal rows")
    basis = np.column_stack([U[:, :rank], np.full(len(X), 1 / np.sqrt(len(X)))])
    return basis, Vt[:rank].T / s[:rank], mean


def batch_norm_program(
    X: ArrayLike, y: ArrayLike, beta: float, *, patterns: ArrayLike | None = None, solver: str = "ssnal"
) -> BatchNormNetwork:
    """Train a two-layer ReLU network with batch normalisation before the ReLU to its global optimum.

    ``min 1/2 ||sum_i D_i Q (u_i - v_i) - y||^2 + beta sum_i (||u_i|| + ||v_i||)`` with u_i, v_i in
    ``(2 D_i - I) Q u >= 0`` and the whitened data ``Q = [U, 1/sqrt(n)]`` of :func:`whiten`.

    Parameters
    ----------
    X, y
        Data (n_samples, n_features) and labels (n_samples,).
    beta
        Weight decay of gamma, alpha and w2, positive; none acts on the first layer, whose scale has no effect.
    patterns
        Patterns of Q, (n_samples, P), 0/1; all of them where None.
    solver
        Of :func:`optathlon.baselines.convex_networks.relu_program`.

    Returns
    -------
    BatchNormNetwork
        The network, its objective and bound.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen or not positive, or there are too many patterns.

    References
    ----------
    T. Ergen, A. Sahiner, B. Ozturkler, J. Pauly, M. Mardani and M. Pilanci (2022), Demystifying batch normalization
    in ReLU networks: equivalent convex optimization models and implicit regularization, Theorem 3.1. The slides put
    the ReLU first and regularise ``||W1||``, which batch normalisation cancels.
    """
    from optathlon.baselines.convex_networks.arrangements import enumerate_patterns
    from optathlon.baselines.convex_networks.relu_program import relu_program

    basis, unwhiten, mean = whiten(X)
    result = relu_program(basis, y, beta, patterns=enumerate_patterns(basis) if patterns is None else patterns, solver=solver)
    gamma = np.linalg.norm(result.W1[:-1], axis=0)
    directions = result.W1[:-1] / np.where(gamma > 0, gamma, 1.0)
    return BatchNormNetwork(
        W1=unwhiten @ directions,
        gamma=gamma,
        alpha=result.W1[-1].copy(),
        w2=result.w2,
        mean=mean,
        n_samples=len(basis),
        objective=result.objective,
        dual_bound=result.dual_bound,
        converged=result.converged,
    )
