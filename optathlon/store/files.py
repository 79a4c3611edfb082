"""Records on disk: one JSON file per cell and key, one line per seed; written atomically, validated when read.

``records/<machine>/<suite>/<workload>/<method>@<device>.<key>.json``, with ``+<arithmetic>`` after the device where that is not
native. A file holds what its runs share once, then one run a line,
so that a diff reads well and a million runs load in seconds. A run is saved as it ends: the file is read, merged and replaced
under a lock on its folder, so a kill at any moment leaves the old file or the new one, and two writers lose nothing. It is not
forced to the disk each time: a power cut may cost what was written in the seconds before it, and such a file is refused and its
cells are measured again. The turn at its head says which measurement of its address a file is: the highest counts, and of the
versions of a machine's suite the one that has it.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from optathlon.spec import Cell, RunRecord
from optathlon.spec.text import clean
from optathlon.store.encoding import (
    HEADER,
    SCHEMA,
    Group,
    RecordError,
    Runs,
    check_run,
    check_runs,
    decode_cell,
    encode_cell,
    encode_run,
    read_cell,
    require_shallow,
    to_records,
)
from optathlon.store.heads import bytes_of, note_turn, turn_of, turn_of_others
from optathlon.store.listing import record_paths
from optathlon.store.newest import last_finished

_MOST_TURNS = 10**9
_LONGEST_LINE = 196
# Characters that are not seen, as they may stand in JSON: control ones escaped, others also as they are.
_HIDDEN = re.compile(
    rb"\\u(00[0189]|2[0-9a-f]{3}|fe|fff|d[89ab])|\x7f|\xc2[\x80-\xa0\xad]|\xe2\x80|\xe2\x81|\xef|\xf3", re.IGNORECASE
)


def path_of(results: Path, cell: Cell) -> Path:
    """Return the file of a cell under the results folder."""
    folder = results / "records" / cell.environment.machine / cell.suite / cell.workload
    return folder / f"{_stem(cell)}.{cell.key[:12]}.json"


def path_is_of(path: str | Path, cell: Cell) -> bool:
    """Return whether the file of a cell, in whichever results folder, has this path."""
    folder = f"records/{cell.environment.machine}/{cell.suite}/{cell.workload}"
    return os.fspath(path).endswith(f"/{folder}/{_stem(cell)}.{cell.key[:12]}.json")


def record_files(results: Path) -> Iterator[Path]:
    """Yield every record file under the results folder, in the order of the paths."""
    return map(Path, record_paths(results))


def _stem(cell: Cell) -> str:
    arithmetic = cell.environment.arithmetic
    return f"{cell.method}@{cell.device}" + (f"+{arithmetic}" if arithmetic != "native" else "")


def save(results: Path, record: RunRecord) -> None:
    """Add or replace one run in its file.

    Raises
    ------
    RecordError
        What would be written could not be read again; nothing is written then.
    """
    path = path_of(results, record.cell)
    run = _readable(path, record)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent):
        known = _known(path)
        runs = {one["seed"]: one for one in known.runs} if known else {}
        runs[record.seed] = run
        others = max((turn_of(other) for other in _beside(path, record.cell)), default=0)
        others = max(others, turn_of_others(path.parents[1], record.cell.suite_version))
        turn = known.turn if known and known.turn > others else min(others + 1, _MOST_TURNS - 1)
        _write(path, record.cell, [runs[seed] for seed in sorted(runs)], turn)
        note_turn(path.parents[1], record.cell.suite_version, turn)


def discard(results: Path, cell: Cell, before: str) -> None:
    """Remove the files of the same address and another key that are superseded by `cell`; git keeps what was committed.

    Kept is what cannot be read, what was measured on another processor or GPU of the same name, and what another run may be
    writing now: files whose last run ended after `before` (UTC, ISO 8601) and not in the future.
    """
    path = path_of(results, cell)
    if not path.is_file():
        return
    with _locked(path.parent):
        turn, now = turn_of(path), datetime.now(UTC).isoformat()
        for other in _beside(path, cell):
            try:
                group = read(other)
            except RecordError:
                continue
            here, there = cell.environment, group.cell.environment
            ended = last_finished(group)
            if group.turn < turn and (here.cpu, here.gpu) == (there.cpu, there.gpu) and (ended < before or ended > now):
                other.unlink()


def sweep(results: Path) -> None:
    """Remove the half-written files that killed runs have left."""
    for path in (results / "records").glob("*/*/*/.*.json.*"):
        writer = path.name.rpartition(".")[2]
        if writer.isdigit() and not Path(f"/proc/{writer}").exists():
            path.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write a text so that whoever looks, and whatever happens meanwhile, finds the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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


def read(path: str | Path) -> Group:
    """Read and validate one record file.

    Raises
    ------
    RecordError
        If it is no regular file of bounded size, torn, not ours, nested too deep, from a newer schema, or holds a name or number
        that a record cannot hold.
    """
    try:
        document = _parsed(path)
        schema = document["schema"]
        if type(schema) is not int or schema < 1:
            raise ValueError(f"schema must be a whole number from 1, got {str(schema)[:40]!r}")
        if schema > SCHEMA:
            raise ValueError(f"schema {str(schema)[:40]} is newer than {SCHEMA}, the newest read here; update optathlon")
        turn = document.get("turn", 0)
        if type(turn) is not int or not 0 <= turn < _MOST_TURNS:
            raise ValueError(f"turn must be a whole number from 0, got {str(turn)[:40]!r}")
        cell = read_cell(document["cell"])
        runs = Runs(sorted(document["runs"], key=lambda run: run["seed"]))
        runs.columns = check_runs(cell, runs)
        if len({run["seed"] for run in runs}) < len(runs):
            raise ValueError("a seed stands twice")
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError, MemoryError) as error:
        raise RecordError(_refusal(path, error)) from None
    return Group(cell, runs, turn)


def _parsed(path: str | Path) -> Any:
    """Return the JSON document of a regular file, its texts fit to be shown."""
    data = bytes_of(path)
    document = orjson.loads(data)
    if document.keys() - {"schema", "turn", "cell", "runs"}:
        raise ValueError("must hold schema, turn, cell and runs, and nothing else")
    if not (_may_hide(data) and _HIDDEN.search(data)):
        return document
    require_shallow(document["cell"])  # nothing else may hold what is nested, see `check_run`
    return _cleaned(document)


def _may_hide(data: bytes) -> bool:
    """Return whether there may be characters that are not seen: much quicker than looking for them."""
    return not data.isascii() or b"\\" in data or b"\x7f" in data


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _cleaned(part) for key, part in value.items()}
    return [_cleaned(part) for part in value] if isinstance(value, list) else value


def _refusal(path: str | Path, error: BaseException) -> str:
    """Return one line that says which file is refused, and why."""
    why = {OSError: "not readable", orjson.JSONDecodeError: "not readable as JSON"}.get(type(error), "not a record")
    detail = clean(" ".join(f"{why} ({type(error).__name__}: {str(error)[:300]})".split()))
    return f"{path}: {detail[: max(80, _LONGEST_LINE - len(str(path)))]}"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _readable(path: Path, record: RunRecord) -> dict[str, Any]:
    """Return a run as JSON values, checked as `read` will check them."""
    try:
        run = orjson.loads(orjson.dumps(encode_run(record), option=orjson.OPT_SERIALIZE_NUMPY))
        check_run(decode_cell(orjson.loads(orjson.dumps(encode_cell(record.cell), option=HEADER))), run)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise RecordError(_refusal(path, error)) from error
    return run


def _beside(path: Path, cell: Cell) -> Iterator[Path]:
    """Yield the other files of the address of a cell."""
    return (other for other in path.parent.glob(f"{_stem(cell)}.*.json") if other != path)


def _known(path: Path) -> Group | None:
    """Return the group already in a file; a file that is refused is set aside, never overwritten."""
    if not os.path.lexists(path):
        return None
    try:
        return read(path)
    except RecordError:
        aside = (path.with_suffix(f".refused{n or ''}") for n in itertools.count())
        path.replace(next(free for free in aside if not os.path.lexists(free)))
        return None


def _write(path: Path, cell: Cell, runs: list[dict[str, Any]], turn: int = 1) -> None:
    header = orjson.dumps(encode_cell(cell), option=HEADER).decode()
    lines = ",\n".join(orjson.dumps(run, option=orjson.OPT_SERIALIZE_NUMPY).decode() for run in runs)
    text = f'{{\n"schema": {SCHEMA},\n"turn": {turn},\n"cell": {header},\n"runs": [\n{lines}\n]\n}}\n'
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
