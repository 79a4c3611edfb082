"""Incremental gradients on a strongly convex sum, over all points or over a weighted subset: what CRAIG's theorem is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from optathlon.baselines.coresets._checks import integer, non_negative, real_array
from optathlon.baselines.coresets.coreset import Coreset, require_coreset


@dataclass(frozen=True, eq=False)
class IncrementalResult:
    """Answer of `incremental_gradient`.

    Attributes
    ----------
    weights : ndarray, shape (d,)
        The model after the last pass.
    n_gradients : int
        Gradients of single samples that were evaluated.
    """

    weights: np.ndarray
    n_gradients: int


def logistic_objective(X: Any, y: Any, ridge: float, weights: Any, coreset: Coreset | None = None) -> tuple[float, np.ndarray]:
    """Return ``sum_i c_i log(1 + exp(-y_i x_i'w)) + ridge/2 |w|^2`` and its gradient, c the coreset's weights or all 1."""
    X, y, weights = np.asarray(X, np.float64), np.asarray(y, np.float64), np.asarray(weights, np.float64)
    counts = np.ones(len(y)) if coreset is None else np.bincount(coreset.indices, coreset.weights, len(y))
    margins = y * (X @ weights)
    slope = -counts * y / (1 + np.exp(np.clip(margins, -500, 500)))
    value = float(counts @ np.logaddexp(0, -margins)) + ridge / 2 * float(weights @ weights)
    return value, X.T @ slope + ridge * weights


def incremental_gradient(
    X: Any,
    y: Any,
    *,
    ridge: float,
    coreset: Coreset | None = None,
    n_passes: int = 20,
    step: float = 1.0,
    callback: Callable[[int, np.ndarray], object] | None = None,
) -> IncrementalResult:
    """Minimise ridge-regularised logistic regression by one sample's gradient after another, in a fixed order.

    A step follows ``c_i grad l_i(w) + (c_i / sum c) ridge w``, so that a pass follows the whole gradient. Its length in pass k is
    ``step / (L (1 + ridge k / L))``, L = max c_i |x_i|^2 / 4 + ridge: of order 1/L first, 1/(ridge k) in the end, as the rate
    O(1/k) asks for.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Samples.
    y : ndarray, shape (n,)
        Labels -1 and 1.
    ridge : float
        Strong convexity mu of the sum, above 0.
    coreset : Coreset, optional
        The samples that are visited, in its order, and their weights; all samples in their order by default.
    n_passes : int
        Passes over the samples.
    step : float
        First step length in units of 1 / L.
    callback : callable, optional
        ``callback(n_gradients, weights)`` after each pass, the method's own array, only to be read.

    Returns
    -------
    IncrementalResult
        The model and the gradients that it took.

    Raises
    ------
    ValueError
        Where samples are not finite, labels are others than -1 and 1, or a setting is out of its range.

    References
    ----------
    .. [1] Mirzasoleiman, Bilmes and Leskovec, "Coresets for data-efficient training of machine learning models", 2020, section 3.
    .. [2] Gurbuzbalaban, Ozdaglar and Parrilo, "Convergence rate of incremental gradient and Newton methods", 2019.
    """
    X, y = real_array("X", X, 2).astype(np.float64), real_array("y", y, 1).astype(np.float64)
    if len(y) != len(X) or not np.isin(y, (-1.0, 1.0)).all():
        raise ValueError(f"y must hold a label -1 or 1 for each of the {len(X)} samples, got shape {y.shape}")
    n_passes, step = integer("n_passes", n_passes), non_negative("step", step)
    if non_negative("ridge", ridge) == 0:
        raise ValueError(f"ridge must be above 0, got {ridge}")
    chosen = Coreset(np.arange(len(X)), np.ones(len(X))) if coreset is None else require_coreset("coreset", coreset, len(X))
    signed, counts = X[chosen.indices] * y[chosen.indices, None], chosen.weights
    decay = ridge * counts / counts.sum()
    bound = float((counts * (signed**2).sum(axis=1)).max()) / 4 + ridge
    weights = np.zeros(X.shape[1])
    for k in range(n_passes):
        length = step / (bound + ridge * k)
        for row, count, shrink in zip(signed, counts, decay, strict=True):
            pull = count / (1 + np.exp(min(float(row @ weights), 500.0)))
            weights = (1 - length * shrink) * weights + (length * pull) * row
        if callback is not None:
            callback((k + 1) * len(counts), weights)
    return IncrementalResult(weights, n_passes * len(counts))
