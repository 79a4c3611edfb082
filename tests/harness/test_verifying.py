"""What makes a cell that was run again agree with its record: on other kernels by chance's own measure, and in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy_suite
from typer.testing import CliRunner

from optathlon import store
from optathlon.cli import common
from optathlon.cli.main import app
from optathlon.judge import findings_beyond_scores, findings_of
from optathlon.measure import Job, plan_cell, run_jobs
from optathlon.registry import Registry
from optathlon.spec import Cell, RunRecord, Status, Suite


def cell(**fields: object) -> Cell:
    suite = toy_suite.SUITE
    return replace(plan_cell(suite, suite.workload("vector"), suite.method("draws"), machine="here"), **fields)  # type: ignore[arg-type]


CELL = cell(exact=False)


def recorded(norms: Sequence[float] | np.ndarray, of: Cell = CELL) -> list[RunRecord]:
    return [RunRecord(cell=of, seed=seed, status=Status.OK, scores={"norm": float(norm)}) for seed, norm in enumerate(norms)]


def agrees(
    was: Sequence[float] | np.ndarray, now: Sequence[float] | np.ndarray, of: Cell = CELL, suite: Suite = toy_suite.SUITE
) -> bool:
    """Return whether the first seeds of a record, run again on other kernels, agree with it."""
    here = replace(of, environment=replace(of.environment, kernels={"numpy": "another"}))
    known, again = recorded(was, of), {run.seed: run for run in recorded(now, here)}
    found = findings_of(suite, of, known[: len(now)], here, again, cell_runs=known)
    (score,) = [finding for finding in found if finding.what == "norm"]
    return score.agrees


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize("drawn", [1, 3])
def test_a_chaotic_iteration_is_seldom_denied_for_what_its_last_bits_made_of_it(n: int, drawn: int) -> None:
    """One drawn seed of five had to agree to 1e-6: 5 of 279 honest numbers were denied on another maker's processor."""
    rng = np.random.default_rng(n)
    draws = rng.normal(size=(1000, n + drawn))
    denied = np.mean([not agrees(row[:n], row[n:]) for row in draws])
    assert denied <= 0.01 + 3 * (0.01 / 1000) ** 0.5
    hits = rng.random((300, n + drawn)) < 0.9
    assert np.mean([not agrees(row[:n], row[n:]) for row in hits]) <= 0.03


def test_scores_that_the_spread_does_not_explain_are_denied() -> None:
    was = np.random.default_rng(0).normal(1.0, 0.01, size=5)
    assert not agrees(was - 0.2, was[:1])
    assert not agrees(was - 0.2, was)
    assert agrees(was, was * (1 + 1e-7))
    assert not agrees(np.ones(20), np.zeros(20))


def test_only_what_can_be_counted_is_counted() -> None:
    """Norms of 0 on each of five seeds, which are no share of anything, explained any mean up to 0.8."""
    assert not agrees(np.zeros(5), [0.9])
    assert not agrees(np.zeros(5), np.full(5, 0.5))
    assert agrees(np.zeros(5), [1.0])  # one of six


@pytest.mark.parametrize(("trials", "new", "agreed"), [(1, 0.9, True), (1, 0.5, True), (50, 0.9, False), (50, 0.98, True)])
def test_trials_of_a_fraction_are_counted(trials: int, new: float, agreed: bool) -> None:
    """Shares of 1 over five times 50 trials explained one of 0.5, as if each were a trial."""
    share = replace(toy_suite.SUITE.metrics[0], unit="fraction")
    suite = replace(
        toy_suite.SUITE,
        workloads=tuple(replace(one, trials=trials) for one in toy_suite.SUITE.workloads),
        metrics=(share, *toy_suite.SUITE.metrics[1:]),
    )
    assert agrees(np.ones(5), [new], suite=suite) == agreed


def test_scores_of_failed_runs_explain_nothing() -> None:
    was, here = recorded([1.0, 1.01, 0.99]), replace(CELL, environment=replace(CELL.environment, kernels={"numpy": "another"}))
    known = [*was, replace(was[0], seed=9, status=Status.DIVERGED, scores={"norm": 1e9})]
    found = findings_of(toy_suite.SUITE, CELL, was[:1], here, {0: recorded([5.0], here)[0]}, cell_runs=known)
    assert [finding.agrees for finding in found if finding.what == "norm"] == [False]


def test_a_metric_that_came_after_a_record_is_nothing_to_compare() -> None:
    here = replace(CELL, environment=replace(CELL.environment, kernels={"numpy": "another"}))
    (old,), (new,) = recorded([1.0]), recorded([1.0], here)
    before = replace(CELL, metrics=CELL.metrics[1:])
    found = list(findings_of(toy_suite.SUITE, before, [replace(old, scores={})], here, {0: new}))
    assert [finding.what for finding in found] == ["metrics", "status"]


