"""The rows of a folder of millions of runs: what packs hold is reduced a row group at a time, and boards are yielded one by one.

The rows are those of `optathlon.judge.build` over all groups. Where a machine's suite has one version, as is usual, boards are
found from the packs' indexes alone, and a run is read when its board's turn has come.
"""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from optathlon.judge.board import Row, newest_entries, stream
from optathlon.judge.entries import CLOCKS, Entry, reduce
from optathlon.spec import QUIET, Cell, Status
from optathlon.store import EVERYTHING, RecordError, Sources, Trust, read_at
from optathlon.store.packs import Pack, Range

if TYPE_CHECKING:
    from optathlon.judge.remembered import RankCache

_HELD = 3  # row groups of a pack in memory
Key = tuple[str, int, str, str, str]  # suite, order of the scale, place, device, workload
Item = Range | Entry


def rows(
    found: Sources,
    trust: Trust = EVERYTHING,
    cache: RankCache | None = None,
    *,
    wanted: Callable[[Cell], bool] = lambda cell: True,
    refuse: Callable[[RecordError], None] = lambda error: None,
) -> Iterator[Row]:
    """Yield the rows of every board, in the order of `build`.

    Parameters
    ----------
    found : Sources
        Where the records are.
    trust, cache
        Of `build`.
    wanted : callable
        Whether the groups of a cell take part; of lines that share all but workload, method and key, it is asked once.
    refuse : callable
        Takes what is wrong with each file that is refused.
    """
    reader = _Reader(trust)
    boards: dict[Key, list[Item]] = {}
    for _, parts in itertools.groupby(found.parts, key=_family):
        items = list(_items(parts, found, trust, wanted, refuse))
        versions = {
            version
            for item in items
            for version in ([item.cell.suite_version] if isinstance(item, Entry) else [item.pack.template(0).suite_version])
        }
        if len(versions) > 1:
            items = list(newest_entries(entry for item in items for entry in reader.entries(item)))
            for item in items:
                boards.setdefault(_key(item.cell), []).append(item)
            continue
        for _, chunk in itertools.groupby(_by_workload(items), key=lambda pair: pair[0]):
            for key, item in _boards_of([item for _, item in chunk], reader):
                boards.setdefault(key, []).append(item)
    yield from stream(([entry for item in boards[key] for entry in reader.entries(item)] for key in sorted(boards)), cache)


def _family(part: Path | Range) -> tuple[str, str]:
    """Return machine and suite: versions of these are compared."""
    if isinstance(part, Range):
        return part.pack.machine, part.pack.folder.name.rpartition("@")[0]
    return part.parts[-4], part.parts[-3]


def _key(cell: Cell) -> Key:
    return cell.suite, cell.scale.order, cell.environment.place, cell.device, cell.workload


def _items(
    parts: Iterable[Path | Range],
    found: Sources,
    trust: Trust,
    wanted: Callable[[Cell], bool],
    refuse: Callable[[RecordError], None],
) -> Iterator[Item]:
    """Yield what is read and wanted: entries of files, lines of packs."""
    for part in parts:
        if isinstance(part, Path):
            group = read_at(found.results, part, found.directions)
            if isinstance(group, RecordError):
                refuse(group)
            elif wanted(group.cell):
                yield reduce(group, trust)
            continue
        codes = part.pack.heads.codes[part.start : part.stop]
        taken = {code: wanted(part.pack.template(code)) for code in np.unique(codes).tolist()}
        faults = {code: found.fault(part.pack.folder, part.pack.template(code)) for code in taken}
        for error in filter(None, faults.values()):
            refuse(error)
        if all(taken.values()) and not any(faults.values()):
            yield part
            continue
        good = np.array([taken[code] and faults[code] is None for code in codes.tolist()])
        edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(int), [0]])))
        yield from (Range(part.pack, part.start + int(a), part.start + int(b)) for a, b in edges.reshape(-1, 2))


def _by_workload(items: Iterable[Item]) -> Iterator[tuple[str, Item]]:
    """Yield items with their workloads, ranges split so that each has one."""
    for item in items:
        if isinstance(item, Entry):
            yield item.cell.workload, item
            continue
        codes = item.pack.workloads.codes[item.start : item.stop]
        edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
        for a, b in itertools.pairwise(edges):
            yield item.pack.workloads[item.start + a], Range(item.pack, item.start + a, item.start + b)


def _boards_of(items: list[Item], reader: _Reader) -> Iterator[tuple[Key, Item]]:
    """Yield the items of one workload with their boards; of each address, the newest."""
    if len(items) == 1 and isinstance(items[0], Range):
        pack, start, stop = items[0]
        heads = pack.heads.codes[start:stop].tolist()
        places = {code: reader.place(pack, code) for code in set(heads)}
        addresses = set(zip(pack.methods.codes[start:stop].tolist(), (places[code][:2] for code in heads), strict=True))
        if len(addresses) == stop - start and len(set(places.values())) == 1:
            yield (*_key(pack.template(heads[0]))[:4], pack.workloads[start]), items[0]
            return
    for entry in newest_entries(entry for item in items for entry in reader.entries(item)):
        yield _key(entry.cell), entry


class _Columns(NamedTuple):
    """A row group as arrays: of its runs, and of its lines."""

    start: int
    first: list[int]
    seeds: np.ndarray
    ok: np.ndarray
    scores: np.ndarray
    clocks: np.ndarray
    all_ok: list[bool]
    odd: list[bool]
    apart: list[bool]
    busy: list[bool]
    dirty: list[bool]
    full: np.ndarray
    absent: np.ndarray
    keys: list[str]
    recency: list[tuple[bool, int, str]]


