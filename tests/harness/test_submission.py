"""What is refused of a request with a method and its records: each cheat with its sentence; and the draw of what is run again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toy_suite

from optathlon.cli import pinned
from optathlon.cli.checking import draw, verify_sample
from optathlon.cli.submitting import _check_out, changed_files, touched
from optathlon.judge.submission import changed_declarations, missing_runs, record_faults
from optathlon.measure import Job, arithmetic, plan_cell, run_jobs
from optathlon.store import Group, add_verified, load_verified, to_groups


@pytest.fixture(scope="module")
def measured() -> list[Group]:
    """Return the records of two methods on all seeds of a workload."""
    suite, jobs = toy_suite.SUITE, []
    for name in ("halves", "draws"):
        workload, method = suite.workload("vector"), suite.method(name)
        cell = plan_cell(suite, workload, method, machine="here")
        jobs += [Job(suite, workload, method, cell, seed, 10.0, 2**29) for seed in range(3)]
    records = [replace(record, commit="abc", dirty=False) for record in run_jobs(jobs)]
    return to_groups(records)


def _faults(group: Group, declared: Any, known: Callable[[str], bool] = lambda commit: commit == "abc") -> list[str]:
    return list(record_faults(group, declared, {}, known))


def test_an_honest_record_has_no_fault(measured: list[Group]) -> None:
    for group in measured:
        assert _faults(group, group.cell) == []
    assert list(missing_runs([], {"toy": toy_suite.SUITE})) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dirty": True}, "working tree with changes"),
        ({"commit": "fed"}, "cannot be reached from the head"),
        ({"commit": ""}, "no commit"),
        ({"cpu_seconds": 1e3}, "CPU seconds cannot be spent"),
        ({"seconds": None}, "must have its seconds"),
        ({"status": "needs-data"}, "nothing was measured"),
        ({"status": "needs-device", "seconds": None}, "nothing was measured"),
        ({"trace": [[0, 0.2, 1.0], [1, 0.1, 0.5]], "seconds": 0.3}, "trace must increase"),
        ({"trace": [[0, 0.1, 1.0], [1, 9.0, 0.5]], "seconds": 0.3}, "after the 0.3 s of the whole run"),
    ],
)
def test_a_run_that_cannot_be(measured: list[Group], change: dict[str, Any], sentence: str) -> None:
    group = measured[0]
    run = {name: value for name, value in (group.runs[0] | change).items() if value is not None}
    assert any(sentence in fault for fault in _faults(group._replace(runs=[run]), group.cell))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"code": "0" * 64}, "is not the code at the head"),
        ({"settings": {"kind": "tuned"}}, "settings must be as declared"),
        ({"target": 1e9}, "target must be as declared"),
        ({"key": "0" * 64}, "its key is not that of the head"),
        ({"data": {"moon": "0" * 64}}, "must have the checksum"),
    ],
)
def test_a_record_unlike_the_head(measured: list[Group], change: dict[str, Any], sentence: str) -> None:
    group = measured[0]
    assert any(sentence in fault for fault in _faults(group._replace(cell=replace(group.cell, **change)), group.cell))


def test_cherries_are_not_picked(measured: list[Group]) -> None:
    picked = [measured[0]._replace(runs=measured[0].runs[:2])]
    faults = list(missing_runs(picked, {"toy": toy_suite.SUITE}))
    assert any("toy vector halves: seeds 2 are missing" in fault for fault in faults)
    assert any("toy absent halves: seeds 0 are missing" in fault for fault in faults)


def test_the_newest_file_of_an_address_holds_all_seeds(measured: list[Group]) -> None:
    """What the board shows was complete only together with an older file."""
    group, suites = measured[0], {"toy": toy_suite.SUITE}
    old, new = group._replace(turn=1), group._replace(turn=2, runs=group.runs[1:2])
    for faults in (missing_runs([old, new], suites), missing_runs([new], suites, [old, new])):
        assert any("toy vector halves: seeds 0, 2 are missing" in fault for fault in faults)
    assert not any("toy vector" in fault for fault in missing_runs([new, group._replace(turn=3)], suites))


def test_further_seeds_are_not_chosen(measured: list[Group]) -> None:
    def beyond(*seeds: int) -> list[str]:
        further = [measured[0].runs[0] | {"seed": seed} for seed in seeds]
        groups = [measured[0]._replace(runs=measured[0].runs + further)]
        return [fault for fault in missing_runs(groups, {"toy": toy_suite.SUITE}) if "toy vector" in fault]

    assert beyond(3, 4) == []
    assert "seeds 3 are missing" in beyond(17)[0]


def test_a_key_is_worked_out_under_the_conditions_of_a_record(measured: list[Group]) -> None:
    """Scores under a metric that was changed and changed back had the code of the head."""
    cell = measured[0].cell
    other = replace(cell.environment, machine="there", versions={"numpy": "0"})
    suite, workload = toy_suite.SUITE, toy_suite.SUITE.workload(cell.workload)
    method = suite.method(cell.method)
    assert plan_cell(suite, workload, method, conditions=cell.environment).key == cell.key
    assert plan_cell(suite, workload, method, conditions=other).key != cell.key


def test_the_reference_method_stands_beside_what_is_submitted(measured: list[Group]) -> None:
    """Without it nobody could compare seconds, and every row that is drawn would be denied."""
    reference, submitted = sorted(measured, key=lambda group: group.cell.method != toy_suite.SUITE.reference_method)
    suites = {"toy": toy_suite.SUITE}
    alone = list(missing_runs([submitted], suites))
    missing = f"toy vector {reference.cell.method}: seeds 0, 1, 2 are missing"
    assert any(fault.startswith(missing) and "reference method" in fault for fault in alone)
    for together in (missing_runs([submitted, reference], suites), missing_runs([submitted], suites, [reference])):
        assert not any("toy vector" in fault for fault in together)


def test_posts_are_not_moved() -> None:
    base = {"toy": {"workload": {"a": "1", "b": "1"}, "metric": {"m": "1"}}}
    head = {"toy": {"workload": {"a": "1", "new": "1"}, "metric": {"m": "2"}}}
    assert len(list(changed_declarations(base, head))) == 2
    assert list(changed_declarations(base, base)) == []


@pytest.mark.parametrize("kind", ["suite", "claim", "code"])
def test_neither_claims_nor_other_methods_are_changed(kind: str) -> None:
    base, head = ({"toy": {kind: {"old": digest}}} for digest in "12")
    (fault,) = changed_declarations(base, head)
    assert "old is changed" in fault
    assert list(changed_declarations(base, {"toy": {kind: {"old": "1", "mine": "1"}}})) == []


@pytest.mark.parametrize(
    ("methods", "faults"),
    [
        ({"old": ["a", "b"], "mine": ["a"]}, 0),  # a workload that invites the new method is what it was
        ({"old": ["a", "b", "new"]}, 0),
        ({"old": ["a"]}, 1),
        ({"mine": ["a"]}, 1),
    ],
)
def test_a_request_moves_no_method_of_others(methods: dict[str, list[str]], faults: int) -> None:
    base = {"toy": {"workload": {"a": "1", "b": "1"}, "method": {"old": ["a", "b"]}}}
    head = {"toy": {"workload": {"a": "1", "b": "1", "new": "1"}, "method": methods}}
    assert len(list(changed_declarations(base, head))) == faults


def test_records_of_others_are_not_touched(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        settings = ("-c", "user.name=n", "-c", "user.email=e@x")
        return subprocess.run(
            ["git", *settings, "-C", str(tmp_path), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    git("init", "-q")
    files = {name: tmp_path / f"results/records/{name}/s/w/m@cpu.0.json" for name in ("theirs", "also", "mine", "second")}
    for name in ("theirs", "also"):
        files[name].parent.mkdir(parents=True)
        files[name].write_text("{}")
    git("add", "-A")
    git("commit", "-qm", "base")
    base = git("rev-parse", "HEAD")
    files["theirs"].unlink()
    files["also"].write_text("[]")
    for name in ("mine", "second"):
        files[name].parent.mkdir(parents=True)
        files[name].write_text("{}\n")
    (tmp_path / "results/verified.json").write_text("[]")
    git("add", "-A")
    git("commit", "-qm", "head")
    added, faults = touched(changed_files(tmp_path, base, git("rev-parse", "HEAD")))
    assert added == ["results/records/mine/s/w/m@cpu.0.json", "results/records/second/s/w/m@cpu.0.json"]
    said = "\n".join(faults)
    assert "machine theirs that are on the board are never deleted" in said
    assert "machine also that are on the board are never changed" in said
    assert "results/verified.json" in said
    assert "records of one machine" in said


def test_links_and_strange_names_are_no_records(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        settings = ("-c", "user.name=n", "-c", "user.email=e@x")
        subprocess.run(["git", *settings, "-C", str(tmp_path), *arguments], check=True)

    git("init", "-q")
    folder = tmp_path / "results/records/mine/s/w"
    folder.mkdir(parents=True)
    (folder / "first.json").write_text("{}")
    (tmp_path / "kept.txt").write_text("")
    git("add", "kept.txt")
    git("commit", "-qm", "base")
    (folder / "second.json").symlink_to("first.json")
    (folder.parent / "shallow.json").write_text("{}")
    (folder / "\u202e.json").write_text("{}")
    with open(os.fsencode(folder) + b"/\xff.json", "w") as stream:  # no UTF-8
        stream.write("{}")
    (tmp_path / ".gitattributes").write_text("kept.txt export-ignore\n")
    git("add", "-A")
    git("commit", "-qm", "head")
    added, faults = touched(changed_files(tmp_path, "HEAD~", "HEAD"))
    assert added[0] == "results/records/mine/s/w/first.json"
    assert all(path.isprintable() for path in added)
    assert [fault.partition(":")[0] for fault in faults] == [
        "results/records/mine/s/shallow.json",
        "results/records/mine/s/w/second.json",
    ]
    assert len(touched([("A", "results/records")])[1]) == len(touched([("M", "results/records")])[1]) == 1
    _check_out(tmp_path, "HEAD", tmp_path / "copy")
    assert (tmp_path / "copy/kept.txt").exists()  # `git archive` would leave it out


def test_the_draw_depends_on_the_salt(measured: list[Group]) -> None:
    drawn = {tuple((g.cell.method, r["seed"]) for g in draw(measured, 2, salt) for r in g.runs) for salt in "abcdefgh"}
    assert all(len(one) == 2 for one in drawn)
    assert len(drawn) > 1
    assert draw(measured, 2, "a") == draw(measured, 2, "a")


def test_seconds_that_a_run_beside_the_reference_method_denies_are_found_out(measured: list[Group], tmp_path: Path) -> None:
    suite = replace(toy_suite.SUITE, reference_method="draws")
    groups = [group._replace(cell=replace(group.cell, reference_method="draws")) for group in measured]
    halves = next(group for group in groups if group.cell.method == "halves")
    suites = {"toy": suite}
    honest = verify_sample(suites, groups, [halves], tmp_path, "here", 1e6, write=True)
    assert all(finding.agrees for finding in honest), honest
    assert list(load_verified(tmp_path).items()) == [(("here toy vector halves cpu", halves.cell.key), {0, 1, 2})]
    for clock, field in (("seconds", "seconds"), ("CPU seconds", "cpu_seconds")):
        faked = halves._replace(runs=[run | {field: 1e9} for run in halves.runs])  # beyond what a busy machine adds to a ratio
        found = verify_sample(suites, groups, [faked], tmp_path, "here", 1e3, write=False)
        assert [f.what for f in found if f.what.startswith(clock) and not f.agrees] == [f"{clock} / draws"] * 3
    bent = halves._replace(runs=[run | {"trace": run["trace"][:-1]} for run in halves.runs])
    found = verify_sample(suites, groups, [bent], tmp_path, "here", 1e6, write=False)
    assert [finding.what for finding in found if not finding.agrees] == ["trace"] * 3


@pytest.mark.parametrize("reference", ["on-cuda", "sleeps"])
def test_a_workload_without_the_reference_methods_runs_is_held_against_another(
    measured: list[Group], tmp_path: Path, reference: str
) -> None:
    """Every row of such a workload was denied, at the paper's scale after the hours that the reference method takes there."""
    suites = {"toy": replace(toy_suite.SUITE, reference_method=reference)}
    groups = [group._replace(cell=replace(group.cell, reference_method=reference)) for group in measured]
    halves = next(group for group in groups if group.cell.method == "halves")
    found = verify_sample(suites, groups, [halves], tmp_path, "here", 1e6, write=False)
    assert {finding.what for finding in found if "seconds" in finding.what} == {"seconds / draws", "CPU seconds / draws"}
    assert all(finding.agrees for finding in found), found
    alone = verify_sample(suites, [halves], [halves], tmp_path, "here", 1e6, write=False)
    assert not any("seconds" in finding.what for finding in alone)
    assert all(finding.agrees for finding in alone), alone


