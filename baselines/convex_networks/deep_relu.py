"""Deep ReLU networks whose optimal weights are known in closed form: rank-one data, and one-hot labels on orthonormal rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks._result import Certified, within
from optathlon.baselines.convex_networks.linear_networks import _shrink
from optathlon.baselines.convex_networks.minimum_norm import MinimumNormNetwork, fitted, forward, labels_of, network_depth

Array = NDArray[np.float64]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class DeepReluNetwork(Certified):
    """A deep ReLU network and a bound of what any of its kind can reach.

    Attributes
    ----------
    weights : tuple of ndarray
        The layers W_1, ..., W_L, (n_features, width), (width, width), ..., (width, n_outputs).
    objective : float
        ``1/2 ||f(X) - Y||^2 + beta/2 sum_l ||W_l||^2``.
    dual_bound : float
        Lower bound of the objective over networks of this depth and any width.
    converged : bool
        Whether `gap` is within rounding: so for two layers and for one class.
    """

    weights: tuple[Array, ...]
    objective: float
    dual_bound: float
    converged: bool

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs, (n_samples, n_outputs), on X, (n_samples, n_features)."""
        return forward(_checks.finite_array(X, "X", 2), self.weights, relu=True)


def rank_one_relu(X: ArrayLike, Y: ArrayLike, depth: int) -> MinimumNormNetwork:
    """Find the deep ReLU network of least ``1/2 sum_l ||W_l||^2`` that fits ``Y = c v'`` on ``X = c a'``, c >= 0.

    No layer changes the direction c of the samples, and ``|f| <= ||a|| prod_l ||W_l||``: the least is
    ``(L/2) (||v|| / ||a||)^(2/L)``, by layers of equal norm that point at one another.

    Parameters
    ----------
    X, Y
        Data (n_samples, n_features) of rank one whose rows are non-negative multiples of one vector; labels (n_samples,) or
        (n_samples, n_outputs), the same multiples of another.
    depth
        Number of layers L, at least 2; a ReLU follows every one but the last.

    Returns
    -------
    MinimumNormNetwork
        One neuron a layer, and the bound, which holds for parallel branches too: ``t^(2/L)`` is concave.

    Raises
    ------
    ValueError
        An argument is not finite or misshapen, X is not of this kind, or no network fits the labels.

    References
    ----------
    T. Ergen and M. Pilanci (2020), Revealing the structure of deep neural networks via convex duality; equation 36, without
    the factor 1/2, and Theorem 3 of the review of Lina and Yang, with all phi_l of one neuron.
    """
    X = _checks.samples(X)
    Y, scalar = labels_of(X, Y)
    depth = network_depth(depth)
    left, sizes, Vt = np.linalg.svd(X, full_matrices=False)
    c, a = sizes[0] * left[:, 0], Vt[0]
    c, a = (-c, -a) if c.sum() < 0 else (c, a)
    if (len(sizes) > 1 and sizes[1] > _ROUNDING * sizes[0]) or c.min() < -_ROUNDING * c.max():
        raise ValueError("X must be of rank one, its rows non-negative multiples of one vector")
    c = np.maximum(c, 0)
    v = c @ Y / (c @ c)
    distance = float(np.linalg.norm(Y - np.outer(c, v)))
    if distance > _ROUNDING * float(np.linalg.norm(Y)):
        raise ValueError(
            f"Y must be the same multiples of one vector as X, so that a network fits it, got a distance of {distance:.3g}"
        )
    length = float(np.linalg.norm(v))
    t = length ** (1 / depth)
    direction = v / length if length > 0 else v
    weights = (t * a[:, None], *[np.full((1, 1), t)] * (depth - 2), t * direction[None])
    multiplier = np.outer(c, direction) / (c @ c)
    return fitted(X, Y, weights, 0.5 * depth * t**2, multiplier, scalar=scalar, relu=True)


