"""Writing packs: record files as Parquet, a row group at a time; see `optathlon.store.packs`."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from optathlon.spec import Cell
from optathlon.store.encoding import HEADER, OWN, Group, encode_cell
from optathlon.store.listing import STATE
from optathlon.store.newest import ABSENT, last_finished
from optathlon.store.packs import APART, CODED, FILES, FOLDER, KINDS, LAYOUT, fields_of

_REPEATED = {*CODED, "seed", "peak_memory", "jobs", "busy", "dirty", "workload", "method", "head"}  # their values are few
_RUNS_TOGETHER = 2**16  # of a row group, at least; it ends with a workload


class Read(NamedTuple):
    """A record file as it was read: its state and the digest of its content are from before."""

    path: str
    group: Group
    state: tuple[int, int, int, int]
    digest: bytes


def write_packs(results: Path, files: Iterable[Read]) -> list[tuple[str, int, int]]:
    """Write the packs of a results folder anew; return the name of each, its files and its runs.

    Parameters
    ----------
    results : Path
        The results folder.
    files : iterable
        In the order of the paths.
    """
    temporary = results / FOLDER / f".{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    written = []
    try:
        for (machine, _), own in itertools.groupby(files, key=lambda one: one.path.split("/")[-4:-2]):
            writers: dict[str, _Writer] = {}
            for file in own:
                name = _name(file.group.cell)
                if name not in writers:
                    writers[name] = _Writer(temporary / machine / name)
                writers[name].add(file)
            written += [(f"{machine}/{name}", *writer.close()) for name, writer in sorted(writers.items())]
        temporary.mkdir(parents=True, exist_ok=True)
        for old in [path for path in (results / FOLDER).iterdir() if path != temporary]:
            shutil.rmtree(old)
        for machine in list(temporary.iterdir()):
            machine.rename(results / FOLDER / machine.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return written


def _name(cell: Cell) -> str:
    plain = re.sub(r"[^A-Za-z0-9.+-]", "_", cell.suite_version)[:40]
    if plain != cell.suite_version or plain.startswith("."):
        plain += "_" + hashlib.sha256(cell.suite_version.encode()).hexdigest()[:8]
    return f"{cell.suite}@{plain}"


class _Writer:
    """Writes one pack, a row group at a time."""

    def __init__(self, folder: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder.mkdir(parents=True)
        identity = {b"optathlon": f"{LAYOUT} {os.urandom(16).hex()}".encode()}
        self._pa = pa
        self._schemas = {name: pa.schema(list(fields_of(name).items()), metadata=identity) for name in FILES}
        self._files = {
            name: pq.ParquetWriter(
                folder / f"{name}.parquet",
                schema,
                compression="lz4",
                write_page_checksum=True,
                use_dictionary=sorted(_REPEATED & set(schema.names)),  # type: ignore[arg-type]
            )
            for name, schema in self._schemas.items()
        }
        self._columns: dict[str, dict[str, list[Any]]] = {}
        for name in FILES:
            self._clear(name)
        self._workload = ""
        self.files = self.runs = self.apart = 0

    def add(self, file: Read) -> None:
        """Add a file; one without runs, or with a number that no column can hold, is left to be read as JSON."""
        group = file.group
        lines = [_line(run, [metric.name for metric in group.cell.metrics]) for run in group.runs]
        if not lines or any(line is None for line in lines):
            return
        if group.cell.workload != self._workload and len(self._columns["runs"]["seed"]) >= _RUNS_TOGETHER:
            self._flush("runs")
        self._workload = group.cell.workload
        runs = self._columns["runs"]
        for line, run in zip(lines, group.runs, strict=True):
            assert line is not None
            apart = {name: run[name] for name in APART if name in run}
            line["apart"] = self.apart if apart else None
            if apart:
                texts = self._columns["apart"]["text"]  # another list after each flush
                texts.append(orjson.dumps(apart).decode())
                self.apart += 1
                if len(texts) >= _RUNS_TOGETHER // 64:
                    self._flush("apart")
            for name, column in runs.items():
                column.append(line.get(name))
        head = {name: value for name, value in encode_cell(group.cell).items() if name not in OWN}
        told = {
            "file": os.path.basename(file.path), **dict(zip(STATE, file.state, strict=True)), "digest": file.digest,
            "turn": group.turn,
            "measured": any(run["status"] not in ABSENT for run in group.runs), "finished": last_finished(group),
            "workload": group.cell.workload, "method": group.cell.method, "key": group.cell.key,
            "head": orjson.dumps(head, option=HEADER).decode(), "runs": len(group.runs),
        }  # fmt: skip
        for name, column in self._columns["index"].items():
            column.append(told[name])
        self.files += 1
        self.runs += len(group.runs)

    def close(self) -> tuple[int, int]:
        """Finish the files and return how many record files and runs they hold."""
        for name in FILES:
            self._flush(name)
            self._files[name].close()
        return self.files, self.runs

    def _clear(self, name: str) -> None:
        self._columns[name] = {column: [] for column in self._schemas[name].names}

    def _flush(self, name: str) -> None:
        columns = self._columns[name]
        size = len(next(iter(columns.values())))
        if size:
            self._files[name].write_table(self._pa.table(columns, schema=self._schemas[name]), row_group_size=size)
        self._clear(name)


def _line(run: dict[str, Any], metrics: list[str]) -> dict[str, Any] | None:
    """Return the columns of a run, with all of it as a text where they do not say it exactly; None where they cannot hold it."""
    line: dict[str, Any] = {}
    exact = True
    for name, kind in KINDS.items():
        if name in run:
            value = run[name]
            exact = exact and (type(value) is kind or (kind is str and isinstance(value, str)))
            line[name] = str(value) if kind is str else kind(value)
            if kind is int and not -(2**63) <= line[name] < 2**63:
                return None
    if "scores" in run:
        scores = run["scores"]
        line["scores"] = [float(scores.get(name, "nan")) for name in metrics]
        exact = exact and set(scores) <= set(metrics) and all(type(value) is float for value in scores.values())
    if not exact or set(run) - set(KINDS) - set(APART) - {"scores"}:
        line["odd"] = orjson.dumps({name: value for name, value in run.items() if name not in APART}).decode()
    return line
