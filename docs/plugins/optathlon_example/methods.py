"""A method for somebody else's suite: binary regression by the signs of X'y, each sample weighed by |y|^power."""

import numpy as np

from optathlon.spec import Context, Extension, Method
from optathlon.suites.binary_regression.problem import Answer, Regressions


def run_matched_filter(problem: Regressions, context: Context, *, power: float) -> Answer:
    weighted = np.sign(problem.y) * np.abs(problem.y) ** power
    return Answer(np.where(np.einsum("tnd,tn->td", problem.X, weighted) < 0, -1.0, 1.0))


EXTENSION = Extension(
    suite="binary_regression",
    methods=Method.grid(
        "matched-filter",
        run_matched_filter,
        grid={"power": (0.5, 1.0)},
        workloads=("gaussian-*",),
        reference="Turin, An introduction to matched filters, 1960",
    ),
)
