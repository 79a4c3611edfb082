"""What other people's files may hold: what no run could have written is refused, and nothing of it decides."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_measuring import isolated, suite_of
from test_records import record_of

from optathlon import store
from optathlon.cli.checking import verify_group
from optathlon.spec import RunRecord, Status
from optathlon.store import Group, RecordError
from optathlon.store.encoding import encode_run


def saved(tmp_path: Path) -> tuple[Path, RunRecord]:
    record = isolated(suite_of(lambda problem, context: 1.0))
    store.save(tmp_path, record)
    return store.path_of(tmp_path, record.cell), record


def test_what_nests_or_is_no_regular_file_is_one_refused_file(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    text = path.read_text()
    path.with_name("deep.json").write_text(text.replace('"settings": {}', '"settings": {"a": ' + "[" * 900 + "]" * 900 + "}"))
    path.with_name("long.json").write_text(text.replace('"seconds":', '"limit":"' + "x" * 10**6 + '","seconds":'))
    path.with_name("zero.json").symlink_to("/dev/zero")
    os.mkfifo(path.with_name("fifo.json"))
    errors = [entry for entry in store.scan(tmp_path) if isinstance(entry, RecordError)]
    assert len(errors) == 4
    for error in errors:
        assert "\n" not in str(error)
        assert len(str(error).replace(str(tmp_path), "")) <= 200
    assert len([entry for entry in store.scan(tmp_path) if isinstance(entry, Group)]) == 1


@pytest.mark.parametrize("change", [{"finished": "zzzz"}, {"finished": "9999-01-01T00:00:00"}, {"seconds": -1.0}, {"limit": -5}])
def test_what_no_clock_could_have_said_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    _, record = saved(tmp_path)
    with pytest.raises(RecordError):
        store.save(tmp_path, replace(record, **change))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("metrics", 0, "unit"), None),
        (("metrics", 0, "unit"), ["s"]),
        (("metrics", 0, "name"), 5),
        (("metrics", 0, "traced"), "x"),
        (("metrics", 0, "tolerance"), -1.0),
        (("metrics", 1), {"name": "norm", "unit": "1", "better": "lower"}),
        (("trials",), 0),
        (("environment", "cores"), -1),
        (("environment", "os"), {}),
        (("environment", "versions", "numpy"), None),
        (("environment", "kernels", "numpy"), 3),
    ],
)
def test_a_cell_edited_by_hand_is_refused_with_a_sentence(tmp_path: Path, place: tuple[Any, ...], value: Any) -> None:
    store.save(tmp_path, record_of())
    (path,) = tmp_path.rglob("*.json")
    document = json.loads(path.read_text())
    part = document["cell"]
    for name in place[:-1]:
        part = part[name]
    if isinstance(part, list) and place[-1] == len(part):
        part.append(value)
    else:
        part[place[-1]] = value
    path.write_text(json.dumps(document))
    (found,) = store.scan(tmp_path)
    assert isinstance(found, store.RecordError)
    assert path.name in str(found)


def test_the_later_measurement_counts_when_the_clock_was_set_back(tmp_path: Path) -> None:
    _, record = saved(tmp_path)
    later = replace(record, cell=replace(record.cell, key="b" * 64), finished="2001-01-01T00:00:00.000+00:00")
    store.save(tmp_path, later)
    groups = [group for group in store.scan(tmp_path) if isinstance(group, Group)]
    assert len(groups) == 2
    assert [group.cell.key for group in store.newest(groups)] == ["b" * 64]
    store.save(tmp_path, replace(record, seed=1))
    groups = [group for group in store.scan(tmp_path) if isinstance(group, Group)]
    assert [group.cell.key for group in store.newest(groups)] == [record.cell.key], "whoever wrote last counts"


def test_a_direction_that_the_others_deny_is_refused(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        record = isolated(suite_of(lambda problem, context: 1.0))
        cell = replace(record.cell, method=name, reference_method="one")
        if name == "two":
            cell = replace(cell, metrics=tuple(replace(metric, better="higher") for metric in cell.metrics))
        store.save(tmp_path, replace(record, cell=cell))
    (error,) = [entry for entry in store.scan(tmp_path) if isinstance(entry, RecordError)]
    assert "two" in str(error)
    assert "higher is better" in str(error)


def test_control_characters_of_a_record_are_shown_as_escapes(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    path.write_text(path.read_text().replace('"seconds":', '"reason":"\\u001b[31m\u202e","seconds":'))
    group = store.read(path)
    assert group.runs[0]["reason"] == "\\x1b[31m\\u202e"


def test_half_written_files_of_killed_runs_are_swept(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    ended = subprocess.Popen(["true"])
    ended.wait()
    dead, alive = (path.with_name(f".{path.name}.{pid}") for pid in (ended.pid, os.getpid()))
    dead.write_text("half")
    alive.write_text("half")
    store.sweep(tmp_path)
    assert not dead.exists()
    assert alive.exists()


def test_a_forged_limit_does_not_make_a_timeout_verify(tmp_path: Path) -> None:
    suite = suite_of(lambda problem, context: 1.0)
    record = isolated(suite)
    forged = replace(record, status=Status.TIMEOUT, scores={}, limit=1e-6, trace=())
    findings = verify_group(suite, Group(record.cell, [encode_run(forged)]))
    assert not all(finding.agrees for finding in findings)
