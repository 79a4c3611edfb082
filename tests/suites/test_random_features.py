"""The tuned methods of the random-features suite."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

from optathlon.suites.random_features.problem import friedman, learning
from optathlon.suites.random_features.tuned import FITS, run_tuned


def problem():
    return learning(friedman(150), 100, 24)(np.random.default_rng(0), "cpu")


def test_the_exact_fit_is_that_of_scikit_learn_for_every_lambda():
    given, lambdas = problem(), [1e-5, 1e-2]
    for weight, values in zip(lambdas, FITS["exact"](given, lambdas, 0), strict=True):
        offset = given.y.mean()
        theirs = KernelRidge(alpha=weight * len(given.X), kernel="rbf", gamma=given.gamma).fit(given.X, given.y - offset)
        np.testing.assert_allclose(values[:, 0], theirs.predict(given.X_test) + offset, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(set(FITS) - {"exact"}))
def test_one_decomposition_gives_what_each_lambda_gives_alone(name):
    given, grid = problem(), [1e-4, 1e-1] if name != "sinks" else [1.0, 100.0]
    together = FITS[name](given, grid, 3)
    for weight, values in zip(grid, together, strict=True):
        np.testing.assert_allclose(values, FITS[name](given, [weight], 3)[0], rtol=1e-9, atol=1e-9)
    assert not np.allclose(*together)


def test_the_choice_is_the_best_on_rows_that_were_held_back_and_never_looks_at_the_test_rows():
    given, context = problem(), SimpleNamespace(seed=1)
    settings = {"map": "exact", "grid": [1e-6, 1e-3, 10.0], "widths": [0.25, 1.0]}
    chosen = run_tuned(given, context, **settings).values
    blind = run_tuned(type(given)(**{**vars(given), "y_test": np.full_like(given.y_test, np.nan)}), context, **settings).values
    np.testing.assert_array_equal(chosen, blind)
    n = len(given.X) * 4 // 5
    errors = {}
    for width in settings["widths"]:
        for weight in settings["grid"]:
            y, offset = given.y[:n], given.y[:n].mean()
            model = KernelRidge(alpha=weight * n, kernel="rbf", gamma=width * given.gamma).fit(given.X[:n], y - offset)
            errors[width, weight] = np.mean((model.predict(given.X[n:]) + offset - given.y[n:]) ** 2)
    width, weight = min(errors, key=errors.__getitem__)
    final = KernelRidge(alpha=weight * len(given.X), kernel="rbf", gamma=width * given.gamma).fit(
        given.X, given.y - given.y.mean()
    )
    np.testing.assert_allclose(chosen[:, 0], final.predict(given.X_test) + given.y.mean(), rtol=1e-6)