def test_a_score_that_a_record_leaves_out_is_missed() -> None:
    """On other kernels what a record did not say of a seed was not asked: a bad score could be left out."""
    here = replace(CELL, environment=replace(CELL.environment, kernels={"numpy": "another"}))
    was, now = recorded([1.0, 1.1, 0.9]), recorded([1.0, 1.1, 0.9], here)
    without = [*was[:2], replace(was[2], scores={})]
    for drawn in (without, without[2:]):
        found = findings_of(toy_suite.SUITE, CELL, drawn, here, {run.seed: run for run in now}, cell_runs=without)
        assert [finding.agrees for finding in found if finding.what == "norm"] == [False]


def test_one_seed_and_a_cell_free_of_chance_agree_to_the_sixth_digit() -> None:
    assert agrees([1.0], [1 + 1e-7])
    assert not agrees([1.0], [1 + 1e-5])
    exact = cell(exact=True)
    assert agrees([1.0, 2.0], [1.0, 2 + 1e-7], exact)
    assert not agrees([1.0, 2.0], [1.0, 2 + 1e-5], exact)


def test_what_no_board_shows_is_not_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A method of an older version of the suite, superseded on every board, denied a folder whose board is right."""
    monkeypatch.setattr(common, "registry", lambda: Registry([Path(toy_suite.__file__)]))
    store.save(tmp_path, replace(recorded([1.0])[0], cell=replace(CELL, suite_version="0", method="gone", key="a" * 64)))
    suite = toy_suite.SUITE
    workload, method = suite.workload("vector"), suite.method("draws")
    (run,) = run_jobs([Job(suite, workload, method, plan_cell(suite, workload, method, machine="here"), 0, 60.0, 2**29)])
    store.save(tmp_path, run)
    ended = CliRunner().invoke(app, ["verify", "--results", str(tmp_path), "--machine", "here"])
    assert ended.exit_code == 0, ended.stdout
    assert "gone" not in ended.stdout


@pytest.mark.parametrize(
    ("was", "new", "agrees"),
    [(2**30, 2**30, True), (2**30, 3 * 2**28, True), (1, 2**30, False), (2**32, 2**30, False), (1, 2**24, True), (1, None, True)],
)
def test_memory_is_compared(was: int, new: int | None, agrees: bool) -> None:
    """A submission could claim any: nobody looked."""
    run = recorded([1.0])[0]
    pair = (replace(run, peak_memory=was), replace(run, peak_memory=new))
    found = findings_beyond_scores(run.cell, run.cell, [pair], run.cell.method, {}, 2.0)
    assert [finding.agrees for finding in found if finding.what == "peak memory"] == [agrees]


@pytest.mark.parametrize(
    ("was", "then", "new", "beside", "agrees"),
    [
        (5.0, 1.0, 5.0, 1.0, True),
        (0.05, 1.0, 5.0, 1.0, False),  # divided by a hundred
        (10.0, 2.0, 5.0, 1.0, True),  # a machine of half the speed
        (0.1, 2.0, 5.0, 1.0, False),
        (5.0, 1e-5, 5.0, 1e-3, True),  # a yardstick that is over before the clock has settled says nothing of the machine
        (15.0, 1e-3, 5.0, 1e-5, True),  # machines may well be unlike
        (0.05, 1e-5, 5.0, 1e-3, False),  # but not that much
        (500.0, 1e-5, 5.0, 1e-3, False),
        (0.0, 1.0, 5.0, 1.0, False),
        (1e-3, 1.0, 2e-3, 1.0, True),
        (5.0, 0.0, 5.0, 1.0, False),  # nothing to hold it against
    ],
)
def test_seconds_are_compared_by_their_ratio(was: float, then: float, new: float, beside: float, agrees: bool) -> None:
    run = recorded([1.0])[0]
    old, reference, again, repeated = (replace(run, seconds=s, cpu_seconds=s) for s in (was, then, new, beside))
    runs_beside = {run.seed: (reference, repeated)}
    found = findings_beyond_scores(run.cell, run.cell, [(old, again)], "halves", runs_beside, 2.0)
    assert [finding.agrees for finding in found if "seconds" in finding.what] == [agrees] * 2


@pytest.mark.parametrize("field", [{"trials": 50}, {"yardstick": True}, {"exact": True}, {"target": 7.0}])
def test_what_a_record_declares_is_what_is_declared_now(field: dict[str, object]) -> None:
    """As a yardstick a method is not ranked, and trials decide intervals of fractions: neither was looked at."""
    old = replace(CELL, **field)  # type: ignore[arg-type]
    found = findings_of(toy_suite.SUITE, old, recorded([1.0], old), CELL, {0: recorded([1.0])[0]})
    assert [finding.what for finding in found if not finding.agrees] == [*field]
