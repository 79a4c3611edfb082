"""The regression methods of the leaderboard: adapters around `optathlon.baselines.binary_regression`.

Every method returns its last iterate, or a mean of iterates that is fixed beforehand; none picks the best one by a look at the
answer. Step sizes are the baselines' defaults, in units of the loss's curvature: one setting for all workloads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optathlon.spec import Context, Method
from optathlon.suites.binary_regression.problem import Answer, Regressions, Table

PAPER = "Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression"

Problem = Regressions | Table


def _watch(context: Context) -> Callable[[int, Any], None]:
    return lambda step, w: context.observe(step, Answer(w))


def _maximin(problem: Problem, context: Context, **settings: Any) -> Answer:
    from optathlon.baselines.binary_regression import maximin

    result = maximin(problem.X, problem.y, callback=_watch(context), **settings)
    return Answer(result.w, relaxed=result.iterate, dual=result.z)


def _relax(problem: Problem, context: Context, **settings: Any) -> Answer:
    from optathlon.baselines.binary_regression import semidefinite_relaxation

    results = [semidefinite_relaxation(X, y, rng=context.rng, **settings) for X, y in zip(problem.X, problem.y, strict=True)]
    return Answer(np.stack([result.w for result in results]), bound=np.array([result.bound for result in results]))


def run_least_squares(problem: Problem, context: Context) -> Answer:
    """Round the unconstrained solution."""
    from optathlon.baselines.binary_regression import least_squares

    return Answer(least_squares(problem.X, problem.y))


def run_least_deviations(problem: Problem, context: Context) -> Answer:
    """Round the unconstrained solution of least absolute deviations."""
    from optathlon.baselines.binary_regression import least_squares

    return Answer(least_squares(problem.X, problem.y, loss="l1"))


def run_box(problem: Problem, context: Context) -> Answer:
    """Round the solution in the box."""
    from optathlon.baselines.binary_regression import box_relaxation

    return Answer(box_relaxation(problem.X, problem.y, callback=_watch(context)))


def run_box_l1(problem: Problem, context: Context) -> Answer:
    """Round the least-absolute-deviations solution in the box."""
    from optathlon.baselines.binary_regression import box_relaxation

    return Answer(box_relaxation(problem.X, problem.y, loss="l1"))


def run_straight_through(problem: Problem, context: Context) -> Answer:
    """Straight-through estimator, last iterate."""
    from optathlon.baselines.binary_regression import straight_through

    return Answer(straight_through(problem.X, problem.y, callback=_watch(context)))


def run_straight_through_l1(problem: Problem, context: Context) -> Answer:
    """Straight-through estimator on the l1 loss, last iterate."""
    from optathlon.baselines.binary_regression import straight_through

    return Answer(straight_through(problem.X, problem.y, loss="l1", callback=_watch(context)))


def run_bop(problem: Problem, context: Context) -> Answer:
    """Bop, last iterate."""
    from optathlon.baselines.binary_regression import bop

    return Answer(bop(problem.X, problem.y, callback=_watch(context)))


def run_relaxation(problem: Problem, context: Context) -> Answer:
    """Semidefinite relaxation, signs of the top eigenvector."""
    return _relax(problem, context)


def run_relaxation_randomized(problem: Problem, context: Context) -> Answer:
    """Semidefinite relaxation, best of 100 randomised roundings."""
    return _relax(problem, context, rounding="randomized")


def run_exact(problem: Problem, context: Context) -> Answer:
    """Global minimiser by sphere decoding."""
    from optathlon.baselines.binary_regression import exact

    return Answer(np.stack([exact(X, y).w for X, y in zip(problem.X, problem.y, strict=True)]))


def run_maximin_gda(problem: Problem, context: Context) -> Answer:
    """Gradient descent-ascent, averaged iterate."""
    return _maximin(problem, context, optimizer="gda")


def run_maximin_ogda(problem: Problem, context: Context) -> Answer:
    """Optimistic gradient descent-ascent, last iterate."""
    return _maximin(problem, context, optimizer="ogda")


def run_maximin_extragradient(problem: Problem, context: Context) -> Answer:
    """Extragradient, last iterate."""
    return _maximin(problem, context, optimizer="extragradient")


def run_maximin_adam(problem: Problem, context: Context) -> Answer:
    """Adam with exponential decay, last iterate: the paper's choice."""
    return _maximin(problem, context, optimizer="adam", n_steps=3000)


