"""The feature maps and learners of the leaderboard: adapters around `optathlon.baselines.random_features` and scikit-learn.

A map answers every kind of problem in one way: it maps the points of a `Gram`, feeds ridge regression in a `Learning`, and is
drawn again and again in an `Estimates`. One name is one setting; D, gamma and lambda are the workload's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from optathlon.spec import Context, Method
from optathlon.suites.random_features.problem import Draws, Estimates, Features, Gram, Learning, Pool, Predictions, Scores
from optathlon.suites.random_features.tuned import TUNED_METHODS, warm_up_nystroem

SURVEY = "Deng, Liu, A Brief Survey of Random Features for Kernel Approximations"

Answer = Features | Predictions | Draws


def _solve(problem: Gram | Learning | Estimates, context: Context, estimator: Any, law: str = "") -> Answer:
    """Answer a problem of any kind with one feature map."""
    if isinstance(problem, Gram):
        return _map_points(problem, context, estimator)
    if isinstance(problem, Learning):
        return _regress(problem, context, estimator)
    return _draw_estimates(problem, context, estimator, law)


def _map_points(problem: Gram, context: Context, estimator: Any) -> Features:
    with context.section("fit"):
        estimator.fit(problem.X)
    if problem.warm:
        with context.section("first transform"):
            estimator.transform(problem.X)
    with context.section("transform"):
        Z = estimator.transform(problem.X)
    size = sum(value.nbytes for value in estimator.__dict__.values() if isinstance(value, np.ndarray))
    pool = getattr(estimator, "leverage_scores_", ())
    return Features(Z, size, getattr(estimator, "effective_dimension_", None), len(pool))


def _regress(problem: Learning, context: Context, estimator: Any) -> Predictions:
    with context.section("fit"):
        estimator.fit(problem.X)
    with context.section("transform"):
        Z, Z_test = estimator.transform(problem.X), estimator.transform(problem.X_test)
    offset = problem.targets.mean(axis=0)
    gram = (Z.T @ Z).astype(np.float64)
    gram[np.diag_indices_from(gram)] += len(Z) * problem.regularization
    weights = np.linalg.solve(gram, Z.T @ (problem.targets - offset))
    return Predictions(Z_test @ weights + offset)


def _draw_estimates(problem: Estimates, context: Context, estimator: Any, law: str) -> Draws:
    estimates = np.empty((problem.draws, len(problem.values)))
    for i, seed in enumerate(context.rng.integers(2**31, size=problem.draws)):
        Z = estimator.set_params(gamma=0.5, random_state=int(seed)).fit_transform(problem.X)
        estimates[i] = Z[1:] @ Z[0]
    return Draws(estimates, law)


def _common(problem: Any, context: Context, factor: int = 1) -> dict[str, Any]:
    gamma = getattr(problem, "gamma", 0.5)
    return {"n_components": factor * problem.n_components, "gamma": gamma, "random_state": context.seed}


def run_rff(problem: Any, context: Context, *, features: str, components: int = 1) -> Answer:
    """Random Fourier features, `components` times D of them."""
    from optathlon.baselines.random_features import RandomFourierFeatures

    settings = _common(problem, context, components)
    return _solve(problem, context, RandomFourierFeatures(features=cast(Any, features), **settings), features)


def run_rff_as_printed(problem: Gram, context: Context) -> Answer:
    """Frequencies from the density of equations (4)-(6), whose exponent holds 2 pi, in equation (7), whose cosines do not."""
    from optathlon.baselines.random_features import RandomFourierFeatures

    settings = _common(problem, context)
    settings["gamma"] /= (2 * math.pi) ** 2
    return _solve(problem, context, RandomFourierFeatures(**settings))


def run_nrff(problem: Any, context: Context) -> Answer:
    """Cosines with a random phase, rows of norm one."""
    from optathlon.baselines.random_features import NormalizedRandomFeatures

    return _solve(problem, context, NormalizedRandomFeatures(**_common(problem, context)), "normalized")


def run_orf(problem: Any, context: Context, **settings: Any) -> Answer:
    """Random Fourier features at orthogonal frequencies."""
    from optathlon.baselines.random_features import OrthogonalRandomFeatures

    return _solve(problem, context, OrthogonalRandomFeatures(**settings, **_common(problem, context)))


def run_fastfood(problem: Any, context: Context, **settings: Any) -> Answer:
    """Fastfood, by compiled tiles or by Hadamard transforms in two BLAS products."""
    from optathlon.baselines.random_features import Fastfood

    return _solve(problem, context, Fastfood(**settings, **_common(problem, context)))


def run_fastfood_as_printed(problem: Gram, context: Context) -> Answer:
    """Fastfood with 1 / sqrt(D) for 1 / sqrt(d), as section 5.2.1 prints it."""
    from optathlon.baselines.random_features import Fastfood

    settings = _common(problem, context)
    settings["gamma"] *= max(16, 2 ** math.ceil(math.log2(problem.X.shape[1]))) / problem.n_components
    return _solve(problem, context, Fastfood(**settings))


def run_leverage(problem: Any, context: Context, *, pool: int, **settings: Any) -> Answer:
    """Leverage scores from a pool of `pool` times D."""
    from optathlon.baselines.random_features import LeverageScoreRandomFeatures

    settings |= {"pool_size": pool * problem.n_components, "regularization": problem.regularization}
    return _solve(problem, context, LeverageScoreRandomFeatures(**settings, **_common(problem, context)))


def run_qmc(problem: Any, context: Context, **settings: Any) -> Answer:
    """Random Fourier features at quasi-random frequencies."""
    from optathlon.baselines.random_features import QuasiRandomFeatures

    return _solve(problem, context, QuasiRandomFeatures(**settings, **_common(problem, context)))


def run_sorf(problem: Any, context: Context, **settings: Any) -> Answer:
    """Random Fourier features at structured orthogonal frequencies."""
    from optathlon.baselines.random_features import StructuredOrthogonalRandomFeatures

    return _solve(problem, context, StructuredOrthogonalRandomFeatures(**settings, **_common(problem, context)))


def run_nystroem_leverage(problem: Any, context: Context) -> Answer:
    """Nystroem features with D landmarks drawn by their approximate leverage, from a pilot of D."""
    from optathlon.baselines.random_features import LeverageNystroem

    settings: dict[str, Any] = _common(problem, context) | {"regularization": problem.regularization or 1e-4}
    return _solve(problem, context, LeverageNystroem(**settings))


def run_rbf_sampler(problem: Any, context: Context) -> Answer:
    """Scikit-learn's random Fourier features."""
    from sklearn.kernel_approximation import RBFSampler

    return _solve(problem, context, RBFSampler(**_common(problem, context)))


