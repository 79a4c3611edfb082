"""The methods of the leaderboard: adapters around `optathlon.baselines.graphon_lasso`, and scikit-learn's graphical lasso."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from optathlon.baselines.graphon_lasso import (
    GraphonLassoResult,
    fitted_spectrum,
    graphon_lasso,
    k_sparse,
    laplacian,
    laplacian_adjoint,
)
from optathlon.spec import Context, Diverged, Method
from optathlon.suites.graphon_lasso.problem import BETA, Estimation, Operator

PAPER = "Banta, Navarro, Zilberstein, Graphon-aided Graphical Lasso with Structured Sparsity"

_KEPT = 100  # sweeps


@dataclass(frozen=True)
class Estimate:
    """A precision matrix, and what it minimises.

    Attributes
    ----------
    precision : ndarray, shape (p, p)
        The estimate.
    w : ndarray, shape (p (p - 1) / 2,), or None
        Its edge weights, where it is a Laplacian.
    mu : ndarray, shape (p,), or None
        Prior eigenvalues.
    prior : str
        Their name.
    alpha, gamma : float
        Weights of the l1 norm and of the prior.
    result : GraphonLassoResult, optional
        The whole answer of the library; intermediate answers have none.
    sweeps : tuple of ndarray
        The first iterates of a published method, for the claims on each sweep.
    """

    precision: np.ndarray
    w: np.ndarray | None = None
    mu: np.ndarray | None = None
    prior: str = "none"
    alpha: float = 0.0
    gamma: float = 0.0
    result: GraphonLassoResult | None = None
    sweeps: tuple[np.ndarray, ...] = ()


def run_laplacian(
    problem: Estimation,
    context: Context,
    *,
    prior: Literal["none", "graphon", "latent", "other", "true", "constant", "fitted"],
    gamma: float,
    solver: Literal["newton-cg", "admm", "lbfgs", "fista", "block-mm"],
    alpha: float = 0.0,
    max_steps: int | None = None,
    start: float | None = None,
    keep: bool = False,
    certify: bool = True,
) -> Estimate:
    """Problem (1) by one of the solvers."""
    S, p = problem.S, problem.n_nodes
    mu = _spectrum(problem, prior)
    blank = Estimate(np.zeros((p, p)), None, mu, prior, alpha, gamma)
    sweeps: list[np.ndarray] = []
    result = graphon_lasso(
        S, mu, alpha=alpha, beta=BETA, gamma=gamma, solver=solver, max_steps=max_steps, certify=certify,
        start=None if start is None else np.full(p * (p - 1) // 2, start),
        callback=_observer(problem, context, blank, sweeps, keep),
    )  # fmt: skip
    return replace(blank, precision=result.precision, w=result.w, result=result, sweeps=tuple(sweeps))


def run_k_sparse(
    problem: Estimation, context: Context, *, method: Literal["top-k", "iht"], max_steps: int | None = None
) -> Estimate:
    """As many edges as the true graph has."""
    if problem.truth is None:
        raise ValueError("the true number of edges is needed")
    sweeps: list[np.ndarray] = []
    result = k_sparse(
        problem.S,
        int(np.count_nonzero(problem.truth)),
        beta=BETA,
        method=method,
        max_steps=max_steps,
        callback=lambda step, w: sweeps.append(w) if step == 1 else None,
    )
    # Of another problem than (1): without a gap, and without a trace of it.
    return Estimate(result.precision, result.w, prior="k", result=result, sweeps=tuple(sweeps))


def run_sklearn(problem: Estimation, context: Context, *, alphas: Sequence[float], folds: int, max_iter: int) -> Estimate:
    """Scikit-learn's graphical lasso on S + 11'/p, its alpha by cross-validation, 11'/p taken off the answer.

    Without 11'/p the covariance of signals that sum to 0 is singular in the constant direction however many there are.
    """
    import warnings

    from sklearn.covariance import graphical_lasso
    from sklearn.exceptions import ConvergenceWarning

    def solve(covariance: np.ndarray, alpha: float) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # small alphas at few signals: cross-validation rejects them
            return graphical_lasso(covariance, alpha, max_iter=max_iter)[1]

    X, p = problem.X, problem.n_nodes
    parts = np.array_split(context.rng.permutation(len(X)), folds)
    losses = np.zeros(len(alphas))
    for part in parts:
        rest = np.setdiff1d(np.arange(len(X)), part)
        train, test = (X[index].T @ X[index] / len(index) + 1 / p for index in (rest, part))
        for i, alpha in enumerate(alphas):
            losses[i] += _attempt(lambda train=train, test=test, alpha=alpha: _loss(solve(train, alpha), test))
    if not np.isfinite(losses).any():
        raise Diverged("scikit-learn's graphical lasso fails for every alpha")
    return Estimate(solve(problem.S + 1 / p, alphas[int(np.nanargmin(losses))]) - 1 / p)


def run_pseudo_inverse(problem: Estimation, context: Context) -> Estimate:
    """The pseudo-inverse of the sample covariance."""
    return Estimate(np.linalg.pinv(problem.S, hermitian=True))


def run_operator_norm(problem: Operator, context: Context, *, n_steps: int) -> float:
    """Return the squared norm of the Laplacian operator by power iteration on L*L."""
    w, value = problem.start, 0.0
    for _ in range(n_steps):
        w = w / np.linalg.norm(w)
        product = laplacian_adjoint(laplacian(w))
        value, w = float(w @ product), product
    return value


def _spectrum(problem: Estimation, prior: str) -> np.ndarray | None:
    if prior == "none":
        return None
    if prior == "fitted":
        return fitted_spectrum(graphon_lasso(problem.S, beta=BETA).w)
    return problem.priors[prior]


def _observer(
    problem: Estimation, context: Context, blank: Estimate, sweeps: list[np.ndarray], keep: bool
) -> Callable[[int, np.ndarray], None]:
    """Observe at steps that grow by a fifth, where solvers are compared; keep the first iterates where asked to."""
    due = 1.0 if problem.traced else float("inf")

    def seen(step: int, w: np.ndarray) -> None:
        nonlocal due
        if keep and len(sweeps) < _KEPT:
            sweeps.append(w)
        if step >= due:
            due = max(step + 1, 1.2 * step)
            context.observe(step, replace(blank, precision=laplacian(w), w=w))

    return seen


def _loss(precision: np.ndarray, covariance: np.ndarray) -> float:
    sign, logdet = np.linalg.slogdet(precision)
    return float((precision * covariance).sum() - logdet) if sign > 0 else np.inf


def _attempt(work: Callable[[], float]) -> float:
    try:
        return work()
    except FloatingPointError:  # what scikit-learn raises where its system is too ill-conditioned
        return np.inf


_CONVEX = {"prior": "none", "gamma": 0.0}
_SWEEPS = {"solver": "block-mm", "max_steps": 1000, "start": 0.1, "keep": True}


def _method(
    name: str, *workloads: str, reference: str = f"{PAPER}, problem (1)", yardstick: bool = False, **settings: Any
) -> Method:
    return Method(name=name, run=run_laplacian, settings=settings, workloads=workloads, reference=reference, yardstick=yardstick)


ALL = ("squares-*", "blocks-*", "nearby-*", "constant-*", "karate-*", "les-miserables-*", "florentine-*", "pixels-*")
DRAWN = ("squares-*", "blocks-*", "nearby-*", "constant-*")
REAL = ("karate-*", "les-miserables-*", "florentine-*")
FEW = ("squares-30-n15*", "squares-30-n60*")
LARGEST = "squares-30-n1000*"
SWEPT = ("squares-12", LARGEST, "solve-*")

METHODS = (
    _method("convex", *ALL, "solve-*", **_CONVEX, solver="newton-cg"),
    _method("convex-l1", "squares-12", "squares-30-n60*", LARGEST, **_CONVEX, solver="newton-cg", alpha=0.1),
    _method("graphon", *ALL, "solve-*", prior="graphon", gamma=0.1, solver="admm"),
    _method("graphon-strong", "squares-12", *FEW, "solve-12", "solve-200", prior="graphon", gamma=10.0, solver="admm"),
    _method("graphon-latent", "squares-*", prior="latent", gamma=0.1, solver="admm", reference=f"{PAPER}, section 3, mu(zeta_i)"),
    _method("other-graph", *DRAWN, prior="other", gamma=0.1, solver="admm", reference=f"{PAPER}, Fig. 2 (b)"),
    _method("constant-graphon", *REAL, "squares-12", prior="constant", gamma=0.1, solver="admm"),
    _method("fitted-graphon", "squares-*", prior="fitted", gamma=0.1, solver="admm"),
    _method("true-spectrum", "squares-*", prior="true", gamma=0.1, solver="admm", yardstick=True),
    _method("mm-convex", *SWEPT, **_CONVEX, **_SWEEPS, reference=f"{PAPER}, section 4"),
    _method("mm-graphon", *SWEPT, prior="graphon", gamma=0.1, certify=False, **_SWEEPS, reference=f"{PAPER}, section 4"),
    _method("admm-convex", "solve-*", **_CONVEX, solver="admm"),
    _method("lbfgs-convex", "solve-*", **_CONVEX, solver="lbfgs", reference="Byrd, Lu, Nocedal, Zhu 1995; scipy"),
    _method("fista-convex", "solve-*", **_CONVEX, solver="fista", max_steps=200, reference="Beck, Teboulle 2009"),
    _method(
        "lbfgs-graphon", "solve-*", prior="graphon", gamma=0.1, solver="lbfgs", certify=False,
        reference="Byrd, Lu, Nocedal, Zhu 1995; scipy",
    ),
    Method(
        name="top-k", run=run_k_sparse, settings={"method": "top-k"}, workloads=("squares-*",), yardstick=True,
        description="knows the number of edges", reference="largest weights of problem (1), minimised anew",
    ),
    Method(
        name="iht", run=run_k_sparse, settings={"method": "iht", "max_steps": 300}, workloads=("squares-12", LARGEST),
        yardstick=True, description="knows the number of edges", reference=f"{PAPER}, section 4.1",
    ),
    Method(
        name="sklearn", run=run_sklearn, settings={"alphas": [0.003, 0.01, 0.03, 0.1], "folds": 2, "max_iter": 50},
        workloads=(*DRAWN, "karate-*", "florentine-*", "pixels-*"),
        reference="Friedman, Hastie, Tibshirani 2008; scikit-learn",
    ),
    Method(name="pseudo-inverse", run=run_pseudo_inverse, workloads=("squares-*",), reference="the sample precision matrix"),
    Method(
        name="operator-norm", run=run_operator_norm, settings={"n_steps": 500}, workloads=("operator-*",),
        reference=f"{PAPER}, section 2",
    ),
)  # fmt: skip
