"""Detectors from multi-antenna communication: expectation propagation and the K-best tree search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_count, check_positive, check_regression
from optathlon.baselines.binary_regression.least_squares import sign

Array = NDArray[np.float64]

_DAMPING = 0.5  # share of the new factors that a step takes
_NARROWEST = 1e-8  # variance below which a sign counts as decided
_CONDITION = 1e-13  # least variance of the noise, of |X|^2: X'X / variance + I can be inverted


@dataclass(frozen=True)
class PropagationResult:
    """Answer of `expectation_propagation`.

    Attributes
    ----------
    w : ndarray, shape (n_features,)
        Weights in {-1, +1}: the signs of `mean`.
    mean : ndarray, shape (n_features,)
        Approximate posterior means.
    converged : bool
        Whether the last step moved no mean by more than the tolerance. A statement about the iteration, not about optimality.
    n_steps : int
        Steps taken.
    """

    w: Array
    mean: Array
    converged: bool
    n_steps: int


def expectation_propagation(
    X: ArrayLike, y: ArrayLike, *, noise: float | None = None, max_steps: int = 30, tol: float = 1e-4
) -> PropagationResult:
    """Approximate the posterior of signs given y = Xw + e, e Gaussian, by a Gaussian whose marginals match.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    y : array_like, shape (n_samples,)
        Targets.
    noise : float, optional
        Standard deviation of e; by default that of the residuals of least squares, or, with no more samples than weights, of the
        part of y that signs with these columns leave on average.
    max_steps : int
        Steps at most, one inverse of an n_features x n_features matrix each.
    tol : float
        Largest change of a mean at which to stop.

    Returns
    -------
    PropagationResult
        Signs, means and whether the iteration settled.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    References
    ----------
    Minka, Expectation propagation for approximate Bayesian inference, UAI 2001; Cespedes, Olmos, Sanchez-Fernandez, Perez-Cruz,
    Expectation propagation detection for high-order high-dimensional MIMO systems, IEEE Trans. Communications 2014.
    """
    features, target = check_regression(X, y)
    check_count("max_steps", max_steps)
    check_positive("tol", tol)
    if noise is not None:
        check_positive("noise", noise)
    variance = noise_variance(features, target) if noise is None else noise**2
    variance = max(variance, _CONDITION * float((features**2).sum()))
    gram, moments = features.T @ features / variance, features.T @ target / variance
    precision, shift, mean = np.ones(len(moments)), np.zeros(len(moments)), np.zeros(len(moments))
    converged, n_steps = False, 0
    while n_steps < max_steps and not converged:
        n_steps += 1
        covariance = np.linalg.inv(gram + np.diag(precision))
        marginal, spread = covariance @ (moments + shift), np.diagonal(covariance)
        cavity = spread / np.maximum(1 - spread * precision, 1e-12)
        centre = cavity * (marginal / spread - shift)
        before, mean = mean, np.tanh(centre / cavity)
        converged = bool(np.abs(mean - before).max() <= tol)
        matched = np.maximum(1 - mean**2, _NARROWEST)
        fresh, fresh_shift = 1 / matched - 1 / cavity, mean / matched - centre / cavity
        sound = fresh > 0  # a negative precision would be no Gaussian: such factors stay as they are
        precision = np.where(sound, _DAMPING * fresh + (1 - _DAMPING) * precision, precision)
        shift = np.where(sound, _DAMPING * fresh_shift + (1 - _DAMPING) * shift, shift)
    return PropagationResult(sign(mean), mean, converged, n_steps)


@dataclass(frozen=True)
class TreeResult:
    """Answer of `k_best`: weights in {-1, +1}, (n_features,), and their |Xw - y|_2^2."""

    w: Array
    objective: float


def k_best(X: ArrayLike, y: ArrayLike, *, n_best: int = 64) -> TreeResult:
    """Search the tree of signs breadth first, keeping the `n_best` partial vectors at each level.

    Works on R of QR = [X; s I], s^2 the estimated noise variance: |w|^2 is the same for all signs, and the triangle is well
    conditioned. The weight that the ones left leave best determined is decided first.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    y : array_like, shape (n_samples,)
        Targets.
    n_best : int
        Nodes kept; with 2^(n_features - 1) of them the search is exhaustive.

    Returns
    -------
    TreeResult
        The best leaf.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    References
    ----------
    Guo and Nilsson, Algorithm and implementation of the K-best sphere decoding for MIMO detection, IEEE JSAC 2006; Wuebben et
    al., MMSE extension of V-BLAST based on sorted QR decomposition, VTC 2003 (order and regularisation).
    """
    features, target = check_regression(X, y)
    check_count("n_best", n_best)
    n = features.shape[1]
    ridge = np.sqrt(noise_variance(features, target))
    extended = np.vstack([features, ridge * np.eye(n)])
    order = _detection_order(extended)
    Q, R = np.linalg.qr(extended[:, order])
    goal = Q[: len(target)].T @ target
    tails, lengths = np.zeros((1, 0)), np.zeros(1)
    for row in range(n - 1, -1, -1):
        known = goal[row] - tails @ R[row, row + 1 :]
        lengths = np.concatenate([lengths + (known - R[row, row]) ** 2, lengths + (known + R[row, row]) ** 2])
        tails = np.vstack([np.insert(tails, 0, 1.0, axis=1), np.insert(tails, 0, -1.0, axis=1)])
        if len(lengths) > n_best:
            kept = np.argpartition(lengths, n_best - 1)[:n_best]
            tails, lengths = tails[kept], lengths[kept]
    w = np.empty(n)
    w[order] = tails[int(np.argmin(lengths))]
    residual = features @ w - target
    return TreeResult(w, float(residual @ residual))


def _detection_order(A: Array) -> NDArray[np.intp]:
    """Sort columns so that those decided first, the last ones, stand out most from the others."""
    rest, order = A.copy(), np.arange(A.shape[1])
    for k in range(A.shape[1]):
        sizes = (rest[:, k:] ** 2).sum(axis=0)
        least = k + int(np.argmin(sizes))
        rest[:, [k, least]], order[[k, least]] = rest[:, [least, k]], order[[least, k]]
        unit = rest[:, k] / max(np.linalg.norm(rest[:, k]), np.finfo(float).tiny)
        rest[:, k + 1 :] -= np.outer(unit, unit @ rest[:, k + 1 :])
    return order


def noise_variance(X: Array, y: Array) -> float:
    """Estimate the variance of the noise in y = Xw + e with signs w, and never zero."""
    n_samples, n_features = X.shape
    least = 1e-10 * float(y @ y) / n_samples or 1.0
    if n_samples > n_features:
        residual = y - X @ np.linalg.lstsq(X, y)[0]
        return max(float(residual @ residual) / (n_samples - n_features), least)
    return max(float(y @ y - (X**2).sum()) / n_samples, 0.01 * float(y @ y) / n_samples, least)
