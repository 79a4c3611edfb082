"""The checks that most claims are made of; pure functions of evidence.

A statement about several workloads is judged on each of them, and holds where it holds on all: unlike data sets are never pooled
unless the claim says so (``pooled=True``, for workloads that differ in nothing but the draw). Intervals are those of
`optathlon.judge.intervals`, at 95 % throughout the ledger. Seconds are allowed `TIMING` to either side, by which two runs of one
commit differ on one machine, and as much more as it was busier under one side: a ruling that turns with the load is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from optathlon.judge.evidence import ABSENT, Evidence, MissingEvidence, Patterns
from optathlon.judge.intervals import (
    Interval,
    difference_interval,
    independent_ratio_interval,
    mean_interval,
    proportion_interval,
    ratio_interval,
    seeds_needed,
)
from optathlon.spec import Claim, Figure, Ruling, Status, Verdict

__all__ = [
    "Check", "Evidence", "MissingEvidence", "across", "all_of", "change", "decided_on", "difference_within", "ends_with",
    "every_run", "judge_value", "mean_within", "mostly_below", "on_each", "proportion_within", "ratio_within", "seeds_needed",
]  # fmt: skip

Check = Callable[[Evidence], Verdict]
Pair = tuple[str, Patterns]  # a method, and the one workload that it ran on
TIMING = 1.25
_ORDER = (Ruling.CONTRADICTED, Ruling.NOT_TESTED, Ruling.INCONCLUSIVE, Ruling.REPRODUCED)


def judge_value(value: float, low: float, high: float, *, at_least: float = -math.inf, at_most: float = math.inf) -> Ruling:
    """Rule whether an estimate with interval [low, high] lies in [at_least, at_most].

    Reproduced when the whole interval lies inside, contradicted when it lies wholly outside, else inconclusive. An estimate
    without an interval (NaN bounds, a single seed) is inconclusive unless it is exact, which callers say by low = value = high.
    """
    if math.isnan(value) or math.isnan(low) or math.isnan(high):
        return Ruling.INCONCLUSIVE
    if low >= at_least and high <= at_most:
        return Ruling.REPRODUCED
    if high < at_least or low > at_most:
        return Ruling.CONTRADICTED
    return Ruling.INCONCLUSIVE


def mean_within(
    metric: str,
    method: str,
    *,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    workloads: Patterns = "*",
    exact: bool = False,
    pooled: bool = False,
) -> Check:
    """Claim that the mean of a metric lies in [at_least, at_most]; `exact` for numbers free of chance, which need no interval."""

    def check(evidence: Evidence, names: Sequence[str]) -> Verdict:
        (values,) = _paired(evidence.scores(metric, method, names))
        found = _interval(mean_interval(values, evidence.unit(metric), evidence.trials(names)), evidence.unit(metric), exact)
        ruling = judge_value(*found, at_least=at_least, at_most=at_most)
        figure = _figure(metric, (method,), names, found, at_least, at_most)
        return Verdict(ruling=ruling, measured=f"{method}: {metric} {_figures(found, len(values))}", figures=(figure,))

    return _over(workloads, (method,), check, pooled)


def ratio_within(
    metric: str,
    method: str,
    other: str,
    *,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    workloads: Patterns = "*",
    pooled: bool = False,
) -> Check:
    """Claim that mean(method) / mean(other) lies in [at_least, at_most], paired over the seeds that both ran."""

    def check(evidence: Evidence, names: Sequence[str]) -> Verdict:
        top, bottom = _paired(*(evidence.scores(metric, name, names) for name in (method, other)))
        means = f"{metric}: {method} {top.mean():.4g}, {other} {bottom.mean():.4g}"
        if not bottom.any():
            return Verdict(ruling=Ruling.INCONCLUSIVE, measured=f"{means}: no ratio to zero, n={len(top)}")
        found = _widened(ratio_interval(top, bottom), _slack(evidence, metric, (method, names), (other, names)))
        ruling = judge_value(*found, at_least=at_least, at_most=at_most)
        figure = _figure(f"ratio of {metric}", (method, other), names, found, at_least, at_most)
        return Verdict(ruling=ruling, measured=f"{means}, ratio {_figures(found, len(top))}", figures=(figure,))

    return _over(workloads, (method, other), check, pooled)


def difference_within(
    metric: str,
    method: str,
    other: str,
    *,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    workloads: Patterns = "*",
    exact: bool = False,
    pooled: bool = False,
) -> Check:
    """Claim that mean(method) - mean(other) lies in [at_least, at_most], paired over the seeds that both ran."""

    def check(evidence: Evidence, names: Sequence[str]) -> Verdict:
        first, second = _paired(*(evidence.scores(metric, name, names) for name in (method, other)))
        unit = evidence.unit(metric)
        found = difference_interval(first, second, unit, evidence.trials(names))
        if exact:
            found = Interval(found.mean, found.mean, found.mean)
        elif unit == "s" and not math.isnan(found.low):
            slack = (_slack(evidence, metric, (method, names), (other, names)) - 1) * max(first.mean(), second.mean())
            found = Interval(found.mean, found.low - slack, found.high + slack)
        ruling = judge_value(*found, at_least=at_least, at_most=at_most)
        measured = f"{metric}: {method} {first.mean():.4g}, {other} {second.mean():.4g}, difference {_figures(found, len(first))}"
        figure = _figure(f"difference of {metric}", (method, other), names, found, at_least, at_most)
        return Verdict(ruling=ruling, measured=measured, figures=(figure,))

    return _over(workloads, (method, other), check, pooled)


def proportion_within(
    metric: str,
    method: str,
    holds: Callable[[float], bool],
    *,
    at_least: float = 0.0,
    at_most: float = 1.0,
    workloads: Patterns = "*",
    pooled: bool = False,
) -> Check:
    """Claim that the share of runs whose value `holds` lies in [at_least, at_most]; see `seeds_needed` for how many to plan."""

    def check(evidence: Evidence, names: Sequence[str]) -> Verdict:
        (values,) = _paired(evidence.scores(metric, method, names))
        hits = sum(map(holds, values.tolist()))
        found = proportion_interval(hits, len(values))
        ruling = judge_value(*found, at_least=at_least, at_most=at_most)
        figure = _figure(f"share of runs with {metric} as claimed", (method,), names, found, at_least, at_most)
        measured = f"{method}: {metric} as claimed in {hits} of {len(values)}, {_figures(found, len(values))}"
        return Verdict(ruling=ruling, measured=measured, figures=(figure,))

    return _over(workloads, (method,), check, pooled)


def mostly_below(metric: str, method: str, other: str, *, workloads: Patterns = "*", pooled: bool = False) -> Check:
    """Claim that a method's value is below the other's on more than half of the seeds; equal values count for neither.

    Where one run in five is so far off that no interval of a mean excludes a tie, this still decides; six seeds at least.
    """

    def check(evidence: Evidence, names: Sequence[str]) -> Verdict:
        first, second = _paired(*(evidence.scores(metric, name, names) for name in (method, other)))
        slack = _slack(evidence, metric, (method, names), (other, names))
        wins, losses = int((first * slack < second).sum()), int((first > second * slack).sum())
        found = proportion_interval(wins, wins + losses) if wins + losses else Interval(math.nan, math.nan, math.nan)
        means = f"{metric}: {method} {first.mean():.4g}, {other} {second.mean():.4g}"
        ruling = judge_value(*found, at_least=0.5)
        figure = _figure(f"share of seeds with lower {metric}", (method, other), names, found, 0.5, math.inf)
        return Verdict(ruling=ruling, measured=f"{means}, lower on {wins} of {len(first)} seeds", figures=(figure,))

    return _over(workloads, (method, other), check, pooled)


def every_run(
    metric: str, method: str, *, at_least: float = -math.inf, at_most: float = math.inf, workloads: Patterns = "*"
) -> Check:
    """Claim that each single run's value lies in [at_least, at_most]; one outside contradicts it, one run proves nothing."""

    def check(evidence: Evidence, names: Sequence[str]) -> Verdict:
        (values,) = _paired(evidence.scores(metric, method, names))
        inside = int(np.count_nonzero((values >= at_least) & (values <= at_most)))
        alone = len(values) == 1 and not all(run.cell.exact for run in evidence.runs(method, names))
        proved = Ruling.INCONCLUSIVE if alone else Ruling.REPRODUCED
        return Verdict(
            ruling=proved if inside == len(values) else Ruling.CONTRADICTED,
            measured=f"{method}: {metric} in [{values.min():.4g}, {values.max():.4g}], {inside} of {len(values)} runs as claimed",
        )

    return _over(workloads, (method,), check, pooled=True)


