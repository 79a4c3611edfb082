"""The relaxation in its own units, the choice of a solver for it, and the proof of what a solver says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from optathlon.baselines.quantized_networks._datafits import Hinges, Squares
from optathlon.baselines.quantized_networks._interior_point import interior_point, pad
from optathlon.baselines.quantized_networks._low_rank import low_rank_squares
from optathlon.baselines.quantized_networks._measurements import NotPositiveDefinite, Reduced, Samples, cholesky
from optathlon.baselines.quantized_networks._screened_hinge import screened_hinge

Array = NDArray[np.float64]
Watch = Callable[[int, tuple[float, float]], object] | None

_SCREENED_FROM = 600  # samples; below, all dual variables at once are as quick
_LOW_RANK_FROM = 40  # features; below, the interior point is quicker
_LARGEST_FACTOR = 24  # columns of U and of V
_EPS = float(np.finfo(np.float64).eps)
_WELL_CONDITIONED = 1e-4  # ratio of the pivots of a Cholesky factor


@dataclass(frozen=True)
class Relaxation:
    """min loss + cost r with X and y of root mean square about 1.

    Attributes
    ----------
    X, y : ndarray
        Data, divided by `x_unit` and `y_unit`, powers of two.
    cost : float
        Price of r, which is diag(P + N) where `tied`, else the sum of the constant diagonals of P and N.
    loss, form : str
        As given.
    """

    X: Array
    y: Array
    cost: float
    x_unit: float
    y_unit: float
    loss: str
    form: str

    @classmethod
    def of(cls, X: Array, y: Array, beta: float, loss: str, form: str) -> Relaxation:
        """Scale a problem."""
        x_unit, y_unit = _unit(X), _unit(y) if loss == "squared" else 1.0
        cost = (0.5 if form == "bilinear-printed" else 1.0) * X.shape[1] * (beta / y_unit / x_unit / x_unit)
        return cls(X / x_unit, y / y_unit, min(max(cost, 1e-200), 1e200), x_unit, y_unit, loss, form)

    @property
    def tied(self) -> bool:
        """Whether P and N share their diagonal's multiplier."""
        return self.form != "quadratic"

    @property
    def unit(self) -> float:
        """Unit of the objective."""
        return self.y_unit**2 if self.loss == "squared" else 1.0

    def in_units(self, P: Array) -> Array:
        """Return P or N in the units of the data."""
        return P * (self.y_unit / self.x_unit**2)

    def dual_in_units(self, v: Array) -> Array:
        """Return v in the units of the data."""
        return v * self.y_unit

    def diagonal_in_units(self, mu: Array) -> Array:
        """Return mu in the units of the data."""
        return mu * (self.y_unit * self.x_unit**2)

    def datafit(self) -> Squares | Hinges:
        """Return the loss of the predictions."""
        return Squares(self.y) if self.loss == "squared" else Hinges(self.y)

    @property
    def order(self) -> int:
        """Entries p of a symmetric matrix."""
        return self.X.shape[1] * (self.X.shape[1] + 1) // 2

    def prefers_low_rank(self) -> bool:
        """Whether factors are quicker than the interior point."""
        n, d = self.X.shape
        if not self.tied or n <= self.order:
            return False
        return n >= _SCREENED_FROM if self.loss == "hinge" else n >= 1.5 * self.order and d >= _LOW_RANK_FROM

    def objective(self, P: Array, N: Array) -> float:
        """Return the objective of a feasible pair."""
        price = float((np.diagonal(P) + np.diagonal(N)).max()) if self.tied else float(P[0, 0] + N[0, 0])
        return self.datafit().loss(Samples(self.X).forward(P - N)) + self.cost * price


class Solved(NamedTuple):
    """A primal and a dual point of a relaxation with their values, in its units."""

    P: Array
    N: Array
    v: Array
    mu: Array
    upper: float
    lower: float
    steps: int

    @classmethod
    def nothing(cls, problem: Relaxation) -> Solved:
        """Return M = 0 and v = 0."""
        d = problem.X.shape[1]
        zero = np.zeros((d, d))
        mu = np.full(d if problem.tied else 2 * d, problem.cost / d)
        v = np.zeros(len(problem.y))
        return cls(zero, zero, v, mu, problem.objective(zero, zero), 0.0, 0)

    @property
    def gap(self) -> float:
        """Gap relative to the objective."""
        return (self.upper - self.lower) / self.upper if self.upper > 0 else 0.0

    def better(self, other: Solved) -> Solved:
        """Return the better primal and the better dual half."""
        primal, dual = min(other, self, key=lambda one: one.upper), max(other, self, key=lambda one: one.lower)
        return Solved(primal.P, primal.N, dual.v, dual.mu, primal.upper, dual.lower, self.steps + other.steps)


