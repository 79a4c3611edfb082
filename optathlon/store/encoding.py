"""Records as JSON values and back, validated when read: the one place that knows the format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from optathlon.spec import Cell, Environment, MetricInfo, RunRecord, Scale, Status
from optathlon.spec.names import require_name

SCHEMA = 1
HEADER = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY
OWN = ("workload", "method", "key")  # of a cell, what those of one suite, machine and method's settings do not share
_DEEPEST = 10  # levels of a cell; its environment has two
_RUN_FIELDS = tuple(field.name for field in fields(RunRecord) if field.name != "cell")


class RecordError(Exception):
    """A record file that cannot be trusted; the message names the file and the fault, `where` is its path where it has one."""

    where: str = ""


Columns = dict[str, tuple[Any, ...]]


class Runs(list[dict[str, Any]]):
    """Runs that were read and found right, and the columns of them and of their scores where all have one layout.

    What is made of them is a list again, which has none.
    """

    columns: tuple[Columns, Columns] | None = None


class Group(NamedTuple):
    """A cell with its runs as plain dictionaries, and which measurement of its address it is: what tables are computed from."""

    cell: Cell
    runs: list[dict[str, Any]]
    turn: int = 0


def encode_cell(cell: Cell) -> dict[str, Any]:
    """Return a cell as JSON values."""
    plain = {field.name: getattr(cell, field.name) for field in fields(cell)}
    environment = {field.name: getattr(cell.environment, field.name) for field in fields(cell.environment)}
    plain["metrics"] = [asdict(metric) for metric in cell.metrics]
    plain["settings"] = dict(cell.settings)
    plain["data"] = dict(cell.data)
    plain["environment"] = environment | {"versions": dict(cell.environment.versions), "kernels": dict(cell.environment.kernels)}
    return plain


def decode_cell(document: dict[str, Any]) -> Cell:
    """Return the cell of JSON values; ValueError, TypeError or KeyError where they are none."""
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
    if (
        (cell.target is not None and type(cell.target) not in number)
        or type(cell.exact) is not bool
        or type(cell.yardstick) is not bool
        or type(cell.trials) is not int
    ):
        raise ValueError("target must be a number or null, exact and yardstick true or false, trials a whole number")
    for value in (cell.settings, cell.data, cell.environment.versions, cell.environment.kernels):
        if not isinstance(value, dict):
            raise ValueError(f"settings, data, versions and kernels must be objects, got {type(value).__name__}")
    for value in (cell.suite_version, cell.reference_method, cell.code, cell.key):
        if not isinstance(value, str):
            raise ValueError(f"versions, digests and keys must be strings, got {type(value).__name__}")
    _check_metrics(cell.metrics)
    _check_environment(cell.environment)
    if cell.trials < 1:
        raise ValueError(f"trials must be at least 1, got {cell.trials}")
    return cell


def _check_metrics(metrics: Sequence[MetricInfo]) -> None:
    """Raise unless each metric has a name of its own, a unit, a tolerance that is not negative, and is traced or not."""
    for metric in metrics:
        if type(metric.name) is not str or type(metric.unit) is not str or type(metric.traced) is not bool:
            raise ValueError("a metric's name and unit must be strings, traced true or false")
        if metric.tolerance < 0:
            raise ValueError(f"tolerance must not be negative, got {metric.tolerance}")
    if len({metric.name for metric in metrics}) < len(metrics):
        raise ValueError("two metrics have the same name")


def _check_environment(environment: Environment) -> None:
    """Raise unless what tells of a machine is text, and counts are whole numbers from 0."""
    told = (environment.cpu, environment.gpu, environment.os, environment.python)
    for value in (*told, *environment.versions.values(), *environment.kernels.values()):
        if type(value) is not str:
            raise ValueError(f"what tells of a machine must be strings, got {_short(value)}")
    for value in (environment.threads, environment.cores):
        if type(value) is not int or value < 0:
            raise ValueError(f"threads and cores must be whole numbers from 0, got {_short(value)}")


def read_cell(document: dict[str, Any]) -> Cell:
    """Return what `decode_cell` returns; what cells share is decoded once and shared by them, as a large board has millions."""
    try:
        head = orjson.dumps(document | dict.fromkeys(OWN, "x"))
        return cell_like(_template(head), *(document[name] for name in OWN))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        require_shallow(document)
        return decode_cell(document)  # which says what is wrong


def cell_like(template: Cell, workload: str, method: str, key: str) -> Cell:
    """Return a cell that differs from another in what is its own; ValueError where that cannot be."""
    require_name("workload", workload)
    require_name("method", method)
    if not isinstance(key, str):
        raise ValueError(f"versions, digests and keys must be strings, got {type(key).__name__}")
    return unchecked_like(template, workload, method, key)


def unchecked_like(template: Cell, workload: str, method: str, key: str) -> Cell:
    """Return what `cell_like` returns, of names that have been checked."""
    cell = object.__new__(Cell)
    cell.__dict__.update(template.__dict__, workload=workload, method=method, key=key)
    return cell


@lru_cache(maxsize=1024)
def _template(head: bytes) -> Cell:
    document = orjson.loads(head)
    require_shallow(document)
    return decode_cell(document)


def require_shallow(value: Any, allowed: int = _DEEPEST) -> None:
    """Raise unless a cell is nested no deeper than cells are."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if allowed == 0 and parts:
        raise ValueError(f"nested deeper than {_DEEPEST} levels")
    for part in parts:
        require_shallow(part, allowed - 1)