def run_nystroem(problem: Any, context: Context) -> Answer:
    """Scikit-learn's Nystroem features: D of the points as landmarks."""
    from sklearn.kernel_approximation import Nystroem

    settings = _common(problem, context)
    settings["n_components"] = min(settings["n_components"], len(problem.X))
    return _solve(problem, context, Nystroem(**settings))


def run_polynomial_sketch(problem: Learning, context: Context, **settings: Any) -> Answer:
    """Scikit-learn's tensor sketch of the polynomial kernel (x'y / d + coef0)^degree."""
    from sklearn.kernel_approximation import PolynomialCountSketch

    settings = _common(problem, context) | {"gamma": 1.0 / problem.X.shape[1]} | settings
    return _solve(problem, context, PolynomialCountSketch(**settings))


def run_exact(problem: Learning, context: Context) -> Predictions:
    """Kernel ridge regression without approximation."""
    from scipy.linalg import cho_factor, cho_solve

    from optathlon.baselines.random_features import gaussian_kernel

    K = gaussian_kernel(problem.X, gamma=problem.gamma)
    K[np.diag_indices_from(K)] += len(K) * problem.regularization
    offset = problem.targets.mean(axis=0)
    dual = cho_solve(cho_factor(K, overwrite_a=True), problem.targets - offset)
    return Predictions(gaussian_kernel(problem.X_test, problem.X, gamma=problem.gamma) @ dual + offset)


def run_sinks(problem: Learning, context: Context, **settings: Any) -> Predictions:
    """Random kitchen sinks: cosines or decision stumps, weights within bound / K."""
    from optathlon.baselines.random_features import WeightedRandomKitchenSinksClassifier, WeightedRandomKitchenSinksRegressor

    if not problem.n_classes:
        regressor = WeightedRandomKitchenSinksRegressor(**_common(problem, context), **settings)
        with context.section("fit"):
            regressor.fit(problem.X, problem.y)
        return Predictions(regressor.predict(problem.X_test)[:, None])
    classifier = WeightedRandomKitchenSinksClassifier(**_common(problem, context), **settings)
    with context.section("fit"):
        classifier.fit(problem.X, problem.y)
    values = classifier.decision_function(problem.X_test)
    return Predictions(np.stack([-values, values], axis=1) if values.ndim == 1 else values)


def run_adaboost(problem: Learning, context: Context, *, n_estimators: int) -> Predictions:
    """AdaBoost of decision stumps."""
    from sklearn.ensemble import AdaBoostClassifier

    learner = AdaBoostClassifier(n_estimators=n_estimators, random_state=context.seed)
    with context.section("fit"):
        learner.fit(problem.X, problem.y)
    return Predictions(learner.predict_proba(problem.X_test))


def run_leverage_scores(problem: Pool, context: Context) -> Scores:
    """Ridge leverage scores of all features, by the smaller of the two Gram matrices."""
    from optathlon.baselines.random_features import ridge_leverage_scores

    return Scores(ridge_leverage_scores(problem.Z, problem.regularization))


