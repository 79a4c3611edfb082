"""The two selectors that look at nothing: a random subset, and all of it."""

from __future__ import annotations

import numpy as np

from optathlon.baselines._rng import Rng, numpy_generator
from optathlon.baselines.coresets._checks import integer, subset_size
from optathlon.baselines.coresets.coreset import Coreset
from optathlon.baselines.coresets.gradients import GradientsLike, as_gradients


def random_subset(gradients: GradientsLike | int, k: int, *, rng: Rng = None) -> Coreset:
    """Draw k points uniformly without replacement, each with weight n / k.

    Parameters
    ----------
    gradients : int, ndarray of shape (n, d), or factored pair
        The number of points, or their gradients, of which only the number is used.
    k : int
        Points to draw, 1 to n.
    rng : int, Generator or None
        Source of randomness.

    Returns
    -------
    Coreset
        k points.

    Raises
    ------
    ValueError
        Where k is not between 1 and n, or rng is no source of random numbers.
    """
    n = _count(gradients)
    k = subset_size(k, n)
    rng = numpy_generator("rng", rng)
    return Coreset(rng.choice(n, size=k, replace=False), np.full(k, n / k))


def full(gradients: GradientsLike | int, k: int | None = None) -> Coreset:
    """Return every point with weight 1.

    Parameters
    ----------
    gradients : int, ndarray of shape (n, d), or factored pair
        The number of points, or their gradients, of which only the number is used.
    k : int, optional
        Ignored: here so that all selectors are called alike.

    Returns
    -------
    Coreset
        All n points.
    """
    n = _count(gradients)
    return Coreset(np.arange(n), np.ones(n))


def _count(gradients: GradientsLike | int) -> int:
    if isinstance(gradients, (int, np.integer)):
        return integer("the number of points", gradients)
    return as_gradients(gradients).n
