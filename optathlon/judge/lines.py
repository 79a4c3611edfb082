"""The lines of packs as blocks and entries: row groups are read as arrays, and of them only the columns that boards need."""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from optathlon.judge.blocks import Block, fits, is_huge
from optathlon.judge.entries import CLOCKS, Entry, reduce
from optathlon.spec import QUIET, Cell, Status
from optathlon.store import MEASURED, Trust, columns
from optathlon.store.packs import Pack, Range

_HELD = 3  # row groups of a pack in memory
_READ = ("seed", "status", "scores", *CLOCKS, "jobs", "busy", "dirty", "odd", "apart")


class Reader:
    """Makes blocks and entries of the lines of packs."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self._held: OrderedDict[tuple[int, int], _Columns] = OrderedDict()
        self._seeds: dict[bytes, tuple[int, ...]] = {}
        self._places: dict[tuple[int, int], tuple[Any, ...]] = {}
        self._fitting: dict[tuple[int, bytes], Cell | None] = {}
        self._again = {tuple(at.split(" ")[:2]) for at, _ in trust.verified}

    def place(self, pack: Pack, code: int) -> tuple[Any, ...]:
        """Return arithmetic, device and order of the scale of what has a head."""
        at = id(pack), code
        if at not in self._places:
            cell = pack.template(code)
            self._places[at] = cell.environment.arithmetic, cell.device, cell.scale.order
        return self._places[at]

    def entries(self, item: Range | Entry) -> Iterator[Entry]:
        """Yield the entries of an item."""
        if isinstance(item, Entry):
            yield item
            return
        for line in range(item.start, item.stop):
            group = self._columns(item.pack, line)
            if group.odd[line - group.start]:
                yield reduce(next(item.pack.groups(line, line + 1)), self.trust)
            else:
                yield self._entry(item.pack, line, group)

    def blocks(self, boards: Sequence[Range]) -> Iterator[Block | list[Range]]:
        """Yield boards of one suite, scale, place and device in one row group: those of one shape together, others as they are.

        Parameters
        ----------
        boards : sequence of Range
            The lines of each board.
        """
        group = self._columns(boards[0].pack, boards[0].start)
        for shape, own in itertools.groupby(boards, key=lambda board: self._shape(board, group)):
            alike = list(own)
            yield alike if shape is None else self._block(alike, group)

    def _shape(self, board: Range, group: _Columns) -> tuple[Any, ...] | None:
        """Return what boards have in common that may stand in one block; None where a board needs a second look."""
        pack, own = board.pack, slice(board.start - group.start, board.stop - group.start)
        if not group.plain[own].all():
            return None
        methods, heads = (coded.codes[board.start : board.stop].tobytes() for coded in (pack.methods, pack.heads))
        cell = self._common(pack, heads, pack.heads.codes[board.start : board.stop])
        n_seeds, n_methods = int(pack.counts[board.start]), board.stop - board.start
        first = int(group.first[own.start])
        seeds = group.seeds[first : first + n_seeds * n_methods]
        if (
            cell is None
            or (pack.counts[board.start : board.stop] != n_seeds).any()
            or (seeds.reshape(n_methods, n_seeds) != seeds[:n_seeds]).any()
            or not group.full[: len(cell.metrics), own].all()
            or (cell.target is not None and group.apart[own].any())
        ):
            return None
        return n_seeds, methods, heads

    def _common(self, pack: Pack, heads: bytes, codes: np.ndarray) -> Cell | None:
        """Return what cells with these heads have in common; None where they do not fit into a block."""
        at = id(pack), heads
        if at not in self._fitting:
            cells = [pack.template(code) for code in codes.tolist()]
            plain = (
                fits(cells)
                and self.trust.of(cells[0], ())[0] == MEASURED
                and (cells[0].environment.machine, cells[0].suite) not in self._again
            )
            self._fitting[at] = cells[0] if plain else None
        return self._fitting[at]

    def _block(self, boards: Sequence[Range], group: _Columns) -> Block:
        pack, first = boards[0].pack, boards[0]
        named = [pack.cell(line, "") for line in range(first.start, first.stop)]
        by_name = sorted(range(len(named)), key=lambda at: named[at].method)
        cells = tuple(named[at] for at in by_name)
        lines = np.array([board.start for board in boards])[:, None] - group.start + np.array(by_name)
        runs = group.first[lines][:, :, None] + np.arange(int(pack.counts[first.start]))
        scores = group.scores[: len(cells[0].metrics)][:, runs]
        clocks = group.clocks[:, runs]
        return Block(
            workloads=[pack.workloads[board.start] for board in boards],
            cells=cells,
            scores=scores,
            clocks=clocks,
            solved=None if cells[0].target is None else _solved(cells[0], scores[0], clocks[0]),
            busy=group.busy[lines],
            dirty=group.dirty[lines],
        )

    def _columns(self, pack: Pack, line: int) -> _Columns:
        number = pack.group_of(line)
        at = id(pack), number
        if at not in self._held:
            self._held[at] = _Columns(pack, number)
            while len(self._held) > _HELD:
                self._held.popitem(last=False)
        return self._held[at]

    def _entry(self, pack: Pack, line: int, group: _Columns) -> Entry:
        index = line - group.start
        cell = pack.cell(line, group.keys[index])
        if not group.all_ok[index] or (cell.target is not None and group.apart[index]):
            return reduce(next(pack.groups(line, line + 1)), self.trust)  # few on a large board, or their traces count
        first = int(group.first[index])
        own = slice(first, first + int(pack.counts[line]))
        seeds = self._tuple(group.seeds[own])
        word, verified = self.trust.of(cell, seeds)
        names = [metric.name for metric in cell.metrics]
        entry = Entry(
            cell=cell,
            recency=group.recency[index],
            seeds=seeds,
            scores={name: group.scores[k, own] for k, name in enumerate(names) if not group.absent[k, index]},
            clocks=group.clocks[:, own],
            solved=None if cell.target is None else _solved(cell, group.scores[0, own], group.clocks[0, own]),
            status=str(Status.OK),
            failed=0,
            reason="",
            busy=bool(group.busy[index]),
            dirty=bool(group.dirty[index]),
            trust=word,
            verified=verified,
        )
        entry.known_full(dict(zip(names, group.full[: len(names), index].tolist(), strict=True)))
        return entry

    def _tuple(self, seeds: np.ndarray) -> tuple[int, ...]:
        """Return seeds as a tuple that entries share."""
        key = seeds.tobytes()
        if key not in self._seeds:
            self._seeds[key] = tuple(seeds.tolist())
        return self._seeds[key]


def _solved(cell: Cell, scores: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Return the seconds to the target where there are no traces."""
    assert cell.target is not None
    return np.where(scores <= cell.target if cell.metrics[0].better == "lower" else scores >= cell.target, seconds, math.nan)


