"""Box relaxation (LPR): regression with weights in [-1, 1], then rounding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_count, check_positive, check_regression
from optathlon.baselines.binary_regression._convex import accelerated_gradient, least_deviations
from optathlon.baselines.binary_regression._losses import make_loss
from optathlon.baselines.binary_regression.least_squares import sign


def box_relaxation(
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: str = "l2",
    delta: float | None = None,
    n_steps: int = 5000,
    tol: float = 1e-6,
    callback: Callable[[int, NDArray[np.float64]], object] | None = None,
) -> NDArray[np.float64]:
    """Round the weights of regression in the box: sign(argmin f(w), -1 <= w_i <= 1).

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    y : array_like, shape (..., n_samples)
        Targets.
    loss : {"l2", "l1", "huber"}
        Loss f of the residuals; ``"l1"`` is solved exactly, as a linear program.
    delta : float, optional
        Width of the quadratic part of the Huber loss, in units of y; follows the noise by default.
    n_steps : int
        Limit on the accelerated projected-gradient steps.
    tol : float
        Largest change of a weight in a step at which to stop.
    callback : callable, optional
        ``callback(step, w)`` with the weights in the box after each step; the linear program has none.

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
    Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, Section V (LPR).
    """
    features, target = check_regression(X, y, stacked=True)
    check_count("n_steps", n_steps)
    check_positive("tol", tol)
    if loss == "l1":
        return sign(least_deviations(features, target, bound=1.0))
    return sign(accelerated_gradient(make_loss(loss, features, target, delta), 1.0, n_steps, tol, callback))
