"""Records to the rows of the board; pure: no clock, no run, no file.

Methods are compared on the seeds that they share. A method that failed, that lacks most of the seeds, or that knows more than the
others (a yardstick) is shown and not ranked among them; so is what is only claimed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from statistics import median_high, median_low
from typing import TYPE_CHECKING, Any

import numpy as np

from optathlon.judge import profiles, ranking
from optathlon.judge.entries import CLOCKS, Entry, medians, reduce
from optathlon.judge.intervals import mean_intervals, unit_of
from optathlon.judge.shared import share_most
from optathlon.spec import Better, MetricInfo
from optathlon.store import CLAIMED, EVERYTHING, Group, Trust, address

if TYPE_CHECKING:
    import pandas as pd

    from optathlon.judge.remembered import RankCache

_AT_ONCE = 256  # boards that are worked on together
_HUGE, _SMALLER = 1e300, 2.0**-64


@dataclass(frozen=True, kw_only=True)
class Row:
    """One method on one workload by one metric.

    `value` is the mean over the `shared` seeds that are compared, [`low`, `high`] its 95 % interval (None for a single seed);
    `seconds`, `cpu_seconds`, `peak_memory` and `time_to_target` are medians over the same seeds. `rank` and its possible range
    `rank_low` to `rank_high` are None for what is not ranked, and `note` says why. `ratio` divides the seconds by those of the
    suite's reference method; `busy` says that some were measured beside others or on a busy machine, `dirty` that the working
    tree had changes; `time_to_target` is None unless every seed got there; `pareto` says that no other ranked method is
    better in score and not slower. `seeds` counts the runs that ended ok, `failed` those that did not, `reason` is the first of
    theirs. `trust` is ``"measured"`` by the project, ``"verified"`` or ``"claimed"`` (`optathlon.store.Trust`), `verified` counts
    the runs that were run again with the same outcome. `resolution`, `stability`, `halves` and `standing` tell of the whole board
    (`optathlon.judge.ranking.Standing`).
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
    trust: str
    verified: int
    note: str
    reason: str
    resolution: float | None
    stability: float | None
    halves: float | None
    standing: str
    settings: dict[str, Any]
    version: str


FIELDS = tuple(Row.__dataclass_fields__)
YARDSTICK = "yardstick: shown, not ranked"


def build(groups: Iterable[Group], trust: Trust = EVERYTHING, cache: RankCache | None = None) -> list[Row]:
    """Return the rows of every suite, scale, device, machine and workload, best rank first within each metric.

    Parameters
    ----------
    groups : iterable of Group
        Of each address, the newest counts.
    trust : Trust
        What is claimed or verified; by default everything is the project's own.
    cache : RankCache, optional
        Ranks that were worked out before, by a digest of the scores.
    """
    boards: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in newest_entries(reduce(group, trust) for group in groups):
        cell = entry.cell
        board = (cell.suite, cell.scale.order, cell.environment.place, cell.device, cell.workload)
        boards.setdefault(board, []).append(entry)
    return list(stream((boards[board] for board in sorted(boards)), cache))


def stream(boards: Iterable[list[Entry]], cache: RankCache | None = None) -> Iterator[Row]:
    """Yield the rows of boards, each given as the newest entries of one suite, scale, device, machine and workload."""
    boards = iter(boards)
    while chunk := list(islice(boards, _AT_ONCE)):
        yield from _rows([one for board in chunk for one in _by_metric(sorted(board, key=lambda e: e.cell.method))], cache)


def newest_entries(entries: Iterable[Entry]) -> list[Entry]:
    """Keep the newest entry of each address, and of each machine's suite only the version measured last."""
    best: dict[tuple[str, ...], Entry] = {}
    versions: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        at, suite = address(entry.cell), (entry.cell.environment.place, entry.cell.suite)
        if at not in best or entry.recency > best[at].recency:
            best[at] = entry
        if suite not in versions or entry.recency > versions[suite].recency:
            versions[suite] = entry
    return [
        entry
        for entry in best.values()
        if versions[entry.cell.environment.place, entry.cell.suite].cell.suite_version == entry.cell.suite_version
    ]


