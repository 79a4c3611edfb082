from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import toy_suite as toys
from scipy.stats import ttest_ind
from test_records import cell_of, record_of

from optathlon.judge import claims, judge
from optathlon.judge.evidence import Evidence, FailedRuns, MissingEvidence
from optathlon.judge.intervals import independent_ratio_interval
from optathlon.spec import Claim, MetricInfo, Ruling, RunRecord, Scale, Status, Verdict


def evidence(**scores: list[float]) -> Evidence:
    return Evidence(
        tuple(record_of(seed, value, cell_of(method)) for method, values in scores.items() for seed, value in enumerate(values))
    )


NOISE = np.random.default_rng(0).normal(size=12)


def about(mean: float, spread: float = 0.05) -> list[float]:
    return [mean + spread * (value - NOISE.mean()) for value in NOISE]


def test_a_fraction_that_exceeds_one_somewhere_is_not_cut_there() -> None:
    cell = replace(cell_of("a"), metrics=(MetricInfo(name="norm", unit="fraction", better="lower"),))
    few = [record_of(seed, value, cell) for seed, value in enumerate((0.69, 0.99, 0.99))]
    beyond = record_of(0, 1.5, replace(cell, method="b"))
    check = claims.mean_within("norm", "a", at_most=1.0)
    assert check(Evidence(tuple(few))).ruling is Ruling.REPRODUCED
    assert check(Evidence((*few, beyond))).ruling is Ruling.INCONCLUSIVE


@pytest.mark.parametrize(
    ("limit", "ruling"), [(1.2, Ruling.REPRODUCED), (1.005, Ruling.INCONCLUSIVE), (0.8, Ruling.CONTRADICTED)]
)
def test_a_mean_is_ruled_by_where_its_interval_lies(limit: float, ruling: Ruling) -> None:
    verdict = claims.mean_within("norm", "a", at_most=limit)(evidence(a=about(1.0)))
    assert verdict.ruling is ruling
    assert "a: norm 1 [" in verdict.measured
    assert "n=12" in verdict.measured


@pytest.mark.parametrize(("factor", "ruling"), [(0.6, Ruling.REPRODUCED), (0.5, Ruling.INCONCLUSIVE), (0.4, Ruling.CONTRADICTED)])
def test_a_ratio_is_paired_over_seeds(factor: float, ruling: Ruling) -> None:
    verdict = claims.ratio_within("norm", "a", "b", at_most=factor)(evidence(a=about(1.0, 0.4), b=about(2.0, 0.1)))
    assert verdict.ruling is ruling


def test_a_ratio_far_below_its_bound_holds_though_its_interval_reaches_below_zero() -> None:
    verdict = claims.ratio_within("norm", "a", "b", at_most=1.0)(evidence(a=[0.0, 0.02, 0.03], b=[1.0, 1.1, 0.9]))
    assert "[-" in verdict.measured
    assert verdict.ruling is Ruling.REPRODUCED


def test_a_difference_is_paired_over_seeds() -> None:
    data = evidence(a=about(1.0, 5.0), b=about(1.1, 5.0))  # the spread is a hundred times the difference, but shared
    assert claims.difference_within("norm", "a", "b", at_most=0.0)(data).ruling is Ruling.REPRODUCED
    assert claims.difference_within("norm", "b", "a", at_most=0.0)(data).ruling is Ruling.CONTRADICTED


def test_zero_against_zero_is_no_ratio_and_no_crash() -> None:
    data = evidence(a=[0.0, 0.0], b=[0.0, 0.0])
    assert claims.ratio_within("norm", "a", "b", at_most=1.1)(data).ruling is Ruling.INCONCLUSIVE
    assert claims.ratio_within("norm", "a", "b", at_most=0.5)(data).ruling is Ruling.INCONCLUSIVE


def test_one_seed_decides_nothing_unless_exact() -> None:
    data = evidence(a=[1.0])
    assert claims.mean_within("norm", "a", at_most=2.0)(data).ruling is Ruling.INCONCLUSIVE
    assert claims.mean_within("norm", "a", at_most=2.0, exact=True)(data).ruling is Ruling.REPRODUCED


def test_every_run_needs_every_run() -> None:
    data = evidence(a=[1.0, 2.0, 3.0])
    assert claims.every_run("norm", "a", at_most=3.0)(data).ruling is Ruling.REPRODUCED
    verdict = claims.every_run("norm", "a", at_most=2.5)(data)
    assert verdict.ruling is Ruling.CONTRADICTED
    assert "2 of 3" in verdict.measured
    assert claims.every_run("norm", "a", at_most=3.0)(evidence(a=[1.0])).ruling is Ruling.INCONCLUSIVE
    assert claims.every_run("norm", "a", at_most=0.5)(evidence(a=[1.0])).ruling is Ruling.CONTRADICTED
    exact = record_of(0, 1.0, replace(cell_of("a"), exact=True))
    assert claims.every_run("norm", "a", at_most=3.0)(Evidence((exact,))).ruling is Ruling.REPRODUCED


