"""Gradient descent for planted ReLU neurons, plain and with the gradient that sees inactive samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks

Array = NDArray[np.float64]


class FittedNeurons(NamedTuple):
    """Neurons found by gradient descent.

    Attributes
    ----------
    W : ndarray, (n_features, n_neurons)
        The neurons as columns; the network is ``sum_j (A w_j)_+``.
    loss : float
        ``||sum_j (A w_j)_+ - y||^2``.
    n_steps : int
        Steps taken.
    converged : bool
        The residual fell to ``tol`` times ``||y||``.
    """

    W: Array
    loss: float
    n_steps: int
    converged: bool


def fit_neurons(
    A: ArrayLike,
    y: ArrayLike,
    *,
    n_neurons: int = 1,
    modified: bool = True,
    step: float | None = None,
    n_steps: int = 3000,
    tol: float = 1e-8,
    start: ArrayLike | None = None,
    rng: int | np.random.Generator | None = None,
    callback: Callable[[int, Array], None] | None = None,
) -> FittedNeurons:
    """Fit ``y = sum_j (A w_j)_+`` by gradient descent, with the plain or the modified gradient.

    Plain: ``grad_j = A' D_j r``; modified: ``grad_j = A' D_j r + A' (prod_k D_k^c) r``, with
    ``r = sum_k (A w_k)_+ - y`` and ``D_j = Diag(A w_j > 0)``. A sample that no neuron sees has no part in the plain
    gradient, and pulls all neurons in the modified one. For one neuron the modified gradient is that of the convex
    ``||(A w)_+||^2 - 2 y'A w + ||y||^2``, which bounds the loss from above where ``y >= 0`` and has the same
    minimum where the labels are planted; with noise it has not.

    Parameters
    ----------
    A, y
        Data (n_samples, n_features) and labels (n_samples,).
    n_neurons
        Number of neurons.
    modified
        Which gradient.
    step
        Step length; ``1 / (n_neurons sigma_max(A)^2)`` unless given.
    n_steps
        Steps at most.
    tol
        Stop when the residual is at most this times ``||y||``.
    start
        First neurons, (n_features, n_neurons); standard normal unless given.
    rng
        Draws the start.
    callback
        ``callback(step, W)`` after every step, the method's own array, only to be read.

    Returns
    -------
    FittedNeurons
        Neurons, loss, steps and whether it converged.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen or not positive.

    References
    ----------
    T. Ergen and M. Pilanci (2019), Convex optimization for shallow neural networks, Proposition 1 and the modified
    gradient (equations 16, 17, 20, 21 in the review of Lina and Yang).
    """
    A = _checks.finite_array(A, "A", 2)
    y = _checks.labels(y, len(A))
    m = _checks.positive_integer(n_neurons, "n_neurons")
    _checks.positive_integer(n_steps, "n_steps")
    tol = _checks.positive(tol, "tol")
    W = _start(start, (A.shape[1], m), rng)
    length = _checks.positive(step, "step") if step is not None else 1 / (m * max(np.linalg.norm(A, 2) ** 2, 1e-300))
    target = tol * float(np.linalg.norm(y))
    taken = 0
    pre = A @ W
    r = np.maximum(pre, 0).sum(axis=1) - y
    while taken < n_steps and np.linalg.norm(r) > target:
        seen = pre > 0
        gradient = A.T @ (seen * r[:, None])  # (16), (20)
        if modified:
            gradient += (A.T @ np.where(seen.any(axis=1), 0.0, r))[:, None]  # second term of (21)
        W = W - length * gradient
        taken += 1
        if callback is not None:
            callback(taken, W)
        pre = A @ W
        r = np.maximum(pre, 0).sum(axis=1) - y
    return FittedNeurons(W, float(r @ r), taken, bool(np.linalg.norm(r) <= target))


def convex_surrogate(A: ArrayLike, y: ArrayLike, w: ArrayLike) -> float:
    """Return ``f_r(w) = ||(A w)_+||^2 - 2 y'A w + ||y||^2`` (17), convex, and at least ``||(A w)_+ - y||^2`` for ``y >= 0``.

    Parameters
    ----------
    A, y, w
        Data (n_samples, n_features), labels (n_samples,) and one neuron (n_features,).

    Returns
    -------
    float
        The value.

    Raises
    ------
    ValueError
        An argument is not finite or misshapen.
    """
    A = _checks.finite_array(A, "A", 2)
    y = _checks.labels(y, len(A))
    w = _checks.finite_array(w, "w", 1)
    if len(w) != A.shape[1]:
        raise ValueError(f"w must have one entry per column of A ({A.shape[1]}), got {len(w)}")
    pre = A @ w
    return float((np.maximum(pre, 0) ** 2).sum() - 2 * y @ pre + y @ y)


def _start(start: ArrayLike | None, shape: tuple[int, int], rng: int | np.random.Generator | None) -> Array:
    if start is None:
        return _checks.generator(rng).standard_normal(shape)
    W = _checks.finite_array(start, "start", 2)
    if W.shape != shape:
        raise ValueError(f"start must have shape {shape}, got {W.shape}")
    return W
