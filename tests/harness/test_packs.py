"""Packs: what is read from one is what is read from JSON, and nothing else ever."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from test_records import cell_of, record_of
from typer.testing import CliRunner

import optathlon as opt
from optathlon import judge, store
from optathlon.cli.main import app
from optathlon.judge import large
from optathlon.show import sheet
from optathlon.spec import Cell, MetricInfo, Status
from optathlon.store import RecordError, encoding, files, packing

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
COMMITTED = Path(__file__).parents[2] / "results"


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal, types included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def scanned(results: Path, *, packs: bool) -> list[Any]:
    return [
        str(entry) if isinstance(entry, RecordError) else [store.encoding.encode_cell(entry.cell), list(entry.runs), entry.turn]
        for entry in store.scan(results, packs=packs)
    ]


def from_packs(results: Path) -> list[judge.Row]:
    return list(large.rows(store.sources(results), store.load_trust(results)))


def require_equal(results: Path) -> None:
    """Require that records and rows are the same from packs as from JSON."""
    assert same(scanned(results, packs=True), scanned(results, packs=False))
    groups = [entry for entry in store.scan(results, packs=False) if not isinstance(entry, RecordError)]
    expected = judge.build(groups, store.load_trust(results))
    assert same(
        [list(row.values()) for row in judge.to_dicts(from_packs(results))], [list(r.values()) for r in judge.to_dicts(expected)]
    )


METRICS = (
    MetricInfo(name="norm", unit="1", better="lower"),
    MetricInfo(name="hits", unit="fraction", better="higher", traced=True),
)
HOSTILE: list[dict[str, Any]] = [
    {"scores": {"norm": 1, "hits": 0.5}},
    {"scores": {"norm": 2**60 + 1}},
    {"scores": {"norm": -0.0, "hits": 5e-324}},
    {"scores": {"norm": 1.7976931348623157e308, "other": 3.0}},
    {"scores": {"norm": 1.0}, "seconds": 2, "peak_memory": 2**63 - 1, "jobs": 3, "busy": 1.26},
    {"scores": {"norm": 1.0}, "peak_memory": 1.5},
    {"status": "crashed", "reason": "Ünïcode ☃ 𝔘 \n\"quoted\" 'x' \\ |"},
    {"status": "timeout", "limit": 1, "load": 0, "scores": {}},
    {"status": "diverged", "scores": {"norm": 3.0}},
    {"scores": {"norm": 1.0}, "trace": [[0, 0.5, 1.0, 2.0], [1.5, 1, 1, 0]], "exhibits": {"a.png": "x", "b": [1, 2.5]}},
    {"scores": {"norm": 1.0, "hits": 1.0}, "sections": {"inner": 1, "☃": 0.25}, "dirty": True, "commit": "", "finished": ""},
    {"scores": {"norm": 1.0, "hits": 0.0}, "dirty": False, "finished": "2026-01-01", "reason": ""},
]  # fmt: skip


def write(results: Path, cell: Cell, runs: list[dict[str, Any]], turn: int = 1) -> Path:
    path = store.path_of(results, cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    files._write(path, cell, [{"seed": seed, "status": "ok"} | run for seed, run in enumerate(runs)], turn)
    return path


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Return a folder with every odd value, superseded files, several machines, versions, scales, devices, and refused files."""
    base = replace(cell_of(), metrics=METRICS)
    away = replace(base.environment, machine="away", arithmetic="portable")
    valid = [run for run in HOSTILE if run.get("finished") != ""]
    for index, run in enumerate(valid):
        write(tmp_path, replace(base, method=f"m{index}", workload="alone", key=f"{index:064x}"), [run])
        write(tmp_path, replace(base, method=f"n{index}", workload="beside", key=f"{index:064x}", exact=index % 5 == 1), [
            {"scores": {"norm": index + 0.5, "hits": 0.25}, "seconds": 1.0}, run, {"scores": {"norm": 2.0}}
        ])  # fmt: skip
    plain = [{"scores": {"norm": float(seed), "hits": 1.0}, "seconds": 0.5 + seed} for seed in range(4)]
    portable = replace(base.environment, arithmetic="portable")
    for method in ("gda", "adam"):
        write(tmp_path, replace(base, method=method, workload="beside", environment=portable), plain)
        write(tmp_path, replace(base, method=method, workload="beside", target=1.5), plain)
        write(
            tmp_path,
            replace(base, method=method, workload="other", environment=away, target=None),
            plain[: 3 + (method == "gda")],
        )
        write(tmp_path, replace(base, method=method, workload="other", device="cuda", yardstick=method == "adam"), plain)
    write(
        tmp_path,
        replace(base, method="gda", workload="beside", key="b" * 64, settings={"step": 1.0, "☃": [1, None]}),
        plain[::-1],
        2,
    )
    write(tmp_path, replace(base, suite="old", suite_version="0.9 beta/☃"), [run | {"finished": "2026-01-01"} for run in plain])
    write(
        tmp_path,
        replace(base, suite="old", suite_version="1", method="adam"),
        [run | {"finished": "2026-02-01"} for run in plain],
    )
    write(tmp_path, replace(base, suite="huge"), [{"scores": {"norm": 1.0}, "peak_memory": 2**64 - 1}])
    write(tmp_path, replace(base, suite="void"), [])
    turned = replace(base, method="liar", metrics=(replace(METRICS[0], better="higher"),))
    write(tmp_path, turned, plain)
    torn = store.path_of(tmp_path, replace(base, method="torn"))
    torn.write_text('{"schema": 1, "cell"')
    return tmp_path


