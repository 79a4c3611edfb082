"""Checks at the door: each complaint says which argument, what is required and what was given."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_count(name: str, value: Any, *, least: int = 1) -> int:
    """Return an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return int(value)


def check_positive(name: str, value: Any) -> float:
    """Return a finite number above 0."""
    return _number(name, value, "above 0", lambda number: number > 0)


def check_non_negative(name: str, value: Any) -> float:
    """Return a finite number of at least 0."""
    return _number(name, value, "of at least 0", lambda number: number >= 0)


def check_angle(name: str, value: Any) -> float:
    """Return an angle in degrees, above 0 and at most 90."""
    return _number(name, value, "above 0 and at most 90, in degrees", lambda number: 0 < number <= 90)


def _number(name: str, value: Any, range_: str, holds: Any) -> float:
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not real or not math.isfinite(value) or not holds(float(value)):
        raise ValueError(f"{name} must be a finite number {range_}, got {value!r}")
    return float(value)


def check_array(name: str, value: Any, *ndims: int) -> NDArray[np.float64]:
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


def check_rng(rng: Any) -> np.random.Generator:
    """Return the generator that numpy makes of an integer, a generator or None."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ValueError(f"rng must be an integer of at least 0, a numpy Generator or None, got {rng!r}") from None


def check_starts(weights: Any, n_positive: Any, dimension: int) -> tuple[NDArray[np.float64], int]:
    """Return starting weights as (n_runs, n_neurons, dimension) and the number of positive neurons, half of them by default."""
    array = check_array("weights", weights, 2, 3)
    if array.shape[-1] != dimension:
        raise ValueError(f"weights must have {dimension} numbers a neuron, as the points have, got shape {array.shape}")
    array = array.reshape(-1, *array.shape[-2:])
    n_neurons = array.shape[1]
    positive = n_neurons // 2 if n_positive is None else check_count("n_positive", n_positive, least=0)
    if positive > n_neurons:
        raise ValueError(f"n_positive must be at most the number of neurons, {n_neurons}, got {n_positive!r}")
    return array, positive
