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
from optathlon.baselines.convex_networks._cells import distinct_lines, open_cells, orthonormal_rows

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
    rows = orthonormal_rows(_checks.finite_array(X, "X", 2))
    return _covers_number(len(distinct_lines(rows)[0]), rows.shape[1])


def enumerate_patterns(X: ArrayLike, *, max_patterns: int = 100_000) -> NDArray[np.int8]:
    """Enumerate every activation pattern ``1[X w >= 0]`` that holds on an open set of w.

    Rows are added one at a time; a cell is split where the new hyperplane cuts it. Those cells are the ones that the other
    hyperplanes cut out of the new one: an arrangement of one dimension less, down to lines in the plane, whose angles are
    sorted. The features are orthonormalised first, so that their units and shifts beside a column of ones do not matter.
    Every w lies in the closure of one of these cells and has the same ReLU outputs there, so that the program over them is
    exact for networks of any width.

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
    X = _checks.finite_array(X, "X", 2)
    max_patterns = _checks.positive_integer(max_patterns, "max_patterns")
    rows = orthonormal_rows(X)
    first, line, flipped = distinct_lines(rows)
    bound = _covers_number(len(first), rows.shape[1])
    if bound > max_patterns:
        raise ValueError(
            f"X of shape {X.shape} has up to {bound:.3g} activation patterns, above max_patterns={max_patterns}: "
            "use sample_patterns, or raise the limit"
        )
    if not len(first):
        return np.ones((len(X), 1), dtype=np.int8)
    sides, _ = open_cells(rows[first])
    patterns = np.where(line >= 0, sides[:, line] ^ flipped, True).astype(np.int8)
    return np.ascontiguousarray(patterns[np.lexsort(-patterns.T[::-1])].T)


def _covers_number(n_lines: int, rank: int) -> int:
    return 2 * sum(comb(n_lines - 1, k) for k in range(rank)) if n_lines else 1


def sample_patterns(X: ArrayLike, n_patterns: int, rng: int | np.random.Generator | None = None) -> NDArray[np.int8]:
    """Sample distinct activation patterns ``1[X g >= 0]`` with Gaussian g.

    Wide cells are met first, so a program over sampled patterns gives an upper bound of the optimum over all of them.

    Parameters
    ----------
    X
        Data, (n_samples, n_features).
    n_patterns
        Number of distinct patterns wanted.
    rng
        Source of the Gaussian vectors; None means a fresh one.

    Returns
    -------
    ndarray of int8, (n_samples, n_patterns)
        Distinct patterns in the order in which they were met. The all-zero pattern is left out.

    Raises
    ------
    ValueError
        Bad X or n_patterns, or X has not so many patterns (or too many to list, and some too narrow to be met).
    """
    X = _checks.finite_array(X, "X", 2)
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
    X = _checks.finite_array(X, "X", 2)
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