def ends_with(method: str, *statuses: Status, workloads: Patterns = "*", ruling: Literal["every", "any"] = "every") -> Check:
    """Claim that every (or any) run of a method ends with one of some statuses, for instance that it diverges."""

    def check(evidence: Evidence) -> Verdict:
        runs = [run for run in evidence.runs(method, workloads) if run.status not in ABSENT]
        hits = sum(run.status in statuses for run in runs)
        holds = hits == len(runs) if ruling == "every" else hits > 0
        outcome = Ruling.REPRODUCED if holds else Ruling.CONTRADICTED
        return Verdict(ruling=outcome, measured=f"{method}: {hits} of {len(runs)} runs end {' or '.join(statuses)}")

    return check


def across(within: Callable[..., Check], metric: str, first: Pair, second: Pair, **bounds: float) -> Check:
    """Claim `ratio_within` or `difference_within` of a method on one workload and one on another, paired by seed."""

    def check(evidence: Evidence) -> Verdict:
        sides = [evidence.runs(method, workload) for method, workload in (first, second)]
        names = [f"{runs[0].cell.method} on {runs[0].cell.workload}" for runs in sides]
        renamed = [
            replace(run, cell=replace(run.cell, workload="both", method=f"side{side}"))
            for side, runs in enumerate(sides)
            for run in runs
        ]
        verdict = within(metric, "side0", "side1", **bounds)(Evidence(tuple(renamed)))
        return replace(verdict, measured=verdict.measured.replace("side0", names[0]).replace("side1", names[1]))

    return check


