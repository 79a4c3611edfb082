"""How busy the machine is: a small fixed kernel, timed on the wall, over the best that this machine ever took for it."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from optathlon.data import cache_folder
from optathlon.measure.machine import cores, cpu_flags, cpu_model

EVERY = 10.0  # seconds between two looks
_ROUNDS, _BLOCK = 24, bytes(256 * 1024)  # about 20 ms in all: several turns of the scheduler


@dataclass
class _Latest:
    ratio: float = 1.0
    at: float = float("-inf")


_latest = _Latest()  # of this process: many short pools share one look


def due(running: int, every: float = EVERY) -> bool:
    """Return whether the last look is old, and a core is free for another beside the running cells."""
    return time.monotonic() - _latest.at >= every and running < cores()  # the cores are read from many files


def look() -> float:
    """Time the kernel now and return its ratio to the machine's best."""
    _latest.ratio = ratio(_seconds())
    _latest.at = time.monotonic()
    return _latest.ratio


def latest() -> float:
    """Return what the last look saw."""
    return _latest.ratio


def load() -> float:
    """Return the system's load over the last minute, in running processes."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return 0.0


def ratio(seconds: float) -> float:
    """Return seconds of the kernel over the machine's best, which is remembered in the cache folder and beaten by itself."""
    path = _note()
    best = min(seconds, _best(path) or seconds)
    if best == seconds:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_text(repr(best))
            temporary.replace(path)
        except OSError:
            pass  # without a cache each run compares with its own best
    return round(seconds / best, 3)


def _seconds() -> float:
    """Return the wall seconds of the fixed kernel: hashing, which no library and no version of Python's speed changes much."""
    start = time.perf_counter()
    for _ in range(_ROUNDS):
        hashlib.blake2b(_BLOCK).digest()
    return time.perf_counter() - start


def _note() -> Path:
    which = hashlib.sha256(f"{sys.version} {cpu_model()} {cpu_flags()} {_ROUNDS}".encode()).hexdigest()[:32]
    return cache_folder() / "quietest" / which


def _best(path: Path) -> float | None:
    try:
        best = float(path.read_text())
    except (OSError, ValueError):
        return None
    return best if 0 < best < 60 else None
