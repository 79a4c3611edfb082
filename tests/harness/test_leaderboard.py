from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import toy_suite as toys
from test_records import cell_of, record_of

from optathlon import judge, store
from optathlon.show import tables
from optathlon.show.latex import to_latex
from optathlon.spec import Cell, MetricInfo, RunRecord, Status
from optathlon.store import Group, RecordError

NOISE = np.random.default_rng(0).normal(size=8)


def groups(results: Path, *batches: list[RunRecord]) -> list[Group]:
    for batch in batches:
        for record in batch:
            store.save(results, record)
    return [group for group in store.scan(results) if not isinstance(group, RecordError)]


def runs(cell: Cell, mean: float, seconds: float = 1.0) -> list[RunRecord]:
    return [
        replace(record_of(seed, mean + 0.01 * noise, cell), seconds=seconds, finished=f"2026-01-01T{seed:02d}")
        for seed, noise in enumerate(NOISE)
    ]


def failed(cell: Cell, status: Status, reason: str) -> list[RunRecord]:
    return [replace(record_of(0, cell=cell), status=status, scores={}, reason=reason, seconds=None)]


def test_best_comes_first_ties_share_and_failures_stay_on_the_board(tmp_path: Path) -> None:
    rows = judge.build(
        groups(
            tmp_path,
            runs(cell_of("worst"), 3.0),
            runs(cell_of("gda"), 1.0, seconds=2.0),
            runs(cell_of("twin"), 1.0, seconds=4.0),
            failed(cell_of("gone"), Status.OUT_OF_MEMORY, "beyond the limit"),
        )
    )
    assert [(row.method, row.rank, row.rank_low, row.rank_high) for row in rows] == [
        ("gda", 1, 1, 2),
        ("twin", 1, 1, 2),
        ("worst", 3, 3, 3),
        ("gone", None, None, None),
    ]
    assert rows[3].status == "out-of-memory"
    assert (rows[3].value, rows[3].seconds, rows[3].failed, rows[3].reason) == (None, None, 1, "beyond the limit")
    assert [row.ratio for row in rows[:3]] == [1.0, 2.0, 0.5]
    assert [row.pareto for row in rows] == [True, False, True, False]
    assert all(row.low is not None and row.value is not None and row.low < row.value for row in rows[:3])


def test_a_method_that_lost_a_seed_ranks_below_those_that_lost_none(tmp_path: Path) -> None:
    lucky = cell_of("lucky")
    batch = [*runs(lucky, 0.1)[:-1], replace(failed(lucky, Status.TIMEOUT, "stopped")[0], seed=7)]
    rows = judge.build(groups(tmp_path, runs(cell_of("gda"), 1.0), batch))
    assert [(row.method, row.rank, row.status, row.failed) for row in rows] == [("gda", 1, "ok", 0), ("lucky", 2, "timeout", 1)]


def test_direction_is_the_metrics_own(tmp_path: Path) -> None:
    higher = (MetricInfo(name="norm", unit="1", better="higher"),)
    cells = [replace(cell_of(name), metrics=higher) for name in ("gda", "adam")]
    rows = judge.build(groups(tmp_path, runs(cells[0], 0.9), runs(cells[1], 0.95)))
    assert [row.method for row in rows] == ["adam", "gda"]


def test_machines_and_devices_never_share_a_table(tmp_path: Path) -> None:
    here, there = cell_of("gda"), cell_of("gda")
    there = replace(there, environment=replace(there.environment, machine="there"))
    cuda = replace(cell_of("gda"), device="cuda")
    rows = judge.build(groups(tmp_path, runs(here, 1.0), runs(there, 1.0), runs(cuda, 1.0)))
    assert len(list(judge.boards(rows))) == 3
    assert {(row.machine, row.device, row.rank) for row in rows} == {("here", "cpu", 1), ("there", "cpu", 1), ("here", "cuda", 1)}


def test_only_the_newest_measurement_and_suite_version_count(tmp_path: Path) -> None:
    old, new = cell_of("gda", key="a" * 64), cell_of("gda", key="b" * 64)
    other = replace(cell_of("adam"), suite_version="0")
    stale = [replace(record, finished="2025-01-01") for record in runs(old, 5.0)]
    rows = judge.build(groups(tmp_path, stale, runs(new, 1.0), [replace(r, finished="2025-01-01") for r in runs(other, 0.5)]))
    assert [(row.method, round(row.value or 0, 1)) for row in rows] == [("gda", 1.0)]


