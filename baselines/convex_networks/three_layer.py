"""Parallel three-layer ReLU networks as one convex program."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks._cone_program import group_cone_program
from optathlon.baselines.convex_networks._result import Certified, within
from optathlon.baselines.convex_networks.arrangements import enumerate_patterns

Array = NDArray[np.float64]

_MAX_BLOCKS = 50_000


@dataclass(frozen=True)
class ThreeLayerNetwork(Certified):
    """Parallel three-layer networks ``sum_k ((X W1_k)_+ w2_k)_+ w3_k`` from the convex program.

    Attributes
    ----------
    W1 : tuple of ndarray, (n_features, width_k)
        First layers, each of Frobenius norm 1.
    w2 : tuple of ndarray, (width_k,)
        Second layers, of mixed signs.
    w3 : ndarray, (n_subnetworks,)
        Output weights.
    objective : float
        ``1/2 ||f(X) - y||^2 + beta/2 sum_k (||w2_k||^2 + w3_k^2)`` of these networks.
    dual_bound : float
        Lower bound of the convex program's optimum. With ``width=None`` and all masks it bounds networks of any
        width and number.
    converged : bool
        Whether `gap` is within the tolerance.
    n_blocks : int
        Blocks of variables in the program.
    """

    W1: tuple[Array, ...]
    w2: tuple[Array, ...]
    w3: Array
    objective: float
    dual_bound: float
    converged: bool
    n_blocks: int

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs, (n_samples,), on X, (n_samples, n_features)."""
        X = _checks.finite_array(X, "X", 2)
        out = np.zeros(len(X))
        for W1, w2, w3 in zip(self.W1, self.w2, self.w3, strict=True):
            out += np.maximum(np.maximum(X @ W1, 0) @ w2, 0) * w3
        return out


