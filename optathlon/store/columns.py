"""Columns of Arrow as arrays of numpy, by their buffers: pyarrow's own way imports pandas, and takes its time for that."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_KINDS = {"int64": np.int64, "int32": np.int32, "double": np.float64}


class Coded:
    """A column of texts: its words, and the code of each line."""

    def __init__(self, column: Any) -> None:
        array = _whole(column.unify_dictionaries())
        self.words: list[str] = array.dictionary.to_pylist()
        if array.null_count:
            raise ValueError("a text is missing")
        self.codes = numbers(array.indices)

    def __getitem__(self, line: int) -> str:
        return self.words[self.codes[line]]

    def isin(self, word: str) -> np.ndarray:
        """Return which lines hold a word."""
        return np.isin(self.codes, [code for code, one in enumerate(self.words) if one == word])


def numbers(column: Any) -> np.ndarray:
    """Return a column of numbers as an array; one in which some are missing as floats, NaN for those."""
    array = _whole(column)
    kind = _KINDS[str(array.type)]
    if array.null_count == len(array):
        return np.full(len(array), math.nan) if len(array) else np.empty(0, dtype=kind)
    values = np.frombuffer(array.buffers()[1], dtype=kind, count=array.offset + len(array))[array.offset :]
    return np.where(valid(array), values, math.nan) if array.null_count else values


def flags(column: Any) -> np.ndarray:
    """Return a column of truth values; what is missing is false."""
    array = _whole(column)
    if array.null_count == len(array):
        return np.zeros(len(array), dtype=bool)
    return _bits(array.buffers()[1], array.offset, len(array)) & valid(array)


def valid(column: Any) -> np.ndarray:
    """Return which values are there."""
    array = _whole(column)
    if array.null_count in (0, len(array)):
        return np.full(len(array), not array.null_count)
    return _bits(array.buffers()[0], array.offset, len(array))


def lists(column: Any, least: int = 0) -> np.ndarray:
    """Return lists of numbers as an array of shape (longest, n_lists), or higher, NaN behind the end of a list."""
    array = _whole(column)
    offsets, flat = numbers(array.offsets), numbers(array.values)
    lengths = np.diff(offsets)
    width = int(lengths.max(initial=least))
    if (lengths == width).all():
        return np.ascontiguousarray(flat[offsets[0] : offsets[-1]].reshape(len(lengths), width).T)
    found = np.full((width, len(lengths)), math.nan)
    for k in range(width):
        there = lengths > k
        found[k, there] = flat[offsets[:-1][there] + k]
    return found


def _whole(column: Any) -> Any:
    """Return a column as one array."""
    found = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    return found.chunk(0) if hasattr(found, "num_chunks") else found


def _bits(buffer: Any, offset: int, count: int) -> np.ndarray:
    found = np.unpackbits(np.frombuffer(buffer, dtype=np.uint8), bitorder="little", count=offset + count)
    return found[offset:].astype(bool)
