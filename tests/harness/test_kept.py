"""What is kept of a large board between commands: never stale, never false, and gone where anything is odd."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from test_large import METRICS, fill, run_of
from test_packs import write
from test_records import cell_of
from typer.testing import CliRunner, Result

from optathlon import store
from optathlon.cli import streaming
from optathlon.cli.main import app
from optathlon.judge import large
from optathlon.spec import Cell
from optathlon.store import kept, listing


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_WORTH_KEEPING", 0)
    monkeypatch.setattr(streaming, "_FEW", 3)
    monkeypatch.setattr(listing, "RACY", 0)
    monkeypatch.setenv("OPTATHLON_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPTATHLON_MACHINE", "here")


def board(results: Path, *arguments: str) -> Result:
    time.sleep(0.02)  # the clock of the file system moves on
    found = CliRunner().invoke(app, ["leaderboard", "--format", "csv", "--results", str(results), *arguments])
    assert found.exit_code == 0, found.output
    return found


def anew(results: Path, *arguments: str) -> str:
    """Return the board of somebody who remembers nothing, from JSON alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "_WORTH_KEEPING", 10**9)
        patch.setenv("OPTATHLON_CACHE", str(results / "nowhere"))
        patch.setattr(store, "sources", lambda results, **_: store.scanning.sources(results, packs=False))
        return board(results, *arguments).stdout


def lines_of(results: Path) -> dict[str, int]:
    """Return how often each folder's board is worked out for the next command."""
    counts: dict[str, int] = {}
    plan = large.plan

    def counted(*arguments: object, **named: object) -> large.Plan:
        found = plan(*arguments, **named)  # type: ignore[arg-type]
        for key in found.boards:
            counts[key[-1]] = counts.get(key[-1], 0) + 1
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large, "plan", counted)
        board(results)
    return counts


def plain(results: Path, *, workloads: int = 4) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = []
    for number in range(workloads):
        for method in ("a", "b", "c"):
            cell = replace(cell_of(method, workload=f"w{number}"), metrics=METRICS[0], key=f"{rng.integers(10**9):064d}")
            paths.append(write(results, cell, [run_of(rng, cell, seed, odd=0.0) for seed in range(5)]))
    return paths


def test_only_what_has_changed_is_worked_out(tmp_path: Path) -> None:
    paths = plain(tmp_path)
    assert lines_of(tmp_path) == {f"w{n}": 1 for n in range(4)}
    assert lines_of(tmp_path) == {}
    document = orjson.loads(paths[4].read_bytes())
    document["runs"].append(document["runs"][-1] | {"seed": 99})
    paths[4].write_bytes(orjson.dumps(document))
    assert lines_of(tmp_path) == {"w1": 1}
    assert lines_of(tmp_path) == {}
    assert board(tmp_path).stdout == anew(tmp_path)
    store.pack(tmp_path)
    assert lines_of(tmp_path) == {}  # packs say the same
    assert board(tmp_path, "--machine", "here").stdout == anew(tmp_path)


def test_a_change_that_keeps_size_and_time_is_found(tmp_path: Path) -> None:
    path = plain(tmp_path)[0]
    before, state = board(tmp_path).stdout, path.stat()
    path.write_bytes(path.read_bytes().replace(b'"seconds":1.0', b'"seconds":7.0').replace(b'"seconds":2.0', b'"seconds":8.0'))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)
    after = board(tmp_path).stdout
    assert after == anew(tmp_path) != before


def test_what_was_touched_just_now_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "RACY", 10**12)
    plain(tmp_path)
    assert len(lines_of(tmp_path)) == len(lines_of(tmp_path)) == 4


def test_what_is_refused_is_said_every_time(tmp_path: Path) -> None:
    path = plain(tmp_path)[0]
    path.write_text("nonsense")
    for _ in range(2):
        assert "refused" in board(tmp_path).stderr
    assert lines_of(tmp_path) == {"w0": 1}