def encode_run(record: RunRecord) -> dict[str, Any]:
    """Return a run as JSON values, without what is empty."""
    run = {name: getattr(record, name) for name in _RUN_FIELDS}
    run |= {name: dict(run[name]) for name in ("scores", "sections", "exhibits")}
    return {name: value for name, value in run.items() if value not in (None, "", (), {}) or name in ("status", "seed")}


_STATUSES = frozenset(Status)
_NUMBER = (float, int)
_TYPES: dict[str, tuple[type, ...]] = {
    "seed": (int,),
    "status": (str, Status),
    "scores": (dict,),
    "sections": (dict,),
    "trace": (list,),
    "exhibits": (dict,),
    "seconds": _NUMBER,
    "cpu_seconds": _NUMBER,
    "peak_memory": _NUMBER,
    "gpu_memory": _NUMBER,
    "limit": _NUMBER,
    "jobs": (int,),
    "busy": _NUMBER,
    "load": _NUMBER,
    "reason": (str,),
    "finished": (str,),
    "commit": (str,),
    "dirty": (bool,),
}


_NESTED = frozenset({"sections", "trace", "exhibits"})
_NOT_NEGATIVE = ("seconds", "cpu_seconds", "peak_memory", "gpu_memory", "limit", "jobs", "busy", "load")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d(:\d\d(:\d\d(\.\d+)?)?)?(\+00:00|Z)?)?")
_TOLERATED = timedelta(days=1)  # by which clocks may differ


def check_run(cell: Cell, run: dict[str, Any]) -> None:
    """Raise unless a run holds what `RunRecord` promises; NaN and infinity cannot be written in JSON at all."""
    check_runs(cell, (run,))


def check_runs(cell: Cell, runs: Sequence[dict[str, Any]]) -> tuple[Columns, Columns] | None:
    """Raise unless each run holds what `RunRecord` promises; return `columns_twice` where that was enough to tell."""
    latest = latest_end()
    found = columns_twice(runs)
    if found is not None and _plainly_right(cell, *found, latest):
        return found
    first, width = cell.metrics[0].name, 2 + len(cell.traced)
    for run in runs:
        counts = _layout(tuple(run), tuple(map(type, run.values())))
        if counts is None:
            _refuse_types(run)
        elif min(counts(run)) < 0:
            _refuse_negative(run)
        if run["status"] not in _STATUSES:
            raise ValueError(f"unknown status {_short(run['status'])}")
        if "finished" in run:
            _check_date(run["finished"], latest)
        scores = run.get("scores", {})
        for value in scores.values():
            if type(value) not in _NUMBER:
                raise ValueError(f"a score must be a number, got {_short(value)}")
        if run["status"] == "ok" and first not in scores:
            raise ValueError(f"a run that ended ok must have {first}")
        for value in run.get("sections", {}).values():
            if type(value) not in _NUMBER or value < 0:
                raise ValueError(f"a section's seconds must be a number from 0, got {_short(value)}")
        for point in run.get("trace", ()):
            if type(point) not in (list, tuple) or len(point) != width or any(type(part) not in _NUMBER for part in point):
                raise ValueError(f"a point of a trace must be {width} numbers, got {_short(point)}")
        if "exhibits" in run:
            check_exhibits(run["exhibits"])
    return None


def latest_end() -> str:
    """Return the last day on which a run may have ended, ISO 8601."""
    return (datetime.now(UTC) + _TOLERATED).isoformat()[:10]


def columns_twice(runs: Sequence[dict[str, Any]]) -> tuple[Columns, Columns] | None:
    """Return the columns of runs and those of their scores; None where one of them has none."""
    if isinstance(runs, Runs) and runs.columns is not None:
        return runs.columns
    columns = _columns_of(runs)
    if columns is None or set(map(type, columns.get("scores", ()))) != {dict}:
        return None
    scores = _columns_of(columns["scores"])
    return None if scores is None else (columns, scores)


