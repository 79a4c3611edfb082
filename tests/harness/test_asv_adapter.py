"""The classes that asv collects: each cell solved once, n/a where it should be, and only the checked-out commit measured."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import toy_suite

from optathlon import store
from optathlon.asv import adapter as asv_adapter
from optathlon.asv.adapter import DEVICES, Kernels, SuiteCells, WrongCommit, cells, require_measured_commit
from optathlon.data import dataset
from optathlon.judge import compare_groups
from optathlon.judge.comparing import Verdict
from optathlon.measure import environment
from optathlon.spec import MetricInfo, RunRecord, Status
from optathlon.store import Group, history_of

REPO = Path(__file__).parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Toy(SuiteCells):
    suite, version, seeds = "toy", "1", 3
    params = (cells({"vector": ("draws", "raises")}), DEVICES)


def offer(monkeypatch, suite):
    """Let the registry know this suite alone."""
    monkeypatch.setattr(asv_adapter, "Registry", lambda: SimpleNamespace(load=lambda name: {suite.name: suite}[name]))


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """Stand where asv puts a benchmark: in an empty folder, with its variables set, and the toy suite installed."""
    offer(monkeypatch, toy_suite.SUITE)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("ASV_COMMIT", COMMIT)
    monkeypatch.setenv("ASV_CONF_DIR", str(tmp_path))
    monkeypatch.setenv("OPTATHLON_MACHINE", "toy")
    known = environment.commit
    known.cache_clear()  # what another test's commit was does not count here, nor this one there
    yield tmp_path
    known.cache_clear()


def groups(folder):
    return [group for group in store.scan(folder) if isinstance(group, Group)]


# Numbers ------------------------------------------------------------------------------------------------------------


def test_numbers_are_finite_floats_of_one_solve(workplace):
    toy = Toy()
    toy.setup("vector/draws", "cpu")
    (group,) = groups(workplace / "cwd")
    assert toy.track_error("vector/draws", "cpu") == pytest.approx(np.mean([run["scores"]["norm"] for run in group.runs]))
    seconds = toy.track_seconds("vector/draws", "cpu")
    assert seconds == pytest.approx(np.median([run["cpu_seconds"] for run in group.runs]))
    assert type(seconds) is float
    assert np.isfinite(seconds)


def test_all_cells_are_solved_once_and_then_read(workplace, monkeypatch):
    monkeypatch.setattr(asv_adapter, "require_measured_commit", lambda: None)
    assert Toy().solve() is None  # what setup_cache returns is pickled and handed to every number
    assert {group.cell.method for group in groups(workplace / "cwd")} == {"draws", "raises"}  # a failure stops no other
    monkeypatch.setattr(asv_adapter.measure, "run_jobs", lambda jobs: pytest.fail("solved twice"))
    again = Toy()
    again.setup("vector/draws", "cpu")
    assert len(again.runs) == 3


def test_records_go_into_the_history_of_the_measured_commit(workplace):
    Toy().setup("vector/draws", "cpu")
    (kept,) = groups(history_of(workplace / "results", COMMIT))
    (here,) = groups(workplace / "cwd")
    assert {run["commit"] for run in kept.runs} == {COMMIT}
    assert [run["scores"] for run in kept.runs] == [run["scores"] for run in here.runs]
    assert not any("trace" in run for run in kept.runs)


def test_wrong_commit_solves_nothing(workplace):
    with pytest.raises(WrongCommit):
        Toy().solve()
    assert not groups(workplace / "cwd")


def test_unknown_commit_leaves_no_history(workplace, monkeypatch):
    monkeypatch.delenv("ASV_COMMIT")
    monkeypatch.setattr(asv_adapter.environment, "commit", lambda: ("", False))
    Toy().setup("vector/draws", "cpu")
    assert not (workplace / "results").exists()


def test_failed_cell_raises_its_reason_and_stays_in_the_history(workplace):
    toy = Toy()
    toy.setup("vector/raises", "cpu")
    for number in (toy.track_error, toy.track_seconds):
        with pytest.raises(RuntimeError, match=r"(?s)raises on vector, seed 0: error.*the method broke"):
            number("vector/raises", "cpu")
    (kept,) = groups(history_of(workplace / "results", COMMIT))
    assert {run["status"] for run in kept.runs} == {"error"}


@pytest.mark.parametrize(
    ("cell", "device", "why"),
    [
        ("vector/draws", "cuda", "does not run on vector on cuda"),
        ("vector/on-cuda", "cuda", "no CUDA device"),
        ("vector/unheard-of", "cpu", "has no method"),
        ("unheard-of/draws", "cpu", "has no workload"),
        ("absent/draws", "cpu", "moon"),
    ],
)
def test_what_cannot_run_is_not_applicable(workplace, monkeypatch, cell, device, why):
    monkeypatch.setattr(asv_adapter, "gpu", lambda: "")
    with pytest.raises(NotImplementedError, match=why):
        Toy().setup(cell, device)


def test_commit_with_another_version_or_without_the_suite_is_not_applicable(workplace, monkeypatch):
    offer(monkeypatch, replace(toy_suite.SUITE, version="2"))
    with pytest.raises(NotImplementedError, match="version 2 of toy, not 1"):
        Toy().setup("vector/draws", "cpu")
    offer(monkeypatch, replace(toy_suite.SUITE, name="other"))
    with pytest.raises(NotImplementedError, match="has no suite toy"):
        Toy().setup("vector/draws", "cpu")


@pytest.mark.parametrize(
    ("better", "unit", "value", "cost"),
    [
        ("lower", "1", 2.5, 2.5),
        ("lower", "1", -2.5, None),  # asv takes an unchanged negative number for an improvement
        ("higher", "fraction", 0.9, 0.1),
        ("higher", "1", 7.0, None),
    ],
)
def test_asv_gets_only_costs(better, unit, value, cost):
    metric = MetricInfo(name="m", unit=unit, better=better, tolerance=0.0)
    found = asv_adapter._as_cost(metric, value)
    assert np.isnan(found) if cost is None else found == pytest.approx(cost)


def test_kernels_solve(workplace):
    class Toys(Kernels):
        params = ("toy/vector/draws",)

    kernels = Toys()
    kernels.setup("toy/vector/draws")
    solved = []
    kernels.method = replace(kernels.method, run=lambda problem, context, *, rate: solved.append(problem), settings={"rate": 1})
    kernels.time_solve("toy/vector/draws")
    kernels.peakmem_solve("toy/vector/draws")
    assert [problem is kernels.problem for problem in solved] == [True, True]


# Short cells --------------------------------------------------------------------------------------------------------


def solved_in(monkeypatch, seconds, status=Status.OK):
    """Let each job take the CPU seconds that `seconds` gives for its seed."""

    def run(jobs):
        for job in jobs:
            yield RunRecord(
                cell=job.cell, seed=job.seed, status=status, scores={"norm": 1.0}, seconds=1.0, cpu_seconds=seconds(job.seed)
            )

    monkeypatch.setattr(asv_adapter.measure, "run_jobs", run)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (lambda seed: 1e-3 * (1 + 0.01 * (seed % 3)), 3),  # steady
        (lambda seed: 1e-3 * 10 ** (seed % 2), 20),  # never known
        (lambda seed: 1e-3 * (1 + seed % 2), 18),  # two speeds
        (lambda seed: 1e-5 * (1 + 3 * seed), 3),  # below what the gate looks at
        (lambda seed: 0.1 * (1 + seed), 3),  # long enough
    ],
)
def test_a_short_cell_is_repeated_until_its_seconds_are_known(workplace, monkeypatch, seconds, expected):
    solved_in(monkeypatch, seconds)
    toy = Toy()
    toy.setup("vector/draws", "cpu")
    assert len(toy.runs) == expected
    assert [run.seed for run in toy.runs] == list(range(expected))


def test_a_failed_cell_is_not_repeated(workplace, monkeypatch):
    solved_in(monkeypatch, lambda seed: 1e-3 * (1 + seed), Status.ERROR)
    toy = Toy()
    toy.setup("vector/draws", "cpu")
    assert len(toy.runs) == 3


def test_the_gate_sees_a_slow_down_of_a_short_cell_free_of_chance(workplace, monkeypatch):
    exact = replace(toy_suite.SUITE, workloads=tuple(replace(w, exact=True, seeds=1) for w in toy_suite.SUITE.workloads))
    offer(monkeypatch, exact)
    sides = []
    for side, slower in (("base", 1.0), ("head", 5.6)):
        (workplace / side).mkdir()
        monkeypatch.chdir(workplace / side)
        solved_in(monkeypatch, lambda seed, slower=slower: 1e-3 * slower * (1 + 0.3 * (seed % 3)))
        Toy().setup("vector/draws", "cpu")
        sides.append(groups(workplace / side))
    (row,) = [row for row in compare_groups(*sides) if row.metric == "cpu_seconds"]
    assert row.verdict is Verdict.REGRESSED


# The measured commit ------------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Return a repository with the packages in one commit, installed next to it, as asv has them."""
    repository, site = tmp_path / "repository", tmp_path / "site"
    for package in asv_adapter.PACKAGES:
        (repository / package / "deep").mkdir(parents=True)
        (repository / package / "__init__.py").write_text(f"NAME = {package!r}\n")
        (repository / package / "deep" / "module.py").write_text("VALUE = 1\n")
    shutil.copytree(repository, site)

    def git(*arguments):
        command = ["git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "packages")
    monkeypatch.setenv("ASV_CONF_DIR", str(repository))
    monkeypatch.setenv("ASV_COMMIT", git("rev-parse", "HEAD"))
    monkeypatch.setattr(asv_adapter, "__file__", str(site / "optathlon" / "asv_adapter.py"))
    return site


def test_the_checked_out_commit_is_accepted(checkout):
    require_measured_commit()


@pytest.mark.parametrize("fault", ["changed", "missing", "added"])
def test_anything_else_is_refused(checkout, fault):
    module = checkout / "baselines" / "deep" / "module.py"
    if fault == "changed":
        module.write_text("VALUE = 2\n")
    elif fault == "missing":
        module.unlink()
    else:
        (checkout / "suites" / "stale.py").write_text("")
    with pytest.raises(WrongCommit, match=r"(baselines/deep/module|suites/stale)\.py is not that commit's \(1 files"):
        require_measured_commit()


def test_commit_that_git_does_not_know_is_refused(checkout, monkeypatch):
    monkeypatch.setenv("ASV_COMMIT", COMMIT)
    with pytest.raises(WrongCommit, match="git cannot list"):
        require_measured_commit()


def test_nothing_is_checked_where_asv_manages_no_environment(checkout, monkeypatch):
    monkeypatch.delenv("ASV_COMMIT")
    (checkout / "suites" / "stale.py").write_text("")
    require_measured_commit()


# The files in benchmarks/ -------------------------------------------------------------------------------------------


def collected():
    """Return what asv collects, by its own discovery in a process of its own: benchmarks by name, and imported modules."""
    code = (
        "import json, sys; from asv_runner.discovery import disc_benchmarks\n"
        "found = {b.name: [b.version, b._params, str(b.setup_cache_key)] for b in disc_benchmarks('benchmarks')}\n"
        "print(json.dumps([found, [m for m in ('torch', 'cvxpy', 'numba', 'pandas', 'sklearn') if m in sys.modules]]))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True, timeout=300)
    return json.loads(out.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def door():
    pytest.importorskip("asv_runner")
    return collected()


def test_asv_imports_nothing_heavy(door):
    assert door[1] == []


def test_every_suite_has_its_door(door):
    from optathlon.registry import Registry

    assert {name.split(".")[0].removeprefix("bench_") for name in door[0]} == {*Registry().names(), "kernels"}


def test_literal_cells_and_versions_are_those_of_the_suites(door):
    from optathlon.registry import Registry

    for name, (version, params, _) in door[0].items():
        suite_name = name.split(".")[0].removeprefix("bench_")
        if suite_name == "kernels":
            addresses = [tuple(kernel.split("/")) for kernel in params[0]]
        else:
            assert version == Registry().load(suite_name).version, name
            addresses = [(suite_name, *cell.split("/")) for cell in params[0]]
            assert params[1] == list(DEVICES)
        for suite, workload, method in addresses:
            assert Registry().load(suite).workload(workload).invites(Registry().load(suite).method(method))
            assert Registry().load(suite).workload(workload).scale in ("smoke", "small")
            assert all(dataset(data).kind == "embedded" for data in Registry().load(suite).workload(workload).data)


def test_files_are_in_step_with_the_smoke_workloads():
    out = subprocess.run(
        [sys.executable, "-m", "benchmarks._doors", "--check"], cwd=REPO, capture_output=True, text=True, timeout=60
    )
    assert out.returncode == 0, out.stderr


def test_each_file_has_its_own_setup_cache(door):
    keys = {name.split(".")[0]: key for name, (_, _, key) in door[0].items()}
    assert all(key.startswith(module) for module, key in keys.items())
    assert len(set(keys.values())) == len(keys)
