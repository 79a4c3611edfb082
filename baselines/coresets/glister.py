"""GLISTER: the points whose gradients point along the gradient of everything, after the step that they cause."""

from __future__ import annotations

import numpy as np

from optathlon.baselines.coresets._checks import class_labels, integer, non_negative, subset_size
from optathlon.baselines.coresets.coreset import Coreset
from optathlon.baselines.coresets.gradients import FactoredGradients, Gradients, GradientsLike, as_gradients
from optathlon.baselines.coresets.groups import class_shares

_DEFAULT_ROUNDS = 10


def glister(
    gradients: GradientsLike,
    k: int,
    *,
    labels: np.ndarray | None = None,
    rounds: int | None = None,
    step: float = 0.01,
) -> Coreset:
    r"""Maximise :math:`\langle \sum_{j \in S} g_j, \nabla L(\theta - \eta \sum_{j \in S} g_j) \rangle` in rounds.

    Each round adds the points with the largest inner product of their gradient with the gradient of the whole loss,
    then moves the last layer along the points chosen so far and evaluates the whole gradient again. One round maximises
    the paper's first-order objective exactly, since that is a sum over points; k rounds are its naive greedy.

    Parameters
    ----------
    gradients : ndarray of shape (n, d), or factored pair
        Per-sample gradients. To re-evaluate after a step takes the factored form of `factored_gradients`, whose
        residuals hold the softmax.
    k : int
        Points to choose, 1 to n.
    labels : ndarray of int, shape (n,), optional
        Where given, every class present gets its share of the k points (class-balanced).
    rounds : int, optional
        Rounds; by default 10 where the gradient can be re-evaluated, else 1.
    step : float
        The step size eta for the sum of gradients.

    Returns
    -------
    Coreset
        k points in order of choice, each with weight n / k: GLISTER does not weigh.

    Raises
    ------
    ValueError
        Where gradients are not finite, k is not between 1 and n, or several rounds are asked of gradients that cannot
        be re-evaluated.

    References
    ----------
    .. [1] Killamsetty et al., "GLISTER", 2020, section 3.
    """
    gradients = as_gradients(gradients)
    n, k, step = gradients.n, subset_size(k, gradients.n), non_negative("step", step)
    classes = np.zeros(n, np.int64) if labels is None else class_labels(labels, n)
    softmax = _softmax(gradients)
    default = 1 if softmax is None else _DEFAULT_ROUNDS
    rounds = integer("rounds", default if rounds is None else rounds)
    if rounds > 1 and softmax is None:
        raise ValueError(f"rounds must be 1 for gradients other than softmax residuals and features, got {rounds}")
    shares = [(np.flatnonzero(classes == name), share) for name, share in class_shares(classes, k)]
    chosen = np.empty(0, np.int64)
    turns = min(rounds, k)
    for turn in range(turns):
        scores = gradients.correlate(_moved_gradient(gradients, softmax, chosen, step))
        scores[chosen] = -np.inf
        picks = [_largest(scores, members, share * (turn + 1) // turns - share * turn // turns) for members, share in shares]
        chosen = np.concatenate([chosen, *picks])
    return Coreset(chosen, np.full(k, n / k))


def _softmax(gradients: Gradients) -> np.ndarray | None:
    """Recover the softmax from residuals softmax - onehot, or None where they are something else."""
    if not isinstance(gradients, FactoredGradients):
        return None
    softmax = gradients.residuals.copy()
    softmax[np.arange(gradients.n), softmax.argmin(axis=1)] += 1  # the label's entry is the only one not above 0
    rounding = 1e-4
    if softmax.min() < -rounding or np.abs(softmax.sum(axis=1) - 1).max() > rounding:
        return None
    return np.maximum(softmax, np.finfo(softmax.dtype).tiny)


def _moved_gradient(gradients: Gradients, softmax: np.ndarray | None, chosen: np.ndarray, step: float) -> np.ndarray:
    """Gradient of the whole loss at theta - step * (sum of the chosen gradients)."""
    everything = np.ones(gradients.n)
    if softmax is None or len(chosen) == 0:
        return gradients.combine(everything)
    assert isinstance(gradients, FactoredGradients)
    move = gradients.take(chosen).combine(np.full(len(chosen), step))
    logits = np.log(softmax) - gradients.features @ np.ascontiguousarray(move.T)
    moved = np.exp(logits - logits.max(axis=1, keepdims=True))
    moved /= moved.sum(axis=1, keepdims=True)
    onehot = softmax - gradients.residuals
    return FactoredGradients(moved - onehot, gradients.features).combine(everything)


def _largest(scores: np.ndarray, members: np.ndarray, count: int) -> np.ndarray:
    """Return the `count` members of largest score, largest first."""
    return members[np.argsort(-scores[members], kind="stable")[:count]]
