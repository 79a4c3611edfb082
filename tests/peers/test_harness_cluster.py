"""What a cell costs through a scheduler and its workers, beside the same cells by ``--jobs``; one run, one machine.

Run alone: ``python -m pytest tests/peers/test_harness_cluster.py --benchmark-enable``.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

pytest.importorskip("distributed")

SOLVE, METHODS, FEW, MANY = 0.05, 10, 2, 22
# Beside the solve, with one worker; a prototype took 26 to 35 ms more than alone.
CLAIM = 0.05

SUITE = f"""
import time
from optathlon.spec import Method, Metric, Scale, Suite, Workload

def make(rng, device): return float(rng.random())
def run(problem, context, number):
    time.sleep({SOLVE})
    return problem + number

SUITE = Suite(
    name="asleep", version="1", title="", source="", reference_method="m0",
    workloads=(Workload(name="w", make=make, scale=Scale.SMOKE, seeds={MANY}),),
    methods=tuple(Method(name=f"m{{i}}", run=run, settings={{"number": i}}) for i in range({METHODS})),
    metrics=(Metric(name="value", unit="1", better="lower", evaluate=lambda problem, answer: answer),))
"""


def seconds_a_cell(folder: Path, *where: str) -> float:
    """Return what a cell takes beside its solve: the difference of two runs, so that no start counts."""
    walls = []
    for seeds in (FEW, MANY):
        command = [sys.executable, "-m", "optathlon", "--suite", str(folder / "asleep.py"), "run", "asleep", "--scale", "smoke"]
        options = ["--seeds", str(seeds), "--results", str(folder / f"{where[0]}-{seeds}")]
        start = time.perf_counter()
        subprocess.run([*command, *options, *where], check=True, capture_output=True, cwd=folder)
        walls.append(time.perf_counter() - start)
    return (walls[1] - walls[0]) / (METHODS * (MANY - FEW)) - SOLVE


@pytest.mark.benchmark(group="a cell through a cluster")
def test_a_cell_through_one_worker(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    if benchmark.disabled:
        pytest.skip("times whole commands: --benchmark-enable")
    (tmp_path / "asleep.py").write_text(SUITE)
    alone = seconds_a_cell(tmp_path, "--jobs", "1")
    through = benchmark.pedantic(seconds_a_cell, (tmp_path, "--on", "local", "--workers", "1"), rounds=1)
    benchmark.extra_info.update(jobs_ms=1e3 * alone, on_ms=1e3 * through)
    print(f"beside its solve a cell takes {1e3 * alone:.1f} ms by --jobs 1, {1e3 * through:.1f} ms through one worker")
    assert through - alone < CLAIM
