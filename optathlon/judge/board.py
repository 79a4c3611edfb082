"""Records to the rows of the board; pure: no clock, no run, no file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optathlon.judge import scoring
from optathlon.spec import Cell, MetricInfo, Status
from optathlon.store import Group, address, recency

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Row:
    """One method on one workload by one metric.

    `rank` and its interval are None where there is no value; `value` is the mean over the seeds that ended ok, [`low`, `high`]
    its 95 % interval (None for a single seed). `seconds`, `cpu_seconds` and `peak_memory` are medians; `ratio` divides the
    seconds by those of the suite's reference method. `time_to_target` is the median over seeds, None unless all of them got
    there. `pareto` says that no other method is better in score and not slower. `failed` counts the seeds that did not end ok,
    `reason` is the first of theirs.
    """

    suite: str
    workload: str
    scale: str
    device: str
    machine: str
    method: str
    status: str
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    metric: str
    unit: str
    better: str
    value: float | None
    low: float | None
    high: float | None
    seconds: float | None
    ratio: float | None
    cpu_seconds: float | None
    peak_memory: float | None
    time_to_target: float | None
    pareto: bool
    seeds: int
    failed: int
    reason: str
    settings: dict[str, Any]
    version: str


@dataclass(eq=False)
class _Entry:
    """One group, reduced to what its rows need."""

    cell: Cell
    recency: tuple[bool, str]
    seeds: np.ndarray
    scores: dict[str, np.ndarray]
    status: Status
    failed: int
    reason: str
    seconds: float | None
    cpu_seconds: float | None
    peak_memory: float | None
    time_to_target: float | None

    def complete(self, metric: str) -> bool:
        return not self.failed and metric in self.scores and len(self.scores[metric]) == len(self.seeds) > 0


def build(groups: Iterable[Group]) -> list[Row]:
    """Return the rows of every suite, scale, device, machine and workload, best rank first within each metric."""
    boards: dict[tuple[Any, ...], list[_Entry]] = {}
    for entry in _newest(_reduce(group) for group in groups):
        cell = entry.cell
        board = (cell.suite, cell.scale.order, cell.environment.machine, cell.device, cell.workload)
        boards.setdefault(board, []).append(entry)
    rows: list[Row] = []
    for board in sorted(boards):
        rows += _workload_rows(sorted(boards[board], key=lambda entry: entry.cell.method))
    return rows


def _newest(entries: Iterable[_Entry]) -> list[_Entry]:
    """Keep the newest entry of each address, and of each machine's suite only the version measured last."""
    best: dict[tuple[str, ...], _Entry] = {}
    versions: dict[tuple[str, str], _Entry] = {}
    for entry in entries:
        at, suite = address(entry.cell), (entry.cell.environment.machine, entry.cell.suite)
        if at not in best or entry.recency > best[at].recency:
            best[at] = entry
        if suite not in versions or entry.recency > versions[suite].recency:
            versions[suite] = entry
    return [
        entry
        for entry in best.values()
        if versions[entry.cell.environment.machine, entry.cell.suite].cell.suite_version == entry.cell.suite_version
    ]


def _reduce(group: Group) -> _Entry:
    cell, runs = group
    ok = [run for run in runs if run["status"] == Status.OK]
    bad = [run for run in runs if run["status"] != Status.OK]
    scores = {}
    for metric in cell.metrics:
        values = [run["scores"][metric.name] for run in ok if metric.name in run["scores"]]
        if values:
            scores[metric.name] = np.array(values, dtype=float)
    return _Entry(
        cell=cell,
        recency=recency(group),
        seeds=np.array([run["seed"] for run in ok]),
        scores=scores,
        status=Status(bad[0]["status"]) if bad else Status.OK,
        failed=len(bad),
        reason=bad[0].get("reason", "") if bad else "",
        seconds=_median(ok, "seconds"),
        cpu_seconds=_median(ok, "cpu_seconds"),
        peak_memory=_median(ok, "peak_memory"),
        time_to_target=_time_to_target(cell, ok) if cell.target is not None and not bad else None,
    )


def _median(runs: Sequence[dict[str, Any]], field: str) -> float | None:
    values = [run[field] for run in runs if field in run]
    return float(np.median(values)) if values else None


def _time_to_target(cell: Cell, runs: Sequence[dict[str, Any]]) -> float | None:
    assert cell.target is not None
    first = cell.metrics[0]
    times = []
    for run in runs:
        trace = run.get("trace") or [(0, run.get("seconds", math.inf), run["scores"][first.name])]
        time = scoring.time_to_target(trace, cell.target, first.better)
        if time is None:
            return None
        times.append(time)
    return float(np.median(times)) if times else None


