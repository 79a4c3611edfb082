"""The compiled loop of the hinge loss on planes: forward and coarse gradient over all points, one run at a time.

Points are the contiguous index, so that every inner loop is a vector operation of selects without branches. Arrays are
C-contiguous float64, and indices are not checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

RELU, REVERSE_EXPONENTIAL, LOG_TAILED, CLIPPED_RELU, IDENTITY = range(5)  # the order of `quantizer.ESTIMATORS`


def _compiled(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile at the first call; keep the machine code on disk, or in memory where no directory can be written."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:
            return njit(**options)(function)

    return decorate


_REASSOCIATED = {"reassoc", "contract", "nsz"}  # sums in any order; NaN and infinity keep their meaning


@_compiled(fastmath=_REASSOCIATED)
def _project(points: np.ndarray, w: np.ndarray, h: np.ndarray) -> None:
    """Set h to the pre-activations of one neuron."""
    d, n = points.shape
    if d == 4:  # the thesis's problem, in one pass
        w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
        for i in range(n):
            h[i] = w0 * points[0, i] + w1 * points[1, i] + w2 * points[2, i] + w3 * points[3, i]
        return
    for i in range(n):
        h[i] = w[0] * points[0, i]
    for c in range(1, d):
        wc = w[c]
        for i in range(n):
            h[i] += wc * points[c, i]


@_compiled()
def _vote(h: np.ndarray, vote: float, top: float, output: np.ndarray) -> None:
    """Add one neuron's quantised activation, times its vote, to its class's output."""
    for i in range(len(h)):
        level = np.ceil(h[i])
        level = level if level > 0.0 else 0.0
        level = level if level < top else top
        output[i] += vote * level


@_compiled()
def _pulls(labels: np.ndarray, outputs: np.ndarray, pulls: np.ndarray) -> float:
    """Set pulls[r, i] to -1 for the class of an active point i, +1 for its strongest rival, else 0; return the summed loss."""
    n_classes, n = outputs.shape
    loss = 0.0
    for i in range(n):
        own, rival, best = labels[i], -1, 0.0
        for r in range(n_classes):
            pulls[r, i] = 0.0
            if r != own and (rival < 0 or outputs[r, i] > best):
                rival, best = r, outputs[r, i]
        hinge = 1.0 - (outputs[own, i] - best)
        if hinge > 0.0:
            loss += hinge
            pulls[own, i] = -1.0
            pulls[rival, i] = 1.0
    return loss


@_compiled()
def _slopes(h: np.ndarray, pull: np.ndarray, estimator: int, top: float, weights: np.ndarray) -> None:
    """Set weights to pull * g'(h)."""
    n = len(h)
    if estimator == RELU:
        for i in range(n):
            weights[i] = pull[i] if h[i] > 0.0 else 0.0
    elif estimator == LOG_TAILED:
        for i in range(n):
            excess = h[i] - top + 1.0
            weights[i] = (pull[i] / (excess if excess > 1.0 else 1.0)) if h[i] > 0.0 else 0.0
    elif estimator == REVERSE_EXPONENTIAL:
        for i in range(n):
            weights[i] = 0.0
            if pull[i] != 0.0 and h[i] > 0.0:
                weights[i] = pull[i] * np.exp(-h[i] / top)
    elif estimator == CLIPPED_RELU:
        for i in range(n):
            weights[i] = pull[i] if (h[i] > 0.0) & (h[i] <= top) else 0.0
    else:
        for i in range(n):
            weights[i] = pull[i]


@_compiled(fastmath=_REASSOCIATED)
def _move(points: np.ndarray, weights: np.ndarray, step: float, w: np.ndarray) -> None:
    """Take one neuron's step against its coarse gradient."""
    d, n = points.shape
    if d == 4:
        s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
        for i in range(n):
            s0 += weights[i] * points[0, i]
            s1 += weights[i] * points[1, i]
            s2 += weights[i] * points[2, i]
            s3 += weights[i] * points[3, i]
        w[0] -= step * s0
        w[1] -= step * s1
        w[2] -= step * s2
        w[3] -= step * s3
        return
    for c in range(d):
        total = 0.0
        for i in range(n):
            total += weights[i] * points[c, i]
        w[c] -= step * total


@_compiled()
def descend(
    points: np.ndarray,
    labels: np.ndarray,
    classes: np.ndarray,
    votes: np.ndarray,
    W: np.ndarray,
    estimator: int,
    top: float,
    learning_rate: float,
    max_steps: int,
) -> tuple[int, float]:
    """Move W (k, d) in place until the loss is zero or `max_steps` are made; return the steps made and the loss at W."""
    k, n = len(W), points.shape[1]
    n_classes = classes.max() + 1
    h, outputs, pulls = np.empty((k, n)), np.empty((n_classes, n)), np.empty((n_classes, n))
    weights = np.empty(n)
    for step in range(max_steps + 1):
        outputs[:] = 0.0
        for j in range(k):
            _project(points, W[j], h[j])
            _vote(h[j], votes[j], top, outputs[classes[j]])
        loss = _pulls(labels, outputs, pulls) / n
        if not loss > 0.0 or step == max_steps:
            return step, loss
        for j in range(k):
            _slopes(h[j], pulls[classes[j]], estimator, top, weights)
            _move(points, weights, learning_rate * votes[j] / n, W[j])  # eq. 3.4 and 3.5
    return max_steps, loss
