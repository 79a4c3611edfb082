"""The declaration of the binary-regression suite."""

from __future__ import annotations

from optathlon.spec import Scale, Suite, Workload
from suites.binary_regression.claims import CLAIMS
from suites.binary_regression.methods import METHODS, PAPER
from suites.binary_regression.metrics import METRICS
from suites.binary_regression.problem import synthetic

WORKLOADS = (
    Workload(
        name="gaussian-6x12",
        make=synthetic(trials=10, n_samples=12, n_features=6, sigma=0.5),
        scale=Scale.SMOKE,
        seeds=2,
        budget=10.0,
        description="10 trials, 6 weights from 12 samples, Gaussian noise of sigma 0.5",
    ),
    Workload(
        name="gaussian-30x60-sigma0.6",
        make=synthetic(trials=50, n_samples=60, n_features=30, sigma=0.6),
        scale=Scale.SMALL,
        seeds=10,
        budget=60.0,
        description="50 trials, 30 weights from 60 samples, Gaussian noise of sigma 0.6 (Fig. 1)",
    ),
)

SUITE = Suite(
    name="binary_regression",
    version="1",
    title="Regression and networks with weights in {-1, +1}",
    source=PAPER,
    workloads=WORKLOADS,
    methods=METHODS,
    metrics=METRICS,
    claims=CLAIMS,
    reference_method="least-squares",
)