@dataclass(eq=False)
class _Board:
    """The entries of one workload by one metric: what is compared, on which seeds, and on which seeds each is shown."""

    metric: MetricInfo
    entries: list[Entry]
    ranked: list[Entry]
    shared: tuple[int, ...]
    reference: tuple[Entry, tuple[int, ...]] | None
    own: list[tuple[int, ...]]
    ranks: ranking.Ranks | None = None
    stands: tuple[float | None, float | None, float | None, str] = (None, None, None, "")
    front: frozenset[str] = frozenset()

    @cached_property
    def unit(self) -> str:
        """That of the metric as far as the scores bear it out."""
        name = self.metric.name
        return unit_of(self.metric.unit, (e.of(name, e.seeds) for e in self.entries if name in e.scores))

    def shown(self, entry: Entry) -> tuple[int, ...]:
        """Return the seeds on which an entry is shown."""
        return self.own[self.entries.index(entry)]

    @property
    def table(self) -> np.ndarray:
        """Scores of shape (n_seeds, n_methods) of what is ranked."""
        return np.stack([entry.of(self.metric.name, self.shared) for entry in self.ranked], axis=1)


def _by_metric(entries: list[Entry]) -> Iterator[_Board]:
    """Yield the boards of one workload, one a metric of the entry that was measured last."""
    reference = next((e for e in entries if e.cell.method == e.cell.reference_method), None)
    for index, metric in enumerate(max(entries, key=lambda e: e.recency).cell.metrics):
        present = [e for e in entries if metric.name in e.scores or index == 0]
        fit = [e for e in present if not e.cell.yardstick and e.trust != CLAIMED and e.complete(metric.name)]
        ranked, shared = _comparable(fit)
        compared = set(shared)
        own = [
            e.seeds if e.seeds == shared else shared if e in ranked else tuple(s for s in e.seeds if s in compared) or e.seeds
            for e in present
        ]
        beside = None
        if reference is not None:
            common = shared if reference.seeds == shared else tuple(s for s in reference.seeds if s in compared)
            beside = reference, common or reference.seeds
        yield _Board(metric, present, ranked, shared, beside, own)


def _comparable(complete: list[Entry]) -> tuple[list[Entry], tuple[int, ...]]:
    """Return the methods that are compared and the seeds that all of them ran: as many methods as can be, then seeds.

    A method that would leave fewer than half of the seeds that are usual on the board is left out, and says so; one that would
    leave fewer than three, too, where most have more. What is usual is the median, so that a method with many seeds, or with
    seeds of its own, pushes nobody out.
    """
    if not complete or all(e.seeds == complete[0].seeds for e in complete):
        return complete, complete[0].seeds if complete else ()
    counts = [len(e.seeds) for e in complete]
    least = max(median_low(counts) / 2, min(3, median_high(counts)))
    kept, shared = share_most({e.cell.method: frozenset(e.seeds) for e in complete}, lambda n: n >= least)
    return [e for e in complete if e.cell.method in kept], tuple(sorted(shared))


def _rows(boards: list[_Board], cache: RankCache | None) -> Iterator[Row]:
    """Yield the rows of many boards; arithmetic is done on all of one shape together."""
    _rank(boards, cache)
    values = _Means()
    clocks = _Medians()
    for board in boards:
        for entry, seeds in zip(board.entries, board.own, strict=True):
            values.want(entry, board.metric.name, board.unit, seeds)
            clocks.want(entry, seeds)
        if board.reference:
            clocks.want(*board.reference)
        for entry in board.ranked:
            clocks.want(entry, board.shared)
    values.work_out()
    clocks.work_out()
    _fronts(boards, values, clocks)
    for board in boards:
        unit = clocks.of(*board.reference)[0] if board.reference else None
        most = max((len(e.seeds) + e.failed for e in board.entries), default=0)
        places = {}
        if board.ranks:
            numbers = (found.tolist() for found in board.ranks)
            places = {e.cell.method: place for e, *place in zip(board.ranked, *numbers, strict=True)}
        found = [
            _row(board, entry, seeds, places.get(entry.cell.method), unit, most, values, clocks)
            for entry, seeds in zip(board.entries, board.own, strict=True)
        ]
        yield from sorted(found, key=_order)


