"""Scores of how hard a sample is, and the hardest by them: EL2N, GraNd and forgetting."""

from __future__ import annotations

from typing import Any

import numpy as np

from optathlon.baselines.coresets._checks import real_array, subset_size
from optathlon.baselines.coresets.coreset import Coreset
from optathlon.baselines.coresets.gradients import FactoredGradients, GradientsLike, as_gradients


def el2n(gradients: GradientsLike) -> np.ndarray:
    """Length of each sample's error, ||softmax - onehot||.

    Parameters
    ----------
    gradients : ndarray of shape (n, C), or factored pair
        Errors, one row a sample; of a factored pair its first factor.

    Returns
    -------
    ndarray, shape (n,)
        Scores; the published ones are means over several networks early in training.

    Raises
    ------
    ValueError
        Where errors are not finite.

    References
    ----------
    .. [1] Paul, Ganguli and Dziugaite, "Deep learning on a data diet", 2021, definition 2.2.
    """
    given = as_gradients(gradients)
    return np.linalg.norm(given.residuals if isinstance(given, FactoredGradients) else given.rows, axis=1)


def grand(gradients: GradientsLike) -> np.ndarray:
    """Length of each sample's gradient.

    Parameters
    ----------
    gradients : ndarray of shape (n, d), or factored pair
        Per-sample gradients.

    Returns
    -------
    ndarray, shape (n,)
        Scores; the published ones are means over several networks early in training.

    Raises
    ------
    ValueError
        Where gradients are not finite.

    References
    ----------
    .. [1] Paul, Ganguli and Dziugaite, "Deep learning on a data diet", 2021, definition 2.1.
    """
    return np.sqrt(as_gradients(gradients).squared_norms())


class ForgettingEvents:
    """Count how often each sample, once classified rightly, is classified wrongly at the next look.

    Parameters
    ----------
    n : int
        Number of samples.

    References
    ----------
    .. [1] Toneva et al., "An empirical study of example forgetting during deep neural network learning", 2019, algorithm 1.
    """

    def __init__(self, n: int) -> None:
        self._right = np.zeros(n, bool)
        self._learnt = np.zeros(n, bool)
        self._events = np.zeros(n, np.int64)

    def look(self, right: Any) -> None:
        """Take note of which samples are classified rightly now, shape (n,) of bool."""
        right = np.asarray(right)
        if right.shape != self._right.shape or right.dtype != bool:
            raise ValueError(f"right must be {len(self._right)} booleans, got {right.dtype} of shape {right.shape}")
        self._events += self._right & ~right
        self._right, self._learnt = right.copy(), self._learnt | right

    @property
    def scores(self) -> np.ndarray:
        """Events so far, shape (n,); infinity for a sample never classified rightly."""
        return np.where(self._learnt, self._events, np.inf)


def hardest(scores: Any, k: int) -> Coreset:
    """Return the k samples of the highest scores, the first of equals, each with weight n / k.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Scores; infinity is allowed.
    k : int
        Samples to choose, 1 to n.

    Returns
    -------
    Coreset
        k samples, the hardest first.

    Raises
    ------
    ValueError
        Where a score is no number, or k is not between 1 and n.
    """
    scores = np.where(np.isposinf(scores), np.finfo(np.float64).max, scores)
    scores = real_array("scores", scores, 1)
    n, k = len(scores), subset_size(k, len(scores))
    return Coreset(np.argsort(-scores, kind="stable")[:k], np.full(k, n / k))
