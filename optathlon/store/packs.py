"""Packs: the records of one machine's suite in one version as Parquet, for boards of millions of runs; JSON stays the source.

``packs/<machine>/<suite>@<version>/`` holds three files. `index` has a line a record file: what it is called, its state and
digest when it was packed, its cell, and where its runs stand. `runs` has a line a run, row groups ending with a
workload; `apart` has traces, exhibits and sections, which boards seldom need. A file that has changed since is read as JSON, and
so is one that a pack does not hold: what is read is the same with and without packs. Needs pyarrow (``optathlon[pack]``).
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from optathlon.spec import Cell
from optathlon.spec.names import require_name
from optathlon.store.columns import Coded, numbers
from optathlon.store.encoding import OWN, Group, check_runs, decode_cell, latest_end, unchecked_like
from optathlon.store.listing import STATE

FOLDER = "packs"
LAYOUT = "3"  # raised, too, when what was written before may be wrong
APART = ("trace", "exhibits", "sections")
KINDS: dict[str, type] = {
    "seed": int, "status": str, "seconds": float, "cpu_seconds": float, "peak_memory": int, "gpu_memory": int, "limit": float,
    "jobs": int, "busy": float, "load": float, "reason": str, "finished": str, "commit": str, "dirty": bool,
}  # fmt: skip
FILES = ("index", "runs", "apart")
CODED = ("status", "reason", "commit")  # columns of texts that are few
_SHARED = ("workload", "method", "head")  # columns of the index whose texts are few


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


def fields_of(name: str) -> dict[str, Any]:
    """Return the types of the columns of one of the files."""
    import pyarrow as pa

    kinds = {int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_()}
    coded = dict.fromkeys(CODED, pa.dictionary(pa.int32(), pa.string()))
    return {
        "index": {
            "file": pa.string(), **dict.fromkeys(STATE, pa.int64()), "digest": pa.binary(32), "turn": pa.int64(),
            "measured": pa.bool_(), "finished": pa.string(), "workload": pa.string(), "method": pa.string(), "key": pa.string(),
            "head": pa.string(), "runs": pa.int64(),
        },
        "runs": {column: kinds[kind] for column, kind in KINDS.items()}
        | coded
        | {"scores": pa.list_(pa.float64()), "odd": pa.string(), "apart": pa.int64()},
        "apart": {"text": pa.string()},
    }[name]  # fmt: skip


def _require_ours(name: str, schema: Any) -> None:
    """Raise unless a file has the columns that it must, of the types that they must have."""
    expected = {column: str(kind) for column, kind in fields_of(name).items()}
    given = {one.name: str(one.type).replace("element: ", "item: ") for one in schema}
    if given != expected:
        wrong = next((column for column in (*expected, *given) if given.get(column) != expected.get(column)), "")
        raise ValueError(f"{name} must have {wrong} of type {expected.get(wrong)}, got {given.get(wrong)}")


class Pack:
    """One pack, read as it is asked for; ValueError where it is torn or not ours."""

    def __init__(self, folder: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.folder = folder
        try:
            files = [pq.ParquetFile(folder / f"{name}.parquet", page_checksum_verification=True) for name in FILES]
            named = {(file.schema_arrow.metadata or {}).get(b"optathlon") for file in files}
            if len(named) != 1 or not (identity := named.pop()) or not identity.startswith(f"{LAYOUT} ".encode()):
                raise ValueError("its files do not belong together, or are of another layout")
            for name, file in zip(FILES, files, strict=True):
                _require_ours(name, file.schema_arrow)
            self._runs, self._apart = files[1:]
            index = pq.ParquetFile(folder / "index.parquet", page_checksum_verification=True, read_dictionary=list(_SHARED))
            shared = index.read(columns=[*_SHARED, "runs"], use_threads=False)
            self._index = index
        except (OSError, KeyError, pa.ArrowException) as error:
            raise ValueError(f"{type(error).__name__}: {str(error)[:200]}") from None
        self.workloads, self.methods, self.heads = (Coded(shared[name]) for name in _SHARED)
        for kind, words in (("workload", self.workloads.words), ("method", self.methods.words)):
            for word in words:
                require_name(kind, word)
        self.counts = numbers(shared["runs"])
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
        self.most_metrics = 0
        for code in range(len(self.heads.words)):
            cell = self.template(code)
            self.most_metrics = max(self.most_metrics, len(cell.metrics))
            if (cell.environment.machine, cell.suite) != (self.machine, self.suite):
                raise ValueError(f"it holds records of {cell.environment.machine}/{cell.suite}")

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def machine(self) -> str:
        """The machine whose records these are."""
        return self.folder.parent.name

    @cached_property
    def suite(self) -> str:
        """The suite whose records these are."""
        return self.folder.name.rpartition("@")[0]

    @cached_property
    def files(self) -> list[str]:
        """Name of each line's file."""
        return self._told("file").to_pylist()

    @cached_property
    def states(self) -> np.ndarray:
        """State of each line's file when it was packed; see `optathlon.store.listing.Listing`."""
        return np.stack([numbers(self._told(name)) for name in STATE], axis=1)

    @cached_property
    def digests(self) -> Any:
        """Digest of each line's file."""
        return self._told("digest")

    @cached_property
    def keys(self) -> Any:
        """Key of each line's cell."""
        return self._told("key")

    @cached_property
    def turns(self) -> np.ndarray:
        """Turn of each line's group."""
        return numbers(self._told("turn"))

    @cached_property
    def _recency(self) -> tuple[Any, Any]:
        return self._told("measured"), self._told("finished")

    @cached_property
    def ahead(self) -> np.ndarray:
        """Which lines have runs that ended in the future, by the clock of now: no record may."""
        last, metadata = latest_end(), self._index.metadata
        column = metadata.schema.to_arrow_schema().names.index("finished")
        told = [metadata.row_group(number).column(column).statistics for number in range(metadata.num_row_groups)]
        if all(one is not None and one.has_min_max and one.max[:10] <= last for one in told):
            return np.zeros(len(self), dtype=bool)
        return np.array([text[:10] > last for text in self._recency[1].to_pylist()], dtype=bool)

    def _told(self, name: str) -> Any:
        with self._whole():
            return self._index.read(columns=[name], use_threads=False)[name]

    @cached_property
    def spans(self) -> dict[str, tuple[int, int]]:
        """First line of each workload, and the line behind its last."""
        edges = [0, *(np.flatnonzero(np.diff(self.workloads.codes)) + 1).tolist(), len(self)]
        return {self.workloads[a]: (a, b) for a, b in itertools.pairwise(edges)} if len(self) else {}

    def cell(self, line: int, key: str | None = None) -> Cell:
        """Return the cell of a line."""
        head = self.template(int(self.heads.codes[line]))
        own = self.keys[line].as_py() if key is None else key
        return unchecked_like(head, self.workloads[line], self.methods[line], own)  # names were checked when it was opened

    def template(self, code: int) -> Cell:
        """Return a cell with what those of one head share."""
        if code not in self._cells:
            try:
                self._cells[code] = decode_cell(orjson.loads(self.heads.words[code]) | dict.fromkeys(OWN, "x"))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise ValueError(f"it holds what is no cell ({type(error).__name__}: {str(error)[:100]})") from None
        return self._cells[code]

    def recency(self, start: int, stop: int) -> list[tuple[bool, int, str]]:
        """Return what `optathlon.store.recency` says of the groups of lines."""
        measured, finished = (column.slice(start, stop - start).to_pylist() for column in self._recency)
        return list(zip(measured, self.turns[start:stop].tolist(), finished, strict=True))

    def group_of(self, line: int) -> int:
        """Return the number of the row group that holds a line."""
        return int(np.searchsorted(self.bounds, line, side="right")) - 1

    def batch(self, number: int, columns: Iterable[str] | None = None) -> Batch:
        """Return a row group, or some of its columns."""
        start, stop = self.bounds[number : number + 2]
        names = None if columns is None else list(columns)
        with self._whole():
            table = self._runs.read_row_group(number, columns=names, use_threads=False)
        return Batch(start, stop, self.first[start:stop] - (self.first[start] if stop > start else 0), table)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Say of what cannot be read which pack it is, and what helps."""
        try:
            yield
        except (OSError, ValueError) as error:
            raise ValueError(self.refusal(f"is torn ({str(error)[:100]})")) from None

    def refusal(self, what: str) -> str:
        """Return a sentence that says what is wrong with it."""
        return f"{self.folder}: {what}; write it anew with: optathlon pack"

    def groups(self, start: int, stop: int) -> Iterator[Group]:
        """Yield the groups of lines, as `optathlon.store.read` returns them from the files."""
        for number in range(self.group_of(start), self.group_of(stop - 1) + 1) if stop > start else ():
            batch = self.batch(number)
            columns = {name: batch.table[name].to_pylist() for name in batch.table.column_names}
            for line in range(max(start, batch.start), min(stop, batch.stop)):
                cell, at = self.cell(line), int(batch.first[line - batch.start])
                names = [metric.name for metric in cell.metrics]
                runs = [self._run(columns, row, names) for row in range(at, at + int(self.counts[line]))]
                try:
                    check_runs(cell, runs)
                except (KeyError, ValueError) as error:
                    raise ValueError(self.refusal(f"holds what no record can ({error})")) from None
                yield Group(cell, runs, int(self.turns[line]))

    def _run(self, columns: dict[str, list[Any]], row: int, metrics: list[str]) -> dict[str, Any]:
        odd, apart = columns["odd"][row], columns["apart"][row]
        if odd is not None:
            run = orjson.loads(odd)
        else:
            run = {name: value for name in KINDS if (value := columns[name][row]) is not None}
            if (scores := columns["scores"][row]) is not None:
                run["scores"] = {name: value for name, value in zip(metrics, scores, strict=True) if value == value}
        return run if apart is None else run | orjson.loads(self._text(apart))

    def _text(self, position: int) -> str:
        number = int(np.searchsorted(self._apart_bounds, position, side="right")) - 1
        if self._held[0] != number:
            with self._whole():
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


def open_packs(results: Path) -> tuple[list[Pack], list[str]]:
    """Return the packs of a results folder in the order of their names, and a sentence for each that cannot be used."""
    found = (path.parent for path in (results / FOLDER).glob("*/*/index.parquet"))
    folders = sorted(found, key=lambda folder: (folder.parent.name, *folder.name.rpartition("@")[::2]))
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