def orthonormal_relu(X: ArrayLike, Y: ArrayLike, beta: float, depth: int, *, unit_layers: bool = False) -> DeepReluNetwork:
    """Train a deep ReLU network with weight decay on orthonormal rows, ``XX' = I``, and one-hot labels: one path for each class.

    With n_j samples of class j, path j has the first neuron along ``X'y_j`` and the strength
    ``min_{s >= 0} 1/2 (s - sqrt(n_j))^2 + (beta L / 2) s^(2/L)``.

    Parameters
    ----------
    X, Y
        Data (n_samples, n_features) with orthonormal rows; labels (n_samples, n_outputs), one-hot.
    beta
        Weight decay, positive.
    depth
        Number of layers L, at least 2; a ReLU follows every one but the last.
    unit_layers
        Take the sizes that the theorem prints: layers of length 1 but the last, of length ``sqrt(n_j) - beta`` at least 0.

    Returns
    -------
    DeepReluNetwork
        One neuron a layer for each class that is used, and the bound.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen or not positive, the rows are not orthonormal or the labels not one-hot.

    Notes
    -----
    With A the last hidden layer, ``||A|| <= prod_{l<L} ||W_l||`` for orthonormal rows, and ``1/2 (||A||^2 + ||W_L||^2)`` is at
    least the nuclear norm N of the outputs. So the objective is at least ``1/2 ||F - Y||^2 + (beta L / 2) N^(2/L)``, least where
    F has the singular vectors of Y and singular values ``(sqrt(n_j) - tau)_+``: the bound, over all tau. It is met for two layers
    and for one class. Deeper networks with many classes can do better than one path a class: a ReLU makes many directions out
    of two, so that most layers need two neurons only.

    References
    ----------
    T. Ergen and M. Pilanci (2020), Revealing the structure of deep neural networks via convex duality; Theorem 4 of the review
    of Lina and Yang, which claims optimality for every depth.
    """
    X, Y, beta, depth = _one_hot_data(X, Y, beta, depth)
    sigma = np.sqrt(Y.sum(axis=0))  # singular values of Y
    if unit_layers:
        strength = np.maximum(sigma - beta, 0)
        inner, last = np.ones_like(sigma), strength
    else:
        strength = np.array([_shrink(value, beta, depth) for value in sigma])
        inner = last = strength ** (1 / depth)
    used = np.flatnonzero(strength)
    used = used if len(used) else np.array([0])
    first = X.T @ Y[:, used] / np.maximum(sigma[used], 1e-300)
    weights = (first * inner[used], *[np.diag(inner[used])] * (depth - 2), last[used, None] * np.eye(len(sigma))[used])
    return _measured(X, Y, weights, beta)


def bottleneck_relu(X: ArrayLike, Y: ArrayLike, beta: float, depth: int) -> DeepReluNetwork:
    """Build the network of :func:`orthonormal_relu`'s problem whose layers have two neurons but for the last hidden one.

    The first layer sends class j to the direction ``theta_j`` of a quadrant, the layers between keep the plane, and K neurons
    with one kink each between the directions make one-hot labels of them. All layers are scaled to one norm and the best
    strength.

    Parameters
    ----------
    X, Y, beta
        As for :func:`orthonormal_relu`.
    depth
        Number of layers L, at least 3.

    Returns
    -------
    DeepReluNetwork
        A feasible network, not an optimal one; with the bound of :func:`orthonormal_relu`.

    Raises
    ------
    ValueError
        As for :func:`orthonormal_relu`, or `depth` is less than 3.

    References
    ----------
    A. Jacot (2023), Implicit bias of large depth networks: a notion of rank for nonlinear functions: with growing depth what a
    network costs is the width of its narrowest layer.
    """
    X, Y, beta, depth = _one_hot_data(X, Y, beta, depth)
    if depth < 3:
        raise ValueError(f"depth must be at least 3 for a bottleneck, got {depth}")
    n_classes = Y.shape[1]
    theta = (np.arange(n_classes) + 0.5) / n_classes * np.pi / 2
    kinks = np.append(theta[0] - np.pi / 4, theta[:-1])
    directions, normals = np.column_stack([np.cos(theta), np.sin(theta)]), np.vstack([-np.sin(kinks), np.cos(kinks)])
    readout = np.linalg.inv(np.maximum(directions @ normals, 0))
    lengths = np.sqrt(np.linalg.norm(readout, axis=1))  # a neuron's two sides share its strength
    layers = [X.T @ Y @ directions, *[np.eye(2)] * (depth - 3), normals * lengths, readout / lengths[:, None]]
    norms = np.array([np.linalg.norm(W) for W in layers])
    product = float(np.exp(np.log(norms).sum() / depth))
    squares = float((Y**2).sum())
    strength = _shrink(1.0, beta * product**2 / squares, depth)
    size = product * strength ** (1 / depth)
    weights = tuple(W * (size / norm) for W, norm in zip(layers, norms, strict=True))
    return _measured(X, Y, weights, beta)


