from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import toy_suite as toys
from test_records import cell_of, record_of
from typer.testing import CliRunner

import optathlon as opt
from optathlon import judge, store
from optathlon.cli.main import app
from optathlon.judge import claims, large
from optathlon.judge.summary import profile, summary
from optathlon.show import plots, sheet, tables
from optathlon.show.latex import to_latex
from optathlon.spec import Cell, Claim, MetricInfo, Ruling, RunRecord, Scale, Status
from optathlon.store import Group, RecordError

NOISE = np.random.default_rng(0).normal(size=8)


def groups(results: Path, *batches: list[RunRecord]) -> list[Group]:
    for batch in batches:
        for record in batch:
            store.save(results, record)
    return [group for group in store.scan(results) if not isinstance(group, RecordError)]


def runs(cell: Cell, mean: float, seconds: float = 1.0) -> list[RunRecord]:
    return [
        replace(record_of(seed, mean + 0.01 * noise, cell), seconds=seconds, finished=f"2026-01-01T{seed:02d}:00:00+00:00")
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


def test_a_method_that_lost_a_seed_is_shown_and_not_ranked(tmp_path: Path) -> None:
    lucky = cell_of("lucky")
    batch = [*runs(lucky, 0.1)[:-1], replace(failed(lucky, Status.TIMEOUT, "stopped")[0], seed=7)]
    rows = judge.build(groups(tmp_path, runs(cell_of("gda"), 1.0), batch))
    assert [(row.method, row.rank, row.status, row.failed) for row in rows] == [
        ("gda", 1, "ok", 0),
        ("lucky", None, "timeout", 1),
    ]


def test_a_profile_of_some_methods_is_held_against_the_fastest_of_all(tmp_path: Path) -> None:
    rows = judge.build(groups(tmp_path, *(runs(cell_of(name), 0.1, seconds=s) for name, s in (("gda", 1.0), ("slow", 9.0)))))
    axis = plots.profiles(rows, {"slow"}).axes[0]
    (line,) = axis.get_lines()
    assert line.get_label() == "slow"
    assert np.asarray(line.get_ydata())[0] == 0.0


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


def test_arithmetics_of_one_machine_never_share_a_table_nor_a_verdict(tmp_path: Path) -> None:
    native = replace(cell_of("halves", workload="vector"), suite_version=toys.SUITE.version)
    portable = replace(native, key="b" * 64, environment=replace(native.environment, arithmetic="portable"))
    rows = judge.build(groups(tmp_path, runs(native, 1.0), runs(portable, 9.0)))
    assert [(row.machine, row.rank) for row in rows] == [("here", 1), ("here+portable", 1)]
    check = claims.mean_within("norm", "halves", at_most=2.0, workloads="vector")
    claim = Claim(id="low", source="s", statement="Its norm is low.", check=check, scale=Scale.SMOKE)
    records = [*runs(native, 1.0), *runs(portable, 9.0)]
    (found,) = judge.judge(replace(toys.SUITE, claims=(claim,)), records)
    assert (found.verdict.ruling, found.machine) == (Ruling.REPRODUCED, "here")


def test_only_the_newest_measurement_and_suite_version_count(tmp_path: Path) -> None:
    old, new = cell_of("gda", key="a" * 64), cell_of("gda", key="b" * 64)
    other = replace(cell_of("adam"), suite_version="0")
    stale = [replace(record, finished="2025-01-01") for record in runs(old, 5.0)]
    rows = judge.build(groups(tmp_path, [replace(r, finished="2025-01-01") for r in runs(other, 0.5)], stale, runs(new, 1.0)))
    assert [(row.method, round(row.value or 0, 1)) for row in rows] == [("gda", 1.0)]


def test_a_new_version_of_a_suite_counts_however_often_the_old_one_was_measured(tmp_path: Path) -> None:
    """Turns counted within an address alone: three measurements of what is gone now stood above one of what came after it."""
    for key in "abc":
        groups(tmp_path, runs(cell_of("removed", key=key * 64), 1.0))
    new = replace(cell_of("added", key="d" * 64), suite_version="2")
    assert [row.method for row in judge.build(groups(tmp_path, runs(new, 2.0)))] == ["added"]
    back = cell_of("again", key="e" * 64)  # by the code of before, and a clock that was set back
    early = [replace(record, finished="2025-01-01") for record in runs(back, 3.0)]
    assert {row.method for row in judge.build(groups(tmp_path, early))} == {"again", "removed"}


def test_no_picture_draws_a_method_of_an_older_version(tmp_path: Path) -> None:
    points = ((0, 0.1, 2.0), (1, 0.5, 1.0))
    cells = cell_of("removed"), replace(cell_of("added", key="b" * 64), suite_version="2")
    groups(tmp_path, *([replace(run, trace=points) for run in runs(cell, 1.0)] for cell in cells))
    drawn = {text.get_text() for text in opt.load(tmp_path).plot("trace").axes[0].get_legend().get_texts()}  # type: ignore[union-attr]
    assert drawn == {"added"}
    asked = ["plot", "trace", "-o", str(tmp_path / "trace.svg"), "--results", str(tmp_path), "-m", "removed"]
    assert "no method matches 'removed'" in str(CliRunner().invoke(app, asked).exception)


@pytest.mark.filterwarnings("error")
def test_scores_near_the_largest_number_have_means_and_ranks(tmp_path: Path) -> None:
    """Their sums are infinite: a mean of "inf" stood on the board, and in JSON none, and ranks contradicted each other."""
    most = 1.7e308
    same = (
        [record_of(seed, value, cell_of(name)) for seed in range(3)] for name, value in (("a", -most), ("b", 1.0), ("c", most))
    )
    noisy = [record_of(seed, most - 1e306 * seed, cell_of("d")) for seed in range(3)]
    rows = judge.build(groups(tmp_path, *same, noisy))
    assert [(row.method, row.rank, row.rank_low, row.rank_high) for row in rows] == [
        ("a", 1, 1, 1), ("b", 2, 2, 2), ("d", 3, 3, 4), ("c", 3, 3, 4),
    ]  # fmt: skip
    assert [row.value for row in rows] == pytest.approx([-most, 1.0, most - 1e306, most])
    assert "inf" not in sheet.to_csv(rows)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_scale_is_chosen_among_boards_not_among_records(tmp_path: Path, form: str) -> None:
    """What a new version of the suite has superseded came back to the board when its scale was asked for."""
    old, new = (replace(cell_of("gda"), suite_version=v, scale=s) for v, s in (("1", Scale.SMALL), ("2", Scale.SMOKE)))
    groups(tmp_path, runs(old, 1.0), runs(replace(new, key="b" * 64, workload="tiny"), 2.0))
    arguments = ["leaderboard", "--results", str(tmp_path), "--format", form]
    whole, smoke, small = (
        CliRunner().invoke(app, [*arguments, *more]).stdout for more in ((), ("--scale", "smoke"), ("--scale", "small"))
    )
    assert "tiny" in whole
    assert whole == smoke
    assert "gda" not in small
    found = opt.load(tmp_path)
    assert found.select(scale="smoke").leaderboard().equals(found.leaderboard())
    assert found.select(scale="small").leaderboard().empty


def test_time_to_target_is_read_from_the_traces(tmp_path: Path) -> None:
    traced = [replace(record, trace=((0, 0.0, 2.0), (1, 0.3, 0.4), (2, 0.9, 0.1))) for record in runs(cell_of("gda"), 0.1)]
    missed = [replace(record, trace=((0, 0.0, 2.0), (1, 0.3, 0.9))) for record in runs(cell_of("slow"), 0.9)]
    rows = judge.build(groups(tmp_path, traced, missed))
    assert {row.method: row.time_to_target for row in rows} == {"gda": 0.3, "slow": None}
    (shares,) = judge.profile(rows).values()
    assert shares == {"gda": [1.0, 1.0, 1.0, 1.0], "slow": [0.0, 0.0, 0.0, 0.0]}


def test_every_format_holds_the_same_rows(tmp_path: Path) -> None:
    rows = judge.build(groups(tmp_path, runs(cell_of("gda"), 1.0), failed(cell_of("gone"), Status.CRASHED, "SIGSEGV")))
    table = list(csv.DictReader(io.StringIO(sheet.to_csv(rows))))
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
    lines = [line for line in text.splitlines() if line.startswith("| 1 ") and "gda" in line]
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
    assert [(row.method, row.rank) for row in rows] == [("gda", 1), ("adam", 2), ("new", None)]


def test_what_lacked_its_data_never_hides_a_measurement(tmp_path: Path) -> None:
    absent = failed(cell_of("gda", key="b" * 64), Status.NEEDS_DATA, "absent")
    rows = judge.build(groups(tmp_path, runs(cell_of("gda"), 1.0), [replace(r, finished="2026-06-01") for r in absent]))

    rows = judge.build(groups(tmp_path, runs(cell_of("gda"), 1.0), [replace(r, finished="2026-02-01") for r in absent]))
    assert [(row.status, row.rank) for row in rows] == [("ok", 1)]


def longer(cell: Cell, mean: float, seeds: int) -> list[RunRecord]:
    noise = np.random.default_rng(1).normal(size=seeds)
    return [replace(record_of(seed, mean + 0.01 * noise[seed], cell), seconds=1.0) for seed in range(seeds)]


def test_one_extra_seed_makes_nobody_first(tmp_path: Path) -> None:
    """The best method on eight seeds stays first when a worse one has run nine."""
    rows = judge.build(
        groups(tmp_path, longer(cell_of("best"), 1.0, 8), longer(cell_of("worse"), 3.0, 9), longer(cell_of("third"), 5.0, 8))
    )
    assert [(row.method, row.rank, row.shared) for row in rows] == [("best", 1, 8), ("worse", 2, 8), ("third", 3, 8)]
    assert rows[1].note == "compared on 8 of its 9 seeds"
    assert rows[1].value == pytest.approx(np.mean([r.scores["norm"] for r in longer(cell_of("worse"), 3.0, 8)]), abs=0.01)


@pytest.mark.parametrize("seeds", [range(20), range(100, 108)])
def test_many_seeds_or_seeds_of_its_own_push_nobody_out(tmp_path: Path, seeds: range) -> None:
    """The worst method, first by its name, leads no board because it ran other seeds than the rest, or many more."""
    worst = [replace(record_of(0, 9.0, cell_of("aaa")), seed=seed, seconds=1.0) for seed in seeds]
    others = [runs(cell_of(name), mean) for name, mean in [("best", 1.0), ("third", 5.0), ("worse", 3.0)]]
    rows = judge.build(groups(tmp_path, worst, *others))
    assert [row.method for row in rows] == ["best", "worse", "third", "aaa"]
    assert [row.rank for row in rows] == [1, 2, 3, 4 if 0 in seeds else None]


def test_a_worse_mean_never_stands_above_a_better_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    noisy = [replace(record_of(seed, 2.0 + 3 * rng.normal(), cell_of("noisy")), seconds=1.0) for seed in range(8)]
    rows = judge.build(groups(tmp_path, noisy, runs(cell_of("good"), 1.0), runs(cell_of("fair"), 1.5)))
    values = [row.value for row in rows]
    assert values == sorted(values)
    by_name = {row.method: row for row in rows}
    assert by_name["good"].rank == 1
    assert by_name["noisy"].rank_low == 1  # it may be the best, and has not shown it
    assert by_name["noisy"].rank != 1


@pytest.mark.parametrize(("other", "cut"), [(0.5, True), (1.5, False)])
def test_an_interval_is_cut_at_one_only_where_no_score_of_the_board_exceeds_it(tmp_path: Path, other: float, cut: bool) -> None:
    """A relative error may exceed 1, whatever its unit says: so may the mean of a method whose few seeds did not."""

    def fractions(method: str, mean: float) -> list[RunRecord]:
        cell = replace(cell_of(method), metrics=(MetricInfo(name="norm", unit="fraction", better="lower"),))
        return [record_of(seed, mean + offset, cell) for seed, offset in enumerate((-0.2, 0.1, 0.1))]

    groups(tmp_path, fractions("a", 0.89), fractions("b", other))
    for rows in (judge.build(store.scan(tmp_path)), large.rows(store.sources(tmp_path))):
        high = next(row.high for row in rows if row.method == "a")
        assert high is not None
        assert (high == 1.0) is cut
        assert cut or high > 1.1


def test_a_single_seed_beside_many_takes_nobodys_rank(tmp_path: Path) -> None:
    """Two methods tried on one seed leave the ranks of two others, of eight seeds, as they are."""
    tried = [runs(cell_of(name), 0.1)[:1] for name in ("new", "newer")]
    rows = judge.build(groups(tmp_path, runs(cell_of("gda"), 1.0), runs(cell_of("adam"), 2.0), *tried))
    assert [(row.method, row.rank, row.shared) for row in rows[:2]] == [("gda", 1, 8), ("adam", 2, 8)]
    assert [row.rank for row in rows[2:]] == [None, None]


def test_mean_ranks_are_never_taken_on_a_few_workloads_that_happen_to_be_common(tmp_path: Path) -> None:
    """Two methods of five workloads of nine each share one of them: it does not decide over all nine."""
    batches = [
        runs(replace(cell_of(name), workload=f"w{at}"), mean)
        for name, mean, own in [("all", 2.0, range(1, 10)), ("early", 1.0, range(1, 6)), ("late", 3.0, range(5, 10))]
        for at in own
    ]
    lines = {line.method: line for line in summary(judge.build(groups(tmp_path, *batches)))}
    assert all(2 * line.common > line.workloads for line in lines.values())
    assert lines["all"].mean_rank is not None
    assert [lines["early"].mean_rank, lines["late"].mean_rank].count(None) == 1


def test_a_profile_takes_no_workload_that_a_method_solved_on_a_few_of_the_seeds(tmp_path: Path) -> None:
    """A method with one seed of eight is not ranked, and has not solved the workload in a hundredth of the others' time."""
    rows = judge.build(
        groups(tmp_path, runs(cell_of("gda"), 0.1), runs(cell_of("adam"), 0.1, seconds=2.0), runs(cell_of("new"), 0.1, 0.01)[:1])
    )
    (shares,) = profile(rows, (1.0, 2.0)).values()
    assert shares == {"gda": [1.0, 1.0], "adam": [0.0, 1.0], "new": [0.0, 0.0]}


def test_yardsticks_are_shown_and_not_ranked(tmp_path: Path) -> None:
    oracle = replace(cell_of("oracle"), yardstick=True)
    rows = judge.build(groups(tmp_path, runs(oracle, 0.1), runs(cell_of("gda"), 1.0), runs(cell_of("adam"), 2.0)))
    assert [(row.method, row.rank, row.yardstick) for row in rows] == [
        ("gda", 1, False),
        ("adam", 2, False),
        ("oracle", None, True),
    ]
    assert not rows[2].pareto
    assert "oracle" not in {line.method for line in judge.summary(rows)}


def test_a_board_says_what_it_resolves_and_how_firm_its_first_place_is(tmp_path: Path) -> None:
    rows = judge.build(groups(tmp_path / "firm", runs(cell_of("gda"), 1.0), longer(cell_of("adam"), 2.0, 8)))
    assert rows[0].standing == "firm"
    assert rows[0].stability == rows[0].halves == 1.0
    assert 0 < rows[0].resolution < 0.1
    same = [
        [replace(record_of(s, float(v), cell_of(name))) for s, v in enumerate(np.random.default_rng(k).normal(size=8))]
        for k, name in enumerate("abcd")
    ]
    rows = judge.build(groups(tmp_path / "coin", *same))
    assert rows[0].standing == "coin flip"
    assert "coin flip" in tables.to_markdown(rows)


def test_over_all_workloads_nobody_wins_on_the_one_that_it_chose(tmp_path: Path) -> None:
    names = [f"w{k}" for k in range(5)]
    batches = [runs(cell_of(method, workload=name), mean) for name in names for method, mean in (("gda", 1.0), ("adam", 2.0))]
    rows = judge.build(groups(tmp_path, *batches, runs(cell_of("lucky", workload="w0"), 0.5)))
    lines = judge.summary(rows)
    assert [(line.method, line.mean_rank, line.ranked, line.common) for line in lines] == [
        ("gda", 1.2, 5, 5), ("adam", 2.2, 5, 5), ("lucky", None, 1, 5),
    ]  # fmt: skip


def test_a_workload_that_nobody_solved_counts_in_the_profile(tmp_path: Path) -> None:
    solved, unsolved = (replace(cell_of("gda", workload=name), target=0.5) for name in ("easy", "hard"))
    rows = judge.build(groups(tmp_path, runs(solved, 0.1), runs(unsolved, 0.9)))
    (shares,) = judge.profile(rows).values()
    assert shares == {"gda": [0.5] * 4}


def test_solved_is_decided_by_the_full_value_not_by_the_traces_digits(tmp_path: Path) -> None:
    cell = replace(cell_of("gda"), target=0.1)
    batch = [replace(record_of(seed, 0.1000004, cell), trace=((0, 0.0, 2.0), (1, 0.3, 0.1))) for seed in range(3)]
    (row,) = judge.build(groups(tmp_path, batch))
    assert row.time_to_target is None


def test_a_board_knows_which_seconds_are_of_a_busy_machine_and_which_records_of_a_changed_tree(tmp_path: Path) -> None:
    beside = [replace(record, jobs=2) for record in runs(cell_of("beside"), 1.0)]
    changed = [replace(record, dirty=True) for record in runs(cell_of("changed"), 2.0)]
    rows = judge.build(groups(tmp_path, beside, changed, runs(cell_of("clean"), 3.0)))
    assert [(row.method, row.busy, row.dirty) for row in rows] == [
        ("beside", True, False), ("changed", False, True), ("clean", False, False),
    ]  # fmt: skip
    text = tables.to_markdown(rows)
    assert "~1" in text
    assert "ok, dirty" in text


def trusting(results: Path, machines: list[str]) -> store.Trust:
    (results / "machines.json").write_text(json.dumps(machines))
    return store.load_trust(results)


def test_what_is_claimed_is_listed_and_first_only_once_every_run_is_verified(tmp_path: Path) -> None:
    mine, best = cell_of("gda"), cell_of("submitted", key="c" * 64)
    best = replace(best, environment=replace(best.environment, machine="stranger"))
    other = replace(mine, key="d" * 64, environment=best.environment)
    found = groups(tmp_path, runs(mine, 1.0), runs(best, 0.1), runs(other, 1.0))

    def stand() -> dict[tuple[str, str], tuple[object, str, int]]:
        rows = judge.build(found, store.load_trust(tmp_path))
        return {(row.machine, row.method): (row.rank, row.trust, row.verified) for row in rows}

    assert all(trust == "measured" for _, trust, _ in stand().values())  # no machine is anybody's own: a folder of one's own
    trusting(tmp_path, [mine.environment.machine])
    store.add_verified(tmp_path, [(other, list(range(8)))], "ours", "abc")
    everything = {(mine.environment.machine, "gda"): (1, "measured", 0), ("stranger", "gda"): (1, "verified", 8)}
    assert stand() == everything | {("stranger", "submitted"): (None, "claimed", 0)}
    rows = judge.build(found, store.load_trust(tmp_path))
    for text in (tables.to_markdown(rows), sheet.to_csv(rows), to_latex(rows)):
        assert "claimed" in text
        assert "verified" in text
    assert [row.method for row in rows if row.machine == "stranger"] == ["gda", "submitted"]
    assert not {group.cell.method for group in store.load_trust(tmp_path).kept(found)} & {"submitted"}

    store.add_verified(tmp_path, [(best, [0, 1, 2])], "ours", "abc")  # a part of its runs says nothing of the mean
    assert stand()["stranger", "submitted"] == (None, "claimed", 3)
    store.add_verified(tmp_path, [(best, list(range(8)))], "ours", "abc")
    assert stand() == everything | {("stranger", "submitted"): (1, "verified", 8), ("stranger", "gda"): (2, "verified", 8)}


def test_a_verified_entry_counts_for_its_own_key_and_address_alone(tmp_path: Path) -> None:
    cell = cell_of("gda", key="c" * 64)
    trust = trusting(tmp_path, ["ours"])
    store.add_verified(tmp_path, [(cell, list(range(8)))], "ours", "abc")
    trust = store.load_trust(tmp_path)
    assert trust.of(cell, range(8)) == ("verified", 8)
    assert trust.of(cell, range(9)) == ("claimed", 8)
    assert trust.of(replace(cell, key="e" * 64), range(8)) == ("claimed", 0)  # measured anew under other conditions
    assert trust.of(replace(cell, method="copied"), range(8)) == ("claimed", 0)  # a key that is somebody else's
    assert trust.of(cell, []) == ("claimed", 0)
    mine = trust.on(lambda: cell.environment.machine)
    assert mine.of(replace(cell, method="copied"), range(8)) == ("measured", 0)


@pytest.mark.parametrize("text", ["{}", '["a", 1]', "nonsense", '"all"'])
def test_a_list_of_machines_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "machines.json").write_text(text)
    with pytest.raises(ValueError, match=r"machines\.json"):
        store.load_trust(tmp_path)