def certify(problem: Relaxation, solved: Solved) -> Solved:
    """Value both points again from the samples themselves, the dual one drawn to v = 0 until Cholesky factors prove it feasible.

    The network of no neurons and v = 0 are points as well: a bound is never negative. What rounding can have added to S, to a
    factorisation and to the value is taken off, so that the bound holds in exact arithmetic.
    """
    d = problem.X.shape[1]
    P, N = (solved.P, solved.N) if problem.tied else (pad(solved.P), pad(solved.N))
    nothing = Solved.nothing(problem)
    solved = solved._replace(P=P, N=N, upper=problem.objective(P, N))
    v = np.clip(solved.v * problem.y, 0.0, 1.0) * problem.y if problem.loss == "hinge" else solved.v
    for short in (0.0, 1e-14, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1):
        scaled, mixed = (1 - short) * v, (1 - short) * solved.mu + short * problem.cost / d
        mu = np.concatenate([_within(half, problem.cost) for half in np.split(mixed, len(mixed) // d)])
        if _is_feasible(problem.X, scaled, mu):
            proved = solved._replace(v=scaled, mu=mu, lower=_proved_value(problem, scaled))
            return proved.better(nothing)._replace(steps=solved.steps)
    return solved._replace(v=nothing.v, mu=nothing.mu, lower=0.0).better(nothing)._replace(steps=solved.steps)


def _within(mu: Array, cost: float) -> Array:
    """Return mu with a sum of at most `cost`, each entry lowered by the same share of its magnitude."""
    size = float(np.abs(mu).sum())
    excess = float(mu.sum()) - cost + (len(mu) + 4) * _EPS * (size + cost)
    return mu - max(excess / size, 0.0) * np.abs(mu) if size > 0 else mu


def _is_feasible(X: Array, v: Array, mu: Array) -> bool:
    """Tell whether diag(mu_1) - S and diag(mu_2) + S are positive semidefinite, S = sum_i v_i x_i x_i', whatever was rounded.

    An error E with |E_ij| <= c t_i t_j is at most c d diag(t^2). That of the sum, in extended precision, has t^2 = sum
    |v_i| x_i^2;
    those of rounding a matrix to float64 and of its Cholesky factorisation have its diagonal.
    """
    n, d = X.shape
    wide = X.astype(np.longdouble)
    S = (wide * v[:, None]).T @ wide
    summed = float(np.finfo(np.longdouble).eps) * ((n + 4) * d * (np.abs(v) @ X**2) + 4 * np.abs(mu[:d]) + 4 * np.abs(mu[-d:]))
    for A in (np.diag(mu[:d]) - S, np.diag(mu[-d:]) + S):
        A = A.astype(np.float64)
        A[np.diag_indices(d)] -= summed + 2 * d * (d + 3) * _EPS * np.abs(np.diagonal(A))
        try:
            cholesky(A)
        except NotPositiveDefinite:
            return False
    return True


def _proved_value(problem: Relaxation, v: Array) -> float:
    """Return the value of a dual point less what rounding can have added to it."""
    size = float(np.abs(v * problem.y).sum()) + (0.25 * float(v @ v) if problem.loss == "squared" else 0.0)
    return problem.datafit().value(v) - (len(v) + 4) * _EPS * size


def at_zero(problem: Relaxation) -> Solved | None:
    """Return the network of no neurons where a diagonal of equal entries proves that it is optimal."""
    d = problem.X.shape[1]
    v = 2 * problem.y if problem.loss == "squared" else problem.y
    if np.abs(np.linalg.eigvalsh(Samples(problem.X).adjoint(v))).max() >= problem.cost / d * (1 - 1e-12):
        return None
    nothing = Solved.nothing(problem)
    return nothing._replace(v=v, lower=problem.datafit().value(v))


def solve_interior(problem: Relaxation, tol: float, max_memory: int, watch: Watch) -> Solved:
    """Solve by the interior point, in the space of the samples or, for squares and n > p, of the matrix M."""
    trivial = at_zero(problem)
    if trivial is not None:
        return trivial
    n, d = problem.X.shape
    reduced = problem.loss == "squared" and n > problem.order
    size = problem.order if reduced else n
    needed = 8 * (4 * size**2 + (n * problem.order if reduced else 0))
    if needed > max_memory:
        raise ValueError(
            f"max_memory must be at least {needed} bytes for a Schur complement of order {size} (n = {n}, d = {d}), "
            f"got {max_memory}; solver='low-rank' needs none of that size"
        )
    callback = _in_units(watch, problem.unit)
    if not reduced:
        point = interior_point(
            Samples(problem.X), problem.datafit(), problem.cost, d, tied=problem.tied, tol=tol, callback=callback
        )
        return Solved(*point)
    measurements, target, lift, rest = _reduce(problem.X, problem.y)
    datafit = Squares(target, float(rest @ rest))
    point = interior_point(measurements, datafit, problem.cost, d, tied=problem.tied, tol=tol, callback=callback)
    return Solved(*point)._replace(v=lift(point.v) + 2 * rest)


def solve_low_rank(problem: Relaxation, tol: float, rng: np.random.Generator, watch: Watch) -> Solved:
    """Solve by factors: L-BFGS with certificates for squares, the screened interior point for hinges."""
    trivial = at_zero(problem)
    if trivial is not None:
        return trivial
    d = problem.X.shape[1]
    k = min(max(d // 2, min(d, 4)), _LARGEST_FACTOR)
    callback = _in_units(watch, problem.unit)
    if problem.loss == "hinge":
        return Solved(*screened_hinge(problem.X, problem.y, problem.cost, k, tol=0.5 * tol, rng=rng, callback=callback))
    return Solved(*low_rank_squares(problem.X, problem.y, problem.cost, k, tol=0.5 * tol, rng=rng, callback=callback))


def _in_units(watch: Watch, unit: float) -> Callable[[int, Any], object] | None:
    """Return a callback on points that hands their values to `watch`."""
    return None if watch is None else lambda step, point: watch(step, (unit * point.upper, unit * point.lower))


def _reduce(X: Array, y: Array) -> tuple[Reduced, Array, Callable[[Array], Array], Array]:
    """Factor the rows svec(x_i x_i') as Q F: return F, Q'y, the map w -> Qw, and y - QQ'y."""
    d = X.shape[1]
    rows, columns = np.triu_indices(d)
    Phi = X[:, rows] * X[:, columns]
    Phi *= np.where(rows == columns, 1.0, np.sqrt(2.0))
    try:
        F = np.asfortranarray(cholesky(Phi.T @ Phi).T)
        pivots = np.diagonal(F)
        well = pivots.min() > _WELL_CONDITIONED * pivots.max()
    except NotPositiveDefinite:
        well = False
    if well:

        def lift(w: Array) -> Array:
            return Phi @ scipy.linalg.solve_triangular(F, w)

        def lower(y: Array) -> Array:
            return scipy.linalg.solve_triangular(F, Phi.T @ y, trans="T")

        target = lower(y)
        rest = y - lift(target)
        correction = lower(rest)
        return Reduced(F, d, triangular=True), target + correction, lift, rest - lift(correction)
    Q, R, order = scipy.linalg.qr(Phi, mode="economic", pivoting=True)
    pivots = np.abs(np.diagonal(R))
    rank = max(int(np.count_nonzero(pivots > 1e-12 * pivots[0])), 1)
    F, Q = np.empty((rank, len(rows))), Q[:, :rank]
    F[:, order] = R[:rank]
    target = Q.T @ y
    rest = y - Q @ target
    correction = Q.T @ rest
    return Reduced(F, d, triangular=False), target + correction, lambda w: Q @ w, rest - Q @ correction


def _unit(values: Array) -> float:
    """Return the root mean square as a power of two, by which scaling is exact; 1 for zeros."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0:
        return 1.0
    return float(2.0 ** np.round(np.log2(largest * np.sqrt(np.mean((values / largest) ** 2)))))
