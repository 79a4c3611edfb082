"""Checks at the door, shared by the selectors: bad input is refused in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np

MEMORY_LIMIT = 4 * 2**30  # bytes that one array may take before a call is refused


def real_array(name: str, value: Any, ndim: int) -> np.ndarray:
    """Return `value` as a finite float32 or float64 array of `ndim` dimensions, or refuse it."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"{name} must be a non-empty array of {ndim} dimension(s), got shape {array.shape}")
    if array.dtype != np.float32:
        array = array.astype(np.float64, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(array.sum()) or np.isfinite(array).all()  # a finite sum has only finite terms
    if not finite:
        raise ValueError(f"{name} must be finite, got NaN or infinity in {_bad_places(array)} of {array.size} places")
    return array


def _bad_places(array: np.ndarray) -> int:
    return int(array.size - np.isfinite(array).sum())


def subset_size(k: Any, n: int) -> int:
    """Return `k` as an int with 1 <= k <= n, or refuse it."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise ValueError(f"k must be an integer, got {k!r}")
    if not 1 <= k <= n:
        raise ValueError(f"k must be between 1 and the number of points, {n}, got {k}")
    return int(k)


def positive_integer(name: str, value: Any) -> int:
    """Return `value` as an int of at least 1, or refuse it."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
    return int(value)


def non_negative(name: str, value: Any) -> float:
    """Return `value` as a finite float of at least 0, or refuse it."""
    if not isinstance(value, (int, float, np.integer, np.floating)) or not np.isfinite(value) or value < 0:
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}")
    return float(value)


def class_labels(labels: Any, n: int) -> np.ndarray:
    """Return `labels` as an array of n integers, or refuse it."""
    array = np.asarray(labels)
    if array.shape != (n,) or array.dtype.kind not in "iu":
        raise ValueError(f"labels must be {n} integers, one a point, got {array.dtype} of shape {array.shape}")
    return array


def affordable(what: str, rows: int, columns: int, itemsize: int, remedy: str) -> None:
    """Refuse an array of rows x columns that would not fit the memory limit."""
    needed = rows * columns * itemsize
    if needed > MEMORY_LIMIT:
        raise ValueError(
            f"{what} would be {rows} x {columns} and take {needed / 2**30:.1f} GiB, above the limit of "
            f"{MEMORY_LIMIT / 2**30:.0f} GiB; {remedy}"
        )
