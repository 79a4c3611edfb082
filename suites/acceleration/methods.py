"""The rows of the board: adapters around `optathlon.baselines.acceleration`. One name is one setting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optathlon.baselines.acceleration import Training, minimize, momenta, polyak
from optathlon.spec import Context, Method
from optathlon.suites.acceleration.problem import Descent, Momentum

REPORT = "Long, Ren, Yang, Accelerated Methods for Non-Convex Optimization in Machine Learning"


@dataclass(frozen=True, eq=False)
class Answer:
    """Where a run ended and what it met on the way.

    Attributes
    ----------
    x : numpy.ndarray (d,)
        Where it ended.
    converged : bool
        The method's own test is met.
    calls, gradients, products, values : int
        Oracle calls until the method ended, in all and by kind; values are not calls.
    small : list of (int, numpy.ndarray)
        Calls so far and the point, wherever the method evaluated a gradient within the tolerance.
    norms : list of (int, float)
        Calls so far and the smallest gradient norm so far, whenever that fell.
    iterates : list of numpy.ndarray
        The accepted iterates, where the method is a theorem's subject.
    events : mapping
        What the method counts of itself.
    """

    x: np.ndarray
    converged: bool
    calls: int
    gradients: int
    products: int
    values: int
    small: list[tuple[int, np.ndarray]]
    norms: list[tuple[int, float]]
    iterates: list[np.ndarray]
    events: Mapping[str, int] = field(default_factory=dict)


def run_minimizer(descent: Descent, context: Context, *, minimizer: str, keep_iterates: bool = False, **settings: Any) -> Answer:
    """Run one of `minimize`'s methods."""
    small: list[tuple[int, np.ndarray]] = []
    norms: list[tuple[int, float]] = []
    iterates: list[np.ndarray] = []

    def watch(calls: int, x: np.ndarray, gradient: np.ndarray) -> None:
        norm = math.sqrt(gradient @ gradient)
        if norm <= descent.tol:
            small.append((calls, x))
        if not norms or norm < norms[-1][1]:
            norms.append((calls, norm))

    result = minimize(
        minimizer,
        descent.problem,
        descent.x0,
        tol=descent.tol,
        max_calls=descent.max_calls,
        rng=context.rng,
        watch=watch,
        callback=(lambda _, x: iterates.append(x)) if keep_iterates else None,
        **settings,
    )
    return Answer(
        result.x,
        result.converged,
        result.n_calls,
        result.n_gradients,
        result.n_hessian_products,
        result.n_values,
        small,
        norms,
        iterates,
        result.events,
    )


def run_with_scaled_l2(descent: Descent, context: Context, *, share: float) -> Answer:
    """Run Algorithm 4 with a share of L2: more than the theorem allows."""
    assert descent.problem.L2 is not None
    return run_minimizer(descent, context, minimizer="accelerated_nonconvex", L2=share * descent.problem.L2)


def run_almost_convex(descent: Descent, context: Context) -> Answer:
    """Run Algorithm 3 with gamma = 3 sqrt(L2 tol), and not below what makes f almost convex, as its workload guarantees."""
    return run_minimizer(descent, context, minimizer="almost_convex_agd", keep_iterates=True)


def run_curvature_descent(descent: Descent, context: Context) -> Answer:
    """Run Algorithm 1 with alpha = sqrt(L2 tol)."""
    return run_minimizer(descent, context, minimizer="negative_curvature_descent", keep_iterates=True)


def run_polyak(problem: Momentum, context: Context, *, momentum: str, steps: float = 1.0) -> Training:
    """Train with Polyak's beta as `momentum` says, and `steps` times the theorem's step."""
    beta = 0.0 if momentum == "none" else momenta(problem.kappa)[momentum]
    return polyak(problem.network, step=steps * problem.step, momentum=beta, max_steps=problem.max_steps)


def _row(name: str, reference: str, minimizer: str, **settings: Any) -> Method:
    return Method(name=name, run=run_minimizer, settings={"minimizer": minimizer, **settings}, reference=reference)


CARMON = f"{REPORT}, Algorithm 4, after Carmon, Duchi, Hinder, Sidford (2018)"
MINIMIZERS = (
    _row("gradient-descent", f"{REPORT}, Table 1", "gradient_descent"),
    _row("heavy-ball-0.9", "Polyak (1964)", "heavy_ball", momentum=0.9),
    _row("heavy-ball-0.97-restart", "Polyak (1964), gradient restart", "heavy_ball", momentum=0.97, restart=True),
    _row("nesterov", "Nesterov (1983), without restart", "nesterov", restart=False),
    _row("nesterov-restart", "O'Donoghue, Candes (2015), eq. 13", "nesterov"),
    _row("adaptive", "Malitsky, Mishchenko (2020), Algorithm 1", "adaptive"),
    _row("carmon", CARMON, "accelerated_nonconvex"),
    Method(name="carmon-l2-0.1", run=run_with_scaled_l2, settings={"share": 0.1}, reference=f"{CARMON}, a tenth of L2"),
    _row("convex-until-guilty", "Carmon, Duchi, Hinder, Sidford (2017), Algorithms 1 to 3", "convex_until_guilty"),
    _row("restarted-agd", "Li, Lin (2022), Algorithm 1", "restarted_agd"),
    _row("perturbed-agd", "Jin, Netrapalli, Jordan (2018), Algorithm 2, chi = c = 1", "perturbed_agd"),
    _row("cubic-newton", "Nesterov, Polyak (2006), exact steps", "cubic_newton"),
    _row("lbfgs", "scipy.optimize.minimize, L-BFGS-B", "lbfgs"),
    _row("newton-cg", "scipy.optimize.minimize, Newton-CG", "newton_cg"),
    _row("trust-krylov", "scipy.optimize.minimize, trust-krylov", "trust_krylov"),
    _row("second-order", "ours: L-BFGS with d pairs, Lanczos test, step along negative curvature", "second_order"),
)
THEORY = (
    Method(name="curvature-descent", run=run_curvature_descent, reference=f"{REPORT}, Algorithm 1"),
    Method(name="almost-convex-agd", run=run_almost_convex, reference=f"{REPORT}, Algorithm 3"),
)
NETWORKS = (
    Method(name="descent", run=run_polyak, settings={"momentum": "none"}, reference=f"{REPORT}, section 3"),
    Method(
        name="polyak-proved",
        run=run_polyak,
        settings={"momentum": "proved"},
        reference="Wang, Lin, Abernethy (2021), Theorems 1 and 2: beta = (1 - 1/(2 sqrt kappa))^2",
    ),
    Method(
        name="polyak-printed",
        run=run_polyak,
        settings={"momentum": "printed"},
        reference=f"{REPORT}, Theorem 3.1: beta = (1 - 1/(2 kappa))^2",
    ),
    Method(name="polyak-tuned", run=run_polyak, settings={"momentum": "tuned"}, reference="Polyak (1964): (1 - 1/sqrt kappa)^2"),
    Method(
        name="descent-twice",
        run=run_polyak,
        settings={"momentum": "none", "steps": 2.0},
        reference=f"{REPORT}, section 3, twice the step",
    ),
    Method(
        name="polyak-proved-twice",
        run=run_polyak,
        settings={"momentum": "proved", "steps": 2.0},
        reference=f"{REPORT}, Theorem 3.2, twice the step",
    ),
)
METHODS = (*MINIMIZERS, *THEORY, *NETWORKS)
