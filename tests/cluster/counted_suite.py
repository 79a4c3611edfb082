"""A suite whose cells take a moment and write down when they begin and end, so that a test can count them."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import numpy as np

from optathlon.spec import Context, Method, Metric, Scale, Suite, Workload


def make(rng: np.random.Generator, device: str, size: int) -> np.ndarray:
    return rng.normal(size=size)


def _note(word: str, problem: np.ndarray) -> None:
    with (Path(os.environ["COUNTED"]) / word).open("a") as stream:
        stream.write(f"{problem.size} {problem[0]!r}\n")


def slow(problem: np.ndarray, context: Context, seconds: float, scale: float) -> np.ndarray:
    _note(f"begun-{scale}", problem)
    time.sleep(seconds)
    answer = problem * scale + context.rng.normal(size=problem.shape)
    _note(f"ended-{scale}", problem)
    return answer


def norm(problem: np.ndarray, answer: np.ndarray) -> float:
    return float(np.linalg.norm(answer - problem))


SUITE = Suite(
    name="counted",
    version="1",
    title="Cells that are counted",
    source="none",
    workloads=tuple(
        Workload(name=f"w{n}", make=partial(make, size=8 + n), scale=Scale.SMOKE, seeds=2, budget=20.0, memory=2**28)
        for n in range(2)
    ),
    methods=(
        *(Method(name=f"slow{n}", run=slow, settings={"seconds": 0.3, "scale": 1.0 + n}, reference="none") for n in range(4)),
        Method(name="on-cuda", run=slow, settings={"seconds": 0.3, "scale": 9.0}, reference="none", devices=("cuda",)),
    ),
    metrics=(Metric(name="norm", unit="1", better="lower", evaluate=norm),),
    reference_method="slow0",
)
