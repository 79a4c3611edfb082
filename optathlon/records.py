"""Records on disk: one JSON file per cell and key, one line per seed; written atomically, validated when read.

``records/<machine>/<suite>/<workload>/<method>@<device>.<key>.json``. A file holds what its runs share once, then one run a line,
so that a diff reads well and a million runs load in seconds. A run is saved as it ends: the file is read, merged and replaced
under a lock on its folder, so a kill at any moment leaves the old file or the new one, and two writers lose nothing.
"""

from __future__ import annotations

import fcntl
import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from optathlon.spec import Cell, Environment, MetricInfo, RunRecord, Scale, Status

SCHEMA = 1
_HEADER = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY
ABSENT = (Status.NEEDS_DATA, Status.NEEDS_DEVICE)  # nothing was measured, for want of something
_RUN_FIELDS = tuple(field.name for field in fields(RunRecord) if field.name != "cell")


class RecordError(Exception):
    """A record file that cannot be trusted; the message names the file and the fault."""


class Group(NamedTuple):
    """A cell with its runs as plain dictionaries: what tables are computed from."""

    cell: Cell
    runs: list[dict[str, Any]]


def path_of(results: Path, cell: Cell) -> Path:
    """Return the file of a cell under the results folder."""
    folder = results / "records" / cell.environment.machine / cell.suite / cell.workload
    return folder / f"{cell.method}@{cell.device}.{cell.key[:12]}.json"


def save(results: Path, record: RunRecord) -> None:
    """Add or replace one run in its file."""
    path = path_of(results, record.cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent):
        runs = {run["seed"]: run for run in _kept_runs(path)}
        runs[record.seed] = _encode_run(record)
        _write(path, record.cell, [runs[seed] for seed in sorted(runs)])


def discard(results: Path, cell: Cell, before: str) -> None:
    """Remove the files of the same address and another key whose last run ended earlier than `before` (UTC, ISO 8601).

    They are superseded by `cell`, and git keeps what was committed. What another run writes at the same time is younger, and
    what cannot be read is kept.
    """
    path = path_of(results, cell)
    with _locked(path.parent):
        for other in path.parent.glob(f"{cell.method}@{cell.device}.*.json"):
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
        cell = _decode_cell(document["cell"])
        runs = sorted(document["runs"], key=lambda run: run["seed"])
        for run in runs:
            _check_run(cell, run)
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


def address(cell: Cell) -> tuple[str, ...]:
    """Return what names a cell on every board, whatever its key."""
    return (cell.environment.machine, cell.suite, cell.workload, cell.method, cell.device)


def last_finished(group: Group) -> str:
    """Return when the last run of a group ended."""
    return max((run.get("finished", "") for run in group.runs), default="")


def recency(group: Group) -> tuple[bool, str]:
    """Return what orders the groups of one address: measured ones above those that only lacked data or a device, then by time."""
    return any(run["status"] not in ABSENT for run in group.runs), last_finished(group)


def newest(groups: Iterable[Group]) -> list[Group]:
    """Keep, of the groups of one address, the one measured last."""
    best: dict[tuple[str, ...], Group] = {}
    for group in groups:
        at = address(group.cell)
        if at not in best or recency(group) > recency(best[at]):
            best[at] = group
    return list(best.values())


def to_records(group: Group) -> list[RunRecord]:
    """Return the runs of a group as records."""
    return [_decode_run(group.cell, run) for run in group.runs]


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
    header = orjson.dumps(_encode_cell(cell), option=_HEADER).decode()
    lines = ",\n".join(orjson.dumps(run, option=orjson.OPT_SERIALIZE_NUMPY).decode() for run in runs)
    text = f'{{\n"schema": {SCHEMA},\n"cell": {header},\n"runs": [\n{lines}\n]\n}}\n'
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _encode_cell(cell: Cell) -> dict[str, Any]:
    plain = {field.name: getattr(cell, field.name) for field in fields(cell)}
    environment = {field.name: getattr(cell.environment, field.name) for field in fields(cell.environment)}
    plain["metrics"] = [asdict(metric) for metric in cell.metrics]
    plain["settings"] = dict(cell.settings)
    plain["data"] = dict(cell.data)
    plain["environment"] = environment | {"versions": dict(cell.environment.versions)}
    return plain


