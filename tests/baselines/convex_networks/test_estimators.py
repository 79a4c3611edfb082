"""The estimators: scikit-learn's own conformance tests, the program behind them, the path."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from optathlon.baselines.convex_networks import (
    ConvexReLUClassifier,
    ConvexReLURegressor,
    enumerate_patterns,
    largest_beta,
    relu_program,
    verify_certificate,
)


@parametrize_with_checks([ConvexReLURegressor(beta=0.05, tol=1e-3), ConvexReLUClassifier(beta=0.05, tol=1e-3)])
def test_scikit_learn_is_content(estimator, check):
    check(estimator)


@pytest.fixture
def wave():
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, (40, 1))
    return X, np.abs(X[:, 0]) + 0.05 * rng.standard_normal(40)


def test_regression_is_the_certified_program_on_scaled_data(wave):
    X, y = wave
    model = ConvexReLURegressor(beta=0.01).fit(X, y)
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(40)])
    target = (y - y.mean()) / y.std()
    patterns = enumerate_patterns(Z)
    beta = 0.01 * largest_beta(Z, target, patterns)
    assert model.results_[0].objective == pytest.approx(relu_program(Z, target, beta, patterns=patterns).objective, rel=1e-5)
    assert verify_certificate(Z, target, beta, patterns, model.results_[0]).gap <= 1.1e-6
    assert model.converged_
    assert model.gap_ <= 1e-6
    assert model.score(X, y) > 0.98


@pytest.mark.parametrize("shift", [1e3, 1e7])
def test_shifted_features_give_the_same_network(wave, shift):
    X, y = wave
    here, there = ConvexReLURegressor().fit(X, y), ConvexReLURegressor().fit(X + shift, y)
    np.testing.assert_allclose(there.predict(X + shift), here.predict(X), atol=1e-3)


def test_the_path_starts_at_the_zero_network_and_is_certified(wave):
    X, y = wave
    path = ConvexReLURegressor(tol=1e-5).path(X, y, betas=np.logspace(0, -2, 6))
    assert path.n_neurons[0] == 0
    assert path.n_neurons[-1] > 0
    assert all(result.converged for result in path.results)
    fits = [np.sum((result.dual_point) ** 2) for result in path.results]
    assert fits == sorted(fits, reverse=True)


def test_a_warm_start_needs_no_more_steps_and_ends_at_the_same_objective(wave):
    X, y = wave
    model = ConvexReLURegressor(beta=0.011, warm_start=True).fit(X, y)
    model.set_params(beta=0.01).fit(X, y)
    cold = ConvexReLURegressor(beta=0.01).fit(X, y)
    assert model.results_[0].objective == pytest.approx(cold.results_[0].objective, rel=2e-6)


def test_largest_beta_is_where_the_zero_network_begins(wave):
    X, y = wave
    D = enumerate_patterns(X)
    top = largest_beta(X, y, D)
    assert len(relu_program(X, y, top * (1 + 1e-9), patterns=D).w2) == 0
    assert len(relu_program(X, y, top * 0.999, patterns=D, tol=1e-9).w2) > 0


def test_moons_are_classified():
    X, y = make_moons(200, noise=0.1, random_state=0)
    model = ConvexReLUClassifier(beta=0.003, random_state=0).fit(X[:100], np.array(["left", "right"])[y[:100]])
    assert model.score(X[100:], np.array(["left", "right"])[y[100:]]) >= 0.97
    assert model.decision_function(X).shape == (200,)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1])
def test_features_that_tell_nothing_give_the_mean(value):
    """The centred targets times a column of ones is rounding alone, of which a weight decay was made."""
    y = np.random.default_rng(2).standard_normal(25)
    X = np.full((25, 3), value)
    model = ConvexReLURegressor().fit(X, y)
    np.testing.assert_allclose(model.predict(X), y.mean(), atol=1e-12)
    assert model.converged_
    assert model.gap_ <= 1e-6
    assert all(result.converged for result in model.path(X, y).results)


def test_at_the_largest_useful_beta_the_network_is_zero():
    for seed in range(60):  # the solver's beta and ours differ in the last bit in one of twenty
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((2 + seed % 9, 1 + seed % 3)), rng.standard_normal(2 + seed % 9)
        for intercept in (True, False):
            model = ConvexReLURegressor(fit_intercept=intercept, scale=intercept, random_state=0)
            assert model.path(X, y, betas=[1.0]).n_neurons[0] == 0


def test_a_path_leaves_the_estimator_as_it_was(wave):
    """Its data's scale and shift were those of later predictions."""
    X, y = wave
    model = ConvexReLURegressor().fit(X, y)
    before = model.predict(X)
    model.path(np.hstack([3 * X + 5, X]), 100 * y, betas=[0.5])
    np.testing.assert_array_equal(model.predict(X), before)
    fresh = ConvexReLURegressor()
    fresh.path(X, y, betas=[0.5])
    with pytest.raises(NotFittedError):
        fresh.predict(X)


@pytest.mark.parametrize("n_features", [1, 2, 3])
def test_a_warm_start_on_other_data_is_a_cold_one(n_features):
    """The patterns of other data were kept, and the network over them called converged; of other width, they crashed."""
    rng = np.random.default_rng(77)
    X, other = rng.standard_normal((24, 2)), rng.standard_normal((24, n_features))
    warm = ConvexReLURegressor(warm_start=True, random_state=0).fit(X, X[:, 0]).fit(other, np.abs(other[:, 0]))
    cold = ConvexReLURegressor(random_state=0).fit(other, np.abs(other[:, 0]))
    np.testing.assert_array_equal(warm.predict(other), cold.predict(other))


@pytest.mark.parametrize("scale", [1e-170, 1e170])
def test_features_and_targets_that_overflow_are_refused(wave, scale):
    """Their variances vanish or overflow: the constant network was called converged, and predictions were NaN."""
    X, y = wave
    with pytest.raises(ValueError, match="X must have its largest magnitude"):
        ConvexReLURegressor().fit(X * scale, y)
    with pytest.raises(ValueError, match="y must have its largest magnitude"):
        ConvexReLURegressor().fit(X, y * scale)
    with pytest.raises(ValueError, match="X must have its largest magnitude"):
        ConvexReLUClassifier().fit(X * scale, X[:, 0] > 0)
