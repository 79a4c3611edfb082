"""Bop, the binary optimiser: a running mean of the gradient flips signs, without weights behind them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_count, check_positive, check_regression
from optathlon.baselines.binary_regression._losses import make_loss
from optathlon.baselines.binary_regression.least_squares import sign

Array = NDArray[np.float64]


def bop(
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: str = "l2",
    delta: float | None = None,
    n_steps: int = 500,
    adaptivity: float = 0.1,
    threshold: float = 0.1,
    average: bool = False,
    callback: Callable[[int, Array], object] | None = None,
) -> Array:
    """Flip w_i whenever the running mean m_i of its gradient has the sign of w_i and |m_i| exceeds a threshold.

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
    adaptivity : float
        Weight gamma of the newest gradient in the running mean, at most 1.
    threshold : float
        Threshold tau in units of L, the largest eigenvalue of the Hessian of f.
    average : bool
        Return the majority of the weights over the last half of the steps instead of the last ones.
    callback : callable, optional
        ``callback(step, w)`` with the weights after each step, the method's own array, only to be read.

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
    Helwegen et al., Latent weights do not exist, NeurIPS 2019, Algorithm 1. (Chiprut et al. describe it as sampling, which it
    is not.)
    """
    features, target = check_regression(X, y, stacked=True)
    check_count("n_steps", n_steps)
    check_positive("adaptivity", adaptivity)
    check_positive("threshold", threshold)
    if adaptivity > 1:
        raise ValueError(f"adaptivity must be at most 1, got {adaptivity!r}")
    f = make_loss(loss, features, target, delta)
    w, mean, votes = sign(f.start), np.zeros_like(f.start), np.zeros_like(f.start)
    for step in range(1, n_steps + 1):
        mean = (1 - adaptivity) * mean + adaptivity * f.gradient(w)
        w = np.where(mean * w > threshold * f.curvature, -w, w)
        if 2 * step > n_steps:
            votes += w
        if callback is not None:
            callback(step, w)
    return sign(votes) if average else w