class _Columns:
    """A row group as arrays.

    Of its runs `seeds`, `scores`, of shape (n_metrics, n_runs), and `clocks`; of its lines the number of the `first` run, whether
    all runs ended ok (`all_ok`), have a metric (`full`, or in none of them: `absent`), some were measured beside others (`busy`)
    or with changes (`dirty`), some are kept as a text (`odd`) or have a trace, exhibits or sections (`apart`); `plain` is a line
    of which arrays say all that a block needs.
    """

    def __init__(self, pack: Pack, number: int) -> None:
        batch = pack.batch(number, _READ)
        table, first = batch.table, batch.first
        self._lines = pack, batch.start, batch.stop
        self.start, self.first = batch.start, first
        self.seeds = columns.numbers(table["seed"])
        self.clocks = np.stack([columns.numbers(table[clock]).astype(float, copy=False) for clock in CLOCKS])
        self.scores = columns.lists(table["scores"], pack.most_metrics)
        if table["status"].null_count:
            raise ValueError(pack.refusal("holds a run without a status"))
        ok = columns.Coded(table["status"]).isin("ok")
        missing = np.isnan(self.scores)
        self._require_records(ok & missing[0])
        busy = ok & ((columns.numbers(table["jobs"]) > 1) | (columns.numbers(table["busy"]) > QUIET))
        self.all_ok = np.logical_and.reduceat(ok, first)
        self.busy = np.logical_or.reduceat(busy, first)
        self.dirty = np.logical_or.reduceat(columns.flags(table["dirty"]), first)
        self.odd, self.apart = (np.logical_or.reduceat(columns.valid(table[name]), first) for name in ("odd", "apart"))
        self.full = ~np.logical_or.reduceat(missing, first, axis=1)
        self.absent = np.logical_and.reduceat(missing, first, axis=1)
        self.plain = self.all_ok & ~self.odd & ~np.logical_or.reduceat(is_huge(self.scores).any(axis=0), first)

    def _require_records(self, without: np.ndarray) -> None:
        """Raise ValueError where a pack holds what no record file can; see `optathlon.store.encoding.check_runs`."""
        again = np.diff(self.seeds) <= 0
        again[self.first[1:] - 1] = False
        wrong = {
            "a seed below 0": (self.seeds < 0).any(),
            "a seed twice": again.any(),
            "a time or memory below 0": (self.clocks < 0).any(),
            "a score that is no number": np.isinf(self.scores).any(),
            "a run that ended ok without a score": without.any(),
        }
        if any(wrong.values()):
            what = next(name for name, found in wrong.items() if found)
            raise ValueError(self._lines[0].refusal(f"holds {what}, as no record can"))

    @cached_property
    def keys(self) -> list[str]:
        """Key of each line's cell."""
        pack, start, stop = self._lines
        return pack.keys.slice(start, stop - start).to_pylist()

    @cached_property
    def recency(self) -> list[tuple[bool, int, str]]:
        """What `optathlon.store.recency` says of each line."""
        pack, start, stop = self._lines
        return pack.recency(start, stop)