def three_layer_program(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    width: int | None = None,
    n_tuples: int | None = None,
    patterns: ArrayLike | None = None,
    masks: ArrayLike | None = None,
    tol: float = 1e-6,
    rng: int | np.random.Generator | None = None,
) -> ThreeLayerNetwork:
    """Train parallel three-layer ReLU networks with ``||W1_k||_F <= 1`` to the global optimum of the convex program.

    ``min 1/2 ||sum_{l,s} s D2_l z_{ls} - y||^2 + beta sum ||w||`` with ``z_{ls} = sum_j I_j D1_j X w_{lsj}``,
    subject to ``(2 D1_j - I) X w_{lsj} >= 0`` and ``(2 D2_l - I) z_{ls} >= 0``: D2_l runs over second-layer masks,
    s over output signs, (D1_j, I_j) over pairs of a first-layer pattern and the sign of its second-layer weight.
    The groups are single first-layer vectors, the signs I_j mix within a network.

    Parameters
    ----------
    X, y
        Data (n_samples, n_features) and labels (n_samples,).
    beta
        Weight decay, positive.
    width
        Neurons m_1 per network: one block of variables for every choice of `width` among the pairs. None puts all
        pairs in one network: the optimum over every width.
    n_tuples
        Draw this many of the choices instead of taking all.
    patterns
        First-layer patterns, (n_samples, P_1), 0/1; all of them where None.
    masks
        Second-layer masks, (n_samples, P_2), 0/1; all ``2^n_samples - 1`` where None.
    tol
        Certified relative gap that counts as converged; the interior-point method goes as far as it gets in any case.
    rng
        Draws the choices.

    Returns
    -------
    ThreeLayerNetwork
        The networks, their objective and the bound.

    Raises
    ------
    ValueError
        An argument is not finite, misshapen or not positive, or the program would be too large.

    References
    ----------
    T. Ergen and M. Pilanci (2021), Global optimality beyond two layers: training deep ReLU networks via convex
    programs, Theorem 5 (equation 42 in the review of Lina and Yang).
    """
    from scipy import sparse

    X = _checks.samples(X)
    y = _checks.labels(y, len(X))
    beta, tol = _checks.positive(beta, "beta"), _checks.positive(tol, "tol")
    first = _zero_one(patterns, len(X), "patterns") if patterns is not None else enumerate_patterns(X).astype(float)
    first = first[:, first.any(axis=0)]
    second = _zero_one(masks, len(X), "masks") if masks is not None else _all_masks(len(X))
    pairs = list(product(range(first.shape[1]), (1.0, -1.0)))
    tuples = _tuples(len(pairs), width, n_tuples, _checks.generator(rng), 2 * second.shape[1])

    d = X.shape[1]
    signals = [sign * first[:, i, None] * X for i, sign in pairs]  # I_j D1_j X
    cones = [(2 * first[:, i] - 1)[:, None] * X for i, _ in pairs]
    networks = list(product(range(second.shape[1]), (1.0, -1.0), tuples))
    F, inequalities = [], []
    for mask, sign, chosen in networks:
        z = np.hstack([signals[j] for j in chosen])
        F.append(sign * second[:, mask, None] * z)
        own = sparse.block_diag([cones[j] for j in chosen])
        inequalities.append(sparse.vstack([own, sparse.csr_array((2 * second[:, mask] - 1)[:, None] * z)]))
    B = sparse.csr_array(sparse.block_diag(inequalities))
    solution = group_cone_program(np.hstack(F), y, beta, d, B)

    W1, w2, w3 = [], [], []
    start = 0
    largest = float(np.linalg.norm(solution.w, axis=1).max(initial=0.0))
    for _, sign, chosen in networks:
        w = solution.w[start : start + len(chosen)]
        start += len(chosen)
        lengths = np.linalg.norm(w, axis=1)
        kept = lengths > 1e-8 * largest
        total = float(lengths[kept].sum())
        if total <= 1e-7 * largest or total == 0:
            continue
        # |w2_j| w1_j / t = w_j / S with sum_j |w_j| = S: ||W1||_F = 1 and ||w2||^2 = w3^2 = S.
        share = np.sqrt(lengths[kept] / total)
        W1.append((w[kept] / lengths[kept, None] * share[:, None]).T)
        w2.append(np.array([pairs[j][1] for j in chosen])[kept] * share * np.sqrt(total))
        w3.append(sign * np.sqrt(total))
    network = ThreeLayerNetwork(tuple(W1), tuple(w2), np.array(w3), np.nan, solution.dual_bound, False, len(networks))
    residual = network.predict(X) - y
    objective = 0.5 * float(residual @ residual) + beta * float((network.w3**2).sum())
    return replace(network, objective=objective, converged=within(objective, solution.dual_bound, tol))


def _tuples(
    n_pairs: int, width: int | None, n_tuples: int | None, rng: np.random.Generator, copies: int
) -> list[tuple[int, ...]]:
    """Return the choices of (pattern, sign) pairs that share a network."""
    from math import comb

    if width is None:
        return [tuple(range(n_pairs))]
    width = min(_checks.positive_integer(width, "width"), n_pairs)
    total = comb(n_pairs, width)
    wanted = total if n_tuples is None else min(_checks.positive_integer(n_tuples, "n_tuples"), total)
    if wanted * width * copies > _MAX_BLOCKS:
        raise ValueError(
            f"the program over {wanted} tuples of {width} neurons would have {wanted * width * copies} blocks of variables, "
            f"at most {_MAX_BLOCKS}; give n_tuples, patterns or masks"
        )
    if wanted == total:
        return list(combinations(range(n_pairs), width))
    chosen: set[tuple[int, ...]] = set()
    while len(chosen) < wanted:
        chosen.add(tuple(sorted(int(j) for j in rng.choice(n_pairs, size=width, replace=False))))
    return sorted(chosen)


def _all_masks(n_samples: int) -> Array:
    if n_samples > 12:
        raise ValueError(
            f"X with {n_samples} rows has 2^{n_samples} - 1 second-layer masks, all of them only up to 12 rows; give masks"
        )
    return np.array(list(product((0.0, 1.0), repeat=n_samples))[1:]).T


def _zero_one(values: ArrayLike, n_samples: int, name: str) -> Array:
    return np.unique(_checks.zero_one(values, name, n_samples), axis=1)
