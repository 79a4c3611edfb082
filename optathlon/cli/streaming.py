"""The board as CSV, as its rows come: one of a hundred million runs is never in memory, and what has not changed is not read."""

from __future__ import annotations

import hashlib
import heapq
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from optathlon.cli.common import choose, suite_names
from optathlon.cli.reading import read_trust, remembered, require_records, say, say_refused
from optathlon.spec import Cell, Scale

if TYPE_CHECKING:
    from optathlon.judge.blocks import Key
    from optathlon.judge.large import Plan
    from optathlon.judge.remembered import RankCache
    from optathlon.store import RecordError, Sources, Trust
    from optathlon.store.kept import Kept, Text, Unit
    from optathlon.store.listing import Listing

_LIBRARIES = ("numpy", "scipy", "orjson", "pyarrow")
_WORTH_KEEPING = 2000  # record files
_FEW = 1000  # record files that are read sooner than packs are opened


class _Wanted:
    """What is asked for, and which places have some of it.

    A scale is chosen among boards, not among records: those of other scales may tell that a record is superseded.
    """

    def __init__(self, names: Sequence[str], scale: Scale | None, machine: str | None) -> None:
        self.suites = set(choose(names, suite_names(), "suite")) if names else None
        self.scale, self.machine = scale, machine
        self.seen: set[str] = set()

    @property
    def everything(self) -> bool:
        return self.suites is None and self.scale is None and self.machine is None

    def cell(self, cell: Cell) -> bool:
        """Return whether boards need the runs of a cell."""
        return self._has(cell.suite, cell.scale.order, cell.environment.machine, cell.environment.place)

    def key(self, key: Key) -> bool:
        """Return whether a board of such cells is shown."""
        return self.scale is None or key[1] == self.scale.order

    def board(self, unit: Unit, key: Key) -> bool:
        """Return whether a board that was kept is shown."""
        return self._has(key[0], key[1], unit[0], key[2]) and self.key(key)

    def _has(self, suite: str, scale: int, machine: str, place: str) -> bool:
        if self.suites is not None and suite not in self.suites:
            return False
        if self.scale is None or scale == self.scale.order:
            self.seen.add(place)
        return self.machine is None or self.machine in (machine, place)


def stream_csv(results: Path, names: Sequence[str], scale: Scale | None, machine: str | None) -> None:
    """Print the board of what is asked for."""
    from optathlon.show.sheet import HEADER
    from optathlon.store import sources
    from optathlon.store.listing import list_records

    require_records(results)
    wanted, trust = _Wanted(names, scale, machine), read_trust(results, here=True)
    listing = list_records(results)
    if len(listing.names) >= _WORTH_KEEPING:
        pieces = _with_kept(results, listing, wanted, trust)
    else:
        planned, refused = _planned(sources(results), wanted, trust)
        pieces = _without_kept(results, planned, refused)
    for number, piece in enumerate(pieces):
        if number == 0:
            if machine is not None:
                choose([machine], sorted(wanted.seen), "machine")
            typer.echo(HEADER, nl=False)
        typer.echo(piece, nl=False)


def _planned(found: Sources, wanted: _Wanted, trust: Trust) -> tuple[Plan, list[RecordError]]:
    """Return what every board is made of, and what is refused."""
    from optathlon.judge import large

    for sentence in found.said:
        say(sentence)
    refused: list[RecordError] = []
    return large.plan(found, trust, wanted=wanted.cell, shown=wanted.key, refuse=refused.append), refused


def _texts(planned: Plan, cache: RankCache | None = None) -> Iterator[tuple[Key, bytes]]:
    """Yield the lines of every board."""
    from optathlon.judge.blocks import Table
    from optathlon.show.sheet import csv_lines, csv_of_boards

    for part in planned.tables(cache):
        if isinstance(part, Table):
            yield from zip(part.keys, map(str.encode, csv_of_boards(part)), strict=True)
        else:
            yield part.key, csv_lines(part.listed).encode()


def _without_kept(results: Path, planned: Plan, refused: Iterable[RecordError]) -> Iterator[bytes]:
    """Yield the board, everything anew but for ranks."""
    for error in refused:
        say_refused(error)
    yield b""
    with remembered(results) as cache:
        for _, text in _texts(planned, cache):
            yield text


