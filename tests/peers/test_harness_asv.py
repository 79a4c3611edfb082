"""What a scored and timed cell costs asv through our door, beside asv's own plain ``track_`` functions in the same run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("asv")

CELLS = 20
SEEDS = 3
# asv's cheapest way to start a function, for both sides: 18 ms a number against 157 ms for a fresh interpreter.
LAUNCH = "forkserver"
# Our side solves: three seeds of a cell in processes of their own with limits, six files written safely, the commit asked of git.
CLAIM = 4.0

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
from optathlon.asv.adapter import DEVICES, SuiteCells as _SuiteCells, cells
from optathlon.spec import Method, Metric, Scale, Suite, Workload

def _make(rng, device): return rng.normal(size=5)
def _run(problem, context): return problem / 2
def _norm(problem, answer): return float(np.linalg.norm(answer))

sys.modules["optathlon.suites.toy.suite"] = types.SimpleNamespace(SUITE=Suite(
    name="toy", version="1", title="", source="", reference_method="m0",
    workloads=(Workload(name="w", make=_make, scale=Scale.SMOKE),),
    methods=tuple(Method(name=f"m{{i}}", run=_run) for i in range({cells})),
    metrics=(Metric(name="norm", unit="1", better="lower", evaluate=_norm),)))

class Ours(_SuiteCells):
    suite, version, seeds = "toy", "1", {seeds}
    params = (cells({{"w": tuple(f"m{{i}}" for i in range({cells}))}}), DEVICES)
    def setup_cache(self): self.solve()
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


def children_seconds() -> float:
    """Return the CPU seconds of the ended children of this process: asv's server and all that it forked."""
    return sum(os.times()[2:4])


def call_asv(repository: Path, *arguments: str) -> float:
    """Run asv in the repository and return the CPU seconds that it took, children included."""
    environment = os.environ | {"HOME": str(repository), "OPTATHLON_MACHINE": "toy"}
    command = [sys.executable, "-m", "asv", *arguments]
    start = children_seconds()
    out = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert out.returncode == 0, out.stdout + out.stderr
    if arguments[0] == "run":
        assert out.stdout.count("n/a") >= 2 * CELLS
    return children_seconds() - start


@pytest.mark.benchmark(timer=children_seconds)
def test_cell_through_our_door_against_plain_tracks(repository, benchmark):
    """Both give two numbers for each of 20 cells and n/a for 20 absent devices; an asv call that only discovers is taken off."""
    call_asv(repository, "machine", "--yes")
    run = ("run", "--python=same", "--dry-run", "--launch-method", LAUNCH, "--bench")
    empty = min(call_asv(repository, "check", "--python=same") for _ in range(3))
    plain = min(call_asv(repository, *run, "Plain") for _ in range(3)) - empty
    benchmark.pedantic(call_asv, args=(repository, *run, "Ours"), rounds=3, iterations=1)
    ours = benchmark.stats.stats.min - empty
    benchmark.extra_info |= {
        "plain_ms_per_number": 1000 * plain / (4 * CELLS),
        "ours_ms_per_number": 1000 * ours / (4 * CELLS),
        "ratio": ours / plain,
    }
    assert ours / plain <= CLAIM
