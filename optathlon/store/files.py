"""Records on disk: one JSON file per cell and key, one line per seed; written atomically, validated when read.

``records/<machine>/<suite>/<workload>/<method>@<device>.<key>.json``, with ``+<arithmetic>`` after the device where that is not
native. A file holds what its runs share once, then one run a line,
so that a diff reads well and a million runs load in seconds. A run is saved as it ends: the file is read, merged and replaced
under a lock on its folder, so a kill at any moment leaves the old file or the new one, and two writers lose nothing.
"""

from __future__ import annotations

import fcntl
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from optathlon.spec import Cell, RunRecord
from optathlon.store.encoding import (
    HEADER,
    SCHEMA,
    Group,
    RecordError,
    check_run,
    decode_cell,
    encode_cell,
    encode_run,
    to_records,
)
from optathlon.store.newest import last_finished


def path_of(results: Path, cell: Cell) -> Path:
    """Return the file of a cell under the results folder."""
    folder = results / "records" / cell.environment.machine / cell.suite / cell.workload
    return folder / f"{_stem(cell)}.{cell.key[:12]}.json"


def _stem(cell: Cell) -> str:
    arithmetic = cell.environment.arithmetic
    return f"{cell.method}@{cell.device}" + (f"+{arithmetic}" if arithmetic != "native" else "")


def save(results: Path, record: RunRecord) -> None:
    """Add or replace one run in its file."""
    path = path_of(results, record.cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent):
        runs = {run["seed"]: run for run in _kept_runs(path)}
        runs[record.seed] = encode_run(record)
        _write(path, record.cell, [runs[seed] for seed in sorted(runs)])


def discard(results: Path, cell: Cell, before: str) -> None:
    """Remove the files of the same address and another key whose last run ended earlier than `before` (UTC, ISO 8601).

    They are superseded by `cell`, and git keeps what was committed. What another run writes at the same time is younger, and
    what cannot be read is kept.
    """
    path = path_of(results, cell)
    with _locked(path.parent):
        for other in path.parent.glob(f"{_stem(cell)}.*.json"):
            try:
                if other != path and last_finished(read(other)) < before:
                    other.unlink()
            except RecordError:
                continue


def load_runs(results: Path, cell: Cell) -> dict[int, RunRecord]:
    """Return the runs of exactly this cell and key by seed; none where there is no file or it is unreadable."""
    path = path_of(results, cell)
    if not path.is_file():
        return {}
    try:
        group = read(path)
    except RecordError:
        return {}
    return {record.seed: record for record in to_records(group)}


def read(path: Path) -> Group:
    """Read and validate one record file.

    Raises
    ------
    RecordError
        If it is torn, not ours, from a newer schema, or holds a name or number that a record cannot hold.
    """
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise RecordError(f"{path}: not readable as JSON ({error})") from error
    try:
        schema = document["schema"]
        if type(schema) is not int or schema < 1:
            raise ValueError(f"schema must be a whole number from 1, got {schema!r}")
        if schema > SCHEMA:
            raise RecordError(f"{path}: schema {schema!r} is newer than {SCHEMA}, the newest read here; update optathlon")
        cell = decode_cell(document["cell"])
        runs = sorted(document["runs"], key=lambda run: run["seed"])
        for run in runs:
            check_run(cell, run)
        if len({run["seed"] for run in runs}) < len(runs):
            raise ValueError("a seed stands twice")
    except RecordError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"{path}: not a record ({type(error).__name__}: {error})") from error
    return Group(cell, runs)


def scan(results: Path) -> Iterator[Group | RecordError]:
    """Yield every group under the results folder in the order of its path, and an error for each file that is refused.

    Where a cell has files of several keys, all are yielded; `newest` chooses.
    """
    for path in sorted((results / "records").glob("*/*/*/*.json")):
        try:
            group = read(path)
            if path_of(results, group.cell) != path:
                raise RecordError(f"{path}: its content belongs at {path_of(results, group.cell)}")
        except RecordError as error:
            yield error
        else:
            yield group


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _kept_runs(path: Path) -> list[dict[str, Any]]:
    """Return the runs already in a file; a file that is refused is set aside, never overwritten."""
    if not path.is_file():
        return []
    try:
        return read(path).runs
    except RecordError:
        aside = (path.with_suffix(f".refused{n or ''}") for n in itertools.count())
        path.replace(next(free for free in aside if not free.exists()))
        return []


def _write(path: Path, cell: Cell, runs: list[dict[str, Any]]) -> None:
    header = orjson.dumps(encode_cell(cell), option=HEADER).decode()
    lines = ",\n".join(orjson.dumps(run, option=orjson.OPT_SERIALIZE_NUMPY).decode() for run in runs)
    text = f'{{\n"schema": {SCHEMA},\n"cell": {header},\n"runs": [\n{lines}\n]\n}}\n'
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
