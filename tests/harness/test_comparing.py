"""Two commits compared: by each metric's direction, over paired seeds, failures included."""

import json
import math
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optathlon import store
from optathlon.judge.comparing import Comparison, Thresholds, Verdict, circumstances, compare_groups
from optathlon.show.changes import to_json, to_markdown
from optathlon.spec import Cell, Environment, MetricInfo, RunRecord, Scale, Status
from optathlon.store import Group, UnknownRevision, history_of, load_revision, locate


def compare(results: Path, base: str, head: str, machine: str | None = None) -> list[Comparison]:
    return compare_groups(*(load_revision(revision, results, machine) for revision in (base, head)))


ERROR = MetricInfo(name="test-error", unit="fraction", better="lower", tolerance=0.0)
ACCURACY = MetricInfo(name="accuracy", unit="fraction", better="higher", tolerance=0.0)
ENVIRONMENT = Environment(machine="toy", cpu="", gpu="", os="", python="", versions={}, threads=1)
CELL = Cell(
    suite="toy", suite_version="1", workload="easy", scale=Scale.SMOKE, method="plain", metrics=(ERROR,), environment=ENVIRONMENT
)


def make_group(values, cell=CELL, seconds=None, statuses=None, reason=""):
    """Return the runs of seeds 0, 1, ... with these values of the first metric."""
    runs = []
    for seed, value in enumerate(values):
        status = (statuses or {}).get(seed, "ok")
        run = {"seed": seed, "status": status, "reason": reason}
        if status == "ok":
            run["scores"] = {cell.metrics[0].name: value}
            if seconds is not None:
                run["cpu_seconds"] = seconds[seed]
        runs.append(run)
    return Group(cell, runs)


def verdicts(base, head):
    return {one.metric: one.verdict for one in compare_groups([base], [head])}


def shifted(shift, n=8, spread=0.01, seed=0):
    """Return paired values with difficulty shared between both sides and a small change of each seed."""
    rng = np.random.default_rng(seed)
    difficulty = rng.uniform(0.2, 0.8, n)
    return difficulty, difficulty + shift + spread * rng.standard_normal(n)


@pytest.mark.parametrize(
    ("shift", "metric", "expected"),
    [
        (+0.1, ERROR, Verdict.REGRESSED),
        (-0.1, ERROR, Verdict.IMPROVED),
        (+0.1, ACCURACY, Verdict.IMPROVED),
        (-0.1, ACCURACY, Verdict.REGRESSED),
        (0.0, ERROR, Verdict.WITHIN_NOISE),
        (0.0, ACCURACY, Verdict.WITHIN_NOISE),
    ],
)
def test_direction_decides(shift, metric, expected):
    base, head = shifted(shift)
    cell = replace(CELL, metrics=(metric,))
    assert verdicts(make_group(base, cell), make_group(head, cell)) == {metric.name: expected}


def test_seeds_are_paired():
    """A change far below the spread between instances is seen, because the instances are the same."""
    base, head = shifted(0.02, spread=0.002)
    assert np.std(base) > 5 * 0.02
    assert verdicts(make_group(base), make_group(head))["test-error"] is Verdict.REGRESSED
    assert verdicts(make_group(base), make_group(head[::-1]))["test-error"] is Verdict.WITHIN_NOISE


def test_false_alarms_are_rare():
    """Without a change, at most the promised share of comparisons calls one."""
    calls = 0
    for seed in range(400):
        base, head = shifted(0.0, n=8, spread=0.05, seed=seed)
        calls += verdicts(make_group(base), make_group(head))["test-error"] is not Verdict.WITHIN_NOISE
    assert calls <= 400 * 0.03


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=12))
def test_identical_values_are_never_a_change(values):
    group = make_group(values, seconds=[0.1] * len(values))
    assert set(verdicts(group, group).values()) == {Verdict.WITHIN_NOISE}


@pytest.mark.parametrize("n", [2, 3, 4])
def test_few_seeds_need_more_than_luck(n):
    base = np.full(n, 0.5)
    assert verdicts(make_group(base), make_group(base + np.linspace(0.01, 0.1, n)))["test-error"] is Verdict.WITHIN_NOISE


