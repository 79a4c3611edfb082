"""The rows of a folder of millions of runs: what packs hold is reduced a row group at a time, and boards are yielded one by one.

The rows are those of `optathlon.judge.build` over all groups. Where a machine's suite has one version, as is usual, boards are
found from the packs' indexes alone, and a run is read when its board's turn has come.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optathlon.judge.blocks import Block, Key, Table, alike, block_of, is_plain, key_of, table
from optathlon.judge.board import Row, newest_entries, stream
from optathlon.judge.entries import Entry, reduce
from optathlon.judge.lines import Reader
from optathlon.spec import Cell
from optathlon.store import EVERYTHING, RecordError, Sources, Trust, read_at
from optathlon.store.packs import Range

if TYPE_CHECKING:
    from optathlon.judge.remembered import RankCache

_AT_ONCE = 256  # boards
Item = Range | Entry


class Board(NamedTuple):
    """The rows of one board as objects: one that has no place in a `Table`."""

    key: Key
    listed: list[Row]

    def rows(self) -> Iterator[Row]:
        """Yield the rows."""
        yield from self.listed


def rows(
    found: Sources,
    trust: Trust = EVERYTHING,
    cache: RankCache | None = None,
    *,
    wanted: Callable[[Cell], bool] = lambda cell: True,
    refuse: Callable[[RecordError], None] = lambda error: None,
) -> Iterator[Row]:
    """Yield the rows of every board, in the order of `build`; see `plan`."""
    for part in plan(found, trust, wanted=wanted, refuse=refuse).tables(cache):
        yield from part.rows()


@dataclass(eq=False)
class Plan:
    """What every board is made of.

    Attributes
    ----------
    boards : dict
        Lines of packs, and entries, of each board.
    machines : dict
        The machine whose records each board is made of.
    versions : set
        Machine, suite and version of all that was read.
    """

    reader: Reader
    boards: dict[Key, list[Item]] = field(default_factory=dict)
    machines: dict[Key, str] = field(default_factory=dict)
    versions: set[tuple[str, str, str]] = field(default_factory=set)

    def add(self, key: Key, item: Item) -> None:
        """Note that a board is made of an item, too."""
        self.boards.setdefault(key, []).append(item)
        self.machines[key] = item.cell.environment.machine if isinstance(item, Entry) else item.pack.machine

    def tables(self, cache: RankCache | None = None) -> Iterator[Table | Board]:
        """Yield the rows of every board in the order of `build`, many boards at a time where they are alike; once."""
        reader = self.reader
        for group, keys in itertools.groupby(sorted(self.boards), key=self._together):
            own = [self.boards.pop(key) for key in keys]
            if group is None:
                yield from _entered((list(itertools.chain.from_iterable(map(reader.entries, items))) for items in own), cache)
                continue
            for part in reader.blocks([items[0] for items in own if isinstance(items[0], Range)]):
                if isinstance(part, Block):
                    yield table(part, cache)
                else:
                    yield from _entered((list(reader.entries(one)) for one in part), cache)

    def _together(self, key: Key) -> tuple[int, int, Key] | None:
        """Return what boards share that may stand in one block: a row group, and all but the workload."""
        items = self.boards[key]
        if len(items) > 1 or isinstance(items[0], Entry):
            return None
        pack, start, _ = items[0]
        return id(pack), pack.group_of(start), (*key[:-1], "")


def plan(
    found: Sources,
    trust: Trust = EVERYTHING,
    *,
    wanted: Callable[[Cell], bool] = lambda cell: True,
    shown: Callable[[Key], bool] = lambda key: True,
    refuse: Callable[[RecordError], None] = lambda error: None,
) -> Plan:
    """Return what every board is made of; JSON is read, packs are not yet.

    Parameters
    ----------
    found : Sources
        Where the records are.
    trust : Trust
        Of `build`.
    wanted : callable
        Whether the groups of a cell take part; of lines that share all but workload, method and key, it is asked once.
        All groups of a machine's suite are wanted, or none: they tell which are the newest.
    shown : callable
        Whether a board is.
    refuse : callable
        Takes what is wrong with each file that is refused.
    """
    planned = Plan(Reader(trust))
    for (machine, suite), parts in itertools.groupby(found.parts, key=_family):
        items = list(_items(parts, found, trust, wanted, refuse))
        versions = {_version(item) for item in items}
        planned.versions |= {(machine, suite, version) for version in versions}
        if len(versions) > 1:
            for entry in newest_entries(entry for item in items for entry in planned.reader.entries(item)):
                if shown(key := key_of(entry.cell, entry.cell.workload)):
                    planned.add(key, entry)
            continue
        for _, chunk in itertools.groupby(_by_workload(items), key=lambda pair: pair[0]):
            for key, item in _boards_of([item for _, item in chunk], planned.reader):
                if shown(key):
                    planned.add(key, item)
    return planned


def _version(item: Item) -> str:
    return item.cell.suite_version if isinstance(item, Entry) else item.pack.template(0).suite_version


def _entered(boards: Iterable[list[Entry]], cache: RankCache | None) -> Iterator[Table | Board]:
    """Yield boards that are given as entries."""
    waiting: list[list[Entry]] = []
    plain = False
    for board in (sorted(own, key=lambda entry: entry.cell.method) for own in boards):
        was, plain = plain, is_plain(board)
        if waiting and (len(waiting) == _AT_ONCE or plain != was or (plain and not alike(waiting[0], board))):
            yield from _at_once(waiting, was, cache)
            waiting = []
        waiting.append(board)
    yield from _at_once(waiting, plain, cache)


def _at_once(boards: list[list[Entry]], plain: bool, cache: RankCache | None) -> Iterator[Table | Board]:
    """Yield boards whose entries stand in the order of the methods, and that are alike where they are plain."""
    block = block_of(boards) if boards and plain else None
    if block is not None:
        yield table(block, cache)
        return
    keys = (key_of(board[0].cell, board[0].cell.workload) for board in boards)
    told = itertools.groupby(stream(boards, cache), key=lambda row: (row.suite, row.workload, row.scale, row.device, row.machine))
    for key, (_, listed) in zip(keys, told, strict=True):
        yield Board(key, list(listed))


def _family(part: str | Range) -> tuple[str, str]:
    """Return machine and suite: versions of these are compared."""
    if isinstance(part, Range):
        return part.pack.machine, part.pack.suite
    machine, suite = part.split("/")[-4:-2]
    return machine, suite


def _items(
    parts: Iterable[str | Range],
    found: Sources,
    trust: Trust,
    wanted: Callable[[Cell], bool],
    refuse: Callable[[RecordError], None],
) -> Iterator[Item]:
    """Yield what is read and wanted: entries of files, lines of packs."""
    for part in parts:
        if isinstance(part, str):
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


def _boards_of(items: list[Item], reader: Reader) -> Iterator[tuple[Key, Item]]:
    """Yield the items of one workload with their boards; of each address, the newest."""
    if len(items) == 1 and isinstance(items[0], Range):
        pack, start, stop = items[0]
        heads = pack.heads.codes[start:stop].tolist()
        places = {code: reader.place(pack, code) for code in set(heads)}
        addresses = set(zip(pack.methods.codes[start:stop].tolist(), (places[code][:2] for code in heads), strict=True))
        if len(addresses) == stop - start and len(set(places.values())) == 1:
            yield key_of(pack.template(heads[0]), pack.workloads[start]), items[0]
            return
    for entry in newest_entries(entry for item in items for entry in reader.entries(item)):
        yield key_of(entry.cell, entry.cell.workload), entry
