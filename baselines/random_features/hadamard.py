"""The fast Walsh-Hadamard transform."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from optathlon.baselines.random_features._checks import check_memory, check_real


def padded_length(length: int, *, least: int = 1) -> int:
    """Return the smallest power of two that is at least `length` and at least `least`."""
    return max(least, 1 << (length - 1).bit_length())


def fast_walsh_hadamard(X: ArrayLike) -> np.ndarray:
    r"""Multiply along the last axis by the Walsh-Hadamard matrix: ``X @ scipy.linalg.hadamard(d)`` in O(d log d).

    .. math:: H_1 = 1, \qquad H_{2k} = \begin{pmatrix} H_k & H_k \\ H_k & -H_k \end{pmatrix}

    The transform is unnormalised and in Sylvester (natural) order: applied twice it returns d times its input. A length
    that is not a power of two is padded with zeros to the next one.

    Parameters
    ----------
    X : array_like, shape (..., d)
        Real numbers; float32 stays float32, everything else becomes float64.

    Returns
    -------
    ndarray, shape (..., 2**ceil(log2(d)))
        The transform of each vector along the last axis.

    Raises
    ------
    ValueError
        If X is a scalar, its last axis is empty, or an entry is not a finite real number.

    References
    ----------
    Fino, Algazi. *Unified matrix treatment of the fast Walsh-Hadamard transform*. IEEE Trans. Computers, 1976.
    """
    X = np.asarray(X)
    if X.ndim == 0 or X.shape[-1] == 0:
        raise ValueError(f"X must have at least one number along its last axis, got shape {X.shape}")
    X = check_real("X", X)
    d = X.shape[-1]
    length = padded_length(d)
    rows = np.require(X, requirements=["C", "W"]).reshape(-1, d)
    check_memory("the transform", len(rows) * length, X.itemsize)
    return _transform_rows(rows, length).reshape(*X.shape[:-1], length)


def _transform_rows(rows: np.ndarray, length: int) -> np.ndarray:
    from optathlon.baselines.random_features import _kernels

    if length < _kernels.SMALLEST:
        return rows @ scipy.linalg.hadamard(length)[: rows.shape[1]].astype(rows.dtype)
    out = np.empty((len(rows), length), rows.dtype)
    _kernels.hadamard(rows, _kernels.radices(length), _kernels.workspace(2, length, rows.dtype), out)
    return out


def hadamard_by_products(X: np.ndarray) -> np.ndarray:
    """Return the transform of rows whose length is a power of two, by two BLAS products: H_ab = H_a (x) H_b."""
    n, d = X.shape
    bits = d.bit_length() - 1
    H_a, H_b = (scipy.linalg.hadamard(2**k).astype(X.dtype) for k in (bits // 2, bits - bits // 2))
    return (H_a @ (X.reshape(-1, len(H_b)) @ H_b).reshape(n, len(H_a), len(H_b))).reshape(n, d)
