"""Every record under a results folder, from JSON or from packs: what is yielded is the same."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from optathlon.spec import Cell
from optathlon.store.encoding import Group, RecordError
from optathlon.store.files import path_is_of, path_of, read
from optathlon.store.heads import head_of
from optathlon.store.listing import Listing, list_records, record_paths, state_of
from optathlon.store.packing import Read, write_packs
from optathlon.store.packs import Range, open_packs
from optathlon.store.planning import digest, lasting, plan, plan_alone

Directions = dict[tuple[str, ...], str]
_METRIC = re.compile(rb'\n    \{\n      "better": "(lower|higher)",\n      "name": "([^"\\]*)",[^{}]*\n    \},?')


class Sources(NamedTuple):
    """Where the records of a folder are to be read, in the order of the paths, and what is to be said of its packs.

    `votes` has how often each direction of a metric (suite, version, name) is given, by the heads of the files, and `directions`
    what most say where they differ.
    """

    results: Path
    parts: list[str | Range]
    directions: Directions
    said: list[str]
    votes: dict[tuple[str, ...], Counter[str]]

    def fault(self, where: Path, cell: Cell) -> RecordError | None:
        """Return what is wrong with a cell beside the others."""
        return _misdirected(where, cell, self.directions)


def sources(results: Path, *, packs: bool = True, listing: Listing | None = None) -> Sources:
    """Return where the records are: a line of a pack as long as its file has not changed, else the file.

    Parameters
    ----------
    results : Path
        The results folder.
    packs : bool
        Whether packs may stand for their files.
    listing : Listing, optional
        What of the folder is asked for; all by default.
    """
    opened, said = open_packs(results) if packs else ([], [])
    parts: list[str | Range]
    if not (results / "records").is_dir():
        parts = plan_alone(opened)
        said += [f"{results} holds packs alone: the records that they were made from are not here"] if opened else []
        if ahead := sum(int(pack.ahead.sum()) for pack in opened):
            said.append(
                f"{ahead} cells of packs are left aside: they have runs that ended in the future, by this machine's clock"
            )
    elif opened:
        parts, outdated = plan(listing or list_records(results), opened)
        loose = sum(isinstance(part, str) for part in parts)
        if loose:
            said.append(
                f"{loose} record files are read as JSON: {outdated} changed since they were packed, {loose - outdated} new"
            )
    elif listing is not None:
        parts = [f"{one.path}/{name}" for one in listing.folders for name in listing.names[one.start : one.stop]]
    else:
        parts = list(record_paths(results))
    votes = _votes(parts)
    directions = {at: max(count, key=lambda one: (count[one], one)) for at, count in votes.items() if len(count) > 1}
    return Sources(results, parts, directions, said, votes)


def holds_records(results: Path) -> bool:
    """Return whether there is anything to read under a results folder."""
    return any((results / name).is_dir() for name in ("records", "packs"))


def scan(results: Path, *, packs: bool = True, say: Callable[[str], None] | None = None) -> Iterator[Group | RecordError]:
    """Yield every group under the results folder in the order of its path, and an error for each file that is refused.

    Where a cell has files of several keys, all are yielded; `newest` chooses.

    Parameters
    ----------
    results : Path
        The results folder.
    packs : bool
        Whether packs that are up to date may stand for their files.
    say : callable, optional
        Takes a sentence for each pack, or part of one, that is left aside.
    """
    found = sources(results, packs=packs)
    for sentence in found.said if say else ():
        say(sentence)  # type: ignore[misc]
    for part in found.parts:
        if isinstance(part, Range):
            for group in part.pack.groups(part.start, part.stop):
                fault = _misdirected(part.pack.folder, group.cell, found.directions)
                yield group if fault is None else fault
        else:
            yield read_at(results, part, found.directions)


def read_at(results: Path, path: str | Path, directions: Directions) -> Group | RecordError:
    """Return the group of a file, or why it is refused."""
    try:
        group = read(path)
    except RecordError as error:
        refused = error
    else:
        if not path_is_of(path, group.cell):
            refused = RecordError(f"{path}: its content belongs at {path_of(results, group.cell)}")
        elif (refused := _misdirected(path, group.cell, directions)) is None:
            return group
    refused.where = str(path)
    return refused


def pack(results: Path) -> tuple[list[tuple[str, int, int]], list[RecordError]]:
    """Write the packs of a results folder; return the name, files and runs of each, and the files that are refused."""
    found, refused = sources(results, packs=False), []

    def files() -> Iterator[Read]:
        for path in found.parts:
            assert isinstance(path, str)
            state = lasting(state_of(path))
            try:
                content = digest(path)
            except OSError:
                continue  # gone, or nothing to be read
            group = read_at(results, path, found.directions)
            if isinstance(group, RecordError):
                refused.append(group)
            elif digest(path) == content:  # else it changed meanwhile, and stays JSON
                yield Read(path, group, state, content)

    return write_packs(results, files()), refused


def _misdirected(where: str | Path, cell: Cell, directions: Directions) -> RecordError | None:
    for metric in cell.metrics:
        usual = directions.get((cell.suite, cell.suite_version, metric.name), metric.better)
        if metric.better != usual:
            return RecordError(
                f"{where}: says {metric.better} is better of {metric.name}; other records of the suite say {usual}"
            )
    return None


def _votes(parts: Iterable[str | Range]) -> dict[tuple[str, ...], Counter[str]]:
    heads: Counter[tuple[bytes, bytes, bytes]] = Counter()
    votes: dict[tuple[str, ...], Counter[str]] = {}
    for part in parts:
        if isinstance(part, Range):
            for code, count in Counter(part.pack.heads.codes[part.start : part.stop]).items():
                _vote(votes, part.pack.template(code), count)
        elif head := _told(part):
            heads[head] += 1
        else:
            with contextlib.suppress(RecordError):
                _vote(votes, read(part).cell, 1)
    for (block, suite, version), count in heads.items():
        for better, name in _METRIC.findall(block):
            address = tuple(part.decode(errors="replace") for part in (suite, version, name))
            votes.setdefault(address, Counter())[better.decode()] += count
    return votes


def _vote(votes: dict[tuple[str, ...], Counter[str]], cell: Cell, count: int) -> None:
    for metric in cell.metrics:
        votes.setdefault((cell.suite, cell.suite_version, metric.name), Counter())[metric.better] += count


def _told(path: str) -> tuple[bytes, bytes, bytes] | None:
    """Return the metrics, the suite and its version at the head of a file as `save` writes it; None where it is not like that."""
    try:
        head = head_of(path)
    except OSError:
        return None
    start = head.find(mark := b'\n  "metrics": [')
    end = head.find(b"\n  ]", start)
    suite, version = (_after(head, b'\n  "%s": "' % name, end) for name in (b"suite", b"suite_version"))
    if min(start, end) < 0 or not suite or not version or not (block := head[start + len(mark) : end]) or not _is_ours(block):
        return None
    return block, suite, version


def _after(head: bytes, mark: bytes, start: int) -> bytes | None:
    """Return the text behind a mark; None where it is not there, or not read as it stands."""
    if (found := head.find(mark, max(start, 0))) < 0:
        return None
    text, end, _ = head[found + len(mark) :].partition(b'"')
    return text if end and text.isascii() and b"\\" not in text and b"\x7f" not in text else None


@lru_cache(maxsize=1024)
def _is_ours(block: bytes) -> bool:
    return not _METRIC.sub(b"", block)