def test_hostile_values_come_back_as_they_were(hostile: Path) -> None:
    before = scanned(hostile, packs=False)
    assert sum(isinstance(entry, str) for entry in before) >= 2
    written, refused = store.pack(hostile)
    assert len(refused) == sum(isinstance(entry, str) for entry in before)
    assert {name.rpartition("@")[0] for name, *_ in written} >= {"here/toy", "away/toy", "here/old"}
    said: list[str] = []
    list(store.scan(hostile, say=said.append))
    assert [sentence for sentence in said if "0 changed" in sentence]  # what no pack can hold is read as JSON, with a word
    require_equal(hostile)


def test_columns_of_runs_stand_in_the_order_of_the_metrics(tmp_path: Path) -> None:
    write(tmp_path, replace(cell_of(), metrics=METRICS), [{"scores": {"hits": 1.0, "norm": 2.0}}])
    before = opt.load(tmp_path).runs()
    assert list(before.columns[-2:]) == ["norm", "hits"]
    store.pack(tmp_path)
    assert opt.load(tmp_path).runs().equals(before)


@pytest.mark.slow
def test_everything_committed_is_the_same_from_packs(tmp_path: Path) -> None:
    shutil.copytree(COMMITTED / "records", tmp_path / "records")
    boards, claims, traces = _asked(tmp_path)
    store.pack(tmp_path)
    require_equal(tmp_path)
    assert not store.sources(tmp_path).said
    for before, after in zip((boards, claims, traces), _asked(tmp_path), strict=True):
        assert before.equals(after)
    shutil.rmtree(tmp_path / "records")  # packs alone, as they are handed on
    with pytest.warns(UserWarning, match="packs alone"):
        found = _asked(tmp_path)
    for before, after in zip((boards, claims, traces), found, strict=True):
        assert before.equals(after)


