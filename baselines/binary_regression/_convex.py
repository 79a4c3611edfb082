"""Convex regression without constraints or in a box: accelerated gradients, and linear programming for absolute deviations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.binary_regression._losses import Loss

Array = NDArray[np.float64]

_CURVATURE_MARGIN = 1.02  # the power method estimates the curvature from below


def accelerated_gradient(
    f: Loss, bound: float, n_steps: int, tol: float, callback: Callable[[int, Array], object] | None = None
) -> Array:
    """Minimise f over |w_i| <= bound by FISTA with restarts, until no weight moves by more than `tol` in a step.

    References
    ----------
    Beck and Teboulle, SIAM J. Imaging Sciences 2009; O'Donoghue and Candes, Found. Comput. Math. 2015 (restarts).
    """
    length = 1 / (_CURVATURE_MARGIN * f.curvature)
    w = ahead = np.clip(f.start, -bound, bound)
    momentum = np.ones_like(f.curvature)
    for step in range(1, n_steps + 1):
        w_next = np.clip(ahead - length * f.gradient(ahead), -bound, bound)
        move = w_next - w
        uphill = np.sum((ahead - w_next) * move, axis=-1, keepdims=True) > 0
        momentum = np.where(uphill, 1.0, momentum)
        momentum_next = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = w_next + (momentum - 1) / momentum_next * move
        w, momentum = w_next, momentum_next
        if callback is not None:
            callback(step, w)
        if np.abs(move).max() <= tol:
            break
    return w


def least_deviations(X: Array, y: Array, bound: float = np.inf) -> Array:
    """Minimise |Xw - y|_1 over |w_i| <= bound, as a linear program for every problem of the stack.

    min sum(p + q) over Xw + p - q = y, p >= 0, q >= 0.
    """
    import scipy.optimize
    import scipy.sparse

    n_samples, n_features = X.shape[-2:]
    cost = np.concatenate([np.zeros(n_features), np.ones(2 * n_samples)])
    limits = [(-bound, bound)] * n_features + [(0, np.inf)] * (2 * n_samples)
    slack = scipy.sparse.hstack([scipy.sparse.eye_array(n_samples), -scipy.sparse.eye_array(n_samples)])
    weights = np.zeros((*X.shape[:-2], n_features))
    for index in np.ndindex(X.shape[:-2]):
        unit = np.abs(X[index]).mean() or 1.0  # the program's tolerances are absolute
        equations = scipy.sparse.hstack([scipy.sparse.csr_array(X[index] / unit), slack], format="csr")
        answer = scipy.optimize.linprog(cost, A_eq=equations, b_eq=y[index] / unit, bounds=limits, method="highs")
        if answer.x is not None:
            weights[index] = answer.x[:n_features]
    return weights
