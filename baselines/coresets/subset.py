"""The two selectors that look at nothing: a random subset, and all of it."""

from __future__ import annotations

from collections.abc import Iterator

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


def repeated_subsets(n: int, k: int, *, rng: Rng = None) -> Iterator[Coreset]:
    """Yield random subsets without end, each point once before any comes again: repeated sampling of random subsets (RS2).

    Take a new one every epoch: after n / k epochs the network has seen everything, at the price of a random subset.

    Parameters
    ----------
    n : int
        Number of points.
    k : int
        Points of a subset, 1 to n.
    rng : int, Generator or None
        Source of randomness.

    Yields
    ------
    Coreset
        k points, each with weight n / k.

    Raises
    ------
    ValueError
        Where k is not between 1 and n.

    References
    ----------
    .. [1] Okanovic et al., "Repeated random sampling for minimizing the time-to-accuracy of learning", 2024, algorithm 1.
    """
    n = integer("n", n)
    k, generator = subset_size(k, n), numpy_generator("rng", rng)

    def subsets() -> Iterator[Coreset]:
        left = np.empty(0, np.int64)
        while True:
            if len(left) >= k:
                chosen, left = np.split(left, [k])
            else:  # a new round begins: its first points complete the last round's
                order = generator.permutation(n)
                fresh = order[~np.isin(order, left)][: k - len(left)]
                chosen, left = np.concatenate([left, fresh]), order[~np.isin(order, fresh)]
            yield Coreset(chosen, np.full(k, n / k))

    return subsets()


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
