"""MAXIMIN: gradient descent-ascent on the Lagrangian of regression with binary weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import (
    check_choice,
    check_count,
    check_positive,
    check_regression,
    check_rng,
)
from optathlon.baselines.binary_regression._losses import Loss, make_loss, times
from optathlon.baselines.binary_regression._single_precision import make_quadratic
from optathlon.baselines.binary_regression.least_squares import sign
from optathlon.baselines.binary_regression.semidefinite_relaxation import certificate

Array = NDArray[np.float64]
Pair = tuple[Array, Array]

OPTIMIZERS = ("gda", "ogda", "extragradient", "adam")

# Steps of w in units of 1/L and of z in units of L, with L the curvature of f: the primal variable is of order one and the
# dual one has the units of f.
_STEPS = {"gda": (0.5, 0.02), "ogda": (0.25, 0.01), "extragradient": (0.5, 0.01), "adam": (0.1, 0.003)}
# The Hessian of the Lagrangian in w is at most L + 2 max z: a step of w never exceeds this share of its inverse, beyond which
# heavy noise, and with it large z, would make the method diverge.
_STABLE = {"gda": 0.9, "ogda": 0.4, "extragradient": 0.9}
# Adam is decayed to this share of its step sizes at the end (w, z); the others keep theirs.
_ADAM_DECAY = (0.01, 0.1)
_NEAR = 1e-3  # of the weights to -1 or +1, and of the slope to zero in units of L
_SINGLE_FROM = 500  # weights: from here on the products with X'X take most of the time
_FLAT = 1e-12  # of L: eigenvalues that rounding may have made negative


@dataclass(frozen=True)
class MaximinResult:
    """Answer of `maximin`.

    Attributes
    ----------
    w : ndarray, shape (..., n_features)
        Weights in {-1, +1}: the signs of `average` where the call averages, else of `iterate`.
    iterate : ndarray, shape (..., n_features)
        Last real-valued weights.
    average : ndarray, shape (..., n_features)
        Mean of the real-valued weights over the last half of the steps.
    z : ndarray, shape (..., n_features)
        Last dual variables.
    converged : ndarray of bool, shape (...)
        Whether (`iterate`, `z`) has come to a maximin point within 1e-3: every weight at -1 or +1, the Lagrangian stationary in
        w, and its Hessian, that of f plus 2 diag(z), positive semidefinite. With the l2 loss these signs are then a global
        optimum.
    objective : ndarray, shape (...)
        |Xw - y|_2^2 of `w`, whatever the loss.
    """

    w: Array
    iterate: Array
    average: Array
    z: Array
    converged: NDArray[np.bool_]
    objective: Array
    _problem: tuple[Array, Array] = field(repr=False)

    @cached_property
    def bound(self) -> Array:
        """Proved lower bounds of |Xw - y|_2^2 over signs w, shape (...): :func:`certificate` of `w`, computed when asked for."""
        X, y = self._problem
        bounds = np.empty(y.shape[:-1])
        for index in np.ndindex(bounds.shape):
            bounds[index] = certificate(X[index], y[index], np.append(self.w[index], 1.0)).bound
        return bounds

    @property
    def gap(self) -> Array:
        """Proved relative gap (objective - bound) / objective, shape (...); 0 where the objective is 0."""
        return (self.objective - self.bound) / np.where(self.objective > 0, self.objective, 1.0)


def maximin(
    X: ArrayLike,
    y: ArrayLike,
    *,
    optimizer: str = "gda",
    loss: str = "l2",
    delta: float | None = None,
    n_steps: int = 1000,
    step_w: float | None = None,
    step_z: float | None = None,
    average: bool | None = None,
    start: str = "unconstrained",
    metric: str = "columns",
    rng: int | np.random.Generator | None = None,
    callback: Callable[[int, Array], object] | None = None,
) -> MaximinResult:
    """Seek max_z min_w f(w) + sum_i z_i (w_i^2 - 1), whose saddle points have binary weights (eq. 2, 4).

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    y : array_like, shape (..., n_samples)
        Targets.
    optimizer : {"gda", "ogda", "extragradient", "adam"}
        Alternating gradient descent-ascent, optimistic, extragradient, or Adam with exponential decay.
    loss : {"l2", "l1", "huber"}
        Loss f of the residuals (eq. 7, 10).
    delta : float, optional
        Width of the quadratic part of the Huber and the smoothed l1 loss, in units of y; follows the noise by default.
    n_steps : int
        Number of steps.
    step_w, step_z : float, optional
        Step sizes of w and z in units of 1/L and L, where L is the largest eigenvalue of the Hessian of f.
    average : bool, optional
        Round the mean of the last half of the iterates rather than the last one. By default true for ``"gda"``, whose iterates
        circle the saddle point, and false for the others.
    start : {"unconstrained", "random"}
        First weights: those of least squares (a robust fit for the robust losses) clipped to [-1, 1], or standard normal ones.
    metric : {"columns", "uniform"}
        Whether each z_i steps in proportion to the curvature along w_i, or all of them alike.
    rng : int or numpy.random.Generator, optional
        Source of the random start.
    callback : callable, optional
        ``callback(step, w)`` with the real-valued weights after each step, the method's own array, only to be read.

    Returns
    -------
    MaximinResult
        The weights, the real-valued weights behind them and the dual variables.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    Notes
    -----
    With the Lagrangian above, the saddle point of Theorem III.1 is z* = +diag(w*) X'e; the paper prints the opposite sign.

    Every vector of signs is a stationary point of the Lagrangian for some z. Optimistic and extragradient steps are attracted by
    those at which the Hessian of f plus 2 diag(z) is positive definite only after about the step sizes of z are added to it: the
    more, the longer these are beside the curvature along a weight. Short steps in proportion to that curvature, the metric
    "columns", keep them from saddle points that are no local maximin when the columns of X differ in scale.

    References
    ----------
    Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, eq. 2-4, Theorem III.1 and Section V.
    """
    features, target = check_regression(X, y, stacked=True)
    check_choice("optimizer", optimizer, OPTIMIZERS)
    check_choice("start", start, ("unconstrained", "random"))
    check_choice("metric", metric, ("columns", "uniform"))
    check_count("n_steps", n_steps)
    for name, value in (("step_w", step_w), ("step_z", step_z), ("delta", delta)):
        if value is not None:
            check_positive(name, value)
    generator = check_rng(rng)
    if loss == "l2" and features.shape[-1] >= _SINGLE_FROM:  # the iterates are rounded to signs
        f, gradient = make_quadratic(features, target)
    else:
        f = make_loss(loss, features, target, delta)
        gradient = f.gradient
    eta_w, eta_z = _STEPS[optimizer]
    eta_w, eta_z = (step_w or eta_w) / f.curvature, (step_z or eta_z) * f.curvature
    eta_z = eta_z * f.shares if metric == "columns" else eta_z
    fast = f._replace(gradient=gradient)
    w = np.clip(f.start, -1, 1) if start == "unconstrained" else generator.standard_normal(f.start.shape)
    z = np.zeros_like(w)
    if optimizer == "adam":
        iterates = _adam(fast, w, z, eta_w * f.curvature, eta_z, n_steps)
    else:

        def step_of_w(z: Array) -> Array:
            return np.minimum(eta_w, _STABLE[optimizer] / (f.curvature + 2 * z.max(axis=-1, keepdims=True).clip(0)))

        iterates = {"gda": _gda, "ogda": _ogda, "extragradient": _extragradient}[optimizer](fast, w, z, step_of_w, eta_z)

    total, n_averaged = np.zeros_like(w), n_steps - n_steps // 2
    with np.errstate(over="ignore", invalid="ignore"):  # too long a step diverges, and the result says so
        for step in range(1, n_steps + 1):
            w, z = next(iterates)
            if step > n_steps - n_averaged:
                total += w
            if callback is not None:
                callback(step, w)
        mean = total / n_averaged
    averages = optimizer == "gda" if average is None else average
    signs = sign(mean if averages else w)
    objective = np.asarray(np.sum((times(features, signs) - target) ** 2, axis=-1))
    return MaximinResult(signs, w, mean, z, _is_maximin(f, w, z), objective, (features, target))


def _is_maximin(f: Loss, w: Array, z: Array) -> NDArray[np.bool_]:
    """Tell whether (w, z) is near signs b, with multipliers that make them a minimiser of the Lagrangian."""
    b = sign(w)
    multipliers = -0.5 * b * f.gradient(b)  # stationary at b: gradient + 2 z b = 0
    near = np.abs(w - b) <= _NEAR
    with np.errstate(over="ignore", invalid="ignore"):
        near &= np.abs(f.gradient(w) + 2 * z * w) <= _NEAR * f.curvature
    verdict = np.asarray(np.all(near, axis=-1))
    for index in np.argwhere(verdict):
        place = tuple(index)
        hessian = f.hessian(b)[place]
        verdict[place] = np.linalg.eigvalsh(hessian + 2 * np.diag(multipliers[place]))[0] >= -_FLAT * f.curvature[place][0]
    return verdict


def _gda(f: Loss, w: Array, z: Array, eta_w: Callable[[Array], Array], eta_z: Array) -> Iterator[Pair]:
    """Descend in w, then ascend in z at the new w."""
    while True:
        w = w - eta_w(z) * (f.gradient(w) + 2 * z * w)
        z = z + eta_z * (w**2 - 1)
        yield w, z


def _ogda(f: Loss, w: Array, z: Array, eta_w: Callable[[Array], Array], eta_z: Array) -> Iterator[Pair]:
    """Step along twice the present gradient less the previous one (Daskalakis and Panageas, 2018)."""
    old_w, old_z = f.gradient(w) + 2 * z * w, w**2 - 1
    while True:
        new_w, new_z = f.gradient(w) + 2 * z * w, w**2 - 1
        w = w - eta_w(z) * (2 * new_w - old_w)
        z = z + eta_z * (2 * new_z - old_z)
        old_w, old_z = new_w, new_z
        yield w, z


def _extragradient(f: Loss, w: Array, z: Array, eta_w: Callable[[Array], Array], eta_z: Array) -> Iterator[Pair]:
    """Step along the gradient found one step ahead (Korpelevich, 1976)."""
    while True:
        ahead_w = w - eta_w(z) * (f.gradient(w) + 2 * z * w)
        ahead_z = z + eta_z * (w**2 - 1)
        w = w - eta_w(ahead_z) * (f.gradient(ahead_w) + 2 * ahead_z * ahead_w)
        z = z + eta_z * (ahead_w**2 - 1)
        yield w, z


def _adam(f: Loss, w: Array, z: Array, eta_w: Array, eta_z: Array, n_steps: int) -> Iterator[Pair]:
    """Descend and ascend by Adam (Kingma and Ba, 2014) with exponentially decaying steps."""
    mean_w, mean_z, square_w, square_z = (np.zeros_like(w) for _ in range(4))
    for step in count(1):
        fade_w, fade_z = (share ** (step / n_steps) for share in _ADAM_DECAY)
        gradient_w, gradient_z = f.gradient(w) + 2 * z * w, w**2 - 1
        mean_w, square_w, move_w = _adam_move(mean_w, square_w, gradient_w, step)
        mean_z, square_z, move_z = _adam_move(mean_z, square_z, gradient_z, step)
        w = w - eta_w * fade_w * move_w
        z = z + eta_z * fade_z * move_z
        yield w, z


def _adam_move(mean: Array, square: Array, gradient: Array, step: int) -> tuple[Array, Array, Array]:
    mean = 0.9 * mean + 0.1 * gradient
    square = 0.999 * square + 0.001 * gradient**2
    root = np.sqrt(square / (1 - 0.999**step))
    return mean, square, mean / (1 - 0.9**step) / np.where(root > 0, root, 1.0)
