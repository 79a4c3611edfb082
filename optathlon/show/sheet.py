"""The board as CSV: numbers to twelve digits, so that a table is the same on every machine."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from optathlon.judge import Row
from optathlon.judge.blocks import Table
from optathlon.spec.text import clean

# With these a spreadsheet takes a text for a formula; an apostrophe before them makes it a text again.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_KINDS = {name: str(kind.type) for name, kind in Row.__dataclass_fields__.items() if name not in ("settings", "reason")}
HEADER = ",".join(_KINDS) + "\n"


def to_csv(rows: Iterable[Row]) -> str:
    """Return the rows as CSV."""
    return HEADER + csv_lines(rows)


def csv_lines(rows: Iterable[Row]) -> str:
    """Return the lines of rows, the header aside."""
    shown = {"str": _harmless, "bool": str, "int": str, "int | None": _whole, "float | None": _digits}
    formats = [(name, shown[kind]) for name, kind in _KINDS.items()]
    return "".join(",".join([show(row.__dict__[name]) for name, show in formats]) + "\n" for row in rows)


def csv_of_boards(table: Table) -> list[str]:
    """Return the lines of each board of a table, as `csv_lines` gives them from its rows."""
    line, columns = [], []
    for name, kind in _KINDS.items():
        mark, values = _column(table.columns[name], kind)
        line.append(mark)
        columns += [values] if values is not None else []
    text = ",".join(line) + "\n"
    lines = [text % told for told in zip(*columns, strict=True)] if columns else [text % ()] * table.n_rows
    step = table.n_rows // len(table.keys)
    return ["".join(lines[start : start + step]) for start in range(0, table.n_rows, step)]


def _column(values: Any, kind: str) -> tuple[str, Sequence[Any] | None]:
    """Return the mark that stands for a column in the format of a line, and what goes there; a constant stands there itself."""
    shown = {"str": _harmless, "bool": str, "int": str, "int | None": _whole, "float | None": _digits}[kind]
    if not isinstance(values, list):
        return shown(values).replace("%", "%%"), None
    if kind == "str":
        told = {value: _harmless(value) for value in set(values)}
        return "%s", values if all(value == text for value, text in told.items()) else [told[value] for value in values]
    if kind == "bool":
        return "%s", values
    if None in values:
        return "%s", list(map(shown, values))
    return ("%.12g" if kind == "float | None" else "%d"), values


def _whole(value: int | None) -> str:
    return "" if value is None else str(value)


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"


@lru_cache(maxsize=4096)
def _harmless(text: str) -> str:
    """Return a cell's text with nothing unseen in it, and as no formula."""
    text = clean(text)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow([f"'{text}" if text.startswith(_FORMULA) else text, ""])
    return stream.getvalue()[:-2]
