"""A suite of its own: how well a mean and a median estimate the bias of a coin."""

import numpy as np

from optathlon.judge.claims import ratio_within
from optathlon.spec import Claim, Context, Method, Metric, Scale, Suite, Workload

BIAS = 0.3


def make_coin(rng: np.random.Generator, device: str) -> np.ndarray:
    return (rng.random((10, 10)) < BIAS).astype(float)


def run_estimator(tosses: np.ndarray, context: Context, *, statistic: str) -> float:
    return float(getattr(np, statistic)(tosses.mean(axis=1)))


SUITE = Suite(
    name="coin",
    version="1",
    title="The bias of a coin",
    source="An example",
    workloads=(Workload(name="ten-by-ten", make=make_coin, scale=Scale.SMOKE, seeds=40),),
    methods=Method.grid("estimate", run_estimator, grid={"statistic": ("mean", "median")}, reference="Laplace 1812"),
    metrics=(Metric(name="error", unit="1", better="lower", evaluate=lambda tosses, answer: abs(answer - BIAS)),),
    claims=(
        Claim(
            id="mean-beats-median",
            source="Any textbook",
            statement="The mean of ten groups of ten errs less than their median, over 40 seeds.",
            check=ratio_within("error", "estimate-statistic-mean", "estimate-statistic-median", at_most=1.0),
            scale=Scale.SMOKE,
        ),
    ),
    reference_method="estimate-statistic-mean",
)
