"""What a scored and timed cell costs asv through our door, beside asv's own plain ``track_`` functions in the same run."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("asv")

CELLS = 20
SEEDS = 3
# asv's cheapest way to start a function, for both sides: 18 ms a number against 157 ms for a fresh interpreter.
LAUNCH = "forkserver"
# A cell gives two numbers, three seeds in processes of their own with limits, and six files written safely to disk.
CLAIM = 2.5

BENCHMARKS = {
    "plain": """
class Plain:
    params = (list(range({cells})), ("cpu", "cuda"))
    def setup_cache(self): pass
    def setup(self, cell, device):
        if device == "cuda": raise NotImplementedError
    def track_error(self, cell, device): return 1.0
    def track_seconds(self, cell, device): return 1.0
""",
    "ours": """
import sys, types
import numpy as np
from optathlon.asv_adapter import DEVICES, SuiteCells as _SuiteCells, cells
from optathlon.spec import Method, Metric, Scale, Suite, Workload

def _make(rng, device): return rng.normal(size=5)
def _run(problem, context): return problem / 2
def _norm(problem, answer): return float(np.linalg.norm(answer))

sys.modules["suites.toy.suite"] = types.SimpleNamespace(SUITE=Suite(
    name="toy", version="1", title="", source="", reference_method="m0",
    workloads=(Workload(name="w", make=_make, scale=Scale.SMOKE),),
    methods=tuple(Method(name=f"m{{i}}", run=_run) for i in range({cells})),
    metrics=(Metric(name="norm", unit="1", better="lower", evaluate=_norm),)))

class Ours(_SuiteCells):
    suite, version, seeds = "toy", "1", {seeds}
    params = (cells({{"w": tuple(f"m{{i}}" for i in range({cells}))}}), DEVICES)
    def setup_cache(self): pass
""",
}


@pytest.fixture
def repository(tmp_path):
    """Return a repository whose benchmarks are the two above."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").touch()
    for name, source in BENCHMARKS.items():
        (tmp_path / "benchmarks" / f"{name}.py").write_text(source.format(cells=CELLS, seeds=SEEDS))
    settings = {"version": 1, "project": "toy", "repo": ".", "environment_type": "existing", "pythons": ["same"]}
    (tmp_path / "asv.conf.json").write_text(json.dumps(settings | {"results_dir": "asv", "branches": ["main"]}))
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main"], cwd=tmp_path, check=True, timeout=60)
    return tmp_path


def run(repository: Path, pattern: str) -> float:
    """Return the wall seconds of an asv run of the benchmarks that match."""
    environment = os.environ | {"HOME": str(repository), "OPTATHLON_MACHINE": "toy"}
    subprocess.run(
        [sys.executable, "-m", "asv", "machine", "--yes"], cwd=repository, env=environment, capture_output=True, check=True
    )
    command = [sys.executable, "-m", "asv", "run", "--python=same", "--dry-run", "--launch-method", LAUNCH, "--bench", pattern]
    start = time.perf_counter()
    out = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False, timeout=300)
    seconds = time.perf_counter() - start
    assert out.returncode == 0, out.stdout + out.stderr
    assert len(re.findall(r"n/a", out.stdout)) >= 2 * CELLS
    return seconds


def run_empty(repository: Path) -> float:
    """Return the seconds of an asv run that does nothing but discover."""
    environment = os.environ | {"HOME": str(repository)}
    start = time.perf_counter()
    command = [sys.executable, "-m", "asv", "check", "--python=same"]
    subprocess.run(command, cwd=repository, env=environment, capture_output=True, check=True, timeout=120)
    return time.perf_counter() - start


def test_cell_through_our_door_against_plain_tracks(repository, benchmark):
    """Both give two numbers for each of 20 cells and n/a for 20 absent devices; one empty run of asv is taken off both."""
    empty = min(run_empty(repository) for _ in range(2))
    plain = min(run(repository, "Plain") for _ in range(2)) - empty
    benchmark.pedantic(run, args=(repository, "Ours"), rounds=2, iterations=1)
    ours = benchmark.stats.stats.min - empty
    benchmark.extra_info |= {
        "plain_ms_per_number": 1000 * plain / (4 * CELLS),
        "ours_ms_per_number": 1000 * ours / (4 * CELLS),
        "ratio": ours / plain,
    }
    assert ours / plain <= CLAIM