def _rank(boards: Sequence[_Board], cache: RankCache | None) -> None:
    """Rank what is ranked, the boards of one shape and one rule together."""
    alike: dict[tuple[Any, ...], list[tuple[_Board, np.ndarray]]] = {}
    for board in boards:
        if board.ranked:
            table, metric = board.table, board.metric
            scale = _SMALLER if np.abs(table).max(initial=0.0) > _HUGE else 1.0  # sums of huge scores are no numbers
            table = table * scale
            rule = (metric.better, float(metric.tolerance) * scale, board.ranked[0].cell.exact, metric.unit, scale)
            alike.setdefault((table.shape, *rule), []).append((board, table))
    for (_, better, tolerance, exact, unit, scale), members in alike.items():
        tables = np.stack([table for _, table in members])
        judged = ranking.judge_boards if cache is None else cache.judge_boards
        ranks, standings = judged(tables, better, tolerance=tolerance, exact=exact, unit=unit)
        for index, (board, _) in enumerate(members):
            board.ranks = ranking.Ranks(*(found[index] for found in ranks))
            one = standings[index]
            resolution = None if one.resolution is None else one.resolution / scale
            board.stands = _finite(resolution), _finite(one.stability), _finite(one.halves), one.word


class _Means:
    """Means with their intervals, of entries by metric on some of their seeds, worked out together."""

    def __init__(self) -> None:
        self._wanted: dict[tuple[Any, ...], dict[tuple[Any, ...], np.ndarray]] = {}
        self._found: dict[tuple[Any, ...], list[float]] = {}

    def want(self, entry: Entry, metric: str, unit: str, seeds: tuple[int, ...]) -> None:
        """Note what `of` will be asked for."""
        if metric in entry.scores:
            values = entry.of(metric, seeds)
            values = values if entry.full(metric) else values[~np.isnan(values)]
            if len(values):
                rule = (len(values), "" if entry.cell.exact else unit, entry.cell.trials)
                self._wanted.setdefault(rule, {})[id(entry), metric, id(seeds)] = values

    def work_out(self) -> None:
        """Work out what was noted."""
        for (_, unit, trials), values in self._wanted.items():
            rows = np.stack(list(values.values()))
            with np.errstate(over="ignore", invalid="ignore"):  # an interval of huge values may have no end
                found = np.column_stack([mean_intervals(rows, unit, trials), rows.mean(axis=1)])
            over = ~np.isfinite(found[:, 3])
            found[over, 0] = found[over, 3] = (rows[over] / rows.shape[1]).sum(axis=1)
            lists: list[list[Any]] = [[*one, rows.shape[1]] for one in found.tolist()]
            for row in np.flatnonzero(~np.isfinite(found[:, 1:3]).all(axis=1)):
                lists[row][1:3] = map(_finite, lists[row][1:3])
            self._found.update(zip(values, lists, strict=True))

    def of(self, entry: Entry, metric: MetricInfo, seeds: tuple[int, ...]) -> list[float] | None:
        """Return mean, low, high, the mean as the front sees it, and the number of values; None where there is none."""
        return self._found.get((id(entry), metric.name, id(seeds)))


class _Medians:
    """Medians of the clocks of entries on some of their seeds, worked out together."""

    def __init__(self) -> None:
        self._wanted: dict[int, dict[tuple[int, int], np.ndarray]] = {}
        self._found: dict[tuple[int, int], list[float | None]] = {}

    def want(self, entry: Entry, seeds: tuple[int, ...]) -> None:
        """Note what `of` will be asked for."""
        at = id(entry), id(seeds)
        if at not in self._found:
            values = entry.clocks if seeds is entry.seeds or seeds == entry.seeds else entry.clocks[:, entry.positions(seeds)]
            self._found[at] = [None] * len(CLOCKS)
            if values.size:
                self._wanted.setdefault(values.shape[1], {})[at] = values

    def work_out(self) -> None:
        """Work out what was noted; what a run lacks does not count."""
        for values in self._wanted.values():
            found = medians(np.stack(list(values.values())))
            lists: list[list[float | None]] = found.tolist()
            for row, clock in zip(*np.nonzero(np.isnan(found)), strict=True):
                lists[row][clock] = None
            self._found.update(zip(values, lists, strict=True))

    def of(self, entry: Entry, seeds: tuple[int, ...]) -> list[float | None]:
        """Return the median of each clock, None where no run has it."""
        return self._found[id(entry), id(seeds)]


