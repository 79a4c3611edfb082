from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
import toy_suite

from optathlon import store
from optathlon.cli.execute import execute
from optathlon.measure import Job, plan_cell
from optathlon.spec import Cell, Environment, MetricInfo, RunRecord, Scale, Status
from optathlon.store import RecordError


def cell_of(method: str = "gda", key: str = "a" * 64, workload: str = "w") -> Cell:
    return Cell(
        suite="toy",
        suite_version="1",
        workload=workload,
        scale=Scale.SMOKE,
        method=method,
        settings=MappingProxyType({"step": 0.5}),
        metrics=(MetricInfo(name="norm", unit="1", better="lower"),),
        reference_method="gda",
        target=0.5,
        environment=Environment(machine="here", cpu="c", gpu="", os="o", python="3", versions={"numpy": "2"}, threads=1),
        key=key,
    )


def record_of(seed: int = 0, score: float = 0.1, cell: Cell | None = None, **fields: object) -> RunRecord:
    values = {"scores": {"norm": score}, "seconds": 0.25, "cpu_seconds": 0.2, "peak_memory": 10} | fields
    finished = f"2026-01-01T00:00:{seed:02d}"
    return RunRecord(cell=cell or cell_of(), seed=seed, status=Status.OK, trace=((0, 0.0, 1.0),), finished=finished, **values)  # type: ignore[arg-type]


def test_a_record_comes_back_as_it_went(tmp_path: Path) -> None:
    saved = [record_of(seed, 0.1 * seed) for seed in (2, 0, 1)]
    for record in saved:
        store.save(tmp_path, record)
    assert store.load_runs(tmp_path, saved[0].cell) == {record.seed: record for record in saved}


@pytest.mark.parametrize(("machine", "arithmetic"), [("here+portable", "native"), ("here", "x"), ("here+x+pinned", "portable")])
def test_no_machine_is_called_as_another_one_is_in_another_arithmetic(machine: str, arithmetic: str) -> None:
    """Two machines shared a board, from packs in another way than from JSON."""
    with pytest.raises(ValueError, match="arithmetic"):
        replace(cell_of(), environment=replace(cell_of().environment, machine=machine, arithmetic=arithmetic))


def test_a_record_from_before_arithmetic_was_kept_is_read(tmp_path: Path) -> None:
    store.save(tmp_path, record_of())
    path = store.path_of(tmp_path, cell_of())
    document = json.loads(path.read_text())
    for name in ("arithmetic", "kernels", "cores"):
        del document["cell"]["environment"][name]
    path.write_text(json.dumps(document))
    (record,) = store.load_runs(tmp_path, cell_of()).values()
    assert record.cell.environment.arithmetic == "native"
    assert record.cell.environment.kernels == {}
    assert (record.jobs, record.busy, record.load) == (None, None, None)


def test_the_file_has_one_line_a_run_and_no_torn_neighbours(tmp_path: Path) -> None:
    for seed in range(5):
        store.save(tmp_path, record_of(seed))
    path = store.path_of(tmp_path, cell_of())
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    lines = path.read_text().splitlines()
    assert sum('"seed":' in line for line in lines) == 5
    json.loads(path.read_text())


def test_another_key_is_another_measurement_and_supersedes_when_asked(tmp_path: Path) -> None:
    old, new = cell_of(key="a" * 64), cell_of(key="b" * 64)
    store.save(tmp_path, record_of(cell=old))
    assert store.load_runs(tmp_path, new) == {}
    store.save(tmp_path, record_of(9, cell=new))
    groups = [group for group in store.scan(tmp_path) if not isinstance(group, RecordError)]
    assert len(groups) == 2
    assert [group.cell.key for group in store.newest(groups)] == ["b" * 64]
    store.discard(tmp_path, new, before="2026-01-01T00:00:00")
    assert store.load_runs(tmp_path, old), "what is not older may be another run's, and stays"
    store.discard(tmp_path, new, before="2026-01-02")
    assert store.load_runs(tmp_path, old) == {}
    assert set(store.load_runs(tmp_path, new)) == {9}


def corrupted(path: Path, kind: str) -> None:
    document = json.loads(path.read_text())
    if kind == "truncated":
        path.write_text(path.read_text()[:-40])
        return
    if kind == "binary":
        path.write_bytes(os.urandom(200))
        return
    if kind == "newer schema":
        document["schema"] = store.SCHEMA + 1
    elif kind == "path in a name":
        document["cell"]["method"] = "../../../etc/passwd"
    elif kind == "html in a name":
        document["cell"]["workload"] = "<script>alert(1)</script>"
    elif kind == "moved":
        document["cell"]["method"] = "other"
    elif kind == "unknown status":
        document["runs"][0]["status"] = "great"
    elif kind == "score is text":
        document["runs"][0]["scores"]["norm"] = "0.1; rm -rf"
    elif kind == "score is null":
        document["runs"][0]["scores"]["norm"] = None
    elif kind == "scores are text":
        for run in document["runs"]:
            run["scores"] = "norm"
    elif kind == "seed is a float":
        document["runs"][0]["seed"] = 1.5
    elif kind == "runs are missing":
        del document["runs"]
    elif kind == "unknown field":
        document["cell"]["__class__"] = "evil"
    elif kind == "a seed twice":
        document["runs"] *= 2
    elif kind == "a trace of text":
        document["runs"][0]["trace"] = [[0, "<b>", 1.0]]
    elif kind == "a trace too wide":
        document["runs"][0]["trace"] = [[0, 0.0, 1.0, 2.0]]
    elif kind == "an exhibit of objects":
        document["runs"][0]["exhibits"] = {"curve": [{}]}
    elif kind == "no metrics":
        document["cell"]["metrics"] = []
    elif kind == "no direction":
        document["cell"]["metrics"][0]["better"] = "smaller"
    elif kind == "no score":
        document["runs"][0]["scores"] = {}
    elif kind == "an old schema":
        document["schema"] = 0
    elif kind == "a list":
        document = [document]
    path.write_text(json.dumps(document))


