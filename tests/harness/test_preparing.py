"""What comes before a method's turn, the making of its instance and its warm-up, is not its time nor others'."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_measuring import end_the_guardian, isolated, suite_of

from optathlon.measure import Job, plan_cell, pool, run_jobs
from optathlon.spec import Status


def test_making_an_instance_is_not_the_methods_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cold cache made numba compile for the instance: on a busy machine a method of 30 ms was stopped after 30 s."""

    def make(rng: Any, device: str) -> float:
        time.sleep(4.0)
        return 1.0

    record = isolated(suite_of(lambda problem, context: 1.0, make), timeout=3.5)
    assert (record.status, record.reason) == (Status.OK, "")
    stopped = isolated(suite_of(lambda problem, context: time.sleep(30), make), timeout=0.5)
    assert (stopped.status, stopped.limit) == (Status.TIMEOUT, 0.5)
    monkeypatch.setattr(pool, "PREPARE_SECONDS", 0.5)
    never = isolated(suite_of(lambda problem, context: 1.0, make), timeout=0.5)
    assert (never.status, never.limit) == (Status.CRASHED, None)
    assert "before the method had begun" in never.reason


def test_a_method_that_begins_when_it_was_told_to_stop_has_not_had_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its guardian does not listen: it was given its whole limit on top, and a timeout was recorded of it."""

    def make(rng: Any, device: str) -> float:
        os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(4.0)
        return 1.0

    monkeypatch.setattr(pool, "PREPARE_SECONDS", 0.5)
    monkeypatch.setattr(pool, "_GRACE", 5.0)
    record = isolated(suite_of(lambda problem, context: time.sleep(300), make), timeout=0.5)
    assert (record.status, record.limit) == (Status.CRASHED, None)
    assert "before the method had begun" in record.reason


def test_a_warm_up_says_that_it_may_take_long() -> None:
    suite = suite_of(lambda problem, context: 1.0, warm_up=lambda: None)
    workload, method = suite.workloads[0], suite.methods[0]
    job = Job(suite, workload, method, plan_cell(suite, workload, method, machine="here"), 0, 20.0, 2**29)
    told: list[str] = []
    assert [record.status for record in run_jobs([job], tell=told.append)] == [Status.OK]
    assert told == ["preparing m (compiling may take a minute)"]


@pytest.mark.parametrize("way", ["exits", "hangs", "interrupts"])
def test_a_warm_up_that_ends_its_process_costs_its_own_cells(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PREPARE_SECONDS", 1.0)

    def exits() -> None:
        os._exit(0)

    def hangs() -> None:
        time.sleep(60)

    def interrupts() -> None:
        raise KeyboardInterrupt

    suite = suite_of(lambda problem, context: 1.0, warm_up={"exits": exits, "hangs": hangs, "interrupts": interrupts}[way])
    record = isolated(suite)
    assert record.status in (Status.CRASHED, Status.ERROR)
    assert record.reason.startswith("warm-up of m")


def test_a_warm_up_that_ends_its_guardian_is_not_run_here() -> None:
    """Run in the caller's own process, it would end whoever called."""
    here, ran_here = os.getpid(), []

    def warm_up() -> None:
        ran_here.append(1) if os.getpid() == here else end_the_guardian()

    record = isolated(suite_of(lambda problem, context: 1.0, warm_up=warm_up))
    assert record.status is Status.CRASHED
    assert not ran_here


def test_what_a_warm_up_changes_is_put_back(tmp_path: Path) -> None:
    def warm_up() -> None:
        os.chdir(tmp_path)
        time.time = lambda: 0.0  # type: ignore[assignment]
        np.random.seed(1)  # noqa: NPY002
        os.environ["CHANGED"] = "1"
        signal.setitimer(signal.ITIMER_REAL, 60.0)

    folder, clock, state = Path.cwd(), time.time, np.random.get_state()[1].copy()  # type: ignore[index, union-attr]  # noqa: NPY002
    assert isolated(suite_of(lambda problem, context: 1.0, warm_up=warm_up)).status is Status.OK
    assert Path.cwd() == folder
    assert time.time is clock
    assert "CHANGED" not in os.environ
    assert np.array_equal(np.random.get_state()[1], state)  # type: ignore[index]  # noqa: NPY002
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
