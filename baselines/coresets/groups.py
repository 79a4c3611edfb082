"""Any selector, class by class or on whole batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from optathlon.baselines._rng import Rng, numpy_generator
from optathlon.baselines.coresets._checks import class_labels, integer, subset_size
from optathlon.baselines.coresets.coreset import Coreset, require_coreset
from optathlon.baselines.coresets.gradients import Gradients, GradientsLike, as_gradients

Selector: TypeAlias = Callable[[Gradients, int], Coreset]


def class_shares(labels: np.ndarray, k: int) -> list[tuple[int, int]]:
    """Divide k points among the classes present in proportion to their sizes, by largest remainder, at least one for each.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        The points' classes.
    k : int
        Points to divide, from the number of classes present to n.

    Returns
    -------
    list of (int, int)
        Each class present and its share, from 1 to its size.

    Raises
    ------
    ValueError
        Where k is smaller than the number of classes: one would be lost.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    if k < len(classes):
        raise ValueError(f"k must be at least the number of classes present, {len(classes)}, one point each, got {k}")
    exact = k * sizes
    shares = exact // len(labels)
    by_remainder = np.argsort(-(exact % len(labels)), kind="stable")
    shares[by_remainder[: k - shares.sum()]] += 1
    while (shares == 0).any():  # the rarest classes take from those with most points above their exact share
        shares[shares.argmin()] += 1
        shares[np.where(shares > 1, shares - exact / len(labels), -np.inf).argmax()] -= 1
    return list(zip(classes.tolist(), shares.tolist(), strict=True))


def per_class(select: Selector, gradients: GradientsLike, k: int, *, labels: np.ndarray) -> Coreset:
    """Select in every class by itself, with the class's share of k.

    The sum of the classes' matches matches the sum over all points, and a class's problem is smaller by the number of
    classes (squared, for methods on pairs).

    Parameters
    ----------
    select : callable
        ``select(gradients, k) -> Coreset``, for example `craig`, or `functools.partial` of it with settings.
    gradients : ndarray of shape (n, d), or factored pair
        Per-sample gradients.
    k : int
        Points to choose in all, from the number of classes present to n.
    labels : ndarray of int, shape (n,)
        The points' classes; every class present gets at least one point.

    Returns
    -------
    Coreset
        The classes' coresets one after the other.

    Raises
    ------
    ValueError
        Where labels are not n integers or of more classes than k, `select` returns no coreset of the class, or for what it
        refuses.

    References
    ----------
    .. [1] Killamsetty et al., "GRAD-MATCH", 2021, section 4.
    """
    gradients = as_gradients(gradients)
    k, labels = subset_size(k, gradients.n), class_labels(labels, gradients.n)
    indices, weights = [], []
    for name, share in class_shares(labels, k):
        members = np.flatnonzero(labels == name)
        part = require_coreset("what select returns", select(gradients.take(members), share), len(members))
        indices.append(members[part.indices])
        weights.append(part.weights)
    return Coreset(np.concatenate(indices), np.concatenate(weights))


def per_batch(
    select: Selector,
    gradients: GradientsLike,
    k: int,
    *,
    batch_size: int = 20,
    rng: Rng = None,
) -> Coreset:
    """Select whole random batches: the selector sees one summed gradient a batch.

    Parameters
    ----------
    select : callable
        ``select(gradients, k) -> Coreset``.
    gradients : ndarray of shape (n, d), or factored pair
        Per-sample gradients.
    k : int
        Points to choose, batch_size to n; batches are chosen while full ones fit in, and all of them for n.
    batch_size : int
        Points of a batch; the last batch may be smaller.
    rng : int, Generator or None
        Source of the division into batches.

    Returns
    -------
    Coreset
        The points of the chosen batches, batch by batch, each with its batch's weight.

    Raises
    ------
    ValueError
        Where k is smaller than a batch or larger than n, rng is no seed or generator, `select` returns no coreset of the
        batches, or for what `select` refuses.

    References
    ----------
    .. [1] Killamsetty et al., "GRAD-MATCH", 2021, section 4.
    """
    gradients = as_gradients(gradients)
    k, batch_size = subset_size(k, gradients.n), integer("batch_size", batch_size)
    if batch_size > gradients.n:
        raise ValueError(f"batch_size must be at most the number of points, {gradients.n}, got {batch_size}")
    if k < batch_size:
        raise ValueError(f"k must be at least one batch of {batch_size}, got {k}")
    rng = numpy_generator("rng", rng)
    count = -(-gradients.n // batch_size)
    batches = np.full(count * batch_size, -1)
    batches[: gradients.n] = rng.permutation(gradients.n)
    batches = batches.reshape(count, batch_size)
    wanted = count if k == gradients.n else k // batch_size
    part = require_coreset("what select returns", select(gradients.sums(batches), wanted), count)
    points = batches[part.indices]
    weights = np.broadcast_to(part.weights[:, None], points.shape)
    return Coreset(points[points >= 0], weights[points >= 0])
