"""Linear networks of least weight decay that interpolate: the limit of a vanishing penalty, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks._result import Certified, within

Array = NDArray[np.float64]

_ROUNDING = 1e-9  # relative: how well labels must lie in the range of the data, and values and bounds agree


@dataclass(frozen=True)
class MinimumNormNetwork(Certified):
    """A network that fits its labels with the least weight decay, where `converged`.

    Attributes
    ----------
    weights : tuple of ndarray
        The layers W_1, ..., W_L, (n_features, width), (width, width), ..., (width, n_outputs).
    relu : bool
        Whether a ReLU follows every layer but the last.
    objective : float
        ``1/2 sum_l ||W_l||^2``.
    dual_bound : float
        Lower bound of the objective of every network that fits, of any width and number of parallel branches.
    converged : bool
        Whether `gap` is within rounding.
    residual : float
        ``||f(X) - Y|| / ||Y||``, 0 where Y is.
    multiplier : ndarray, (n_samples, n_outputs) or (n_samples,)
        Lambda, the dual optimum: the labels' pull on a two-layer network with neurons of unit length.
    """

    weights: tuple[Array, ...]
    relu: bool
    objective: float
    dual_bound: float
    converged: bool
    residual: float
    multiplier: Array

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs on X, (n_samples, n_features): (n_samples,) for one output, else (n_samples, n_outputs)."""
        out = forward(_checks.finite_array(X, "X", 2), self.weights, relu=self.relu)
        return out[:, 0] if self.multiplier.ndim == 1 else out


def minimum_norm_linear(X: ArrayLike, Y: ArrayLike, depth: int = 2) -> MinimumNormNetwork:
    """Find the linear network ``X W_1 ... W_L = Y`` of least ``1/2 sum_l ||W_l||^2``.

    It is ``(L/2) min sum_i s_i(W)^(2/L)`` over ``X W = Y``, s_i the singular values, and ``W = X^+ Y`` is the minimiser: what any
    other solution adds lies in other rows, and a matrix with more rows has no smaller singular value.

    Parameters
    ----------
    X, Y
        Data (n_samples, n_features); labels (n_samples,) or (n_samples, n_outputs) in the range of X.
    depth
        Number of layers L, at least 2.

    Returns
    -------
    MinimumNormNetwork
        Layers of equal Frobenius norm. For two layers the bound is the value ``<Lambda, Y>`` of a Lambda with
        ``sigma_max(X' Lambda) <= 1``; for more it is that of the singular values of ``X^+ Y``, by Horn's inequality for the
        singular values of a product.

    Raises
    ------
    ValueError
        An argument is not finite or misshapen, or no linear network fits the labels.

    References
    ----------
    T. Ergen and M. Pilanci (2020), Revealing the structure of deep neural networks via convex duality; equations 25, 32 and 34
    of the review of Lina and Yang. There (25) and (32) lack the factor 1/2 of (34), so that they are twice (26) and twice the
    sum of column norms that (32) puts equal to them; the dual of (32) is printed ``tr(Lambda Y)``.
    """
    X = _checks.samples(X)
    Y, scalar = labels_of(X, Y)
    depth = network_depth(depth)
    left, sizes, Vt = np.linalg.svd(X, full_matrices=False)
    kept = sizes > _ROUNDING * sizes[0]
    left, sizes, Vt = left[:, kept], sizes[kept], Vt[kept]
    outside = float(np.linalg.norm(Y - left @ (left.T @ Y)))
    if outside > _ROUNDING * float(np.linalg.norm(Y)):
        raise ValueError(f"Y must lie in the range of X, so that a linear network fits it, got a distance of {outside:.3g}")
    W = Vt.T @ ((left.T @ Y) / sizes[:, None])
    U, s, At = np.linalg.svd(W, full_matrices=False)
    rank = int((s > _ROUNDING * s[0]).sum()) if s[0] > 0 else 0
    U, s, At = U[:, : max(rank, 1)], s[: max(rank, 1)] * (rank > 0), At[: max(rank, 1)]
    root = s ** (1 / depth)
    weights = (U * root, *[np.diag(root)] * (depth - 2), root[:, None] * At)
    polar = U @ At if rank else np.zeros_like(W)
    multiplier = left @ ((Vt @ polar) / sizes[:, None])
    if depth == 2:
        bound = float((multiplier * Y).sum()) / max(1.0, float(np.linalg.norm(X.T @ multiplier, 2)))
    else:
        bound = 0.5 * depth * float((s ** (2 / depth)).sum())
    return fitted(X, Y, weights, bound, multiplier, scalar=scalar, relu=False)


def fitted(
    X: Array, Y: Array, weights: tuple[Array, ...], bound: float, multiplier: Array, *, scalar: bool, relu: bool
) -> MinimumNormNetwork:
    """Return the network of these layers, its objective and its residual."""
    objective = 0.5 * sum(float((W**2).sum()) for W in weights)
    size = float(np.linalg.norm(Y))
    residual = float(np.linalg.norm(forward(X, weights, relu=relu) - Y)) / size if size > 0 else 0.0
    converged = within(objective, bound, _ROUNDING) and residual <= 10 * _ROUNDING
    return MinimumNormNetwork(weights, relu, objective, bound, converged, residual, multiplier[:, 0] if scalar else multiplier)


def forward(X: Array, weights: tuple[Array, ...], *, relu: bool) -> Array:
    """Return the outputs of a network of these layers."""
    for W in weights[:-1]:
        X = np.maximum(X @ W, 0) if relu else X @ W
    return X @ weights[-1]


def labels_of(X: Array, Y: ArrayLike) -> tuple[Array, bool]:
    """Return the labels with two dimensions, and whether they had one."""
    scalar = np.ndim(Y) == 1
    Y = _checks.finite_array(Y, "Y", 1 if scalar else 2)
    if len(Y) != len(X):
        raise ValueError(f"Y must have one row per row of X ({len(X)}), got {len(Y)}")
    return Y.reshape(len(X), -1), scalar


def network_depth(depth: int) -> int:
    """Return the number of layers, checked."""
    if _checks.positive_integer(depth, "depth") < 2:
        raise ValueError(f"depth must be at least 2, got {depth}")
    return int(depth)