def run_leverage_as_printed(problem: Pool, context: Context) -> Scores:
    """Equation (9) as printed, without the inverse: z'(K + n lambda I) z."""
    n, s = problem.Z.shape
    product = problem.Z @ (problem.Z.T @ problem.Z) / s + n * problem.regularization * problem.Z
    return Scores(np.einsum("ij,ij->j", problem.Z, product))


def warm_up_fastfood() -> None:
    """Compile the kernels of both precisions, or read them from the disk."""
    from optathlon.baselines.random_features import Fastfood

    for dtype in (np.float32, np.float64):
        for features in ("cos", "cos-sin"):
            Fastfood(32, features=features).fit_transform(np.zeros((17, 16), dtype))


def warm_up_structured() -> None:
    """Compile the transform of structured orthogonal features, or read it from the disk."""
    from optathlon.baselines.random_features import StructuredOrthogonalRandomFeatures

    StructuredOrthogonalRandomFeatures(32).fit_transform(np.zeros((17, 16)))


_WARM_UPS = {
    run_fastfood: warm_up_fastfood,
    run_fastfood_as_printed: warm_up_fastfood,
    run_sorf: warm_up_structured,
    run_nystroem: warm_up_nystroem,
}
_RAHIMI = "Rahimi and Recht 2007, algorithm 1"
_FASTFOOD = "Le, Sarlos and Smola 2013"
_LEVERAGE = "Li, Ton, Oglic and Sejdinovic 2021, algorithm 1"
_SINKS = "Rahimi and Recht 2008, algorithm 1"
_AVRON = "Avron, Sindhwani, Yang and Mahoney 2016, algorithm 1"
_FREUND = "scikit-learn; Freund and Schapire 1997"


def _method(name: str, run: Callable[..., object], reference: str, **settings: object) -> Method:
    return Method(
        name=name, run=run, settings=settings, reference=reference, yardstick=run is run_exact, warm_up=_WARM_UPS.get(run)
    )


METHODS = (
    _method("rff-cos", run_rff, f"{_RAHIMI}; survey, eq. 7", features="cos"),
    _method("rff-cos-2x", run_rff, _RAHIMI, features="cos", components=2),
    _method("rff-cos-8x", run_rff, f"{_RAHIMI}; about the time of leverage scores", features="cos", components=8),
    _method("rff-cos-sin", run_rff, _RAHIMI, features="cos-sin"),
    _method("rff-as-printed", run_rff_as_printed, f"{SURVEY}, eq. 4-7"),
    _method("nrff", run_nrff, "Li 2017; survey, eq. 8"),
    _method("orf-cos-sin", run_orf, "Yu et al. 2016, section 3", features="cos-sin"),
    _method("orf-cos", run_orf, "Yu et al. 2016, section 3", features="cos"),
    _method("fastfood-cos", run_fastfood, f"{_FASTFOOD}; survey, section 5.2.1", features="cos", engine="compiled"),
    _method("fastfood-cos-sin", run_fastfood, _FASTFOOD, features="cos-sin", engine="compiled"),
    _method("fastfood-numpy", run_fastfood, _FASTFOOD, features="cos", engine="numpy"),
    _method("fastfood-as-printed", run_fastfood_as_printed, f"{SURVEY}, section 5.2.1"),
    _method("leverage-weighted", run_leverage, f"{_LEVERAGE}; survey, section 5.3.1", weighted=True, pool=10),
    _method("leverage-unweighted", run_leverage, _LEVERAGE, weighted=False, pool=10),
    _method("leverage-unweighted-2000", run_leverage, _LEVERAGE, weighted=False, pool=10, n_rows=2000),
    _method("qmc-cos-sin", run_qmc, _AVRON, features="cos-sin", sequence="sobol"),
    _method("sorf-cos-sin", run_sorf, "Yu et al. 2016, section 4", features="cos-sin"),
    _method("nystroem-leverage", run_nystroem_leverage, "Musco and Musco 2017, one level of algorithm 2"),
    _method("rbf-sampler", run_rbf_sampler, f"scikit-learn; {_RAHIMI}"),
    _method("nystroem", run_nystroem, "scikit-learn; Williams and Seeger 2001"),
    _method("polynomial-sketch", run_polynomial_sketch, "scikit-learn; Pham and Pagh 2013", degree=3, coef0=1),
    _method("exact", run_exact, f"{SURVEY}, eq. 2-3, squared loss"),
    _method("sinks-cos", run_sinks, f"{_SINKS}; eq. 10", features="cos", bound=100.0),
    _method("sinks-unbounded", run_sinks, _SINKS, features="cos", bound=1e6),
    _method("sinks-stump", run_sinks, _SINKS, features="stump", bound=100.0),
    *(_method(f"adaboost-{n}", run_adaboost, _FREUND, n_estimators=n) for n in (50, 200)),
    _method("leverage-scores", run_leverage_scores, f"{_LEVERAGE}, step 3 with the factor 1/s"),
    _method("leverage-as-printed", run_leverage_as_printed, f"{SURVEY}, eq. 9"),
    *TUNED_METHODS,
)
