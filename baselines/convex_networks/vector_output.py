"""Two-layer ReLU networks with several outputs: column generation over single neurons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks._cone_program import group_cone_program
from optathlon.baselines.convex_networks._result import Certified, within

Array = NDArray[np.float64]


@dataclass(frozen=True)
class VectorNetwork(Certified):
    """A two-layer ReLU network with several outputs.

    Attributes
    ----------
    W1 : ndarray, (n_features, n_neurons)
        First layer.
    W2 : ndarray, (n_neurons, n_outputs)
        Second layer; its rows are as long as the columns of W1.
    objective : float
        ``1/2 ||(X W1)_+ W2 - Y||^2 + beta/2 (||W1||^2 + ||W2||^2)``.
    dual_bound : float
        Lower bound over networks with the given patterns: tight with up to two features; with more it rests on spectral
        norms, which ignore the cones, and is loose.
    n_steps : int
        Rounds of column generation.
    converged : bool
        The relative gap is at most the tolerance.
    """

    W1: Array
    W2: Array
    objective: float
    dual_bound: float
    n_steps: int
    converged: bool

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs, (n_samples, n_outputs), on X, (n_samples, n_features)."""
        return np.maximum(_checks.finite_array(X, "X", 2) @ self.W1, 0) @ self.W2


def vector_program(
    X: ArrayLike,
    Y: ArrayLike,
    beta: float,
    *,
    patterns: ArrayLike,
    tol: float = 1e-6,
    n_steps: int = 50,
    callback: Callable[[int, tuple[Array, Array]], None] | None = None,
) -> VectorNetwork:
    """Train a two-layer ReLU network with several outputs.

    ``min 1/2 ||sum_i D_i X V_i - Y||^2 + beta sum_i ||V_i||_{K_i}``, where the norm is the gauge of the hull of
    ``{u g' : u in K_i, |u| <= 1, |g| <= 1}`` and ``K_i = {u : (2 D_i - I) X u >= 0}``. The master problem weighs
    the neurons found so far; every pattern then offers the neuron that maximises ``|R' X_i u|``, R the residual.
    That is a convex maximisation: exact on the arc of a cone in the plane, a power iteration with projections on
    the cone in higher dimensions.

    Parameters
    ----------
    X, Y
        Data (n_samples, n_features) and labels (n_samples, n_outputs).
    beta
        Weight decay, positive.
    patterns
        Activation patterns, (n_samples, P), 0/1.
    tol
        Stop at this certified relative gap.
    n_steps
        Rounds at most.
    callback
        ``callback(step, (W1, W2))`` after every round.

    Returns
    -------
    VectorNetwork
        The network, its objective and bound.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen or not positive.

    References
    ----------
    A. Sahiner, T. Ergen, J. Pauly and M. Pilanci (2021), Vector-output ReLU neural network problems are copositive
    programs, Theorem 1 and section 4 (the oracle is a cone-constrained principal component).
    """
    X = _checks.samples(X)
    Y = _checks.sized_array(Y, "Y", 2)
    masks = _checks.zero_one(patterns, "patterns", len(X))
    if len(Y) != len(X):
        raise ValueError(f"Y must have one row per row of X ({len(X)}), got {len(Y)}")
    beta, tol = _checks.positive(beta, "beta"), _checks.positive(tol, "tol")
    _checks.positive_integer(n_steps, "n_steps")
    d, k = X.shape[1], Y.shape[1]
    directions = np.empty((d, 0))
    G = np.empty((0, k))
    residual, bound, objective = Y, 0.0, 0.5 * float((Y**2).sum())
    step = 0
    for step in range(1, n_steps + 1):
        offers = [_best_neuron(X, mask, residual) for mask in masks.T]
        bound = max(bound, _dual_value(Y, residual, max(reach for _, _, reach in offers), beta))
        if objective - bound <= tol * objective:
            step -= 1
            break
        fresh = [u for u, value, _ in offers if value > beta * (1 + 0.1 * tol)]
        if not fresh:
            break
        directions = np.column_stack([directions, *fresh])
        hidden = np.maximum(X @ directions, 0)
        solution = group_cone_program(np.asarray(np.kron(hidden, np.eye(k)), dtype=np.float64), Y.ravel(), beta, k)
        weight = np.linalg.norm(solution.w, axis=1)
        used = weight > 1e-9 * weight.max(initial=0.0)
        directions, G = directions[:, used], solution.w[used]
        residual = Y - hidden[:, used] @ G
        objective = 0.5 * float((residual**2).sum()) + beta * float(weight[used].sum())
        if callback is not None:
            callback(step, _balanced(directions, G))
    W1, W2 = _balanced(directions, G)
    return VectorNetwork(W1, W2, objective, bound, step, within(objective, bound, tol))


def _balanced(directions: Array, G: Array) -> tuple[Array, Array]:
    """Give both layers of a neuron the same length."""
    root = np.sqrt(np.linalg.norm(G, axis=1))
    return directions * root, G / np.maximum(root, 1e-300)[:, None]


def _dual_value(Y: Array, residual: Array, reach: float, beta: float) -> float:
    """Return ``<Y, V> - 1/2 ||V||^2`` for the residual scaled until ``|V' X_i u| <= beta`` on every cone."""
    squared, fit = float((residual**2).sum()), float((Y * residual).sum())
    scale = min(beta / max(reach, 1e-300), max(fit, 0.0) / max(squared, 1e-300))
    return scale * fit - 0.5 * scale**2 * squared


def _best_neuron(X: Array, mask: Array, residual: Array) -> tuple[Array, float, float]:
    """Maximise ``|R' D X u|`` over unit u in the cone; return u, the value and an upper bound of the maximum."""
    cone = (2 * mask - 1)[:, None] * X
    M = (mask[:, None] * X).T @ residual  # (d, k)
    left, s, _ = np.linalg.svd(M)
    top = left[:, 0]
    if X.shape[1] <= 2:
        rays = np.column_stack([top[:, None], _perpendicular(X)])
        rays = np.column_stack([rays, -rays])
        inside = rays[:, (cone @ rays >= -1e-12 * np.linalg.norm(cone, axis=1, keepdims=True)).all(axis=0)]
        if inside.shape[1] == 0:
            return top, 0.0, 0.0
        values = np.linalg.norm(M.T @ inside, axis=0)
        best = int(np.argmax(values))
        return inside[:, best], float(values[best]), float(values[best])
    best, value = top, 0.0
    for start in (top, -top):
        u = _project(cone, start)
        for _ in range(100):
            u = u / max(np.linalg.norm(u), 1e-300)
            moved = _project(cone, M @ (M.T @ u))
            length = float(np.linalg.norm(moved))
            if length == 0 or np.linalg.norm(moved / length - u) < 1e-10:
                break
            u = moved
        u = u / max(np.linalg.norm(u), 1e-300)
        if (reached := float(np.linalg.norm(M.T @ u))) > value:
            best, value = u, reached
    return best, value, float(s[0])


def _perpendicular(X: Array) -> Array:
    """Return the unit vectors along the boundaries of the cells, (d, n_samples), d at most 2."""
    if X.shape[1] == 1:
        return np.ones((1, 1))
    turned = np.stack([-X[:, 1], X[:, 0]])
    lengths = np.linalg.norm(turned, axis=0)
    return turned[:, lengths > 0] / lengths[lengths > 0]


def _project(cone: Array, x: Array) -> Array:
    """Project x on ``{u : cone u >= 0}``."""
    from scipy.optimize import nnls

    return x + cone.T @ nnls(cone.T, -x)[0]