def test_one_seed_tells_nothing_unless_the_cell_is_exact():
    (one,) = compare_groups([make_group([0.1])], [make_group([0.2])])
    assert one.verdict is Verdict.WITHIN_NOISE
    assert "one seed" in one.note
    exact = replace(CELL, exact=True)
    assert verdicts(make_group([0.1], exact), make_group([0.2], exact))["test-error"] is Verdict.REGRESSED


def test_rounding_and_tolerance_are_no_change():
    base = np.linspace(0.1, 0.9, 8)
    assert verdicts(make_group(base), make_group(base * (1 + 1e-13)))["test-error"] is Verdict.WITHIN_NOISE
    tolerant = replace(CELL, metrics=(replace(ERROR, tolerance=0.05),))
    assert verdicts(make_group(base, tolerant), make_group(base + 0.03, tolerant))["test-error"] is Verdict.WITHIN_NOISE
    assert verdicts(make_group(base, tolerant), make_group(base + 0.08, tolerant))["test-error"] is Verdict.REGRESSED


def test_failure_after_success_is_a_regression():
    base = make_group([0.1] * 3)
    head = make_group([0.1] * 3, statuses={1: "diverged"}, reason="first line\nNaN at step 3")
    found = compare_groups([base], [head])
    assert found[0].verdict is Verdict.REGRESSED
    assert found[0].metric == "status"
    assert "diverged (seed 1): NaN at step 3" in found[0].note
    assert verdicts(head, base)["status"] is Verdict.IMPROVED
    assert "status" not in verdicts(head, head)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.OK}))
def test_every_failure_counts_but_an_absent_device_or_data_set(status):
    base, head = make_group([0.1] * 3), make_group([0.1] * 3, statuses=dict.fromkeys(range(3), str(status)))
    expected = Verdict.GONE if status in (Status.NEEDS_DATA, Status.NEEDS_DEVICE) else Verdict.REGRESSED
    assert verdicts(base, head)["status"] is expected


@pytest.mark.parametrize(
    ("factor", "seconds", "expected"),
    [
        (3.0, 0.1, Verdict.REGRESSED),
        (0.3, 0.1, Verdict.IMPROVED),
        (1.2, 0.1, Verdict.WITHIN_NOISE),  # the machine's own noise
        (3.0, 2e-5, Verdict.WITHIN_NOISE),  # a fraction of a millisecond
    ],
)
def test_seconds_change_by_a_factor(factor, seconds, expected):
    rng = np.random.default_rng(1)
    before = seconds * rng.uniform(1, 4, 8)
    after = before * factor * rng.uniform(0.97, 1.03, 8)
    found = verdicts(make_group([0.1] * 8, seconds=before), make_group([0.1] * 8, seconds=after))
    assert found["cpu_seconds"] is expected


def test_new_and_gone_cells_are_shown_and_no_regression():
    other = replace(CELL, method="added")
    found = compare_groups([make_group([0.1])], [make_group([0.1], other)])
    assert {(one.method, one.verdict) for one in found} == {("plain", Verdict.GONE), ("added", Verdict.NEW)}


def test_machines_and_suite_versions_are_never_mixed():
    elsewhere = replace(CELL, environment=replace(ENVIRONMENT, machine="other"))
    newer = replace(CELL, suite_version="2")
    for cell in (elsewhere, newer):
        found = compare_groups([make_group([0.1] * 8)], [make_group([0.9] * 8, cell)])
        assert {one.verdict for one in found} == {Verdict.NEW, Verdict.GONE}


def test_scores_in_another_unit_are_not_compared_and_the_gate_is_red():
    timed = replace(CELL, metrics=(MetricInfo(name="length", unit="m", better="lower"),))
    longer = replace(CELL, metrics=(MetricInfo(name="length", unit="km", better="lower"),))
    found = [one for one in compare_groups([make_group([900.0] * 5, timed)], [make_group([5.0] * 5, longer)])]
    (length,) = [one for one in found if one.metric == "length"]
    assert (length.verdict, length.note) == (Verdict.GONE, "in m, now in km: not compared")


