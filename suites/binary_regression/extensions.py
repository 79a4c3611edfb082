"""The paper's section VI: logistic regression, and weights on more levels than two. Problems, methods, workloads and claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from optathlon.judge.claims import decided_on, every_run, ratio_within
from optathlon.spec import Claim, Context, Method, Scale, Workload
from optathlon.suites.binary_regression.problem import Answer, Array, Regressions, Rng

PAPER = "Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression"


@dataclass(frozen=True)
class Logistic(Regressions):
    """Labels y in {-1, +1}, drawn with probability 1 / (1 + exp(-x'w_true)) of +1."""


@dataclass(frozen=True)
class Levels(Regressions):
    """Regressions with weights -3, -1, 1, 3, as their signs b: w = 2 b_high + b_low.

    Attributes
    ----------
    X : ndarray, shape (trials, n_samples, 2 n_features)
        [2 base, base], so that every method for signs takes part.
    w_true : ndarray, shape (trials, 2 n_features)
        The signs of the weights that made y.
    base : ndarray, shape (trials, n_samples, n_features)
        Features of the weights on levels.
    """

    base: Array


def logistic(trials: int, n_samples: int, n_features: int, condition: bool = False) -> Callable[[Rng, str], Logistic]:
    """Return the generator of logistic regressions with X_ij ~ N(0, 1/n_features), drawn until (6) holds where asked."""

    def make(rng: Rng, device: str) -> Logistic:
        from optathlon.baselines.binary_regression import logistic_condition

        X, y, w = (np.empty(shape) for shape in ((trials, n_samples, n_features), (trials, n_samples), (trials, n_features)))
        for trial in range(trials):
            while True:
                X[trial] = rng.standard_normal((n_samples, n_features)) / np.sqrt(n_features)
                w[trial] = rng.choice([-1.0, 1.0], n_features)
                y[trial] = np.where(rng.random(n_samples) < 1 / (1 + np.exp(-X[trial] @ w[trial])), 1.0, -1.0)
                if not condition or logistic_condition(X[trial], y[trial], w[trial]).holds:
                    break
        return Logistic(X, y, w)

    return make


def levels(trials: int, n_samples: int, n_features: int, sigma: float) -> Callable[[Rng, str], Levels]:
    """Return the generator of eq. 14 with weights from -3, -1, 1 and 3."""

    def make(rng: Rng, device: str) -> Levels:
        from optathlon.baselines.binary_regression import level_bits, levels_of

        base = rng.standard_normal((trials, n_samples, n_features)) / np.sqrt(n_features)
        w = rng.choice(levels_of(4), size=(trials, n_features))
        y = np.einsum("tij,tj->ti", base, w) + rng.normal(0.0, sigma, (trials, n_samples))
        return Levels(np.concatenate([2 * base, base], axis=2), y, level_bits(w), base)

    return make


def run_logistic_box(problem: Logistic, context: Context, **settings: Any) -> Answer:
    """Round the optimum in a box."""
    from optathlon.baselines.binary_regression import logistic_box

    result = logistic_box(problem.X, problem.y, **settings)
    return Answer(result.w, relaxed=result.relaxed)


def run_logistic_maximin(problem: Logistic, context: Context, **settings: Any) -> Answer:
    """Descent-ascent on the Lagrangian of the logistic loss."""
    from optathlon.baselines.binary_regression import logistic_maximin

    def watch(step: int, w: Array) -> None:
        context.observe(step, Answer(w))

    result = logistic_maximin(problem.X, problem.y, callback=watch, **settings)
    return Answer(result.w, relaxed=result.relaxed, dual=result.z)


def run_logistic_exact(problem: Logistic, context: Context) -> Answer:
    """List all signs."""
    from optathlon.baselines.binary_regression import logistic_exact

    return Answer(logistic_exact(problem.X, problem.y).w)


def run_ordinal(problem: Levels, context: Context, method: str, **settings: Any) -> Answer:
    """Decide on levels, and say so in signs."""
    from optathlon.baselines.binary_regression import level_bits, ordinal_lattice, ordinal_least_squares

    solve = {"least-squares": ordinal_least_squares, "lattice": ordinal_lattice}[method]
    return Answer(level_bits(solve(problem.base, problem.y, n_levels=4, **settings).w))


def run_ordinal_maximin(problem: Levels, context: Context, **settings: Any) -> Answer:
    """Descent-ascent with the polynomial of the levels."""
    from optathlon.baselines.binary_regression import level_bits, nearest_level, ordinal_maximin

    def watch(step: int, w: Array) -> None:
        context.observe(step, Answer(level_bits(nearest_level(w, 4))))

    return Answer(level_bits(ordinal_maximin(problem.base, problem.y, n_levels=4, callback=watch, **settings).w))


STEPS = {"n_steps": 1000, "step_w": 0.5, "step_z": 0.02}  # MAXIMIN's by GDA

LOGISTIC_METHODS = (
    Method(
        name="logistic-regression",
        run=run_logistic_box,
        settings={"half_width": 100.0},
        description="without constraints, rounded",
        reference=f"{PAPER}, Section V (LR), for the logistic loss",
    ),
    Method(
        name="logistic-box",
        run=run_logistic_box,
        settings={"half_width": 1.0},
        reference=f"{PAPER}, Section V (LPR), for the logistic loss",
    ),
    Method(
        name="logistic-maximin",
        run=run_logistic_maximin,
        settings=STEPS,
        description="GDA from zero, the mean of the last half rounded",
        reference=f"{PAPER}, eq. 2-4 and Section VI",
    ),
    Method(name="logistic-exact", run=run_logistic_exact, reference="all signs", yardstick=True),
)

ORDINAL_METHODS = (
    Method(
        name="ordinal-least-squares",
        run=run_ordinal,
        settings={"method": "least-squares"},
        reference=f"{PAPER}, Section V (LR), rounded to four levels",
    ),
    Method(
        name="ordinal-lattice",
        run=run_ordinal,
        settings={"method": "lattice"},
        reference="Babai 1986; Wuebben et al., MMSE-based lattice-reduction for near-ML detection of MIMO systems, 2004",
    ),
    Method(
        name="ordinal-maximin",
        run=run_ordinal_maximin,
        settings=STEPS,
        description="the polynomial with roots at the levels in the place of w^2 - 1",
        reference=f"{PAPER}, eq. 2-4 and Section VI",
    ),
)

EXTENSION_METHODS = (*LOGISTIC_METHODS, *ORDINAL_METHODS)

_LOGISTIC = tuple(method.name for method in LOGISTIC_METHODS)
_LEVELS = (*(method.name for method in ORDINAL_METHODS), "maximin-gda", "semidefinite-relaxation", "k-best")
_TRIALS = 20
_BUDGET = {"seeds": 5, "trials": _TRIALS, "scale": Scale.SMALL}
_SMOKE = {"seeds": 1, "budget": 10.0, "scale": Scale.SMOKE}

EXTENSION_WORKLOADS = (
    Workload(
        name="logistic-4x40",
        make=logistic(2, 40, 4),
        methods=_LOGISTIC,
        description="2 trials, logistic labels, 4 weights from 40 samples",
        **_SMOKE,
    ),
    Workload(
        name="levels-4x12",
        make=levels(2, 12, 4, 0.3),
        methods=_LEVELS,
        description="2 trials, 4 weights on 4 levels from 12 samples",
        **_SMOKE,
    ),
    Workload(
        name="logistic-condition6-8x400",
        make=logistic(_TRIALS, 400, 8, condition=True),
        methods=_LOGISTIC,
        description="20 trials, logistic labels, 8 weights from 400 samples, in which condition (6) holds; objective-gap is of "
        "least squares to the labels",
        **_BUDGET,
    ),
    Workload(
        name="logistic-10x100",
        make=logistic(_TRIALS, 100, 10),
        methods=(*_LOGISTIC, "least-squares", "box-relaxation"),
        description="20 trials, logistic labels, 10 weights from 100 samples; objective-gap is of least squares to the labels",
        **_BUDGET,
    ),
    Workload(
        name="levels-30x60-sigma0.5",
        make=levels(_TRIALS, 60, 30, 0.5),
        methods=_LEVELS,
        description="20 trials, 30 weights on 4 levels from 60 samples, noise of sigma 0.5; errors are of the levels' two signs",
        **_BUDGET,
    ),
)

BATCHES = "5 seeds of 20 trials, scale small"

EXTENSION_CLAIMS = (
    *decided_on(
        f"8 weights, 400 samples, logistic labels, {BATCHES}",
        Claim(
            id="logistic-recovery",
            source="Section VI, with condition (6)",
            statement="With the logistic loss too, where condition (6) holds, MAXIMIN by GDA recovers w* exactly.",
            check=every_run("bit-error-rate", "logistic-maximin", at_most=0.0, workloads="logistic-condition6-8x400"),
        ),
    ),
    *decided_on(
        f"10 weights, 100 samples, logistic labels, {BATCHES}",
        Claim(
            id="logistic-maximin-beats-rounding",
            source="Section VI, beside Section V",
            statement="With the logistic loss MAXIMIN has fewer wrong signs than rounded logistic regression.",
            check=ratio_within(
                "bit-error-rate", "logistic-maximin", "logistic-regression", at_most=1.0, workloads="logistic-10x100"
            ),
        ),
    ),
    *decided_on(
        f"30 weights on 4 levels, 60 samples, noise of sigma 0.5, {BATCHES}",
        *(
            Claim(
                id=f"levels-{name}-beats-rounding",
                source="Section VI (more levels), beside Section V",
                statement=f"With four levels MAXIMIN {how} errs less than least squares, rounded to the nearest level.",
                check=ratio_within("bit-error-rate", method, "ordinal-least-squares", at_most=1.0, workloads="levels-30x60-*"),
            )
            for name, method, how in (
                ("polynomial", "ordinal-maximin", "with a polynomial constraint"),
                ("bits", "maximin-gda", "on the levels' two signs"),
            )
        ),
    ),
    *decided_on(
        "30 weights, 60 samples, Gaussian noise of sigma 0.6, 5 seeds of 50 trials, scale small",
        Claim(
            id="lattice-reduction-beats-rounding",
            source="Not in the paper",
            statement="Babai's nearest plane in a reduced basis has fewer wrong signs than rounded least squares.",
            check=ratio_within(
                "bit-error-rate", "lattice-reduction", "least-squares", at_most=1.0, workloads="gaussian-30x60-sigma0.6"
            ),
        ),
        Claim(
            id="lattice-reduction-behind-the-tree",
            source="Not in the paper",
            statement="Of the two detectors of communication, the tree search of 64 paths has fewer wrong signs than the reduced "
            "basis.",
            check=ratio_within("bit-error-rate", "k-best", "lattice-reduction", at_most=1.0, workloads="gaussian-30x60-sigma0.6"),
        ),
    ),
)