def _workload_rows(entries: list[_Entry]) -> list[Row]:
    reference = next((e.seconds for e in entries if e.cell.method == e.cell.reference_method), None)
    rows: list[Row] = []
    metrics = max(entries, key=lambda e: e.recency).cell.metrics
    for index, metric in enumerate(metrics):
        present = [e for e in entries if metric.name in e.scores or index == 0]
        ranks = _ranks(present, metric)
        front = _front(present, metric)
        made = [_row(e, metric, ranks.get(e.cell.method), e.cell.method in front, reference) for e in present]
        rows += sorted(made, key=_order)
    return rows


def _order(row: Row) -> tuple[Any, ...]:
    value = math.inf if row.value is None else row.value if row.better == "lower" else -row.value
    return (row.rank is None, row.rank or 0, value, row.method)


def _ranks(entries: Sequence[_Entry], metric: MetricInfo) -> dict[str, tuple[int, int, int]]:
    """Return rank, best and worst possible rank of every method with a value.

    Those that have all seeds come first, compared on the seeds they share; those that lost one, or ran fewer, share the place
    behind them.
    """
    full = max((len(e.seeds) for e in entries if e.complete(metric.name)), default=0)
    complete = [e for e in entries if e.complete(metric.name) and len(e.seeds) == full]
    found: dict[str, tuple[int, int, int]] = {}
    if complete:
        shared = sorted(set.intersection(*(set(e.seeds.tolist()) for e in complete)))
        if shared:
            table = np.column_stack([e.scores[metric.name][np.isin(e.seeds, shared)] for e in complete])
            ranks = scoring.rank(table, metric.better, tolerance=metric.tolerance, exact=complete[0].cell.exact)
            found = {
                e.cell.method: (int(a), int(b), int(c))
                for e, a, b, c in zip(complete, ranks.rank, ranks.low, ranks.high, strict=True)
            }
        else:
            found = {e.cell.method: (1, 1, len(complete)) for e in complete}
    partial = [e for e in entries if e not in complete and metric.name in e.scores]
    last = len(complete) + 1
    return found | {e.cell.method: (last, last, len(complete) + len(partial)) for e in partial}


def _front(entries: Sequence[_Entry], metric: MetricInfo) -> set[str]:
    timed = [e for e in entries if e.complete(metric.name) and e.seconds is not None]
    if not timed:
        return set()
    values = [float(e.scores[metric.name].mean()) for e in timed]
    mask = scoring.pareto_front(values, [e.seconds or 0.0 for e in timed], metric.better)
    return {e.cell.method for e, on in zip(timed, mask, strict=True) if on}


def _row(entry: _Entry, metric: MetricInfo, rank: tuple[int, int, int] | None, pareto: bool, reference: float | None) -> Row:
    cell = entry.cell
    values = entry.scores.get(metric.name)
    interval = scoring.mean_interval(values) if values is not None else None
    return Row(
        suite=cell.suite,
        workload=cell.workload,
        scale=str(cell.scale),
        device=cell.device,
        machine=cell.environment.machine,
        method=cell.method,
        status=str(entry.status),
        rank=rank[0] if rank else None,
        rank_low=rank[1] if rank else None,
        rank_high=rank[2] if rank else None,
        metric=metric.name,
        unit=metric.unit,
        better=metric.better,
        value=interval.mean if interval else None,
        low=None if interval is None or math.isnan(interval.low) else interval.low,
        high=None if interval is None or math.isnan(interval.high) else interval.high,
        seconds=entry.seconds,
        ratio=entry.seconds / reference if entry.seconds is not None and reference else None,
        cpu_seconds=entry.cpu_seconds,
        peak_memory=entry.peak_memory,
        time_to_target=entry.time_to_target,
        pareto=pareto,
        seeds=len(entry.seeds),
        failed=entry.failed,
        reason=entry.reason,
        settings=dict(cell.settings),
        version=cell.suite_version,
    )


def boards(rows: Sequence[Row]) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """Yield the rows of each (suite, workload, scale, device, machine), in order."""
    grouped: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row.suite, row.workload, row.scale, row.device, row.machine), []).append(row)
    yield from grouped.items()


def first_metric(board: Sequence[Row]) -> list[Row]:
    """Return the rows of the metric that ranks."""
    return [row for row in board if row.metric == board[0].metric]


def to_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the rows as a table, one column per field of `Row`."""
    import pandas as pd

    columns = list(Row.__dataclass_fields__)
    return pd.DataFrame([[getattr(row, name) for name in columns] for row in rows], columns=columns)


def to_dicts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as JSON objects."""
    return [{name: getattr(row, name) for name in Row.__dataclass_fields__} for row in rows]