def test_the_gravest_comes_first():
    cells = [replace(CELL, method=name) for name in ("same", "worse", "better")]
    base = [make_group([0.5] * 3, cell) for cell in cells]
    head = [make_group([value] * 3, cell) for cell, value in zip(cells, (0.5, 0.9, 0.1), strict=True)]
    found = [one.verdict for one in compare_groups(base, head)]
    assert found == [Verdict.REGRESSED, Verdict.IMPROVED, Verdict.WITHIN_NOISE]


def test_interval_of_the_difference_covers_it():
    base, head = shifted(0.1)
    (one,) = compare_groups([make_group(base)], [make_group(head)])
    assert one.low <= np.mean(head - base) <= one.high
    assert math.isclose(one.base, base.mean())
    assert one.seeds == 8


# Where the records come from -----------------------------------------------------------------------------------------


def save(folder, values, cell=CELL):
    for seed, value in enumerate(values):
        scores = {cell.metrics[0].name: float(value)}
        store.save(folder, RunRecord(cell=cell, seed=seed, status=Status.OK, scores=scores, finished="2026-01-01T00:00:00"))


@pytest.fixture
def repository(tmp_path):
    """Return a git repository with two commits, and the records of each in its history."""

    def git(*arguments):
        command = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout.strip()

    git("init", "--quiet", "--initial-branch", "main")
    for shift in (0.0, 0.1):
        git("commit", "--quiet", "--allow-empty", "--message", f"shift {shift}")
        save(history_of(tmp_path / "results", git("rev-parse", "HEAD")), shifted(shift)[1])
    return tmp_path


def test_commits_are_found_by_any_name_that_git_knows(repository):
    results = repository / "results"
    assert {one.verdict for one in compare(results, "HEAD~1", "main")} == {Verdict.REGRESSED}
    assert {one.verdict for one in compare(results, "main", "HEAD~1")} == {Verdict.IMPROVED}
    assert locate("HEAD", results) == locate("main", results)
    assert compare(results, "HEAD~1", "HEAD", machine="nowhere") == []


def test_folders_of_results_are_taken_as_they_are(repository):
    first, second = sorted((repository / "results" / "history").iterdir())
    assert len(compare(repository / "results", str(first), str(second))) == 1


@pytest.mark.parametrize("revision", ["nonsense", "--upload-pack=evil", "", "../../etc"])
def test_unknown_revision_is_named(repository, revision):
    with pytest.raises(UnknownRevision, match="neither a folder with records nor a commit"):
        compare(repository / "results", revision, "HEAD")


def test_commit_without_records_names_the_command(repository):
    folder = locate("HEAD", repository / "results")
    folder.rename(folder.with_name("moved"))
    with pytest.raises(UnknownRevision, match="asv run"):
        compare(repository / "results", "HEAD~1", "HEAD")


def test_refused_record_gives_no_verdict(repository):
    path = next(locate("HEAD", repository / "results").rglob("*.json"))
    path.write_text(path.read_text()[:-30])
    with pytest.raises(ValueError, match="refused"):
        compare(repository / "results", "HEAD~1", "HEAD")


# What is printed -----------------------------------------------------------------------------------------------------


def test_json_is_a_list_that_scripts_can_read():
    base, head = shifted(0.1)
    (one,) = json.loads(to_json(compare_groups([make_group(base)], [make_group(head)])))
    assert one["verdict"] == "regressed"
    assert {"suite", "workload", "method", "device", "machine", "metric", "better", "base", "head", "low", "high"} <= one.keys()


def test_markdown_counts_and_cannot_be_broken_by_a_reason():
    head = make_group([0.1] * 3, statuses={0: "error"}, reason="<script>alert(1)</script> | `x`\nlast | <b>line</b>")
    text = to_markdown(compare_groups([make_group([0.1] * 3)], [head]), {"toy": Thresholds()}, everything=True)
    assert text.startswith("**1 regressed, 1 within noise**")
    assert "<b>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| **regressed**")]
    assert len(rows) == 1
    assert rows[0].replace("\\|", "").count("|") == 12


def test_nothing_in_common_is_said():
    assert "nothing to compare" in to_markdown([], {})