class _Reader:
    """Makes entries of the lines of packs."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self._held: OrderedDict[tuple[int, int], _Columns] = OrderedDict()
        self._seeds: dict[bytes, tuple[int, ...]] = {}
        self._places: dict[tuple[int, int], tuple[Any, ...]] = {}

    def place(self, pack: Pack, code: int) -> tuple[Any, ...]:
        """Return arithmetic, device and order of the scale of what has a head."""
        at = id(pack), code
        if at not in self._places:
            cell = pack.template(code)
            self._places[at] = cell.environment.arithmetic, cell.device, cell.scale.order
        return self._places[at]

    def entries(self, item: Item) -> Iterator[Entry]:
        """Yield the entries of an item."""
        if isinstance(item, Entry):
            yield item
            return
        for line in range(item.start, item.stop):
            columns = self._columns(item.pack, line)
            if columns.odd[line - columns.start]:
                yield reduce(next(item.pack.groups(line, line + 1)), self.trust)
            else:
                yield self._entry(item.pack, line, columns)

    def _columns(self, pack: Pack, line: int) -> _Columns:
        number = pack.group_of(line)
        at = id(pack), number
        if at not in self._held:
            self._held[at] = _columns(pack, number)
            while len(self._held) > _HELD:
                self._held.popitem(last=False)
        return self._held[at]

    def _entry(self, pack: Pack, line: int, columns: _Columns) -> Entry:
        index = line - columns.start
        cell = pack.cell(line, columns.keys[index])
        if not columns.all_ok[index] or (cell.target is not None and columns.apart[index]):
            return reduce(next(pack.groups(line, line + 1)), self.trust)  # few on a large board, or their traces count
        own = slice(columns.first[index], columns.first[index] + int(pack.counts[line]))
        seeds = self._tuple(columns.seeds[own])
        word, verified = self.trust.of(cell, seeds)
        names = [metric.name for metric in cell.metrics]
        entry = Entry(
            cell=cell,
            recency=columns.recency[index],
            seeds=seeds,
            scores={name: columns.scores[k, own] for k, name in enumerate(names) if not columns.absent[k, index]},
            clocks=columns.clocks[:, own],
            solved=None,
            status=str(Status.OK),
            failed=0,
            reason="",
            busy=columns.busy[index],
            dirty=columns.dirty[index],
            trust=word,
            verified=verified,
        )
        entry.known_full(dict(zip(names, columns.full[: len(names), index].tolist(), strict=True)))
        if cell.target is not None:
            score = columns.scores[0, own]
            met = score <= cell.target if cell.metrics[0].better == "lower" else score >= cell.target
            entry.solved = np.where(met, columns.clocks[0, own], math.nan)
        return entry

    def _tuple(self, seeds: np.ndarray) -> tuple[int, ...]:
        """Return seeds as a tuple that entries share."""
        key = seeds.tobytes()
        if key not in self._seeds:
            self._seeds[key] = tuple(seeds.tolist())
        return self._seeds[key]


_READ = ("seed", "status", "scores", *CLOCKS, "jobs", "busy", "dirty", "odd", "apart")


def _columns(pack: Pack, number: int) -> _Columns:
    """Return a row group as arrays."""
    batch = pack.batch(number, _READ)
    table, first = batch.table, batch.first
    lines = pack.index.slice(batch.start, batch.stop - batch.start)
    plain = {name: table[name].to_numpy() for name in ("seed", *CLOCKS, "jobs", "busy")}
    status = table["status"].combine_chunks()
    ok = np.isin(status.indices.to_numpy(), [i for i, word in enumerate(status.dictionary.to_pylist()) if word == "ok"])
    lists = table["scores"].combine_chunks()
    lengths = np.diff(lists.offsets.to_numpy())
    width = int(lengths.max())
    scores = np.full((width, len(ok)), math.nan)
    flat, offsets = lists.values.to_numpy(zero_copy_only=False), lists.offsets.to_numpy()
    if (lengths == width).all():
        scores[:] = flat[offsets[0] : offsets[-1]].reshape(-1, width).T
    else:
        for k in range(width):
            there = lengths > k
            scores[k, there] = flat[offsets[:-1][there] + k]
    missing = np.isnan(scores)
    busy = ok & ((plain["jobs"] > 1) | (plain["busy"] > QUIET))
    dirty = table["dirty"].fill_null(False).to_numpy(zero_copy_only=False).astype(bool)
    told = {name: table[name].is_valid().to_numpy(zero_copy_only=False).astype(bool) for name in ("odd", "apart")}
    recency = zip(*(lines[name].to_pylist() for name in ("measured", "turn", "finished")), strict=True)

    def some(flags: np.ndarray) -> list[bool]:
        return np.logical_or.reduceat(flags, first).tolist()

    return _Columns(
        batch.start,
        first.tolist(),
        plain["seed"],
        ok,
        scores,
        np.stack([plain[clock].astype(float) for clock in CLOCKS]),
        np.logical_and.reduceat(ok, first).tolist(),
        some(told["odd"]),
        some(told["apart"]),
        some(busy),
        some(dirty),
        ~np.logical_or.reduceat(missing, first, axis=1),
        np.logical_and.reduceat(missing, first, axis=1),
        lines["key"].to_pylist(),
        list(recency),
    )
