"""A suite of methods that fail in every way there is, for the tests of the harness."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np

from optathlon.judge.claims import ends_with, ratio_within
from optathlon.spec import Claim, Context, Method, Metric, NeedsData, Scale, Status, Suite, Workload


def make(rng: np.random.Generator, device: str) -> np.ndarray:
    return rng.normal(size=5)


def make_absent(rng: np.random.Generator, device: str) -> np.ndarray:
    raise NeedsData("data set 'moon' is absent; get it with: optathlon data fetch moon")


def halves(problem: np.ndarray, context: Context) -> np.ndarray:
    answer = problem.copy()
    for step in range(1000):
        context.observe(step, answer)
        answer = answer / 2
    return answer


def draws(problem: np.ndarray, context: Context) -> np.ndarray:
    return problem * 0.1 + context.rng.normal(size=problem.shape) * 0.01


def returns_nan(problem: np.ndarray, context: Context) -> np.ndarray:
    return problem * np.nan


def raises(problem: np.ndarray, context: Context) -> np.ndarray:
    print("a word on stderr", file=sys.stderr)
    raise RuntimeError("the method broke <b>here</b>")


def sleeps(problem: np.ndarray, context: Context) -> np.ndarray:
    context.observe(1, problem)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
    return problem


def has_children(problem: np.ndarray, context: Context) -> np.ndarray:
    subprocess.Popen(["sleep", "61"])
    time.sleep(60)
    return problem


def allocates(problem: np.ndarray, context: Context) -> np.ndarray:
    return np.ones(10**9)


def allocates_bit_by_bit(problem: np.ndarray, context: Context) -> np.ndarray:
    held = []
    while True:
        held.append(bytearray(2**24))


def dies(problem: np.ndarray, context: Context) -> np.ndarray:
    os.kill(os.getpid(), signal.SIGSEGV)
    return problem


def exits(problem: np.ndarray, context: Context) -> np.ndarray:
    os._exit(3)


def norm(problem: np.ndarray, answer: np.ndarray) -> float:
    return float(np.linalg.norm(answer))


FUNCTIONS = (halves, draws, returns_nan, raises, sleeps, has_children, allocates, allocates_bit_by_bit, dies, exits)
METHODS = (
    *(Method(name=f.__name__.replace("_", "-"), run=f, reference="none") for f in FUNCTIONS),
    Method(name="on-cuda", run=halves, reference="none", devices=("cuda",)),
)

SUITE = Suite(
    name="toy",
    version="1",
    title="Failures",
    source="none",
    workloads=(
        Workload(name="vector", make=make, scale=Scale.SMOKE, seeds=3, budget=10.0, memory=2**29, target=1e-3),
        Workload(name="absent", make=make_absent, scale=Scale.SMOKE, seeds=1),
    ),
    methods=METHODS,
    metrics=(
        Metric(name="norm", unit="1", better="lower", evaluate=norm),
        Metric(name="solve-seconds", unit="s", better="lower", derive=lambda run: run.seconds or 0.0),
    ),
    claims=(
        Claim(
            id="halving-wins",
            source="here",
            statement="halving beats drawing",
            check=ratio_within("norm", "halves", "draws", at_most=0.5),
            scale=Scale.SMOKE,
        ),
        Claim(
            id="drawing-wins",
            source="here",
            statement="drawing beats halving",
            check=ratio_within("norm", "draws", "halves", at_most=0.5),
            scale=Scale.SMOKE,
        ),
        Claim(
            id="sleeping-ends",
            source="here",
            statement="sleeping takes too long",
            check=ends_with("sleeps", Status.TIMEOUT),
            scale=Scale.SMOKE,
        ),
        Claim(id="never-run", source="there", statement="nobody runs this", check=ends_with("nobody", Status.OK)),
    ),
    reference_method="halves",
)
