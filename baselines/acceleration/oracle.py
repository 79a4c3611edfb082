"""The problem as oracles, and the oracle that counts: what every method of this package works on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from optathlon.baselines.acceleration._checks import check_positive

__all__ = ["NotFinite", "Oracle", "OutOfCalls", "Problem", "Reached", "Stuck", "norm"]


@dataclass(frozen=True)
class Problem:
    """A smooth function to minimise, min f(x) over x in R^d (eq. 1).

    Attributes
    ----------
    objective : callable
        ``objective(x) -> float``.
    gradient : callable
        ``gradient(x) -> (d,)``.
    hessian_product : callable
        ``hessian_product(x, v) -> (d,)``, the Hessian at x times v.
    L1, L2 : float, optional
        Lipschitz constants of gradient and Hessian; methods that need one refuse a problem without it.
    lower_bound : float, optional
        A number that f never falls below; the methods of Carmon and others need f(x_1) - inf f at most some Delta_f.
    dense_hessian : callable, optional
        ``dense_hessian(x) -> (d, d)``, where that costs less than d products. No method calls it: it is for tests from outside.
    """

    objective: Callable[[np.ndarray], float]
    gradient: Callable[[np.ndarray], np.ndarray]
    hessian_product: Callable[[np.ndarray, np.ndarray], np.ndarray]
    L1: float | None = None
    L2: float | None = None
    lower_bound: float | None = None
    dense_hessian: Callable[[np.ndarray], np.ndarray] | None = None

    def __post_init__(self) -> None:
        for name in ("objective", "gradient", "hessian_product"):
            if not callable(getattr(self, name)):
                raise ValueError(f"problem.{name} must be callable, got {getattr(self, name)!r}")
        for name in ("L1", "L2"):
            if getattr(self, name) is not None:
                check_positive(f"problem.{name}", getattr(self, name))

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Return the dense Hessian (d, d) at x: `dense_hessian`, or else d products."""
        if self.dense_hessian is not None:
            return self.dense_hessian(x)
        columns = np.array([self.hessian_product(x, e) for e in np.eye(len(x))])
        return (columns + columns.T) / 2

    def smallest_eigenvalue(self, x: np.ndarray) -> float:
        """Return the smallest eigenvalue of the dense Hessian at x."""
        return float(np.linalg.eigvalsh(self.hessian(x))[0])


class OutOfCalls(Exception):
    """The budget of oracle calls is spent."""


class NotFinite(Exception):
    """An oracle left the finite numbers."""


class Stuck(Exception):
    """A method cannot go on where its own test is not met; the message says why."""


class Reached(Exception):
    """A gradient within `Oracle.stop_at` was seen: how a library's loop is left at once."""


