"""At most k edges: the paper's iterative hard thresholding, and the largest weights of the optimum with a refit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from optathlon.baselines.graphon_lasso._checks import Array, check_choice, check_count, check_number
from optathlon.baselines.graphon_lasso._spectral import Model, Point
from optathlon.baselines.graphon_lasso.laplacian import matrix_of, vector_of
from optathlon.baselines.graphon_lasso.solve import MAX_STEPS, GraphonLassoResult, answer, graphon_lasso, make_model, minimise

_IHT_STEPS = 1000


def k_sparse(
    S: ArrayLike,
    k: int,
    mu: ArrayLike | None = None,
    *,
    alpha: float = 0.0,
    beta: float = 10.0,
    gamma: float = 0.0,
    method: Literal["top-k", "iht"] = "top-k",
    tol: float = 1e-6,
    max_steps: int | None = None,
    callback: Callable[[int, Array], None] | None = None,
) -> GraphonLassoResult:
    """Minimise problem (1) over graphs of at most k edges, approximately.

    Parameters
    ----------
    S, mu, alpha, beta, gamma
        As for `graphon_lasso`.
    k : int
        Most edges, from 1 to p (p - 1) / 2.
    method : {"top-k", "iht"}
        ``"top-k"`` keeps the k largest weights of the minimum over all graphs and minimises anew over them.
        ``"iht"`` is that of the paper, section 4.1: a step of block MM, of which the k largest weights are kept.
    tol : float
        As for `graphon_lasso`, on the edges kept.
    max_steps : int, optional
        Most steps; by default 1000 of iterative hard thresholding, and those of `graphon_lasso`.
    callback : callable, optional
        ``callback(step, w)`` after each step over at most k edges.

    Returns
    -------
    GraphonLassoResult
        The bound holds for every graph, sparse or not, so the gap does not vanish; `kkt` and `converged` are of the problem
        on the edges kept.

    Raises
    ------
    ValueError
        As `graphon_lasso`, and if k is out of its range or the method is unknown.

    References
    ----------
    Banta, Navarro, Zilberstein. *Graphon-aided graphical lasso with structured sparsity*, section 4.1.
    """
    check_choice("method", method, ("top-k", "iht"))
    settings: dict[str, Any] = {"alpha": alpha, "beta": beta, "gamma": gamma}
    whole, tol = make_model(S, mu, **settings), check_number("tol", tol)
    n_pairs = len(whole.C) * (len(whole.C) - 1) // 2
    if check_count("k", k) > n_pairs:
        raise ValueError(f"k must be at most the number of pairs, {n_pairs}, got {k}")
    steps = None if max_steps is None else check_count("max_steps", max_steps)

    def seen(step: int, W: Array) -> None:
        if callback is not None:
            callback(step, vector_of(W))

    if method == "iht":
        W = hard_threshold(whole, k, steps or _IHT_STEPS, seen)
        whole.raise_bound(whole.at(W, relaxed=True))
        bound, n_eigh = whole.bound, whole.n_eigh
        restricted = replace(whole, edges=W > 0, n_eigh=0, bound=-np.inf) if W.any() else whole
        result = answer(restricted, restricted.at(W), tol)
    else:
        dense = graphon_lasso(S, mu, **settings, tol=tol)
        bound, n_eigh = dense.bound, dense.n_eigh
        W = largest(matrix_of(dense.w), k)
        restricted = replace(whole, edges=W > 0, n_eigh=0) if W.any() else whole
        solver = "admm" if whole.gamma > 0 else "newton-cg"
        point = minimise(restricted, solver, W, tol, steps or MAX_STEPS[solver], seen)
        result = answer(restricted, point, tol)
    gap = (result.objective - bound) / max(1.0, abs(result.objective))
    return replace(result, bound=bound, gap=gap, n_eigh=n_eigh + result.n_eigh)


def hard_threshold(model: Model, k: int, max_steps: int, callback: Callable[[int, Array], None]) -> Array:
    """Return weights after so many steps of iterative hard thresholding from equal ones."""
    point: Point = model.at(model.start)
    for step in range(1, max_steps + 1):
        moved = np.maximum(point.W - point.gradient / (2 * len(point.W) * model.beta), 0.0)  # equation (4)
        point = model.at(largest(np.where(model.edges, moved, 0.0), k))  # H_k
        callback(step, point.W)
    return point.W


def largest(W: Array, k: int) -> Array:
    """Keep the k largest weights; of equal ones the first."""
    w = vector_of(W)
    kept = np.zeros_like(w)
    chosen = np.argsort(-w, kind="stable")[:k]
    kept[chosen] = w[chosen]
    return matrix_of(kept)