def _one_hot_data(X: ArrayLike, Y: ArrayLike, beta: float, depth: int) -> tuple[Array, Array, float, int]:
    X = _checks.samples(X)
    Y, _ = labels_of(X, Y)
    beta, depth = _checks.positive(beta, "beta"), network_depth(depth)
    distance = float(np.abs(X @ X.T - np.eye(len(X))).max())
    if distance > _ROUNDING:
        raise ValueError(f"X must have orthonormal rows (XX' = I), got |XX' - I| = {distance:.3g}")
    if not (np.isin(Y, (0.0, 1.0)).all() and (Y.sum(axis=1) == 1).all()):
        raise ValueError("Y must be one-hot: one 1 in every row and 0 elsewhere")
    return X, Y, beta, depth


def _measured(X: Array, Y: Array, weights: tuple[Array, ...], beta: float) -> DeepReluNetwork:
    loss = 0.5 * float(((forward(X, weights, relu=True) - Y) ** 2).sum())
    objective = loss + 0.5 * beta * sum(float((W**2).sum()) for W in weights)
    bound = _orthonormal_bound(np.sqrt(Y.sum(axis=0)), beta, len(weights))
    return DeepReluNetwork(weights, objective, bound, within(objective, bound, _ROUNDING))


def _orthonormal_bound(sigma: Array, beta: float, depth: int) -> float:
    """Return the least of ``1/2 sum_j (f_j - sigma_j)^2 + (beta L / 2) (sum_j f_j)^(2/L)`` over ``f_j = (sigma_j - tau)_+``."""
    edges = np.unique(np.append(sigma, 0.0))
    least = 0.5 * float(sigma @ sigma)
    for low, high in pairwise(edges):
        # For tau between two edges the same m of the f_j are positive; r is their mean, and tau their sigma's mean less r.
        tall = sigma[sigma >= high]
        m, mean = len(tall), float(tall.mean())
        points = np.array([mean - low, mean - high])
        r = np.append(points, np.clip(_local_minimum(mean, beta * m ** (2 / depth - 1), depth), points[1], points[0]))
        values = 0.5 * m * (mean - r) ** 2 + 0.5 * beta * depth * (m * r) ** (2 / depth)
        least = min(least, 0.5 * float((sigma[sigma < high] ** 2).sum()) + float(values.min()))
    return least


def _local_minimum(mean: float, weight: float, depth: int) -> float:
    """Return the local minimiser over ``r > 0`` of ``1/2 (r - mean)^2 + (weight L / 2) r^(2/L)``, 0 where there is none."""
    from scipy.optimize import root_scalar

    power = 2 / depth - 1
    turn = (-weight * power) ** (1 / (1 - power)) if depth > 2 else 0.0  # where the slope, convex in r, is least
    if turn >= mean or turn - mean + weight * (turn**power if turn else 1.0) >= 0:
        return 0.0
    return float(root_scalar(lambda r: r - mean + weight * r**power, bracket=(turn, mean), xtol=1e-15 * mean).root)