def test_a_gate_without_a_change_is_green_in_most_runs():
    """Of A/A gates of 300 cells with fresh noise, about one in a hundred fails; without the correction most would."""
    rng = np.random.default_rng(0)
    red = 0
    for _ in range(60):
        cells = [replace(CELL, method=f"m{k}") for k in range(300)]
        draws = rng.uniform(0.2, 0.8, (300, 5))
        base, head = (
            [make_group(row + 0.01 * rng.standard_normal(5), cell) for row, cell in zip(draws, cells, strict=True)] for _ in "ab"
        )
        red += any(one.verdict is Verdict.REGRESSED for one in compare_groups(base, head))
    assert red <= 4


def test_a_gap_that_opens_by_orders_of_magnitude_is_a_regression():
    gap = replace(CELL, metrics=(MetricInfo(name="gap", unit="1", better="lower"),))
    before, after = [1.7e-19, 3e-18, 2e-17, 1e-19, 4e-18], [5.9e-3, 1e-6, 2e-4, 4e-2, 7e-5]
    assert verdicts(make_group(before, gap), make_group(after, gap)) == {"gap": Verdict.REGRESSED}
    assert verdicts(make_group(after, gap), make_group(before, gap)) == {"gap": Verdict.IMPROVED}
    assert verdicts(make_group(before, gap), make_group([1e-17] * 5, gap)) == {"gap": Verdict.WITHIN_NOISE}  # rounding


def test_a_slow_down_of_a_millisecond_cell_is_seen_and_the_floor_can_be_raised():
    rng = np.random.default_rng(0)
    seconds = 1e-3 * rng.uniform(0.9, 1.1, 5)
    base, head = make_group([0.1] * 5, seconds=seconds), make_group([0.1] * 5, seconds=5.6 * seconds * rng.uniform(0.9, 1.1, 5))
    found = {one.metric: one for one in compare_groups([base], [head])}
    assert found["cpu_seconds"].verdict is Verdict.REGRESSED
    found = {one.metric: one for one in compare_groups([base], [head], Thresholds(floor=0.1))}
    assert found["cpu_seconds"].verdict is Verdict.WITHIN_NOISE
    assert "floor" in found["cpu_seconds"].note
    found = {one.metric: one for one in compare_groups([base], [head], {"toy": Thresholds(seconds_factor=10)})}
    assert found["cpu_seconds"].verdict is Verdict.WITHIN_NOISE
    with pytest.raises(ValueError, match="seconds_factor must be at least 1"):
        Thresholds(seconds_factor=0.5)


def test_values_near_the_largest_number_are_compared():
    huge = make_group([1e308, 1.2e308, 1.1e308])
    assert set(verdicts(huge, huge).values()) == {Verdict.WITHIN_NOISE}
    assert verdicts(huge, make_group([0.1, 0.2, 0.1]))["test-error"] is not Verdict.REGRESSED


def test_what_differs_but_the_code_is_said():
    older = replace(ENVIRONMENT, python="3.11.7", versions={"numpy": "2.0.0", "scipy": "1.14"}, kernels={"openblas": "Zen"})
    newer = replace(older, python="3.12.1", versions={"numpy": "2.1.0", "scipy": "1.14"})
    base, head = (make_group([0.1] * 3, replace(CELL, environment=environment)) for environment in (older, newer))
    said = circumstances([base], [head])
    assert said == ["Python on toy: 3.11.7, then 3.12.1", "numpy on toy: 2.0.0, then 2.1.0"]
    assert circumstances([base], [base]) == []
    assert "- Python on toy: 3.11.7, then 3.12.1" in to_markdown(compare_groups([base], [head]), {"toy": Thresholds()}, said)


def test_limits_of_one_suite_are_said():
    text = to_markdown(compare_groups([make_group([0.1])], [make_group([0.1])]), {"a": Thresholds(), "b": Thresholds(floor=1)})
    assert "Seconds count from a factor of 1.5 and 0.0005 s (a); a factor of 1.5 and 1 s (b)." in text


@pytest.mark.parametrize("law", ["rates", "counts"])
@pytest.mark.parametrize("seeds", [3, 5])
def test_a_gate_over_scores_on_a_lattice_raises_no_false_alarm(law: str, seeds: int) -> None:
    """On three seeds equal differences of rates or counts are chance: 300 such cells with fresh noise stay green."""
    rng = np.random.default_rng(0)
    cells = [replace(CELL, workload=f"w{i % 60}", method=f"m{i // 60}") for i in range(300)]
    for _ in range(4):
        shape = (2, 300, seeds)
        sides = rng.binomial(50, 0.05, shape) / 50 if law == "rates" else rng.poisson(2.0, shape).astype(float)
        base, head = ([make_group(values, cell) for values, cell in zip(side, cells, strict=True)] for side in sides)
        assert {one.verdict for one in compare_groups(base, head)} == {Verdict.WITHIN_NOISE}


