"""The straight-through estimator (STE): gradients of the rounded weights move real-valued ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_count, check_positive, check_regression
from optathlon.baselines.binary_regression._losses import make_loss
from optathlon.baselines.binary_regression.least_squares import sign


def straight_through(
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: str = "l2",
    delta: float | None = None,
    n_steps: int = 500,
    learning_rate: float = 0.01,
    average: bool = False,
    callback: Callable[[int, NDArray[np.float64]], object] | None = None,
) -> NDArray[np.float64]:
    """Minimise f(sign(v)) over real v by Adam, passing gradients straight through the sign; return the last sign(v), or a vote.

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    y : array_like, shape (..., n_samples)
        Targets.
    loss : {"l2", "l1", "huber"}
        Loss f of the residuals.
    delta : float, optional
        Width of the quadratic part of the Huber and the smoothed l1 loss, in units of y; follows the noise by default.
    n_steps : int
        Number of steps.
    learning_rate : float
        Adam's step size, in units of the weights.
    average : bool
        Return the majority of sign(v) over the last half of the steps instead of the last one.
    callback : callable, optional
        ``callback(step, w)`` with the rounded weights after each step.

    Returns
    -------
    ndarray, shape (..., n_features)
        Weights in {-1, +1}: the last iterate or the vote, not the best one.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    References
    ----------
    Courbariaux, Bengio, David, BinaryConnect, 2015; as described in Chiprut et al., Section V (STE).
    """
    features, target = check_regression(X, y, stacked=True)
    check_count("n_steps", n_steps)
    check_positive("learning_rate", learning_rate)
    f = make_loss(loss, features, target, delta)
    v = f.start
    mean, square, votes = (np.zeros_like(v) for _ in range(3))
    for step in range(1, n_steps + 1):
        # Forward: the sign. Backward: its derivative is taken as 1 on [-1, 1] and 0 elsewhere.
        gradient = f.gradient(sign(v)) * (np.abs(v) <= 1)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        root = np.sqrt(square / (1 - 0.999**step))
        v = v - learning_rate * mean / (1 - 0.9**step) / np.where(root > 0, root, 1.0)
        if 2 * step > n_steps:
            votes += sign(v)
        if callback is not None:
            callback(step, sign(v))
    return sign(votes if average else v)
