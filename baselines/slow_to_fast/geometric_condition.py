"""The geometric condition of Lemma 2.4 by four equivalent statements, and its probability."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.slow_to_fast._checks import check_array, check_count, check_rng

_TOLERANCE = 1e-9  # of distances between unit vectors

STATEMENTS = ("half-space", "hull", "combination", "facets")
"""The four statements, by name."""


def geometric_condition(weights: ArrayLike, *, statement: str = "half-space") -> bool:
    """Return whether no closed half space through the origin holds all weight vectors.

    Parameters
    ----------
    weights : array_like, shape (k, d)
        Weight vectors, none zero. Those of the neurons that vote for the class.
    statement : {"half-space", "hull", "combination", "facets"}
        Which of the equivalent statements decides: there is no closed half space (a linear program); the origin is inside the
        convex hull of the directions, along every axis (2 d linear programs, solved as one); the directions span the space and
        a combination with positive coefficients vanishes (a linear program); the origin is strictly within every facet of the
        hull (Qhull).

    Returns
    -------
    bool
        Whether the condition holds. Directions within 1e-9 of a common half space count as inside it.

    Raises
    ------
    ValueError
        When the array has no two axes, a number is not finite, a vector is zero, or the statement is unknown.

    References
    ----------
    Long, thesis, Lemma 2.4.
    """
    U = _directions(weights)
    if statement not in STATEMENTS:
        raise ValueError(f"statement must be one of {', '.join(STATEMENTS)}, got {statement!r}")
    k, d = U.shape
    if k <= d:  # d vectors never surround the origin
        return False
    decide: dict[str, Callable[[NDArray[np.float64]], bool]] = {
        "half-space": _no_half_space,
        "hull": _inside_hull,
        "combination": _positive_combination,
        "facets": _within_facets,
    }
    return decide[statement](U)


def condition_probability(k: int, d: int) -> float:
    r"""Return :math:`2^{1-k} \sum_{j=d}^{k-1} \binom{k-1}{j}`, the probability of the condition for symmetric random directions.

    Parameters
    ----------
    k, d : int
        Number of vectors, those of the positive neurons alone, and their dimension.

    Raises
    ------
    ValueError
        When a number is below 1.

    References
    ----------
    Long, thesis, Remark 2.1; Cover, 1965.
    """
    k, d = check_count("k", k), check_count("d", d)
    return sum(math.comb(k - 1, j) for j in range(d, k)) / 2 ** (k - 1)


def count_sign_patterns(weights: ArrayLike) -> int:
    r"""Return for how many of the :math:`2^k` choices of signs the vectors :math:`\pm w_j` satisfy the condition.

    In general position it is :math:`2 \sum_{j \ge d} \binom{k-1}{j}`, whatever the vectors.

    Parameters
    ----------
    weights : array_like, shape (k, d)
        Vectors, none zero; k at most 16.

    Raises
    ------
    ValueError
        As `geometric_condition` does, and for more than 16 vectors.

    References
    ----------
    Long, thesis, proof of Remark 2.1.
    """
    U = _directions(weights)
    if len(U) > 16:
        raise ValueError(f"weights must hold at most 16 vectors, for 2^k patterns are tried, got {len(U)}")
    # A pattern and its opposite agree.
    patterns = (np.array((1.0, *signs)) for signs in product((1.0, -1.0), repeat=len(U) - 1))
    return 2 * sum(geometric_condition(U * signs[:, None]) for signs in patterns)


def projected_condition_share(
    weights: ArrayLike, *, dimension: int = 3, n_projections: int = 100, rng: int | np.random.Generator | None = None
) -> float:
    """Return the share of random subspaces in which the projected weight vectors satisfy the condition.

    Parameters
    ----------
    weights : array_like, shape (k, d)
        Weight vectors of a layer.
    dimension : int
        Dimension of the subspaces, at most d.
    n_projections : int
        Number of subspaces.
    rng : int, numpy.random.Generator, optional
        Source of the subspaces.

    Raises
    ------
    ValueError
        When an argument has the wrong shape or range.

    References
    ----------
    Long, thesis, Fig. 2.7.
    """
    U = _directions(weights)
    dimension, rng = check_count("dimension", dimension), check_rng(rng)
    if dimension > U.shape[1]:
        raise ValueError(f"dimension must be at most that of the weights, {U.shape[1]}, got {dimension}")
    hits = 0
    for _ in range(check_count("n_projections", n_projections)):
        basis, _ = np.linalg.qr(rng.standard_normal((U.shape[1], dimension)))
        hits += geometric_condition(U @ basis)
    return hits / n_projections


def _directions(weights: ArrayLike) -> NDArray[np.float64]:
    W = check_array("weights", weights, 2)
    largest = np.abs(W).max(axis=1, keepdims=True)
    if not largest.all():
        raise ValueError(f"weights must have a direction each, got {np.count_nonzero(largest == 0)} vectors of zeros")
    W = W / largest  # neither overflow nor underflow in the norm
    return W / np.linalg.norm(W, axis=1, keepdims=True)


def _no_half_space(U: NDArray[np.float64]) -> bool:
    """Decide by max sum <n, u_j> subject to <n, u_j> >= 0, |n| <= 1: zero, with vectors that span, means n = 0 alone."""
    if not _spans(U):
        return False
    found = _program(-U.sum(axis=0), -U, np.zeros(len(U)), bounds=(-1, 1))
    return -found <= _TOLERANCE * len(U)


def _inside_hull(U: NDArray[np.float64]) -> bool:
    """Decide by how far the hull reaches along every axis, both ways: all of them strictly, and the origin is inside.

    The 2 d programs share nothing, so they are solved as the blocks of one, whose overhead is paid once.
    """
    from scipy.sparse import block_diag

    k, d = U.shape
    blocks = [
        np.vstack([np.column_stack([U.T, sign * axis]), np.r_[np.ones(k), 0.0]]) for axis, sign in product(np.eye(d), (-1.0, 1.0))
    ]
    cost, right = np.tile(np.r_[np.zeros(k), -1.0], 2 * d), np.tile(np.r_[np.zeros(d), 1.0], 2 * d)
    found = _solve(cost, None, None, block_diag(blocks, format="csc"), right, bounds=(0, None))
    return found is not None and bool((found.reshape(2 * d, k + 1)[:, -1] > _TOLERANCE).all())


def _positive_combination(U: NDArray[np.float64]) -> bool:
    """Decide by the largest least coefficient of a convex combination that vanishes."""
    if not _spans(U):
        return False
    k, d = U.shape
    equalities = np.vstack([np.column_stack([U.T, U.sum(axis=0)]), np.r_[np.ones(k), float(k)]])  # coefficients are t + s_j
    least = _program(np.r_[np.zeros(k), -1.0], None, None, equalities, np.r_[np.zeros(d), 1.0], bounds=(0, None))
    return -least > _TOLERANCE


def _within_facets(U: NDArray[np.float64]) -> bool:
    """Decide by the offsets of the hull's facets."""
    if U.shape[1] == 1:
        return bool(U.min() < 0 < U.max())
    from scipy.spatial import ConvexHull, QhullError

    try:
        offsets = ConvexHull(U).equations[:, -1]
    except QhullError:  # a flat hull has no inside
        return False
    return bool((offsets < -_TOLERANCE).all())


def _spans(U: NDArray[np.float64]) -> bool:
    return bool(np.linalg.svd(U, compute_uv=False)[-1] > _TOLERANCE)


def _program(cost, A_ub, b_ub, A_eq=None, b_eq=None, *, bounds) -> float:
    """Return the least cost of a linear program; infinity where nothing is feasible."""
    found = _solve(cost, A_ub, b_ub, A_eq, b_eq, bounds=bounds)
    return math.inf if found is None else float(cost @ found)


def _solve(cost, A_ub, b_ub, A_eq=None, b_eq=None, *, bounds) -> NDArray[np.float64] | None:
    """Return the solution of a linear program; None where nothing is feasible."""
    from scipy.optimize import linprog

    found = linprog(cost, A_ub, b_ub, A_eq, b_eq, bounds=bounds, method="highs")
    return found.x if found.status == 0 else None
