"""Records to verdicts: the evidence of one suite at one scale, and the checks that most claims are made of; pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np

from optathlon.scoring import interval_of, resampled_means
from optathlon.spec import Claim, Ruling, RunRecord, Scale, Status, Suite, Verdict

Check = Callable[["Evidence"], Verdict]
Patterns = str | Sequence[str]

RUN_FIELDS = ("seconds", "cpu_seconds", "peak_memory", "gpu_memory")


class MissingEvidence(Exception):
    """The records do not hold what a check needs; the message says what."""


class FailedRuns(Exception):
    """Runs that a check needs ended in a failure; the message says which."""


@dataclass(frozen=True)
class Evidence:
    """The records of one suite, one scale and one machine, as a claim's check sees them.

    Attributes
    ----------
    records : tuple of RunRecord
        All of them, failures included.
    """

    records: tuple[RunRecord, ...]

    def runs(self, method: str, workloads: Patterns = "*") -> list[RunRecord]:
        """Return the runs of `method` on the workloads whose names match, whatever their status; MissingEvidence if none."""
        patterns = (workloads,) if isinstance(workloads, str) else tuple(workloads)
        found = [
            record
            for record in self.records
            if record.cell.method == method and any(fnmatchcase(record.cell.workload, pattern) for pattern in patterns)
        ]
        if not found:
            raise MissingEvidence(f"no run of {method} on {' or '.join(patterns)}")
        return found

    def scores(self, metric: str, method: str, workloads: Patterns = "*") -> dict[tuple[str, int], float]:
        """Return the values of a metric, or of a run's field such as ``"seconds"``, by (workload, seed).

        Raises
        ------
        MissingEvidence
            If no run, or no run with that metric, is there.
        FailedRuns
            If a run failed: a mean over the survivors would flatter the method.
        """
        values = {}
        for run in self.runs(method, workloads):
            if run.status in (Status.NEEDS_DATA, Status.NEEDS_DEVICE):
                continue
            if run.status is not Status.OK:
                raise FailedRuns(f"{method} on {run.cell.workload}, seed {run.seed}: {run.status}")
            value = getattr(run, metric) if metric in RUN_FIELDS else run.scores.get(metric)
            if value is not None:
                values[run.cell.workload, run.seed] = float(value)
        if not values:
            raise MissingEvidence(f"no {metric} of {method} on {workloads}")
        return values

    def mean(self, metric: str, method: str, workloads: Patterns = "*") -> float:
        """Return the mean over workloads and seeds."""
        return float(np.mean(list(self.scores(metric, method, workloads).values())))


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


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A claim with its verdict, and the scale and machine whose records decided it (empty when not tested)."""

    suite: str
    claim: Claim
    verdict: Verdict
    scale: str
    machine: str


def judge(suite: Suite, records: Iterable[RunRecord]) -> list[Judgement]:
    """Rule on every claim of a suite.

    A claim is decided at the largest scale, from its own on, whose records allow it; among machines, by the one with most records
    at that scale. Scales and machines are never mixed in one verdict.
    """
    groups: dict[tuple[Scale, str], list[RunRecord]] = {}
    for record in records:
        if record.cell.suite == suite.name and record.cell.suite_version == suite.version:
            groups.setdefault((record.cell.scale, record.cell.environment.machine), []).append(record)
    ranked = sorted(groups, key=lambda group: (-group[0].order, -len(groups[group]), group[1]))
    evidence = {group: Evidence(tuple(groups[group])) for group in ranked}
    return [_judge_claim(suite.name, claim, evidence) for claim in suite.claims]


def _judge_claim(suite: str, claim: Claim, evidence: Mapping[tuple[Scale, str], Evidence]) -> Judgement:
    reason = f"needs a run at scale {claim.scale}"
    for (scale, machine), group in evidence.items():
        if scale.order < claim.scale.order:
            continue
        try:
            verdict = claim.check(group)
        except (MissingEvidence, KeyError) as missing:
            reason = f"at scale {scale}: {missing}"
            continue
        except FailedRuns as failed:
            verdict = Verdict(ruling=Ruling.INCONCLUSIVE, measured=f"a run that it needs failed: {failed}")
        except Exception as error:  # one faulty check must not take the board with it
            verdict = Verdict(ruling=Ruling.INCONCLUSIVE, measured=f"the check failed: {type(error).__name__}: {error}")
        if verdict.ruling is not Ruling.NOT_TESTED:
            return Judgement(suite=suite, claim=claim, verdict=verdict, scale=str(scale), machine=machine)
    return Judgement(suite=suite, claim=claim, verdict=Verdict(ruling=Ruling.NOT_TESTED, measured=reason), scale="", machine="")
