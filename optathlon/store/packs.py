"""Packs: the records of one machine's suite in one version as Parquet, for boards of millions of runs; JSON stays the source.

``packs/<machine>/<suite>@<version>/`` holds three files. `index` has a line a record file: what it is called, its size, time of
change and digest when it was packed, its cell, and where its runs stand. `runs` has a line a run, row groups ending with a
workload; `apart` has traces, exhibits and sections, which boards seldom need. A file that has changed since is read as JSON, and
so is one that a pack does not hold: what is read is the same with and without packs. Needs pyarrow (``optathlon[pack]``).
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from optathlon.spec import Cell
from optathlon.spec.names import require_name
from optathlon.store.encoding import HEADER, Group, check_runs, decode_cell, encode_cell
from optathlon.store.newest import ABSENT, last_finished

FOLDER = "packs"
LAYOUT = "1"
APART = ("trace", "exhibits", "sections")
_KINDS: dict[str, type] = {
    "seed": int, "status": str, "seconds": float, "cpu_seconds": float, "peak_memory": int, "gpu_memory": int, "limit": float,
    "jobs": int, "busy": float, "load": float, "reason": str, "finished": str, "commit": str, "dirty": bool,
}  # fmt: skip
_CODED = ("status", "reason", "commit")
_RUNS_TOGETHER = 2**16  # of a row group, at least; it ends with a workload
_FILES = ("index", "runs", "apart")
_SHARED = ("workload", "method", "head")  # columns of the index whose texts are few
_OWN = ("workload", "method", "key")  # of a cell, what the lines of the index do not share


class Range(NamedTuple):
    """Lines of a pack's index that count."""

    pack: Pack
    start: int
    stop: int


class Batch(NamedTuple):
    """A row group: the lines `start` to `stop` of the index, and the columns of their runs, line i's at first[i - start] on."""

    start: int
    stop: int
    first: np.ndarray
    table: Any


def available() -> bool:
    """Return whether packs can be read and written here."""
    return importlib.util.find_spec("pyarrow") is not None


