"""Frank-Wolfe on one hidden layer of ReLU neurons: every step adds the neuron that correlates best with the residual."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FrankWolfeNetwork:
    """The network after the last step, with the duality gap of every step.

    Attributes
    ----------
    W1 : ndarray, (n_features, n_neurons)
        First layer, columns of unit length, one per step.
    w2 : ndarray, (n_neurons,)
        Second layer, ``||w2||_1 <= delta``.
    loss : float
        ``||f(A) - y||^2`` of the network.
    gaps : ndarray, (n_steps,) or (n_steps + 1,)
        The Frank-Wolfe gap before every step, the last one that ended the loop where one did: it bounds
        ``loss - minimum`` from above where the oracle is exact. A sampled batch and a searching oracle may
        underestimate it.
    certified : bool
        Whether every gap is a bound: exact oracle and full gradients.
    n_steps : int
        Steps taken.
    """

    W1: Array
    w2: Array
    loss: float
    gaps: Array
    certified: bool
    n_steps: int

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs, (n_samples,), of the network on X, (n_samples, n_features)."""
        return np.maximum(_checks.finite_array(X, "X", 2) @ self.W1, 0) @ self.w2


def frank_wolfe(
    A: ArrayLike,
    y: ArrayLike,
    delta: float,
    *,
    n_steps: int = 300,
    step: Literal["open-loop", "line-search"] = "open-loop",
    batch: Callable[[int], int] | None = None,
    patterns: ArrayLike | None = None,
    n_starts: int = 24,
    tol: float = 0.0,
    rng: int | np.random.Generator | None = None,
    callback: Callable[[int, tuple[Array, Array]], None] | None = None,
) -> FrankWolfeNetwork:
    """Minimise the loss over ReLU networks of bounded variation norm.

    ``min ||f(A) - y||^2  subject to  f = sum_j w2_j (. theta_j)_+, |theta_j| = 1, ||w2||_1 <= delta``, in any
    width. The vertex of step t is ``-delta sign(c) (a'theta)_+`` with ``theta`` maximising
    ``|c| = |sum_i g_i (a_i'theta)_+|``.

    Parameters
    ----------
    A, y
        Data (n_samples, n_features) and labels (n_samples,).
    delta
        Bound of the variation norm, positive.
    n_steps
        Steps t = 1, 2, ... at most.
    step
        ``"open-loop"`` takes 2/(t+1); ``"line-search"`` minimises the loss on the segment.
    batch
        ``batch(t)`` samples for the gradient of step t (all when it exceeds n_samples); all of them where None.
    patterns
        Every activation pattern of A, (n_samples, n_patterns), as 0/1: the oracle is then exact, one cone
        projection per pattern. Otherwise it climbs from `n_starts` random neurons and from earlier vertices.
    n_starts
        Random starts of the searching oracle.
    tol
        Stop when the gap is at most this.
    rng
        Draws starts and batches.
    callback
        ``callback(t, (W1, w2))`` after every step.

    Returns
    -------
    FrankWolfeNetwork
        The network, its loss and the gaps.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen or not positive.

    References
    ----------
    A. d'Aspremont and M. Pilanci (2020), Global convergence of Frank Wolfe on one hidden layer networks, Algorithm 1:
    the loss is at most ``4 R^2 delta^2 / (T + 1)`` above the minimum, ``R^2 = sup_theta sum_i (a_i'theta)_+^2``.
    """
    A = _checks.sized_array(A, "A", 2)
    y = _checks.labels(y, len(A))
    delta = _checks.positive(delta, "delta")
    _checks.positive_integer(n_steps, "n_steps")
    _checks.positive_integer(n_starts, "n_starts")
    rng = _checks.generator(rng)
    if step not in ("open-loop", "line-search"):
        raise ValueError(f"step must be 'open-loop' or 'line-search', got {step!r}")
    if not tol >= 0:
        raise ValueError(f"tol must be at least 0, got {tol}")
    masks = None if patterns is None else _masks(patterns, len(A))
    n, d = A.shape
    W1, w2 = np.empty((d, n_steps)), np.zeros(n_steps)
    f = np.zeros(n)
    gaps: list[float] = []
    taken = 0
    for t in range(1, n_steps + 1):
        g = 2 * (f - y)  # (11)
        sampled = _subsample(g, batch(t), rng) if batch is not None else g
        theta = _climb(A, sampled, W1[:, :taken], n_starts, rng) if masks is None else _best_cell(A, sampled, masks)
        neuron = np.maximum(A @ theta, 0)
        sign = -1.0 if sampled @ neuron > 0 else 1.0
        vertex = delta * sign * neuron
        gaps.append(float(g @ (f - vertex)))
        if gaps[-1] <= tol:
            break
        weight = 2 / (t + 1) if step == "open-loop" else _line_search(f - y, vertex - f)
        f = (1 - weight) * f + weight * vertex
        W1[:, t - 1] = theta
        w2 *= 1 - weight
        w2[t - 1] = weight * delta * sign
        taken = t
        if callback is not None:
            callback(t, (W1[:, :t].copy(), w2[:t].copy()))
    return FrankWolfeNetwork(
        W1=W1[:, :taken].copy(),
        w2=w2[:taken].copy(),
        loss=float((f - y) @ (f - y)),
        gaps=np.array(gaps),
        certified=masks is not None and batch is None,
        n_steps=taken,
    )


