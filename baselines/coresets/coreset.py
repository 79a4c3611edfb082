"""What every selector returns: some points, and what each of them counts for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from baselines.coresets.gradients import GradientsLike, as_gradients


@dataclass(frozen=True, eq=False)
class Coreset:
    """A weighted subset.

    Attributes
    ----------
    indices : ndarray of int, shape (m,)
        The chosen points, each once, in the order in which they were chosen.
    weights : ndarray of float, shape (m,)
        Non-negative. The weighted sum over the subset stands for the plain sum over all points, so that weights add up
        to about n.
    """

    indices: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        indices = np.asarray(self.indices, dtype=np.int64).reshape(-1)
        weights = np.asarray(self.weights, dtype=np.float64).reshape(-1)
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
        """Return the points of positive weight, their weights scaled to mean 1: what a training loop needs.

        Raises
        ------
        ValueError
            Where no point has a positive weight: nobody trains on an empty set.
        """
        positive = self.weights > 0
        if not positive.any():
            raise ValueError(f"none of the coreset's {len(self)} points has a positive weight: nothing to train on")
        weights = self.weights[positive]
        return Coreset(self.indices[positive], weights / weights.mean())


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
    """
    gradients = as_gradients(gradients)
    target = gradients.combine(np.ones(gradients.n)).astype(np.float64)
    answer = gradients.take(coreset.indices).astype(np.float64).combine(coreset.weights)
    length = np.linalg.norm(target)
    if length == 0:
        return float("nan")
    factor = 1.0
    if scaled:
        factor = max(0.0, float(np.vdot(answer, target))) / max(float(np.vdot(answer, answer)), np.finfo(float).tiny)
    return float(np.linalg.norm(factor * answer - target) / length)
