"""The regression methods of the leaderboard: adapters around `optathlon.baselines.binary_regression`.

Every method returns its last iterate, or a mean of iterates that is fixed beforehand; none picks the best one by a look at the
answer. Step sizes are the baselines' defaults, in units of the loss's curvature: one setting for all workloads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from optathlon.spec import Context, Method
from optathlon.suites.binary_regression.problem import Answer, Regressions, Robust, Table

PAPER = "Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression"

Problem = Regressions | Table


def _watch(context: Context) -> Callable[[int, Any], None]:
    return lambda step, w: context.observe(step, Answer(w))


def _each(problem: Problem, solve: Callable[[Any, Any], Any]) -> np.ndarray:
    """Stack the weights that `solve` finds for every trial."""
    return np.stack([solve(X, y).w for X, y in zip(problem.X, problem.y, strict=True)])


def run_maximin(problem: Problem, context: Context, **settings: Any) -> Answer:
    """Descent-ascent on the Lagrangian."""
    from optathlon.baselines.binary_regression import maximin

    result = maximin(problem.X, problem.y, rng=context.rng, callback=_watch(context), **settings)
    return Answer(result.w, relaxed=result.iterate, dual=result.z)


def run_relaxation(problem: Problem, context: Context, **settings: Any) -> Answer:
    """Semidefinite relaxation, rounded."""
    from optathlon.baselines.binary_regression import semidefinite_relaxation

    results = [semidefinite_relaxation(X, y, rng=context.rng, **settings) for X, y in zip(problem.X, problem.y, strict=True)]
    return Answer(np.stack([result.w for result in results]), bound=np.array([result.bound for result in results]))


def run_least_squares(problem: Problem, context: Context, loss: str = "l2") -> Answer:
    """Round the unconstrained solution."""
    from optathlon.baselines.binary_regression import least_squares

    return Answer(least_squares(problem.X, problem.y, loss=loss))


def run_box(problem: Problem, context: Context, flips: bool = False, **settings: Any) -> Answer:
    """Round the solution in the box, and flip single signs where asked."""
    from optathlon.baselines.binary_regression import box_relaxation, flip_descent

    result = box_relaxation(problem.X, problem.y, callback=_watch(context), **settings)
    return Answer(flip_descent(problem.X, problem.y, result.w).w if flips else result.w)


def run_box_huber(problem: Robust, context: Context) -> Answer:
    """Round the solution in the box for the workload's Huber loss; its bound is the dual optimum d*."""
    from optathlon.baselines.binary_regression import box_relaxation

    result = box_relaxation(problem.X, problem.y, loss="huber", delta=problem.delta)
    return Answer(result.w, huber_bound=result.bound)


def run_straight_through(problem: Problem, context: Context, **settings: Any) -> Answer:
    """Straight-through estimator."""
    from optathlon.baselines.binary_regression import straight_through

    return Answer(straight_through(problem.X, problem.y, callback=_watch(context), **settings))


def run_bop(problem: Problem, context: Context, **settings: Any) -> Answer:
    """Bop."""
    from optathlon.baselines.binary_regression import bop

    return Answer(bop(problem.X, problem.y, callback=_watch(context), **settings))


def run_exact(problem: Problem, context: Context) -> Answer:
    """Global minimiser by sphere decoding."""
    from optathlon.baselines.binary_regression import exact

    return Answer(_each(problem, exact))


def run_message_passing(problem: Problem, context: Context, **settings: Any) -> Answer:
    """Approximate message passing."""
    from optathlon.baselines.binary_regression import message_passing

    return Answer(message_passing(problem.X, problem.y, callback=_watch(context), **settings).w)


def run_expectation_propagation(problem: Problem, context: Context, **settings: Any) -> Answer:
    """Expectation propagation."""
    from optathlon.baselines.binary_regression import expectation_propagation

    return Answer(_each(problem, partial(expectation_propagation, **settings)))


def run_k_best(problem: Problem, context: Context, **settings: Any) -> Answer:
    """K-best tree search."""
    from optathlon.baselines.binary_regression import k_best

    return Answer(_each(problem, partial(k_best, **settings)))


