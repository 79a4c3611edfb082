"""Checks at the door: each refuses a bad argument in a sentence that says what is required and what was given."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

__all__ = ["check_count", "check_generator", "check_matrix", "check_momentum", "check_point", "check_positive"]


def check_positive(name: str, value: Any) -> float:
    """Return a finite number above 0."""
    number = _number(name, value, "a finite number > 0")
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be a finite number > 0, got {number}")
    return number


def check_momentum(name: str, value: Any) -> float:
    """Return a number in [0, 1)."""
    number = _number(name, value, "a number in [0, 1)")
    if not 0 <= number < 1:
        raise ValueError(f"{name} must be a number in [0, 1), got {number}")
    return number


def check_count(name: str, value: Any, *, least: int = 1) -> int:
    """Return an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or int(value) < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
    return int(value)


def check_point(name: str, value: Any) -> np.ndarray:
    """Return a copy of a finite vector (d,), d >= 1, as float64."""
    return _finite_array(name, value, 1)


def check_matrix(name: str, value: Any) -> np.ndarray:
    """Return a copy of a finite matrix (n, d), n and d >= 1, as float64."""
    return _finite_array(name, value, 2)


def check_generator(rng: Any) -> np.random.Generator:
    """Return a generator from whatever `numpy.random.default_rng` accepts."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ValueError(f"rng must be None, an integer >= 0 or a numpy Generator, got {rng!r}") from None


def _finite_array(name: str, value: Any, ndim: int) -> np.ndarray:
    shape = {1: "(d,) with d >= 1", 2: "(n, d) with n, d >= 1"}[ndim]
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got {array.dtype}")
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    broken = int((~np.isfinite(array)).sum())
    if broken:
        raise ValueError(f"{name} must be finite, got {broken} NaN or infinite entries of {array.size}")
    return array.astype(np.float64)


def _number(name: str, value: Any, wanted: str) -> float:
    if isinstance(value, str | bytes):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be {wanted}, got {value!r}") from None
