"""Box-constrained least squares against scipy, and the learners built on it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, make_hastie_10_2
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from optathlon.baselines.random_features import (
    WeightedRandomKitchenSinks,
    WeightedRandomKitchenSinksClassifier,
    WeightedRandomKitchenSinksRegressor,
    box_least_squares,
)


def objective(Z, y, x):
    return ((Z @ x - y) ** 2).sum() / (2 * len(y))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.integers(1, 30), st.floats(0.01, 100.0), st.integers(0, 2**31))
def test_equals_scipy(n, k, bound, seed):
    rng = np.random.default_rng(seed)
    Z, y = rng.standard_normal((n, k)), 3 * rng.standard_normal(n)
    solution = box_least_squares(Z, y, bound)
    assert solution.converged
    assert np.abs(solution.coefficients).max() <= bound
    best = lsq_linear(Z, y, (-bound, bound), method="bvls", tol=1e-14).x
    assert objective(Z, y, solution.coefficients) - objective(Z, y, best) <= 1e-8 * max(1.0, y @ y / n)


@pytest.mark.parametrize("bound", [0.01, 0.1, 1.0, 10.0])
def test_certificate_holds_with_more_features_than_rank(bound):
    rng = np.random.default_rng(0)
    Z = np.cos(0.1 * rng.standard_normal((150, 5)) @ rng.standard_normal((5, 300)) + rng.uniform(0, 6, 300))
    y = np.sign(rng.standard_normal(150))
    solution = box_least_squares(Z, y, bound)
    gradient = Z.T @ (Z @ solution.coefficients - y) / 150
    gap = gradient @ solution.coefficients + bound * np.abs(gradient).sum()  # bounds f - f* by convexity
    assert gap <= 1e-9
    assert solution.converged


def test_inactive_box_is_least_squares_and_callback_sees_every_step():
    rng = np.random.default_rng(0)
    Z, y = rng.standard_normal((50, 8)), rng.standard_normal(50)
    seen = []
    solution = box_least_squares(Z, y, 1e3, callback=lambda step, x: seen.append((step, x)))
    np.testing.assert_allclose(solution.coefficients, np.linalg.lstsq(Z, y)[0], atol=1e-6)
    assert [step for step, _ in seen] == list(range(1, solution.n_steps + 1))
    stopped = box_least_squares(Z, y, 0.05, n_steps=1)
    assert not stopped.converged
    assert stopped.n_steps == 1


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_an_impossible_tolerance_ends_at_rounding(scale):
    rng = np.random.default_rng(1)
    Z, y = rng.standard_normal((40, 20)), scale * rng.standard_normal(40)
    solution = box_least_squares(Z, y, 0.1 * scale, tol=1e-30)
    assert not solution.converged
    assert 0 <= solution.gap <= 1e-12 * (y @ y)
    with pytest.raises(ValueError, match="the squares of Z and y must be finite"):
        box_least_squares(1e200 * Z, y, scale)


def test_zero_targets_need_no_step():
    solution = box_least_squares(np.ones((3, 2)), np.zeros(3), 1.0)
    assert solution.converged
    assert (solution.coefficients == 0).all()


@pytest.mark.parametrize(
    ("Z", "y", "bound", "message"),
    [
        (np.ones((3, 2)), np.ones(2), 1.0, r"y must have one number per row of Z, shape \(3,\), got shape \(2,\)"),
        (np.ones((3, 2)), np.full(3, np.nan), 1.0, "y must be finite"),
        (np.ones(3), np.ones(3), 1.0, "Z must be a matrix"),
        (np.ones((3, 2)), np.ones(3), 0.0, "bound must be"),
        (np.ones((3, 2)), np.ones(3), np.inf, "bound must be"),
    ],
)
def test_bad_input_is_refused(Z, y, bound, message):
    with pytest.raises(ValueError, match=message):
        box_least_squares(Z, y, bound)


def test_hastie_error_is_at_most_six_per_cent():
    X, y = make_hastie_10_2(12000, random_state=0)
    learner = WeightedRandomKitchenSinks(400, gamma="median", bound=100.0, random_state=0).fit(X[:8400], y[:8400])
    assert 1 - learner.score(X[8400:], y[8400:]) <= 0.06
    assert learner.converged_
    assert np.abs(learner.coef_).max() <= 100.0 / 400


def test_several_classes_and_float32():
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(np.float32)
    learner = WeightedRandomKitchenSinksClassifier(100, gamma=0.2, random_state=0).fit(X, y)
    assert learner.coef_.shape == (3, 100)
    assert learner.decision_function(X).shape == (150, 3)
    assert learner.decision_function(X).dtype == np.float32
    assert learner.score(X, y) > 0.95
    with pytest.raises(ValueError, match="at least two classes"):
        learner.fit(X, np.zeros(150))


@pytest.mark.parametrize("features", ["cos", "stump"])
def test_regressor_learns_diabetes(features):
    X, y = load_diabetes(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = StandardScaler().fit_transform(X)[order], y[order]
    learner = WeightedRandomKitchenSinksRegressor(200, gamma="median", bound=8.0, features=features, random_state=0)
    assert learner.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.35
    assert np.abs(learner.coef_).max() <= y[:300].std() * 8.0 / 200
    for factor, shift in ((1000.0, 0.0), (1e-6, 5.0)):  # other units, the same predictions in them
        other = clone(learner).fit(X[:300], factor * y[:300] + shift)
        np.testing.assert_allclose(other.predict(X), factor * learner.predict(X) + shift, rtol=1e-5)
        assert other.gap_ == pytest.approx(factor**2 * learner.gap_, rel=0.2)


def test_several_targets_are_each_fitted_as_if_alone():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((200, 3)), rng.standard_normal((200, 2)) * [1.0, 100.0]
    learner = WeightedRandomKitchenSinksRegressor(50, gamma="scale", random_state=0)
    both = learner.fit(X, Y).predict(X)
    for column in range(2):
        alone = clone(learner).fit(X, Y[:, column])
        np.testing.assert_allclose(both[:, column], alone.predict(X), rtol=1e-6)
    assert clone(learner).fit(X, Y[:, :1]).predict(X).shape == (200, 1)
    assert alone.predict(X).shape == (200,)


@pytest.mark.parametrize("features", ["cos", "stump"])
def test_weights_are_repetitions(features):
    rng = np.random.default_rng(0)
    X, y, w = rng.standard_normal((60, 3)), rng.standard_normal(60), rng.integers(0, 4, 60)
    for cls, targets in ((WeightedRandomKitchenSinksRegressor, y), (WeightedRandomKitchenSinksClassifier, y > 0)):
        learner = cls(20, features=features, random_state=0)
        weighed = clone(learner).fit(X, targets, sample_weight=w)
        repeated = clone(learner).fit(np.repeat(X, w, axis=0), np.repeat(targets, w))
        np.testing.assert_allclose(weighed.coef_, repeated.coef_, rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match=r"positive, finite sum|at least one non-zero"):
        learner.fit(X, y > 0, sample_weight=np.zeros(60))


def test_probabilities_are_calibrated_where_features_are_few():
    """Labels drawn from known probabilities: the mean of predicted ones follows the frequency in every bin, on fresh data."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 2))
    y = rng.random(20_000) < 1 / (1 + np.exp(-2 * np.sin(X[:, 0]) - X[:, 1]))
    p = WeightedRandomKitchenSinks(50, gamma=0.3, random_state=0).fit(X[:5000], y[:5000]).predict_proba(X[5000:])
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    for low in np.arange(0.1, 0.9, 0.1):
        inside = (p[:, 1] >= low) & (p[:, 1] < low + 0.1)
        assert y[5000:][inside].mean() == pytest.approx(p[inside, 1].mean(), abs=0.05)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("bound", [1e2, 1e4, 1e6])