def _decode_cell(document: dict[str, Any]) -> Cell:
    cell = Cell(
        **document
        | {
            "scale": Scale(document["scale"]),
            "metrics": tuple(MetricInfo(**metric) for metric in document["metrics"]),
            "environment": Environment(**document["environment"]),
        }
    )
    number = (int, float)
    if not cell.metrics or any(m.better not in ("lower", "higher") or type(m.tolerance) not in number for m in cell.metrics):
        raise ValueError("metrics must be given, each with a direction and a tolerance")
    if (cell.target is not None and type(cell.target) not in number) or type(cell.exact) is not bool:
        raise ValueError("target must be a number or null, exact true or false")
    for value in (cell.settings, cell.data, cell.environment.versions):
        if not isinstance(value, dict):
            raise ValueError(f"settings, data and versions must be objects, got {type(value).__name__}")
    for value in (cell.suite_version, cell.reference_method, cell.code, cell.key):
        if not isinstance(value, str):
            raise ValueError(f"versions, digests and keys must be strings, got {type(value).__name__}")
    return cell


def _encode_run(record: RunRecord) -> dict[str, Any]:
    run = {name: getattr(record, name) for name in _RUN_FIELDS}
    run |= {name: dict(run[name]) for name in ("scores", "sections", "exhibits")}
    return {name: value for name, value in run.items() if value not in (None, "", (), {}) or name in ("status", "seed")}


_STATUSES = frozenset(Status)


_NUMBER = (float, int)
_TYPES: dict[str, tuple[type, ...]] = {
    "seed": (int,),
    "scores": (dict,),
    "sections": (dict,),
    "trace": (list,),
    "exhibits": (dict,),
    "seconds": _NUMBER,
    "cpu_seconds": _NUMBER,
    "peak_memory": _NUMBER,
    "gpu_memory": _NUMBER,
    "limit": _NUMBER,
    "reason": (str,),
    "finished": (str,),
    "commit": (str,),
    "dirty": (bool,),
}


def _check_run(cell: Cell, run: dict[str, Any]) -> None:
    """Raise unless a run holds what `RunRecord` promises; NaN and infinity cannot be written in JSON at all."""
    for name, value in run.items():
        if name in _TYPES and type(value) not in _TYPES[name]:
            raise ValueError(f"{name} must be {' or '.join(kind.__name__ for kind in _TYPES[name])}, got {value!r}")
    if run["seed"] < 0:
        raise ValueError(f"seed must be a whole number from 0, got {run['seed']!r}")
    if run["status"] not in _STATUSES:
        raise ValueError(f"unknown status {run['status']!r}")
    scores = run.get("scores", {})
    for value in scores.values():
        if type(value) not in _NUMBER:
            raise ValueError(f"a score must be a number, got {value!r}")
    if run["status"] == "ok" and cell.metrics[0].name not in scores:
        raise ValueError(f"a run that ended ok must have {cell.metrics[0].name}")
    width = 2 + len(cell.traced) if "trace" in run else 0
    for point in run.get("trace", ()):
        if len(point) != width or any(type(part) not in _NUMBER for part in point):
            raise ValueError(f"a point of a trace must be {width} numbers, got {point!r}")
    for name, shown in run.get("exhibits", {}).items():
        if type(shown) is not str and not (type(shown) is list and all(type(part) in _NUMBER for part in shown)):
            raise ValueError(f"exhibit {name} must be a text or a list of numbers, got {type(shown).__name__}")


def _decode_run(cell: Cell, run: dict[str, Any]) -> RunRecord:
    known = {name: run[name] for name in _RUN_FIELDS if name in run}
    trace = tuple((int(step), *map(float, values)) for step, *values in run.get("trace", ()))
    return RunRecord(cell=cell, **known | {"status": Status(run["status"]), "trace": trace})
