"""The inner problem of the relaxation: the convex envelope of what eigenvalues cost, over all orders of mu."""

from __future__ import annotations

import numpy as np

from optathlon.baselines.graphon_lasso._checks import Array

_MAX_STEPS = 100


def drawn(y: Array, mu: Array, gamma: float) -> Array:
    r"""Return the minimiser of :math:`-\log l + \frac{\gamma}{2} (l - \mu)^2 - y l`, gamma > 0: ascending where y and mu are."""
    d = y / gamma + mu
    root = np.sqrt(d * d + 4 / gamma)
    return np.where(d > 0, (d + root) / 2, 2 / gamma / (root - np.minimum(d, 0)))


def pooled(e: Array, mu: Array, weight: float, gamma: float) -> tuple[Array, Array]:
    r"""Minimise the convex envelope, over all vectors, of the cost of eigenvalues in any order.

    .. math:: F(e) = \min_\lambda \sum_i -\log \lambda_i + \frac{\kappa}{2} (e_i - \lambda_i)^2
        + \frac{\gamma}{2} (\lambda_i - \mu_i)^2, \qquad e, \mu \text{ ascending}

    Parameters
    ----------
    e, mu : ndarray, shape (n,)
        Both ascending.
    weight : float
        The kappa of the formula, above 0.
    gamma : float
        Above 0.

    Returns
    -------
    y : ndarray, shape (n,)
        The gradient of the envelope, ascending; constant on each block of a partition into runs. The eigenvalues of the copy
        are e - y / kappa.
    atoms : ndarray, shape (n,)
        Ascending eigenvalues whose orders the copy is a mean of: they have its sum on each block, and its cost there.

    Notes
    -----
    F depends on no order, so that its conjugate is attained at a vector in the order of y, where the terms are apart:
    F**(e) is the maximum over ascending y of sum_i y_i e_i - F_i*(y_i). Pooling adjacent violators is exact. All of them are
    pooled at once, and the value of each block is a root of a decreasing concave function, which Newton's method finds.
    """
    n = len(e)
    first, y = np.arange(n), np.zeros(n)
    size = weight * max(float(np.abs(e).max(initial=0.0)), float(np.abs(mu).max(initial=0.0)))
    while True:
        counts = np.diff(np.append(first, n))
        block = np.repeat(np.arange(len(first)), counts)
        sums = np.add.reduceat(e, first)
        for _ in range(_MAX_STEPS):
            atoms = drawn(y[block], mu, gamma)
            slope = 1 / (gamma + atoms**-2.0)
            excess = sums - counts * y / weight - np.add.reduceat(atoms, first)
            step = excess / (counts / weight + np.add.reduceat(slope, first))
            y = y + step
            if np.abs(step).max() <= 1e-14 * max(float(np.abs(y).max()), size):
                break
        ordered = y[:-1] <= y[1:]
        if ordered.all():
            return y[block], drawn(y[block], mu, gamma)
        kept = np.flatnonzero(np.append(True, ordered))
        y = np.add.reduceat(y * counts, kept) / np.add.reduceat(counts, kept)
        first = first[kept]
