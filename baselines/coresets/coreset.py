"""What every selector returns: some points, and what each of them counts for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from optathlon.baselines.coresets.gradients import GradientsLike, as_gradients

_NEGLIGIBLE = 1e-30  # of the largest weight: a batch of such points would have no weight left in float32


@dataclass(frozen=True, eq=False)
class Coreset:
    """A weighted subset.

    Attributes
    ----------
    indices : ndarray of int, shape (m,)
        The chosen points, from 0, each once, in the order in which they were chosen.
    weights : ndarray of float, shape (m,)
        Non-negative. The weighted sum over the subset stands for the plain sum over all points, so that weights add up
        to about n.
    """

    indices: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        indices = np.asarray(self.indices).reshape(-1)
        weights = np.asarray(self.weights, dtype=np.float64).reshape(-1)
        if len(indices) and indices.dtype.kind not in "iu":
            raise ValueError(f"indices of a coreset must be integers, got dtype {indices.dtype}")
        indices = indices.astype(np.int64, copy=False)
        if (indices < 0).any():
            raise ValueError(f"indices of a coreset must not be negative, got {indices.min()}")
        if len(indices) != len(weights):
            raise ValueError(f"a coreset needs one weight a point, got {len(indices)} points and {len(weights)} weights")
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError("weights of a coreset must be finite and not negative")
        if len(np.unique(indices)) != len(indices):
            raise ValueError("indices of a coreset must be distinct")
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "weights", weights)

    def __len__(self) -> int:
        return len(self.indices)

    def normalised(self) -> Coreset:
        """Return the points that have weight, their weights scaled to mean 1: what a training loop needs.

        Points below about 1e-30 of the largest weight are left out too, so that no weight vanishes in float32.

        Raises
        ------
        ValueError
            Where no point has a positive weight: nobody trains on an empty set.
        """
        largest = self.weights.max(initial=0)
        if largest == 0:
            raise ValueError(f"none of the coreset's {len(self)} points has a positive weight: nothing to train on")
        weights = np.ldexp(self.weights, -np.frexp(largest)[1])  # a power of two is exact, and no sum overflows
        kept = weights > _NEGLIGIBLE
        return Coreset(self.indices[kept], weights[kept] / weights[kept].mean())


def require_coreset(what: str, value: Any, n: int) -> Coreset:
    """Return `value` where it is a coreset of n points, or refuse it."""
    if not isinstance(value, Coreset):
        raise ValueError(f"{what} must be a Coreset, got {type(value).__name__}")
    if len(value) and value.indices.max() >= n:
        raise ValueError(f"{what} must have indices below the number of points, {n}, got {value.indices.max()}")
    return value


def matching_error(gradients: GradientsLike, coreset: Coreset, *, scaled: bool = False) -> float:
    """Distance of the coreset's gradient from the full one, ||sum_S w_j g_j - sum_i g_i|| / ||sum_i g_i||.

    Parameters
    ----------
    gradients : ndarray of shape (n, d), or factored pair
        Gradients of all samples.
    coreset : Coreset
        Points among them, with weights.
    scaled : bool
        Multiply the weights by the best common factor a >= 0 first. Training normalises weights, so that only the
        direction counts.

    Returns
    -------
    float
        0 is a perfect match and 1 what the empty set has; NaN where the gradients sum to zero.

    Raises
    ------
    ValueError
        Where gradients are not finite, or the coreset has points that they lack.
    """
    gradients = as_gradients(gradients)
    coreset = require_coreset("coreset", coreset, gradients.n)
    target = gradients.combine(np.ones(gradients.n)).astype(np.float64)
    answer = gradients.take(coreset.indices).astype(np.float64).combine(coreset.weights)
    length = np.linalg.norm(target)
    if length == 0:
        return float("nan")
    factor = 1.0
    if scaled:
        factor = max(0.0, float(np.vdot(answer, target))) / max(float(np.vdot(answer, answer)), np.finfo(float).tiny)
    return float(np.linalg.norm(factor * answer - target) / length)
