"""Two sets of records, a verdict for each method and workload: regressed, improved or within noise; pure.

asv's own ``compare`` and ``continuous`` know no direction (a drop in accuracy is an improvement to them), and no spread of a
score. Here each metric brings its direction, and the same seeds of both commits are paired.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from optathlon.judge.scoring import mean_interval
from optathlon.spec import Better, Status
from optathlon.store import Group

# A gate looks at many cells, so a single one must be surer than a table's 95 %.
CONFIDENCE = 0.99
# Seconds of one commit differ between two runs by load and memory layout, which no spread over seeds shows.
TIME_FACTOR = 1.5
TIME_FLOOR = 5e-3
# Below this share of the value a difference is rounding.
ROUNDING = 1e-9
_NOT_RUN = (Status.NEEDS_DATA, Status.NEEDS_DEVICE)


class Verdict(StrEnum):
    """What became of a number, from the gravest."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    GONE = "gone"
    NEW = "new"
    WITHIN_NOISE = "within noise"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One metric of one cell, base against head.

    Attributes
    ----------
    suite, workload, method, device, machine : str
        The cell.
    metric, better : str
        The metric and its direction; ``"status"`` where a run failed on one side.
    base, head : float or None
        Means over the paired seeds.
    low, high : float or None
        Interval of head - base, or of head / base where `relative`.
    seeds : int
        How many seeds are paired.
    verdict : Verdict
        The verdict.
    note : str
        What else there is to say.
    """

    suite: str
    workload: str
    method: str
    device: str
    machine: str
    metric: str
    better: Better
    base: float | None = None
    head: float | None = None
    low: float | None = None
    high: float | None = None
    relative: bool = False
    seeds: int = 0
    verdict: Verdict
    note: str = ""


def compare_groups(base: Iterable[Group], head: Iterable[Group]) -> list[Comparison]:
    """Compare every cell that either side has, within one machine, the gravest change first."""
    before, after = ({_address(group): group for group in side} for side in (base, head))
    rows = [row for address in sorted(before.keys() | after.keys()) for row in _cell(before.get(address), after.get(address))]
    order = list(Verdict)
    return sorted(rows, key=lambda row: order.index(row.verdict))


def _address(group: Group) -> tuple[str, ...]:
    cell = group.cell
    return cell.environment.machine, cell.suite, cell.suite_version, cell.workload, cell.method, cell.device


def _cell(base: Group | None, head: Group | None) -> list[Comparison]:
    """Compare one cell: its failures, then each metric, then its seconds."""
    group = head or base
    assert group is not None  # an address comes from one side at least
    cell = group.cell

    def row(metric: str, better: Better, verdict: Verdict, **figures: float | int | str | None) -> Comparison:
        return Comparison(
            suite=cell.suite,
            workload=cell.workload,
            method=cell.method,
            device=cell.device,
            machine=cell.environment.machine,
            metric=metric,
            better=better,
            verdict=verdict,
            **figures,  # type: ignore[arg-type]
        )

    before, after = (_by_seed(side) for side in (base, head))
    if not before or not after:
        return [row("status", "lower", Verdict.NEW if after else Verdict.GONE)] if before or after else []
    shared = sorted(before.keys() & after.keys())
    rows = []
    lost = [seed for seed in shared if before[seed]["status"] == Status.OK != after[seed]["status"]]
    won = [seed for seed in shared if before[seed]["status"] != Status.OK == after[seed]["status"]]
    if lost:
        rows.append(row("status", "lower", Verdict.REGRESSED, seeds=len(lost), note=_failure(after[lost[0]], lost[0])))
    elif won:
        note = f"no longer {_failure(before[won[0]], won[0])}"
        rows.append(row("status", "lower", Verdict.IMPROVED, seeds=len(won), note=note))
    both = [seed for seed in shared if before[seed]["status"] == Status.OK == after[seed]["status"]]
    for metric in cell.metrics:
        if metric.unit == "s" and cell.device == "cpu":
            continue  # wall seconds of a section: a busy machine moves them, and the CPU seconds below do not lie
        pairs = [
            (before[s]["scores"][metric.name], after[s]["scores"][metric.name])
            for s in both
            if metric.name in before[s].get("scores", {}) and metric.name in after[s].get("scores", {})
        ]
        if pairs and metric.unit == "s":
            rows.append(row(metric.name, metric.better, **_judge_seconds(pairs, metric.better)))
        elif pairs:
            rows.append(row(metric.name, metric.better, **_judge(pairs, metric.better, metric.tolerance, cell.exact)))
    clock = "cpu_seconds" if cell.device == "cpu" else "seconds"
    if pairs := [(before[s][clock], after[s][clock]) for s in both if clock in before[s] and clock in after[s]]:
        rows.append(row(clock, "lower", **_judge_seconds(pairs, "lower")))
    return rows


def _by_seed(group: Group | None) -> dict[int, dict]:
    """Return the runs that took place; what this machine could not run says nothing about a commit."""
    runs = group.runs if group is not None else []
    return {run["seed"]: run for run in runs if run["status"] not in _NOT_RUN}


def _failure(run: dict, seed: int) -> str:
    lines = run.get("reason", "").strip().splitlines()
    return f"{run['status']} (seed {seed})" + (f": {lines[-1]}" if lines else "")


def _judge(pairs: Sequence[tuple[float, float]], better: Better, tolerance: float, exact: bool) -> dict:
    """Judge the difference of a score by its interval over seeds; by its value where it is free of chance."""
    base, head = np.array(pairs, dtype=float).T
    difference = head - base
    low, high = _interval(difference, exact)
    allowed = max(tolerance, ROUNDING * float(max(abs(base).max(), abs(head).max())))
    sign = 1 if better == "lower" else -1
    worse, improved = (low > allowed, high < -allowed) if sign > 0 else (high < -allowed, low > allowed)
    return _figures(base, head, low, high, worse, improved)


def _judge_seconds(pairs: Sequence[tuple[float, float]], better: Better) -> dict:
    """Judge seconds by their ratio, paired over seeds; a small ratio or a few milliseconds are the machine's noise."""
    base, head = np.maximum(np.array(pairs, dtype=float).T, 1e-9)
    low, high = (math.exp(bound) for bound in _interval(np.log(head / base), exact=False))
    noticeable = abs(float(np.mean(head - base))) > TIME_FLOOR
    slower, faster = noticeable and low > TIME_FACTOR, noticeable and high < 1 / TIME_FACTOR
    worse, improved = (slower, faster) if better == "lower" else (faster, slower)
    return _figures(base, head, low, high, worse, improved) | {"relative": True}


def _interval(values: np.ndarray, exact: bool) -> tuple[float, float]:
    """Return an interval of the mean; the value itself where it is free of chance, everything for a single seed."""
    if exact:
        return float(values.mean()), float(values.mean())
    _, low, high = mean_interval(values, CONFIDENCE)
    return (-math.inf, math.inf) if math.isnan(low) else (low, high)


def _figures(base: np.ndarray, head: np.ndarray, low: float, high: float, worse: bool, improved: bool) -> dict:
    return {
        "base": float(base.mean()),
        "head": float(head.mean()),
        "low": low if math.isfinite(low) else None,
        "high": high if math.isfinite(high) else None,
        "seeds": int(base.size),
        "verdict": Verdict.REGRESSED if worse else Verdict.IMPROVED if improved else Verdict.WITHIN_NOISE,
        "note": "" if math.isfinite(low) else "one seed tells nothing",
    }