KINDS = (
    "truncated", "binary", "newer schema", "an old schema", "path in a name", "html in a name", "moved", "unknown status",
    "score is text", "score is null", "scores are text", "seed is a float", "runs are missing", "unknown field", "a list",
    "a seed twice", "a trace of text", "a trace too wide", "an exhibit of objects", "no metrics", "no direction", "no score",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_trusted_is_refused_with_the_files_name_and_kept(tmp_path: Path, kind: str) -> None:
    store.save(tmp_path, record_of())
    store.save(tmp_path, record_of(cell=cell_of("adam")))
    path = store.path_of(tmp_path, cell_of())
    corrupted(path, kind)
    content = path.read_bytes()
    found = list(store.scan(tmp_path))
    errors = [entry for entry in found if isinstance(entry, RecordError)]
    assert len(errors) == 1
    assert str(path) in str(errors[0])
    assert [entry.cell.method for entry in found if not isinstance(entry, RecordError)] == ["adam"]
    if kind != "moved":
        store.save(tmp_path, record_of(5))
        assert path.with_suffix(".refused").read_bytes() == content
        assert 5 in store.load_runs(tmp_path, cell_of())


def test_infinity_cannot_enter_a_file(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="a score must be a number"):
        store.save(tmp_path, record_of(score=float("nan")))
    assert list(store.scan(tmp_path)) == []


def _write_many(results: Path, first: int) -> None:
    for seed in range(first, first + 40):
        store.save(results, record_of(seed))


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(tmp_path, first)) for first in (0, 40)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert set(store.load_runs(tmp_path, cell_of())) == set(range(80))


RUN = """
import sys, time
from pathlib import Path
from dataclasses import replace
import toy_suite as toys
from optathlon.cli.execute import execute
from optathlon.measure import Job
from optathlon.measure import plan_cell

def slow(problem, context):
    time.sleep(0.02)
    return toys.draws(problem, context)

suite = toys.SUITE
workload, method = suite.workload("vector"), replace(suite.method("draws"), run=slow)
cell = plan_cell(suite, workload, method, machine="here")
jobs = [Job(suite, workload, method, cell, seed, 10.0, 2**29) for seed in range(40)]
execute([jobs], Path(sys.argv[1]), parallel=1, force=False)
"""


def _run(results: Path) -> subprocess.Popen[bytes]:
    folder = str(Path(__file__).parent)
    environment = os.environ | {"PYTHONPATH": folder}
    return subprocess.Popen([sys.executable, "-c", RUN, str(results)], env=environment, stderr=subprocess.PIPE)


@pytest.mark.parametrize("after", [1, 7, 20])
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, after: int) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert _run(whole).wait() == 0
    process = _run(broken)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        groups = [group for group in store.scan(broken) if not isinstance(group, RecordError)]
        if groups and len(groups[0].runs) >= after:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (group,) = store.scan(broken)
    assert not isinstance(group, RecordError)
    before = {run["seed"]: run["finished"] for run in group.runs}
    assert after <= len(before) < 40
    assert _run(broken).wait() == 0
    (finished,) = store.scan(broken)
    (reference,) = store.scan(whole)
    assert not isinstance(finished, RecordError)
    assert not isinstance(reference, RecordError)
    again = {run["seed"]: run["finished"] for run in finished.runs}
    assert {seed: again[seed] for seed in before} == before
    assert [run["scores"]["norm"] for run in finished.runs] == [run["scores"]["norm"] for run in reference.runs]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_meets_a_finaliser_still_ends_the_run(tmp_path: Path) -> None:
    """Python drops what is raised in a `__del__`: a run over a cluster went on to its end after Ctrl-C, with exit code 0."""
    suite = toy_suite.SUITE
    workload, method = suite.workload("vector"), suite.method("draws")
    cell = plan_cell(suite, workload, method, machine="here")
    jobs = [Job(suite, workload, method, cell, seed, 10.0, 2**29) for seed in range(3)]

    class Leaves:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def run(pending: list[Job], **options: object) -> Iterator[RunRecord]:
        for job in pending:
            yield RunRecord(cell=cell, seed=job.seed, status=Status.OK, scores={"norm": 1.0}, seconds=0.1)
            Leaves()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a test's process may ignore
    try:
        with pytest.raises(KeyboardInterrupt):
            execute([jobs], tmp_path, parallel=1, force=False, run=run)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(store.load_runs(tmp_path, cell)) == [0, 1]
