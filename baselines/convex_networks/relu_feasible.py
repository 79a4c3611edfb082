"""A certified answer near any approximate solution of the two-layer ReLU program."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks.relu_certificate import ReluAnswer, ReluProblem, scaled_dual_point
from optathlon.baselines.convex_networks.relu_cone import (
    Cones,
    ConeStates,
    new_cones,
    new_states,
    price_columns,
    project_columns,
)

Array = NDArray[np.float64]
#: How far outside its cone, relative to its length, a block may lie by rounding.
CONE_TOLERANCE = 5e-14
#: Patterns whose gradients are projected at a time.
_AT_ONCE = 16


class Certifier(NamedTuple):
    """What certificates of one instance share: the cones, and warm starts for the primal and the dual side."""

    problem: ReluProblem
    cones: Cones
    primal: ConeStates
    dual: ConeStates


def new_certifier(problem: ReluProblem) -> Certifier:
    """A certifier without warm starts."""
    n_features, n_columns = problem.X.shape[1], 2 * problem.D.shape[1]
    cones = new_cones(problem.X, np.ascontiguousarray(problem.D.T))
    return Certifier(problem, cones, new_states(n_columns, n_features), new_states(n_columns, n_features))


def feasible_answer(certifier: Certifier, blocks: Array, v: Array, n_steps: int, status: str) -> ReluAnswer:
    """Make blocks and dual point feasible, whatever they are.

    Each block is projected on its cone and all are scaled together; v is scaled by the longest projection of its gradients.

    Parameters
    ----------
    certifier
        The instance.
    blocks
        One block per column, (n_features, 2 n_patterns), the positive columns first.
    v
        Approximate dual point, (n_samples,); ``y`` less the outputs of the blocks is one.
    n_steps, status
        Passed on.
    """
    X, y, beta, D = certifier.problem
    n_patterns = D.shape[1]
    lengths = np.linalg.norm(blocks, axis=0)
    kept = np.flatnonzero(lengths > 1e-7 * lengths.max())
    W = np.ascontiguousarray(blocks[:, kept].T)
    P = np.empty_like(W)
    project_columns(W, 0.0, kept, certifier.cones, certifier.primal, P, np.empty(len(kept)))
    kept, P = inside_cones(certifier.cones, kept, P)
    signs = np.where(kept < n_patterns, 1.0, -1.0)
    outputs = (D[:, kept % n_patterns] * (X @ P.T)) @ signs
    factor = best_factor(y, outputs, beta * float(np.linalg.norm(P, axis=1).sum()))
    kept, P, signs = (kept, factor * P, signs) if factor > 0 else (kept[:0], P[:0], signs[:0])
    return ReluAnswer(P.T, kept % n_patterns, signs, feasible_dual_point(certifier, v), n_steps, status)


def feasible_dual_point(certifier: Certifier, v: Array) -> Array:
    """The best multiple of v that is dual feasible; of y where a solver left v not finite."""
    y, beta = certifier.problem.y, certifier.problem.beta
    v = v if np.isfinite(v).all() else y
    return scaled_dual_point(y, v, largest_price(certifier, v), beta)


def largest_price(certifier: Certifier, v: Array) -> float:
    """The largest ``|Proj_{K_c}(F_c'v)|`` over all columns, or beta where none is longer."""
    X, _, beta, D = certifier.problem
    prices = np.empty(2 * D.shape[1])
    only_largest = np.ones(len(prices), dtype=np.bool_)
    price_columns(D.T @ (X * v[:, None]), beta, only_largest, np.arange(len(prices)), certifier.cones, certifier.dual, prices)
    return float(prices.max())


def largest_beta(X: ArrayLike, y: ArrayLike, patterns: ArrayLike) -> float:
    """The least weight decay from which on the zero network is optimal: the largest ``|Proj_{K_c}(F_c'y)|``.

    Parameters
    ----------
    X, y, patterns
        As in :func:`relu_program`.
    """
    X = _checks.samples(X)
    y = _checks.labels(y, len(X))
    D = _checks.zero_one(patterns, "patterns", len(X))
    rows = max(float(np.abs(X).max()), np.finfo(float).tiny), max(float(np.abs(y).max()), np.finfo(float).tiny)
    problem = ReluProblem(X / rows[0], y / rows[1], 0.0, D)
    prices, certifier = np.empty(2 * D.shape[1]), new_certifier(problem)
    gradients, everywhere = D.T @ (problem.X * problem.y[:, None]), np.ones(len(prices), dtype=np.bool_)
    price_columns(gradients, 0.0, everywhere, np.arange(len(prices)), certifier.cones, certifier.dual, prices)
    return float(prices.max()) * rows[0] * rows[1]


def is_zero_optimal(problem: ReluProblem) -> bool:
    """Whether v = y is feasible for the dual, which proves the zero network optimal: ``|Proj_{K_c}(F_c'y)| <= beta``.

    A gradient is no shorter than its projection: the longest come first, and one of them nearly always decides.
    """
    X, y, beta, D = problem
    gradients = D.T @ (X * y[:, None])
    lengths = np.linalg.norm(gradients, axis=1)
    doubtful = np.flatnonzero(lengths > beta)
    doubtful = doubtful[np.argsort(-lengths[doubtful])]
    for start in range(0, len(doubtful), _AT_ONCE):
        part = doubtful[start : start + _AT_ONCE]
        Z, which = np.vstack([gradients[part], -gradients[part]]), np.arange(2 * len(part))
        norms = np.empty(len(Z))
        states = new_states(len(Z), X.shape[1])
        project_columns(Z, beta, which, new_cones(X, D.T[part]), states, np.empty_like(Z), norms)
        if not (norms <= beta).all():
            return False
    return True


def useful_patterns(D: NDArray[np.float64]) -> NDArray[np.intp]:
    """Where each distinct pattern first stands, the all-zero one left out: a dead neuron costs and gives nothing."""
    packed = np.ascontiguousarray(np.packbits(D.astype(bool), axis=0).T)
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    first = np.sort(np.unique(keys, return_index=True)[1])
    return first[D[:, first].any(axis=0)]


def inside_cones(cones: Cones, which: NDArray[np.intp], blocks: Array) -> tuple[NDArray[np.intp], Array]:
    """The blocks, rows of (n_blocks, n_features), that are not zero and lie in the cones of their columns.

    A projection that ended early for want of progress may miss its cone: it is projected again, and left out if that fails.
    """
    alive = blocks.any(axis=1)
    which, blocks = which[alive], blocks[alive]
    outside = np.flatnonzero(_cone_violations(cones, which, blocks) > CONE_TOLERANCE)
    for j in outside:
        states, again = new_states(len(cones.sides), blocks.shape[1]), np.empty((1, blocks.shape[1]))
        pattern = which[j : j + 1] % len(cones.sides)
        project_columns(blocks[j : j + 1], 0.0, pattern, cones, states, again, np.empty(1))
        blocks[j] = again[0]
    good = np.any(blocks != 0.0, axis=1)
    good[outside] &= _cone_violations(cones, which[outside], blocks[outside]) <= CONE_TOLERANCE
    return which[good], blocks[good]


def _cone_violations(cones: Cones, which: NDArray[np.intp], blocks: Array) -> Array:
    """How far each block is outside its cone, relative to its length."""
    lengths = np.maximum(np.linalg.norm(blocks, axis=1), np.finfo(float).tiny)
    margins = cones.sides[which % len(cones.sides)] * (blocks @ cones.columns)
    return -margins.min(axis=1, initial=0.0) / lengths


def best_factor(y: Array, outputs: Array, cost: float) -> float:
    """The factor t >= 0 that minimises ``1/2 |t outputs - y|^2 + t cost``."""
    square = float(outputs @ outputs)
    return max(float(outputs @ y) - cost, 0.0) / square if square > 0 else 0.0
