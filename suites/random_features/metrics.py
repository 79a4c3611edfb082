"""How an answer is scored."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from optathlon.spec import Metric, RunRecord
from optathlon.suites.random_features.problem import Draws, Features, Gram, Learning, Pool, Predictions, Scores

NOT_HERE = float("nan")


def gram_error(problem: Any, answer: Any) -> float:
    """Return |ZZ' - K|_F / |K|_F."""
    if not isinstance(answer, Features):
        return NOT_HERE
    return float(np.linalg.norm(answer.Z @ answer.Z.T - problem.K) / np.linalg.norm(problem.K))


def largest_error(problem: Any, answer: Any) -> float:
    """Return the largest absolute error of a kernel value."""
    if not isinstance(answer, Features):
        return NOT_HERE
    return float(np.abs(answer.Z @ answer.Z.T - problem.K).max())


def spectral_error(problem: Any, answer: Any) -> float:
    """Return the spectral norm of (K + n lambda I)^{-1/2} (ZZ' - K) (K + n lambda I)^{-1/2}."""
    if not isinstance(answer, Features) or problem.regularization is None:
        return NOT_HERE
    n = len(problem.K)
    L = np.linalg.cholesky(problem.K + n * problem.regularization * np.eye(n))
    half = np.linalg.solve(L, answer.Z.astype(np.float64) @ answer.Z.T - problem.K)
    return float(np.linalg.norm(np.linalg.solve(L, half.T), 2))


def test_error(problem: Any, answer: Any) -> float:
    """Return the share of wrong labels, or the mean squared error over the variance of the targets, on the test rows."""
    if not isinstance(problem, Learning) or not isinstance(answer, Predictions):
        return NOT_HERE
    if problem.n_classes:
        return float(np.mean(answer.values.argmax(axis=1) != problem.y_test))
    return float(np.mean((answer.values[:, 0] - problem.y_test) ** 2) / np.var(problem.y_test))


def variance(problem: Any, answer: Any) -> float:
    """Return D times the variance of the kernel estimate, mean over the kernel values."""
    if not isinstance(answer, Draws):
        return NOT_HERE
    return float(problem.n_components * answer.estimates.var(axis=0, ddof=1).mean())


def variance_over_law(problem: Any, answer: Any) -> float:
    """Return the variance over its closed form, mean over the kernel values."""
    if not isinstance(answer, Draws) or not answer.law:
        return NOT_HERE
    from optathlon.baselines.random_features import kernel_variance

    law = kernel_variance(problem.values, problem.n_components, features=cast(Any, answer.law))
    return float((answer.estimates.var(axis=0, ddof=1) / law).mean())


def bias(problem: Any, answer: Any) -> float:
    """Return the mean of the kernel estimates minus the kernel value, mean over the kernel values."""
    if not isinstance(answer, Draws):
        return NOT_HERE
    return float((answer.estimates - problem.values).mean())


def leverage_sum(problem: Any, answer: Any) -> float:
    """Return the sum of the leverage scores of the pool over the effective dimension of the kernel."""
    if not isinstance(problem, Gram) or problem.regularization is None or answer.leverage_sum is None:
        return NOT_HERE
    from optathlon.baselines.random_features import effective_dimension

    return answer.leverage_sum / effective_dimension(problem.K, problem.regularization)


def leverage_sum_as_printed(problem: Any, answer: Any) -> float:
    """Return the same for the matrix that step 3 prints: without its 1/s every score is s times as large."""
    return leverage_sum(problem, answer) * answer.pool_size if isinstance(problem, Gram) else NOT_HERE


def correlation(problem: Any, answer: Any) -> float:
    """Return the correlation of the scores with the ridge leverage scores."""
    if not isinstance(problem, Pool) or not isinstance(answer, Scores):
        return NOT_HERE
    from optathlon.baselines.random_features import ridge_leverage_scores

    return float(np.corrcoef(answer.values, ridge_leverage_scores(problem.Z, problem.regularization))[0, 1])


def parameter_bytes(problem: Any, answer: Any) -> float:
    """Return the bytes of the fitted map."""
    return float(answer.parameter_bytes) if isinstance(answer, Features) and answer.parameter_bytes else NOT_HERE


def fit_seconds(run: RunRecord) -> float:
    """Return the seconds of drawing the map."""
    return run.sections.get("fit", NOT_HERE)


def transform_seconds(run: RunRecord) -> float:
    """Return the seconds of mapping the points, of the second time where they are mapped twice."""
    return run.sections.get("transform", NOT_HERE)


METRICS = (
    Metric(name="gram-error", unit="ratio", better="lower", evaluate=gram_error),
    Metric(name="test-error", unit="fraction or MSE/variance", better="lower", evaluate=test_error),
    Metric(name="variance", unit="D Var", better="lower", evaluate=variance),
    Metric(name="correlation", unit="correlation", better="higher", evaluate=correlation),
    Metric(name="largest-error", unit="kernel", better="lower", evaluate=largest_error),
    Metric(name="spectral-error", unit="ratio", better="lower", evaluate=spectral_error),
    Metric(name="variance-over-law", unit="ratio", better="lower", evaluate=variance_over_law),
    Metric(name="bias", unit="kernel", better="lower", evaluate=bias),
    Metric(name="leverage-sum", unit="ratio", better="lower", evaluate=leverage_sum),
    Metric(name="leverage-sum-as-printed", unit="ratio", better="lower", evaluate=leverage_sum_as_printed),
    Metric(name="parameter-bytes", unit="B", better="lower", evaluate=parameter_bytes),
    Metric(name="fit-seconds", unit="s", better="lower", derive=fit_seconds),
    Metric(name="transform-seconds", unit="s", better="lower", derive=transform_seconds),
)
