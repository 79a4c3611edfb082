"""CRAIG's own theorem: incremental gradients on a strongly convex sum, over a coreset that is chosen once, before training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from optathlon import data
from optathlon.spec import Context, Method, Scale, Workload

Array = NDArray[np.float64]
NOT_HERE = float("nan")


@dataclass(frozen=True)
class ConvexSum:
    """``sum_i log(1 + exp(-y_i x_i'w)) + ridge/2 |w|^2``.

    Attributes
    ----------
    X, y : ndarray, shapes (n, d) and (n,)
        Standardised samples with a column of ones; labels -1 and 1.
    ridge : float
        Strong convexity mu.
    best : ndarray, shape (d,)
        The minimiser.
    """

    X: Array
    y: Array
    ridge: float
    best: Array

    def objective(self, weights: Array) -> float:
        """Return the sum."""
        from optathlon.baselines.coresets import logistic_objective

        return logistic_objective(self.X, self.y, self.ridge, weights)[0]


@dataclass(frozen=True)
class Fit:
    """A model, and the samples that stood for all: their indices, or None where all were visited."""

    weights: Array
    chosen: NDArray[np.int64] | None


def tumours(ridge: float) -> Callable[[np.random.Generator, str], ConvexSum]:
    """Return logistic regression on 400 of the 569 tumours of breast_cancer, drawn at random."""

    def make(rng: np.random.Generator, device: str) -> ConvexSum:
        from scipy.optimize import minimize

        from optathlon.baselines.coresets import logistic_objective

        arrays = data.load("breast_cancer")
        rows = rng.permutation(len(arrays["y"]))[:400]
        X = (arrays["X"][rows] - arrays["X"][rows].mean(axis=0)) / arrays["X"][rows].std(axis=0)
        X, y = np.column_stack([X, np.ones(len(X))]), np.where(arrays["y"][rows] > 0, 1.0, -1.0)
        options = {"maxiter": 10_000, "ftol": 1e-15, "gtol": 1e-9}
        found = minimize(
            lambda w: logistic_objective(X, y, ridge, w), np.zeros(X.shape[1]), jac=True, method="L-BFGS-B", options=options
        )
        return ConvexSum(X, y, ridge, found.x)

    return make


def run_incremental(
    problem: ConvexSum, context: Context, *, subset: Literal["all", "craig", "random"], n_gradients: float
) -> Fit:
    """Visit a tenth of the samples, or all, until there have been `n_gradients` gradients a sample of the whole set."""
    from optathlon.baselines.coresets import craig, incremental_gradient, per_class, random_subset

    n = len(problem.y)
    with context.section("selection"):
        if subset == "craig":
            coreset = per_class(craig, problem.X, n // 10, labels=(problem.y > 0).astype(np.int64))
        else:
            coreset = random_subset(n, n // 10, rng=context.rng) if subset == "random" else None
    chosen = None if coreset is None else coreset.indices

    def watch(n_gradients: int, weights: Array) -> None:
        context.observe(n_gradients, Fit(weights, chosen))

    passes = round(n_gradients * n / (n if coreset is None else len(coreset.indices)))
    result = incremental_gradient(problem.X, problem.y, ridge=problem.ridge, coreset=coreset, n_passes=passes, callback=watch)
    return Fit(result.weights, chosen)


def convex_gap(problem: Any, answer: Any) -> float:
    """Return the objective above its minimum, relative to that."""
    if not isinstance(problem, ConvexSum):
        return NOT_HERE
    least = problem.objective(problem.best)
    return (problem.objective(answer.weights) - least) / least


def distance_to_bound(problem: Any, answer: Any) -> float:
    """Return |w - w*| over eps / mu, eps the sum of every sample's distance to the nearest chosen one of its class."""
    if not isinstance(problem, ConvexSum) or answer.chosen is None:
        return NOT_HERE
    eps = 0.0
    for label in (-1.0, 1.0):
        members = problem.X[problem.y == label]
        kept = problem.X[answer.chosen[problem.y[answer.chosen] == label]]
        eps += float(np.sqrt(((members[:, None] - kept) ** 2).sum(axis=2).min(axis=1)).sum()) if len(kept) else float("inf")
    distance = float(np.linalg.norm(answer.weights - problem.best)) * problem.ridge
    return distance / eps if eps > 0 else float("inf")


def _method(subset: str, n_gradients: float, reference: str) -> Method:
    return Method(
        name=f"incremental-{subset}-{n_gradients:g}",
        run=run_incremental,
        settings={"subset": subset, "n_gradients": n_gradients},
        description=f"{n_gradients:g} gradients a sample of the whole set",
        reference=reference,
        warm_up=_warm_up,
    )


def _warm_up() -> None:
    from optathlon.baselines.coresets import craig

    craig(np.eye(4), 2)


CRAIG = "Mirzasoleiman, Bilmes and Leskovec 2020, section 3; section 1.3 of the report"

CONVEX_METHODS = tuple(_method(subset, n_gradients, CRAIG) for subset in ("all", "craig", "random") for n_gradients in (2, 40))


def _workload(name: str, scale: Scale, seeds: int, methods: tuple[str, ...], description: str) -> Workload:
    return Workload(
        name=name,
        make=tumours(10.0),
        scale=scale,
        seeds=seeds,
        budget=30.0,
        metric="convex-gap",
        data=("breast_cancer",),
        methods=methods,
        description=description,
    )


CONVEX_WORKLOADS = (
    _workload("convex-smoke", Scale.SMOKE, 1, ("incremental-*",), "logistic regression on 400 tumours"),
    _workload(
        "convex-cancer", Scale.SMALL, 6, ("incremental-*",), "logistic regression on 400 tumours, ridge 10, a tenth chosen once"
    ),
)
