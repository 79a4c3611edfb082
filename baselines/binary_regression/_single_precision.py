"""The squared loss of many weights, whose steps multiply by X'X in single precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.linalg import get_blas_funcs

from optathlon.baselines.binary_regression._losses import (
    Loss,
    largest_eigenvalue,
    relative_curvature,
    solve_normal_equations,
    times,
)

Array = NDArray[np.float64]
_symv: Any = get_blas_funcs("symv", dtype=np.float32)

_LEAST_PIVOT = 1e-2  # of the largest: above, each refinement leaves a thousandth of the error or so
_REFINEMENTS = 2


def make_quadratic(X: Array, y: Array) -> tuple[Loss, Callable[[Array], Array]]:
    """Return f(w) = |Xw - y|_2^2, and its gradient by products that read half of X'X, in single precision.

    X'X itself is summed up in single precision: its entries are off by about 1e-7 |X_i| |X_j|, as after rounding to it. What `f`
    returns is in double precision.
    """
    n = X.shape[-1]
    transposed = np.swapaxes(X, -1, -2)
    largest = np.abs(X).max(axis=(-2, -1), keepdims=True)
    unit = np.where(largest > 0, largest, 1.0)  # single precision would not hold every unit of the data
    scaled = (X / unit).astype(np.float32)
    gram = np.swapaxes(scaled, -1, -2) @ scaled
    norm = largest_eigenvalue(gram)
    f = Loss(
        lambda w: np.sum((times(X, w) - y) ** 2, axis=-1),
        lambda w: 2 * times(transposed, times(X, w) - y),
        lambda w: 2 * transposed @ X,
        np.where(norm > 0, 2 * unit[..., 0] ** 2 * norm, 1.0),
        relative_curvature(np.einsum("...ij,...ij->...j", X, X)),
        _least_squares(X, y, unit, gram),
    )
    offset = f.gradient(np.zeros_like(f.start))
    matrices = [matrix.T for matrix in (gram / np.where(norm > 0, norm, 1)[..., None]).reshape(-1, n, n)]

    def gradient(w: Array) -> Array:
        products = [_symv(1.0, matrix, v) for matrix, v in zip(matrices, w.reshape(-1, n).astype(np.float32), strict=True)]
        return np.stack(products).reshape(w.shape) * f.curvature + offset

    return f, gradient


def _least_squares(X: Array, y: Array, unit: Array, gram: NDArray[np.float32]) -> Array:
    """Minimise |Xw - y|_2 by a factor of `gram`, X'X / unit^2, refined in double precision where it keeps enough digits of X."""
    transposed = np.swapaxes(X, -1, -2)
    try:
        factor = scipy.linalg.cholesky(gram, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        factor = np.zeros_like(gram)
    pivots = np.diagonal(factor, axis1=-2, axis2=-1)
    if not np.all(pivots.min(axis=-1) > _LEAST_PIVOT * pivots.max(axis=-1)):
        return solve_normal_equations(X, y, transposed @ X, times(transposed, y))
    w = np.zeros(X.shape[:-2] + X.shape[-1:])
    for _ in range(1 + _REFINEMENTS):
        slope = times(transposed, y - times(X, w)) / unit[..., 0] ** 2
        w += scipy.linalg.cho_solve((factor, True), slope[..., None], check_finite=False)[..., 0]
    return w
