"""A group of runs, reduced to what the rows of a board need: values of the runs that ended ok as arrays by seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

import numpy as np

from optathlon.judge import profiles
from optathlon.judge.evidence import is_busy
from optathlon.spec import Cell, Status
from optathlon.store import EVERYTHING, Group, Trust, recency
from optathlon.store.encoding import columns_twice

CLOCKS = ("seconds", "cpu_seconds", "peak_memory")


@dataclass(eq=False, slots=False)
class Entry:
    """One group on the board.

    `scores` holds an array a metric, `clocks` is of shape (3, n_seeds), `solved` the seconds to the target; NaN where a run has
    no such value. Several entries may share one tuple of `seeds`.
    """

    cell: Cell
    recency: tuple[Any, ...]
    seeds: tuple[int, ...]
    scores: dict[str, np.ndarray]
    clocks: np.ndarray
    solved: np.ndarray | None
    status: str
    failed: int
    reason: str
    busy: bool
    dirty: bool
    trust: str
    verified: int

    def complete(self, metric: str) -> bool:
        """Return whether every run ended ok and has the metric."""
        return not self.failed and metric in self.scores and len(self.seeds) > 0 and self.full(metric)

    def full(self, metric: str) -> bool:
        """Return whether every run that ended ok has the metric."""
        known = self._full.get(metric)
        if known is None:
            known = self._full[metric] = not np.isnan(self.scores[metric]).any()
        return known

    def known_full(self, full: dict[str, bool]) -> None:
        """Note what `full` would find out."""
        self._full.update(full)

    @cached_property
    def _full(self) -> dict[str, bool]:
        return {}

    @cached_property
    def _at(self) -> dict[int, int]:
        return {seed: position for position, seed in enumerate(self.seeds)}

    def positions(self, seeds: Sequence[int]) -> list[int]:
        """Return where the seeds stand, those that did not end ok left out."""
        return [self._at[seed] for seed in seeds if seed in self._at]

    def of(self, metric: str, seeds: tuple[int, ...]) -> np.ndarray:
        """Return the values of a metric on some seeds."""
        values = self.scores[metric]
        return values if seeds is self.seeds or seeds == self.seeds else values[self.positions(seeds)]

    def time_to_target(self, seeds: tuple[int, ...]) -> float | None:
        """Return the median of the seconds to the target; None unless every run got there."""
        if self.solved is None or self.failed or not seeds:
            return None
        positions = self.positions(seeds)
        times = self.solved[positions]
        return None if len(positions) < len(seeds) or np.isnan(times).any() else float(np.median(times))


def reduce(group: Group, trust: Trust = EVERYTHING) -> Entry:
    """Return the entry of a group."""
    return _of_columns(group, trust) or _of_runs(group, trust)


def _of_columns(group: Group, trust: Trust) -> Entry | None:
    """Return the entry of a group whose runs have one layout and ended ok; None where they have not."""
    cell, found = group.cell, columns_twice(group.runs)
    if found is None or cell.target is not None:
        return None
    columns, scores = found
    if set(columns["status"]) != {Status.OK}:
        return None
    names = [name for name in dict.fromkeys(metric.name for metric in cell.metrics) if name in scores]
    seeds, none = columns["seed"], (math.nan,) * len(group.runs)
    values = np.array([*(scores[name] for name in names), *(columns.get(clock, none) for clock in CLOCKS)], dtype=float)
    word, verified = trust.of(cell, seeds)
    entry = Entry(
        cell=cell,
        recency=(True, group.turn, max(columns.get("finished", ("",)))),
        seeds=seeds,
        scores=dict(zip(names, values, strict=False)),
        clocks=values[len(names) :],
        solved=None,
        status=str(Status.OK),
        failed=0,
        reason="",
        busy=is_busy(max(columns.get("jobs", (1,))), max(columns.get("busy", (1.0,)))),
        dirty=any(columns.get("dirty", ())),
        trust=word,
        verified=verified,
    )
    entry.known_full(dict.fromkeys(names, True))
    return entry


def _of_runs(group: Group, trust: Trust) -> Entry:
    cell, runs = group.cell, group.runs
    ok = [run for run in runs if run["status"] == Status.OK]
    bad = [run for run in runs if run["status"] != Status.OK] if len(ok) < len(runs) else []
    word, verified = trust.of(cell, [run["seed"] for run in runs])
    names = tuple(metric.name for metric in cell.metrics)
    found = dict(zip(names, _columns([run["scores"] for run in ok], names), strict=True))
    return Entry(
        cell=cell,
        recency=recency(group),
        seeds=tuple(run["seed"] for run in ok),
        scores={name: values for name, values in found.items() if not np.isnan(values).all()},
        clocks=_columns(ok, CLOCKS),
        solved=None if cell.target is None else np.array([solved(cell, run) for run in ok], dtype=float),
        status=str(bad[0]["status"]) if bad else str(Status.OK),
        failed=len(bad),
        reason=bad[0].get("reason", "") if bad else "",
        busy=any(is_busy(run.get("jobs"), run.get("busy")) for run in ok),
        dirty=any(run.get("dirty", False) for run in runs),
        trust=word,
        verified=verified,
    )


def _columns(values: Sequence[Mapping[str, Any]], names: tuple[str, ...]) -> np.ndarray:
    """Return (n_names, n_values) numbers of mappings, NaN where one has no such name."""
    try:
        take = itemgetter(*names, names[0])
        found = [take(one) for one in values]
    except KeyError:
        found = [[one.get(name, math.nan) for name in (*names, names[0])] for one in values]
    return np.ascontiguousarray(np.array(found, dtype=float).reshape(len(values), len(names) + 1)[:, :-1].T)


def medians(values: np.ndarray) -> np.ndarray:
    """Return the medians along the last axis of what is there, NaN where nothing is."""
    found = np.median(values, axis=-1)
    for at in zip(*np.nonzero(np.isnan(found)), strict=True):
        there = values[at][~np.isnan(values[at])]
        found[at] = np.median(there) if there.size else math.nan
    return found


def solved(cell: Cell, run: Mapping[str, Any]) -> float:
    """Return the seconds to the target, NaN where it was not met.

    The last point counts with the full value of the score, which the trace has rounded.
    """
    assert cell.target is not None
    first, end = cell.metrics[0], (0, run.get("seconds", math.inf), run["scores"][cell.metrics[0].name])
    time = profiles.time_to_target([*run.get("trace", [])[:-1], end], cell.target, first.better)
    return math.nan if time is None or math.isinf(time) else time
