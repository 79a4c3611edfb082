"""Checks at the door: each complaint says which argument, what is required and what was given."""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BITS = 16


def check_bits(bits: Any) -> int:
    """Return a bit-width from 1 to 16."""
    if isinstance(bits, bool) or not isinstance(bits, Integral) or not 1 <= int(bits) <= MOST_BITS:
        raise ValueError(f"bits must be an integer from 1 to {MOST_BITS}, got {bits!r}")
    return int(bits)


def check_count(name: str, value: Any, *, least: int = 1) -> int:
    """Return an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return int(value)


def check_number(name: str, value: Any, *, above: float = -math.inf, least: float = -math.inf, below: float = math.inf) -> float:
    """Return a finite number above `above`, at least `least` and below `below`."""
    if (
        isinstance(value, bool)
        or not isinstance(value, Real)
        or not math.isfinite(value)
        or not (above < float(value) < below and float(value) >= least)
    ):
        limits = [f"above {above:g}"] * (above > -math.inf) + [f"at least {least:g}"] * (least > -math.inf)
        limits += [f"below {below:g}"] * (below < math.inf)
        raise ValueError(f"{name} must be a finite number {' and '.join(limits)}, got {value!r}")
    return float(value)


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Return one of the words allowed."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def check_array(name: str, value: Any, ndim: int) -> NDArray[np.float64]:
    """Return a finite float64 array of that many axes, none of them empty."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be readable as a numpy array, got a {type(value).__name__}") from error
    if array.ndim != ndim or 0 in array.shape:
        raise ValueError(f"{name} must be an array with {ndim} non-empty axes, got shape {array.shape}")
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(array))} entries that are NaN or infinite")
    return array.astype(np.float64)


def check_rng(rng: Any) -> np.random.Generator:
    """Return the generator that numpy makes of an integer, a generator or None."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ValueError(f"rng must be an integer of at least 0, a numpy Generator or None, got {rng!r}") from None