def test_what_stands_apart_of_one_file_may_fill_many_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came after a row group had been written was lost."""
    monkeypatch.setattr(packing, "_RUNS_TOGETHER", 128)
    runs = [{"scores": {"norm": 1.0}, "trace": [[0, 0.5, float(k), 2.0]], "exhibits": {"a": [k]}} for k in range(7)]
    write(tmp_path, replace(cell_of(), metrics=METRICS), runs)
    store.pack(tmp_path)
    ((_, found, _),) = scanned(tmp_path, packs=True)
    assert [(run["trace"], run["exhibits"]) for run in found] == [(run["trace"], run["exhibits"]) for run in runs]


def _asked(results: Path) -> tuple[Any, Any, Any]:
    found = opt.load(results)
    return found.leaderboard(every_metric=True), found.claims(), found.traces()


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def change(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"norm":1.0', b'"norm":9.0', 1))


def shorten(path: Path) -> None:
    document = orjson.loads(path.read_bytes())
    document["runs"].pop()
    path.write_bytes(orjson.dumps(document))


def spoil(path: Path) -> None:
    path.write_text("nonsense")


@pytest.mark.parametrize(
    ("what", "word"), [(touch, None), (change, "1 changed"), (shorten, "1 changed"), (spoil, "1 changed"), (Path.unlink, None)]
)
def test_json_wins_over_a_pack_that_is_outdated(tmp_path: Path, what: Callable[[Path], None], word: str | None) -> None:
    for method in ("adam", "gda"):
        for seed in range(3):
            store.save(tmp_path, record_of(seed, 1.0, cell_of(method)))
    store.pack(tmp_path)
    what(store.path_of(tmp_path, cell_of("gda")))
    said = store.sources(tmp_path).said
    assert said == [] if word is None else word in said[0]
    require_equal(tmp_path)
    store.save(tmp_path, record_of(7, 5.0, cell_of("new")))
    assert "1 new" in store.sources(tmp_path).said[0]
    require_equal(tmp_path)


@pytest.mark.parametrize("name", ["index", "runs", "apart"])
def test_a_torn_or_mixed_pack_is_left_aside_with_a_word(tmp_path: Path, name: str) -> None:
    store.save(tmp_path, replace(record_of(0, 1.0), trace=((0, 0.5, 1.0),), status=Status.OK))
    store.pack(tmp_path)
    (path,) = (tmp_path / "packs").glob(f"*/*/{name}.parquet")
    earlier = path.read_bytes()
    store.pack(tmp_path)
    for content in (earlier, b"", earlier[: len(earlier) // 2]):
        path.write_bytes(content)
        (sentence,) = store.sources(tmp_path).said
        assert "no usable pack" in sentence
        require_equal(tmp_path)


def altered(results: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Write one file of a pack anew, as somebody else's program might."""
    (path,) = (results / "packs").glob(f"*/*/{name}.parquet")
    table = pq.read_table(path)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path, row_group_size=10**6)


