"""Regression with weights in {-1, +1}: relaxations, gradient methods and exact search."""

from baselines.binary_regression.bop import bop
from baselines.binary_regression.box_relaxation import box_relaxation
from baselines.binary_regression.exact import ExactResult, exact
from baselines.binary_regression.least_squares import least_squares
from baselines.binary_regression.maximin import MaximinResult, maximin
from baselines.binary_regression.semidefinite_relaxation import (
    Certificate,
    SemidefiniteResult,
    certificate,
    semidefinite_relaxation,
)
from baselines.binary_regression.straight_through import straight_through

__all__ = [
    "Certificate",
    "ExactResult",
    "MaximinResult",
    "SemidefiniteResult",
    "bop",
    "box_relaxation",
    "certificate",
    "exact",
    "least_squares",
    "maximin",
    "semidefinite_relaxation",
    "straight_through",
]