def _fronts(boards: Sequence[_Board], values: _Means, clocks: _Medians) -> None:
    """Find the ranked methods that no other beats in score and seconds, on boards of one size together."""
    alike: dict[tuple[int, Better], list[tuple[_Board, list[str], list[float], list[float]]]] = {}
    for board in boards:
        names, scores, seconds = [], [], []
        for entry in board.ranked:
            time = clocks.of(entry, board.shared)[0]
            found = values.of(entry, board.metric, board.shown(entry))
            if time is not None and found is not None:
                names.append(entry.cell.method)
                scores.append(found[3])
                seconds.append(time)
        if names:
            alike.setdefault((len(names), board.metric.better), []).append((board, names, scores, seconds))
    for (_, better), members in alike.items():
        mask = profiles.pareto_front(np.array([one[2] for one in members]), np.array([one[3] for one in members]), better)
        for (board, names, *_), on in zip(members, mask, strict=True):
            board.front = frozenset(name for name, yes in zip(names, on.tolist(), strict=True) if yes)


def _note(entry: Entry, board: _Board, ranked: bool, most: int) -> str:
    """Say why a method is not ranked, or on fewer seeds than it ran."""
    if entry.cell.yardstick:
        return YARDSTICK
    if entry.failed:
        return f"{entry.failed} of {entry.failed + len(entry.seeds)} runs failed: not ranked"
    if entry.trust == CLAIMED:
        return f"claimed: {entry.verified} of {len(entry.seeds)} runs verified, not ranked"
    if not ranked:
        scores = entry.scores.get(board.metric.name)
        have = set() if scores is None else {s for s, v in zip(entry.seeds, scores.tolist(), strict=True) if not math.isnan(v)}
        return f"has {len(have & set(board.shared))} of the {len(board.shared) or most} seeds compared: not ranked"
    if len(board.shared) < len(entry.seeds):
        return f"compared on {len(board.shared)} of its {len(entry.seeds)} seeds"
    return ""


def _order(row: Row) -> tuple[Any, ...]:
    value = math.inf if row.value is None else row.value if row.better == "lower" else -row.value
    return (row.yardstick, row.rank is None, row.rank or 0, bool(row.failed), value, row.method)


def _row(
    board: _Board,
    entry: Entry,
    seeds: tuple[int, ...],
    place: list[int] | None,
    reference: float | None,
    most: int,
    values: _Means,
    clocks: _Medians,
) -> Row:
    cell, metric = entry.cell, board.metric
    found = values.of(entry, metric, seeds)
    mean, low, high, _, shared = found or (None, None, None, None, 0)
    seconds, cpu_seconds, peak_memory = clocks.of(entry, seeds)
    rank, rank_low, rank_high = place or (None, None, None)
    told = (
        cell.suite, cell.workload, str(cell.scale), cell.device, cell.environment.place, cell.method, entry.status,
        rank, rank_low, rank_high, metric.name, metric.unit, metric.better, mean, low, high,
        seconds, seconds / reference if seconds is not None and reference else None, cpu_seconds, peak_memory,
        entry.busy, entry.dirty, cell.target, entry.time_to_target(seeds), cell.method in board.front, cell.yardstick,
        len(entry.seeds), shared, entry.failed, entry.trust, entry.verified,
        _note(entry, board, place is not None, most), entry.reason,
        *board.stands,
        dict(cell.settings), cell.suite_version,
    )  # fmt: skip
    row = object.__new__(Row)  # as Row(**...) does, in a fifth of its time: a large board has millions
    row.__dict__.update(zip(FIELDS, told, strict=True))
    return row


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


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
