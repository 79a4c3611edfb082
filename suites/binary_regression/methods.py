"""The methods of the leaderboard: adapters around `baselines.binary_regression`."""

from __future__ import annotations

from baselines.binary_regression import least_squares, maximin, straight_through
from optathlon.spec import Context, Method
from suites.binary_regression.problem import Answer, Regressions

PAPER = "Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression"


def run_least_squares(problem: Regressions, context: Context) -> Answer:
    """Round the unconstrained solution."""
    return Answer(least_squares(problem.X, problem.y))


def run_straight_through(problem: Regressions, context: Context) -> Answer:
    """Straight-through estimator, last iterate."""
    return Answer(straight_through(problem.X, problem.y, callback=lambda step, w: context.observe(step, Answer(w))))


def run_maximin_gda(problem: Regressions, context: Context) -> Answer:
    """Gradient descent-ascent, averaged iterate."""
    result = maximin(
        problem.X, problem.y, optimizer="gda", n_steps=500, callback=lambda step, w: context.observe(step, Answer(w))
    )
    return Answer(result.w)


REGRESSION_METHODS = (
    Method(name="least-squares", run=run_least_squares, reference=f"{PAPER}, Section V (LR)"),
    Method(
        name="straight-through",
        run=run_straight_through,
        settings={"optimizer": "adam", "learning_rate": 0.01, "n_steps": 500, "answer": "last iterate"},
        reference=f"{PAPER}, Section V (STE)",
    ),
    Method(
        name="maximin-gda",
        run=run_maximin_gda,
        settings={"optimizer": "gda", "step_w": 0.5, "step_z": 0.02, "n_steps": 500, "answer": "averaged iterate"},
        reference=f"{PAPER}, eq. 2-4",
    ),
)

METHODS = (*REGRESSION_METHODS,)