def test_all_of_is_as_good_as_its_worst() -> None:
    data = evidence(a=about(1.0))
    good, bad = claims.mean_within("norm", "a", at_most=2.0), claims.mean_within("norm", "a", at_most=0.5)
    unclear = claims.mean_within("norm", "a", at_most=1.005)
    assert claims.all_of(good, good)(data).ruling is Ruling.REPRODUCED
    assert claims.all_of(good, unclear)(data).ruling is Ruling.INCONCLUSIVE
    assert claims.all_of(good, unclear, bad)(data).ruling is Ruling.CONTRADICTED


def test_seconds_are_evidence_too() -> None:
    data = evidence(a=[1.0, 2.0])
    assert data.mean("seconds", "a") == 0.25


def test_failed_runs_are_not_averaged_away() -> None:
    failed = replace(record_of(7, cell=cell_of("a")), status=Status.TIMEOUT, scores={})
    data = Evidence((*evidence(a=[1.0, 2.0]).records, failed))
    with pytest.raises(FailedRuns, match="timeout"):
        data.scores("norm", "a")
    with pytest.raises(MissingEvidence, match="no run of b"):
        data.scores("norm", "b")


def at_scale(scale: Scale, score: float, machine: str = "here", n: int = 12) -> list[RunRecord]:
    cell = cell_of("a", workload=f"w-{scale}")
    cell = replace(cell, scale=scale, environment=replace(cell.environment, machine=machine))
    return [replace(record_of(seed, score + 0.01 * NOISE[seed], cell), seed=seed) for seed in range(n)]


CLAIM = Claim(id="c", source="s", statement="a stays below one", check=claims.mean_within("norm", "a", at_most=1.0))
WORKLOADS = tuple(replace(toys.SUITE.workloads[0], name=f"w-{scale}", scale=scale, methods=("*",)) for scale in Scale)
SUITE = replace(
    toys.SUITE, claims=(CLAIM,), workloads=WORKLOADS, methods=(*toys.SUITE.methods, replace(toys.SUITE.methods[0], name="a"))
)


def test_the_largest_scale_decides_and_too_small_a_scale_does_not() -> None:
    def ruled(*records: list[RunRecord]) -> tuple[Ruling, str, str]:
        (one,) = judge(SUITE, [record for group in records for record in group])
        return one.verdict.ruling, one.scale, one.machine

    assert ruled(at_scale(Scale.SMOKE, 0.5)) == (Ruling.NOT_TESTED, "", "")
    assert ruled(at_scale(Scale.SMALL, 0.5)) == (Ruling.REPRODUCED, "small", "here")
    assert ruled(at_scale(Scale.SMALL, 0.5), at_scale(Scale.PAPER, 1.5)) == (Ruling.CONTRADICTED, "paper", "here")
    two = ruled(at_scale(Scale.SMALL, 0.5, "elsewhere", n=5), at_scale(Scale.SMALL, 1.5))
    assert two == (Ruling.CONTRADICTED, "small", "here")


def test_a_failed_run_makes_a_claim_inconclusive_and_says_so() -> None:
    records = at_scale(Scale.SMALL, 0.5)
    records[3] = replace(records[3], status=Status.CRASHED, scores={})
    (one,) = judge(SUITE, records)
    assert one.verdict.ruling is Ruling.INCONCLUSIVE
    assert "crashed" in one.verdict.measured


def test_records_of_another_suite_version_do_not_count() -> None:
    (one,) = judge(replace(SUITE, version="2"), at_scale(Scale.SMALL, 0.5))
    assert one.verdict.ruling is Ruling.NOT_TESTED


def test_a_check_that_raises_costs_only_its_own_verdict() -> None:
    def broken(data: Evidence) -> Verdict:
        raise ZeroDivisionError

    suite = replace(SUITE, claims=(replace(CLAIM, id="broken", check=broken), CLAIM))
    first, second = judge(suite, at_scale(Scale.SMALL, 0.5))
    assert first.verdict.ruling is Ruling.INCONCLUSIVE
    assert "ZeroDivisionError" in first.verdict.measured
    assert second.verdict.ruling is Ruling.REPRODUCED


