"""Recovery and certificates for the two-layer ReLU program.

A *column* c = (pattern p, sign s) of the program carries a block w_c of the cone ``K_c = {w: A_c w >= 0}`` and reaches
the output through F_c:

    F_c = s D_p X,   A_c = (2 D_p - I) X,   D_p = diag(patterns[:, p]),

    primal   min_w  1/2 |sum_c F_c w_c - y|^2 + beta sum_c |w_c|     s.t.  w_c in K_c,
    dual     max_v  y'v - 1/2 |v|^2     s.t.  |Proj_{K_c}(F_c'v)| <= beta  for every c.

For any ``lam >= 0`` the norm ``|F_c'v + A_c'lam|`` bounds the projection's from above (Moreau), so that a multiplier per
column proves the bound without trust in whoever found it.

References
----------
M. Pilanci, T. Ergen (2020), Neural networks are convex regularizers, ICML, Theorem 1 and equation (8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks._result import Certified, relative_gap


class ReluProblem(NamedTuple):
    """A checked instance: what every solver of the program is given."""

    X: NDArray[np.float64]
    """Data, (n_samples, n_features)."""
    y: NDArray[np.float64]
    """Labels, (n_samples,)."""
    beta: float
    """Weight decay."""
    D: NDArray[np.float64]
    """Distinct non-zero patterns as columns of 0 and 1, (n_samples, n_patterns)."""


class ReluAnswer(NamedTuple):
    """What a solver of the program returns: a feasible point, and a feasible dual point that bounds it."""

    blocks: NDArray[np.float64]
    """The non-zero blocks, (n_features, n_blocks), each inside its cone."""
    pattern: NDArray[np.intp]
    """Pattern of each block, (n_blocks,)."""
    sign: NDArray[np.float64]
    """Sign of each block, (n_blocks,)."""
    dual_point: NDArray[np.float64]
    """v, (n_samples,)."""
    n_steps: int
    """Outer iterations."""
    status: str
    """Why the solver stopped."""


class ReluNetwork(NamedTuple):
    """A two-layer ReLU network ``f(X) = (X W1)_+ w2``."""

    W1: NDArray[np.float64]
    """First layer, (n_features, n_neurons)."""
    w2: NDArray[np.float64]
    """Second layer, (n_neurons,)."""

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Outputs (n_samples,) for the rows of X, (n_samples, n_features)."""
        return np.maximum(np.asarray(X, dtype=np.float64) @ self.W1, 0.0) @ self.w2


@dataclass(frozen=True)
class ReluProgramResult(Certified):
    """A network, its objective and the certificate that bounds how far from optimal it can be.

    Attributes
    ----------
    W1, w2
        The recovered network ``f(X) = (X W1)_+ w2``, (n_features, n_neurons) and (n_neurons,).
    objective
        ``1/2 |f(X) - y|^2 + beta/2 (|W1|_F^2 + |w2|^2)`` of that network.
    dual_bound
        No network whose neurons have the given patterns is below this; no network at all where the patterns are complete.
    dual_point
        v, (n_samples,), feasible for the dual: ``dual_bound = y'v - |v|^2 / 2``.
    pattern_index
        Column of ``patterns`` whose cone holds neuron j, (n_neurons,); the neuron's sign is that of ``w2``.
    converged
        Whether ``gap`` is at most the tolerance asked for.
    status
        ``"converged"``, or why the solver stopped before.
    n_steps
        Outer iterations of the solver.
    solver
        Its name.
    patterns
        The patterns, (n_samples, n_patterns), given or chosen.
    complete
        Whether they were enumerated here, so that ``dual_bound`` holds for every network.
    """

    W1: NDArray[np.float64]
    w2: NDArray[np.float64]
    objective: float
    dual_bound: float
    dual_point: NDArray[np.float64]
    pattern_index: NDArray[np.intp]
    converged: bool
    status: str
    n_steps: int
    solver: str
    patterns: NDArray[np.int8]
    complete: bool

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Outputs of the network for the rows of X, (n_samples,)."""
        return ReluNetwork(self.W1, self.w2).predict(X)


class ReluCertificate(NamedTuple):
    """What :func:`verify_certificate` finds; every figure is recomputed from the data."""

    objective: float
    """Objective of the network, with the weight decay of both layers."""
    dual_bound: float
    """Dual value after scaling the dual point by what the multipliers prove."""
    gap: float
    """``(objective - dual_bound) / objective``; 0 where the objective is 0."""
    cone_violation: float
    """Largest ``-(2 D_ii - 1) x_i'w / (|x_i| |w|)`` over rows i and neurons w; at most 0 inside the cones."""
    multiplier_norm: float
    """Largest ``|F_c'v + A_c'lam_c| / beta`` over every column, before scaling; at most 1 where v is feasible."""


