"""Everybody tuned alike: lambda, or the bound C of kitchen sinks, and the width, by the error on a fifth of the training rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from optathlon.spec import Context, Method, Scale, Workload
from optathlon.suites.random_features.problem import Array, Learning, Predictions, friedman, hastie, learning, spectrum, table

LAMBDAS = tuple(10.0**k for k in range(-8, 0))
BOUNDS = tuple(10.0**k for k in range(0, 6))
WIDTHS = (0.25, 1.0, 4.0)  # times the gamma of the median distance

Fit = Callable[[Learning, Sequence[float], int], list[Array]]  # predictions of the test rows for each lambda or C; the seed


def run_tuned(problem: Learning, context: Context, *, map: str, grid: Sequence[float], widths: Sequence[float]) -> Predictions:
    """Choose width and lambda (or C) on the last fifth of the training rows, then fit all of them."""
    fit, n = FITS[map], len(problem.X) * 4 // 5
    inner = replace(problem, X=problem.X[:n], y=problem.y[:n], X_test=problem.X[n:], y_test=problem.y[n:])
    tried = []
    for width in widths:
        outcomes = fit(replace(inner, gamma=width * problem.gamma), grid, context.seed)
        tried += [(_error(inner, values), width, weight) for weight, values in zip(grid, outcomes, strict=True)]
    _, width, weight = min(tried)
    return Predictions(fit(replace(problem, gamma=width * problem.gamma), [weight], context.seed)[0])


def _error(problem: Learning, values: Array) -> float:
    """Return the error that is scored; among equal shares of wrong classes the squared error decides."""
    squared = float(np.mean((values - replace(problem, y=problem.y_test).targets) ** 2))
    return float(np.mean(values.argmax(axis=1) != problem.y_test)) + 1e-6 * squared if problem.n_classes else squared


def _ridge(make: Callable[[dict[str, Any], Learning], Any]) -> Fit:
    """Return the ridge regressions on a feature map, one decomposition for all lambdas."""

    def fit(problem: Learning, lambdas: Sequence[float], seed: int) -> list[Array]:
        common = {"n_components": problem.n_components, "gamma": problem.gamma, "random_state": seed}
        estimator = make(common, problem).fit(problem.X)
        Z, Z_test = estimator.transform(problem.X), estimator.transform(problem.X_test)
        offset = problem.targets.mean(axis=0)
        values, axes = np.linalg.eigh(Z.T @ Z)
        moments, seen = axes.T @ (Z.T @ (problem.targets - offset)), Z_test @ axes
        return [seen @ (moments / (np.maximum(values, 0) + len(Z) * weight)[:, None]) + offset for weight in lambdas]

    return fit


def _exact(problem: Learning, lambdas: Sequence[float], seed: int) -> list[Array]:
    from optathlon.baselines.random_features import gaussian_kernel

    K, K_test = gaussian_kernel(problem.X, gamma=problem.gamma), gaussian_kernel(problem.X_test, problem.X, gamma=problem.gamma)
    offset = problem.targets.mean(axis=0)
    values, axes = np.linalg.eigh(K)
    moments, seen = axes.T @ (problem.targets - offset), K_test @ axes
    return [seen @ (moments / (np.maximum(values, 0) + len(K) * weight)[:, None]) + offset for weight in lambdas]


def _sinks(problem: Learning, bounds: Sequence[float], seed: int) -> list[Array]:
    from optathlon.baselines.random_features import WeightedRandomKitchenSinksClassifier, WeightedRandomKitchenSinksRegressor

    common: dict[str, Any] = {"n_components": problem.n_components, "gamma": problem.gamma, "random_state": seed}
    outcomes = []
    for bound in bounds:
        if not problem.n_classes:
            regressor = WeightedRandomKitchenSinksRegressor(bound=bound, **common).fit(problem.X, problem.y)
            outcomes.append(np.asarray(regressor.predict(problem.X_test))[:, None])
            continue
        classifier = WeightedRandomKitchenSinksClassifier(bound=bound, **common).fit(problem.X, problem.y)
        values = np.asarray(classifier.decision_function(problem.X_test))
        outcomes.append(np.stack([-values, values], axis=1) if values.ndim == 1 else values)
    return outcomes


def _fourier(kernel: Literal["gaussian", "laplacian", "matern-3/2"]) -> Callable[[dict[str, Any], Learning], Any]:
    def make(common: dict[str, Any], problem: Learning) -> Any:
        from optathlon.baselines.random_features import RandomFourierFeatures

        return RandomFourierFeatures(kernel=kernel, **common)

    return make


def _orthogonal(common: dict[str, Any], problem: Learning) -> Any:
    from optathlon.baselines.random_features import OrthogonalRandomFeatures

    return OrthogonalRandomFeatures(features="cos-sin", **common)


def _normalized(common: dict[str, Any], problem: Learning) -> Any:
    from optathlon.baselines.random_features import NormalizedRandomFeatures

    return NormalizedRandomFeatures(**common)


def _leverage(common: dict[str, Any], problem: Learning) -> Any:
    from optathlon.baselines.random_features import LeverageScoreRandomFeatures

    pool = 10 * problem.n_components
    return LeverageScoreRandomFeatures(weighted=True, pool_size=pool, regularization=problem.regularization, **common)


def warm_up_nystroem() -> None:
    """Let scikit-learn import its kernels."""
    from sklearn.kernel_approximation import Nystroem

    Nystroem(n_components=2).fit(np.eye(3))


def _nystroem(common: dict[str, Any], problem: Learning) -> Any:
    from sklearn.kernel_approximation import Nystroem

    settings: dict[str, Any] = common | {"n_components": min(problem.n_components, len(problem.X))}
    return Nystroem(**settings)


FITS: dict[str, Fit] = {
    "rff": _ridge(_fourier("gaussian")),
    "rff-laplacian": _ridge(_fourier("laplacian")),
    "rff-matern32": _ridge(_fourier("matern-3/2")),
    "orf": _ridge(_orthogonal),
    "nrff": _ridge(_normalized),
    "leverage": _ridge(_leverage),
    "nystroem": _ridge(_nystroem),
    "exact": _exact,
    "sinks": _sinks,
}

TUNED_METHODS = tuple(
    Method(
        name=f"{name}-tuned",
        run=run_tuned,
        settings={"map": name, "grid": list(BOUNDS if name == "sinks" else LAMBDAS), "widths": list(WIDTHS)},
        description=f"{'bound C' if name == 'sinks' else 'lambda'} and width chosen on a fifth of the rows",
        reference="Rahimi and Recht 2007 and its kin, tuned alike",
        yardstick=name == "exact",
        warm_up=warm_up_nystroem if name == "nystroem" else None,
    )
    for name in FITS
)
TUNED = tuple(method.name for method in TUNED_METHODS)


def _workload(name: str, make: Any, scale: Scale, seeds: int, description: str, data: tuple[str, ...] = ()) -> Workload:
    return Workload(
        name=f"tuned-{name}",
        make=make,
        scale=scale,
        seeds=seeds,
        budget=120.0,
        metric="test-error",
        data=data,
        methods=TUNED,
        description=f"{description}, lambda or C and the width tuned by everybody",
    )


TUNED_WORKLOADS = (
    _workload("smoke", learning(friedman(120), 80, 32), Scale.SMOKE, 2, "friedman, tiny"),
    _workload("digits-256", learning(table("digits"), 1257, 256), Scale.MEDIUM, 5, "1,257 digits, 256 features", ("digits",)),
    _workload("spectrum-128", learning(spectrum(1500), 1000, 128), Scale.MEDIUM, 5, "1,000 points of spectrum, 128 features"),
    _workload("friedman-256", learning(friedman(1500), 1000, 256), Scale.MEDIUM, 5, "1,000 points of friedman, 256 features"),
    _workload(
        "diabetes-64", learning(table("diabetes"), 309, 64), Scale.MEDIUM, 5, "309 points of diabetes, 64 features", ("diabetes",)
    ),
    _workload("hastie-400", learning(hastie(12_000), 2000, 400), Scale.MEDIUM, 5, "2,000 points of hastie, 400 features"),
)
