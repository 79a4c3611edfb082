"""Compiled kernels: Walsh-Hadamard transform and Fastfood on tiles that stay in the cache.

A *tile* holds one vector's worth of samples (16 in float32, 8 in float64) with the sample as the contiguous index: row f
is feature f of all its samples. Butterflies, signs, permutation and scaling then work on whole vectors, and a number is
loaded and stored once per pass of radix up to 16 instead of once per stage of radix 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from baselines.random_features._vectors import (
    VECTOR_BYTES,
    butterflies,
    cosine,
    gather,
    load,
    load_transposed,
    multiply_add,
    scale,
    store,
)

SMALLEST = 16
"""Smallest transform length of the kernels."""


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call; keep the machine code on disk, or in memory where no directory can be written."""
    try:
        return njit(cache=True)(function)
    except RuntimeError:
        return njit(function)


def radices(length: int) -> np.ndarray:
    """Split a power of two into the fewest nearly equal factors of at most 16, one per pass."""
    bits = length.bit_length() - 1
    passes = -(-bits // 4)
    return np.array([2 ** ((bits + i) // passes) for i in range(passes)])


def workspace(n_tiles: int, length: int, dtype: Any) -> np.ndarray:
    """Return `n_tiles` tiles of `length` rows, aligned to a vector so that no load straddles two cache lines."""
    lanes = VECTOR_BYTES // np.dtype(dtype).itemsize
    memory = np.zeros((n_tiles * length + 1) * lanes, dtype)
    skip = -memory.ctypes.data % VECTOR_BYTES // memory.itemsize
    return memory[skip : skip + n_tiles * length * lanes].reshape(n_tiles, length, lanes)


@_compiled
def _passes(tile, radix, stride):
    """Run the passes of the given radices in place, at strides below `stride`."""
    for r in radix:
        stride //= r
        for base in range(0, len(tile), r * stride):
            for i in range(base, base + stride):
                if r == 16:
                    store(tile, i, stride, 0, butterflies(load(tile, i, stride, 0, 16)))
                elif r == 8:
                    store(tile, i, stride, 0, butterflies(load(tile, i, stride, 0, 8)))
                else:
                    store(tile, i, stride, 0, butterflies(load(tile, i, stride, 0, 4)))


@_compiled
def _first_pass_signed(samples, signs, radix, tile):
    """Tile = first pass of H B samples."""
    stride = len(tile) // radix
    for i in range(stride):
        if radix == 16:
            store(tile, i, stride, 0, butterflies(scale(load(samples, i, stride, 0, 16), signs, i, stride)))
        elif radix == 8:
            store(tile, i, stride, 0, butterflies(scale(load(samples, i, stride, 0, 8), signs, i, stride)))
        else:
            store(tile, i, stride, 0, butterflies(scale(load(samples, i, stride, 0, 4), signs, i, stride)))


@_compiled
def _first_pass_permuted(source, permutation, gaussian, radix, tile):
    """Tile = first pass of H G P source."""
    s = len(tile) // radix
    for i in range(s):
        if radix == 16:
            store(tile, i, s, 0, butterflies(scale(gather(source, permutation, i, s, 16), gaussian, i, s)))
        elif radix == 8:
            store(tile, i, s, 0, butterflies(scale(gather(source, permutation, i, s, 8), gaussian, i, s)))
        else:
            store(tile, i, s, 0, butterflies(scale(gather(source, permutation, i, s, 4), gaussian, i, s)))


@_compiled
def _finish(tile, slope, offset, amplitude, out, row, column):
    """Write ``slope * tile + offset``, or its cosine in turns times the amplitude, to rows of the output."""
    lanes = tile.shape[1]
    for f in range(0, len(tile), lanes):
        v = multiply_add(load_transposed(tile, f, 0), slope, offset, f)
        if amplitude > 0:
            v = cosine(v, amplitude)
        store(out, row, 1, column + f, v)


@_compiled
def _transpose_in(X, row, rows, staged, samples):
    """Lay `rows` rows of X out as a tile, features and samples beyond the edges zero."""
    for s in range(len(staged)):
        if s < rows:
            staged[s, : X.shape[1]] = X[row + s]
        else:
            staged[s] = 0.0
    for f in range(0, len(samples), len(staged)):
        store(samples, f, 1, 0, load_transposed(staged, 0, f))


@_compiled
def hadamard(X, radix, work, out):
    """Out = X H for rows of at most `length` numbers, `work` being two tiles of that length."""
    tile, lanes = work[0], work.shape[2]
    staged = work[1].reshape(lanes, -1)
    for row in range(0, len(X), lanes):
        rows = min(lanes, len(X) - row)
        _transpose_in(X, row, rows, staged, tile)
        _passes(tile, radix, len(tile))
        for f in range(0, len(tile), lanes):
            store(staged, 0, 1, f, load_transposed(tile, f, 0))
        out[row : row + rows] = staged[:rows]
        staged[:, X.shape[1] :] = 0.0


@_compiled
def fastfood(X, signs, permutation, gaussian, slope, offsets, amplitude, n_frequencies, radix, work, out):
    """Out = ``slope * H G P H B x + offset`` per block, or its cosine in turns times a positive amplitude.

    `offsets` (copies, blocks, length) writes the projection once per copy, one copy beside the other: cosine and sine are the
    same projection a quarter of a turn apart. `work` is five tiles.
    """
    length, lanes = work.shape[1:]
    samples, tile, other = work[:3]
    staged, partial = work[3].reshape(lanes, length), work[4].reshape(lanes, length)
    first_radix, rest, stride = radix[0], radix[1:], length // radix[0]
    for row in range(0, len(X), lanes):
        rows = min(lanes, len(X) - row)
        _transpose_in(X, row, rows, staged, samples)
        for block in range(len(signs)):
            _first_pass_signed(samples, signs[block], first_radix, tile)
            _passes(tile, rest, stride)
            _first_pass_permuted(tile, permutation[block], gaussian[block], first_radix, other)
            _passes(other, rest, stride)
            for copy in range(len(offsets)):
                column = copy * n_frequencies + block * length
                columns = min(length, n_frequencies - block * length, out.shape[1] - column)
                if rows == lanes and columns == length:
                    _finish(other, slope[block], offsets[copy, block], amplitude, out, row, column)
                elif columns > 0:
                    _finish(other, slope[block], offsets[copy, block], amplitude, partial, 0, 0)
                    out[row : row + rows, column : column + columns] = partial[:rows, :columns]
