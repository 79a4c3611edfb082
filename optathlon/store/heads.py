"""The first bytes of record files, and the turns that stand there: which measurement came later, by no clock."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import orjson

from optathlon.store.listing import names_in

_LARGEST = 256 * 2**20
_VERSION = re.compile(rb'\n  "suite_version": ("(?:[^"\\]|\\.)*")')
_highest: dict[str, dict[str, int]] = {}  # by the folder of a machine's suite, of each version


def bytes_of(path: str | Path, most: int = _LARGEST) -> bytes:
    """Return the bytes of a regular file of bounded size, or the first of them; ValueError where it is none."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # one that waits for a writer is opened all the same
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode) or info.st_size > _LARGEST:
            raise ValueError(f"must be a regular file of at most {_LARGEST // 2**20} MiB")
        size = min(most, info.st_size)
        data = os.read(handle, size)
        while len(data) < size and (more := os.read(handle, size - len(data))):
            data += more
        return data
    finally:
        os.close(handle)


def head_of(path: str | Path, size: int = 16384) -> bytes:
    """Return the first bytes of a regular file, none of anything else."""
    try:
        return bytes_of(path, size)
    except (FileNotFoundError, ValueError):
        return b""


def turn_of(path: Path) -> int:
    """Return the turn that stands at the head of a file, 0 where none can be read."""
    try:
        found = re.match(rb'\{\s*"schema": *\d+,\s*"turn": *(\d{1,9}),', head_of(path, 200))
    except OSError:
        found = None
    return int(found[1]) if found else 0


def turn_of_others(folder: Path, version: str) -> int:
    """Return the highest turn in a machine's suite of the versions that are not this one, 0 where there are none.

    The files are looked at once in a process, which then knows what it has written itself.
    """
    at = os.path.realpath(folder)
    if at not in _highest:
        _highest[at] = {}
        for workload in names_in(at):
            for name in names_in(f"{at}/{workload}"):
                path = Path(at, workload, name)
                if name.endswith(".json") and (found := _version_of(path)) is not None:
                    note_turn(folder, found, turn_of(path))
    return max((turn for other, turn in _highest[at].items() if other != version), default=0)


def note_turn(folder: Path, version: str, turn: int) -> None:
    """Remember a turn of a version."""
    known = _highest.setdefault(os.path.realpath(folder), {})
    known[version] = max(turn, known.get(version, 0))


def _version_of(path: Path) -> str | None:
    """Return the suite's version at the head of a file, None where none can be read."""
    try:
        found = _VERSION.search(head_of(path))
        return orjson.loads(found[1]) if found else None
    except (OSError, ValueError):
        return None
