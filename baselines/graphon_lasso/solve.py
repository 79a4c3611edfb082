"""The graphon-aided graphical lasso, by any of its solvers, with a global lower bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.graphon_lasso._checks import (
    Array,
    check_choice,
    check_costs,
    check_count,
    check_number,
    check_spectrum,
    check_symmetric,
    check_weights,
)
from optathlon.baselines.graphon_lasso._spectral import Model, Point
from optathlon.baselines.graphon_lasso.admm import State, alternate, begin
from optathlon.baselines.graphon_lasso.descent import block_mm, fista, lbfgs
from optathlon.baselines.graphon_lasso.laplacian import adjoint_of, laplacian_of, matrix_of, vector_of
from optathlon.baselines.graphon_lasso.newton_cg import newton_cg

Solver = Literal["newton-cg", "admm", "lbfgs", "block-mm", "fista"]

MAX_STEPS = {"newton-cg": 200, "admm": 1000, "lbfgs": 5000, "block-mm": 1000, "fista": 2000}
_DESCENTS = {"newton-cg": newton_cg, "lbfgs": lbfgs, "block-mm": block_mm, "fista": fista}
_RELAXATION_STEPS = 1000
# Newton's method is quick near the minimum; so many alternating steps, and one more per so many nodes, bring it there.
_FIRST_STEPS, _FIRST_STEPS_PER = 10, 25
# Of the alternation after that of the relaxation: a first rho of this times its last, and the growth after each step.
_STIFFER, _GROWTH = 3.0, 1.02
_ALTERNATIONS = 300  # where h is not convex; what they leave, L-BFGS finishes


@dataclass(frozen=True)
class GraphonLassoResult:
    """Answer of `graphon_lasso` and `k_sparse`.

    Attributes
    ----------
    w : ndarray, shape (p (p - 1) / 2,)
        Edge weights, in the order of `laplacian`.
    precision : ndarray, shape (p, p)
        The Laplacian of w.
    objective : float
        Problem (1) at w, minimised over U and Lambda.
    bound : float
        No weights have a lower objective, rounding included.
    gap : float
        (objective - bound) / max(1, |objective|).
    kkt : float
        Largest violation of min(w, gradient) = 0, in units of the flat start and the mean cost of an edge.
    converged : bool
        Whether the gap is at most `tol`, or, where gamma > 0 and the problem is not convex, kkt is at most sqrt(tol).
    n_eigh : int
        Eigendecompositions, those for the bound included.
    """

    w: Array
    precision: Array = field(repr=False)
    objective: float
    bound: float
    gap: float
    kkt: float
    converged: bool
    n_eigh: int


@dataclass(frozen=True)
class Certificate:
    """Answer of `certify`; the fields are those of `GraphonLassoResult`."""

    objective: float
    bound: float
    gap: float
    kkt: float


def graphon_lasso(
    S: ArrayLike,
    mu: ArrayLike | None = None,
    *,
    alpha: float = 0.0,
    beta: float = 10.0,
    gamma: float = 0.0,
    solver: Solver | None = None,
    start: ArrayLike | None = None,
    tol: float = 1e-6,
    max_steps: int | None = None,
    certify: bool = True,
    callback: Callable[[int, Array], None] | None = None,
) -> GraphonLassoResult:
    r"""Estimate a precision matrix that is a graph Laplacian whose eigenvalues are near given ones.

    .. math::
        \min_{w \ge 0,\, U'U = I,\, \lambda_1 = 0} \; -\sum_{i \ge 2} \log \lambda_i + \mathrm{tr}(S L w) + \alpha 1'w
        + \frac{\beta}{2} \|L w - U \mathrm{diag}(\lambda) U'\|_F^2 + \frac{\gamma}{2} \sum_{i \ge 2} (\lambda_i - \mu_i)^2

    Parameters
    ----------
    S : array_like, shape (p, p)
        Sample covariance, symmetric; p is at least 2.
    mu : array_like, shape (p,), optional
        Prior eigenvalues of the Laplacian, ascending; the first belongs to lambda_1 = 0 and plays no part. Needed where
        gamma > 0. See `graphon_spectrum` and `degree_spectrum`.
    alpha : float
        Weight of the l1 norm, at least 0.
    beta : float
        Weight of the distance between L w and its spectral copy, above 0.
    gamma : float
        Weight of the prior eigenvalues, at least 0. Where it is 0 the problem is convex.
    solver : {"newton-cg", "admm", "lbfgs", "block-mm", "fista"}, optional
        By default ``"newton-cg"``, after a few steps of ``"admm"``, where gamma = 0, and ``"admm"`` otherwise; where gamma > 0
        both start from the minimiser of the convex relaxation. ``"block-mm"`` is the paper's.
    start : array_like, shape (p (p - 1) / 2,), optional
        Weights to start from; by default all are equal.
    tol : float
        Relative gap at which to stop; where gamma > 0, the square of the `kkt` at which to stop.
    max_steps : int, optional
        Most steps of the solver.
    certify : bool
        Where gamma > 0: whether to solve the convex relaxation for a tight bound. Without, the bound is loose.
    callback : callable, optional
        ``callback(step, w)`` after each step of the solver.

    Returns
    -------
    GraphonLassoResult
        Weights, their objective and a global lower bound.

    Raises
    ------
    ValueError
        If S is not symmetric and finite, mu is not ascending and of length p, a parameter is out of its range, or gamma = 0
        and the objective has no minimum, because S_ii + S_jj - 2 S_ij + alpha <= 0 for some pair.

    Notes
    -----
    Where gamma > 0 the problem is not convex: its minimum over U is concave where eigenvalues meet. The bound is that of a
    convex relaxation, in which the cost of the eigenvalues of Lambda, in whatever order, becomes its convex envelope. Its minimum
    is reached by few alternating steps, and the minimum of the problem itself is looked for from there.

    References
    ----------
    Banta, Navarro, Zilberstein. *Graphon-aided graphical lasso with structured sparsity*, problem (1) and section 4.
    """
    model = make_model(S, mu, alpha=alpha, beta=beta, gamma=gamma)
    name = check_choice("solver", solver or ("admm" if model.gamma > 0 else "newton-cg"), tuple(MAX_STEPS))
    steps = MAX_STEPS[name] if max_steps is None else check_count("max_steps", max_steps)
    tol = check_number("tol", tol)
    first = model.start if start is None else matrix_of(check_weights("start", start, len(model.C)))

    def seen(step: int, W: Array) -> None:
        if callback is not None:
            callback(step, vector_of(W))

    return answer(model, minimise(model, name, first, tol, steps, seen, certify=certify), tol)


def certify(
    S: ArrayLike, mu: ArrayLike | None, w: ArrayLike, *, alpha: float = 0.0, beta: float = 10.0, gamma: float = 0.0
) -> Certificate:
    """Return the objective of given weights, and the lower bound on all weights that their own multipliers prove.

    Parameters
    ----------
    S, mu, alpha, beta, gamma
        As for `graphon_lasso`.
    w : array_like, shape (p (p - 1) / 2,)
        Weights, not negative.

    Returns
    -------
    Certificate
        Objective, bound, gap and kkt. The bound is tight at the minimum where gamma = 0, and only there.

    Raises
    ------
    ValueError
        As `graphon_lasso`, and if w is negative, not finite or of the wrong length.
    """
    model = make_model(S, mu, alpha=alpha, beta=beta, gamma=gamma)
    W = matrix_of(check_weights("w", w, len(model.C)))
    point = model.at(W)
    model.raise_bound(model.at(W, relaxed=True))
    return Certificate(point.value, model.bound, model.gap(point.value), model.kkt(point))


def make_model(
    S: ArrayLike, mu: ArrayLike | None, *, alpha: Any, beta: Any, gamma: Any, edges: NDArray[np.bool_] | None = None
) -> Model:
    """Check an instance and return its model; `edges` are the pairs that may have a weight, by default all."""
    covariance = check_symmetric("S", S)
    alpha, gamma = check_number("alpha", alpha, zero=True), check_number("gamma", gamma, zero=True)
    beta = check_number("beta", beta)
    spectrum = check_spectrum(mu, len(covariance), gamma)
    edges = ~np.eye(len(covariance), dtype=bool) if edges is None else edges
    C = adjoint_of(covariance) + alpha
    np.fill_diagonal(C, 0.0)
    check_costs(C[edges], gamma)
    return Model(C, spectrum, beta, gamma, edges)


def minimise(
    model: Model,
    solver: str,
    first: Array,
    tol: float,
    max_steps: int,
    callback: Callable[[int, Array], None],
    *,
    certify: bool = True,
) -> Point:
    """Minimise a model from given weights, raising its bound."""

    def proved(point: Point) -> bool:
        model.raise_bound(point)
        return model.gap(point.value) <= tol

    def stationary(point: Point) -> bool:
        return model.kkt(point) <= tol**0.5

    if model.gamma == 0:
        if solver == "admm":
            return alternate(model, begin(model, first), proved, max_steps, callback, relaxed=True)[0]
        if solver == "newton-cg":
            n_first = min(max_steps, _FIRST_STEPS + len(first) // _FIRST_STEPS_PER)
            near = alternate(model, begin(model, first), proved, n_first, callback, relaxed=True)[0]
            return newton_cg(model, near.W, proved, max_steps - n_first, lambda step, W: callback(n_first + step, W))
        return _DESCENTS[solver](model, first, proved, max_steps, callback)
    state = begin(model, first)
    relaxes = solver in ("admm", "newton-cg")
    if certify or relaxes:
        state = _relax(model, state, proved)
    if solver == "admm":
        state, n_first = replace(state, rho=_STIFFER * state.rho), min(max_steps, _ALTERNATIONS)
        near = alternate(model, state, stationary, n_first, callback, relaxed=False, growth=_GROWTH)[0]
        return lbfgs(model, near.W, stationary, max_steps - n_first, lambda step, W: callback(n_first + step, W))
    return _DESCENTS[solver](model, state.W if relaxes else first, stationary, max_steps, callback)


def _relax(model: Model, state: State, proved: Callable[[Point], bool]) -> State:
    return alternate(model, state, proved, _RELAXATION_STEPS, lambda step, W: None, relaxed=True)[1]


def answer(model: Model, point: Point, tol: float) -> GraphonLassoResult:
    """Return what is published of a point."""
    model.raise_bound(point if model.gamma == 0 else model.at(point.W, relaxed=True))
    gap, kkt = model.gap(point.value), model.kkt(point)
    converged = gap <= tol or (model.gamma > 0 and kkt <= tol**0.5)
    return GraphonLassoResult(
        vector_of(point.W), laplacian_of(point.W), point.value, model.bound, gap, kkt, converged, model.n_eigh
    )