def growing_batch(fraction: float = 0.5) -> Callable[[int], int]:
    """Return the batch sizes ``m_t = fraction (t + 1)^2`` of stochastic Frank-Wolfe.

    Parameters
    ----------
    fraction
        ``(G / (L D))^2`` of the source: gradient noise over smoothness times diameter, squared; positive.

    Returns
    -------
    callable
        ``batch(t)``, for :func:`frank_wolfe`.

    Raises
    ------
    ValueError
        `fraction` is not positive.
    """
    fraction = _checks.positive(fraction, "fraction")
    return lambda t: max(1, int(np.ceil(fraction * (t + 1) ** 2)))


def _subsample(g: Array, size: int, rng: np.random.Generator) -> Array:
    """Return an unbiased estimate of g from ``size`` samples without replacement."""
    if size >= len(g):
        return g
    rows = rng.choice(len(g), size=size, replace=False)
    estimate = np.zeros_like(g)
    estimate[rows] = g[rows] * (len(g) / size)
    return estimate


def _line_search(residual: Array, direction: Array) -> float:
    curvature = float(direction @ direction)
    return float(np.clip(-(residual @ direction) / curvature, 0.0, 1.0)) if curvature > 0 else 0.0


def _climb(A: Array, g: Array, earlier: Array, n_starts: int, rng: np.random.Generator, n_steps: int = 60) -> Array:
    """Search for the unit theta that maximises ``|sum_i g_i (a_i'theta)_+|``: gradient steps, all starts at once."""
    values = np.abs(g @ np.maximum(A @ earlier, 0))
    warm = earlier[:, np.argsort(values)[-8:]]
    theta = np.hstack([rng.standard_normal((A.shape[1], n_starts)), A.T @ np.stack([g, -g], axis=1), warm])
    theta = theta / (np.linalg.norm(theta, axis=0) + 1e-300)
    pre = A @ theta
    value = g @ np.maximum(pre, 0)
    length = np.ones(theta.shape[1])
    for _ in range(n_steps):
        ascent = np.sign(value) * (A.T @ (g[:, None] * (pre > 0)))
        moved = theta + length * ascent / (np.linalg.norm(ascent, axis=0) + 1e-300)
        moved /= np.linalg.norm(moved, axis=0) + 1e-300
        moved_pre = A @ moved
        moved_value = g @ np.maximum(moved_pre, 0)
        better = np.abs(moved_value) > np.abs(value)
        length = np.where(better, 1.5 * length, 0.5 * length)
        theta, pre = np.where(better, moved, theta), np.where(better, moved_pre, pre)
        value = np.where(better, moved_value, value)
    return theta[:, int(np.argmax(np.abs(value)))].copy()


def _best_cell(A: Array, g: Array, masks: NDArray[np.bool_]) -> Array:
    """Return the unit theta that maximises ``|sum_i g_i (a_i'theta)_+|``, cell by cell.

    On the cone K of a pattern D the sum is linear, ``(A'D g)'theta``; its maximum is the length of the projection
    of ``A'D g`` on K.
    """
    from scipy.optimize import nnls

    best, longest = np.zeros(A.shape[1]), 0.0
    for mask in masks.T:
        signs = np.where(mask, 1.0, -1.0)
        linear = A.T @ (mask * g)
        for target in (linear, -linear):
            if np.linalg.norm(target) <= longest:
                continue
            cone = (signs[:, None] * A).T
            projection = target + cone @ nnls(cone, -target)[0]
            if (length := float(np.linalg.norm(projection))) > longest:
                best, longest = projection / length, length
    return best


def _masks(patterns: ArrayLike, n_samples: int) -> NDArray[np.bool_]:
    return _checks.zero_one(patterns, "patterns", n_samples).astype(bool)
