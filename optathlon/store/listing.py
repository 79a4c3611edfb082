"""What lies under a results folder, without opening it: record files in the order of their paths, and the state of each."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

STATE = ("size", "changed", "touched", "inode")
RACY = 2 * 10**9  # ns: a file may change again within the tick of its clock; FAT's has two seconds
_INODE = 2**63 - 1
_GONE = (-1, -1, -1, -1)


class Folder(NamedTuple):
    """One workload's record files: `start` to `stop` of the listing's names and states."""

    machine: str
    suite: str
    workload: str
    path: str
    start: int
    stop: int


class Listing(NamedTuple):
    """Folders in the order of their paths; names of the files, and their states, an array of shape (n_files, 4).

    A state is size, time of change (`mtime`), time of the last touch (`ctime`, which nobody can set) and inode, all -1 where
    nothing is to be seen. Two equal states that were `settled` are those of one content.
    """

    folders: list[Folder]
    names: list[str]
    states: np.ndarray


def list_records(results: Path) -> Listing:
    """Return what record files there are, and their states."""
    folders: list[Folder] = []
    names: list[str] = []
    states: list[int] = []
    for machine, suite, workload, path in record_folders(results):
        start = len(names)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            own = [name for name in os.listdir(handle) if name.endswith(".json")]
            own.sort()
            names += own
            for name in own:  # `state_of`, without a call for each of millions
                try:
                    info = os.stat(name, dir_fd=handle)
                except OSError:
                    states += _GONE
                else:
                    states += (info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino & _INODE)
        finally:
            os.close(handle)
        if len(names) > start:
            folders.append(Folder(machine, suite, workload, path, start, len(names)))
    return Listing(folders, names, np.array(states, dtype=np.int64).reshape(-1, len(STATE)))


def record_folders(results: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield machine, suite, workload and path of every folder of record files, in the order of the paths."""
    records = os.path.join(results, "records")
    for machine in names_in(records):
        for suite in names_in(f"{records}/{machine}"):
            for workload in names_in(f"{records}/{machine}/{suite}"):
                yield machine, suite, workload, f"{records}/{machine}/{suite}/{workload}"


def record_paths(results: Path) -> Iterator[str]:
    """Yield the path of every record file, in their order."""
    for *_, folder in record_folders(results):
        yield from (f"{folder}/{name}" for name in names_in(folder) if name.endswith(".json"))


def names_in(folder: str) -> list[str]:
    """Return the names in a folder in their order; none where it is none."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def state_of(path: str | Path) -> tuple[int, int, int, int]:
    """Return the state of a file."""
    try:
        info = os.stat(path)
    except OSError:
        return _GONE
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino & _INODE


def settled(states: np.ndarray) -> np.ndarray:
    """Return which files were last touched long enough ago for another change to show in their states."""
    touched = states[..., 2]
    return (touched >= 0) & (touched < time.time_ns() - RACY)
