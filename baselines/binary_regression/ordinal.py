"""Regression with weights on more levels than two: -(q - 1), ..., -1, 1, ..., q - 1 in steps of 2 (the paper's section VI)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_count, check_positive, check_regression
from optathlon.baselines.binary_regression._losses import make_loss, times
from optathlon.baselines.binary_regression.conditions import Condition
from optathlon.baselines.binary_regression.lattice import decide_on_levels

Array = NDArray[np.float64]

_STABLE = 0.9  # of the inverse curvature of the Lagrangian: no step of w is longer
_NEAR = 1e-3


@dataclass(frozen=True)
class OrdinalResult:
    """Answer of the detectors of this module.

    Attributes
    ----------
    w : ndarray, shape (..., n_features)
        Weights on the levels.
    objective : ndarray, shape (...)
        Their |Xw - y|_2^2.
    converged : ndarray of bool, shape (...)
        Whether the iteration came to rest: for `ordinal_maximin` at a local maximin point within 1e-3, which proves no optimum.
        Always true of the others, which do not iterate.
    z : ndarray, shape (..., n_features), or None
        Multipliers of `ordinal_maximin`.
    """

    w: Array
    objective: Array
    converged: NDArray[np.bool_]
    z: Array | None = None


def levels_of(n_levels: int) -> Array:
    """Return the levels -(q - 1), -(q - 3), ..., q - 1 for q = `n_levels`, at least 2."""
    check_count("n_levels", n_levels, 2)
    return np.arange(1.0 - n_levels, n_levels, 2.0)


def nearest_level(w: ArrayLike, n_levels: int) -> Array:
    """Round to the nearest level, upwards between two."""
    top = float(levels_of(n_levels)[-1])
    return np.clip(2 * np.floor((np.asarray(w, dtype=np.float64) + top) / 2 + 0.5) - top, -top, top)


def ordinal_least_squares(X: ArrayLike, y: ArrayLike, *, n_levels: int = 4) -> OrdinalResult:
    """Round the unconstrained least-squares weights to the nearest levels.

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    y : array_like, shape (..., n_samples)
        Targets.
    n_levels : int
        Number of levels q.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.
    """
    features, target = check_regression(X, y, stacked=True)
    return _result(features, target, nearest_level(make_loss("l2", features, target).start, n_levels))


def ordinal_lattice(X: ArrayLike, y: ArrayLike, *, n_levels: int = 4, delta: float = 0.75) -> OrdinalResult:
    """Decide by Babai's nearest plane in a reduced basis, w = 2b - (q - 1) with b whole; a b beyond the levels is clipped.

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    y : array_like, shape (..., n_samples)
        Targets.
    n_levels : int
        Number of levels q.
    delta : float
        As in :func:`lll`.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    References
    ----------
    As of :func:`lattice_reduction`, which is this with two levels.
    """
    features, target = check_regression(X, y, stacked=True)
    top = int(levels_of(n_levels)[-1])
    w = np.empty((*target.shape[:-1], features.shape[-1]))
    for index in np.ndindex(target.shape[:-1]):
        w[index] = decide_on_levels(features[index], target[index], top, delta)
    return _result(features, target, w)


def ordinal_maximin(
    X: ArrayLike,
    y: ArrayLike,
    *,
    n_levels: int = 4,
    n_steps: int = 1000,
    step_w: float = 0.5,
    step_z: float = 0.02,
    callback: Callable[[int, Array], object] | None = None,
) -> OrdinalResult:
    """Seek max_z min_w |Xw - y|_2^2 + sum_i z_i c(w_i) by descent-ascent in turns, c the polynomial whose roots are the levels.

    Two levels give c(w) = w^2 - 1, the paper's Lagrangian (eq. 2). The weights start at those of least squares, clipped to the
    range of the levels; the mean of the last half of the iterates is rounded to the nearest levels.

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    y : array_like, shape (..., n_samples)
        Targets.
    n_levels : int
        Number of levels q.
    n_steps : int
        Number of steps.
    step_w, step_z : float
        Step sizes of w and z in units of 1/L and L, L the largest eigenvalue of the Hessian of the loss.
    callback : callable, optional
        ``callback(step, w)`` with the real-valued weights after each step, the method's own array, only to be read.

    Returns
    -------
    OrdinalResult
        Weights on the levels, their objective, and whether the iterates came to a local maximin point.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    Notes
    -----
    A local maximin point at w* needs :func:`ordinal_condition`. For more than two levels it is not the only one, and the
    multipliers of inner levels have no definite curvature: this is no relaxation with a bound.

    References
    ----------
    Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, eq. 2-4 and Section VI ("more levels").
    """
    features, target = check_regression(X, y, stacked=True)
    check_count("n_steps", n_steps)
    check_positive("step_w", step_w)
    check_positive("step_z", step_z)
    levels = levels_of(n_levels)
    f = make_loss("l2", features, target)
    c = _Constraint(levels)
    eta_w, eta_z = step_w / f.curvature, step_z * f.curvature
    w = np.clip(f.start, levels[0], levels[-1])
    z, total, n_averaged = np.zeros_like(w), np.zeros_like(w), n_steps - n_steps // 2
    for step in range(1, n_steps + 1):
        bend = np.abs(z * c.curvature(w)).max(axis=-1, keepdims=True)
        w = w - np.minimum(eta_w, _STABLE / (f.curvature + bend)) * (f.gradient(w) + z * c.slope(w))
        w = np.clip(w, levels[0] - 1, levels[-1] + 1)  # beyond the outer levels c has no further root and grows as |w|^q
        z = z + eta_z * c.value(w)
        if step > n_steps - n_averaged:
            total += w
        if callback is not None:
            callback(step, w)
    rounded = nearest_level(w, n_levels)
    near = np.abs(w - rounded) <= _NEAR
    near &= np.abs(f.gradient(w) + z * c.slope(w)) <= _NEAR * f.curvature
    converged = np.asarray(near.all(axis=-1))
    for index in np.argwhere(converged):
        place = tuple(index)
        hessian = f.hessian(w)[place] + np.diag((z * c.curvature(w))[place])
        converged[place] = np.linalg.eigvalsh(hessian)[0] >= 0
    answer = _result(features, target, nearest_level(total / n_averaged, n_levels))
    return OrdinalResult(answer.w, answer.objective, converged, z)


def ordinal_condition(X: ArrayLike, noise: ArrayLike, w: ArrayLike, *, n_levels: int = 4) -> Condition:
    """Say whether levels w with y = Xw + noise are a local maximin point: |X'e|_i |c''(w_i) / c'(w_i)| < lambda_min(X'X).

    Condition (6) with the constraint c in the place of w^2 - 1, for which c'' / c' = 1 / w. It gives a local maximin point
    (Proposition A.1), no more: the uniqueness proof of Theorem II.3 needs a quadratic constraint.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    noise : array_like, shape (n_samples,)
        e = y - Xw.
    w : array_like, shape (n_features,)
        Weights on the levels.
    n_levels : int
        Number of levels q.

    Raises
    ------
    ValueError
        When an argument has the wrong shape or dtype, or a weight is on no level.
    """
    features, e = check_regression(X, noise, names=("X", "noise"))
    weights = np.asarray(w, dtype=np.float64)
    if weights.shape != (features.shape[1],) or not np.isin(weights, levels_of(n_levels)).all():
        raise ValueError(f"w must hold {features.shape[1]} of the levels {levels_of(n_levels)}, got shape {weights.shape}")
    c = _Constraint(levels_of(n_levels))
    left = float(np.abs(features.T @ e * c.curvature(weights) / c.slope(weights)).max())
    right = float(np.linalg.eigvalsh(features.T @ features)[0])
    return Condition(left < right, left, right)


def level_bits(w: ArrayLike, n_bits: int = 2) -> Array:
    """Return the signs b of ``w = sum_k 2^k b_k`` on 2^n_bits levels, highest first: (..., n_bits n_features).

    ``[2^(n_bits-1) X, ..., 2 X, X] b = Xw``, so that every method for signs serves; the Gram matrix of these columns is
    singular, and condition (8) never holds.
    """
    check_count("n_bits", n_bits)
    whole = np.rint((np.asarray(w, dtype=np.float64) + 2**n_bits - 1) / 2).astype(np.int64)
    bits = [2.0 * ((whole >> k) & 1) - 1 for k in range(n_bits - 1, -1, -1)]
    return np.concatenate(bits, axis=-1)


class _Constraint:
    """c(w) = prod_k (w - l_k), divided so that the least slope at a level is 2 in size, as for w^2 - 1."""

    def __init__(self, levels: Array) -> None:
        polynomial: Any = np.polynomial.Polynomial.fromroots(levels)
        polynomial = polynomial / (np.abs(polynomial.deriv()(levels)).min() / 2)
        self.value, self.slope, self.curvature = polynomial, polynomial.deriv(), polynomial.deriv(2)


def _result(X: Array, y: Array, w: Array) -> OrdinalResult:
    objective = np.asarray(np.sum((times(X, w) - y) ** 2, axis=-1))
    return OrdinalResult(w, objective, np.ones(objective.shape, dtype=np.bool_))
