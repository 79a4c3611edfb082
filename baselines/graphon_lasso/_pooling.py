"""The inner problem of the relaxation: eigenvalues drawn to the convex hull of all orders of mu."""

from __future__ import annotations

import numpy as np

from optathlon.baselines.graphon_lasso._checks import Array

_MAX_STEPS = 100


def pooled(e: Array, mu: Array, weight: float, gamma: float) -> tuple[Array, Array]:
    r"""Minimise over lam, and over nu majorised by mu.

    .. math:: \sum_i -\log \lambda_i + \frac{\kappa}{2} (e_i - \lambda_i)^2 + \frac{\gamma}{2} (\lambda_i - \nu_i)^2

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
    lam : ndarray, shape (n,)
        The minimiser.
    s : ndarray, shape (n,)
        lam - nu, ascending; constant on each block of a partition into runs, where sum(lam - s) = sum(mu).

    Notes
    -----
    The dual is concave and separable over ascending s, so pooling adjacent violators is exact. All of them are pooled at
    once, and the value of each block is a root of a decreasing convex function, which Newton's method finds from anywhere.
    """
    n = len(e)
    first, s = np.arange(n), np.zeros(n)
    while True:
        counts = np.diff(np.append(first, n))
        block = np.repeat(np.arange(len(first)), counts)
        targets = np.add.reduceat(mu, first)
        lam = e
        for _ in range(_MAX_STEPS):
            d = e - gamma / weight * s[block]
            root = np.sqrt(d * d + 4 / weight)
            lam = np.where(d > 0, (d + root) / 2, 2 / weight / (root - np.minimum(d, 0)))
            excess = np.add.reduceat(lam, first) - counts * s - targets
            step = excess / (counts + gamma / weight * np.add.reduceat(lam / root, first))
            s = s + step
            if np.abs(step).max() <= 1e-14 * max(float(np.abs(s).max()), float(np.abs(lam).max())):
                break
        ordered = s[:-1] <= s[1:]
        if ordered.all():
            return lam, s[block]
        kept = np.flatnonzero(np.append(True, ordered))
        s = np.add.reduceat(s * counts, kept) / np.add.reduceat(counts, kept)
        first = first[kept]