def test_a_statement_about_several_workloads_is_judged_on_each_and_on_all_that_are_declared() -> None:
    easy, hard = (
        [replace(record_of(seed, value, cell_of("a", workload=name)), seed=seed) for seed, value in enumerate(about(mean))]
        for name, mean in (("easy", 0.1), ("hard", 1.2))
    )
    check = claims.mean_within("norm", "a", at_most=1.0)
    assert check(Evidence((*easy, *hard))).ruling is Ruling.CONTRADICTED
    pooled = claims.mean_within("norm", "a", at_most=1.0, pooled=True)  # .65 on average
    assert pooled(Evidence((*easy, *hard))).ruling is Ruling.REPRODUCED
    declared = {"easy": frozenset("a"), "hard": frozenset("a")}
    with pytest.raises(MissingEvidence, match="no run of a on hard"):
        check(Evidence(tuple(easy), declared))
    assert check(Evidence(tuple(easy))).ruling is Ruling.REPRODUCED


def test_a_handful_of_hits_proves_no_high_probability() -> None:
    fraction = (replace(cell_of("a").metrics[0], unit="fraction"),)

    def hits(n: int, of: int) -> Evidence:
        cell = replace(cell_of("a"), metrics=fraction)
        return Evidence(tuple(replace(record_of(seed, float(seed < n), cell), seed=seed) for seed in range(of)))

    check = claims.mean_within("norm", "a", at_least=0.95)
    assert check(hits(6, 6)).ruling is Ruling.INCONCLUSIVE
    assert "[0.5407, 1]" in check(hits(6, 6)).measured
    assert claims.seeds_needed(0.95) == 72
    assert check(hits(71, 71)).ruling is Ruling.INCONCLUSIVE
    assert check(hits(72, 72)).ruling is Ruling.REPRODUCED
    assert check(hits(1, 6)).ruling is Ruling.CONTRADICTED
    share = claims.proportion_within("norm", "a", lambda value: value > 0.5, at_least=0.95)
    assert share(hits(72, 72)).ruling is Ruling.REPRODUCED


def test_seconds_are_ruled_with_room_for_the_machine() -> None:
    def timed(factor: float) -> Ruling:
        records = [
            replace(record_of(seed, 1.0, cell_of(name)), seed=seed, seconds=seconds * (1 + 0.001 * NOISE[seed]))
            for name, seconds in (("a", factor), ("b", 1.0))
            for seed in range(12)
        ]
        return claims.ratio_within("seconds", "a", "b", at_most=1.0)(Evidence(tuple(records))).ruling

    assert timed(0.7) is Ruling.REPRODUCED
    assert timed(0.9) is Ruling.INCONCLUSIVE
    assert timed(1.1) is Ruling.INCONCLUSIVE
    assert timed(1.4) is Ruling.CONTRADICTED


def test_less_than_the_papers_budget_rules_nothing_and_shows_its_figure() -> None:
    (one,) = judge(replace(SUITE, claims=(replace(CLAIM, reduced="3 epochs instead of 100"),)), at_scale(Scale.SMALL, 0.5))
    assert one.verdict.ruling is Ruling.REDUCED
    assert "3 epochs instead of 100, where it would be reproduced: a: norm 0.5" in one.verdict.measured


def test_seconds_of_a_busy_machine_count_only_where_there_are_no_others() -> None:
    quiet = [replace(record_of(seed, 1.0, cell_of("a")), seed=seed, seconds=1.0, jobs=1, busy=1.1) for seed in range(3)]
    beside = [replace(record, seed=record.seed + 3, seconds=9.0, jobs=2) for record in quiet]
    loaded = [replace(record, seed=record.seed + 6, seconds=9.0, busy=1.4) for record in quiet]
    assert Evidence((*quiet, *beside, *loaded)).mean("seconds", "a") == 1.0
    assert Evidence((*beside, *loaded)).mean("seconds", "a") == 9.0
    assert len(Evidence((*quiet, *beside)).scores("norm", "a")) == 6


def test_runs_on_two_workloads_are_paired_by_seed() -> None:
    noise = np.random.default_rng(1).normal(size=6)
    records = [
        record_of(seed, level + value, replace(cell_of("a"), workload=workload))
        for workload, level in (("one", 5.0), ("two", 10.0))
        for seed, value in enumerate(noise)
    ]
    check = claims.across(claims.difference_within, "norm", ("a", "two"), ("a", "one"), at_least=4.9, at_most=5.1)
    verdict = check(Evidence(tuple(records)))
    assert verdict.ruling is Ruling.REPRODUCED
    assert "a on two" in verdict.measured
    with pytest.raises(MissingEvidence):
        check(Evidence(tuple(record for record in records if record.cell.workload == "one")))


