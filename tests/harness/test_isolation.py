"""Every way for a cell to end, each with a method that really ends so."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import toy_suite as toys
from test_measuring import isolated, suite_of

from optathlon.measure import Job, plan_cell, run_cell, run_jobs
from optathlon.spec import Context, RunRecord, Status

RunToy = Callable[..., RunRecord]


@pytest.mark.parametrize(
    ("method", "status", "words"),
    [
        ("halves", Status.OK, ""),
        ("returns-nan", Status.DIVERGED, "NaN"),
        ("raises", Status.ERROR, "the method broke"),
        ("raises", Status.ERROR, "a word on stderr"),
        ("allocates", Status.OUT_OF_MEMORY, "MemoryError"),
        ("allocates-bit-by-bit", Status.OUT_OF_MEMORY, "MemoryError"),
        ("dies", Status.CRASHED, "SIGSEGV"),
        ("exits", Status.CRASHED, "exit code 3"),
        ("on-cuda", Status.NEEDS_DEVICE, "runs on cuda only"),
    ],
)
def test_each_way_to_end_has_its_status_and_reason(run_toy: RunToy, method: str, status: Status, words: str) -> None:
    record = run_toy(method)
    assert record.status is status, record.reason
    assert words in record.reason
    assert bool(record.scores) == (status is Status.OK)
    assert record.finished


def test_absent_data_says_how_to_get_it(run_toy: RunToy) -> None:
    record = run_toy("halves", workload="absent")
    assert record.status is Status.NEEDS_DATA
    assert "optathlon data fetch" in record.reason


def test_a_cell_past_its_limit_is_stopped_and_its_trace_kept(run_toy: RunToy) -> None:
    start = time.monotonic()
    record = run_toy("sleeps", timeout=0.5)
    assert record.status is Status.TIMEOUT
    assert time.monotonic() - start < 5.0  # far below the 60 s it would sleep, far above a busy machine's delay
    assert len(record.trace) == 1
    assert record.limit == 0.5


def test_children_of_a_stopped_cell_are_stopped_too(run_toy: RunToy) -> None:
    assert run_toy("has-children", timeout=0.5).status is Status.TIMEOUT
    time.sleep(0.2)
    alive = subprocess.run(["pgrep", "-f", "^sleep 61$"], capture_output=True, text=True, check=False).stdout
    assert alive == ""


def test_a_fault_costs_one_cell_and_cells_run_side_by_side() -> None:
    suite, workload = toys.SUITE, toys.SUITE.workload("vector")
    methods = [suite.method(name) for name in ("dies", "halves", "raises", "draws")]
    jobs = [Job(suite, workload, method, plan_cell(suite, workload, method), 0, 10.0, 2**29) for method in methods]
    ended = {record.cell.method: record.status for record in run_jobs(jobs, parallel=2)}
    assert ended == {"dies": Status.CRASHED, "halves": Status.OK, "raises": Status.ERROR, "draws": Status.OK}


def test_a_method_whose_warm_up_fails_costs_only_itself() -> None:
    def broken() -> None:
        raise OSError("no compiler")

    suite, workload = toys.SUITE, toys.SUITE.workload("vector")
    methods = [replace(suite.method("halves"), warm_up=broken), suite.method("draws")]
    jobs = [Job(suite, workload, method, plan_cell(suite, workload, method), 0, 10.0, 2**29) for method in methods]
    first, second = run_jobs(jobs)
    assert first.status is Status.ERROR
    assert "no compiler" in first.reason
    assert second.status is Status.OK


def test_isolated_and_in_process_runs_agree_to_the_last_bit(run_toy: RunToy) -> None:
    suite = toys.SUITE
    here = run_cell(suite, suite.workload("vector"), suite.method("draws"), "cpu", 7)
    assert run_toy("draws", seed=7).scores["norm"] == here.scores["norm"]
    assert run_toy("draws", seed=8).scores["norm"] != here.scores["norm"]


@pytest.mark.parametrize("data", [(), ("digits",)])
def test_what_a_cell_needs_is_imported_before_it_is_forked(monkeypatch: pytest.MonkeyPatch, data: tuple[str, ...]) -> None:
    """A cell that imports scikit-learn to read its data pays half a second, each one anew."""
    method = next(method for method in toys.SUITE.methods if method.name == "halves")
    workload = replace(toys.SUITE.workloads[0], data=data)
    monkeypatch.delitem(sys.modules, "sklearn.datasets", raising=False)
    list(run_jobs([Job(toys.SUITE, workload, method, plan_cell(toys.SUITE, workload, method), 0, 20.0, 2**30)]))
    assert ("sklearn.datasets" in sys.modules) == bool(data)


def test_shared_memory_of_somebody_else_is_not_laid_at_a_cells_door() -> None:
    name = f"optathlon-beside-{os.getpid()}"
    program = (
        "import sys, time; from multiprocessing.shared_memory import SharedMemory; time.sleep(0.5); "
        "block = SharedMemory(sys.argv[1], create=True, size=64); time.sleep(60)"
    )
    beside = subprocess.Popen([sys.executable, "-c", program, name])

    def method(problem: float, context: Context) -> float:
        while not Path("/dev/shm", name).exists():
            time.sleep(0.02)
        return 1.0

    try:
        record = isolated(suite_of(method))
    finally:
        beside.kill()
        beside.wait()
        Path("/dev/shm", name).unlink(missing_ok=True)
    assert record.status is Status.OK
    assert record.reason == ""


def test_shared_memory_that_somebody_else_removes_at_that_moment_is_not_laid_at_a_cells_door() -> None:
    block = Path("/dev/shm", f"optathlon-passing-{os.getpid()}")
    program = (
        "import sys, time; from pathlib import Path; time.sleep(0.5); block = Path(sys.argv[1]); "
        "block.touch(); time.sleep(0.1); block.unlink()"
    )
    passing = subprocess.Popen([sys.executable, "-c", program, str(block)])

    def method(problem: float, context: Context) -> float:
        while not block.exists():
            time.sleep(0.002)
        return 1.0

    try:
        assert isolated(suite_of(method)).reason == ""
    finally:
        passing.wait(10)
