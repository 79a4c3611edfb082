"""How an answer is scored."""

from __future__ import annotations

import numpy as np

from optathlon.spec import Metric
from suites.binary_regression.problem import Answer, Regressions


def bit_error_rate(problem: Regressions, answer: Answer) -> float:
    """Return the share of wrong signs over all trials (Section V-A)."""
    return float(np.mean((answer.w >= 0) != (problem.w_true >= 0)))


METRICS = (Metric(name="bit-error-rate", unit="fraction", better="lower", evaluate=bit_error_rate),)
