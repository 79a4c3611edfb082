"""Approximate message passing for signs, and the state evolution that predicts its errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_count, check_positive, check_regression
from optathlon.baselines.binary_regression._losses import times
from optathlon.baselines.binary_regression.least_squares import sign

Array = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(201)

_LEAST_NOISE = 1e-30  # variance, of that of Xw: what is left of a residual that vanishes


@dataclass(frozen=True)
class MessagePassingResult:
    """Answer of `message_passing`.

    Attributes
    ----------
    w : ndarray, shape (..., n_features)
        Weights in {-1, +1}: the signs of `mean`.
    mean : ndarray, shape (..., n_features)
        Posterior means under uniform signs, as the last step estimates them, in [-1, 1].
    noise : ndarray, shape (...)
        Estimated standard deviation of the noise that each weight sees, in units of y.
    converged : ndarray of bool, shape (...)
        Whether the last step moved no mean by more than the tolerance. A statement about the iteration, not about optimality.
    """

    w: Array
    mean: Array
    noise: Array
    converged: NDArray[np.bool_]


def message_passing(
    X: ArrayLike,
    y: ArrayLike,
    *,
    n_steps: int = 50,
    tol: float = 1e-6,
    damping: float = 0.0,
    callback: Callable[[int, Array], object] | None = None,
) -> MessagePassingResult:
    """Estimate signs from y = Xw + e by approximate message passing, for X with independent entries.

    With A = X / |columns|, u_i = |X_i| w_i and eta the posterior mean of a sign in Gaussian noise,

        r <- y - A u + r (n/m) mean(eta'),   u <- eta(u + A'r; |r|^2/m).

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features; columns of any size. Where the entries are far from independent the iteration may not settle.
    y : array_like, shape (..., n_samples)
        Targets.
    n_steps : int
        Steps at most.
    tol : float
        Largest change of a mean at which to stop.
    damping : float
        Share of the old mean and residual that each step keeps, in [0, 1): steadies the iteration on other matrices.
    callback : callable, optional
        ``callback(step, mean)`` after each step, the method's own array, only to be read.

    Returns
    -------
    MessagePassingResult
        Signs, means, the noise that they see, and whether the iteration settled.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    References
    ----------
    Donoho, Maleki, Montanari, Message-passing algorithms for compressed sensing, PNAS 2009; Bayati and Montanari, The dynamics of
    message passing on dense graphs, IEEE Trans. Information Theory 2011 (the denoiser tanh is the posterior mean of a sign).
    """
    features, target = check_regression(X, y, stacked=True)
    check_count("n_steps", n_steps)
    check_positive("tol", tol)
    if isinstance(damping, bool) or not isinstance(damping, float | int) or not 0 <= damping < 1:
        raise ValueError(f"damping must be a number in [0, 1), got {damping!r}")
    n_samples, n_features = features.shape[-2:]
    squares = (features**2).sum(axis=-2)
    squares = np.where(squares > 0, squares, 1.0)
    least = _LEAST_NOISE * squares.sum(axis=-1, keepdims=True) / n_samples
    transposed = np.swapaxes(features, -1, -2)
    mean, onsager = np.zeros_like(squares), np.zeros((*target.shape[:-1], 1))
    residual = target
    variance, moved = onsager, np.inf
    for step in range(1, n_steps + 1):
        fresh = target - times(features, mean) + onsager * residual
        residual = fresh if step == 1 else damping * residual + (1 - damping) * fresh
        variance = np.maximum((residual**2).mean(axis=-1, keepdims=True), least)
        precision = squares / variance  # of each weight's pseudo-observation mean + X'r / |X_i|^2
        denoised = np.tanh(mean * precision + times(transposed, residual) / variance)
        onsager = n_features / n_samples * (precision * (1 - denoised**2)).mean(axis=-1, keepdims=True)
        following = denoised if step == 1 else damping * mean + (1 - damping) * denoised
        moved, mean = np.abs(following - mean).max(axis=-1), following
        if callback is not None:
            callback(step, mean)
        if np.max(moved) <= tol:
            break
    return MessagePassingResult(sign(mean), mean, np.sqrt(variance[..., 0]), np.asarray(moved <= tol))


def state_evolution(ratio: float, noise: float, *, n_steps: int = 1000) -> float:
    """Return the share of wrong signs of `message_passing` in the limit of many weights.

    For X_ij of variance 1 / n_features and noise of standard deviation `noise`, tau^2 <- noise^2 + mmse(ratio / tau^2) from
    mmse = 1, where mmse(s) = 1 - E tanh(s + sqrt(s) Z); the share is P(Z > sqrt(s)).

    Parameters
    ----------
    ratio : float
        n_samples / n_features.
    noise : float
        Standard deviation of the noise.
    n_steps : int
        Steps of the recursion at most; it falls towards its largest fixed point.

    Returns
    -------
    float
        The share of wrong signs.

    Raises
    ------
    ValueError
        When an argument is not positive.

    References
    ----------
    Bayati and Montanari, 2011, Theorem 1; Tanaka, A statistical-mechanics approach to large-system analysis of CDMA multiuser
    detectors, IEEE Trans. Information Theory 2002.
    """
    from scipy.special import ndtr

    check_positive("ratio", ratio)
    check_positive("noise", noise)
    check_count("n_steps", n_steps)
    precision = ratio / (noise**2 + 1)
    for _ in range(n_steps):
        tanh = np.tanh(precision + np.sqrt(precision) * _NODES)
        error = max(1 - float(_WEIGHTS @ tanh) / float(_WEIGHTS.sum()), 0.0)
        before, precision = precision, ratio / (noise**2 + error)
        if abs(precision - before) <= 1e-12 * precision:
            break
    return float(ndtr(-np.sqrt(precision)))