def run_lattice_reduction(problem: Problem, context: Context, **settings: Any) -> Answer:
    """Nearest plane in a reduced basis."""
    from optathlon.baselines.binary_regression import lattice_reduction

    return Answer(_each(problem, partial(lattice_reduction, **settings)))


def run_annealing(problem: Problem, context: Context, **settings: Any) -> Answer:
    """Simulated annealing."""
    from optathlon.baselines.binary_regression import annealing

    return Answer(_each(problem, partial(annealing, rng=context.rng, **settings)))


def run_tabu(problem: Problem, context: Context, **settings: Any) -> Answer:
    """Tabu search."""
    from optathlon.baselines.binary_regression import tabu_search

    return Answer(_each(problem, partial(tabu_search, rng=context.rng, **settings)))


def warm_up_tabu() -> None:
    """Compile the walk, or read it from the disk."""
    from optathlon.baselines.binary_regression import tabu_search

    tabu_search(np.eye(2), np.ones(2), n_rounds=1, rng=0)


def _maximin(name: str, optimizer: str, average: bool, *, reference: str = "", **settings: Any) -> Method:
    step_w, step_z = {"gda": (0.5, 0.02), "ogda": (0.25, 0.02), "extragradient": (0.5, 0.025), "adam": (0.1, 0.003)}[optimizer]
    steps = {"step_w": step_w, "step_z": step_z, "metric": "uniform"}
    return Method(
        name=name,
        run=run_maximin,
        settings={"optimizer": optimizer, "average": average, "n_steps": 1000, **steps, **settings},
        description="steps of w in 1/L (of the weight's unit for Adam, falling to a hundredth), of z in L (to a tenth)",
        reference=f"{PAPER}, {reference or 'eq. 2-4'}",
    )


def _random(name: str, optimizer: str, **settings: Any) -> Method:
    """Start from normal weights and go on for long: where the limit points are to be seen."""
    return _maximin(name, optimizer, False, start="random", n_steps=10_000, reference="eq. 2-4, Corollary II.4", **settings)


BOP = "Helwegen et al., Latent weights do not exist, Algorithm 1"

