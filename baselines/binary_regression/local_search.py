"""Single flips: the polish of any signs, and annealing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_count, check_positive, check_regression, check_rng
from optathlon.baselines.binary_regression._losses import times
from optathlon.baselines.binary_regression.least_squares import sign

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FlipResult:
    """Answer of `flip_descent` and `annealing`.

    Attributes
    ----------
    w : ndarray, shape (..., n_features)
        Weights in {-1, +1}.
    objective : ndarray, shape (...)
        |Xw - y|_2^2.
    converged : ndarray of bool, shape (...)
        Whether no single flip lowers the objective: a local optimum, not a global one.
    n_flips : ndarray of int, shape (...)
        Flips made.
    """

    w: Array
    objective: Array
    converged: NDArray[np.bool_]
    n_flips: NDArray[np.int64]


def flip_descent(
    X: ArrayLike,
    y: ArrayLike,
    w: ArrayLike,
    *,
    max_steps: int = 100_000,
    callback: Callable[[int, Array], object] | None = None,
) -> FlipResult:
    """Flip the sign that lowers |Xw - y|_2^2 the most, until none does.

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    y : array_like, shape (..., n_samples)
        Targets.
    w : array_like, shape (..., n_features)
        Weights to start from; their signs count.
    max_steps : int
        Flips of each problem at most.
    callback : callable, optional
        ``callback(step, w)`` after each round, in which every problem flips at most one sign.

    Returns
    -------
    FlipResult
        The local optimum reached.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.
    """
    features, target = check_regression(X, y, stacked=True)
    check_count("max_steps", max_steps)
    start = np.asarray(w)
    if start.shape != features.shape[:-2] + features.shape[-1:] or start.dtype.kind not in "iuf" or not np.isfinite(start).all():
        expected = features.shape[:-2] + features.shape[-1:]
        raise ValueError(f"w must hold finite numbers in shape {expected} to match X, got {start.dtype} {start.shape}")
    signs = sign(start.astype(np.float64))
    transposed = np.swapaxes(features, -1, -2)
    gram = transposed @ features
    squares = np.diagonal(gram, axis1=-2, axis2=-1)
    slope = times(gram, signs) - times(transposed, target)
    rounding = rounding_of(features, target)[..., None]
    n_flips = np.zeros(signs.shape[:-1], dtype=np.int64)
    active = np.ones(signs.shape[:-1], dtype=bool)
    for step in range(1, max_steps + 1):
        gains = 4 * (signs * slope - squares)  # of each flip
        chosen = gains.argmax(axis=-1)[..., None]
        active = np.asarray(np.take_along_axis(gains, chosen, axis=-1) > rounding)[..., 0]
        if not active.any():
            break
        old = np.take_along_axis(signs, chosen, axis=-1) * active[..., None]
        column = np.take_along_axis(gram, chosen[..., None, :], axis=-1)[..., 0]
        slope = slope - 2 * old * column
        np.put_along_axis(signs, chosen, np.take_along_axis(signs, chosen, axis=-1) - 2 * old, axis=-1)
        n_flips += active
        if callback is not None:
            callback(step, signs.copy())
    else:
        active = np.max(4 * (signs * slope - squares), axis=-1) > rounding[..., 0]
    objective = np.asarray(((times(features, signs) - target) ** 2).sum(axis=-1))
    return FlipResult(signs, objective, ~active, n_flips)


def rounding_of(X: Array, y: Array) -> Array:
    """Return what is no progress of |Xw - y|^2, shape (...): its terms cancel where y is small beside Xw."""
    return np.asarray(1e-12 * ((y**2).sum(axis=-1) + (X**2).sum(axis=(-2, -1))))


def annealing(
    X: ArrayLike,
    y: ArrayLike,
    *,
    n_sweeps: int = 100,
    n_chains: int = 10,
    hottest: float = 1.0,
    coldest: float = 0.01,
    rng: int | np.random.Generator | None = None,
) -> FlipResult:
    """Anneal single flips (Metropolis) from random signs, polish every chain by `flip_descent` and return the best.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    y : array_like, shape (n_samples,)
        Targets.
    n_sweeps : int
        Passes over the weights, with temperatures falling geometrically.
    n_chains : int
        Independent chains.
    hottest, coldest : float
        First and last temperature, in units of four times the mean square length of a column.
    rng : int or numpy.random.Generator, optional
        Source of the starts, the orders and the moves.

    Returns
    -------
    FlipResult
        The best local optimum; its flips count those of its chain's polish.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    References
    ----------
    Kirkpatrick, Gelatt, Vecchi, Optimization by simulated annealing, Science 1983.
    """
    features, target = check_regression(X, y)
    check_count("n_sweeps", n_sweeps)
    check_count("n_chains", n_chains)
    check_positive("hottest", hottest)
    check_positive("coldest", coldest)
    generator = check_rng(rng)
    n_features = features.shape[1]
    gram = features.T @ features
    signs = generator.choice([-1.0, 1.0], (n_features, n_chains))
    slope = gram @ signs - (features.T @ target)[:, None]
    unit = 4 * float(np.diagonal(gram).mean()) or 1.0
    for temperature in unit * np.geomspace(hottest, coldest, n_sweeps):
        thresholds = temperature * np.log(generator.random((n_features, n_chains)))
        for i in generator.permutation(n_features):
            flips = 4 * (signs[i] * slope[i] - gram[i, i]) > thresholds[i]
            change = -2 * signs[i] * flips
            slope += gram[:, i : i + 1] * change
            signs[i] += change
    many = (n_chains, *features.shape)
    polished = flip_descent(np.broadcast_to(features, many), np.broadcast_to(target, many[:2]), signs.T)
    best = int(np.argmin(polished.objective))
    return FlipResult(
        *(np.asarray(part[best]) for part in (polished.w, polished.objective, polished.converged, polished.n_flips))
    )
