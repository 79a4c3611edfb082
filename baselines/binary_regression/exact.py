"""Exact binary regression for few features: the yardstick."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_choice, check_count, check_regression
from optathlon.baselines.binary_regression.semidefinite_relaxation import homogenise, semidefinite_relaxation

Array = NDArray[np.float64]

_ENUMERABLE = 24  # features whose 2^n sign vectors may be listed
_DECODABLE = 200  # features for which the sphere decoder's tree fits in memory
_AT_ONCE = 12  # features whose sign vectors are evaluated together
_BATCH = 4096  # nodes of the tree that are expanded together
_BLURRED = 1e-6  # of the objective: more of it than this may not hang on the rounding of X'X
_RESIDUAL_ROUNDING = 1e-13  # of the magnitudes in a residual: what is left of one that vanishes


class ExactResult(NamedTuple):
    """Answer of `exact`.

    Attributes
    ----------
    w : ndarray, shape (n_features,)
        Best weights found, in {-1, +1}.
    objective : float
        |Xw - y|_2^2 or |Xw - y|_1.
    optimal : bool
        Whether the search came to its end, which makes `w` a global minimiser.
    n_nodes : int
        Nodes or sign vectors that were visited.
    """

    w: Array
    objective: float
    optimal: bool
    n_nodes: int


def exact(X: ArrayLike, y: ArrayLike, *, loss: str = "l2", max_nodes: int = 5_000_000) -> ExactResult:
    """Find a global minimiser of |Xw - y|_2^2 or |Xw - y|_1 over w in {-1, +1}^n_features.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    y : array_like, shape (n_samples,)
        Targets.
    loss : {"l2", "l1"}
        A sphere decoder serves ``"l2"`` and takes at most 200 features; ``"l1"`` lists all sign vectors and takes at most 24.
    max_nodes : int
        Nodes after which the sphere decoder gives up.

    Returns
    -------
    ExactResult
        Weights, objective, and whether they are optimal.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range, or there are too many features.

    Notes
    -----
    The sphere decoder works in the metric of the semidefinite relaxation: with multipliers z of its dual, u'Qu = u'(Q + diag(z))u
    - sum(z) for every vector u = (w, 1) of signs. Q + diag(z) = R'R is positive definite after a small shift, so the search is
    for the shortest Ru, whose squares are summed from the last row up; a branch ends once they exceed the best known sum. The
    smaller the gap of the relaxation, the smaller the tree.

    References
    ----------
    Jalden and Ottersten, On the complexity of sphere decoding, IEEE Trans. Signal Processing 2005.
    """
    features, target = check_regression(X, y)
    check_choice("loss", loss, ("l2", "l1"))
    check_count("max_nodes", max_nodes)
    return _enumerate(features, target) if loss == "l1" else _decode(features, target, max_nodes)


def _decode(X: Array, y: Array, max_nodes: int) -> ExactResult:
    n_features = X.shape[1]
    if n_features > _DECODABLE:
        raise ValueError(
            f"X must have at most {_DECODABLE} features for exact search, got {n_features}, whose tree may take "
            f"{_BATCH * n_features**2 / 2e9:.1f} GB and 2^{n_features} nodes"
        )
    relaxation = semidefinite_relaxation(X, y, rounding="randomized", tol=1e-4, rng=0)
    Q, _ = homogenise(X, y)
    dual = relaxation.dual + (1e-9 * np.abs(Q.diagonal() + relaxation.dual).max() or 1.0)
    R = np.asarray(np.linalg.cholesky(Q + np.diag(dual)).T, dtype=np.float64)
    best = _descend(Q, np.append(relaxation.w, 1.0))
    radius = float(best @ Q @ best) + float(dual.sum())
    best, complete, n_nodes = _search(R, best, radius, max_nodes)
    objective, blur = _objective(X, y, best)
    # X'X has lost half the digits of X: what it cannot tell apart is decided on the triangular factor of [X, -y] itself.
    if complete and blur > _BLURRED * objective and objective > (_RESIDUAL_ROUNDING**2) * blur / np.finfo(float).eps:
        factor = np.zeros_like(Q)
        triangle = np.linalg.qr(np.column_stack([X, -y]), mode="r")
        factor[: len(triangle)] = triangle
        best, complete, more = _search(factor, best, objective, max_nodes - n_nodes)
        objective, n_nodes = _objective(X, y, best)[0], n_nodes + more
    return ExactResult(best[:-1], objective, complete, n_nodes)


def _objective(X: Array, y: Array, u: Array) -> tuple[float, float]:
    """Return |Xw - y|^2 for u = (w, 1), and what rounding may make of it in the entries of X'X."""
    residual = X @ u[:-1] - y
    magnitudes = np.abs(X).sum(axis=1) + np.abs(y)
    return float(residual @ residual), float(np.finfo(float).eps * (magnitudes @ magnitudes))