def test_time_to_target_is_read_from_the_traces(tmp_path: Path) -> None:
    traced = [replace(record, trace=((0, 0.0, 2.0), (1, 0.3, 0.4), (2, 0.9, 0.1))) for record in runs(cell_of("gda"), 0.1)]
    missed = [replace(record, trace=((0, 0.0, 2.0), (1, 0.3, 0.9))) for record in runs(cell_of("slow"), 0.9)]
    rows = judge.build(groups(tmp_path, traced, missed))
    assert {row.method: row.time_to_target for row in rows} == {"gda": 0.3, "slow": None}
    (shares,) = judge.profile(rows).values()
    assert shares == {"gda": [1.0, 1.0, 1.0, 1.0], "slow": [0.0, 0.0, 0.0, 0.0]}


def test_every_format_holds_the_same_rows(tmp_path: Path) -> None:
    rows = judge.build(groups(tmp_path, runs(cell_of("gda"), 1.0), failed(cell_of("gone"), Status.CRASHED, "SIGSEGV")))
    table = list(csv.DictReader(io.StringIO(tables.to_csv(rows))))
    assert [(line["method"], line["rank"], line["status"]) for line in table] == [("gda", "1", "ok"), ("gone", "", "crashed")]
    objects = json.loads(json.dumps(judge.to_dicts(rows)))
    place, outcome = {"suite", "workload", "scale", "device", "machine", "method"}, {"status", "rank", "seconds", "seeds"}
    score = {"metric", "better", "value", "low", "high"}
    assert all(place | outcome | score <= set(entry) for entry in objects)
    assert objects[1]["value"] is None
    assert "NaN" not in json.dumps(objects)
    latex = to_latex(rows)
    assert latex.count("\\begin{tabular}") == latex.count("\\end{tabular}") == 1
    assert len(judge.to_frame(rows)) == 2


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def test_reasons_and_settings_are_shown_as_text_never_as_markup(tmp_path: Path) -> None:
    hostile = '<script>alert("x")</script> | [link](javascript:alert(1)) `code`'
    rows = judge.build(groups(tmp_path, runs(cell_of("gda"), 1.0), failed(cell_of("bad"), Status.ERROR, hostile)))
    text = tables.to_markdown(rows, judge.judge(toys.SUITE, []))
    parser = _Tags()
    parser.feed(text)
    assert parser.tags == []
    assert "&lt;script&gt;" in text
    assert "\\[link\\]" in text
    lines = [line for line in text.splitlines() if line.startswith("| ") and "gda" in line]
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_verdicts_stand_above_the_tables_whatever_they_are(tmp_path: Path) -> None:
    rows = judge.build(groups(tmp_path, runs(cell_of("gda"), 1.0)))
    text = tables.to_markdown(rows, judge.judge(toys.SUITE, []))
    assert "4 not tested" in text
    assert text.index("halving beats drawing") < text.index("### w ")


def test_rendering_is_a_function_of_the_records_alone(tmp_path: Path) -> None:
    found = groups(tmp_path, runs(cell_of("gda"), 1.0), runs(cell_of("adam"), 1.1))
    assert tables.to_markdown(judge.build(found)) == tables.to_markdown(judge.build(found[::-1]))


def test_fewer_seeds_rank_behind_and_do_not_blur_the_others(tmp_path: Path) -> None:
    rows = judge.build(groups(tmp_path, runs(cell_of("gda"), 1.0), runs(cell_of("adam"), 2.0), runs(cell_of("new"), 0.1)[:1]))
    assert [(row.method, row.rank) for row in rows] == [("gda", 1), ("adam", 2), ("new", 3)]


def test_what_lacked_its_data_never_hides_a_measurement(tmp_path: Path) -> None:
    absent = failed(cell_of("gda", key="b" * 64), Status.NEEDS_DATA, "absent")
    rows = judge.build(groups(tmp_path, runs(cell_of("gda"), 1.0), [replace(r, finished="2027") for r in absent]))
    assert [(row.status, row.rank) for row in rows] == [("ok", 1)]
