"""Regression without constraints, then rounding: the simplest binary regression (LR)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from baselines.binary_regression._checks import check_regression
from baselines.binary_regression._losses import solve_normal_equations, times


def sign(w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to {-1, +1}; zero goes to +1."""
    return np.where(w >= 0, 1.0, -1.0)


def least_squares(X: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Round the unconstrained least-squares weights: sign(argmin_w |Xw - y|_2^2).

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    y : array_like, shape (..., n_samples)
        Targets.

    Returns
    -------
    ndarray, shape (..., n_features)
        Weights in {-1, +1}.

    Raises
    ------
    ValueError
        When `X` or `y` has the wrong shape or dtype, or is not finite.

    References
    ----------
    Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, Section V (LR).
    """
    features, target = check_regression(X, y, stacked=True)
    transposed = np.swapaxes(features, -1, -2)
    return sign(solve_normal_equations(features, target, transposed @ features, times(transposed, target)))
