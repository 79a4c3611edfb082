"""Incremental gradients against scipy's optimum, finite differences and CRAIG's theorem."""

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize
from sklearn.linear_model import LogisticRegression

from optathlon.baselines.coresets import Coreset, craig, incremental_gradient, logistic_objective, per_class


def data(n=120, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, np.where(X @ rng.standard_normal(d) + 0.5 * rng.standard_normal(n) > 0, 1.0, -1.0)


def optimum(X, y, ridge, coreset=None):
    found = minimize(
        lambda w: logistic_objective(X, y, ridge, w, coreset),
        np.zeros(X.shape[1]),
        jac=True,
        method="BFGS",
        options={"gtol": 1e-9},
    )
    return found.x


def test_the_gradient_is_that_of_finite_differences_and_the_optimum_that_of_scikit_learn():
    X, y = data()
    chosen = Coreset(np.array([3, 50, 7]), np.array([2.0, 0.5, 40.0]))
    for coreset in (None, chosen):
        w = np.full(4, 0.3)
        assert check_grad(*(lambda w, i=i, kept=coreset: logistic_objective(X, y, 2.0, w, kept)[i] for i in (0, 1)), w) < 1e-4
    theirs = LogisticRegression(C=1 / 2.0, fit_intercept=False, tol=1e-10, max_iter=1000).fit(X, y).coef_[0]
    np.testing.assert_allclose(optimum(X, y, 2.0), theirs, atol=1e-5)


def test_passes_converge_to_the_optimum_of_what_they_visit():
    X, y = data()
    chosen = per_class(craig, X, 20, labels=(y > 0).astype(np.int64))
    for coreset in (None, chosen):
        star = optimum(X, y, 5.0, coreset)
        near, nearer = (
            np.linalg.norm(incremental_gradient(X, y, ridge=5.0, coreset=coreset, n_passes=k).weights - star) for k in (50, 800)
        )
        assert nearer < 0.02 * np.linalg.norm(star)
        assert nearer < 0.4 * near


@pytest.mark.parametrize("seed", range(5))
def test_the_optimum_over_a_coreset_lies_within_the_gradient_error_over_mu(seed):
    X, y = data(seed=seed)
    ridge, labels = 3.0, (y > 0).astype(np.int64)
    star, kept = optimum(X, y, ridge), []
    for k in (6, 24, 96):
        coreset = per_class(craig, X, k, labels=labels)
        found = optimum(X, y, ridge, coreset)
        error = np.linalg.norm(logistic_objective(X, y, ridge, found)[1])
        assert np.linalg.norm(found - star) <= error / ridge * (1 + 1e-6)
        kept.append(np.linalg.norm(found - star))
    assert kept[2] < kept[0]


def test_a_pass_is_counted_and_watched_and_leaves_its_input():
    X, y = data(10)
    before, seen = X.copy(), []
    result = incremental_gradient(X, y, ridge=1.0, n_passes=3, callback=lambda n, w: seen.append(n))
    assert seen == [10, 20, 30]
    assert result.n_gradients == 30
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(10)}, "y must hold a label -1 or 1"),
        ({"ridge": 0.0}, "ridge must be above 0"),
        ({"n_passes": 0}, "n_passes must be"),
        ({"coreset": Coreset(np.array([99]), np.ones(1))}, "coreset"),
    ],
)
def test_bad_input_is_refused(change, message):
    X, y = data(10)
    with pytest.raises(ValueError, match=message):
        incremental_gradient(**{"X": X, "y": y, "ridge": 1.0, **change})