@pytest.mark.parametrize("apart", [0.0, 1e-12, 1e-8, 1e-4])
def test_the_gap_on_near_copies_is_never_below_the_truth(bound, apart):
    """The truth is least squares without a box by a QR of the columns and their differences, which lies inside this box."""
    rng = np.random.default_rng(0)
    A, D, y = rng.standard_normal((300, 40)), rng.standard_normal((300, 40)), rng.standard_normal(300)
    Z = np.hstack([A, A + apart * D])
    solution = box_least_squares(Z, y, bound)
    basis = np.hstack([A, D]) if apart * bound > 10 else A
    best = objective(basis, y, np.linalg.lstsq(basis, y)[0])
    assert objective(Z, y, solution.coefficients) - solution.gap <= best + 1e-9
    assert solution.objective == pytest.approx(objective(Z, y, solution.coefficients), rel=1e-12)
    assert solution.converged == (solution.gap <= 1e-11 * (y**2).sum() / 600)


def test_sinks_say_where_they_did_not_converge():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 3)), rng.standard_normal(300)
    learner = WeightedRandomKitchenSinksRegressor(100, gamma=1e-9, bound=1e12, tol=1e-12, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"the weights stopped at a gap of .*, above tol=1e-12"):
        learner.fit(X, y)
    assert not learner.converged_