class Pack:
    """One pack, read as it is asked for; ValueError where it is torn or not ours."""

    def __init__(self, folder: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.folder = folder
        try:
            files = [pq.ParquetFile(folder / f"{name}.parquet", page_checksum_verification=True) for name in _FILES]
            named = {(file.schema_arrow.metadata or {}).get(b"optathlon") for file in files}
            if len(named) != 1 or not (identity := named.pop()) or not identity.startswith(f"{LAYOUT} ".encode()):
                raise ValueError("its files do not belong together, or are of another layout")
            self._runs, self._apart = files[1:]
            index = pq.ParquetFile(folder / "index.parquet", page_checksum_verification=True, read_dictionary=list(_SHARED))
            self.index = index.read(columns=[*_SHARED, "turn", "measured", "finished", "key", "runs"], use_threads=False)
            self._index = index
        except (OSError, KeyError, pa.ArrowException) as error:
            raise ValueError(f"{type(error).__name__}: {str(error)[:200]}") from None
        self.workloads = _Coded(self.index["workload"])
        self.methods = _Coded(self.index["method"])
        self.heads = _Coded(self.index["head"])
        for kind, words in (("workload", self.workloads.words), ("method", self.methods.words)):
            for word in words:
                require_name(kind, word)
        self.counts = self.index["runs"].to_numpy()
        ends = np.cumsum(self.counts)
        self.first = ends - self.counts
        groups = [self._runs.metadata.row_group(i).num_rows for i in range(self._runs.num_row_groups)]
        lines = np.searchsorted(ends, np.cumsum(groups)) + 1
        self.bounds = [0, *lines.tolist()]
        if (
            (self.counts <= 0).any()
            or sum(groups) != (int(ends[-1]) if len(ends) else 0)
            or not np.array_equal(ends[lines - 1], np.cumsum(groups))
        ):
            raise ValueError("its index does not fit its runs")
        self._cells: dict[int, Cell] = {}

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def machine(self) -> str:
        """The machine whose records these are."""
        return self.folder.parent.name

    @cached_property
    def files(self) -> list[str]:
        """Name of each line's file."""
        return self.sources["file"].to_pylist()

    @cached_property
    def sources(self) -> Any:
        """What each line's file was: name, size, time of change, digest."""
        return self._index.read(columns=["file", "size", "changed", "digest"], use_threads=False)

    @cached_property
    def keys(self) -> Any:
        """Key of each line's cell."""
        return self.index["key"]

    def cell(self, line: int, key: str | None = None) -> Cell:
        """Return the cell of a line."""
        head = self.template(int(self.heads.codes[line]))
        cell = object.__new__(Cell)  # what differs was checked when the pack was opened: a large board has millions
        cell.__dict__.update(head.__dict__)
        cell.__dict__.update(
            workload=self.workloads[line], method=self.methods[line], key=self.keys[line].as_py() if key is None else key
        )
        return cell

    def template(self, code: int) -> Cell:
        """Return a cell with what those of one head share."""
        if code not in self._cells:
            self._cells[code] = decode_cell(orjson.loads(self.heads.words[code]) | dict.fromkeys(_OWN, "x"))
        return self._cells[code]

    def recency(self, start: int, stop: int) -> list[tuple[bool, int, str]]:
        """Return what `optathlon.store.recency` says of the groups of lines."""
        lines = self.index.slice(start, stop - start)
        return list(zip(*(lines[name].to_pylist() for name in ("measured", "turn", "finished")), strict=True))

    def group_of(self, line: int) -> int:
        """Return the number of the row group that holds a line."""
        return int(np.searchsorted(self.bounds, line, side="right")) - 1

    def batch(self, number: int, columns: Iterable[str] | None = None) -> Batch:
        """Return a row group, or some of its columns."""
        start, stop = self.bounds[number : number + 2]
        names = None if columns is None else list(columns)
        table = self._runs.read_row_group(number, columns=names, use_threads=False)
        return Batch(start, stop, self.first[start:stop] - (self.first[start] if stop > start else 0), table)

    def groups(self, start: int, stop: int) -> Iterator[Group]:
        """Yield the groups of lines, as `optathlon.store.read` returns them from the files."""
        turns = self.index["turn"].to_numpy()
        for number in range(self.group_of(start), self.group_of(stop - 1) + 1) if stop > start else ():
            batch = self.batch(number)
            columns = {name: batch.table[name].to_pylist() for name in batch.table.column_names}
            for line in range(max(start, batch.start), min(stop, batch.stop)):
                cell, at = self.cell(line), int(batch.first[line - batch.start])
                names = [metric.name for metric in cell.metrics]
                runs = [self._run(columns, row, names) for row in range(at, at + int(self.counts[line]))]
                check_runs(cell, runs)
                yield Group(cell, runs, int(turns[line]))

    def _run(self, columns: dict[str, list[Any]], row: int, metrics: list[str]) -> dict[str, Any]:
        odd, apart = columns["odd"][row], columns["apart"][row]
        if odd is not None:
            run = orjson.loads(odd)
        else:
            run = {name: value for name in _KINDS if (value := columns[name][row]) is not None}
            if (scores := columns["scores"][row]) is not None:
                run["scores"] = {name: value for name, value in zip(metrics, scores, strict=True) if value == value}
        return run if apart is None else run | orjson.loads(self._text(apart))

    def _text(self, position: int) -> str:
        number = int(np.searchsorted(self._apart_bounds, position, side="right")) - 1
        if self._held[0] != number:
            self._held = number, self._apart.read_row_group(number, use_threads=False)["text"]
        return self._held[1][position - self._apart_bounds[number]].as_py()

    _held: tuple[int, Any] = (-1, None)

    @cached_property
    def _apart_bounds(self) -> np.ndarray:
        rows = [self._apart.metadata.row_group(i).num_rows for i in range(self._apart.num_row_groups)]
        return np.concatenate([[0], np.cumsum(rows)]).astype(int)

    def traces(self, line: int) -> list[dict[str, Any]]:
        """Return the runs of one line, whole."""
        return next(self.groups(line, line + 1)).runs


class _Coded:
    """A column of texts: its words, and the code of each line."""

    def __init__(self, column: Any) -> None:
        array = column.unify_dictionaries().combine_chunks()
        self.words: list[str] = array.dictionary.to_pylist()
        self.codes: np.ndarray = array.indices.to_numpy(zero_copy_only=False)

    def __getitem__(self, line: int) -> str:
        return self.words[self.codes[line]]


def open_packs(results: Path) -> tuple[list[Pack], list[str]]:
    """Return the packs of a results folder in the order of their names, and a sentence for each that cannot be used."""
    folders = sorted(path.parent for path in (results / FOLDER).glob("*/*/index.parquet"))
    if not folders:
        return [], []
    if not available():
        return [], ["packs are left aside: pip install 'optathlon[pack]' reads them"]
    packs, said = [], []
    for folder in folders:
        try:
            packs.append(Pack(folder))
        except ValueError as error:
            said.append(f"{folder}: no usable pack, its records are read as JSON ({error}); write it anew with: optathlon pack")
    return packs, said


def plan(results: Path, packs: list[Pack]) -> tuple[list[Path | Range], int]:
    """Return what is to be read in the order of the paths: files as JSON and lines of packs; and how many lines are outdated.

    A line counts as long as its file has the size and time of change of when it was packed or, where only the time differs, the
    same content. Where there is no folder of records, packs stand for themselves.
    """
    if not (results / "records").is_dir():
        return [Range(pack, 0, len(pack)) for pack in packs if len(pack)], 0
    found: list[Path | Range] = []
    outdated = 0
    for machine, suite in itertools.chain.from_iterable(_pairs(results / "records")):
        own = [_Cursor(p) for p in packs if p.machine == machine and p.folder.name.rpartition("@")[0] == suite]
        for folder in _listed(results / "records" / machine / suite):
            workload = os.path.basename(folder)
            for name in (name for name in _listed_names(folder) if name.endswith(".json")):
                path = f"{folder}/{name}"
                cursor = next((one for one in own if one.at(workload, name)), None)
                if cursor is not None and cursor.holds(path):
                    last = found[-1] if found else None
                    if isinstance(last, Range) and last.pack is cursor.pack and last.stop == cursor.line:
                        found[-1] = Range(last.pack, last.start, last.stop + 1)
                    else:
                        found.append(Range(cursor.pack, cursor.line, cursor.line + 1))
                else:
                    outdated += cursor is not None
                    found.append(Path(path))
    return found, outdated


class _Cursor:
    """Walks through the lines of a pack in the order of the files."""

    def __init__(self, pack: Pack) -> None:
        self.pack, self.line = pack, 0
        self.sizes, self.times = (pack.sources[name].to_pylist() for name in ("size", "changed"))

    def at(self, workload: str, name: str) -> bool:
        pack = self.pack
        while self.line < len(pack) and (pack.workloads[self.line], pack.files[self.line]) < (workload, name):
            self.line += 1
        return self.line < len(pack) and (pack.workloads[self.line], pack.files[self.line]) == (workload, name)

    def holds(self, path: str) -> bool:
        """Return whether the file is as it was packed."""
        try:
            info = os.stat(path)
            if info.st_size != self.sizes[self.line]:
                return False
            return info.st_mtime_ns == self.times[self.line] or digest(path) == self.pack.sources["digest"][self.line].as_py()
        except OSError:
            return False


def digest(path: str | Path) -> bytes:
    """Return the digest of a file's content."""
    return hashlib.sha256(Path(path).read_bytes()).digest()


def _pairs(records: Path) -> Iterator[list[tuple[str, str]]]:
    for machine in _listed_names(records):
        yield [(machine, suite) for suite in _listed_names(records / machine)]


def _listed(folder: Path) -> list[str]:
    return [os.path.join(folder, name) for name in _listed_names(folder)]


def _listed_names(folder: str | Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def write_packs(results: Path, files: Iterable[tuple[Path, Group, tuple[int, int, bytes]]]) -> list[tuple[str, int, int]]:
    """Write the packs of a results folder anew; return the name of each, its files and its runs.

    Parameters
    ----------
    results : Path
        The results folder.
    files : iterable
        In the order of the paths: each file with its group, and its size, time of change and digest from before it was read.
    """
    temporary = results / FOLDER / f".{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    written = []
    try:
        for (machine, _), own in itertools.groupby(files, key=lambda one: one[0].parts[-4:-2]):
            writers: dict[str, _Writer] = {}
            for path, group, state in own:
                name = _name(group.cell)
                if name not in writers:
                    writers[name] = _Writer(temporary / machine / name)
                writers[name].add(path, group, state)
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
        kinds = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}
        coded = pa.dictionary(pa.int32(), pa.string())
        runs = {name: coded if name in _CODED else kinds[kind] for name, kind in _KINDS.items()}
        runs |= {"scores": pa.list_(pa.float64()), "odd": pa.string(), "apart": pa.int64()}
        index = {
            "file": pa.string(), "size": pa.int64(), "changed": pa.int64(), "digest": pa.binary(32), "turn": pa.int64(),
            "measured": pa.bool_(), "finished": pa.string(), "workload": pa.string(), "method": pa.string(), "key": pa.string(),
            "head": pa.string(), "runs": pa.int64(),
        }  # fmt: skip
        identity = {b"optathlon": f"{LAYOUT} {os.urandom(16).hex()}".encode()}
        self._pa = pa
        self._schemas = {
            name: pa.schema(list(fields.items()), metadata=identity)
            for name, fields in zip(_FILES, (index, runs, {"text": pa.string()}), strict=True)
        }
        repeated = {*_CODED, "workload", "method", "head", "jobs", "dirty"}
        self._files = {
            name: pq.ParquetWriter(
                folder / f"{name}.parquet",
                schema,
                compression="zstd",
                write_page_checksum=True,
                use_dictionary=sorted(repeated & set(schema.names)),  # type: ignore[arg-type]
            )
            for name, schema in self._schemas.items()
        }
        self._columns: dict[str, dict[str, list[Any]]] = {}
        for name in _FILES:
            self._clear(name)
        self._workload = ""
        self.files = self.runs = self.apart = 0

    def add(self, path: Path, group: Group, state: tuple[int, int, bytes]) -> None:
        """Add a file; one without runs, or with a number that no column can hold, is left to be read as JSON."""
        lines = [_line(run, [metric.name for metric in group.cell.metrics]) for run in group.runs]
        if not lines or any(line is None for line in lines):
            return
        if group.cell.workload != self._workload and len(self._columns["runs"]["seed"]) >= _RUNS_TOGETHER:
            self._flush("runs")
        self._workload = group.cell.workload
        runs, texts = self._columns["runs"], self._columns["apart"]["text"]
        for line, run in zip(lines, group.runs, strict=True):
            assert line is not None
            apart = {name: run[name] for name in APART if name in run}
            line["apart"] = self.apart if apart else None
            if apart:
                texts.append(orjson.dumps(apart).decode())
                self.apart += 1
                if len(texts) >= _RUNS_TOGETHER // 64:
                    self._flush("apart")
            for name, column in runs.items():
                column.append(line.get(name))
        head = {name: value for name, value in encode_cell(group.cell).items() if name not in _OWN}
        told = {
            "file": path.name, "size": state[0], "changed": state[1], "digest": state[2], "turn": group.turn,
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
        for name in _FILES:
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
    for name, kind in _KINDS.items():
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
    if not exact or set(run) - set(_KINDS) - set(APART) - {"scores"}:
        line["odd"] = orjson.dumps({name: value for name, value in run.items() if name not in APART}).decode()
    return line
