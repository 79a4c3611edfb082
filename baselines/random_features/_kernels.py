"""Compiled kernels: Walsh-Hadamard transform and Fastfood on tiles that stay in the cache.

A *vector* is 64 bytes of one floating-point type; LLVM splits it into the registers that the machine has. Kernels hold tuples
of vectors, so that a butterfly of radix 16 runs without touching memory. Left to itself the compiler guards every short inner
loop against overlapping arrays and transposes one number at a time, which costs more than the arithmetic.

A *tile* holds one vector's worth of samples (16 in float32, 8 in float64) with the sample as the contiguous index: row f is
feature f of all its samples. Butterflies, signs, permutation and scaling then work on whole vectors, and a number is loaded
and stored once per pass of radix up to 16 instead of once per stage of radix 2.

Arrays are C-contiguous, and indices are not checked. All is in one file, because numba keeps machine code for as long as the
file of a kernel is the same, and does not look at what the kernel imports.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.core.extending import intrinsic, models, register_model

SMALLEST = 16
"""Smallest transform length of the kernels."""

VECTOR_BYTES = 64
"""Bytes of one vector: a cache line, and the widest register there is."""

_LANE = ir.IntType(32)


class Vector(types.Type):
    """The numba type of a vector of numbers of type `dtype`."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        self.lanes = VECTOR_BYTES * 8 // dtype.bitwidth
        super().__init__(name=f"Vector({dtype})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, ir.VectorType(manager[vector.dtype].get_value_type(), vector.lanes))


def _operation(generator: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that compiled code can call from one that types its arguments and emits its instructions."""
    return intrinsic(prefer_literal=True)(generator)


# ---- memory ----------------------------------------------------------------------------------------------------------


def _address(context: Any, builder: Any, kind: types.Array, array: Any, indices: list[Any]) -> Any:
    view = context.make_array(kind)(context, builder, array)
    item = cgutils.get_item_pointer(context, builder, kind, view, indices)
    return builder.bitcast(item, context.get_value_type(Vector(kind.dtype)).as_pointer())


def _rows(builder: Any, first: Any, step: Any, count: int) -> list[Any]:
    return [builder.add(first, builder.mul(step, step.type(r))) for r in range(count)]


@_operation
def load(_typing, array, first, step, column, count):
    """Load a vector at `column` of each of the `count` rows ``first, first + step, ...`` of a matrix."""
    vectors = types.UniTuple(Vector(array.dtype), count.literal_value)

    def generate(context, builder, signature, arguments):
        values, first, step, column, _ = arguments
        loaded = [
            builder.load(_address(context, builder, array, values, [row, column]), align=array.dtype.bitwidth // 8)
            for row in _rows(builder, first, step, vectors.count)
        ]
        return context.make_tuple(builder, vectors, loaded)

    return vectors(array, types.intp, types.intp, types.intp, count), generate


@_operation
def gather(_typing, array, index, first, step, count):
    """Load the rows ``index[first], index[first + step], ...`` of a matrix that is one vector wide."""
    vectors = types.UniTuple(Vector(array.dtype), count.literal_value)

    def generate(context, builder, signature, arguments):
        values, index_value, first, step, _ = arguments
        zero, loaded = context.get_constant(types.intp, 0), []
        index_view = context.make_array(index)(context, builder, index_value)
        for place in _rows(builder, first, step, vectors.count):
            row = builder.load(cgutils.get_item_pointer(context, builder, index, index_view, [place]))
            row = builder.sext(row, first.type)
            loaded.append(builder.load(_address(context, builder, array, values, [row, zero]), align=array.dtype.bitwidth // 8))
        return context.make_tuple(builder, vectors, loaded)

    return vectors(array, index, types.intp, types.intp, count), generate


@_operation
def store(_typing, array, first, step, column, vectors):
    """Store vectors at `column` of the rows ``first, first + step, ...`` of a matrix."""

    def generate(context, builder, signature, arguments):
        values, first, step, column, packed = arguments
        registers = cgutils.unpack_tuple(builder, packed)
        for register, row in zip(registers, _rows(builder, first, step, vectors.count), strict=True):
            address = _address(context, builder, array, values, [row, column])
            builder.store(register, address, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, types.intp, vectors), generate


# ---- arithmetic ------------------------------------------------------------------------------------------------------


def _repeat(builder: Any, number: Any, register: ir.VectorType) -> Any:
    """Return a vector with one number in every lane."""
    undefined = ir.Constant(register, ir.Undefined)
    first = builder.insert_element(undefined, number, _LANE(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_LANE, register.count), [0] * register.count))


def _constant(number: float, register: ir.VectorType) -> Any:
    return ir.Constant(register, [number] * register.count)


def _call(builder: Any, name: str, *arguments: Any) -> Any:
    """Call an elementwise LLVM intrinsic: ``llvm.fmuladd`` multiplies and adds, with one rounding where the machine can."""
    register = arguments[0].type
    suffix = f"v{register.count}f{64 if isinstance(register.element, ir.DoubleType) else 32}"
    kind = ir.FunctionType(register, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, kind, f"{name}.{suffix}")
    return builder.call(function, arguments)


@_operation
def scale(_typing, vectors, weights, first, step):
    """Multiply the vectors by the numbers ``weights[first], weights[first + step], ...``."""

    def generate(context, builder, signature, arguments):
        packed, values, first, step = arguments
        view = context.make_array(weights)(context, builder, values)
        scaled = []
        places = _rows(builder, first, step, vectors.count)
        for register, place in zip(cgutils.unpack_tuple(builder, packed), places, strict=True):
            weight = builder.load(cgutils.get_item_pointer(context, builder, weights, view, [place]))
            scaled.append(builder.fmul(register, _repeat(builder, weight, register.type)))
        return context.make_tuple(builder, vectors, scaled)

    return vectors(vectors, weights, types.intp, types.intp), generate


@_operation
def multiply_add(_typing, vectors, slope, offset, first):
    """Return ``slope * v + offset`` for each vector, lane by lane, from place `first` of the two arrays."""

    def generate(context, builder, signature, arguments):
        packed, slopes, offsets, first = arguments
        align = slope.dtype.bitwidth // 8
        a = builder.load(_address(context, builder, slope, slopes, [first]), align=align)
        b = builder.load(_address(context, builder, offset, offsets, [first]), align=align)
        moved = [_call(builder, "llvm.fmuladd", v, a, b) for v in cgutils.unpack_tuple(builder, packed)]
        return context.make_tuple(builder, vectors, moved)

    return vectors(vectors, slope, offset, types.intp), generate


@_operation
def butterflies(_typing, vectors):
    """Multiply a tuple of 2, 4, 8 or 16 vectors by the Walsh-Hadamard matrix of that order."""

    def generate(context, builder, signature, arguments):
        v = list(cgutils.unpack_tuple(builder, arguments[0]))
        half = 1
        while half < len(v):
            for i in range(len(v)):
                if not i & half:
                    v[i], v[i + half] = builder.fadd(v[i], v[i + half]), builder.fsub(v[i], v[i + half])
            half *= 2
        return context.make_tuple(builder, vectors, v)

    return vectors(vectors), generate


@_operation
def load_transposed(_typing, array, row, column):
    """Load the square of numbers at (row, column), as many rows as a vector has lanes, one vector per column."""
    lanes = Vector(array.dtype).lanes
    vectors = types.UniTuple(Vector(array.dtype), lanes)

    def generate(context, builder, signature, arguments):
        values, row, column = arguments
        align, half = array.dtype.bitwidth // 8, 1
        rows = _rows(builder, row, row.type(1), lanes)
        v = [builder.load(_address(context, builder, array, values, [r, column]), align=align) for r in rows]
        while half < lanes:  # exchange the off-diagonal quarters of every square of side 2 half
            low = [i - half + lanes if i & half else i for i in range(lanes)]
            high = [i + lanes if i & half else i + half for i in range(lanes)]
            masks = [ir.Constant(ir.VectorType(_LANE, lanes), mask) for mask in (low, high)]
            for i in range(lanes):
                if not i & half:
                    a, b = v[i], v[i + half]
                    v[i], v[i + half] = (builder.shuffle_vector(a, b, mask) for mask in masks)
            half *= 2
        return context.make_tuple(builder, vectors, v)

    return vectors(array, types.intp, types.intp), generate


def _sine_polynomial(terms: int) -> list[float]:
    """Return p with ``sin(2 pi u) = u p(u^2)`` for |u| <= 1/4, by interpolation at Chebyshev nodes; p_0 first."""
    chebyshev = np.cos(math.pi * (np.arange(terms) + 0.5) / terms)
    z = (1.0 + chebyshev) / 32.0
    polynomial = np.polynomial.Polynomial.fit(z, np.sin(2 * math.pi * np.sqrt(z)) / np.sqrt(z), terms - 1)
    return [float(c) for c in polynomial.convert().coef]


_SINE = {32: _sine_polynomial(5), 64: _sine_polynomial(9)}


@_operation
def cosine(_typing, vectors, amplitude):
    """Return ``amplitude * cos(2 pi v)`` for vectors v in turns: whole turns drop out without a rounding."""

    def generate(context, builder, signature, arguments):
        packed, height = arguments
        register = context.get_value_type(vectors.dtype)
        height = _repeat(builder, height, register)
        results = []
        for turns in cgutils.unpack_tuple(builder, packed):
            rest = builder.fsub(turns, _call(builder, "llvm.rint", turns))  # in [-1/2, 1/2]
            # cos(2 pi r) = sin(2 pi (1/4 - |r|)), whose argument is at most a quarter of a turn.
            u = builder.fsub(_constant(0.25, register), _call(builder, "llvm.fabs", rest))
            square = builder.fmul(u, u)
            p = _constant(coefficients[-1], register)
            for coefficient in coefficients[-2::-1]:
                p = _call(builder, "llvm.fmuladd", p, square, _constant(coefficient, register))
            results.append(builder.fmul(p, builder.fmul(u, height)))
        return context.make_tuple(builder, vectors, results)

    coefficients = _SINE[vectors.dtype.dtype.bitwidth]
    return vectors(vectors, vectors.dtype.dtype), generate


# ---- kernels --------------------------------------------------------------------------------------------------------


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
