"""When the paper's theorems apply: conditions on the noise, for data whose signs and noise are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_positive, check_regression

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Condition:
    """An inequality and its two sides.

    Attributes
    ----------
    holds : bool
        Whether `left` is less than `right`, and what else the condition asks for.
    left : float
        The largest slope that the noise gives f at the true signs.
    right : float
        The least curvature of f there.
    """

    holds: bool
    left: float
    right: float


def general_condition(gradient: ArrayLike, hessian: ArrayLike) -> Condition:
    """Condition (6) of Theorem II.3: |grad f(w*)|_inf < lambda_min(Hess f(w*)).

    Parameters
    ----------
    gradient : array_like, shape (n_features,)
        Gradient of f at the signs w*.
    hessian : array_like, shape (n_features, n_features)
        Hessian of f there.

    Raises
    ------
    ValueError
        When the shapes do not match or the Hessian is not symmetric.
    """
    curvature, slope = check_regression(hessian, gradient, names=("hessian", "gradient"))
    if curvature.shape[0] != curvature.shape[1] or np.abs(curvature - curvature.T).max() > 1e-10 * np.abs(curvature).max():
        raise ValueError(f"hessian must be square and symmetric, got shape {curvature.shape}")
    left, right = float(np.abs(slope).max()), float(np.linalg.eigvalsh(curvature)[0])
    return Condition(left < right, left, right)


def saddle_multipliers(w: ArrayLike, gradient: ArrayLike) -> Array:
    """The multipliers z* = -diag(w*) grad f(w*) / 2 that make signs w* stationary in eq. 2, f(w) + sum_i z_i (w_i^2 - 1).

    Under condition (6), (w*, z*) is a local maximin point. Theorem II.3 and (20) print the opposite sign.

    Parameters
    ----------
    w : array_like, shape (n_features,)
        Signs.
    gradient : array_like, shape (n_features,)
        Gradient of f there.

    Raises
    ------
    ValueError
        When the shapes differ or w holds anything but -1 and 1.
    """
    signs, slope = np.asarray(w, dtype=np.float64), np.asarray(gradient, dtype=np.float64)
    if signs.ndim != 1 or signs.shape != slope.shape or not np.isin(signs, (-1.0, 1.0)).all():
        raise ValueError(f"w must hold -1 or 1, one for each entry of gradient {slope.shape}, got shape {signs.shape}")
    return -0.5 * signs * slope


def low_noise_condition(X: ArrayLike, noise: ArrayLike) -> Condition:
    """Condition (8) of Theorem III.1: |X'e|_inf < lambda_min(X'X); (6) for least squares, halved.

    Then the signs that made y = Xw* + e are the global optimum, the duality gap is zero, and (w*, diag(w*) X'e) is the only local
    maximin point.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    noise : array_like, shape (n_samples,)
        e = y - Xw*.

    Raises
    ------
    ValueError
        When an argument has the wrong shape or dtype.
    """
    features, e = check_regression(X, noise, names=("X", "noise"))
    return general_condition(features.T @ e, features.T @ features)


def robust_condition(X: ArrayLike, noise: ArrayLike, delta: float) -> tuple[Condition, bool]:
    """Conditions (11), with (12), and (13) of Theorem IV.1, for Huber's loss of width delta.

    |X'c|_inf < lambda_min(sum_i d_i x_i x_i'), where d_i tells whether |e_i| <= delta and c_i is e_i if so; and every |e_i| is at
    most delta or at least delta + 2 |x_i|.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    noise : array_like, shape (n_samples,)
        e = y - Xw*.
    delta : float
        Width of the quadratic part, in units of y.

    Returns
    -------
    Condition, bool
        (11), and whether (13) holds.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    Notes
    -----
    Otherwise c_i is delta sign(e_i), the slope of the loss (9); (12) prints sign(e_i). The multipliers that make w* stationary
    are z* = diag(w*) X'c / 2, since (9) has the factor 1/2 that (7) lacks; the theorem prints -diag(w*) X'c. That p* = d* does
    not follow: where a Huber loss grows linearly every negative z_i lets the Lagrangian fall without bound, so that d* is the
    optimum over the box.
    """
    features, e = check_regression(X, noise, names=("X", "noise"))
    check_positive("delta", delta)
    inside = np.abs(e) <= delta
    slopes = np.where(inside, e, delta * np.sign(e))
    first = general_condition(features.T @ slopes, (features * inside[:, None]).T @ features)
    apart = inside | (np.abs(e) >= delta + 2 * np.linalg.norm(features, axis=1))
    return first, bool(apart.all())


def robust_multipliers(X: ArrayLike, noise: ArrayLike, w: ArrayLike, delta: float) -> Array:
    """The multipliers of Theorem IV.1 for Huber's loss of width delta: z* = diag(w*) X'c / 2.

    c_i is e_i where |e_i| <= delta and delta sign(e_i) elsewhere, the slope of the loss (9). The theorem prints
    -diag(w*) X'c, of the other sign and twice the size, and (12) sign(e_i).

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    noise : array_like, shape (n_samples,)
        e = y - Xw*.
    w : array_like, shape (n_features,)
        Signs w*.
    delta : float
        Width of the quadratic part, in units of y.

    Returns
    -------
    ndarray, shape (n_features,)
        z*.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.
    """
    features, e = check_regression(X, noise, names=("X", "noise"))
    check_positive("delta", delta)
    return saddle_multipliers(w, -features.T @ np.clip(e, -delta, delta))
