"""What was said of boards before, in the reader's own cache folder, by the state of their records: what is unchanged is not read.

A file per results folder: texts of boards in their order, and at its end which folder of record files each is from and what state
these were in. It counts for the code, libraries and trust that it was written with alone, and as long as its digest is right.
No repository can bring such a file along.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson

from optathlon.data import cache_folder
from optathlon.store.listing import Folder, Listing, settled

_MAGIC = b"optathlon boards 1\n"
_END = 32 + 8  # digest of all before it, and the length of the index before that
_MOST = 2**30  # bytes: larger ones are not kept
_PIECE = 2**20
Unit = tuple[str, str, str]  # machine, suite, workload: a folder of record files
Key = tuple[str, int, str, str, str]
Text = bytes | tuple[int, int]  # a board's, or where it stands in what was kept


@dataclass(eq=False)
class Kept:
    """What a file holds.

    Attributes
    ----------
    units : dict
        By folder of record files, the mark of its state and where the text of each of its boards stands.
    told : dict
        What was noted of the records as a whole.
    """

    units: dict[Unit, tuple[str, list[tuple[Key, int, int]]]] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    _handle: int = -1

    def whole(self, parts: Iterable[Text]) -> bytes:
        """Return texts one after the other."""
        return b"".join(os.pread(self._handle, part[1] - part[0], part[0]) if isinstance(part, tuple) else part for part in parts)

    def close(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def kept_at(results: Path) -> Path:
    """Return the file for a results folder."""
    return cache_folder() / "boards" / hashlib.sha256(os.fsencode(results.resolve())).hexdigest()[:24]


def identity_of(*parts: str) -> str:
    """Return one text for all that decides what is said of the same records."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def marks_of(listing: Listing) -> dict[Unit, str]:
    """Return a mark of the state of each folder: equal marks, equal content; none where a change might not show yet."""
    marks = {}
    states, width = listing.states.tobytes(), listing.states.itemsize * listing.states.shape[1]
    moving = np.flatnonzero(~settled(listing.states))
    for folder in listing.folders:
        a, b = folder.start, folder.stop
        if np.searchsorted(moving, a) == np.searchsorted(moving, b):
            told = "\0".join((*unit_of(folder), *listing.names[a:b], "")).encode()
            marks[unit_of(folder)] = hashlib.blake2b(told + states[a * width : b * width], digest_size=24).hexdigest()
    return marks


def unit_of(folder: Folder) -> Unit:
    """Return what names a folder."""
    return folder.machine, folder.suite, folder.workload


def open_kept(path: Path, identity: str) -> Kept:
    """Return what a file holds; nothing where it is absent, torn, changed, or of another identity."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return Kept()
    try:
        size = os.fstat(handle).st_size
        end = os.pread(handle, _END, max(0, size - _END))
        if len(end) == _END and _digest(handle, size - 32) == end[8:]:
            length = int.from_bytes(end[:8], "little")
            index = orjson.loads(os.pread(handle, length, size - _END - length))
            if index["identity"] == identity:
                units = {
                    tuple(unit): (mark, [(tuple(key), start, stop) for key, start, stop in boards])
                    for unit, mark, boards in index["units"]
                }
                return Kept(units, index["told"], handle)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    os.close(handle)
    return Kept()


def _digest(handle: int, size: int) -> bytes:
    told, at = hashlib.sha256(), 0
    while at < size and (part := os.pread(handle, min(_PIECE, size - at), at)):
        told.update(part)
        at += len(part)
    return told.digest()


class Keeper:
    """Writes such a file while texts are shown; what cannot be written is not kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}")
        self._stream: BinaryIO | None = None
        self._told = hashlib.sha256()
        self._units: dict[Unit, list[tuple[Key, int, int]]] = {}
        self._at = 0
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._temporary.open("wb")
            self._write(_MAGIC)

    def add(self, boards: Iterable[tuple[Unit, Key, int]], text: bytes) -> None:
        """Add a text that is made of those of boards, one after the other, each with its length."""
        at = self._at
        for unit, key, length in boards:
            self._units.setdefault(unit, []).append((key, at, at + length))
            at += length
        self._write(text)

    def close(self, identity: str, marks: Mapping[Unit, str], told: Mapping[str, Any]) -> None:
        """Keep the texts of the folders that have a mark."""
        units = [[unit, mark, self._units.get(unit, [])] for unit, mark in marks.items()]
        index = orjson.dumps({"identity": identity, "told": told, "units": units})
        self._write(index + len(index).to_bytes(8, "little"))
        self._write(self._told.digest())
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.close()
                self._temporary.replace(self._path)
                self._stream = None
        self.drop()

    def drop(self) -> None:
        """Keep nothing."""
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.close()
            self._stream = None
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        self._at += len(data)
        self._told.update(data)
        if self._stream is not None:
            try:
                self._stream.write(data)
            except OSError:
                self.drop()
        if self._at > _MOST:
            self.drop()


def joined(boards: Iterable[tuple[Unit, Key, Text]], kept: Kept) -> Iterator[tuple[list[tuple[Unit, Key, int]], bytes]]:
    """Yield the texts of boards in large pieces, each with the boards that it is made of; what was kept is read from there."""
    own: list[tuple[Unit, Key, int]] = []
    parts: list[Text] = []
    size = 0
    for unit, key, text in boards:
        last = parts[-1] if parts else b""
        if isinstance(text, tuple) and isinstance(last, tuple) and last[1] == text[0]:
            parts[-1] = last[0], text[1]
        else:
            parts.append(text)
        length = text[1] - text[0] if isinstance(text, tuple) else len(text)
        own.append((unit, key, length))
        size += length
        if size >= _PIECE:
            yield own, kept.whole(parts)
            own, parts, size = [], [], 0
    if own:
        yield own, kept.whole(parts)