class Oracle:
    """A problem whose oracles count their calls, check what they return and stop when the budget is spent.

    A call is a gradient or a Hessian product. Objective values are counted apart. Methods name their iterates by `accept`.

    Parameters
    ----------
    problem : Problem
        What is minimised.
    max_calls : int
        Gradients and Hessian products that may be asked for; the next one raises `OutOfCalls`.
    callback : callable, optional
        ``callback(step, x)`` at each accepted iterate.
    watch : callable, optional
        ``watch(n_calls, x, gradient)`` at each gradient.

    Attributes
    ----------
    n_gradients, n_hessian_products, n_values : int
        Calls so far.
    events : collections.Counter
        What a method counts of itself: outer iterations, proximal steps, curvature steps, restarts.
    x : numpy.ndarray or None
        The last accepted iterate.
    smallest_eigenvalue : float
        The smallest Ritz value at `x`, where the method has tested it; NaN otherwise.
    stop_at : float
        Where positive, a gradient of this norm ends the run by `Reached` with that point accepted.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        max_calls: int,
        callback: Callable[[int, np.ndarray], Any] | None = None,
        watch: Callable[[int, np.ndarray, np.ndarray], Any] | None = None,
    ) -> None:
        self.problem, self.max_calls, self.callback, self.watch = problem, max_calls, callback, watch
        self.n_gradients = self.n_hessian_products = self.n_values = self.n_steps = 0
        self.events: Counter[str] = Counter()
        self.x: np.ndarray | None = None
        self.smallest_eigenvalue = math.nan
        self.stop_at = 0.0

    @property
    def n_calls(self) -> int:
        """Gradients and Hessian products so far."""
        return self.n_gradients + self.n_hessian_products

    def objective(self, x: np.ndarray) -> float:
        """Return f(x), +inf where it overflows; a NaN ends the run."""
        self.n_values += 1
        return checked_value(self.problem, x)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient at x, one call."""
        self._spend()
        self.n_gradients += 1
        g = checked_vector("gradient", self.problem.gradient(x), x)
        if self.watch is not None:
            self.watch(self.n_calls, x.copy(), g.copy())
        if self.stop_at and norm(g) <= self.stop_at:
            self.accept(x)
            raise Reached
        return g

    def hessian_product(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return the Hessian at x times v, one call."""
        self._spend()
        self.n_hessian_products += 1
        return checked_vector("hessian_product", self.problem.hessian_product(x, v), x)

    def accept(self, x: np.ndarray) -> None:
        """Make x the iterate that a run returns if it ends here."""
        self.x, self.smallest_eigenvalue = x.copy(), math.nan
        if self.callback is not None:
            self.callback(self.n_steps, self.x.copy())
        self.n_steps += 1

    def constant(self, name: str, given: float | None = None) -> float:
        """Return L1 or L2: as given to the method, or else the problem's."""
        value = getattr(self.problem, name) if given is None else given
        if value is None:
            raise ValueError(f"{name} must be given, to the method or as problem.{name}: the method takes its steps from it")
        return check_positive(name, value)

    def gap(self, x: np.ndarray) -> float:
        """Return Delta_f = f(x) - inf f, from the problem's lower bound."""
        if self.problem.lower_bound is None:
            raise ValueError("problem.lower_bound must be given: the method needs Delta_f = f(x0) - inf f")
        return max(self.objective(x) - self.problem.lower_bound, np.finfo(float).tiny)

    def _spend(self) -> None:
        if self.n_calls >= self.max_calls:
            raise OutOfCalls


def norm(g: np.ndarray) -> float:
    """Return |g|, as `numpy.linalg.norm` does in a quarter of its time: it is asked at every call of short vectors."""
    return math.sqrt(g @ g)


def checked_value(problem: Problem, x: np.ndarray) -> float:
    """Return f(x) as a float; ValueError for anything but one number, `NotFinite` for NaN and -inf."""
    value = np.asarray(problem.objective(x))
    if value.size != 1 or value.dtype.kind not in "biuf":
        raise ValueError(f"problem.objective must return one real number, got {value.dtype} of shape {value.shape}")
    number = float(value.reshape(()))
    if math.isnan(number) or number == -math.inf:
        raise NotFinite(f"problem.objective returned {number}")
    return number


def checked_vector(name: str, vector: Any, x: np.ndarray) -> np.ndarray:
    """Return what an oracle gave as float64; ValueError for a wrong shape, `NotFinite` for NaN or infinity."""
    array = np.asarray(vector)
    if array.shape != x.shape or array.dtype.kind not in "biuf":
        raise ValueError(f"problem.{name} must return real numbers of shape {x.shape}, got {array.dtype} of shape {array.shape}")
    copy = np.array(array, dtype=np.float64)
    # The square is finite where all entries are, unless it overflows: the cheap test first.
    if not math.isfinite(np.vdot(copy, copy)) and not np.isfinite(copy).all():
        raise NotFinite(f"problem.{name} returned {int((~np.isfinite(copy)).sum())} NaN or infinite entries")
    return copy