def _with_kept(results: Path, listing: Listing, wanted: _Wanted, trust: Trust) -> Iterator[bytes]:
    """Yield the board; what was kept of folders in the same state is taken from there."""
    from optathlon.judge.intervals import T_POINTS
    from optathlon.store import kept as store
    from optathlon.store import sources

    identity = _identity(trust)
    marks, before = store.marks_of(listing), store.open_kept(store.kept_at(results), identity)
    T_POINTS.update({(freedom, probability): point for freedom, probability, point in before.told.get("t_points", ())})
    known = {unit: boards for unit, (mark, boards) in before.units.items() if marks.get(unit) == mark}
    fresh = listing._replace(folders=[folder for folder in listing.folders if store.unit_of(folder) not in known])
    few = sum(folder.stop - folder.start for folder in fresh.folders) < _FEW
    found = sources(results, packs=not few, listing=fresh)
    planned, refused = _planned(found, wanted, trust)
    told = _told(found, planned, before if known else None)
    if known and not _agreed(found, planned, told, known):
        known, found = {}, sources(results, listing=listing)
        planned, refused = _planned(found, wanted, trust)
        told = _told(found, planned, None)
    for error in refused:
        say_refused(error)
    keep = (len(known) < len(marks)) and wanted.everything and _agreed(found, planned, told, {})
    keeper = store.Keeper(store.kept_at(results)) if keep else None
    old = ((unit, key, (a, b)) for unit, boards in known.items() for key, a, b in boards if wanted.board(unit, key))
    new: Iterator[tuple[Unit, Key, Text]] = (
        ((planned.machines[key], key[0], key[-1]), key, text) for key, text in _texts(planned)
    )
    ordered = sorted(old, key=lambda board: board[1])
    yield b""
    try:
        for boards, text in store.joined(heapq.merge(ordered, new, key=lambda board: board[1]), before):
            if keeper is not None:
                keeper.add(boards, text)
            yield text
        if keeper is not None:
            bad = {tuple(error.where.split("/")[-4:-1]) for error in refused}
            told["t_points"] = [(*at, point) for at, point in T_POINTS.items()]
            keeper.close(identity, {unit: mark for unit, mark in marks.items() if unit not in bad}, told)
    finally:
        if keeper is not None:
            keeper.drop()
        before.close()


def _told(found: Sources, planned: Plan, before: Kept | None) -> dict[str, list[Any]]:
    """Return the versions of each machine's suite, and the directions of its metrics, in all that was ever taken together."""
    versions = set(planned.versions)
    directions = {(*at, better) for at, count in found.votes.items() for better in count}
    if before is not None:
        versions |= {(machine, suite, one) for machine, suite, one in before.told["versions"]}
        directions |= {(suite, one, metric, better) for suite, one, metric, better in before.told["directions"]}
    return {"versions": sorted(map(list, versions)), "directions": sorted(map(list, directions))}


def _agreed(found: Sources, planned: Plan, told: dict[str, list[Any]], known: dict[Unit, list[tuple[Key, int, int]]]) -> bool:
    """Return whether no board depends on more than its own folder: one version, one direction, names that nobody shares."""
    one_version = len({tuple(at[:-1]) for at in told["versions"]}) == len(told["versions"])
    one_direction = not found.directions and len({tuple(at[:-1]) for at in told["directions"]}) == len(told["directions"])
    one_folder = not any(key in planned.boards for boards in known.values() for key, *_ in boards)
    return one_version and one_direction and one_folder


def _identity(trust: Trust) -> str:
    """Return a digest of all that decides what is said of the same records: our code, the libraries, and whom we trust."""
    import optathlon
    from optathlon.store.kept import identity_of
    from optathlon.store.listing import names_in

    installed = (name for folder in sys.path for name in names_in(folder or "."))  # numpy-2.4.1.dist-info
    told = [sys.version, *(name for name in installed if name.endswith("-info") and name.split("-")[0] in _LIBRARIES)]
    for path in sorted(Path(optathlon.__file__).parent.glob("*/*.py")):
        if path.parent.name in ("spec", "data", "store", "judge", "show", "cli"):
            told += [f"{path.parent.name}/{path.name}", hashlib.sha256(path.read_bytes()).hexdigest()]
    machines = None if trust.machines is None else sorted(trust.machines)
    verified = sorted((at, sorted(seeds)) for at, seeds in trust.verified.items())
    return identity_of(*told, repr(machines), repr(verified))
