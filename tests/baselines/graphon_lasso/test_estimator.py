"""The estimator against scikit-learn's interface and the density of its model."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import check_estimator

from optathlon.baselines.graphon_lasso import (
    GraphonLasso,
    graphon_lasso,
    graphon_spectrum,
    laplacian,
    mean_of_squares,
    sample_graph,
    sample_signals,
)


@pytest.fixture
def signals():
    w = sample_graph(mean_of_squares(), 10, 1).w
    return sample_signals(w, 80, 2)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_scikit_learns_own_checks(alpha):
    results = check_estimator(GraphonLasso(alpha=alpha), on_fail=None)
    failed = [result for result in results if result["status"] == "failed"]
    assert not failed, [(result["check_name"], result["exception"]) for result in failed]


def test_fit_is_graphon_lasso_of_the_covariance(signals):
    mu = graphon_spectrum(mean_of_squares(), 10)
    model = GraphonLasso(mu, gamma=0.1, alpha=0.01).fit(signals)
    centred = signals - signals.mean(axis=0)
    result = graphon_lasso(centred.T @ centred / 80, mu, gamma=0.1, alpha=0.01)
    np.testing.assert_array_equal(model.weights_, result.w)
    np.testing.assert_array_equal(model.precision_, laplacian(result.w))
    np.testing.assert_allclose(model.covariance_ @ model.precision_, np.eye(10) - 0.1, atol=1e-8)
    assert (model.gap_, model.converged_) == (result.gap, result.converged)
    assert clone(model).get_params()["gamma"] == 0.1


def test_score_is_the_mean_log_density_on_the_space_of_the_signals(signals):
    model = GraphonLasso(assume_centered=True).fit(signals)
    basis = np.linalg.svd(np.ones((1, 10)))[2][1:]
    density = multivariate_normal(np.zeros(9), np.linalg.inv(basis @ model.precision_ @ basis.T))
    assert model.score(signals) == pytest.approx(np.mean(density.logpdf(signals @ basis.T)), rel=1e-8)
    assert GraphonLasso(alpha=1e6).fit(signals).score(signals) == -np.inf


def test_path_is_the_fits_and_cheaper(signals):
    alphas = [0.0, 0.01, 0.03, 0.1, 0.3]
    path = GraphonLasso().path(signals, alphas)
    cold = [GraphonLasso(alpha=alpha).fit(signals).result_ for alpha in alphas]
    for warm, fit in zip(path, cold, strict=True):
        assert warm.converged
        assert warm.objective == pytest.approx(fit.objective, rel=2e-6, abs=2e-6)
    assert sum(one.n_eigh for one in path) <= 1.2 * sum(one.n_eigh for one in cold)


def test_grid_search(signals):
    search = GridSearchCV(GraphonLasso(), {"alpha": [0.0, 0.05, 0.5]}, cv=3).fit(signals)
    assert search.best_params_["alpha"] < 0.5
    assert search.best_estimator_.converged_
