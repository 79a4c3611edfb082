"""Checks at the door: each refuses a bad argument in a sentence that says what is required and what was given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "check_beta",
    "check_choice",
    "check_count",
    "check_images",
    "check_non_negative",
    "check_positive",
    "check_samples",
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


def check_count(name: str, value: Any, *, least: int = 1) -> None:
    """Refuse anything but an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Refuse a word that is not one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_samples(name: str, samples: Any, *, columns: int | None = None) -> Tensor:
    """Return finite samples as a floating tensor (n, d), n >= 1; d must be `columns` where that is given."""
    tensor = torch.as_tensor(samples)
    wanted = f"(n, {'d' if columns is None else columns})"
    if tensor.ndim != 2 or 0 in tensor.shape or columns not in (None, tensor.shape[1]):
        raise ValueError(f"{name} must have shape {wanted} with n >= 1, got {tuple(tensor.shape)}")
    return _finite(name, tensor)


def check_images(name: str, images: Any, *, size: int | None = None) -> Tensor:
    """Return finite grey images as a floating tensor (n, 1, size, size), n >= 1."""
    tensor = torch.as_tensor(images)
    square = tensor.ndim == 4 and tensor.shape[1] == 1 and tensor.shape[2] == tensor.shape[3]
    if not square or 0 in tensor.shape or size not in (None, tensor.shape[-1]):
        side = "size" if size is None else size
        raise ValueError(f"{name} must have shape (n, 1, {side}, {side}) with n >= 1, got {tuple(tensor.shape)}")
    return _finite(name, tensor)


def _finite(name: str, tensor: Tensor) -> Tensor:
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise ValueError(f"{name} must hold real numbers, got {tensor.dtype}")
    if not tensor.is_floating_point():
        tensor = tensor.to(torch.get_default_dtype())
    broken = int((~torch.isfinite(tensor)).sum())
    if broken:
        raise ValueError(f"{name} must be finite, got {broken} NaN or infinite entries of {tensor.numel()}")
    return tensor


def _number(name: str, value: Any, wanted: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be {wanted}, got {value!r}") from None