def run_maximin_l1(problem: Problem, context: Context) -> Answer:
    """Gradient descent-ascent on the smoothed l1 loss, averaged iterate."""
    return _maximin(problem, context, loss="l1", n_steps=3000)


REGRESSION_METHODS = (
    Method(name="least-squares", run=run_least_squares, reference=f"{PAPER}, Section V (LR)"),
    Method(name="box-relaxation", run=run_box, settings={"tol": 1e-6}, reference=f"{PAPER}, Section V (LPR)"),
    Method(
        name="straight-through",
        run=run_straight_through,
        settings={"optimizer": "adam", "learning_rate": 0.01, "n_steps": 500, "answer": "last iterate"},
        reference=f"{PAPER}, Section V (STE)",
    ),
    Method(
        name="bop",
        run=run_bop,
        settings={"adaptivity": 0.1, "threshold": "0.1 L", "n_steps": 500, "answer": "last iterate"},
        reference="Helwegen et al., Latent weights do not exist, Algorithm 1",
    ),
    Method(
        name="semidefinite-relaxation",
        run=run_relaxation,
        settings={"solver": "low-rank", "rounding": "eigenvector", "tol": 1e-6},
        reference=f"{PAPER}, Section V (SDR)",
    ),
    Method(
        name="semidefinite-randomized",
        run=run_relaxation_randomized,
        settings={"solver": "low-rank", "rounding": "randomized", "n_roundings": 100, "tol": 1e-6},
        reference=f"{PAPER}, footnote 1",
    ),
    Method(name="exact", run=run_exact, reference="Jalden and Ottersten, On the complexity of sphere decoding"),
    Method(
        name="maximin-gda",
        run=run_maximin_gda,
        settings={"step_w": "0.5 / L", "step_z": "0.02 L", "n_steps": 1000, "answer": "mean of the last half"},
        reference=f"{PAPER}, eq. 2-4",
    ),
    Method(
        name="maximin-ogda",
        run=run_maximin_ogda,
        settings={"step_w": "0.25 / L", "step_z": "0.02 L", "n_steps": 1000, "answer": "last iterate"},
        reference=f"{PAPER}, eq. 2-4; Daskalakis and Panageas 2018",
    ),
    Method(
        name="maximin-extragradient",
        run=run_maximin_extragradient,
        settings={"step_w": "0.5 / L", "step_z": "0.025 L", "n_steps": 1000, "answer": "last iterate"},
        reference=f"{PAPER}, eq. 2-4; Korpelevich 1976",
    ),
    Method(
        name="maximin-adam",
        run=run_maximin_adam,
        settings={
            "learning_rate": "0.1 for w, 0.003 L for z",
            "decay": "to 0.01 and 0.1",
            "n_steps": 3000,
            "answer": "last iterate",
        },
        reference=f"{PAPER}, Section V",
    ),
    Method(
        name="maximin-l1",
        run=run_maximin_l1,
        settings={
            "smoothing": "0.5 sd",
            "step_w": "0.5 / L",
            "step_z": "0.02 L",
            "n_steps": 3000,
            "answer": "mean of the last half",
        },
        reference=f"{PAPER}, Section IV",
    ),
    Method(name="least-deviations", run=run_least_deviations, reference=f"{PAPER}, Section V (LR, L1)"),
    Method(name="box-relaxation-l1", run=run_box_l1, reference=f"{PAPER}, Section V (LPR, L1)"),
    Method(
        name="straight-through-l1",
        run=run_straight_through_l1,
        settings={"optimizer": "adam", "learning_rate": 0.01, "n_steps": 500, "smoothing": "0.5 sd", "answer": "last iterate"},
        reference=f"{PAPER}, Section V (STE, L1)",
    ),
)

METHODS = (*REGRESSION_METHODS,)
