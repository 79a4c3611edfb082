"""Records to the rows of the board; pure: no clock, no run, no file.

Methods are compared on the seeds that they share. A method that failed, that lacks most of the seeds, or that knows more than the
others (a yardstick) is shown and not ranked among them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optathlon.judge import profiles, ranking
from optathlon.judge.evidence import is_busy
from optathlon.judge.intervals import mean_interval
from optathlon.spec import Cell, MetricInfo, Status
from optathlon.store import Group, address, recency

if TYPE_CHECKING:
    import pandas as pd

_CLOCKS = ("seconds", "cpu_seconds", "peak_memory")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One method on one workload by one metric.

    `value` is the mean over the `shared` seeds that are compared, [`low`, `high`] its 95 % interval (None for a single seed);
    `seconds`, `cpu_seconds`, `peak_memory` and `time_to_target` are medians over the same seeds. `rank` and its possible range
    `rank_low` to `rank_high` are None for what is not ranked, and `note` says why. `ratio` divides the seconds by those of the
    suite's reference method; `busy` says that some were measured beside others or on a busy machine, `dirty` that the working
    tree had changes; `time_to_target` is None unless every seed got there; `pareto` says that no other ranked method is
    better in score and not slower. `seeds` counts the runs that ended ok, `failed` those that did not, `reason` is the first of
    theirs. `resolution`, `stability`, `halves` and `standing` tell of the whole board (`optathlon.judge.ranking.Standing`).
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
    busy: bool
    dirty: bool
    target: float | None
    time_to_target: float | None
    pareto: bool
    yardstick: bool
    seeds: int
    shared: int
    failed: int
    note: str
    reason: str
    resolution: float | None
    stability: float | None
    halves: float | None
    standing: str
    settings: dict[str, Any]
    version: str


@dataclass(eq=False)
class _Entry:
    """One group, reduced to what its rows need: of each run that ended ok, values by seed."""

    cell: Cell
    recency: tuple[Any, ...]
    seeds: tuple[int, ...]
    scores: dict[str, dict[int, float]]
    clocks: dict[str, dict[int, float]]
    solved: dict[int, float | None]
    status: Status
    failed: int
    reason: str
    busy: bool
    dirty: bool

    def complete(self, metric: str) -> bool:
        """Return whether every run has the metric."""
        return not self.failed and len(self.scores.get(metric, ())) == len(self.seeds) > 0

    def median(self, clock: str, seeds: Iterable[int]) -> float | None:
        """Return the median of a clock over those of the seeds that have it."""
        values = [self.clocks[clock][seed] for seed in seeds if seed in self.clocks[clock]]
        return float(np.median(values)) if values else None


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
    cell, runs = group.cell, group.runs
    ok = [run for run in runs if run["status"] == Status.OK]
    bad = [run for run in runs if run["status"] != Status.OK]
    names = [metric.name for metric in cell.metrics]
    return _Entry(
        cell=cell,
        recency=recency(group),
        seeds=tuple(run["seed"] for run in ok),
        scores={name: values for name in names if (values := {r["seed"]: r["scores"][name] for r in ok if name in r["scores"]})},
        clocks={clock: {run["seed"]: run[clock] for run in ok if clock in run} for clock in _CLOCKS},
        solved={run["seed"]: _solved(cell, run) for run in ok} if cell.target is not None else {},
        status=Status(bad[0]["status"]) if bad else Status.OK,
        failed=len(bad),
        reason=bad[0].get("reason", "") if bad else "",
        busy=any(is_busy(run.get("jobs"), run.get("busy")) for run in ok),
        dirty=any(run.get("dirty", False) for run in runs),
    )


def _solved(cell: Cell, run: Mapping[str, Any]) -> float | None:
    """Return the seconds to the target; the last point counts with the full value of the score, which the trace has rounded."""
    assert cell.target is not None
    first, end = cell.metrics[0], (0, run.get("seconds", math.inf), run["scores"][cell.metrics[0].name])
    time = profiles.time_to_target([*run.get("trace", [])[:-1], end], cell.target, first.better)
    return None if time is None or math.isinf(time) else time


def _workload_rows(entries: list[_Entry]) -> list[Row]:
    metrics = max(entries, key=lambda e: e.recency).cell.metrics
    rows: list[Row] = []
    for index, metric in enumerate(metrics):
        present = [e for e in entries if metric.name in e.scores or index == 0]
        rows += _metric_rows(present, entries, metric)
    return rows


def _metric_rows(present: list[_Entry], everybody: list[_Entry], metric: MetricInfo) -> list[Row]:
    """Return the rows of one metric: the ranked in order, then what is not ranked, then yardsticks."""
    ranked, shared = _comparable([e for e in present if not e.cell.yardstick and e.complete(metric.name)])
    places: dict[str, tuple[int, int, int]] = {}
    standing = None
    if ranked:
        table = np.array([[e.scores[metric.name][seed] for e in ranked] for seed in shared])
        options = {"tolerance": metric.tolerance, "exact": ranked[0].cell.exact}
        found = ranking.rank(table, metric.better, unit=metric.unit, **options)
        standing = ranking.standing(table, metric.better, **options)
        places = {e.cell.method: tuple(map(int, place)) for e, *place in zip(ranked, *found, strict=True)}  # type: ignore[misc]
    front = _front(ranked, shared, metric)
    reference = next((e for e in everybody if e.cell.method == e.cell.reference_method), None)
    unit = reference.median("seconds", [s for s in shared if s in reference.seeds] or reference.seeds) if reference else None
    most = max((len(e.seeds) + e.failed for e in present), default=0)
    rows = []
    for entry in present:
        own = shared if entry in ranked else [seed for seed in shared if seed in entry.seeds] or list(entry.seeds)
        place = places.get(entry.cell.method)
        note = _note(entry, metric, place, shared, most)
        rows.append(_row(entry, metric, own, place, entry.cell.method in front, unit, note, standing))
    return sorted(rows, key=_order)


def _comparable(complete: list[_Entry]) -> tuple[list[_Entry], list[int]]:
    """Return the methods that are compared and the seeds that all of them ran.

    The seeds are those of the methods that ran most, as far as every method with at least half as many shares them; a method that
    would leave fewer than half is left out, and says so.
    """
    most = max((len(e.seeds) for e in complete), default=0)
    kept: list[_Entry] = []
    shared: set[int] = set()
    for entry in sorted(complete, key=lambda e: (-len(e.seeds), e.cell.method)):
        common = shared & set(entry.seeds) if kept else set(entry.seeds)
        if 2 * len(common) >= most:
            kept.append(entry)
            shared = common
    return sorted(kept, key=lambda e: e.cell.method), sorted(shared)


def _note(entry: _Entry, metric: MetricInfo, place: tuple[int, int, int] | None, shared: Sequence[int], most: int) -> str:
    """Say why a method is not ranked, or on fewer seeds than it ran."""
    if entry.cell.yardstick:
        return "yardstick: shown, not ranked"
    if entry.failed:
        return f"{entry.failed} of {entry.failed + len(entry.seeds)} runs failed: not ranked"
    if place is None:
        have = len(set(shared) & set(entry.scores.get(metric.name, ())))
        return f"has {have} of the {len(shared) or most} seeds compared: not ranked"
    return f"compared on {len(shared)} of its {len(entry.seeds)} seeds" if len(shared) < len(entry.seeds) else ""


def _order(row: Row) -> tuple[Any, ...]:
    value = math.inf if row.value is None else row.value if row.better == "lower" else -row.value
    return (row.yardstick, row.rank is None, row.rank or 0, bool(row.failed), value, row.method)


def _front(entries: Sequence[_Entry], shared: Sequence[int], metric: MetricInfo) -> set[str]:
    timed = [(e, seconds) for e in entries if (seconds := e.median("seconds", shared)) is not None]
    if not timed:
        return set()
    values = [np.mean([e.scores[metric.name][seed] for seed in shared]) for e, _ in timed]
    mask = profiles.pareto_front(np.array(values), [seconds for _, seconds in timed], metric.better)
    return {e.cell.method for (e, _), on in zip(timed, mask, strict=True) if on}


def _row(
    entry: _Entry,
    metric: MetricInfo,
    seeds: Sequence[int],
    place: tuple[int, int, int] | None,
    pareto: bool,
    reference: float | None,
    note: str,
    standing: ranking.Standing | None,
) -> Row:
    cell = entry.cell
    values = [entry.scores[metric.name][seed] for seed in seeds if seed in entry.scores.get(metric.name, ())]
    interval = mean_interval(values, "" if cell.exact else metric.unit, cell.trials) if values else None
    seconds = entry.median("seconds", seeds)
    times = [entry.solved.get(seed) for seed in seeds]
    rank, low, high = place or (None, None, None)
    return Row(
        suite=cell.suite,
        workload=cell.workload,
        scale=str(cell.scale),
        device=cell.device,
        machine=cell.environment.machine,
        method=cell.method,
        status=str(entry.status),
        rank=rank,
        rank_low=low,
        rank_high=high,
        metric=metric.name,
        unit=metric.unit,
        better=metric.better,
        value=interval.mean if interval else None,
        low=_finite(interval.low) if interval else None,
        high=_finite(interval.high) if interval else None,
        seconds=seconds,
        ratio=seconds / reference if seconds is not None and reference else None,
        cpu_seconds=entry.median("cpu_seconds", seeds),
        peak_memory=entry.median("peak_memory", seeds),
        busy=entry.busy,
        dirty=entry.dirty,
        target=cell.target,
        time_to_target=float(np.median(times)) if times and None not in times and not entry.failed else None,  # type: ignore[arg-type]
        pareto=pareto,
        yardstick=cell.yardstick,
        seeds=len(entry.seeds),
        shared=len(values),
        failed=entry.failed,
        note=note,
        reason=entry.reason,
        resolution=_finite(standing.resolution) if standing else None,
        stability=_finite(standing.stability) if standing else None,
        halves=_finite(standing.halves) if standing else None,
        standing=standing.word if standing else "",
        settings=dict(cell.settings),
        version=cell.suite_version,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


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
