"""One interface to every method: counted oracles, a budget, and a result that says what was checked."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optathlon.baselines.acceleration._checks import check_count, check_generator, check_point, check_positive
from optathlon.baselines.acceleration.carmon import accelerated_nonconvex, almost_convex_agd, negative_curvature_descent
from optathlon.baselines.acceleration.cubic import cubic_newton
from optathlon.baselines.acceleration.first_order import adaptive, gradient_descent, heavy_ball, nesterov
from optathlon.baselines.acceleration.guilty import convex_until_guilty
from optathlon.baselines.acceleration.oracle import (
    NotFinite,
    Oracle,
    OutOfCalls,
    Problem,
    Reached,
    Stuck,
    checked_value,
    checked_vector,
)
from optathlon.baselines.acceleration.perturbed import perturbed_agd
from optathlon.baselines.acceleration.practical import second_order
from optathlon.baselines.acceleration.restarted import restarted_agd
from optathlon.baselines.acceleration.rivals import lbfgs, newton_cg, trust_krylov

__all__ = ["METHODS", "Result", "minimize"]

METHODS: dict[str, Callable[..., Any]] = {
    method.__name__: method
    for method in (
        gradient_descent, heavy_ball, nesterov, adaptive, restarted_agd, perturbed_agd,
        negative_curvature_descent, almost_convex_agd, accelerated_nonconvex, convex_until_guilty, cubic_newton,
        lbfgs, newton_cg, trust_krylov, second_order,
    )
}  # fmt: skip
# These have converged only where their test of the curvature has been made to its end.
TEST_CURVATURE = (negative_curvature_descent, accelerated_nonconvex, cubic_newton, second_order)


@dataclass(frozen=True)
class Result:
    """Where a run ended, what it cost, and what was checked there.

    Attributes
    ----------
    x : numpy.ndarray (d,)
        The last iterate, or the best of the run where the oracles left the finite numbers.
    objective, gradient_norm : float
        Measured at `x` after the run, outside the count.
    smallest_eigenvalue : float
        The smallest Ritz value that the method found at `x`; NaN where it tested none.
    converged : bool
        The gradient at `x` is within `tol`, and, where the method tests it, the curvature is at least `-curvature_tol`. A method
        that never looks at curvature may have converged to a saddle: see `second_order`.
    second_order : bool
        `converged`, and the curvature was tested.
    curvature_tol : float
        As given, or 2 sqrt(L2 tol) as in Theorem 2.5; sqrt(tol) where the problem has no L2.
    n_gradients, n_hessian_products, n_values : int
        Oracle calls; the first two make `n_calls`.
    events : mapping
        What the method counts of itself: outer iterations, proximal steps, curvature steps, restarts.
    message : str
        Why the run ended.
    """

    x: np.ndarray
    objective: float
    gradient_norm: float
    smallest_eigenvalue: float
    converged: bool
    curvature_tol: float
    n_gradients: int
    n_hessian_products: int
    n_values: int
    events: Mapping[str, int] = field(default_factory=dict)
    message: str = ""

    @property
    def n_calls(self) -> int:
        """Gradients and Hessian products."""
        return self.n_gradients + self.n_hessian_products

    @property
    def second_order(self) -> bool:
        """Whether both inequalities of a second-order point were tested and hold."""
        return self.converged and not math.isnan(self.smallest_eigenvalue)


def minimize(
    method: str | Callable[..., Any],
    problem: Problem,
    x0: np.ndarray,
    *,
    tol: float = 1e-5,
    max_calls: int = 100_000,
    curvature_tol: float | None = None,
    rng: int | np.random.Generator | None = None,
    callback: Callable[[int, np.ndarray], Any] | None = None,
    watch: Callable[[int, np.ndarray, np.ndarray], Any] | None = None,
    **settings: Any,
) -> Result:
    """Minimise f until its gradient is within tol (eq. 1), by one of the methods of this package.

    Parameters
    ----------
    method : str or callable
        A name of `METHODS`, or a function ``method(oracle, x0, tol=..., rng=..., **settings)`` that calls `oracle.accept`
        at its iterates.
    problem : Problem
        Objective, gradient and Hessian product.
    x0 : array (d,)
        Where to start; not changed.
    tol : float
        Norm of the gradient to reach.
    max_calls : int
        Gradients and Hessian products allowed.
    curvature_tol : float, optional
        The smallest eigenvalue must be at least minus this, for methods that test it.
        2 sqrt(L2 tol) by default, sqrt(tol) without L2.
    rng : int, Generator or None
        Randomness: Lanczos starts, perturbations.
    callback : callable, optional
        ``callback(step, x)`` at each iterate.
    watch : callable, optional
        ``watch(n_calls, x, gradient)`` at each gradient that the method asks for: a trace that costs no call.
    **settings
        Of the method.

    Returns
    -------
    Result
        Not converging is said there, not raised.

    Raises
    ------
    ValueError
        Where an argument is not usable, where an oracle returns a wrong shape, or is not finite at x0.
    """
    run = _method(method)
    x = check_point("x0", x0)
    tol, max_calls = check_positive("tol", tol), check_count("max_calls", max_calls)
    if not isinstance(problem, Problem):
        raise ValueError(f"problem must be a Problem, got {type(problem).__name__}")
    if curvature_tol is None:
        curvature_tol = math.sqrt(tol) if problem.L2 is None else 2 * math.sqrt(problem.L2 * tol)
    else:
        curvature_tol = check_positive("curvature_tol", curvature_tol)
    if "curvature_tol" in inspect.signature(run).parameters:
        settings["curvature_tol"] = curvature_tol
    try:
        inspect.signature(run).bind(None, x, tol=tol, rng=rng, **settings)
    except TypeError as error:
        raise ValueError(f"settings must be those of {run.__name__}: {error}") from None
    _require_finite_start(problem, x)
    oracle = Oracle(problem, max_calls=max_calls, callback=callback, watch=watch)
    ended, message = False, ""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            run(oracle, x.copy(), tol=tol, rng=check_generator(rng), **settings)
        ended, message = True, "the method's own test is met"
    except OutOfCalls:
        message = f"max_calls = {max_calls} oracle calls are spent"
    except NotFinite as error:
        message = f"{error} after {oracle.n_calls} calls"
    except Stuck as error:
        message = str(error)
    except Reached:
        message = "a gradient within tol was seen"
    tested = ended or run not in TEST_CURVATURE
    return _result(oracle, x if oracle.x is None else oracle.x, tol, curvature_tol, tested, message)


def _method(method: str | Callable[..., Any]) -> Callable[..., Any]:
    if callable(method):
        return method
    if method not in METHODS:
        raise ValueError(f"method must be callable or one of {', '.join(METHODS)}, got {method!r}")
    return METHODS[method]


def _require_finite_start(problem: Problem, x: np.ndarray) -> None:
    """Refuse oracles that fail at x0, outside the count; each is handed a copy, for it may write into it."""
    try:
        value = checked_value(problem, x.copy())
        checked_vector("gradient", problem.gradient(x.copy()), x)
    except NotFinite as error:
        raise ValueError(f"x0 must be where the oracles are finite: {error} there") from None
    if math.isinf(value):
        raise ValueError(f"x0 must be where the oracles are finite: problem.objective returned {value} there")


def _result(oracle: Oracle, x: np.ndarray, tol: float, curvature_tol: float, tested: bool, message: str) -> Result:
    """Measure the end point outside the count."""
    try:
        objective = checked_value(oracle.problem, x.copy())
        norm = float(np.linalg.norm(checked_vector("gradient", oracle.problem.gradient(x.copy()), x)))
    except NotFinite:
        objective = norm = math.nan
    curvature = oracle.smallest_eigenvalue
    return Result(
        x=x,
        objective=objective,
        gradient_norm=norm,
        smallest_eigenvalue=curvature,
        converged=tested and norm <= tol and not curvature < -curvature_tol,
        curvature_tol=curvature_tol,
        n_gradients=oracle.n_gradients,
        n_hessian_products=oracle.n_hessian_products,
        n_values=oracle.n_values,
        events=dict(oracle.events),
        message=message,
    )
