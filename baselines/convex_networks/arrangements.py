"""Activation patterns of a ReLU layer on given data: the cells of a hyperplane arrangement.

A pattern is the 0/1 vector ``1[X w >= 0]`` over the rows of X; the set of w that share it is a cone. The two-layer ReLU
program needs one block of variables per pattern. Patterns are kept as columns of an int8 array (n_samples, n_patterns).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks

#: Two rows whose unit vectors differ by less than this are one hyperplane.
_PARALLEL = 1e-12
#: A cell whose half-space cut is narrower than this (sine of the angle) counts as empty.
_EMPTY = 1e-9
#: Up to so many patterns, sampling falls back on enumeration for the cells that it does not meet.
_FEW = 5000


def count_arrangements(X: ArrayLike) -> int:
    """Cover's bound on the number of patterns, exact for rows in general position.

    With N distinct hyperplanes (zero rows and parallel rows counted once) and r = rank(X) it is
    ``2 * sum_{k<r} C(N-1, k)``; the all-zero pattern is included where it occurs.

    Parameters
    ----------
    X
        Data, (n_samples, n_features).

    Returns
    -------
    int
        The number of cells of the arrangement, at most; 1 where every row is zero.

    References
    ----------
    T. M. Cover (1965), Geometrical and statistical properties of systems of linear inequalities, Theorem 1.
    """
    lines = _distinct_lines(_checks.samples(X))
    if lines.shape[0] == 0:
        return 1
    rank = int(np.linalg.matrix_rank(lines))
    return 2 * sum(comb(lines.shape[0] - 1, k) for k in range(rank))


def enumerate_patterns(X: ArrayLike, *, max_patterns: int = 100_000) -> NDArray[np.int8]:
    """Enumerate every activation pattern ``1[X w >= 0]`` that holds on an open set of w.

    Rows are added one at a time; a cell is split where the new hyperplane cuts it. The half ``s x'w > 0`` of a cell K is
    non-empty exactly where the projection of s x on K is not zero, which one non-negative least-squares problem decides.
    Every w lies in the closure of one of these cells and has the same ReLU outputs there, so that the
    program over them is exact for networks of any width.

    Parameters
    ----------
    X
        Data, (n_samples, n_features). Zero rows are always active; duplicate and opposite rows share a hyperplane.
    max_patterns
        Refuse data whose number of patterns may exceed this (:func:`count_arrangements`).

    Returns
    -------
    ndarray of int8, (n_samples, n_patterns)
        The patterns as columns in lexicographic order, all-ones first; the all-zero pattern is last where it occurs.

    Raises
    ------
    ValueError
        X is not a finite non-empty matrix, or has too many patterns.
    """
    X = _checks.samples(X)
    max_patterns = _checks.positive_integer(max_patterns, "max_patterns")
    bound = count_arrangements(X)
    if bound > max_patterns:
        raise ValueError(
            f"X of shape {X.shape} has up to {bound:.3g} activation patterns, above max_patterns={max_patterns}: "
            "use sample_patterns, or raise the limit"
        )
    rows = _unit_rows(X)
    cells = [np.empty(0, dtype=np.int8)]
    for i in range(len(rows)):
        cells = [np.append(cell, np.int8(side)) for cell in cells for side in _sides(rows[:i], cell, rows[i])]
    return np.array(cells, dtype=np.int8).T


def sample_patterns(X: ArrayLike, n_patterns: int, rng: np.random.Generator | None = None) -> NDArray[np.int8]:
    """Sample distinct activation patterns ``1[X g >= 0]`` with Gaussian g.

    Wide cells are met first, so a program over sampled patterns gives an upper bound of the optimum over all of them.

    Parameters
    ----------
    X
        Data, (n_samples, n_features).
    n_patterns
        Number of distinct patterns wanted.
    rng
        Source of the Gaussian vectors; None means seed 0.

    Returns
    -------
    ndarray of int8, (n_samples, n_patterns)
        Distinct patterns in the order in which they were met. The all-zero pattern is left out.

    Raises
    ------
    ValueError
        Bad X or n_patterns, or X has not so many patterns (or too many to list, and some too narrow to be met).
    """
    X = _checks.samples(X)
    n_patterns = _checks.positive_integer(n_patterns, "n_patterns")
    rng = _checks.generator(rng)
    n_samples, n_features = X.shape
    _checks.require_memory(n_samples * float(n_patterns), f"{n_patterns} patterns of {n_samples} samples")
    bound = count_arrangements(X)
    if n_patterns > bound:
        raise ValueError(f"n_patterns={n_patterns} exceeds the number of arrangements of X with shape {X.shape}, at most {bound}")
    found: dict[bytes, NDArray[np.int8]] = {}
    n_draws, idle = 0, 0
    while len(found) < n_patterns and idle < 50:
        before = len(found)
        directions = rng.standard_normal((n_features, max(n_patterns, 32)))
        for pattern in (X @ directions >= 0).astype(np.int8).T:
            if pattern.any() and len(found) < n_patterns:
                found.setdefault(pattern.tobytes(), pattern)
        n_draws += directions.shape[1]
        idle = idle + 1 if len(found) == before else 0
    if len(found) < n_patterns and bound <= _FEW:
        # What is left are narrow cells: take them from the complete list, in random order.
        for pattern in rng.permutation(enumerate_patterns(X), axis=1).T:
            if pattern.any() and len(found) < n_patterns:
                found.setdefault(pattern.tobytes(), pattern)
    if len(found) < n_patterns:
        raise ValueError(
            f"n_patterns={n_patterns} exceeds the number of arrangements that can be met: {len(found)} distinct non-zero "
            f"patterns in {n_draws} draws (X of shape {X.shape} has at most {bound})"
        )
    return np.ascontiguousarray(np.array(list(found.values())).T)


def pool_patterns(X: ArrayLike, first_layers: Iterable[ArrayLike]) -> NDArray[np.int8]:
    """Collect the patterns ``1[X W1 >= 0]`` of the neurons of trained networks.

    A program over them is never above any of the networks: each network is one of its feasible points.

    Parameters
    ----------
    X
        Data, (n_samples, n_features).
    first_layers
        First-layer weights W1 of the networks, each (n_features, n_neurons).

    Returns
    -------
    ndarray of int8, (n_samples, n_patterns)
        Distinct non-zero patterns; the all-ones pattern alone where no neuron is ever active.
    """
    X = _checks.samples(X)
    blocks = []
    for layer in first_layers:
        W1 = _checks.finite_array(layer, "first_layers", 2)
        if W1.shape[0] != X.shape[1]:
            raise ValueError(f"first_layers must have {X.shape[1]} rows (the features of X), got shape {W1.shape}")
        blocks.append((X @ W1 >= 0).astype(np.int8))
    if not blocks:
        raise ValueError("first_layers must hold at least one network, got none")
    patterns = np.unique(np.hstack(blocks), axis=1)
    patterns = patterns[:, patterns.any(axis=0)]
    return patterns if patterns.shape[1] else np.ones((X.shape[0], 1), dtype=np.int8)


def _unit_rows(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of unit length; rows that are zero stay zero."""
    # Scale by the largest entry first: the squares of a norm may overflow or vanish.
    largest = np.abs(X).max(axis=1, keepdims=True)
    scaled = X / np.where(largest > 0, largest, 1.0)
    norms = np.linalg.norm(scaled, axis=1, keepdims=True)
    return scaled / np.where(norms > 0, norms, 1.0)