def network_objective(X: ArrayLike, y: ArrayLike, beta: float, W1: ArrayLike, w2: ArrayLike) -> float:
    """Objective ``1/2 |(X W1)_+ w2 - y|^2 + beta/2 (|W1|_F^2 + |w2|^2)`` of a network.

    Parameters
    ----------
    X, y
        Data, (n_samples, n_features) and (n_samples,).
    beta
        Weight decay.
    W1, w2
        Weights, (n_features, n_neurons) and (n_neurons,).

    Raises
    ------
    ValueError
        X or y is not finite or misshapen.
    """
    X = _checks.samples(X)
    W1, w2 = np.asarray(W1, dtype=np.float64), np.asarray(w2, dtype=np.float64)
    residual = ReluNetwork(W1, w2).predict(X) - _checks.labels(y, len(X))
    return float(0.5 * residual @ residual + 0.5 * beta * (np.sum(W1**2) + np.sum(w2**2)))


def recover_network(blocks: NDArray[np.float64], signs: NDArray[np.float64]) -> ReluNetwork:
    """Network of the non-zero blocks: ``W1_j = w / sqrt|w|, w2_j = s sqrt|w|``.

    Balanced like this a neuron costs ``beta/2 (|W1_j|^2 + w2_j^2) = beta |w|``, its price in the program.

    Parameters
    ----------
    blocks
        One block per column of the program, (n_features, n_blocks), each inside its cone.
    signs
        +1 or -1 per block.
    """
    roots = np.sqrt(np.linalg.norm(blocks, axis=0))
    kept = roots > 0
    return ReluNetwork(blocks[:, kept] / roots[kept], signs[kept] * roots[kept])


def dual_value(y: NDArray[np.float64], v: NDArray[np.float64]) -> float:
    """Value ``y'v - |v|^2 / 2`` of a feasible dual point."""
    return float(y @ v - 0.5 * v @ v)


def scaled_dual_point(y: NDArray[np.float64], v: NDArray[np.float64], largest: float, beta: float) -> NDArray[np.float64]:
    """The best feasible multiple of v, given the largest ``|Proj_{K_c}(F_c'v)|``, or a bound of it, over all columns."""
    square = v @ v
    if square == 0.0:
        return v
    best = max(y @ v / square, 0.0)
    return v * (best if best * largest <= beta else beta / largest)


def verify_certificate(
    X: ArrayLike, y: ArrayLike, beta: float, patterns: ArrayLike, result: ReluProgramResult
) -> ReluCertificate:
    """Check a result of :func:`relu_program` from the data alone.

    The objective is the network's own. For every column (each pattern, both signs) an explicit multiplier lam >= 0 is
    found by non-negative least squares (SciPy), and ``|F_c'v + A_c'lam|`` taken as it comes: a poor multiplier
    weakens the bound, it cannot make it false. With r the largest of these norms over beta, ``v / max(r, 1)`` is feasible.

    Parameters
    ----------
    X, y, beta, patterns
        The program, as given to :func:`relu_program`.
    result
        Its answer: the network, the column of ``patterns`` of each neuron and the dual point.

    Returns
    -------
    ReluCertificate
        Objective, dual bound, relative gap, cone violation and the largest multiplier norm.
    """
    X = _checks.samples(X)
    y = _checks.labels(y, X.shape[0])
    beta = _checks.positive(beta, "beta")
    D = as_patterns(patterns, X.shape[0])
    v = result.dual_point
    norms = np.linalg.norm(X, axis=1)
    rows = X / np.where(norms > 0, norms, 1.0)[:, None]

    objective = network_objective(X, y, beta, result.W1, result.w2)
    margins = (2 * D[:, result.pattern_index] - 1) * (rows @ result.W1) / np.linalg.norm(result.W1, axis=0)
    largest = 0.0
    for pattern in np.unique(D, axis=1).T:
        gradient = X.T @ (pattern * v)
        normals = (2 * pattern - 1)[:, None] * rows
        for signed in (gradient, -gradient):
            largest = max(largest, float(np.linalg.norm(signed + normals.T @ _multiplier(normals, signed))))
    v = v / max(largest / beta, 1.0)
    dual_bound = float(y @ v - 0.5 * v @ v)
    violation = float(-margins.min()) if margins.size else 0.0
    return ReluCertificate(objective, dual_bound, relative_gap(objective, dual_bound), violation, largest / beta)


def as_patterns(patterns: ArrayLike, n_samples: int) -> NDArray[np.float64]:
    """Return 0/1 patterns (n_samples, n_patterns) as float64, checked."""
    _checks.require_memory(32.0 * np.size(patterns), f"patterns of shape {np.shape(patterns)}, as float64 and twice more,")
    D = _checks.finite_array(patterns, "patterns", 2, kinds="biuf")
    if D.shape[0] != n_samples:
        raise ValueError(f"patterns must have one row per row of X ({n_samples}), got shape {D.shape}")
    if not np.isin(D, (0.0, 1.0)).all():
        raise ValueError(f"patterns must hold only 0 and 1, got values from {D.min():g} to {D.max():g}")
    return D


def _multiplier(normals: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Some lam >= 0 that makes ``|x + normals' lam|`` small; zero where the solver gives up."""
    from scipy.optimize import nnls

    try:
        return np.maximum(nnls(normals.T, -x)[0], 0.0)
    except RuntimeError:
        return np.zeros(len(normals))