@pytest.mark.parametrize(
    "what", [lambda data: data[: len(data) // 2], lambda data: b"x" + data[1:], lambda data: b"", bytes.swapcase]
)
def test_a_kept_file_that_is_torn_or_changed_counts_for_nothing(tmp_path: Path, what: Callable[[bytes], bytes]) -> None:
    plain(tmp_path)
    expected = board(tmp_path).stdout
    path = kept.kept_at(tmp_path)
    path.write_bytes(what(path.read_bytes()))
    assert board(tmp_path).stdout == expected
    assert lines_of(tmp_path) == {}


def test_other_code_or_trust_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain(tmp_path)
    board(tmp_path)
    (tmp_path / "machines.json").write_text('["elsewhere"]')
    monkeypatch.setenv("OPTATHLON_MACHINE", "third")
    claimed = board(tmp_path).stdout
    assert "claimed" in claimed
    assert claimed == anew(tmp_path)
    (tmp_path / "libraries" / "numpy-0.1.dist-info").mkdir(parents=True)
    assert lines_of(tmp_path) == {}
    monkeypatch.syspath_prepend(tmp_path / "libraries")
    assert len(lines_of(tmp_path)) == 4


def append(results: Path, rng: np.random.Generator, path: Path) -> None:
    document = orjson.loads(path.read_bytes())
    if document["runs"]:
        document["runs"].append(document["runs"][-1] | {"seed": 1 + max(run["seed"] for run in document["runs"])})
    path.write_bytes(orjson.dumps(document))


def edit(results: Path, rng: np.random.Generator, path: Path) -> None:
    state = path.stat()
    path.write_bytes(path.read_bytes().replace(b'"seconds":1.0', b'"seconds":9.0'))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def remove(results: Path, rng: np.random.Generator, path: Path) -> None:
    path.unlink()


def spoil(results: Path, rng: np.random.Generator, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def add(results: Path, rng: np.random.Generator, path: Path, **changes: object) -> None:
    try:
        cell = store.read(path).cell
    except store.RecordError:
        return
    other: Cell = replace(cell, key=f"{rng.integers(10**12):064d}", **changes)  # type: ignore[arg-type]
    write(results, other, [run_of(rng, other, seed, odd=0.1) for seed in range(3)], int(rng.integers(0, 4)))


def newcomer(results: Path, rng: np.random.Generator, path: Path) -> None:
    add(results, rng, path, method="newcomer")


def version(results: Path, rng: np.random.Generator, path: Path) -> None:
    add(results, rng, path, suite_version=str(rng.integers(2, 4)))


def direction(results: Path, rng: np.random.Generator, path: Path) -> None:
    add(results, rng, path, metrics=tuple(replace(one, better="lower") for one in METRICS[0]), method="liar")


def pack(results: Path, rng: np.random.Generator, path: Path) -> None:
    store.pack(results)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_after_any_change_the_board_is_that_of_who_remembers_nothing(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    plain(tmp_path, workloads=8)
    if seed:
        fill(tmp_path, rng, odd=0.02 * seed)
        for old in tmp_path.glob("records/*/old"):  # of two versions: nothing would be kept
            shutil.rmtree(old)
    changes = [append, edit, remove, spoil, add, newcomer, pack, version, direction]
    for change in [*rng.permutation(np.array(changes[:7], dtype=object)), *rng.permutation(np.array(changes, dtype=object))]:
        assert board(tmp_path).stdout == anew(tmp_path)
        paths = list(store.files.record_files(tmp_path))
        time.sleep(0.02)
        change(tmp_path, rng, paths[int(rng.integers(len(paths)))])
    assert board(tmp_path).stdout == anew(tmp_path)
    for asked in (("--machine", "here"), ("--scale", "smoke")):
        assert board(tmp_path, *asked).stdout == anew(tmp_path, *asked)