def test_a_drawn_run_is_repeated_in_its_recorded_arithmetic(
    measured: list[Group], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Portable records were run again in the arithmetic of the command, and denied for their last digits."""
    started = []

    def under(pins: dict[str, str], jobs: list[Job]) -> list[Any]:
        started.append((pins, [job.method.name for job in jobs]))
        return [replace(run, cell=replace(run.cell, environment=kept)) for run in run_jobs(jobs)]

    suite = replace(toy_suite.SUITE, reference_method="draws")
    halves = next(group for group in measured if group.cell.method == "halves")
    kept = replace(halves.cell.environment, kernels={"numpy": "another"}, arithmetic="portable")
    groups = [g._replace(cell=replace(g.cell, reference_method="draws", environment=kept)) for g in measured]
    drawn = next(group for group in groups if group.cell.method == "halves")
    monkeypatch.setattr(arithmetic, "pins_for", lambda kernels: {"OPENBLAS_CORETYPE": "Another"})
    monkeypatch.setattr(pinned, "run_under", under)
    found = verify_sample({"toy": suite}, groups, [drawn], tmp_path, "here", 1e6, write=False)
    assert started == [({"OPENBLAS_CORETYPE": "Another"}, ["halves", "draws"] * 3)]
    assert all(finding.agrees for finding in found), found
    assert any(finding.rule == "equal to the last bit" for finding in found)


def test_a_list_of_verified_runs_is_read_with_care(tmp_path: Path, measured: list[Group]) -> None:
    assert load_verified(tmp_path) == {}
    cell = measured[0].cell
    add_verified(tmp_path, [(cell, [1])], "there", "abc")
    add_verified(tmp_path, [(cell, [0])], "there", "abc")
    assert load_verified(tmp_path) == {("here toy vector halves cpu", cell.key): {0, 1}}
    (tmp_path / "verified.json").write_text('[{"key": 1}]')
    with pytest.raises(ValueError, match=r"verified\.json"):
        load_verified(tmp_path)


def test_nobody_submits_under_a_machine_of_the_project() -> None:
    changes = [("A", "results/records/ours/toy/vector/mine@cpu.0.json")]
    assert touched(changes)[1] == []
    (fault,) = touched(changes, frozenset({"ours"}))[1]
    assert "ours is a machine of the project" in fault
    assert "results/machines.json" in touched([("M", "results/machines.json")])[1][0]