def _search(R: Array, best: Array, radius: float, max_nodes: int) -> tuple[Array, bool, int]:
    """Look for the u = (w, 1) of signs with the least |Ru|^2 below `radius`; return it, or `best`, and whether all were seen."""
    N = len(R)
    # A batch: the last entries of u, one row per node, and their part of |Ru|^2. The constant comes first.
    stack = [(np.ones((1, 1), np.int8), R[-1, -1:] ** 2)]
    n_nodes = 0
    while stack and n_nodes < max_nodes:
        tails, lengths = stack.pop()
        tails, lengths = tails[lengths < radius], lengths[lengths < radius]
        row = N - 1 - tails.shape[1]
        if not len(tails):
            continue
        if row < 0:
            radius, best = float(lengths.min()), tails[np.argmin(lengths)].astype(np.float64)
            continue
        known = tails @ R[row, row + 1 :]
        lengths = np.concatenate([lengths + (known + R[row, row]) ** 2, lengths + (known - R[row, row]) ** 2])
        tails = np.vstack([np.insert(tails, 0, 1, axis=1), np.insert(tails, 0, -1, axis=1)])
        n_nodes += len(lengths)
        order = np.argsort(lengths)[: np.count_nonzero(lengths < radius)]
        for start in reversed(range(0, len(order), _BATCH)):  # the shortest come out of the stack first
            chosen = order[start : start + _BATCH]
            stack.append((tails[chosen], lengths[chosen]))
    return best, not stack, n_nodes


def _descend(Q: Array, u: Array) -> Array:
    """Flip single signs of u = (w, 1) as long as that lowers u'Qu."""
    u = u.copy()
    product = Q @ u
    while True:
        gains = 4 * (u * product - Q.diagonal())[:-1]  # of flipping each sign
        flip = int(np.argmax(gains))
        if gains[flip] <= 1e-12 * abs(float(u @ product)):
            return u
        product -= 2 * u[flip] * Q[:, flip]
        u[flip] = -u[flip]


def _enumerate(X: Array, y: Array) -> ExactResult:
    n_features = X.shape[1]
    if n_features > _ENUMERABLE:
        raise ValueError(
            f"X must have at most {_ENUMERABLE} features for loss='l1', got {n_features}, whose 2^{n_features} = "
            f"{2.0**n_features:.3g} sign vectors are too many to list"
        )
    split = max(n_features - _AT_ONCE, 0)
    together = np.array(list(itertools.product((-1.0, 1.0), repeat=n_features - split)))
    predicted = X[:, split:] @ together.T
    best, w = np.inf, np.ones(n_features)
    for head in itertools.product((-1.0, 1.0), repeat=split):
        costs = np.abs(predicted + (X[:, :split] @ np.array(head) - y)[:, None]).sum(axis=0)
        least = int(np.argmin(costs))
        if costs[least] < best:
            best, w = float(costs[least]), np.concatenate([head, together[least]])
    return ExactResult(w, best, True, 2**n_features)
