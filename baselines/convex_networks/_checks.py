"""Checks at the door: what every method of this package requires of its arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: No method allocates more than this by itself; larger problems are refused with the estimate.
MEMORY_LIMIT_BYTES = 8 * 2**30

_LARGEST = 1e50


def finite_array(value: ArrayLike, name: str, ndim: int, *, kinds: str = "iuf") -> NDArray[np.float64]:
    """Return ``value`` as a contiguous float64 array; refuse sparse ones, other dimensions, empty ones, NaN and inf."""
    if hasattr(value, "toarray"):
        raise ValueError(f"{name} must be a dense array, got {type(value).__name__}: use its toarray()")
    try:
        raw = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of real numbers: {error}") from None
    if raw.dtype.kind not in kinds:
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


def sized_array(value: ArrayLike, name: str, ndim: int) -> NDArray[np.float64]:
    """Return a finite array whose powers neither overflow nor vanish."""
    array = finite_array(value, name, ndim)
    largest = float(np.abs(array).max())
    if largest > _LARGEST or 0 < largest < 1 / _LARGEST:
        raise ValueError(
            f"{name} must have its largest magnitude between {1 / _LARGEST:g} and {_LARGEST:g} (its powers must neither overflow "
            f"nor vanish), got {largest:.3g}; change its unit"
        )
    return array


def samples(X: ArrayLike) -> NDArray[np.float64]:
    """Return the data matrix X, (n_samples, n_features), checked."""
    return sized_array(X, "X", 2)


def labels(y: ArrayLike, n_samples: int) -> NDArray[np.float64]:
    """Return the labels y, (n_samples,), checked; a column (n_samples, 1) is taken for them."""
    column = np.ndim(y) == 2 and np.shape(y)[1] == 1
    array = sized_array(y, "y", 2).ravel() if column else sized_array(y, "y", 1)
    if array.shape[0] != n_samples:
        raise ValueError(f"y must have one entry per row of X ({n_samples}), got {array.shape[0]}")
    return array


def zero_one(value: ArrayLike, name: str, n_rows: int, row: str = "sample") -> NDArray[np.float64]:
    """Return patterns as columns of 0 and 1, (n_rows, n_patterns), checked."""
    array = finite_array(value, name, 2, kinds="biuf")
    if len(array) != n_rows or not np.isin(array, (0.0, 1.0)).all():
        raise ValueError(f"{name} must be 0/1 with one row per {row} ({n_rows}), got shape {array.shape}")
    return array


def positive(value: Any, name: str) -> float:
    """Return ``value`` as a float; refuse what is not a finite number above zero."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, float | int | np.floating | np.integer):
        raise ValueError(f"{name} must be a number, got {value!r}")
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be finite and greater than 0, got {number}")
    return number


def positive_integer(value: Any, name: str) -> int:
    """Return ``value`` as an int; refuse what is not a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    return int(value)


def generator(rng: Any) -> np.random.Generator:
    """Return the generator that ``rng`` is or, a seed, stands for; a fresh one where it is None."""
    if (
        isinstance(rng, bool)
        or not (rng is None or isinstance(rng, int | np.integer | np.random.Generator))
        or (isinstance(rng, int | np.integer) and rng < 0)
    ):
        raise ValueError(f"rng must be a numpy.random.Generator, a seed of at least 0 or None, got {rng!r}")
    return np.random.default_rng(rng)


def require_memory(n_bytes: float, what: str, limit: float = MEMORY_LIMIT_BYTES) -> None:
    """Refuse an allocation of more than ``limit`` bytes, naming the estimate."""
    if n_bytes > limit:
        raise ValueError(f"{what} would need about {n_bytes / 2**30:.3g} GiB, above the limit of {limit / 2**30:.3g} GiB")
