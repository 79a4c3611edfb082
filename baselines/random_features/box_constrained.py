"""Least squares in a box, by an interior-point method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from optathlon.baselines.random_features._checks import check_count, check_matrix, check_positive, check_real

_INSIDE = 0.995  # fraction of the way to the nearest bound
_TINY = 1e-300
_FREE = 1 - 1e-6
_ROUNDING = 1e-14
_PATIENCE = 10  # steps without a smaller gap after which rounding is all that moves


class BoxSolution(NamedTuple):
    """Answer of `box_least_squares`.

    Attributes
    ----------
    coefficients : ndarray, shape (k,)
        The best point met, inside the box.
    gap : float
        Upper bound on how far its objective is above the minimum.
    n_steps : int
        Steps taken.
    converged : bool
        Whether the gap is at most the tolerance.
    objective : float
        Half the mean squared residual; `gap` less is a lower bound of the minimum.
    """

    coefficients: np.ndarray
    gap: float
    n_steps: int
    converged: bool
    objective: float = float("nan")


def box_least_squares(
    Z: ArrayLike,
    y: ArrayLike,
    bound: float,
    *,
    n_steps: int = 100,
    tol: float = 1e-11,
    callback: Callable[[int, np.ndarray], None] | None = None,
) -> BoxSolution:
    r"""Least squares with coefficients in a box.

    .. math:: \min_{|\alpha_i| \le c} \; \frac{1}{2n} \|Z \alpha - y\|^2

    Parameters
    ----------
    Z : array_like, shape (n, k)
        Features, one sample per row.
    y : array_like, shape (n,) or (n, 1)
        Targets.
    bound : float
        Largest absolute value c of a coefficient.
    n_steps : int
        Most steps.
    tol : float
        Objective gap, as a fraction of :math:`\|y\|^2 / 2n`, at which to stop.
    callback : callable, optional
        ``callback(step, coefficients)`` after each step.

    Returns
    -------
    BoxSolution
        Coefficients, a certificate of their objective, steps, and whether the tolerance was met.

    Raises
    ------
    ValueError
        If an input or its square is not finite, shapes disagree, or the bound or tol is not positive.

    References
    ----------
    Mehrotra. *On the implementation of a primal-dual interior point method*. SIAM J. Optim., 1992.
    """
    Z = check_matrix("Z", Z).astype(np.float64, copy=False)
    y = check_real("y", np.asarray(y)).astype(np.float64, copy=False)
    y = y.ravel() if y.shape == (len(Z), 1) else y
    if y.shape != (len(Z),):
        raise ValueError(f"y must have one number per row of Z, shape ({len(Z)},), got shape {y.shape}")
    bound, tol = check_positive("bound", bound), check_positive("tol", tol)
    n_steps = check_count("n_steps", n_steps)
    return box_weights(Z, y[:, None], bound, n_steps=n_steps, tol=tol, callback=callback)[0]


def box_weights(
    Z: np.ndarray,
    targets: np.ndarray,
    bound: float,
    *,
    n_steps: int = 100,
    tol: float = 1e-11,
    callback: Callable[[int, np.ndarray], None] | None = None,
) -> list[BoxSolution]:
    """Solve `box_least_squares` for each column of the targets (n, m), with one Gram matrix for all."""
    Z = Z.astype(np.float64, copy=False)
    n = len(Z)
    with np.errstate(over="ignore", invalid="ignore"):
        H, C, scales = Z.T @ Z / n, Z.T @ targets / n, (targets**2).sum(axis=0) / (2 * n)
    if not (np.isfinite(H).all() and np.isfinite(C).all() and np.isfinite(scales).all()):
        raise ValueError(f"the squares of Z and y must be finite numbers, got entries as large as {np.abs(Z).max():.3g}")
    answers = []
    for y, c, largest_gap in zip(targets.T, C.T, (tol * np.maximum(scales, _TINY)).tolist(), strict=True):
        x, steps = interior_point(H, c, bound, n_steps, largest_gap, callback)
        objective, gap = _certificate(Z, y, x, bound, largest_gap)
        answers.append(BoxSolution(x, gap, steps, gap <= largest_gap, objective))
    return answers


def _certificate(Z: np.ndarray, y: np.ndarray, x: np.ndarray, bound: float, largest_gap: float) -> tuple[float, float]:
    """Return the objective and its gap, from Z itself: the steps saw Z'Z, which squares its condition.

    Any r bounds the minimum from below by ``(y'r - |r|^2 / 2 - c |Z'r|_1) / n``. Where the residual carries the rounding of
    large coefficients, its part orthogonal to the columns of the free ones is the better bound.
    """
    n, residual = len(Z), y - Z @ x
    objective, gap = float(residual @ residual) / (2 * n), _gap(x, -(Z.T @ residual) / n, bound)
    if gap > largest_gap:
        Q = np.linalg.qr(Z[:, np.abs(x) < _FREE * bound])[0]
        for _ in range(2):
            residual = residual - Q @ (Q.T @ residual)
        lower = float(y @ residual - residual @ residual / 2 - bound * np.abs(Z.T @ residual).sum()) / n
        rounding = _ROUNDING * float(y @ y) / n  # of the difference of two numbers of this size
        gap = min(gap, max(objective - lower, 0.0) + rounding)
    return objective, gap


class _Direction(NamedTuple):
    x: np.ndarray
    p: np.ndarray
    q: np.ndarray


@dataclass(frozen=True)
class _Newton:
    """The Newton system at an interior point: distances to both bounds, their multipliers, and the factored matrix.

    The matrix is H + D, D diagonal, scaled to D^{-1/2} H D^{-1/2} + I, whose digits do not drown in the largest of D.
    """

    upper: np.ndarray
    lower: np.ndarray
    p: np.ndarray
    q: np.ndarray
    residual: np.ndarray
    scaling: np.ndarray
    factor: tuple[np.ndarray, bool]

    @classmethod
    def at(
        cls, H: np.ndarray, upper: np.ndarray, lower: np.ndarray, p: np.ndarray, q: np.ndarray, residual: np.ndarray
    ) -> _Newton:
        """Factor the system at a point."""
        scaling = 1.0 / np.sqrt(p / upper + q / lower)
        return cls(upper, lower, p, q, residual, scaling, _factor(H, scaling))

    def direction(self, target_p: float | np.ndarray, target_q: float | np.ndarray) -> _Direction:
        """Head for ``p upper = target_p`` and ``q lower = target_q``."""
        to_p, to_q = target_p / self.upper - self.p, target_q / self.lower - self.q
        slope = self.scaling * (to_q - to_p - self.residual)
        dx = self.scaling * scipy.linalg.cho_solve(self.factor, slope, check_finite=False)
        return _Direction(dx, to_p + self.p / self.upper * dx, to_q - self.q / self.lower * dx)

    def longest(self, d: _Direction) -> float:
        """Return the longest step, at most 1, that leaves nothing negative."""
        rates = [d.x / self.upper, -d.x / self.lower, -d.p / self.p, -d.q / self.q]
        return float(1.0 / max(1.0, *(rate.max() for rate in rates)))

    def mean_product(self, d: _Direction, t: float) -> float:
        """Return the mean of multiplier times distance after a step of length t."""
        p, q, upper, lower = self.p + t * d.p, self.q + t * d.q, self.upper - t * d.x, self.lower + t * d.x
        return float(p @ upper + q @ lower) / (2 * len(p))


def interior_point(
    H: np.ndarray,
    c: np.ndarray,
    bound: float,
    n_steps: int,
    largest_gap: float,
    callback: Callable[[int, np.ndarray], None] | None = None,
) -> tuple[np.ndarray, int]:
    """Minimise ``x'Hx / 2 - c'x`` over |x_i| <= bound, H positive semidefinite; return the best point met, and the steps.

    Primal-dual steps on ``Hx - c + p - q = 0, p (bound - x) = mu, q (bound + x) = mu`` with Mehrotra's corrector, until the
    objective's gap is small enough or, for `_PATIENCE` steps, falls no further: then only rounding moves.
    """
    x = np.zeros(len(c))
    upper = lower = np.full(len(c), bound)  # distances, kept apart from x: they stay exact when they are small
    p = q = np.full(len(c), max(float(np.abs(c).max()), _TINY))
    gap = best_gap = _gap(x, -c, bound)
    best, best_step, step, mu = x, 0, 0, np.inf
    while best_gap > largest_gap and step < min(n_steps, best_step + _PATIENCE) and mu > _TINY and np.isfinite(gap):
        step += 1
        newton = _Newton.at(H, upper, lower, p, q, H @ x - c + p - q)
        ahead = newton.direction(0.0, 0.0)
        mu = newton.mean_product(ahead, 0.0)
        mu_ahead = newton.mean_product(ahead, newton.longest(ahead))
        centre = (mu_ahead / mu) ** 3 * mu
        d = newton.direction(centre + ahead.x * ahead.p, centre - ahead.x * ahead.q)
        t = _INSIDE * newton.longest(d)
        x, p, q = np.clip(x + t * d.x, -bound, bound), p + t * d.p, q + t * d.q
        upper, lower = upper - t * d.x, lower + t * d.x
        gap = _gap(x, H @ x - c, bound)
        if gap < best_gap:
            best, best_gap, best_step = x, gap, step
        if callback is not None:
            callback(step, x.copy())
    return best, step


def _gap(x: np.ndarray, gradient: np.ndarray, bound: float) -> float:
    """Bound the distance from the minimum: the largest decrease of the linearised objective in the box."""
    return float((gradient * x + bound * np.abs(gradient)).sum())


def _factor(H: np.ndarray, scaling: np.ndarray) -> tuple[np.ndarray, bool]:
    """Cholesky factor of the scaled H + I, damped a little more where rounding made it indefinite."""
    damping = 0.0
    while True:
        damped = (H * scaling * scaling[:, None]).T  # symmetric; LAPACK works in place on columns
        largest = float(np.diagonal(damped).max())
        damped[np.diag_indices_from(damped)] += 1.0 + damping
        try:
            return scipy.linalg.cho_factor(damped, overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError:
            damping = max(10.0 * damping, 1e-15 * largest)