def change(metric: str, method: str, first: str, second: str, *, at_least: float = 0.0, at_most: float = math.inf) -> Check:
    """Claim that a metric changes from one workload to another by a factor in [at_least, at_most].

    Of geometric means over runs that have nothing in common; workloads whose seeds make the same draws are for `across`.
    """

    def check(evidence: Evidence) -> Verdict:
        before, after = (np.array(list(evidence.scores(metric, method, name).values())) for name in (first, second))
        if not (before.size and after.size):
            raise MissingEvidence(f"no runs of {method} on both {first} and {second}")
        if min(before.min(), after.min()) <= 0:
            measured = f"{method}: {metric} is not positive in a run on {first} or {second}: no ratio"
            return Verdict(ruling=Ruling.INCONCLUSIVE, measured=measured)
        found = _widened(independent_ratio_interval(after, before), _slack(evidence, metric, (method, first), (method, second)))
        ruling = judge_value(*found, at_least=at_least, at_most=at_most)
        figure = _figure(f"change of {metric}", (method,), (first, second), found, at_least, at_most)
        measured = f"{method}: {metric} on {second} over {first} {_figures(found, min(len(before), len(after)))}"
        return Verdict(ruling=ruling, measured=measured, figures=(figure,))

    return check


def decided_on(what: str, *claims: Claim) -> tuple[Claim, ...]:
    """Return the claims with what decides them in their statements: data set, budget, rate, seeds, scale."""
    return tuple(replace(claim, statement=f"{claim.statement.rstrip('.')} ({what}).") for claim in claims)


def all_of(*checks: Check) -> Check:
    """Claim that several checks hold: contradicted when one is, reproduced when all are."""
    return lambda evidence: _together([one(evidence) for one in checks])


def on_each(workloads: Sequence[str], check: Callable[[str], Check]) -> Check:
    """Claim that ``check(workload)`` holds for each workload by name."""
    return all_of(*(check(name) for name in workloads))


def _over(
    workloads: Patterns, methods: tuple[str, ...], check: Callable[[Evidence, Sequence[str]], Verdict], pooled: bool
) -> Check:
    """Judge each workload that matches, or their runs together."""

    def judged(evidence: Evidence) -> Verdict:
        names = evidence.workloads(workloads, *methods)
        if pooled or len(names) == 1:
            return check(evidence, names)
        verdicts = [check(evidence, [name]) for name in names]
        named = [
            Verdict(ruling=one.ruling, measured=f"{name}: {one.measured}", figures=one.figures)
            for name, one in zip(names, verdicts, strict=True)
        ]
        return _together(named)

    return judged


def _together(verdicts: Sequence[Verdict]) -> Verdict:
    ruling = min((verdict.ruling for verdict in verdicts), key=_ORDER.index)
    figures = tuple(figure for verdict in verdicts for figure in verdict.figures)
    return Verdict(ruling=ruling, measured="; ".join(verdict.measured for verdict in verdicts), figures=figures)


def _paired(*samples: Mapping[tuple[str, int], float]) -> np.ndarray:
    """Return (n_samples, n_keys) values on the (workload, seed) pairs that all samples share."""
    keys = sorted(set.intersection(*(set(sample) for sample in samples)))
    if not keys:
        raise MissingEvidence("the methods share no workload and seed")
    return np.array([[sample[key] for key in keys] for sample in samples])


def _interval(found: Interval, unit: str, exact: bool = False) -> Interval:
    """Return the interval that decides: the value itself where it is exact, with room for the machine where it is in seconds."""
    if exact:
        return Interval(found.mean, found.mean, found.mean)
    return _widened(found, TIMING if unit == "s" else 1.0)


def _widened(found: Interval, slack: float) -> Interval:
    """Return an interval of positive numbers with a factor to either side; one that reaches below zero stays there."""
    return Interval(found.mean, found.low / slack if found.low > 0 else found.low, found.high * slack)


def _slack(evidence: Evidence, metric: str, first: Pair, second: Pair) -> float:
    """Return the factor that the seconds of two sides are allowed: more where the machine was busier under one; 1 elsewhere."""
    if evidence.unit(metric) != "s":
        return 1.0
    loads = [evidence.load(method, workloads) for method, workloads in (first, second)]
    return TIMING * max(loads) / min(loads)


def _figure(
    what: str, methods: tuple[str, ...], workloads: Sequence[str], found: Interval, at_least: float, at_most: float
) -> Figure:
    return Figure(what, methods, tuple(workloads), found.mean, found.low, found.high, at_least, at_most)


def _figures(found: Interval, n: int) -> str:
    spread = "" if math.isnan(found.low) else f" [{found.low:.4g}, {found.high:.4g}]"
    return f"{found.mean:.4g}{spread}, n={n}"
