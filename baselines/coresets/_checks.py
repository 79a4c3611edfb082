"""Checks at the door, shared by the selectors: bad input is refused in a sentence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

MEMORY_LIMIT = 4 * 2**30  # bytes that one array may take before a call is refused


def real_array(name: str, value: Any, ndim: int) -> np.ndarray:
    """Return `value` as a finite float32 or float64 array of `ndim` dimensions, or refuse it."""
    array = _array(name, value)
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


def _array(name: str, value: Any) -> np.ndarray:
    try:
        if type(value).__module__.partition(".")[0] == "torch":  # on any device, with a gradient, of a type that numpy lacks
            value = value.detach().cpu()
            value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError, AttributeError) as error:  # ragged lists
        reason = str(error).split(".")[0]
        raise ValueError(f"{name} must be readable as a numpy array, got a {type(value).__name__}: {reason}") from error


def _bad_places(array: np.ndarray) -> int:
    return int(array.size - np.isfinite(array).sum())


def subset_size(k: Any, n: int) -> int:
    """Return `k` as an int with 1 <= k <= n, or refuse it."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise ValueError(f"k must be an integer, got {k!r}")
    if not 1 <= k <= n:
        raise ValueError(f"k must be between 1 and the number of points, {n}, got {k}")
    return int(k)


def integer(name: str, value: Any, *, least: int = 1) -> int:
    """Return `value` as an int of at least `least`, or refuse it."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return int(value)


def non_negative(name: str, value: Any) -> float:
    """Return `value` as a finite float of at least 0, or refuse it."""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    try:
        number = float(value) if real else math.nan
    except OverflowError:  # an integer of hundreds of digits
        number = math.inf
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}")
    return number


def fraction(name: str, value: Any) -> float:
    """Return `value` as a float of at least 0 and below 1, or refuse it."""
    number = non_negative(name, value)
    if number >= 1:
        raise ValueError(f"{name} must be below 1, got {value!r}")
    return number


def class_labels(labels: Any, n: int) -> np.ndarray:
    """Return `labels` as an array of n integers, or refuse it."""
    array = _array("labels", labels)
    array = array.ravel() if array.shape == (n, 1) else array
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
