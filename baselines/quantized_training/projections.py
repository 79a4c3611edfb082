"""Projections on a scale times signs, with or without zeros: exact, in linear time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.quantized_training._kernels import (
    best_threshold,
    gather,
    histogram,
    keep_above,
    largest_bits,
    surviving_bins,
)

_BITS, _MORE_BITS = (
    6,
    8,
)  # leading bits of the mantissa in a bin: 64 bins an octave, or 256 of so many numbers that bins cost nothing
_MANY = 500_000
_OCTAVES = 32
_SMALL = 256  # up to here sorting is quicker


def project_binary(y: ArrayLike) -> NDArray[Any]:
    r"""Return the projection of y on :math:`R_+ \times \{-1, 1\}^n`: :math:`\|y\|_1 / n` times the signs, + for zero.

    Parameters
    ----------
    y : array_like
        Numbers, not all zero; the whole array is one vector, whatever its shape.

    Returns
    -------
    ndarray
        Of the same shape; float32 for float32 and float16, else float64.

    Raises
    ------
    ValueError
        When the array is empty or all zero, or a number is not finite.

    References
    ----------
    Long, thesis, Lemma 4.3; Rastegari et al., 2016.
    """
    return _at_a_safe_scale(y, _binary)


def project_ternary(y: ArrayLike) -> NDArray[Any]:
    r"""Return the projection of y on :math:`R_+ \times \{-1, 0, 1\}^n`, exactly, in O(n).

    .. math:: w = \frac{S_{j^*}}{j^*} sign(y_{[j^*]}), \quad j^* = \arg\max_j S_j^2 / j

    where S_j sums the j largest magnitudes and :math:`y_{[j]}` keeps these entries. A histogram over the leading bits of the
    magnitudes bounds the score inside each bin; only bins that can hold the best threshold are sorted.

    Parameters
    ----------
    y : array_like
        Numbers, not all zero; the whole array is one vector, whatever its shape.

    Returns
    -------
    ndarray
        Of the same shape; float32 for float32 and float16, else float64.

    Raises
    ------
    ValueError
        When the array is empty or all zero, or a number is not finite.

    References
    ----------
    Long, thesis, Lemma 4.4, which prints sign(y_[j]) where y_[j*] is meant; Yin et al., 2016.
    """
    return _at_a_safe_scale(y, _ternary)


def mean_threshold_ternary(y: ArrayLike) -> NDArray[Any]:
    r"""Return the ternary weights of TWN's rule: keep :math:`|y_i| > 0.7 \|y\|_1 / n`, at the mean of what is kept.

    Parameters, result and errors are those of `project_ternary`, which it approximates.

    References
    ----------
    Li, Zhang and Liu, "Ternary weight networks", 2016, equations 4 to 6.
    """
    return _at_a_safe_scale(y, _mean_threshold)


def _binary(y: NDArray[Any], _: Any) -> NDArray[Any]:
    scale = y.dtype.type(np.abs(y).sum(dtype=np.float64) / y.size)
    return np.where(y >= 0, scale, -scale)


def _mean_threshold(y: NDArray[Any], _: Any) -> NDArray[Any]:
    magnitudes = np.abs(y)
    kept = magnitudes > 0.7 * magnitudes.sum(dtype=np.float64) / y.size  # never empty: the largest is above the mean
    scale = y.dtype.type(magnitudes[kept].sum(dtype=np.float64) / np.count_nonzero(kept))
    return np.where(kept, np.copysign(scale, y), y.dtype.type(0))


def _ternary(y: NDArray[Any], largest: Any) -> NDArray[Any]:
    if y.size <= _SMALL:
        scale, threshold = best_threshold(np.sort(np.abs(y)), 0, 0.0)
    else:
        scale, threshold = _search(y, largest)
    result = np.empty_like(y)
    keep_above(y, y.dtype.type(threshold), y.dtype.type(scale), result)
    return result


def _search(y: NDArray[Any], largest: Any) -> tuple[float, float]:
    """Return scale and least kept magnitude; `largest` is the largest magnitude as an integer."""
    bits, mask, mantissa = _integers(y)
    leading = _BITS if y.size < _MANY else _MORE_BITS
    shift = mantissa - leading
    top = int(largest) >> shift
    n_bins = min(_OCTAVES << leading, top + 1)
    bins = np.zeros((n_bins, 2))
    histogram(y, bits, mask, bits.dtype.type(shift), top, bins)
    # Borders, from that above the largest number down; they are numbers of y's type, but the topmost may be infinite.
    borders = (np.arange(top + 1, top - n_bins, -1).astype(bits.dtype) << shift).astype(bits.dtype).view(y.dtype)
    borders[-1] = 0
    highest = borders[:-1].astype(np.float64)
    highest[0] = min(highest[0], float(np.finfo(y.dtype).max))
    first, last, within, kept, total = surviving_bins(bins, highest)
    survivors = np.empty(within + 1, y.dtype)
    gather(y, borders[last + 1], borders[first], survivors)
    return best_threshold(np.sort(survivors[:within]), kept, total)


def _integers(y: NDArray[Any]) -> tuple[NDArray[Any], Any, int]:
    """Return the bits of y, the mask that takes the sign away, and the bits of a mantissa."""
    if y.dtype == np.float32:
        return y.view(np.uint32), np.uint32(2**31 - 1), 23
    return y.view(np.uint64), np.uint64(2**63 - 1), 52


def _at_a_safe_scale(y: ArrayLike, project: Callable[[NDArray[Any], Any], NDArray[Any]]) -> NDArray[Any]:
    """Check y and project it as one vector, scaled by a power of two where squares would leave the range of numbers."""
    try:
        array = np.asarray(y)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"y must be readable as a numpy array, got a {type(y).__name__}") from error
    if array.dtype.kind not in "fiu":
        raise ValueError(f"y must hold real numbers, got dtype {array.dtype}")
    if array.size == 0:
        raise ValueError(f"y must hold at least one number, got shape {array.shape}")
    flat = np.ascontiguousarray(array, np.float32 if array.dtype in (np.float16, np.float32) else np.float64).ravel()
    bits, mask, mantissa = _integers(flat)
    largest = largest_bits(bits, mask)
    if largest == 0:
        raise ValueError(f"y must not be all zero, for zero has no nearest signs, got {array.size} zeros")
    if int(largest) >> mantissa >= (0xFF if flat.dtype == np.float32 else 0x7FF):
        raise ValueError(f"y must be finite, got {np.count_nonzero(~np.isfinite(flat))} entries that are NaN or infinite")
    exponent = int(np.frexp(np.array(largest, bits.dtype).view(flat.dtype))[1])
    if abs(exponent) <= (100 if flat.dtype == np.float32 else 400):
        return project(flat, largest).reshape(array.shape)
    scaled = np.ldexp(flat.astype(np.float64), -exponent)
    largest = largest_bits(*_integers(scaled)[:2])
    return np.ldexp(project(scaled, largest), exponent).astype(flat.dtype).reshape(array.shape)
