"""Checks at the door: what every method of this package requires of its arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: No method allocates more than this by itself; larger problems are refused with the estimate.
MEMORY_LIMIT_BYTES = 8 * 2**30


def finite_array(value: ArrayLike, name: str, ndim: int) -> NDArray[np.float64]:
    """Return ``value`` as a contiguous float64 array; refuse other dimensions, empty ones, NaN and inf."""
    raw = np.asarray(value)
    if raw.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got dtype {raw.dtype}")
    if raw.ndim != ndim:
        raise ValueError(f"{name} must be {ndim}-dimensional, got shape {raw.shape}")
    if raw.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {raw.shape}")
    array = np.ascontiguousarray(raw, dtype=np.float64)
    if not np.isfinite(array).all():
        n_bad = int(array.size - np.isfinite(array).sum())
        raise ValueError(f"{name} must be finite, got {n_bad} entries that are NaN or infinite")
    return array


def samples(X: ArrayLike) -> NDArray[np.float64]:
    """Return the data matrix X, (n_samples, n_features), checked."""
    return finite_array(X, "X", 2)


def labels(y: ArrayLike, n_samples: int) -> NDArray[np.float64]:
    """Return the labels y, (n_samples,), checked."""
    array = finite_array(y, "y", 1)
    if array.shape[0] != n_samples:
        raise ValueError(f"y must have one entry per row of X ({n_samples}), got {array.shape[0]}")
    return array


def positive(value: Any, name: str) -> float:
    """Return ``value`` as a float; refuse what is not a finite number above zero."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number, got {value!r}") from None
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be finite and greater than 0, got {number}")
    return number


def positive_integer(value: Any, name: str) -> int:
    """Return ``value`` as an int; refuse what is not a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    return int(value)


def generator(rng: np.random.Generator | None) -> np.random.Generator:
    """Return ``rng``, or a generator with seed 0 where it is None."""
    if rng is None:
        return np.random.default_rng(0)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator or None, got {type(rng).__name__}")
    return rng


def require_memory(n_bytes: float, what: str, limit: float = MEMORY_LIMIT_BYTES) -> None:
    """Refuse an allocation of more than ``limit`` bytes, naming the estimate."""
    if n_bytes > limit:
        raise ValueError(f"{what} would need about {n_bytes / 2**30:.3g} GiB, above the limit of {limit / 2**30:.3g} GiB")
