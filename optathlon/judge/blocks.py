"""Boards of one shape as arrays: ranked, summed up and laid out together, without an object a run, a method or a row.

What is said of them is what `optathlon.judge.build` says; it takes only boards on which nothing needs a second look: every method
ran the same seeds, every run ended ok with every metric, and nobody's runs are claimed or verified. All others stay with `build`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optathlon.judge import profiles, ranking
from optathlon.judge.board import FIELDS, YARDSTICK, Row
from optathlon.judge.entries import Entry, medians
from optathlon.judge.intervals import mean_intervals, unit_of
from optathlon.spec import Cell, MetricInfo, Status
from optathlon.store import MEASURED

if TYPE_CHECKING:
    from optathlon.judge.remembered import RankCache

Column = list[Any]
Key = tuple[str, int, str, str, str]  # suite, order of the scale, place, device, workload: the order of boards
_HUGE = 1e300  # of which sums overflow


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Boards of one suite, scale, device, place and shape.

    Attributes
    ----------
    workloads : list of str
        One a board.
    cells : tuple of Cell
        One a method, in the order of the names; their workloads and keys mean nothing. See `fits`.
    scores : array of shape (n_metrics, n_boards, n_methods, n_seeds)
    clocks : array of shape (3, n_boards, n_methods, n_seeds)
        `optathlon.judge.entries.CLOCKS`; NaN where a run has no such value.
    solved : array of shape (n_boards, n_methods, n_seeds), optional
        Seconds to the target, NaN where it was not met; None where there is no target.
    busy, dirty : array of bool, shape (n_boards, n_methods)
    """

    workloads: list[str]
    cells: tuple[Cell, ...]
    scores: np.ndarray
    clocks: np.ndarray
    solved: np.ndarray | None
    busy: np.ndarray
    dirty: np.ndarray

    def __len__(self) -> int:
        return len(self.workloads)


def key_of(cell: Cell, workload: str) -> Key:
    """Return the key of the board of a workload on which a cell stands."""
    return cell.suite, cell.scale.order, cell.environment.place, cell.device, workload


def fits(cells: Sequence[Cell]) -> bool:
    """Return whether the methods of a board agree in all that a block holds once, and some of them are ranked."""
    first = cells[0]
    told = (first.metrics, first.target, first.exact, first.trials, first.suite_version)
    return not all(cell.yardstick for cell in cells) and all(
        (cell.metrics, cell.target, cell.exact, cell.trials, cell.suite_version) == told for cell in cells
    )


def is_plain(board: Sequence[Entry]) -> bool:
    """Return whether the entries of a board, in the order of the methods, may stand in a block."""
    first = board[0]
    names = [metric.name for metric in first.cell.metrics]
    return (
        all(
            entry.trust == MEASURED
            and not entry.verified
            and entry.seeds == first.seeds
            and all(entry.complete(name) for name in names)
            for entry in board
        )
        and fits([entry.cell for entry in board])
        and len({entry.cell.method for entry in board}) == len(board)
    )


def alike(board: Sequence[Entry], other: Sequence[Entry]) -> bool:
    """Return whether two plain boards may stand in one block."""
    return (
        len(board) == len(other)
        and board[0].seeds == other[0].seeds
        and all(_told(one.cell) == _told(two.cell) for one, two in zip(board, other, strict=True))
    )


def _told(cell: Cell) -> tuple[Any, ...]:
    """Return what rows say of a cell, but for its workload, and what they are made by."""
    return (
        cell.method, cell.metrics, cell.suite, cell.suite_version, cell.scale, cell.device, cell.environment.place,
        cell.target, cell.exact, cell.yardstick, cell.trials, cell.reference_method, cell.settings,
    )  # fmt: skip


