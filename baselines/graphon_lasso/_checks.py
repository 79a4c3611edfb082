"""Checks at the door: which argument, what is required, what was given."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SYMMETRY = 1e-10  # of the largest entry
_LARGEST, _SMALLEST = 1e50, 1e-50  # squares of the data, and of what is divided by them, stay finite


def check_array(name: str, values: Any, n_axes: int) -> Array:
    """Return a finite float64 array with that many axes."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array of real numbers: {error}") from None
    if array.dtype.kind not in "iufb":
        raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.ndim != n_axes:
        raise ValueError(f"{name} must have {n_axes} {'axis' if n_axes == 1 else 'axes'}, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(array))} NaN or infinite entries")
    return array.astype(np.float64, copy=False)


def check_symmetric(name: str, values: Any) -> Array:
    """Return a finite symmetric matrix with at least two rows, equal to its transpose to the last bit."""
    array = check_array(name, values, 2)
    if array.shape[0] != array.shape[1] or len(array) < 2:
        raise ValueError(f"{name} must be a square matrix with at least two rows, got shape {array.shape}")
    largest = float(np.abs(array).max())
    if largest > _LARGEST:
        raise ValueError(f"{name} must have entries of magnitude at most {_LARGEST:g}, got {largest:.3g}")
    excess = float(np.abs(array - array.T).max())
    if excess > _SYMMETRY * largest:
        raise ValueError(f"{name} must be symmetric, got entries that differ from the transpose by up to {excess:.3g}")
    return (array + array.T) / 2


def check_weights(name: str, values: Any, n_nodes: int | None = None) -> Array:
    """Return non-negative edge weights, as many as n_nodes has pairs, or as some number of nodes has."""
    array = check_array(name, values, 1)
    if n_nodes is None:
        n_nodes = count_nodes(name, len(array))
    if len(array) != n_nodes * (n_nodes - 1) // 2:
        raise ValueError(f"{name} must have {n_nodes * (n_nodes - 1) // 2} weights for {n_nodes} nodes, got {len(array)}")
    if (array < 0).any():
        raise ValueError(f"{name} must be non-negative, got {array.min():.3g}")
    return array


def count_nodes(name: str, n_pairs: int) -> int:
    """Return p where n_pairs = p (p - 1) / 2."""
    n_nodes = round((1 + np.sqrt(1 + 8 * n_pairs)) / 2)
    if n_pairs < 1 or n_nodes * (n_nodes - 1) // 2 != n_pairs:
        raise ValueError(f"{name} must have p (p - 1) / 2 entries for some p of at least 2, got {n_pairs}")
    return n_nodes


def check_spectrum(mu: Any, n_nodes: int, gamma: float) -> Array:
    """Return the prior eigenvalues mu_2 .. mu_p; zeros where gamma is 0 and there are none."""
    if mu is None:
        if gamma > 0:
            raise ValueError(f"mu must be given where gamma is above 0, got mu=None with gamma={gamma:g}")
        return np.zeros(n_nodes - 1)
    array = check_array("mu", mu, 1)
    if len(array) != n_nodes:
        raise ValueError(f"mu must have one eigenvalue per row of S, {n_nodes}, got {len(array)}")
    if array.min() < 0 or array.max() > _LARGEST:
        raise ValueError(f"mu must be between 0 and {_LARGEST:g}, got {array.min():.3g} to {array.max():.3g}")
    if (np.diff(array) < 0).any():
        first = int(np.argmax(np.diff(array) < 0))
        raise ValueError(f"mu must be ascending, got {array[first]:.6g} before {array[first + 1]:.6g} at position {first}")
    return array[1:]


def check_costs(costs: Array, gamma: float) -> None:
    """Refuse costs of edges for which the objective has no minimum, or no computable one."""
    largest, smallest = float(np.abs(costs).max()), float(costs.min())
    if gamma == 0 and smallest <= 0:
        raise ValueError(
            "S must give S_ii + S_jj - 2 S_ij + alpha > 0 for every pair where gamma is 0 (the weight of a pair of equal "
            f"variables would grow without bound), got {smallest:.3g}; raise alpha"
        )
    if gamma == 0 and smallest < _SMALLEST:
        raise ValueError(f"S must give S_ii + S_jj - 2 S_ij + alpha of at least {_SMALLEST:g}, got {smallest:.3g}; rescale S")
    if largest > _LARGEST:
        raise ValueError(f"alpha and S must give costs of edges of at most {_LARGEST:g}, got {largest:.3g}")


def check_number(name: str, value: Any, *, zero: bool = False) -> float:
    """Return a finite number above zero, or of at least zero."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not real or not np.isfinite(float(value)) or not (float(value) > 0 or (zero and float(value) == 0)):
        required = "of at least 0" if zero else "above 0"
        raise ValueError(f"{name} must be a finite number {required}, got {value!r}")
    return float(value)


def check_count(name: str, value: Any, *, least: int = 1) -> int:
    """Return an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return int(value)


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return one of the words allowed."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def check_rng(rng: Any) -> np.random.Generator:
    """Return the generator that `numpy.random.default_rng` makes of None, an integer or a generator."""
    try:
        if isinstance(rng, bool):
            raise TypeError
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ValueError(f"rng must be a non-negative integer, a numpy.random.Generator or None, got {rng!r}") from None
