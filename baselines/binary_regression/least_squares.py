"""Regression without constraints, then rounding: the simplest binary regression (LR)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_regression
from optathlon.baselines.binary_regression._convex import accelerated_gradient, least_deviations
from optathlon.baselines.binary_regression._losses import make_loss


def sign(w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to {-1, +1}; zero goes to +1, NaN stays NaN, for all to see."""
    return np.where(w >= 0, 1.0, np.where(w < 0, -1.0, w))


def least_squares(X: ArrayLike, y: ArrayLike, *, loss: str = "l2", delta: float | None = None) -> NDArray[np.float64]:
    """Round the weights of the unconstrained regression: sign(argmin_w f(w)).

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    y : array_like, shape (..., n_samples)
        Targets.
    loss : {"l2", "l1", "huber"}
        Loss f of the residuals: least squares, least absolute deviations, or Huber's.
    delta : float, optional
        Width of the quadratic part of the Huber loss, in units of y; follows the noise by default.

    Returns
    -------
    ndarray, shape (..., n_features)
        Weights in {-1, +1}.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    References
    ----------
    Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, Section V (LR).
    """
    features, target = check_regression(X, y, stacked=True)
    if loss == "l1":
        return sign(least_deviations(features, target)[0])
    f = make_loss(loss, features, target, delta)
    if loss == "l2":
        return sign(f.start)
    return sign(accelerated_gradient(f, np.inf, n_steps=5000, least_move=1e-6))
