"""Checks at the door: each refuses a bad argument in a sentence that says what is required and what was given."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "check_beta",
    "check_betas",
    "check_choice",
    "check_count",
    "check_images",
    "check_non_negative",
    "check_positive",
    "check_samples",
    "check_share",
    "to_tensor",
]


def check_non_negative(name: str, value: Any) -> None:
    """Refuse anything but a finite number (or one-element tensor) that is at least 0."""
    number = _number(name, value, "a finite number >= 0")
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name} must be a finite number >= 0, got {number}")


def check_positive(name: str, value: Any) -> None:
    """Refuse anything but a finite number above 0."""
    number = _number(name, value, "a finite number > 0")
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be a finite number > 0, got {number}")


def check_beta(name: str, value: Any, *, negative: bool) -> None:
    """Refuse a decay rate outside [0, 1), or outside (-1, 1) where `negative` ones are allowed."""
    interval = "(-1, 1)" if negative else "[0, 1)"
    number = _number(name, value, f"a number in {interval}")
    lowest_allowed = number > -1 if negative else number >= 0
    if not (lowest_allowed and number < 1):
        raise ValueError(f"{name} must lie in {interval}, got {number}")


def check_betas(name: str, value: Any, *, negative: bool) -> None:
    """Refuse anything but a pair of decay rates, of which the first may be negative where `negative` ones are allowed."""
    if not isinstance(value, Sequence) or len(value) != 2:
        raise ValueError(f"{name} must be a pair of numbers, got {value!r}")
    check_beta(f"{name}[0]", value[0], negative=negative)
    check_beta(f"{name}[1]", value[1], negative=False)


def check_share(name: str, value: Any) -> None:
    """Refuse a share outside (0, 1]."""
    number = _number(name, value, "a number in (0, 1]")
    if not 0 < number <= 1:
        raise ValueError(f"{name} must be a number in (0, 1], got {number}")


def check_count(name: str, value: Any, *, least: int = 1) -> int:
    """Return an integer of at least `least`, also one of numpy's, as Python's own; refuse anything else."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or int(value) < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
    return int(value)


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Refuse a word that is not one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_samples(name: str, samples: Any, *, columns: int | None = None) -> Tensor:
    """Return finite samples as a floating tensor (n, d), n >= 1; d must be `columns` where that is given."""
    tensor = to_tensor(name, samples)
    wanted = f"(n, {'d' if columns is None else columns})"
    if tensor.ndim != 2 or 0 in tensor.shape or columns not in (None, tensor.shape[1]):
        raise ValueError(f"{name} must have shape {wanted} with n >= 1, got {tuple(tensor.shape)}")
    return _finite(name, tensor)


def check_images(name: str, images: Any, *, size: int | None = None) -> Tensor:
    """Return finite grey images as a floating tensor (n, 1, size, size), n >= 1."""
    tensor = to_tensor(name, images)
    square = tensor.ndim == 4 and tensor.shape[1] == 1 and tensor.shape[2] == tensor.shape[3]
    if not square or 0 in tensor.shape or size not in (None, tensor.shape[-1]):
        side = "size" if size is None else size
        raise ValueError(f"{name} must have shape (n, 1, {side}, {side}) with n >= 1, got {tuple(tensor.shape)}")
    return _finite(name, tensor)


def to_tensor(name: str, values: Any) -> Tensor:
    """Return real numbers as a tensor outside any graph; memory is shared where torch can read it as it lies."""
    if isinstance(values, Tensor):
        tensor = values.detach()
    else:
        try:
            array = np.asarray(values)
            if array.dtype.kind not in "biufcO":  # numpy would read numbers out of text
                raise TypeError
            dtype = np.float64 if array.dtype.char in "Og" else array.dtype.newbyteorder("=")
            tensor = torch.from_numpy(np.require(array, dtype, ["C", "W"]))
        except (TypeError, ValueError, OverflowError, RuntimeError):
            raise ValueError(f"{name} must be an array of real numbers, got {type(values).__name__}") from None
    if tensor.is_complex():
        raise ValueError(f"{name} must hold real numbers, got {tensor.dtype}")
    return tensor


def _finite(name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        tensor = tensor.double()
    broken = int((~torch.isfinite(tensor)).sum())
    if broken:
        raise ValueError(f"{name} must be finite, got {broken} NaN or infinite entries of {tensor.numel()}")
    return tensor


def _number(name: str, value: Any, wanted: str) -> float:
    try:
        if isinstance(value, str | bytes | bool):  # float would read a number out of it
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise ValueError(f"{name} must be {wanted}, got {value!r}") from None