def block_of(boards: Sequence[Sequence[Entry]]) -> Block | None:
    """Return plain boards that are alike as a block; None where a score is too large for one."""
    cells = tuple(entry.cell for entry in boards[0])
    entries = [entry for board in boards for entry in board]
    shape = len(boards), len(cells), len(entries[0].seeds)
    scores = np.stack([np.concatenate([entry.scores[one.name] for entry in entries]) for one in cells[0].metrics])
    if is_huge(scores).any():
        return None
    solved = [entry.solved for entry in entries if entry.solved is not None]
    return Block(
        workloads=[board[0].cell.workload for board in boards],
        cells=cells,
        scores=scores.reshape(-1, *shape),
        clocks=np.concatenate([entry.clocks for entry in entries], axis=1).reshape(-1, *shape),
        solved=np.concatenate(solved).reshape(shape) if solved else None,
        busy=np.array([entry.busy for entry in entries]).reshape(shape[:2]),
        dirty=np.array([entry.dirty for entry in entries]).reshape(shape[:2]),
    )


def is_huge(scores: np.ndarray) -> np.ndarray:
    """Return which scores are too large for a block: their sums overflow, and what then counts is for `build` to say."""
    return np.abs(scores) > _HUGE


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of the boards of a block, column by column.

    Attributes
    ----------
    columns : mapping
        By field of `Row`: a value for all rows, or a list with one a row.
    keys : list of Key
        Of the boards; the rows of a board follow each other, and every board has as many.
    n_rows : int
    """

    columns: dict[str, Any]
    keys: list[Key]
    n_rows: int

    def rows(self) -> Iterator[Row]:
        """Yield the rows as objects."""
        new, put = object.__new__, object.__setattr__  # as Row(**...) does, in a tenth of its time: a large board has millions
        alike = {name: None if isinstance(self.columns[name], list) else self.columns[name] for name in FIELDS}
        own = [name for name in FIELDS if isinstance(self.columns[name], list)]
        for told in zip(*(self.columns[name] for name in own), strict=True):
            fields = alike.copy()
            fields.update(zip(own, told, strict=True))
            row = new(Row)
            put(row, "__dict__", fields)
            yield row


def table(block: Block, cache: RankCache | None = None) -> Table:
    """Return the rows of the boards of a block."""
    first, n_seeds = block.cells[0], block.scores.shape[3]
    seconds, cpu_seconds, peak_memory = (medians(clock) for clock in block.clocks)
    found = [_judged(block, k, metric, seconds, cache) for k, metric in enumerate(first.metrics)]
    order = np.stack([one.pop("order") for one in found], axis=1)
    shape = order.shape  # (n_boards, n_metrics, n_methods)

    def laid_out(values: np.ndarray) -> Column:
        return np.take_along_axis(values, order, axis=2).ravel().tolist()

    def of_methods(values: np.ndarray) -> Column:
        return laid_out(np.broadcast_to(values[..., None, :], shape))

    def of_clock(values: np.ndarray) -> Column:
        return _or_none(of_methods(values), values)

    def of_cells(values: Sequence[Any]) -> Column:
        return [values[at] for at in order.ravel().tolist()]

    def of_boards(name: str) -> Column:
        per_board = [value for pair in zip(*(one[name] for one in found), strict=True) for value in pair]
        return [value for value in per_board for _ in range(shape[2])]

    def of_metrics(values: Sequence[Any]) -> Column:
        return [value for value in values for _ in range(shape[2])] * shape[0]

    own: dict[str, Column] = {}
    for name in ("rank", "rank_low", "rank_high", "value", "low", "high", "pareto"):
        own[name] = laid_out(np.stack([one[name] for one in found], axis=1))
    yardsticks = [cell.yardstick for cell in block.cells]
    if any(yardsticks):
        unranked = of_cells(yardsticks)
        for name in ("rank", "rank_low", "rank_high"):
            own[name] = [None if aside else place for place, aside in zip(own[name], unranked, strict=True)]
    for name in ("low", "high"):
        own[name] = [value if math.isfinite(value) else None for value in own[name]]
    reached = None if block.solved is None else np.median(block.solved, axis=2)
    columns = {
        "suite": first.suite,
        "workload": [name for name in block.workloads for _ in range(shape[1] * shape[2])],
        "scale": str(first.scale),
        "device": first.device,
        "machine": first.environment.place,
        "method": of_cells([cell.method for cell in block.cells]),
        "status": str(Status.OK),
        **own,
        "metric": of_metrics([metric.name for metric in first.metrics]),
        "unit": of_metrics([metric.unit for metric in first.metrics]),
        "better": of_metrics([metric.better for metric in first.metrics]),
        "seconds": of_clock(seconds),
        "ratio": of_clock(_ratios(block, seconds)),
        "cpu_seconds": of_clock(cpu_seconds),
        "peak_memory": of_clock(peak_memory),
        "busy": of_methods(block.busy),
        "dirty": of_methods(block.dirty),
        "target": first.target,
        "time_to_target": None if reached is None else of_clock(reached),
        "yardstick": of_cells(yardsticks),
        "seeds": n_seeds,
        "shared": n_seeds,
        "failed": 0,
        "trust": MEASURED,
        "verified": 0,
        "note": of_cells([YARDSTICK if cell.yardstick else "" for cell in block.cells]),
        "reason": "",
        **{name: of_boards(name) for name in ("resolution", "stability", "halves", "standing")},
        "settings": of_cells([dict(cell.settings) for cell in block.cells]),
        "version": first.suite_version,
    }
    return Table(columns, [key_of(first, workload) for workload in block.workloads], order.size)


def _judged(block: Block, k: int, metric: MetricInfo, seconds: np.ndarray, cache: RankCache | None) -> dict[str, Any]:
    """Return what is said of each board by one metric, and of each method on it, (n_boards, n_methods)."""
    scores, cells = block.scores[k], block.cells
    n_boards, n_methods, n_seeds = scores.shape
    exact, ranked = cells[0].exact, np.array([not cell.yardstick for cell in cells])
    judged = ranking.judge_boards if cache is None else cache.judge_boards
    compared = np.ascontiguousarray(scores[:, ranked].transpose(0, 2, 1))
    ranks, standings = judged(compared, metric.better, tolerance=float(metric.tolerance), exact=exact, unit=metric.unit)
    places = np.zeros((3, n_boards, n_methods), dtype=int)
    places[:, :, ranked] = np.stack(ranks)
    units = ["" if exact else unit_of(metric.unit, [board]) for board in scores]
    means = np.empty((n_boards, n_methods, 3))
    for unit in set(units):
        alike = np.array([one == unit for one in units])
        means[alike] = mean_intervals(scores[alike].reshape(-1, n_seeds), unit, cells[0].trials).reshape(-1, n_methods, 3)
    value, low, high = np.moveaxis(means, 2, 0)
    front = np.zeros((n_boards, n_methods), dtype=bool)
    plain_means = scores[:, ranked].mean(axis=2)
    front[:, ranked] = profiles.pareto_front(plain_means, seconds[:, ranked], metric.better)
    front &= ~np.isnan(seconds)
    signed = value if metric.better == "lower" else -value
    aside = np.broadcast_to(~ranked, value.shape)
    finite = [tuple(number if math.isfinite(number) else None for number in one[1:4]) for one in standings]
    return {
        "rank": places[0], "rank_low": places[1], "rank_high": places[2],
        "value": value, "low": low, "high": high, "pareto": front,
        "order": np.lexsort((signed, places[0], aside)),  # stable: what is equal stays in the order of the names
        "resolution": [one[0] for one in finite], "stability": [one[1] for one in finite],
        "halves": [one[2] for one in finite], "standing": [one.word for one in standings],
    }  # fmt: skip


def _ratios(block: Block, seconds: np.ndarray) -> np.ndarray:
    """Return the seconds over those of the reference method, NaN where there is none or it took none."""
    at = next((i for i, cell in enumerate(block.cells) if cell.method == cell.reference_method), None)
    if at is None:
        return np.full_like(seconds, math.nan)
    unit = np.where(seconds[:, at] == 0, math.nan, seconds[:, at])
    with np.errstate(over="ignore"):
        return seconds / unit[:, None]


def _or_none(column: Column, values: np.ndarray) -> Column:
    """Return a column with None for NaN."""
    return [None if value != value else value for value in column] if np.isnan(values).any() else column