def _columns_of(values: Sequence[dict[str, Any]]) -> Columns | None:
    """Return dictionaries of the same names in the same order as one tuple a name; None where they differ, or there are none."""
    layouts = set(map(tuple, values))
    if len(layouts) != 1 or not (names := layouts.pop()):
        return None
    return dict(zip(names, zip(*map(dict.values, values), strict=True), strict=True))


def _plainly_right(cell: Cell, columns: Columns, scores: Columns, latest: str) -> bool:
    """Return whether runs of one layout hold what they must, a column at a time; where this cannot tell, it says no."""
    if "seed" not in columns or "status" not in columns or not _NESTED.isdisjoint(columns):
        return False
    if not all(name in _TYPES and set(map(type, values)).issubset(_TYPES[name]) for name, values in columns.items()):
        return False
    if any(min(columns[name]) < 0 for name in ("seed", *_NOT_NEGATIVE) if name in columns):
        return False
    if not _STATUSES.issuperset(columns["status"]):
        return False
    if not all(_DATE.fullmatch(text) and text[:10] <= latest for text in set(columns.get("finished", ()))):
        return False
    return cell.metrics[0].name in scores and all(set(map(type, values)).issubset(_NUMBER) for values in scores.values())


@lru_cache(maxsize=4096)
def _layout(names: tuple[str, ...], kinds: tuple[type, ...]) -> Callable[[dict[str, Any]], tuple[float, ...]] | None:
    """Return what takes from a run the numbers that must not be negative; None where its names or types are not a run's."""
    if any(kind not in _TYPES.get(name, ()) for name, kind in zip(names, kinds, strict=True)) or "seed" not in names:
        return None
    return itemgetter("seed", "seed", *(name for name in _NOT_NEGATIVE if name in names))


def _refuse_types(run: dict[str, Any]) -> None:
    for name, value in run.items():
        if name not in _TYPES:
            raise ValueError(f"a run has no {_short(name)}")
        if type(value) not in _TYPES[name]:
            raise ValueError(f"{name} must be {' or '.join(kind.__name__ for kind in _TYPES[name])}, got {_short(value)}")
    raise KeyError("seed")


def _refuse_negative(run: dict[str, Any]) -> None:
    if run["seed"] < 0:
        raise ValueError(f"seed must be a whole number from 0, got {run['seed']!r}")
    for name in _NOT_NEGATIVE:
        if run.get(name, 0) < 0:
            raise ValueError(f"{name} must not be negative, got {run[name]!r}")


def check_exhibits(exhibits: dict[str, Any]) -> None:
    """Raise unless each is a text or a list of finite numbers."""
    for name, shown in exhibits.items():
        if type(shown) is not str and not (type(shown) is list and all(type(part) in _NUMBER for part in shown)):
            kind = "a list of something else" if isinstance(shown, list) else type(shown).__name__
            raise ValueError(f"exhibit {_short(name)} must be a text or a list of finite numbers, got {kind}")


def _check_date(text: str, latest: str) -> None:
    """Raise unless a text is a date that may be: the newest counts, so a date in the future would count for ever."""
    if not _DATE.fullmatch(text):
        raise ValueError(f"finished must be a time (UTC, ISO 8601), got {_short(text)}")
    if text[:10] > latest:
        raise ValueError(f"finished must not lie in the future, got {text}")


def _short(value: Any) -> str:
    """Return a value as a few words of a message, without building the text of all of it."""
    if isinstance(value, str | bytes):
        return repr(value[:40])
    return f"a {type(value).__name__}" if isinstance(value, dict | list | tuple) else repr(value)[:40]


def decode_run(cell: Cell, run: dict[str, Any]) -> RunRecord:
    """Return the record of a checked run."""
    known = {name: run[name] for name in _RUN_FIELDS if name in run}
    trace = tuple((int(step), *map(float, values)) for step, *values in run.get("trace", ()))
    return RunRecord(cell=cell, **known | {"status": Status(run["status"]), "trace": trace})


def to_records(group: Group) -> list[RunRecord]:
    """Return the runs of a group as records."""
    return [decode_run(group.cell, run) for run in group.runs]


def to_groups(records: Iterable[RunRecord]) -> list[Group]:
    """Return records as groups: one a cell and key, in the order of their first run."""
    groups: dict[str, Group] = {}
    for record in records:
        groups.setdefault(record.cell.key, Group(record.cell, [])).runs.append(encode_run(record))
    return list(groups.values())