def test_every_seed_far_worse_by_the_same_is_a_regression_among_many() -> None:
    rng = np.random.default_rng(0)
    cells = [replace(CELL, method=f"m{i}") for i in range(60)]
    counts = rng.poisson(20.0, (60, 5)).astype(float)
    worse = counts.copy()
    worse[7] += 20.0
    base, head = ([make_group(values, cell) for values, cell in zip(side, cells, strict=True)] for side in (counts, worse))
    assert [one.method for one in compare_groups(base, head) if one.verdict is Verdict.REGRESSED] == ["m7"]


def test_a_ratio_beyond_all_numbers_leaves_the_gate_standing() -> None:
    (found,) = compare_groups([make_group([1e-11, 1e100, 1e-11])], [make_group([1e100, 1e-11, 1e90])])
    assert (found.verdict, found.high) == (Verdict.WITHIN_NOISE, None)


def test_seeds_that_the_head_did_not_run_are_gone() -> None:
    """A gate of one seed of five, or of five other seeds, is not green: what was measured in base is not there."""
    base = make_group([0.1, 0.11, 0.12, 0.1, 0.13])
    others = Group(CELL, [{**run, "seed": run["seed"] + 10} for run in base.runs])
    for head, seeds in ((make_group([0.1]), 4), (others, 5)):
        gone = [one for one in compare_groups([base], [head]) if one.verdict is Verdict.GONE]
        assert [(one.metric, one.seeds) for one in gone] == [("status", seeds)]
        assert "no run of seed" in gone[0].note


def test_a_metric_that_vanished_or_turned_round_is_gone() -> None:
    base = make_group([0.1, 0.11, 0.12])
    silent = Group(CELL, [{**run, "scores": {}} for run in base.runs])
    turned = make_group([0.9, 0.91, 0.92], replace(CELL, metrics=(replace(ERROR, better="higher"),)))
    for head in (silent, turned):
        assert Verdict.GONE in [one.verdict for one in compare_groups([base], [head]) if one.metric == ERROR.name]


def test_what_was_solved_on_every_seed_and_is_solved_on_none_is_a_regression() -> None:
    cell = replace(CELL, metrics=(ACCURACY,))
    assert verdicts(make_group([1.0] * 5, cell), make_group([0.0] * 5, cell)) == {"accuracy": Verdict.REGRESSED}


def timed(cpu: float, wall: float, **fields: float) -> Group:
    """Return five runs of these CPU and wall seconds, a little noise on both."""
    rng = np.random.default_rng(0)
    runs = make_group([0.1, 0.11, 0.12, 0.13, 0.14]).runs
    return Group(
        CELL, [{**r, "cpu_seconds": cpu * rng.uniform(1, 1.02), "seconds": wall * rng.uniform(1, 1.02), **fields} for r in runs]
    )


def test_a_method_that_waits_is_slower_though_its_cpu_seconds_are_the_same() -> None:
    """A second of sleep, or a thread that is lost, takes no CPU: wall seconds are judged where they change otherwise."""
    assert verdicts(timed(0.1, 0.1), timed(0.1, 1.1))["seconds"] is Verdict.REGRESSED
    assert verdicts(timed(0.1, 1.1), timed(0.1, 0.1))["seconds"] is Verdict.IMPROVED
    assert "seconds" not in verdicts(timed(0.1, 0.1), timed(0.1, 0.12))
    assert "seconds" not in verdicts(timed(0.1, 0.1), timed(0.3, 0.3)), "the CPU seconds tell it"
    assert "seconds" not in verdicts(timed(0.1, 0.1), timed(0.1, 0.25)), "a machine that others use"
    assert "seconds" not in verdicts(timed(0.1, 0.1), timed(0.1, 0.4, jobs=1, busy=3.0)), "by its probe"
