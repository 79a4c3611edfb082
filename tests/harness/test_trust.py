"""What a method may try in its own process: refused, detected or harmless. `docs/trust.md` says what remains."""

from __future__ import annotations

import builtins
import inspect
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optathlon.measure import Job, plan_cell, run_jobs
from optathlon.measure.fingerprint import changed, fingerprint
from optathlon.spec import Method, Metric, RunRecord, Scale, Status, Suite, Workload


@dataclass(frozen=True)
class Secret:
    noisy: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True)
class View:
    noisy: np.ndarray


def make(rng: np.random.Generator, device: str) -> Secret:
    truth = rng.normal(size=50)
    return Secret(truth + rng.normal(size=50), truth)


def public(problem: Secret) -> View:
    return View(problem.noisy)


def error(problem: Secret, answer: np.ndarray) -> float:
    return float(np.abs(problem.truth - answer).max())


def honest(problem: View, context: Any) -> np.ndarray:
    return problem.noisy / 2


def reads_the_truth(problem: Any, context: Any) -> np.ndarray:
    return problem.truth


def moves_the_posts(problem: View, context: Any) -> np.ndarray:
    problem.noisy[:] = 0
    return problem.noisy


def takes_the_frame(problem: View, context: Any) -> np.ndarray:
    frame = inspect.currentframe()
    while frame is not None:
        found = frame.f_locals.get("problem")
        if isinstance(found, Secret):
            found.truth[:] = 0
            return np.zeros(50)
        frame = frame.f_back
    return problem.noisy


def stops_the_clock(problem: View, context: Any) -> np.ndarray:
    really = time.sleep
    time.perf_counter = time.process_time = lambda: 0.0
    really(0.2)
    return problem.noisy / 2


def bends_numpy(problem: View, context: Any) -> np.ndarray:
    np.abs = np.zeros_like  # type: ignore[assignment]
    return problem.noisy / 2


def bends_python(problem: View, context: Any) -> np.ndarray:
    builtins.float = lambda value: 0.0  # type: ignore[assignment,misc]
    return problem.noisy / 2


def bends_the_metric(problem: View, context: Any) -> np.ndarray:
    globals()["error"] = lambda problem, answer: 0.0
    return problem.noisy / 2


def leaves_a_thread(problem: View, context: Any) -> np.ndarray:
    threading.Thread(target=time.sleep, args=(60,), daemon=False).start()
    return problem.noisy / 2


def writes_results(problem: View, context: Any) -> np.ndarray:
    for path in Path().rglob("*.json"):
        path.write_text("{}")
    return problem.noisy / 2


BENDERS = (bends_numpy, bends_python, bends_the_metric)
METHODS = (honest, reads_the_truth, moves_the_posts, takes_the_frame, stops_the_clock, leaves_a_thread, writes_results, *BENDERS)
SUITE = Suite(
    name="trust",
    version="1",
    title="Cheats",
    source="none",
    workloads=(Workload(name="noise", make=make, public=public, scale=Scale.SMOKE, seeds=1, budget=10.0, memory=2**29),),
    methods=tuple(Method(name=f.__name__.replace("_", "-"), run=f, reference="none") for f in METHODS),
    metrics=(Metric(name="error", unit="1", better="lower", evaluate=error),),
    reference_method="honest",
)


def _run(method: Method) -> RunRecord:
    workload = SUITE.workloads[0]
    cell = plan_cell(SUITE, workload, method, machine="here")
    (record,) = run_jobs([Job(SUITE, workload, method, cell, 0, 10.0, 2**29)])
    return record


@pytest.fixture(name="run")
def _runner() -> Callable[[str], RunRecord]:
    return lambda name: _run(SUITE.method(name))


def test_the_truth_is_not_handed_over_but_to_yardsticks(run: Callable[[str], RunRecord]) -> None:
    assert run("honest").status is Status.OK
    assert "'View' object has no attribute 'truth'" in run("reads-the-truth").reason
    knowing = _run(replace(SUITE.method("reads-the-truth"), yardstick=True))
    assert knowing.scores["error"] == 0.0


@pytest.mark.parametrize("cheat", ["moves-the-posts", "takes-the-frame"])
def test_a_changed_problem_is_an_error(run: Callable[[str], RunRecord], cheat: str) -> None:
    record = run(cheat)
    assert record.status is Status.ERROR
    assert "has changed its problem in place: problem." in record.reason
    assert not record.scores


@pytest.mark.parametrize("cheat", [f.__name__.replace("_", "-") for f in BENDERS])
def test_replaced_functions_score_nothing(run: Callable[[str], RunRecord], cheat: str) -> None:
    """numpy.abs that returned zeros made any answer exact."""
    record = run(cheat)
    assert record.status is Status.ERROR
    assert "has replaced functions by which answers are scored" in record.reason
    assert not record.scores


def test_a_clock_that_is_replaced_is_not_the_one_that_counts(run: Callable[[str], RunRecord]) -> None:
    record = run("stops-the-clock")
    assert record.seconds is not None
    assert record.seconds >= 0.2


def test_a_thread_left_behind_ends_with_the_cell(run: Callable[[str], RunRecord]) -> None:
    began = time.monotonic()
    assert run("leaves-a-thread").status is Status.OK
    assert time.monotonic() - began < 9


def test_records_spoilt_by_a_method_are_refused(
    run: Callable[[str], RunRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from optathlon.store import RecordError, save, scan

    save(tmp_path, run("honest"))
    monkeypatch.chdir(tmp_path)
    assert run("writes-results").status is Status.OK
    (found,) = scan(tmp_path)
    assert isinstance(found, RecordError)


def test_a_fingerprint_sees_every_array_and_forgives_what_is_new() -> None:
    problem: dict[str, Any] = {"a": np.arange(6.0)[::2], "parts": [Secret(np.ones(2), np.zeros(3))], "name": "x"}
    before = fingerprint(problem)
    assert set(before) == {"problem['a']", "problem['parts'][0].noisy", "problem['parts'][0].truth"}
    problem["worked out"] = np.ones(3)
    assert changed(before, problem) == []
    problem["parts"][0].truth[1] = 1e-300
    assert changed(before, problem) == ["problem['parts'][0].truth"]
