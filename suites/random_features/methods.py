"""The feature maps and learners of the leaderboard: adapters around `optathlon.baselines.random_features` and scikit-learn.

A map answers every kind of problem in one way: it maps the points of a `Gram`, feeds ridge regression in a `Learning`, and is
drawn again and again in an `Estimates`. One name is one setting; D, gamma and lambda are the workload's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optathlon.spec import Context, Method
from optathlon.suites.random_features.problem import Draws, Estimates, Features, Gram, Learning, Pool, Predictions, Scores

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
    size = sum(value.nbytes for value in vars(estimator).values() if isinstance(value, np.ndarray))
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


def _common(problem: Any, context: Context, factor: float = 1) -> dict[str, Any]:
    gamma = getattr(problem, "gamma", 0.5)
    return {"n_components": round(factor * problem.n_components), "gamma": gamma, "random_state": context.seed}


def run_rff_cos(problem: Any, context: Context) -> Answer:
    """Cosines with a random phase."""
    from optathlon.baselines.random_features import RandomFourierFeatures

    return _solve(problem, context, RandomFourierFeatures(**_common(problem, context)), "cos")


def run_rff_cos_2x(problem: Learning, context: Context) -> Answer:
    """Cosines with a random phase, twice as many."""
    from optathlon.baselines.random_features import RandomFourierFeatures

    return _solve(problem, context, RandomFourierFeatures(**_common(problem, context, 2)))


def run_rff_cos_8x(problem: Learning, context: Context) -> Answer:
    """Cosines with a random phase, eight times as many: about the time of leverage scores."""
    from optathlon.baselines.random_features import RandomFourierFeatures

    return _solve(problem, context, RandomFourierFeatures(**_common(problem, context, 8)))


def run_rff_cos_sin(problem: Any, context: Context) -> Answer:
    """Pairs of cosine and sine."""
    from optathlon.baselines.random_features import RandomFourierFeatures

    return _solve(problem, context, RandomFourierFeatures(features="cos-sin", **_common(problem, context)), "cos-sin")


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


def run_orf_cos_sin(problem: Any, context: Context) -> Answer:
    """Pairs of cosine and sine at orthogonal frequencies."""
    from optathlon.baselines.random_features import OrthogonalRandomFeatures

    return _solve(problem, context, OrthogonalRandomFeatures(features="cos-sin", **_common(problem, context)))


def run_orf_cos(problem: Any, context: Context) -> Answer:
    """Cosines with a random phase at orthogonal frequencies."""
    from optathlon.baselines.random_features import OrthogonalRandomFeatures

    return _solve(problem, context, OrthogonalRandomFeatures(features="cos", **_common(problem, context)))


def run_fastfood_cos(problem: Any, context: Context) -> Answer:
    """Fastfood, cosines with a random phase, compiled tiles."""
    from optathlon.baselines.random_features import Fastfood

    return _solve(problem, context, Fastfood(**_common(problem, context)))


def run_fastfood_cos_sin(problem: Any, context: Context) -> Answer:
    """Fastfood, pairs of cosine and sine, compiled tiles."""
    from optathlon.baselines.random_features import Fastfood

    return _solve(problem, context, Fastfood(features="cos-sin", **_common(problem, context)))


def run_fastfood_numpy(problem: Any, context: Context) -> Answer:
    """Fastfood, cosines with a random phase, Hadamard transforms by two BLAS products."""
    from optathlon.baselines.random_features import Fastfood

    return _solve(problem, context, Fastfood(engine="numpy", **_common(problem, context)))


def run_fastfood_as_printed(problem: Gram, context: Context) -> Answer:
    """Fastfood with 1 / sqrt(D) for 1 / sqrt(d), as section 5.2.1 prints it."""
    from optathlon.baselines.random_features import Fastfood

    settings = _common(problem, context)
    settings["gamma"] *= max(16, 2 ** math.ceil(math.log2(problem.X.shape[1]))) / problem.n_components
    return _solve(problem, context, Fastfood(**settings))


def run_leverage_weighted(problem: Any, context: Context) -> Answer:
    """Leverage scores from a pool of 10 D, with replacement and importance weights."""
    from optathlon.baselines.random_features import LeverageScoreRandomFeatures

    settings = _common(problem, context) | {"regularization": problem.regularization}
    return _solve(problem, context, LeverageScoreRandomFeatures(**settings))


def run_leverage_unweighted(problem: Any, context: Context) -> Answer:
    """Leverage scores from a pool of 10 D, without replacement, equal weights."""
    from optathlon.baselines.random_features import LeverageScoreRandomFeatures

    settings = _common(problem, context) | {"regularization": problem.regularization}
    return _solve(problem, context, LeverageScoreRandomFeatures(weighted=False, **settings))


def run_leverage_unweighted_rows(problem: Learning, context: Context) -> Answer:
    """Leverage scores on 2,000 of the points, from a pool of 10 D, without replacement, equal weights."""
    from optathlon.baselines.random_features import LeverageScoreRandomFeatures

    settings = _common(problem, context) | {"regularization": problem.regularization}
    return _solve(problem, context, LeverageScoreRandomFeatures(weighted=False, n_rows=2000, **settings))


def run_qmc_cos_sin(problem: Any, context: Context) -> Answer:
    """Pairs of cosine and sine at quasi-random frequencies."""
    from optathlon.baselines.random_features import QuasiRandomFeatures

    return _solve(problem, context, QuasiRandomFeatures(features="cos-sin", sequence="sobol", **_common(problem, context)))


def run_sorf_cos_sin(problem: Any, context: Context) -> Answer:
    """Pairs of cosine and sine at structured orthogonal frequencies."""
    from optathlon.baselines.random_features import StructuredOrthogonalRandomFeatures

    return _solve(problem, context, StructuredOrthogonalRandomFeatures(features="cos-sin", **_common(problem, context)))


def run_nystroem_leverage(problem: Any, context: Context) -> Answer:
    """Nystroem features with D landmarks drawn by their approximate leverage."""
    from optathlon.baselines.random_features import LeverageNystroem

    settings = _common(problem, context) | {"regularization": problem.regularization or 1e-4}
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


def run_polynomial_sketch(problem: Learning, context: Context) -> Answer:
    """Scikit-learn's tensor sketch of the cubic kernel (x'y / d + 1)^3."""
    from sklearn.kernel_approximation import PolynomialCountSketch

    settings = _common(problem, context) | {"gamma": 1.0 / problem.X.shape[1]}
    return _solve(problem, context, PolynomialCountSketch(degree=3, coef0=1, **settings))


def run_exact(problem: Learning, context: Context) -> Predictions:
    """Kernel ridge regression without approximation."""
    from scipy.linalg import cho_factor, cho_solve

    from optathlon.baselines.random_features import gaussian_kernel

    K = gaussian_kernel(problem.X, gamma=problem.gamma)
    K[np.diag_indices_from(K)] += len(K) * problem.regularization
    offset = problem.targets.mean(axis=0)
    dual = cho_solve(cho_factor(K, overwrite_a=True), problem.targets - offset)
    return Predictions(gaussian_kernel(problem.X_test, problem.X, gamma=problem.gamma) @ dual + offset)


def _sinks(problem: Learning, context: Context, **settings: Any) -> Predictions:
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


def run_sinks_cos(problem: Learning, context: Context) -> Predictions:
    """Random kitchen sinks, cosines, weights within 100 / K."""
    return _sinks(problem, context, bound=100.0)


def run_sinks_unbounded(problem: Learning, context: Context) -> Predictions:
    """Random kitchen sinks, cosines, weights as good as free."""
    return _sinks(problem, context, bound=1e6)


def run_sinks_stump(problem: Learning, context: Context) -> Predictions:
    """Random kitchen sinks, decision stumps, weights within 100 / K."""
    return _sinks(problem, context, bound=100.0, features="stump")


def _boost(problem: Learning, context: Context, n_estimators: int) -> Predictions:
    from sklearn.ensemble import AdaBoostClassifier

    learner = AdaBoostClassifier(n_estimators=n_estimators, random_state=context.seed)
    with context.section("fit"):
        learner.fit(problem.X, problem.y)
    return Predictions(learner.predict_proba(problem.X_test))


def run_adaboost_50(problem: Learning, context: Context) -> Predictions:
    """AdaBoost of 50 decision stumps."""
    return _boost(problem, context, 50)


def run_adaboost_200(problem: Learning, context: Context) -> Predictions:
    """AdaBoost of 200 decision stumps."""
    return _boost(problem, context, 200)


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


_RAHIMI = "Rahimi and Recht 2007, algorithm 1"
_FASTFOOD = "Le, Sarlos and Smola 2013"
_LEVERAGE = "Li, Ton, Oglic and Sejdinovic 2021, algorithm 1"
_SINKS = "Rahimi and Recht 2008, algorithm 1"

METHODS = (
    Method(name="rff-cos", run=run_rff_cos, settings={"features": "cos"}, reference=f"{_RAHIMI}; survey, eq. 7"),
    Method(name="rff-cos-2x", run=run_rff_cos_2x, settings={"features": "cos", "components": "2 D"}, reference=_RAHIMI),
    Method(name="rff-cos-8x", run=run_rff_cos_8x, settings={"features": "cos", "components": "8 D"}, reference=_RAHIMI),
    Method(name="rff-cos-sin", run=run_rff_cos_sin, settings={"features": "cos-sin"}, reference=_RAHIMI),
    Method(
        name="rff-as-printed",
        run=run_rff_as_printed,
        settings={"features": "cos", "frequencies": "N(0, 2 gamma / (2 pi)^2)"},
        reference=f"{SURVEY}, eq. 4-7",
    ),
    Method(name="nrff", run=run_nrff, settings={"features": "cos"}, reference="Li 2017; survey, eq. 8"),
    Method(name="orf-cos-sin", run=run_orf_cos_sin, settings={"features": "cos-sin"}, reference="Yu et al. 2016, section 3"),
    Method(name="orf-cos", run=run_orf_cos, settings={"features": "cos"}, reference="Yu et al. 2016, section 3"),
    Method(
        name="fastfood-cos",
        run=run_fastfood_cos,
        settings={"features": "cos", "engine": "compiled"},
        reference=f"{_FASTFOOD}; survey, section 5.2.1",
        warm_up=warm_up_fastfood,
    ),
    Method(
        name="fastfood-cos-sin",
        run=run_fastfood_cos_sin,
        settings={"features": "cos-sin", "engine": "compiled"},
        reference=_FASTFOOD,
        warm_up=warm_up_fastfood,
    ),
    Method(
        name="fastfood-numpy",
        run=run_fastfood_numpy,
        settings={"features": "cos", "engine": "numpy"},
        reference=_FASTFOOD,
    ),
    Method(
        name="fastfood-as-printed",
        run=run_fastfood_as_printed,
        settings={"features": "cos", "scale": "1 / (sigma sqrt(D))"},
        reference=f"{SURVEY}, section 5.2.1",
        warm_up=warm_up_fastfood,
    ),
    Method(
        name="leverage-weighted",
        run=run_leverage_weighted,
        settings={"weighted": True, "pool": "10 D"},
        reference=f"{_LEVERAGE}; survey, section 5.3.1",
    ),
    Method(
        name="leverage-unweighted",
        run=run_leverage_unweighted,
        settings={"weighted": False, "pool": "10 D"},
        reference=_LEVERAGE,
    ),
    Method(
        name="leverage-unweighted-2000",
        run=run_leverage_unweighted_rows,
        settings={"weighted": False, "pool": "10 D", "rows": 2000},
        reference=_LEVERAGE,
    ),
    Method(
        name="qmc-cos-sin",
        run=run_qmc_cos_sin,
        settings={"features": "cos-sin", "sequence": "sobol"},
        reference="Avron, Sindhwani, Yang and Mahoney 2016, algorithm 1",
    ),
    Method(name="sorf-cos-sin", run=run_sorf_cos_sin, settings={"features": "cos-sin"}, reference="Yu et al. 2016, section 4"),
    Method(
        name="nystroem-leverage",
        run=run_nystroem_leverage,
        settings={"landmarks": "D", "pilot": "D"},
        reference="Musco and Musco 2017, one level of algorithm 2",
    ),
    Method(name="rbf-sampler", run=run_rbf_sampler, reference=f"scikit-learn; {_RAHIMI}"),
    Method(name="nystroem", run=run_nystroem, reference="scikit-learn; Williams and Seeger 2001"),
    Method(
        name="polynomial-sketch",
        run=run_polynomial_sketch,
        settings={"degree": 3, "coef0": 1, "gamma": "1 / d"},
        reference="scikit-learn; Pham and Pagh 2013",
    ),
    Method(name="exact", run=run_exact, reference=f"{SURVEY}, eq. 2-3, squared loss"),
    Method(
        name="sinks-cos",
        run=run_sinks_cos,
        settings={"features": "cos", "bound": "100 / K, in deviations of the targets"},
        reference=f"{_SINKS}; eq. 10",
    ),
    Method(name="sinks-unbounded", run=run_sinks_unbounded, settings={"features": "cos", "bound": "1e6 / K"}, reference=_SINKS),
    Method(name="sinks-stump", run=run_sinks_stump, settings={"features": "stump", "bound": "100 / K"}, reference=_SINKS),
    Method(
        name="adaboost-50", run=run_adaboost_50, settings={"n_estimators": 50}, reference="scikit-learn; Freund and Schapire 1997"
    ),
    Method(
        name="adaboost-200",
        run=run_adaboost_200,
        settings={"n_estimators": 200},
        reference="scikit-learn; Freund and Schapire 1997",
    ),
    Method(name="leverage-scores", run=run_leverage_scores, reference=f"{_LEVERAGE}, step 3 with the factor 1/s"),
    Method(name="leverage-as-printed", run=run_leverage_as_printed, reference=f"{SURVEY}, eq. 9"),
)
