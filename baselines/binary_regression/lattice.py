"""Lattice reduction (LLL) and Babai's nearest plane: a detector that decides in a better basis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_matrix, check_regression
from optathlon.baselines.binary_regression.detectors import TreeResult, noise_variance

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_LARGEST = 2.0**52  # beyond, integers have no place in a float


class ReducedBasis(NamedTuple):
    """Answer of `lll`.

    Attributes
    ----------
    basis : ndarray, shape (n_rows, n_columns)
        The reduced basis, in columns: ``B @ transform``.
    transform : ndarray of int64, shape (n_columns, n_columns)
        Unimodular: whole numbers, of determinant -1 or 1.
    n_swaps : int
        Exchanges of neighbouring columns.
    """

    basis: Array
    transform: Integers
    n_swaps: int


def lll(B: ArrayLike, *, delta: float = 0.75) -> ReducedBasis:
    """Reduce the columns of B to short and nearly orthogonal ones that span the same lattice.

    With R of ``B T = QR``: ``|R_jk| <= |R_jj| / 2`` for j < k, and ``delta R_kk^2 <= R_(k+1)(k+1)^2 + R_k(k+1)^2``.

    Parameters
    ----------
    B : array_like, shape (n_rows, n_columns)
        A basis: independent columns.
    delta : float
        How hard to try, above 1/4 and below 1.

    Returns
    -------
    ReducedBasis
        The reduced basis, the transform and the number of swaps, which is at most a polynomial of the columns.

    Raises
    ------
    ValueError
        When B has the wrong shape or dtype or dependent columns, delta is out of range, or the transform leaves the whole numbers
        that a float holds.

    References
    ----------
    Lenstra, Lenstra, Lovasz, Factoring polynomials with rational coefficients, Math. Ann. 1982; by Givens rotations of R as in
    Ling, Mow, Gan, Dual-lattice ordering and partial lattice reduction for SIC-based MIMO detection, IEEE JSTSP 2009.
    """
    basis = check_matrix("B", B)
    if isinstance(delta, bool) or not isinstance(delta, float | int) or not 0.25 < delta < 1:
        raise ValueError(f"delta must be above 1/4 and below 1, got {delta!r}")
    n = basis.shape[1]
    R = np.asarray(np.linalg.qr(basis, mode="r"), dtype=np.float64)
    pivots = np.abs(np.diagonal(R))
    _require_independent(basis, pivots)
    T = np.eye(n)
    k, n_swaps = 1, 0
    while k < n:
        _reduce_size(R, T, k, k - 1)
        if delta * R[k - 1, k - 1] ** 2 > R[k, k] ** 2 + R[k - 1, k] ** 2:
            _swap(R, T, k)
            n_swaps += 1
            k = max(k - 1, 1)
        else:
            for j in range(k - 2, -1, -1):
                _reduce_size(R, T, k, j)
            k += 1
    if np.abs(T).max() > _LARGEST:
        raise ValueError(f"B must be better conditioned: its reduction takes multiples of up to {np.abs(T).max():.3g}")
    return ReducedBasis(basis @ T, T.astype(np.int64), n_swaps)


def lattice_reduction(X: ArrayLike, y: ArrayLike, *, delta: float = 0.75) -> TreeResult:
    """Detect signs in y = Xw + e by Babai's nearest plane in a reduced basis.

    With w = 2b - 1, b whole: y + X1 = 2Xb + e. The lattice is that of [2X; 2s I], s^2 the estimated noise variance, for |w|^2
    is the same for all signs and the extended basis is well conditioned. A b outside {0, 1} is clipped.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    y : array_like, shape (n_samples,)
        Targets.
    delta : float
        As in :func:`lll`.

    Returns
    -------
    TreeResult
        Signs and their |Xw - y|_2^2.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    References
    ----------
    Babai, On Lovasz' lattice reduction and the nearest lattice point problem, Combinatorica 1986; Wuebben et al., MMSE-based
    lattice-reduction for near-ML detection of MIMO systems, 2004 (the extension).
    """
    features, target = check_regression(X, y)
    w = decide_on_levels(features, target, 1, delta)
    residual = features @ w - target
    return TreeResult(w, float(residual @ residual))


def decide_on_levels(X: Array, y: Array, top: int, delta: float) -> Array:
    """Return w = 2b - top, b the nearest plane's whole numbers in the reduced extended basis, clipped to 0..top."""
    n, power = X.shape[1], top * (top + 2) / 3  # the mean of w^2 over the levels
    ridge = np.sqrt(noise_variance(np.sqrt(power) * X, y) / power)
    reduced = lll(2 * np.vstack([X, ridge * np.eye(n)]), delta=delta)
    goal = np.concatenate([y + top * X.sum(axis=1), np.full(n, top * ridge)])
    b = reduced.transform @ nearest_plane(reduced.basis, goal)
    return np.clip(np.asarray(2 * b - top, dtype=np.float64), -top, top)


def nearest_plane(B: ArrayLike, y: ArrayLike) -> Integers:
    """Return whole numbers z with y - Bz in the box spanned by the Gram-Schmidt vectors of B: Babai's nearest plane.

    Parameters
    ----------
    B : array_like, shape (n_rows, n_columns)
        Independent columns.
    y : array_like, shape (n_rows,)
        Target.

    Returns
    -------
    ndarray of int64, shape (n_columns,)
        z; the part of y - Bz in the span of B is at most ``sqrt(sum_k R_kk^2) / 2`` long.

    Raises
    ------
    ValueError
        When an argument has the wrong shape or dtype.
    """
    basis, target = check_regression(B, y, names=("B", "y"))
    Q, R = np.linalg.qr(basis)
    _require_independent(basis, np.abs(np.diagonal(R)))
    left = Q.T @ target
    z = np.zeros(basis.shape[1])
    for k in range(len(z) - 1, -1, -1):
        z[k] = np.rint(left[k] / R[k, k])
        left -= z[k] * R[:, k]
    return z.astype(np.int64)


def _require_independent(basis: Array, pivots: Array) -> None:
    if basis.shape[0] < basis.shape[1] or pivots.min() <= 1e-12 * pivots.max():
        raise ValueError(f"B must have independent columns, got shape {basis.shape} and pivots down to {pivots.min():.3g}")


def _reduce_size(R: Array, T: Array, k: int, j: int) -> None:
    multiple = np.rint(R[j, k] / R[j, j])
    if multiple:
        R[: j + 1, k] -= multiple * R[: j + 1, j]
        T[:, k] -= multiple * T[:, j]


def _swap(R: Array, T: Array, k: int) -> None:
    """Exchange the columns k - 1 and k, and rotate their rows so that R is a triangle again."""
    R[:, [k - 1, k]] = R[:, [k, k - 1]]
    T[:, [k - 1, k]] = T[:, [k, k - 1]]
    a, b = R[k - 1, k - 1], R[k, k - 1]
    c, s = np.array([a, b]) / np.hypot(a, b)
    R[k - 1 : k + 1] = np.array([[c, s], [-s, c]]) @ R[k - 1 : k + 1]
    R[k, k - 1] = 0.0
