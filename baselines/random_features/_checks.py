"""Checks of arguments that several methods share: each complaint says what is required and what was given."""

from __future__ import annotations

import os
from numbers import Integral, Real
from typing import Any

import numpy as np


def check_count(name: str, value: Any, *, least: int = 1) -> int:
    """Return an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return int(value)


def check_positive(name: str, value: Any) -> float:
    """Return a finite number above zero."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < np.inf:
        raise ValueError(f"{name} must be a finite number above 0, got {value!r}")
    return float(value)


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return one of the words allowed."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def check_matrix(name: str, X: Any) -> np.ndarray:
    """Return a finite real matrix with at least one row and one column; float32 stays float32."""
    X = np.asarray(X)
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(f"{name} must be a matrix with at least one row and one column, got shape {X.shape}")
    return check_real(name, X)


def check_real(name: str, X: np.ndarray) -> np.ndarray:
    """Return a finite array of float32 or float64."""
    if X.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold real numbers, got dtype {X.dtype}")
    X = X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)
    if not np.isfinite(X).all():
        raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(X))} entries that are NaN or infinite")
    return X


def check_memory(what: str, n_numbers: int, itemsize: int, remedy: str = "reduce n_components or pass fewer rows") -> None:
    """Refuse an array that the machine's memory cannot hold."""
    needed, there = n_numbers * itemsize, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise ValueError(
            f"{what} would take {needed / 2**30:.3g} GiB, more than the {there / 2**30:.3g} GiB of this machine; {remedy}"
        )


def check_phases(X: np.ndarray, gamma: float) -> None:
    """Refuse points so far away, or a kernel so narrow, that the phases w'x might not be finite numbers of the type of X."""
    # No entry of a frequency drawn from N(0, 2 gamma I), nor of its product with a Hadamard matrix, comes near this.
    reach = np.sqrt(2.0 * gamma) * max(float(np.abs(X).max()), 1.0) * X.shape[1] * 100.0
    if not reach < np.finfo(X.dtype).max:
        raise ValueError(
            f"gamma and X must leave the phases sqrt(2 gamma) x finite in {X.dtype}, got gamma={gamma:.3g} and entries of X "
            f"as large as {np.abs(X).max():.3g}"
        )
