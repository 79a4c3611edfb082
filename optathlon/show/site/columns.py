"""Data for the pages: columns, texts coded by a dictionary, in classic scripts that load from a folder as from a server."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from optathlon.spec.text import clean

Column = list[Any] | dict[str, list[Any]]


def coded(values: Iterable[str]) -> dict[str, list[Any]]:
    """Return texts as a dictionary in order of appearance and the position of each: ``{"words": [...], "codes": [...]}``."""
    words: dict[str, int] = {}
    codes = [words.setdefault(value, len(words)) for value in values]
    return {"words": [clean(word) for word in words], "codes": codes}


def numbers(values: Iterable[float | None], digits: int = 12) -> list[float | int | None]:
    """Return finite numbers to so many significant digits, None where there is none."""
    return [_rounded(value, digits) for value in values]


def _rounded(value: float | None, digits: int) -> float | int | None:
    if value is None or isinstance(value, int) or not math.isfinite(value):
        return value if isinstance(value, int) else None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 2**53 else short


def script(name: str, value: Mapping[str, Any] | Sequence[Any]) -> str:
    """Return the script that hands a value to the page under a name."""
    return f"Optathlon.receive({orjson.dumps(name).decode()},{orjson.dumps(value).decode()});\n"
