"""Checks at the door: which argument, what is required, what was given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LOSSES = ("l2", "l1", "huber")

_LARGEST = 1e50  # fourth powers of the data, and sums of them, stay finite
_SMALLEST = 1e-50


def check_regression(
    X: ArrayLike, y: ArrayLike, *, stacked: bool = False, names: tuple[str, str] = ("X", "y")
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `X` and `y` as float64 arrays, or say in a ValueError what is wrong with them.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        With `stacked`, leading axes may number independent problems.
    y : array_like, shape (n_samples,)
        With the leading axes of `X`.
    stacked : bool
        Whether leading axes are allowed.
    names : tuple of str
        What the caller calls the two.
    """
    features, target = check_matrix(names[0], X, stacked=stacked), _as_real(names[1], y)
    if target.shape == (*features.shape[:-1], 1):  # a column is taken for its entries
        target = target[..., 0]
    if target.shape != features.shape[:-1]:
        match = f"{features.shape[:-1]} to match {names[0]} of shape {features.shape}"
        raise ValueError(f"{names[1]} must have shape {match}, got {target.shape}")
    return features, target


def check_matrix(name: str, X: ArrayLike, *, stacked: bool = False) -> NDArray[np.float64]:
    """Return a matrix, with `stacked` maybe many of them, as float64, or say in a ValueError what is wrong with it."""
    matrix = _as_real(name, X)
    if matrix.ndim < 2 or (matrix.ndim > 2 and not stacked):
        raise ValueError(f"{name} must have shape (n_samples, n_features), got shape {matrix.shape}")
    if matrix.size == 0:
        raise ValueError(f"{name} must hold at least one sample and one feature, got shape {matrix.shape}")
    return matrix


def check_symmetric(name: str, Q: Any) -> None:
    """Refuse anything but a finite symmetric matrix of floats."""
    if not isinstance(Q, np.ndarray) or Q.dtype != np.float64 or Q.ndim != 2 or Q.shape[0] != Q.shape[1] or not len(Q):
        given = f"{Q.dtype} {Q.shape}" if isinstance(Q, np.ndarray) else type(Q).__name__
        raise ValueError(f"{name} must be a square float64 array, got {given}")
    if not np.array_equal(Q, Q.T):  # NaN differs from itself
        raise ValueError(f"{name} must be symmetric, to the last bit, and free of NaN")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Refuse a word that is not among `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_count(name: str, value: Any, smallest: int = 1) -> None:
    """Refuse anything but an integer of at least `smallest`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < smallest:
        raise ValueError(f"{name} must be an integer of at least {smallest}, got {value!r}")


def check_positive(name: str, value: Any) -> None:
    """Refuse anything but a positive finite number."""
    is_number = isinstance(value, float | int | np.floating | np.integer) and not isinstance(value, bool)
    if not is_number or not 0 < value < np.inf:
        raise ValueError(f"{name} must be a positive finite number, got {value!r}")


def check_rng(rng: Any) -> np.random.Generator:
    """Return the generator that `rng` is or, a seed, stands for; a fresh one where it is None."""
    is_seed = isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0
    if not (rng is None or is_seed or isinstance(rng, np.random.Generator)):
        raise ValueError(f"rng must be a numpy.random.Generator, a seed of at least 0 or None, got {rng!r}")
    return np.random.default_rng(rng)


def _as_real(name: str, values: ArrayLike) -> NDArray[np.float64]:
    if hasattr(values, "toarray"):
        raise ValueError(f"{name} must be a dense array, got {type(values).__name__}: use its toarray()")
    if np.ma.is_masked(values):
        raise ValueError(f"{name} must have no masked entries, got {np.ma.count_masked(values)}")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of real numbers: {error}") from None
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(array))} NaN or infinite entries")
    array = array.astype(np.float64, copy=False)
    largest = np.abs(array).max(initial=0.0)
    if largest > _LARGEST or 0 < largest < _SMALLEST:
        raise ValueError(
            f"{name} must have its largest magnitude between {_SMALLEST:g} and {_LARGEST:g} (its powers must "
            f"neither overflow nor vanish), got {largest:.3g}; rescale X and y together"
        )
    return array