@pytest.mark.parametrize(
    ("second", "ruling"),
    [
        ((10.0, 11.0, 12.0), Ruling.REPRODUCED),
        ((100.0, 101.0, 99.0), Ruling.CONTRADICTED),
        ((10.0, 100.0, 40.0), Ruling.INCONCLUSIVE),
        ((0.0, 11.0, 12.0), Ruling.INCONCLUSIVE),
        ((10.0,), Ruling.INCONCLUSIVE),
    ],
)
def test_a_change_between_workloads_of_unlike_draws(second: tuple[float, ...], ruling: Ruling) -> None:
    values = {"one": (40.0, 41.0, 42.0), "two": second}
    records = [record_of(seed, x, cell_of("a", workload=name)) for name, some in values.items() for seed, x in enumerate(some)]
    check = claims.change("norm", "a", "one", "two", at_most=1.0)
    assert check(Evidence(tuple(records))).ruling is ruling
    with pytest.raises(MissingEvidence):
        check(Evidence(tuple(record for record in records if record.cell.workload == "one")))


def test_the_interval_of_a_change_is_welchs() -> None:
    first, second = np.random.default_rng(1).lognormal(size=9), np.random.default_rng(2).lognormal(1.0, 0.3, size=5)
    theirs = ttest_ind(np.log(first), np.log(second), equal_var=False).confidence_interval(0.95)
    ours = independent_ratio_interval(first, second)
    assert np.log([ours.low, ours.high]) == pytest.approx([theirs.low, theirs.high], rel=1e-12)


def test_statements_say_what_decides_them() -> None:
    claim = Claim(id="first", source="Table 1", statement="One is first.", check=claims.mean_within("norm", "a"))
    assert claims.decided_on("ten seeds, scale small", claim)[0].statement == "One is first (ten seeds, scale small)."


def test_devices_are_never_mixed_in_one_verdict() -> None:
    """The same seeds on the CPU and on a GPU, in any order: the device with most records decides, and is named."""
    on_cpu = at_scale(Scale.SMALL, 1.5)
    on_gpu = [replace(run, cell=replace(run.cell, device="cuda")) for run in at_scale(Scale.SMALL, 0.5, n=9)]
    for records in (on_cpu + on_gpu, on_gpu + on_cpu):
        (one,) = judge(SUITE, records)
        assert (one.verdict.ruling, one.place) == (Ruling.CONTRADICTED, "here")
        (one,) = judge(SUITE, [run for run in records if run.cell.device == "cuda" or run.seed < 5])
        assert (one.verdict.ruling, one.place) == (Ruling.REPRODUCED, "here, cuda")


@pytest.mark.parametrize("within", [claims.ratio_within, claims.mostly_below])
def test_seconds_of_a_quiet_and_of_a_busy_machine_decide_nothing_close(within: Callable[..., claims.Check]) -> None:
    def side(method: str, seconds: float, busy: float) -> list[RunRecord]:
        return [replace(record_of(seed, 0.5, cell_of(method)), seconds=seconds, jobs=1, busy=busy) for seed in range(8)]

    bound = {"at_most": 1.0} if within is claims.ratio_within else {}
    check = within("seconds", "a", "b", **bound)
    assert check(Evidence((*side("a", 1.0, 1.0), *side("b", 1.8, 1.0)))).ruling is Ruling.REPRODUCED
    assert check(Evidence((*side("a", 1.0, 1.0), *side("b", 1.8, 1.9)))).ruling is Ruling.INCONCLUSIVE
    assert check(Evidence((*side("a", 1.0, 1.0), *side("b", 3.6, 1.9)))).ruling is Ruling.REPRODUCED


def test_a_run_without_its_data_is_no_run_that_ended_otherwise() -> None:
    ends = [Status.DIVERGED, Status.DIVERGED, Status.NEEDS_DATA]
    runs = [replace(record_of(seed, cell=cell_of("a")), status=end, scores={}) for seed, end in enumerate(ends)]
    assert claims.ends_with("a", Status.DIVERGED)(Evidence(tuple(runs))).ruling is Ruling.REPRODUCED


def test_a_run_may_end_in_one_of_several_ways() -> None:
    """What cannot be done within a time and a memory runs out of the one or of the other."""
    ends = [Status.TIMEOUT, Status.OUT_OF_MEMORY]
    runs = tuple(replace(record_of(seed, cell=cell_of("a")), status=end, scores={}) for seed, end in enumerate(ends))
    assert claims.ends_with("a", *ends)(Evidence(runs)).ruling is Ruling.REPRODUCED
    assert claims.ends_with("a", Status.TIMEOUT)(Evidence(runs)).ruling is Ruling.CONTRADICTED