REGRESSION_METHODS = (
    Method(name="least-squares", run=run_least_squares, reference=f"{PAPER}, Section V (LR)"),
    Method(name="box-relaxation", run=run_box, settings={"tol": 1e-8}, reference=f"{PAPER}, Section V (LPR)"),
    Method(
        name="box-flips",
        run=run_box,
        settings={"tol": 1e-8, "flips": True},
        description="box relaxation, then the best single flip as long as one helps",
        reference="one-flip local search of QUBO heuristics",
    ),
    Method(
        name="straight-through",
        run=run_straight_through,
        settings={"learning_rate": 0.01, "n_steps": 500, "average": False},
        reference=f"{PAPER}, Section V (STE)",
    ),
    Method(
        name="straight-through-average",
        run=run_straight_through,
        settings={"learning_rate": 0.01, "n_steps": 1000, "average": True},
        description="votes of the last half of as many steps as MAXIMIN's",
        reference=f"{PAPER}, Section V (STE)",
    ),
    Method(
        name="bop",
        run=run_bop,
        settings={"adaptivity": 0.1, "threshold": 0.1, "n_steps": 500, "average": False},
        reference=BOP,
    ),
    Method(
        name="bop-average",
        run=run_bop,
        settings={"adaptivity": 0.1, "threshold": 0.1, "n_steps": 1000, "average": True},
        description="votes of the last half of as many steps as MAXIMIN's",
        reference=BOP,
    ),
    Method(
        name="semidefinite-relaxation",
        run=run_relaxation,
        settings={"solver": "low-rank", "rounding": "eigenvector", "tol": 1e-6},
        reference=f"{PAPER}, Section V (SDR)",
    ),
    Method(
        name="semidefinite-randomized",
        run=run_relaxation,
        settings={"solver": "low-rank", "rounding": "randomized", "n_roundings": 100, "tol": 1e-6},
        reference=f"{PAPER}, footnote 1",
    ),
    Method(name="exact", run=run_exact, reference="Jalden and Ottersten, On the complexity of sphere decoding", yardstick=True),
    _maximin("maximin-gda", "gda", True),
    _maximin("maximin-gda-last", "gda", False),
    _maximin("maximin-ogda", "ogda", False, reference="eq. 2-4; Daskalakis and Panageas 2018"),
    _maximin("maximin-ogda-average", "ogda", True, reference="eq. 2-4; Daskalakis and Panageas 2018"),
    _maximin("maximin-extragradient", "extragradient", False, reference="eq. 2-4; Korpelevich 1976"),
    _maximin("maximin-extragradient-average", "extragradient", True, reference="eq. 2-4; Korpelevich 1976"),
    _maximin("maximin-adam", "adam", False, n_steps=3000, reference="Section V"),
    _maximin("maximin-adam-average", "adam", True, n_steps=3000, reference="Section V"),
    _maximin("maximin-l1", "gda", True, loss="l1", n_steps=3000, reference="Section IV"),
    _maximin("maximin-adam-l1", "adam", False, loss="l1", n_steps=3000, reference="Sections IV and V"),
    *(_random(f"maximin-{name}-random", name) for name in ("gda", "ogda", "extragradient", "adam")),
    _maximin("maximin-l1-random", "gda", True, loss="l1", start="random", n_steps=10_000, reference="Theorem IV.2"),
    *(_random(f"maximin-{name}-columns", name, metric="columns", step_z=0.01) for name in ("gda", "ogda", "extragradient")),
    _random("maximin-extragradient-slow", "extragradient", step_z=0.0025),
    _random("maximin-extragradient-fast", "extragradient", step_z=0.1),
    Method(name="least-deviations", run=run_least_squares, settings={"loss": "l1"}, reference=f"{PAPER}, Section V (LR, L1)"),
    Method(name="box-relaxation-l1", run=run_box, settings={"loss": "l1"}, reference=f"{PAPER}, Section V (LPR, L1)"),
    Method(name="box-relaxation-huber", run=run_box_huber, reference=f"{PAPER}, Theorem IV.1: d* is the optimum in the box"),
    Method(
        name="straight-through-l1",
        run=run_straight_through,
        settings={"loss": "l1", "learning_rate": 0.01, "n_steps": 500, "average": False},
        reference=f"{PAPER}, Section V (STE, L1)",
    ),
    Method(
        name="message-passing",
        run=run_message_passing,
        settings={"n_steps": 50, "tol": 1e-6},
        reference="Bayati and Montanari, The dynamics of message passing on dense graphs, 2011",
    ),
    Method(
        name="expectation-propagation",
        run=run_expectation_propagation,
        settings={"max_steps": 30},
        reference="Cespedes et al., Expectation propagation detection for high-dimensional MIMO, 2014",
    ),
    Method(
        name="k-best",
        run=run_k_best,
        settings={"n_best": 64},
        reference="Guo and Nilsson, K-best sphere decoding, 2006",
    ),
    Method(
        name="lattice-reduction",
        run=run_lattice_reduction,
        settings={"delta": 0.75},
        reference="Lenstra, Lenstra, Lovasz 1982; Babai 1986; Wuebben et al., MMSE-based lattice-reduction, 2004",
    ),
    Method(
        name="annealing",
        run=run_annealing,
        settings={"n_sweeps": 30, "n_chains": 10},
        reference="Kirkpatrick, Gelatt, Vecchi, Optimization by simulated annealing, 1983",
    ),
    Method(
        name="tabu",
        run=run_tabu,
        settings={"n_rounds": 5},
        description="from the box relaxation, whose rounded weights are polished by single flips",
        reference="Glover 1989; Palubeckis, Multistart tabu search for binary quadratic optimization, 2004",
        warm_up=warm_up_tabu,
    ),
)

METHODS = (*REGRESSION_METHODS,)
