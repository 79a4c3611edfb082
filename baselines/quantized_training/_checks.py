"""Checks at the door: each complaint says which argument, what is required and what was given."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

WEIGHTS = ("binary", "ternary")
"""The two sets of quantised weights: a scale times signs, without or with zeros."""


def check_count(name: str, value: Any, *, least: int = 1) -> int:
    """Return an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return int(value)


def check_number(name: str, value: Any, *, above: float = -math.inf, least: float = -math.inf, below: float = math.inf) -> float:
    """Return a finite number above `above`, at least `least` and below `below`."""
    real = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if not real or not (above < float(value) < below and float(value) >= least):
        limits = [f"above {above:g}"] * (above > -math.inf) + [f"at least {least:g}"] * (least > -math.inf)
        limits += [f"below {below:g}"] * (below < math.inf)
        raise ValueError(f"{name} must be a finite number {' and '.join(limits)}, got {value!r}")
    return float(value)


def check_weights(weights: Any) -> str:
    """Return one of the two sets by name."""
    if not isinstance(weights, str) or weights not in WEIGHTS:
        raise ValueError(f"weights must be one of {', '.join(map(repr, WEIGHTS))}, got {weights!r}")
    return weights


def check_vectors(name: str, value: Any, *ndims: int) -> NDArray[np.float64]:
    """Return a finite float64 copy with one of the numbers of axes, none of them empty."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be readable as a numpy array, got a {type(value).__name__}") from error
    if array.ndim not in ndims or 0 in array.shape:
        axes = " or ".join(map(str, ndims))
        raise ValueError(f"{name} must be an array with {axes} non-empty axes, got shape {array.shape}")
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(array))} entries that are NaN or infinite")
    return np.array(array, np.float64, order="C")


def check_teachers(w_star: Any) -> NDArray[np.float64]:
    """Return teachers as (n_runs, n) with unit rows."""
    rows = np.atleast_2d(check_vectors("w_star", w_star, 1, 2))
    largest = np.abs(rows).max(axis=1, keepdims=True)
    if not largest.all():
        raise ValueError(f"w_star must have a direction, got {np.count_nonzero(largest == 0)} vectors of zeros")
    rows = rows / largest  # neither overflow nor underflow in the norm
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def check_rng(rng: Any) -> np.random.Generator:
    """Return the generator that numpy makes of an integer, a generator or None."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ValueError(f"rng must be an integer of at least 0, a numpy Generator or None, got {rng!r}") from None
