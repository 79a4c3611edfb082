"""Tabu search over signs: single flips that do not come back at once, with restarts near the best."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_count, check_regression, check_rng
from optathlon.baselines.binary_regression.box_relaxation import box_relaxation
from optathlon.baselines.binary_regression.local_search import FlipResult, flip_descent, rounding_of

Array = NDArray[np.float64]


def tabu_search(
    X: ArrayLike,
    y: ArrayLike,
    *,
    n_rounds: int = 10,
    patience: int | None = None,
    tenure: int | None = None,
    start: ArrayLike | None = None,
    rng: int | np.random.Generator | None = None,
    callback: Callable[[int, Array], object] | None = None,
) -> FlipResult:
    """Minimise |Xw - y|_2^2 over w in {-1, +1}^n_features by tabu search.

    A move flips the sign that lowers the objective the most, or raises it the least, and bans it for `tenure` moves. A round ends
    after `patience` moves without a new best; the next one starts from the best signs with some to all of them flipped at random.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    y : array_like, shape (n_samples,)
        Targets.
    n_rounds : int
        Rounds.
    patience : int, optional
        Moves without progress that end a round; by default ten a feature.
    tenure : int, optional
        Moves for which a flipped sign stays; by default 20, or a quarter of the features where that is fewer.
    start : array_like, shape (n_features,), optional
        Weights whose signs are the first; by default those of :func:`box_relaxation`.
    rng : int or numpy.random.Generator, optional
        Source of the restarts.
    callback : callable, optional
        ``callback(round, w)`` with the best signs after each round.

    Returns
    -------
    FlipResult
        The best signs seen. `converged` says that no single flip improves on them, and no more; `n_flips` counts all moves.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    Notes
    -----
    A move reads one row of X'X, so that a round costs some tens of n_features^2 multiplications.

    References
    ----------
    Glover, Tabu search, part I, ORSA Journal on Computing 1989; Palubeckis, Multistart tabu search strategies for the
    unconstrained binary quadratic optimization problem, Annals of Operations Research 2004.
    """
    from optathlon.baselines.binary_regression._tabu import walk

    features, target = check_regression(X, y)
    n_features = features.shape[1]
    check_count("n_rounds", n_rounds)
    for name, value in (("patience", patience), ("tenure", tenure)):
        if value is not None:
            check_count(name, value)
    generator = check_rng(rng)
    polished = flip_descent(features, target, box_relaxation(features, target).w if start is None else start)
    gram, moments = features.T @ features, features.T @ target
    rounding = float(rounding_of(features, target))
    patience, tenure = patience or 10 * n_features, tenure or max(1, min(20, n_features // 4))
    best, lowest, n_moves = polished.w, 0.0, int(polished.n_flips)  # objectives less that of the start
    signs, height = best.copy(), 0.0
    for step in range(1, n_rounds + 1):
        slope = gram @ signs - moments
        free = np.zeros(n_features, np.int64)
        found, fall, moves = walk(gram, signs, slope, free, 0, tenure, patience, rounding)
        n_moves += moves
        if height + fall < lowest - rounding:
            best, lowest = found, height + fall
        if callback is not None:
            callback(step, best.copy())
        shaken = generator.permutation(n_features)[: generator.integers(1, n_features + 1)]
        signs = best.copy()
        signs[shaken] *= -1
        change = signs - best
        height = lowest + float(change @ (gram @ (signs + best)) - 2 * moments @ change)
    final = flip_descent(features, target, best)
    return FlipResult(final.w, final.objective, final.converged, np.asarray(n_moves + int(final.n_flips)))