def _distinct_lines(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """One unit vector per hyperplane: zero rows dropped, parallel and opposite rows once."""
    rows = _unit_rows(X)
    rows = rows[np.any(rows != 0, axis=1)]
    # The first entry that is not negligible decides the sign, so that x and -x become one.
    if len(rows):
        first = np.argmax(np.abs(rows) > _PARALLEL, axis=1)
        rows = rows * np.sign(rows[np.arange(len(rows)), first])[:, None]
    return rows[np.unique(np.round(rows / _PARALLEL) * _PARALLEL, axis=0, return_index=True)[1]]


def _sides(rows: NDArray[np.float64], cell: NDArray[np.int8], new: NDArray[np.float64]) -> list[int]:
    """Activations of the unit row ``new`` that occur on open sets within the cell, 1 first."""
    if not new.any():
        return [1]
    normals = np.where(cell[:, None] == 1, rows, -rows)
    return [side for side, x in ((1, new), (0, -new)) if _distance_to_polar(normals, x) > _EMPTY]


def _distance_to_polar(normals: NDArray[np.float64], x: NDArray[np.float64]) -> float:
    """``|Proj_K(x)|`` for K = {w: normals w >= 0}: by Moreau, the residual of min_{lam>=0} |x + normals' lam|."""
    from scipy.optimize import nnls

    if len(normals) == 0:
        return float(np.linalg.norm(x))
    return float(nnls(normals.T, -x)[1])
