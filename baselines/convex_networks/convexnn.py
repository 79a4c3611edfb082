"""ConvexNN: boosting of linear classifiers with the hinge loss and an l1 penalty, to the optimum over all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SignNetwork:
    """A vote of linear classifiers.

    Attributes
    ----------
    V : ndarray, (n_features + 1, n_units)
        The units ``sign(v . [x, 1])`` with a vote, as columns; the last row is the bias.
    shift : ndarray, (n_features,)
        A point amid the training data.
    bias : ndarray, (n_units,)
        The biases seen from there, ``v . [shift, 1]``: far from the origin the last row of V has too few digits to classify by.
    w : ndarray, (n_units,)
        Their votes.
    objective : float
        ``penalty ||w||_1 + sum_t hinge(y_t f(x_t))`` on the training data.
    correlation : float
        ``max_h |sum_t q_t y_t h(x_t)|`` that the last call of the oracle found; at most the penalty at the optimum.
    n_columns : int
        Units that the master problem has seen.
    converged : bool
        The oracle found no unit that improves. With the exact oracle the objective is then the optimum.
    """

    V: Array
    shift: Array
    bias: Array
    w: Array
    objective: float
    correlation: float
    n_columns: int
    converged: bool

    def decision(self, X: ArrayLike) -> Array:
        """Return the vote, (n_samples,), on X, (n_samples, n_features)."""
        return _signs((_checks.finite_array(X, "X", 2) - self.shift) @ self.V[:-1] + self.bias) @ self.w

    def predict(self, X: ArrayLike) -> Array:
        """Return the labels -1 or 1, (n_samples,)."""
        return np.where(self.decision(X) >= 0, 1.0, -1.0)


def convexnn(
    X: ArrayLike,
    y: ArrayLike,
    penalty: float,
    *,
    oracle: Literal["exact", "approximate"] = "exact",
    n_units: int = 200,
    n_bags: int = 30,
    rng: int | np.random.Generator | None = None,
    callback: Callable[[int, tuple[Array, Array]], None] | None = None,
) -> SignNetwork:
    """Train a one-hidden-layer network of sign units by column generation.

    ``min_w penalty ||w||_1 + sum_t max(0, 1 - y_t sum_j w_j h_j(x_t))`` over all linear classifiers
    ``h_j(x) = sign(v_j . [x, 1])``. The master problem, a linear program, gives a multiplier q_t in [0, 1] per
    sample; the oracle looks for the classifier with the largest ``|sum_t q_t y_t h(x_t)|`` and the loop ends when
    that is at most the penalty.

    Parameters
    ----------
    X, y
        Data (n_samples, n_features) and labels -1 or 1, (n_samples,).
    penalty
        Weight K of the l1 norm, positive.
    oracle
        ``"exact"`` tries every dichotomy by a line (two features only); ``"approximate"`` takes the best of
        weighted logistic regressions on bootstrap samples.
    n_units
        Calls of the oracle at most.
    n_bags
        Regressions per call of the approximate oracle.
    rng
        Draws the bootstrap samples.
    callback
        ``callback(step, (V, w))`` after every master problem; w is the method's own array, only to be read.

    Returns
    -------
    SignNetwork
        The vote, its objective and what the oracle found last.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen or not positive; labels other than -1 and 1; the exact oracle with
        other than two features, or with more samples than memory allows.

    References
    ----------
    Y. Bengio, N. Le Roux, P. Vincent, O. Delalleau and P. Marcotte (2006), Convex neural networks, Algorithm
    ConvexNN and section 4 (exact minimisation in two dimensions).
    """
    X = _checks.samples(X)
    y = _checks.labels(y, len(X))
    penalty = _checks.positive(penalty, "penalty")
    _checks.positive_integer(n_units, "n_units")
    _checks.positive_integer(n_bags, "n_bags")
    rng = _checks.generator(rng)
    if not np.isin(y, (-1.0, 1.0)).all():
        raise ValueError(f"y must hold -1 and 1 only, got {np.unique(y)[:5]}")
    if oracle not in ("exact", "approximate"):
        raise ValueError(f"oracle must be 'exact' or 'approximate', got {oracle!r}")
    X, shift, spread = _standardised(X)
    ones = _with_ones(X)
    lines = _all_lines(X) if oracle == "exact" else None
    V = np.zeros((ones.shape[1], 1))
    V[-1] = 1.0  # the constant unit comes first
    w, objective = np.zeros(1), float(len(y))
    converged, correlation = False, 0.0
    for step in range(1, n_units + 1):
        H = _signs(ones @ V)
        w, q, objective = _master(H, y, penalty)
        if callback is not None:
            callback(step, (_as_given(V, shift, spread), w))
        weights = q * y
        v = _best_line(lines, weights) if lines is not None else _best_of_bags(ones, weights, n_bags, rng)
        correlation = abs(float(weights @ _signs(ones @ v)))
        if correlation <= penalty * (1 + 1e-7) + 1e-9:
            converged = True
            break
        if step < n_units:
            V = np.column_stack([V, v])
    kept = np.abs(w) > 1e-9 * max(1.0, float(np.abs(w).max()))
    units = _as_given(V[:, kept], shift, spread)
    return SignNetwork(units, shift, V[-1, kept], w[kept], objective, correlation, V.shape[1], converged)


def _master(H: Array, y: Array, penalty: float) -> tuple[Array, Array, float]:
    """Minimise ``penalty ||w||_1 + sum_t max(0, 1 - y_t (H w)_t)``; return w, the multipliers q in [0, 1] and the optimum (4)."""
    from scipy.optimize import linprog

    n, k = H.shape
    cost = np.concatenate([np.full(2 * k, penalty), np.ones(n)])
    margin = y[:, None] * H
    solution = linprog(cost, A_ub=np.hstack([-margin, margin, -np.eye(n)]), b_ub=-np.ones(n), method="highs")
    w = solution.x[:k] - solution.x[k : 2 * k]
    return w, np.clip(-solution.ineqlin.marginals, 0.0, 1.0), float(solution.fun)


@dataclass(frozen=True)
class _Lines:
    """Every dichotomy of points in the plane by a line: V (3, n_lines) and the signs (n_lines, n_samples)."""

    V: Array
    signs: NDArray[np.int8]


def _all_lines(X: Array) -> _Lines:
    """Return a line for every dichotomy: through every pair of distinct points, shifted or turned a little to either side.

    Between neighbouring points on one line, a turn about their midpoint separates them; a shift keeps them
    together. Every dichotomy by a line has such a line among its own.
    """
    n, d = X.shape
    if d != 2:
        raise ValueError(f"the exact oracle needs X with 2 features, got {d}; use oracle='approximate'")
    points = np.unique(X, axis=0)
    k = len(points)
    _checks.require_memory(4.0 * k * k * n, f"all dichotomies of {k} distinct points")
    i, j = np.triu_indices(k, 1)
    if len(i) == 0:
        V = np.array([[0.0], [0.0], [1.0]])
        return _Lines(V, np.ones((1, n), dtype=np.int8))
    along = points[j] - points[i]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    normal = np.column_stack([-along[:, 1], along[:, 0]])
    middle = (points[i] + points[j]) / 2
    height = X @ normal.T - (middle * normal).sum(axis=1)
    place = X @ along.T - (middle * along).sum(axis=1)
    spread = float(np.ptp(X, axis=0).max())
    on_line = np.abs(height) < 1e-12 * spread
    # Half of what keeps every other point on its side of the line.
    clearance = np.where(on_line, np.inf, np.abs(height)).min(axis=0)
    shift = 0.5 * np.where(np.isfinite(clearance), clearance, spread)
    turn = shift / np.abs(place).max(axis=0)
    offset = -(middle * normal).sum(axis=1)
    rows = []
    for side in (1.0, -1.0):
        rows.append(np.column_stack([normal, offset + side * shift]))
        tilted = normal + (side * turn)[:, None] * along
        rows.append(np.column_stack([tilted, -(middle * tilted).sum(axis=1)]))
    V = np.vstack(rows).T
    return _Lines(V, _signs(_with_ones(X) @ V).T.astype(np.int8))


def _best_line(lines: _Lines, weights: Array) -> Array:
    """Return the line with the largest ``|sum_t weights_t h(x_t)|``, oriented so that the sum is positive."""
    sums = lines.signs @ weights
    best = int(np.argmax(np.abs(sums)))
    return lines.V[:, best] * np.sign(sums[best])


def _best_of_bags(ones: Array, weights: Array, n_bags: int, rng: np.random.Generator) -> Array:
    """Return the best of `n_bags` logistic regressions of sign(weights), errors weighted by |weights|, on bootstrap samples."""
    importance, target = np.abs(weights), np.where(weights >= 0, 1.0, -1.0)
    n = len(weights)
    candidates = [ones[0] * 0 + np.eye(ones.shape[1])[-1]]
    for bag in range(n_bags):
        counts = np.ones(n) if bag == 0 else np.bincount(rng.integers(n, size=n), minlength=n).astype(float)
        candidates.append(_logistic(ones, target, importance * counts))
    sums = [float(weights @ _signs(ones @ v)) for v in candidates]
    best = int(np.argmax(np.abs(sums)))
    return candidates[best] * np.sign(sums[best])


def _logistic(ones: Array, target: Array, importance: Array, n_steps: int = 12) -> Array:
    """Fit a slightly regularised weighted logistic regression by Newton's method."""
    v = np.zeros(ones.shape[1])
    ridge = 1e-3 * float(importance.sum()) / len(importance) + 1e-12
    for _ in range(n_steps):
        p = 1 / (1 + np.exp(np.clip(target * (ones @ v), -30, 30)))
        gradient = -ones.T @ (importance * target * p) + ridge * v
        hessian = (ones.T * (importance * p * (1 - p))) @ ones + ridge * np.eye(len(v))
        v = v - np.linalg.solve(hessian, gradient)
    return v


def _standardised(X: Array) -> tuple[Array, Array, Array]:
    """Return X about its middle and at the size of one, the middle and the sizes: rounding sees no shifts and no units."""
    shift = X[np.argsort(X, axis=0, kind="stable")[len(X) // 2], np.arange(X.shape[1])]  # a datum: the differences are exact
    spread = np.abs(X - shift).max(axis=0)
    spread = np.ldexp(1.0, np.frexp(np.where(spread > 0, spread, 1.0))[1])
    return (X - shift) / spread, shift, spread


def _as_given(V: Array, shift: Array, spread: Array) -> Array:
    """Return units of the standardised data as units of the data as given."""
    v = V[:-1] / spread[:, None]
    return np.vstack([v, V[-1] - shift @ v])


def _signs(t: Array) -> Array:
    return np.where(t >= 0, 1.0, -1.0)


def _with_ones(X: Array) -> Array:
    return np.column_stack([X, np.ones(len(X))])
