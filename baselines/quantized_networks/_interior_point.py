"""A primal-dual interior point for the relaxations of quantised networks, whose every iterate proves a bound.

    primal   min_{P, N psd}  loss(yhat) + c r,   yhat = forward(P - N),
             diag(P + N) = r 1 (tied), or diag P = r_1 1, diag N = r_2 1 and c (r_1 + r_2) (split)
    dual     max_v  -loss*(-v),   diag(mu_1) - S(v) and diag(mu_2) + S(v) psd,  1'mu_1 = 1'mu_2 = c,
             mu_1 = mu_2 where tied

with the direction of Helmberg, Rendl, Vanderbei and Wolkowicz, Kojima, Shindoh and Hara, and Monteiro, and Mehrotra's corrector.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotri, dsyevd, dtrtrs

from optathlon.baselines.quantized_networks._datafits import Datafit
from optathlon.baselines.quantized_networks._measurements import Measurements, NotPositiveDefinite, cholesky

Array = NDArray[np.float64]

_MOST_STEPS = 80
_SHORTEST = 1e-9
_LEAST_START = 1e-4  # of the largest dual slack there may be: a tiny price would start at the boundary
_INSIDE = 0.98  # of the way to the boundary; less when far from the solution


class Point(NamedTuple):
    """The best pair of an interior-point run.

    Attributes
    ----------
    P, N : ndarray, shape (d, d)
        Positive semidefinite; M = P - N.
    v, mu : ndarray
        Dual variables and diagonals, mu of shape (d,) or (2d,).
    upper, lower : float
        Objective of (P, N) and value of v.
    steps : int
        Newton steps taken.
    """

    P: Array
    N: Array
    v: Array
    mu: Array
    upper: float
    lower: float
    steps: int

    def better(self, new: Point, steps: int) -> Point:
        """Return the better primal half and the better dual half."""
        primal, dual = (new if new.upper < self.upper else self), (new if new.lower > self.lower else self)
        return Point(primal.P, primal.N, dual.v, dual.mu, primal.upper, dual.lower, steps)


def interior_point(
    measurements: Measurements,
    datafit: Datafit,
    cost: float,
    d: int,
    *,
    tied: bool,
    tol: float,
    max_steps: int = _MOST_STEPS,
    callback: Callable[[int, Point], object] | None = None,
) -> Point:
    """Run until the gap of the best pair is `tol` of its objective, or rounding ends the progress."""
    P, N = np.eye(d), np.eye(d)
    level = max(cost / d, _LEAST_START * _spread(measurements, datafit.slope()))
    mu = np.full(d if tied else 2 * d, level)
    v = datafit.start(lambda v: _spread(measurements, v), 0.5 * level)
    datafit.centre(v, level)
    best = Point(P, N, v, mu, np.inf, -np.inf, 0)
    for step in range(max_steps + 1):
        S = measurements.adjoint(v)
        A1, A2 = np.diag(mu[:d]) - S, np.diag(mu[-d:]) + S
        try:
            L1, L2, K1, K2 = cholesky(A1), cholesky(A2), cholesky(P), cholesky(N)
        except NotPositiveDefinite:
            break
        best = best.better(_evaluate(measurements, datafit, cost, P, N, v, mu, tied), step)
        if callback is not None:
            callback(step, best)
        if best.upper - best.lower <= tol * abs(best.upper) or step == max_steps:
            break
        pairs = 2 * d + datafit.n_pairs
        product = float(np.vdot(P, A1) + np.vdot(N, A2)) + datafit.product(v)
        if not product > 0 or not np.isfinite(product):
            break
        tau = product / pairs
        G1, G2 = _inverse(L1), _inverse(L2)
        try:
            system = _System(measurements, datafit, P, N, G1, G2, v, cost - mu.reshape(-1, d).sum(axis=1))
        except NotPositiveDefinite:
            break
        # Predictor: aim at complementarity zero.
        dv, dmu, dP, dN, dA1, dA2 = system.direction(0.0, None)
        primal = min(1.0, _length(K1, dP), _length(K2, dN), datafit.length_primal(v, dv, 0.0, None))
        dual = min(1.0, _length(L1, dA1), _length(L2, dA2), datafit.length_dual(v, dv))
        ahead = float(np.vdot(P + primal * dP, A1 + dual * dA1) + np.vdot(N + primal * dN, A2 + dual * dA2))
        ahead += datafit.product_ahead(v, dv, primal, dual)
        centring = min(max(ahead / product, 0.0), 1.0)
        sigma = min(max(centring**3 if min(primal, dual) > 0.1 else 0.5, 1e-6), 0.9)
        # Corrector: aim at sigma tau, the predictor's second-order error taken along.
        affine = (dP, dN, dA1, dA2, dv)
        dv, dmu, dP, dN, dA1, dA2 = system.direction(sigma * tau, affine)
        if not np.isfinite(dv).all():
            break
        share = max(0.9, min(_INSIDE, 1 - sigma / 2)) if sigma > 1e-3 else _INSIDE
        primal = min(1.0, share * min(_length(K1, dP), _length(K2, dN), datafit.length_primal(v, dv, sigma * tau, affine[-1])))
        dual = min(1.0, share * min(_length(L1, dA1), _length(L2, dA2), datafit.length_dual(v, dv)))
        if max(primal, dual) < _SHORTEST:
            break
        P, N = P + primal * dP, N + primal * dN
        datafit.move(v, dv, primal, sigma * tau, affine[-1])
        v, mu = v + dual * dv, mu + dual * dmu
    return best


class _System:
    """The Newton system at a point, factored once for predictor and corrector.

    With R_1 = tau G_1 - sym(dP dA_1 G_1), R_2 alike: H dv + B dmu = target - forward(R_1 - R_2) and
    B'dv + E dmu + C rho = diag(R_1), diag(R_2), C'dmu = excess = c - C'mu.
    """

    def __init__(
        self, measurements: Measurements, datafit: Datafit, P: Array, N: Array, G1: Array, G2: Array, v: Array, excess: Array
    ) -> None:
        self.measurements, self.datafit, self.v, self.excess = measurements, datafit, v, excess
        self.tied = tied = len(excess) == 1
        self.P, self.N, self.G1, self.G2 = P, N, G1, G2
        d = len(P)
        first, second = measurements.slopes(P, G1), measurements.slopes(N, G2)
        E = np.zeros((2 * d, 2 * d))
        if tied:
            self.B, E, self.C = second - first, P * G1 + N * G2, np.ones((d, 1))
        else:
            self.B, self.C = np.hstack([-first, second]), np.kron(np.eye(2), np.ones((d, 1)))
            E[:d, :d], E[d:, d:] = P * G1, N * G2
        self.solve = measurements.newton(datafit.curvature(v), P, G1, N, G2)
        self.HB = self.solve(self.B)
        k = len(E) + self.C.shape[1]
        self.inner = np.zeros((k, k))
        self.inner[: len(E), : len(E)] = E - self.B.T @ self.HB
        self.inner[: len(E), len(E) :], self.inner[len(E) :, : len(E)] = self.C, self.C.T

    def direction(self, tau: float, affine: tuple[Array, ...] | None) -> tuple[Array, Array, Array, Array, Array, Array]:
        d = len(self.P)
        R1, R2 = tau * self.G1, tau * self.G2
        if affine is not None:
            R1 = R1 - _symmetric(affine[0] @ affine[2] @ self.G1)
            R2 = R2 - _symmetric(affine[1] @ affine[3] @ self.G2)
        right = self.datafit.target(self.v, tau, None if affine is None else affine[4]) - self.measurements.forward(R1 - R2)
        below = np.diagonal(R1) + np.diagonal(R2) if self.tied else np.concatenate([np.diagonal(R1), np.diagonal(R2)])
        k = len(below)
        try:
            dmu = np.linalg.solve(self.inner, np.append(below - self.HB.T @ right, self.excess))[:k]
        except np.linalg.LinAlgError:
            dmu = np.linalg.lstsq(self.inner, np.append(below - self.HB.T @ right, self.excess))[0][:k]
        dv = self.solve(right) - self.HB @ dmu
        dS = self.measurements.adjoint(dv)
        dA1, dA2 = np.diag(dmu[:d]) - dS, np.diag(dmu[-d:]) + dS
        dP = R1 - self.P - _symmetric(self.P @ dA1 @ self.G1)
        dN = R2 - self.N - _symmetric(self.N @ dA2 @ self.G2)
        return dv, dmu, dP, dN, dA1, dA2


def _evaluate(
    measurements: Measurements, datafit: Datafit, cost: float, P: Array, N: Array, v: Array, mu: Array, tied: bool
) -> Point:
    """Return the point with its objective, at the best multiple of (P, N), and its bound."""
    if tied:
        price = cost * float((np.diagonal(P) + np.diagonal(N)).max())
    else:
        P, N = pad(P), pad(N)
        price = cost * (P[0, 0] + N[0, 0])
    fitted = measurements.forward(P - N)
    scale = datafit.best_multiple(fitted, price)
    inside = min(1.0, cost / float(mu.reshape(-1, len(P)).sum(axis=1).max()))  # the dual point may cost too much at first
    v, mu = inside * v, inside * mu
    return Point(scale * P, scale * N, v, mu, datafit.loss(scale * fitted) + scale * price, datafit.value(v), 0)


def _spread(measurements: Measurements, v: Array) -> float:
    """Return the largest magnitude of an eigenvalue of S(v)."""
    return float(np.abs(np.linalg.eigvalsh(measurements.adjoint(v))).max(initial=0.0))


def pad(P: Array) -> Array:
    """Return P with its diagonal raised to the largest entry."""
    diagonal = np.diagonal(P)
    return P + np.diag(diagonal.max() - diagonal)


def _inverse(L: Array) -> Array:
    inverse = dpotri(L, lower=1)[0]
    return np.tril(inverse) + np.tril(inverse, -1).T


def _symmetric(A: Array) -> Array:
    return 0.5 * (A + A.T)


def _length(L: Array, change: Array) -> float:
    """Return the largest step that keeps LL' + step change positive semidefinite; infinite where every one does."""
    half = dtrtrs(L, change, lower=1)[0]
    values = dsyevd(dtrtrs(L, half.T, lower=1)[0], compute_v=0)[0]
    return float(-1 / values[0]) if values[0] < 0 else np.inf
