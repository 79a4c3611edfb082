"""What the theorems of chapter 4 say of QUANT on the teacher problem, and the exact law of its time shares."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.quantized_training._checks import check_teachers, check_weights
from optathlon.baselines.quantized_training.projections import project_binary, project_ternary


def optimum(w_star: ArrayLike, weights: str) -> NDArray[np.float64]:
    """Return the best quantised direction: the unit vector of the projection of each teacher.

    Parameters
    ----------
    w_star : array_like, shape (n,) or (n_runs, n)
        Teachers, none zero; only their directions matter.
    weights : {"binary", "ternary"}
        The quantised weights.

    Returns
    -------
    ndarray, shape (n_runs, n)
        Unit vectors.

    Raises
    ------
    ValueError
        When a teacher is zero or not finite, or the name of the weights is unknown.

    References
    ----------
    Long, thesis, Lemma 4.1.
    """
    project = project_binary if check_weights(weights) == "binary" else project_ternary
    rows = np.stack([project(row) for row in check_teachers(w_star)])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def sufficient_condition(w_star: ArrayLike, weights: str) -> NDArray[np.bool_]:
    r"""Return for each teacher whether the theorem promises that the optimum comes back for ever.

    Theorem 4.1 (binary): :math:`0 < \sum_{|w^*_j| < 1/\sqrt n} (1/\sqrt n - |w^*_j|) < 2/\sqrt n`. Theorem 4.2 (ternary):
    :math:`0 < \sum_{z_j \ne \hat w} \lambda_j < 1`, with `cone_coordinates` for lambda and the optimum for :math:`\hat w`.

    Parameters, errors
        As for `optimum`.

    Returns
    -------
    ndarray of bool, shape (n_runs,)
        Whether the condition holds.

    References
    ----------
    Long, thesis, Theorems 4.1 and 4.2.
    """
    rows, n = check_teachers(w_star), np.shape(w_star)[-1]
    if check_weights(weights) == "binary":
        missing = np.maximum(1 / math.sqrt(n) - np.abs(rows), 0).sum(axis=1)
        return (missing > 0) & (missing < 2 / math.sqrt(n))
    coordinates = cone_coordinates(rows)
    best = np.count_nonzero(optimum(rows, "ternary"), axis=1) - 1
    rest = coordinates.sum(axis=1) - coordinates[np.arange(len(rows)), best]
    return (rest > 0) & (rest < 1)


def cone_coordinates(w_star: ArrayLike) -> NDArray[np.float64]:
    r"""Return lambda with :math:`w^* = \sum_j \lambda_j z_j`, z_j the unit vector of the signs of the j largest entries.

    Returns
    -------
    ndarray, shape (n_runs, n)
        Coordinates, at least 0; column j - 1 belongs to z_j.

    References
    ----------
    Long, thesis, section 4.3 (the vertices of the cone).
    """
    sorted_ = -np.sort(-np.abs(check_teachers(w_star)), axis=1)
    steps = sorted_ - np.pad(sorted_[:, 1:], ((0, 0), (0, 1)))
    return steps * np.sqrt(np.arange(1, sorted_.shape[1] + 1))


def time_shares(w_star: ArrayLike) -> NDArray[np.float64]:
    r"""Return the share of the steps that ternary QUANT ends up spending at each z_j.

    The recurrence is a subgradient method on :math:`G(y) = \max_{z} \langle z, y\rangle - \langle w^*, y\rangle`, z over the
    quantised unit vectors. Its mean velocity tends to the shortest element of :math:`w^* - conv\{z\}`, hence the shares are
    the coordinates p of the Euclidean projection of w* on the hull:

    .. math:: \min_p |w^* - \sum_j p_j z_j|^2, \quad p \ge 0, \; \sum_j p_j = 1.

    They are not :math:`\lambda_j / \sum \lambda`, which the remark after Theorem 4.2 suggests.

    Returns
    -------
    ndarray, shape (n_runs, n)
        Shares that sum to 1; column j - 1 belongs to z_j.

    References
    ----------
    Derived here from equation 4.4 and Lemma 4.4.
    """
    coordinates = cone_coordinates(w_star)
    n = coordinates.shape[1]
    sizes = np.arange(1, n + 1)
    # <z_i, z_j> = sqrt(min / max), for the z are nested.
    gram = np.sqrt(np.minimum.outer(sizes, sizes) / np.maximum.outer(sizes, sizes))
    return np.stack([_on_simplex(gram, gram @ row) for row in coordinates])


def wrong_sign_shares(w_star: ArrayLike) -> NDArray[np.float64]:
    r"""Return the share of the steps that binary QUANT ends up spending with the wrong sign of each coordinate.

    .. math:: \max(0, 1/\sqrt n - |w^*_j|) \sqrt n / 2

    Returns
    -------
    ndarray, shape (n_runs, n)
        Shares, at most a half.

    References
    ----------
    Long, thesis, proof of Theorem 4.1 (alpha / (alpha + beta)).
    """
    rows = check_teachers(w_star)
    root = math.sqrt(rows.shape[1])
    return np.maximum(1 / root - np.abs(rows), 0) * root / 2


def _on_simplex(gram: NDArray[np.float64], linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minimise p'Gp/2 - linear'p over the simplex by an active set: Wolfe's method of the nearest point."""
    n = len(linear)
    p = np.zeros(n)
    p[int(np.argmin(np.diag(gram) / 2 - linear))] = 1.0
    for _ in range(20 * n):
        slope = gram @ p - linear
        level = slope @ p
        enter = int(np.argmin(slope))
        if slope[enter] >= level - 1e-13:
            break
        support = np.flatnonzero((p > 0) | (np.arange(n) == enter))
        while True:
            target = _equality(gram, linear, support)
            if target.min() > 0:
                break
            now = p[support]
            shrinking = target <= 0
            step = (now[shrinking] / (now[shrinking] - target[shrinking])).min()
            moved = now + step * (target - now)
            moved[shrinking & (moved <= 1e-15)] = 0
            p[:] = 0
            p[support] = moved
            if not (moved == 0).any():
                p[support[int(np.argmin(moved))]] = 0
            support = np.flatnonzero(p)
        p[:] = 0
        p[support] = target
    return p


def _equality(gram: NDArray[np.float64], linear: NDArray[np.float64], support: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the minimiser over the affine hull of the support."""
    k = len(support)
    system = np.ones((k + 1, k + 1))
    system[:k, :k] = gram[np.ix_(support, support)]
    system[k, k] = 0
    return np.linalg.solve(system, np.r_[linear[support], 1.0])[:k]
