"""The checks that most claims are made of; pure functions of evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import numpy as np

from optathlon.judge.evidence import Evidence, MissingEvidence, Patterns
from optathlon.judge.scoring import interval_of, resampled_means
from optathlon.spec import Ruling, Status, Verdict

Check = Callable[["Evidence"], Verdict]


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


def _pooled(samples: Iterable[Mapping[tuple[str, int], float]]) -> tuple[np.ndarray, int]:
    """Return (n_keys, n_samples) values on the (workload, seed) pairs that all samples share, and how many pairs."""
    samples = list(samples)
    keys = sorted(set.intersection(*(set(sample) for sample in samples)))
    if not keys:
        raise MissingEvidence("the methods share no workload and seed")
    return np.array([[sample[key] for sample in samples] for key in keys]), len(keys)


def _figures(value: float, low: float, high: float, n: int) -> str:
    spread = "" if math.isnan(low) else f" [{low:.4g}, {high:.4g}]"
    return f"{value:.4g}{spread}, n={n}"


def mean_within(
    metric: str,
    method: str,
    *,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    workloads: Patterns = "*",
    exact: bool = False,
) -> Check:
    """Claim that the mean of a metric lies in [at_least, at_most]; `exact` for numbers free of chance, which need no interval."""

    def check(evidence: Evidence) -> Verdict:
        values, n = _pooled([evidence.scores(metric, method, workloads)])
        value = float(values.mean())
        low, high = (value, value) if exact else interval_of(value, resampled_means(values[:, 0]), n)[1:]
        ruling = judge_value(value, low, high, at_least=at_least, at_most=at_most)
        return Verdict(ruling=ruling, measured=f"{method}: {metric} {_figures(value, low, high, n)}")

    return check


def ratio_within(
    metric: str,
    method: str,
    other: str,
    *,
    at_least: float = 0.0,
    at_most: float = math.inf,
    workloads: Patterns = "*",
) -> Check:
    """Claim that mean(method) / mean(other) lies in [at_least, at_most], paired over the workloads and seeds that both ran."""

    def check(evidence: Evidence) -> Verdict:
        values, n = _pooled(evidence.scores(metric, name, workloads) for name in (method, other))
        top, bottom = values.mean(axis=0)
        if bottom == 0:
            equal = "both zero" if top == 0 else f"{method} {top:.4g}, {other} 0"
            ruling = Ruling.REPRODUCED if top == 0 and at_least <= 1 <= at_most else Ruling.INCONCLUSIVE
            return Verdict(ruling=ruling, measured=f"{metric}: {equal}, n={n}")
        means = resampled_means(values)
        with np.errstate(divide="ignore", invalid="ignore"):
            resampled = np.nan_to_num(means[:, 0] / means[:, 1], nan=1.0, posinf=np.finfo(float).max)
        low, high = interval_of(top / bottom, resampled, n)[1:]
        ruling = judge_value(top / bottom, low, high, at_least=at_least, at_most=at_most)
        measured = f"{metric}: {method} {top:.4g}, {other} {bottom:.4g}, ratio {_figures(top / bottom, low, high, n)}"
        return Verdict(ruling=ruling, measured=measured)

    return check


def difference_within(
    metric: str,
    method: str,
    other: str,
    *,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    workloads: Patterns = "*",
    exact: bool = False,
) -> Check:
    """Claim that mean(method) - mean(other) lies in [at_least, at_most], paired over the workloads and seeds that both ran."""

    def check(evidence: Evidence) -> Verdict:
        values, n = _pooled(evidence.scores(metric, name, workloads) for name in (method, other))
        difference = values[:, 0] - values[:, 1]
        value = float(difference.mean())
        low, high = (value, value) if exact else interval_of(value, resampled_means(difference), n)[1:]
        ruling = judge_value(value, low, high, at_least=at_least, at_most=at_most)
        top, bottom = values.mean(axis=0)
        measured = f"{metric}: {method} {top:.4g}, {other} {bottom:.4g}, difference {_figures(value, low, high, n)}"
        return Verdict(ruling=ruling, measured=measured)

    return check


def every_run(
    metric: str, method: str, *, at_least: float = -math.inf, at_most: float = math.inf, workloads: Patterns = "*"
) -> Check:
    """Claim that each single run's value lies in [at_least, at_most]; one that does not contradicts it."""

    def check(evidence: Evidence) -> Verdict:
        values, n = _pooled([evidence.scores(metric, method, workloads)])
        inside = int(np.count_nonzero((values >= at_least) & (values <= at_most)))
        ruling = Ruling.REPRODUCED if inside == n else Ruling.CONTRADICTED
        return Verdict(
            ruling=ruling,
            measured=f"{method}: {metric} in [{values.min():.4g}, {values.max():.4g}], {inside} of {n} runs as claimed",
        )

    return check


def ends_with(method: str, status: Status, *, workloads: Patterns = "*", ruling: Literal["every", "any"] = "every") -> Check:
    """Claim that every (or any) run of a method ends with a status, for instance that it diverges."""

    def check(evidence: Evidence) -> Verdict:
        runs = evidence.runs(method, workloads)
        hits = sum(run.status is status for run in runs)
        holds = hits == len(runs) if ruling == "every" else hits > 0
        outcome = Ruling.REPRODUCED if holds else Ruling.CONTRADICTED
        return Verdict(ruling=outcome, measured=f"{method}: {hits} of {len(runs)} runs end {status}")

    return check


def all_of(*checks: Check) -> Check:
    """Claim that several checks hold: contradicted when one is, reproduced when all are."""

    def check(evidence: Evidence) -> Verdict:
        verdicts = [one(evidence) for one in checks]
        rulings = [verdict.ruling for verdict in verdicts]
        order = (Ruling.CONTRADICTED, Ruling.NOT_TESTED, Ruling.INCONCLUSIVE, Ruling.REPRODUCED)
        return Verdict(ruling=min(rulings, key=order.index), measured="; ".join(verdict.measured for verdict in verdicts))

    return check
