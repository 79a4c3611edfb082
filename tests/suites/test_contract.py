"""Every suite and every method through the same contract, at scale smoke."""

from __future__ import annotations

import inspect
import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from optathlon.measure import Job, plan_cell, run_jobs
from optathlon.registry import Registry
from optathlon.spec import RunRecord, Scale, Status, Suite
from optathlon.store import load_runs, save

FAILURES_THAT_ANSWER = {Status.DIVERGED}  # a method may leave the finite numbers and say so: that is a result


def jobs_of(suite: Suite) -> list[Job]:
    """Return two seeds of every method on every smoke workload, and seed 0 once more for determinism."""
    jobs = []
    for workload in suite.workloads:
        if workload.scale is not Scale.SMOKE:
            continue
        for method in suite.methods:
            if workload.invites(method) and "cpu" in method.devices:
                cell = plan_cell(suite, workload, method)
                seeds = (0, 0) if workload.exact else (0, 0, 1)
                jobs += [Job(suite, workload, method, cell, seed, workload.budget, workload.memory) for seed in seeds]
    return jobs


@pytest.fixture(scope="module", params=Registry().names())
def suite(request: pytest.FixtureRequest) -> Suite:
    return Registry().load(request.param)


@pytest.fixture(scope="module")
def records(suite: Suite) -> list[RunRecord]:
    return list(run_jobs(jobs_of(suite)))


def test_the_suite_is_named_after_its_folder_and_has_a_readme(suite: Suite) -> None:
    assert (Path(import_module(f"optathlon.suites.{suite.name}").__file__ or "").parent / "README.md").is_file()


def test_every_method_takes_part_in_some_smoke_workload(suite: Suite) -> None:
    smoke = [workload for workload in suite.workloads if workload.scale is Scale.SMOKE]
    assert smoke
    left_out = [m.name for m in suite.methods if not any(w.invites(m) for w in smoke)]
    assert left_out == []


def test_small_workloads_need_no_data_files(suite: Suite) -> None:
    from optathlon import data

    small = [w for w in suite.workloads if w.scale.order <= Scale.SMALL.order]
    assert [w.name for w in small if any(data.dataset(name).files for name in w.data)] == []


def test_every_cell_ends_ok_or_says_that_it_diverged(records: list[RunRecord]) -> None:
    bad = [
        (record.cell.workload, record.cell.method, str(record.status), record.reason)
        for record in records
        if record.status is not Status.OK and record.status not in FAILURES_THAT_ANSWER
    ]
    assert bad == []
    assert any(record.status is Status.OK for record in records)


def test_nothing_is_compiled_or_imported_while_the_clock_runs(records: list[RunRecord]) -> None:
    doubts = [(record.cell.method, record.reason) for record in records if record.status is Status.OK and record.reason]
    assert doubts == []


def test_scores_are_finite_and_come_with_their_seconds(suite: Suite, records: list[RunRecord]) -> None:
    for record in records:
        if record.status is Status.OK:
            assert record.cell.metrics[0].name in record.scores
            assert all(np.isfinite(value) for value in record.scores.values())
            assert record.seconds is not None
            assert record.seconds >= 0
            assert len(record.trace) <= 201


def test_the_same_cell_gives_the_same_score_to_the_last_bit(suite: Suite, records: list[RunRecord]) -> None:
    timed = {metric.name for metric in suite.metrics if not metric.repeatable}
    first: dict[tuple[str, str, int], dict[str, float]] = {}
    for record in records:
        scores = {name: value for name, value in record.scores.items() if name not in timed}
        known = first.setdefault((record.cell.workload, record.cell.method, record.seed), scores)
        assert known == scores, (record.cell.workload, record.cell.method, record.seed)


def test_settings_are_json_and_methods_name_their_source(suite: Suite) -> None:
    for method in suite.methods:
        assert json.loads(json.dumps(dict(method.settings))) == dict(method.settings)
        assert method.reference, method.name


def test_settings_are_what_a_method_is_called_with(suite: Suite) -> None:
    for method in suite.methods:
        bound = inspect.signature(method.run).bind(None, None, **method.settings)  # TypeError where one is not taken
        assert len(bound.args) + len(bound.kwargs) == 2 + len(method.settings), method.name


def test_records_survive_the_disk(records: list[RunRecord], tmp_path: Path) -> None:
    for record in records:
        save(tmp_path, record)
    for record in records:
        assert load_runs(tmp_path, record.cell)[record.seed].scores.keys() == record.scores.keys()


def test_claims_are_complete_sentences_with_a_source(suite: Suite) -> None:
    for claim in suite.claims:
        assert claim.source
        assert len(claim.statement.split()) >= 3, claim.id
