"""Checks at the door: which argument, what is required, what was given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LOSSES = ("squared", "hinge")
_LARGEST, _SMALLEST = 1e50, 1e-50  # fourth powers of the data, and sums of them, neither overflow nor vanish


def check_data(X: ArrayLike, y: ArrayLike, loss: str, *, outputs: bool = False) -> tuple[Array, Array]:
    """Return X and y as float64 arrays: y of shape (n, C) where `outputs` allows it, else a single column as a vector."""
    check_choice("loss", loss, LOSSES)
    features, target = check_real("X", X), check_real("y", y)
    target = target.ravel() if not outputs and target.shape[1:] == (1,) else target
    if features.ndim != 2 or 0 in features.shape:
        raise ValueError(f"X must have shape (n, d) with at least one sample and one feature, got shape {features.shape}")
    if target.shape[:1] != features.shape[:1] or target.ndim not in ((1, 2) if outputs else (1,)) or target.size == 0:
        wanted = f"({len(features)},)" + (f" or ({len(features)}, C)" if outputs else "")
        raise ValueError(f"y must have shape {wanted} to match X of shape {features.shape}, got {target.shape}")
    if loss == "hinge" and not np.isin(target, (-1.0, 1.0)).all():
        odd = target[~np.isin(target, (-1.0, 1.0))].flat[0]
        raise ValueError(f"y must hold the labels -1 and 1 for the hinge loss, got {odd:g} among them")
    return features, target


def check_real(name: str, values: ArrayLike) -> Array:
    """Return finite float64 of moderate magnitude."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of real numbers: {error}") from None
    if array.dtype.kind not in "iufb":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(array))} NaN or infinite entries")
    largest = float(np.abs(array).max(initial=0.0))
    if largest > _LARGEST or 0 < largest < _SMALLEST:
        raise ValueError(f"{name} must have its largest magnitude between {_SMALLEST:g} and {_LARGEST:g}, got {largest:.3g}")
    return array


def check_signs(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> Array:
    """Return float64 signs of the given shape, None standing for any length."""
    array = check_real(name, values)
    if array.ndim != len(shape) or any(want not in (None, have) for want, have in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{name} must have shape {tuple('any' if n is None else n for n in shape)}, got {array.shape}")
    if not (np.abs(array) == 1).all():
        raise ValueError(f"{name} must hold -1 and 1 only, got {array[np.abs(array) != 1].flat[0]:g} among them")
    return array


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Refuse a word that is not among `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_count(name: str, value: Any, smallest: int = 1) -> int:
    """Return an integer of at least `smallest`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < smallest:
        raise ValueError(f"{name} must be an integer of at least {smallest}, got {value!r}")
    return int(value)


def check_positive(name: str, value: Any) -> float:
    """Return a positive finite number."""
    number = isinstance(value, float | int | np.floating | np.integer) and not isinstance(value, bool)
    if not number or not 0 < value < np.inf:
        raise ValueError(f"{name} must be a positive finite number, got {value!r}")
    return float(value)


def check_rng(rng: Any) -> np.random.Generator:
    """Return the generator that numpy makes of a seed, a generator or None."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise ValueError(f"rng must be a seed, a numpy.random.Generator or None, got {rng!r}: {error}") from None
