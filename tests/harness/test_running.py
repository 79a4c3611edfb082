from __future__ import annotations

import sys
import time
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import toy_suite as toys

from optathlon.cli.checking import verify_group
from optathlon.measure import plan_cell, run_cell
from optathlon.measure.clock import Clock
from optathlon.spec import Context, Method, Metric, Scale, Status, Suite, Workload
from optathlon.store import Group
from optathlon.store.encoding import encode_run


def busy(seconds: float) -> None:
    """Work for so many CPU seconds of this thread, and hence at least as many of the wall's, whatever other threads do."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def suite_of(run: object, *metrics: Metric) -> Suite:
    def value(problem: float, answer: float) -> float:
        busy(0.02)
        return float(answer)

    return Suite(
        name="probe",
        version="1",
        title="",
        source="",
        workloads=(Workload(name="w", make=lambda rng, device: 1.0, scale=Scale.SMOKE),),
        methods=(Method(name="m", run=run),),  # type: ignore[arg-type]
        metrics=(Metric(name="value", unit="1", better="lower", evaluate=value), *metrics),
        reference_method="m",
    )


def measure(suite: Suite, seed: int = 0):
    return run_cell(suite, suite.workloads[0], suite.methods[0], "cpu", seed)


def test_the_clock_stands_still_while_the_harness_looks() -> None:
    def method(problem: float, context: Context) -> float:
        for step in range(10):
            busy(0.005)
            context.observe(step, problem)  # each look costs 0.02 s
        return problem

    record = measure(suite_of(method))
    assert record.cpu_seconds is not None
    assert 0.05 <= record.cpu_seconds < 0.15  # 0.05 s of its own, 0.2 s of looking
    seconds = [point[1] for point in record.trace]
    assert seconds == sorted(seconds)
    assert len(record.trace) == 11


@pytest.mark.parametrize("looks", [1, 199, 200, 201, 5000])
def test_traces_are_thinned_to_two_hundred_points(looks: int) -> None:
    def method(problem: float, context: Context) -> float:
        for step in range(looks):
            context.observe(step, step)
        return -1.0

    suite = suite_of(method)
    quick = replace(suite, metrics=(Metric(name="value", unit="1", better="lower", evaluate=lambda p, a: float(a)),))
    record = measure(quick)
    steps = [point[0] for point in record.trace]
    assert len(steps) <= 200
    assert steps[0] == 0
    assert steps == sorted(set(steps))
    assert record.trace[-1][2] == -1.0
    assert len(steps) >= min(looks, 60)


def test_traced_metrics_stand_beside_the_one_that_ranks() -> None:
    def method(problem: float, context: Context) -> float:
        for step in range(3):
            context.observe(step, step)
        return 3.0

    further = [Metric(name=f"square-{n}", unit="1", better="lower", evaluate=lambda p, a: a**2, traced=n > 0) for n in (0, 1)]
    record = measure(suite_of(method, *further))
    assert record.cell.traced == ("value", "square-1")
    assert [(step, *scores) for step, _, *scores in record.trace] == [(0, 0, 0), (1, 1, 1), (2, 2, 4), (3, 3, 9)]


def test_a_traced_metric_that_is_not_finite_ends_the_run() -> None:
    def method(problem: float, context: Context) -> float:
        context.observe(7, 0.0)
        return 1.0

    inverse = Metric(name="inverse", unit="1", better="lower", evaluate=lambda p, a: float(np.divide(1.0, a)), traced=True)
    with np.errstate(divide="ignore"):
        record = measure(suite_of(method, inverse))
    assert record.status is Status.DIVERGED
    assert "step 7" in record.reason


@pytest.mark.parametrize(("metric", "agrees"), [({"timed": True}, True), ({"unit": "B"}, True), ({}, False)])
def test_a_metric_that_follows_the_clock_is_not_verified_to_the_last_bit(metric: dict[str, object], agrees: bool) -> None:
    fields = {"name": "clock", "unit": "1", "better": "lower", "evaluate": lambda p, a: time.perf_counter()}
    suite = suite_of(lambda problem, context: 2.0, Metric(**fields | metric))  # type: ignore[arg-type]
    record = measure(suite)
    findings = list(verify_group(suite, Group(record.cell, [encode_run(record)])))
    assert {finding.what for finding in findings} == {"status", "value"} | (set() if agrees else {"clock"})
    assert all(finding.agrees for finding in findings) == agrees


def test_exhibits_are_kept_with_the_run() -> None:
    suite = suite_of(lambda problem, context: 2.0)
    shown = replace(suite, exhibit=lambda problem, answer: {"curve": np.arange(3) * answer, "picture.png": "aGFsbG8="})
    record = measure(shown)
    assert record.exhibits == {"curve": [0.0, 2.0, 4.0], "picture.png": "aGFsbG8="}
    assert record.reason == ""


@pytest.mark.parametrize("shown", [{"curve": [0.0] * 30_000}, {"thing": object()}, None])
def test_an_exhibit_that_fails_leaves_the_scores(shown: object) -> None:
    record = measure(replace(suite_of(lambda problem, context: 2.0), exhibit=lambda problem, answer: shown))  # type: ignore[arg-type, return-value]
    assert record.status is Status.OK
    assert record.scores == {"value": 2.0}
    assert record.exhibits == {}
    assert record.reason.startswith("no exhibits:")


def test_sections_are_the_methods_own_seconds() -> None:
    def method(problem: float, context: Context) -> float:
        busy(0.01)
        with context.section("inner"):
            busy(0.02)
            context.observe(1, problem)
        with context.section("inner"):
            busy(0.02)
        return problem

    derived = Metric(name="inner-seconds", unit="s", better="lower", derive=lambda run: run.sections["inner"])
    record = measure(suite_of(method, derived))
    assert record.seconds is not None
    assert 0.04 <= record.scores["inner-seconds"] <= record.seconds
    assert record.seconds - record.sections["inner"] >= 0.01


def test_a_solve_that_numba_compiles_in_says_so() -> None:
    import numba

    kernel = numba.njit(lambda x: x + 1.0)
    record, again = (measure(suite_of(lambda problem, context: kernel(problem))) for _ in range(2))
    assert "numba compiled for" in record.reason
    assert record.status is Status.OK
    assert again.reason == ""


def test_a_solve_that_imports_a_library_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    wave = ".".join(("scipy", "io", "wavfile"))  # a name that nobody reads off the code
    monkeypatch.delitem(sys.modules, wave, raising=False)
    record, again = (measure(suite_of(lambda problem, context: import_module(wave) and problem)) for _ in range(2))
    assert "modules of scipy were imported while the clock ran" in record.reason
    assert record.status is Status.OK
    assert again.reason == ""


def test_a_section_left_by_an_exception_is_still_booked() -> None:
    clock = Clock("cpu")
    clock.start()
    with pytest.raises(KeyError), clock.section("broken"):
        raise KeyError
    clock.stop()
    assert set(clock.sections) == {"broken"}


@pytest.mark.parametrize(
    "answer",
    [np.array([1.0, np.nan]), np.array([np.inf]), [np.ones(2), np.array([np.nan])], {"a": np.array([np.nan])}, float("nan")],
)
def test_an_answer_that_is_not_finite_has_diverged(answer: object) -> None:
    suite = suite_of(lambda problem, context: answer)
    lenient = Metric(name="value", unit="1", better="lower", evaluate=lambda p, a: float(a) if isinstance(a, float) else 0.0)
    record = measure(replace(suite, metrics=(lenient,)))
    assert record.status is Status.DIVERGED
    assert record.scores == {}


def test_a_trace_that_leaves_the_finite_numbers_ends_the_run_and_stays() -> None:
    def method(problem: float, context: Context) -> float:
        for step in range(5):
            context.observe(step, np.nan if step == 3 else 1.0)
        return 0.0

    record = measure(suite_of(method))
    assert record.status is Status.DIVERGED
    assert "step 3" in record.reason
    assert [point[0] for point in record.trace] == [0, 1, 2]


def test_peak_memory_is_what_the_method_allocates() -> None:
    def method(problem: float, context: Context) -> float:
        return float(np.ones(25_000_000)[-1])  # 200 MB

    record = measure(suite_of(method))
    assert record.peak_memory is not None
    assert 1.9e8 < record.peak_memory < 2.6e8


def test_every_method_gets_the_same_instance_and_its_own_randomness() -> None:
    seen: list[np.ndarray] = []

    def method(problem: np.ndarray, context: Context) -> np.ndarray:
        seen.append(problem)
        return context.rng.normal(size=3)

    suite = toys.SUITE
    for name in ("one", "two"):
        entry = Method(name=name, run=method)
        run_cell(suite, suite.workload("vector"), entry, "cpu", 3)
    assert np.array_equal(seen[0], seen[1])


def test_the_key_changes_with_all_that_decides_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    suite = toys.SUITE
    workload, method = suite.workload("vector"), suite.method("halves")

    def key(**changes: object) -> str:
        entries = {"suite": suite, "workload": workload, "method": method, "machine": "here"} | changes
        return plan_cell(**entries).key  # type: ignore[arg-type]

    plain = key()
    assert key() == plain
    assert key(suite=replace(suite, version="2")) != plain
    assert key(workload=replace(workload, name="other")) != plain
    assert key(workload=replace(workload, make=toys.make_absent)) != plain
    assert key(method=replace(method, settings={"kind": "other"})) != plain
    assert key(method=replace(method, run=toys.draws)) != plain
    assert key(machine="there") != plain
    monkeypatch.setenv("OPTATHLON_THREADS", "2")
    assert key() != plain
    monkeypatch.delenv("OPTATHLON_THREADS")
    monkeypatch.setattr("optathlon.measure.environment.versions", lambda modules: {"numpy": "0.1"})
    assert key() != plain
    monkeypatch.undo()
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    assert key() != plain
    monkeypatch.undo()
    monkeypatch.setattr("optathlon.measure.arithmetic.kernels", lambda pins=None: {"numpy": "Zen"})
    assert key() != plain
    monkeypatch.undo()
    assert key() == plain


def test_a_workload_may_be_ranked_by_another_metric() -> None:
    other = Metric(name="other", unit="1", better="higher", evaluate=lambda problem, answer: 2.0 * answer)

    def method(problem: float, context: Context) -> float:
        context.observe(0, 5.0)
        return problem

    suite = suite_of(method, other)
    suite = replace(suite, workloads=(replace(suite.workloads[0], metric="other"),))
    record = measure(suite)
    assert [metric.name for metric in record.cell.metrics] == ["other", "value"]
    assert [point[2] for point in record.trace] == [10.0, 2.0]
    with pytest.raises(KeyError, match="has no metric"):
        replace(suite, workloads=(replace(suite.workloads[0], metric="nothing"),))