def column(name: str, *values: Any, kind: Any = None) -> Callable[[Any], Any]:
    def change(table: Any) -> Any:
        made = pa.array([*values] * (len(table) // len(values)), kind or table.schema.field(name).type)
        return table.set_column(table.column_names.index(name), name, made)

    return change


@pytest.mark.parametrize(
    ("name", "change", "word"),
    [
        ("runs", lambda table: table.drop_columns(["scores"]), "runs must have scores"),
        ("runs", lambda table: table.append_column("more", table["seed"]), "runs must have more"),
        ("runs", column("seconds", "x", kind=pa.string()), "runs must have seconds of type double, got string"),
        ("index", column("head", "{}"), "holds what is no cell"),
        ("index", column("head", "nonsense"), "holds what is no cell"),
        ("index", column("workload", "Not a name"), "workload name must be"),
        ("index", column("runs", 4), "does not fit"),
        ("index", column("runs", 0), "does not fit"),
    ],
)
def test_a_foreign_pack_is_left_aside_with_a_word(tmp_path: Path, name: str, change: Callable[[Any], Any], word: str) -> None:
    for seed in range(3):
        store.save(tmp_path, record_of(seed, 1.0))
    store.pack(tmp_path)
    altered(tmp_path, name, change)
    (sentence,) = store.sources(tmp_path).said
    assert "no usable pack" in sentence
    assert word in sentence
    require_equal(tmp_path)


@pytest.mark.parametrize(
    ("name", "values", "word"),
    [
        ("seed", (-1, 1, 2), "a seed below 0"),
        ("seed", (1, 1, 2), "a seed twice"),
        ("seconds", (-1.0,), "a time or memory below 0"),
        ("scores", ([math.inf],), "a score that is no number"),
        ("scores", ([],), "a run that ended ok without a score"),
        ("scores", (None,), "a run that ended ok without a score"),
        ("status", (None,), "a run without a status"),
    ],
)
def test_what_no_record_can_hold_is_on_no_board(tmp_path: Path, name: str, values: tuple[Any, ...], word: str) -> None:
    for seed in range(3):
        store.save(tmp_path, record_of(seed, 1.0))
    store.pack(tmp_path)
    altered(tmp_path, "runs", column(name, *values))
    with pytest.raises(ValueError, match=f"here/toy@1: holds {word}.*optathlon pack"):
        from_packs(tmp_path)


@pytest.mark.parametrize("name", ["index", "runs", "apart"])
def test_a_flipped_bit_is_found_as_it_is_read(tmp_path: Path, name: str) -> None:
    store.save(tmp_path, replace(record_of(0, 1.0), exhibits={"shown": "a text"}))
    store.pack(tmp_path)
    (path,) = (tmp_path / "packs").glob(f"*/*/{name}.parquet")
    data, group = bytearray(path.read_bytes()), pq.ParquetFile(path).metadata.row_group(0)
    at = {"index": "turn", "runs": "seconds", "apart": "text"}[name]
    (bent,) = (c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == at)
    data[bent.data_page_offset + bent.total_compressed_size - 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"here/toy@1: is torn .*optathlon pack"):
        [group for group in store.scan(tmp_path)]


def test_the_command_packs_and_check_never_reads_packs(tmp_path: Path) -> None:
    store.save(tmp_path, record_of(0, 1.0))
    runner = CliRunner()
    packed = runner.invoke(app, ["pack", "--results", str(tmp_path)])
    assert packed.exit_code == 0, packed.output
    assert "here/toy@1: 1 runs of 1 files" in packed.output
    assert runner.invoke(app, ["leaderboard", "--write", "--results", str(tmp_path)]).exit_code == 0
    path = store.path_of(tmp_path, cell_of())
    state = path.stat()
    change(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # size and time of change are those of before
    assert runner.invoke(app, ["leaderboard", "--check", "--results", str(tmp_path)]).exit_code != 0
    csv = runner.invoke(app, ["leaderboard", "--format", "csv", "--results", str(tmp_path)])
    assert ",9," in csv.stdout
    assert csv.stdout == sheet.to_csv(from_packs(tmp_path))


@pytest.mark.parametrize("alone", [False, True])
def test_what_ended_in_the_future_is_read_from_no_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: bool) -> None:
    """It was packed while the clock stood days ahead; the clock has been set right since."""
    for seed in range(3):
        store.save(tmp_path, record_of(seed, 1.0))
    monkeypatch.setattr(encoding, "_TOLERATED", timedelta(days=9))
    ahead = datetime.now(UTC) + timedelta(days=5)
    store.save(tmp_path, replace(record_of(0, 0.5, cell_of("ahead")), finished=ahead.isoformat()))
    store.pack(tmp_path)
    assert {row.method for row in from_packs(tmp_path)} == {"ahead", "gda"}
    monkeypatch.undo()
    if alone:
        shutil.rmtree(tmp_path / "records")
        assert any("1 cells of packs are left aside" in sentence for sentence in store.sources(tmp_path).said)
        assert [group.cell.method for group in store.scan(tmp_path) if not isinstance(group, RecordError)] == ["gda"]
    else:
        assert any("in the future" in entry for entry in scanned(tmp_path, packs=True) if isinstance(entry, str))
        require_equal(tmp_path)
    assert {row.method for row in from_packs(tmp_path)} == {"gda"}


def test_a_direction_is_told_by_the_same_files_however_they_are_laid_out(tmp_path: Path) -> None:
    """A file written by hand had no say in JSON and one in packs, and a setting that is called suite was taken for the suite."""
    base = replace(cell_of(), metrics=METRICS)
    turned = (replace(METRICS[0], better="higher"), METRICS[1])
    runs = [{"scores": {"norm": 1.0, "hits": 1.0}}]
    for method, metrics in (("adam", METRICS), ("gda", METRICS), ("liar", turned)):
        path = write(tmp_path, replace(base, method=method, metrics=metrics), runs)
        if metrics is METRICS:
            path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes())))
    for method in "abc":
        named = {"suite": "toy", "suite_version": "1"}
        write(tmp_path, replace(base, suite="other", method=method, metrics=turned, settings=named), runs)
    (refused,) = [entry for entry in scanned(tmp_path, packs=False) if isinstance(entry, str)]
    assert "liar" in refused
    store.pack(tmp_path)
    require_equal(tmp_path)


def test_where_as_many_files_say_each_direction_packs_do_not_decide(tmp_path: Path) -> None:
    base = replace(cell_of(), metrics=METRICS)
    runs = [{"scores": {"norm": 1.0, "hits": 1.0}}]
    for first, second in (("adam", "gda"), ("gda", "adam")):
        shutil.rmtree(tmp_path / "records", ignore_errors=True)
        write(tmp_path, replace(base, method=first), runs)
        store.pack(tmp_path)
        write(tmp_path, replace(base, method=second, metrics=(replace(METRICS[0], better="higher"), METRICS[1])), runs)
        require_equal(tmp_path)
        (refused,) = [entry for entry in scanned(tmp_path, packs=True) if isinstance(entry, str)]
        assert second in refused
