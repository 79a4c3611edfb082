"""Leverage scores against their definition, and what drawing by them buys."""

import numpy as np
import pytest
import scipy.linalg
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from optathlon.baselines.random_features import (
    LeverageScoreRandomFeatures,
    RandomFourierFeatures,
    effective_dimension,
    gaussian_kernel,
    median_gamma,
    ridge_leverage_scores,
)


@pytest.mark.parametrize("shape", [(30, 80), (80, 30), (40, 40)])
def test_scores_equal_the_definition_and_sum_to_the_effective_dimension(shape):
    n, s = shape
    Z = np.random.default_rng(0).standard_normal(shape)
    K = Z @ Z.T / s
    inverse = np.linalg.inv(K + n * 0.01 * np.eye(n))
    expected = [z @ inverse @ z / s for z in Z.T]
    scores = ridge_leverage_scores(Z, 0.01)
    np.testing.assert_allclose(scores, expected, atol=1e-10)
    assert scores.sum() == pytest.approx(effective_dimension(K, 0.01))


def test_scores_of_a_pool_sum_to_the_effective_dimension_of_the_kernel():
    X = StandardScaler().fit_transform(load_breast_cancer().data)[:300]
    gamma = median_gamma(X)
    for regularization in (1e-2, 1e-3):
        expected = effective_dimension(gaussian_kernel(X, gamma=gamma), regularization)
        found = [
            LeverageScoreRandomFeatures(400, gamma=gamma, regularization=regularization, pool_size=6000, random_state=seed)
            .fit(X)
            .effective_dimension_
            for seed in range(2)
        ]
        assert np.mean(found) == pytest.approx(expected, rel=0.03)


def test_leverage_lowers_the_regularised_spectral_error():
    X = StandardScaler().fit_transform(load_breast_cancer().data)[:300]
    gamma, regularization = median_gamma(X), 1e-3
    K = gaussian_kernel(X, gamma=gamma)
    root = scipy.linalg.cholesky(K + 300 * regularization * np.eye(300), lower=True)

    def error(estimator):
        errors = []
        for seed in range(8):
            Z = estimator.set_params(random_state=seed).fit_transform(X)
            half = scipy.linalg.solve_triangular(root, Z @ Z.T - K, lower=True)
            errors.append(np.linalg.norm(scipy.linalg.solve_triangular(root, half.T, lower=True), 2))
        return np.mean(errors)

    leverage = error(LeverageScoreRandomFeatures(400, gamma=gamma, regularization=regularization))
    assert leverage < 0.9 * error(RandomFourierFeatures(400, gamma=gamma))


def skewed(rng, n):
    """Four inputs of scales 3, 1, .3, .1, and a target three standard deviations out in the kernel's spectrum."""
    X = rng.standard_normal((n, 4)) * [3.0, 1.0, 0.3, 0.1]
    gamma = median_gamma(X)
    frequency = 3.0 * np.sqrt(2.0 * gamma)
    y = np.sin(frequency * X[:, 0]) + 0.5 * np.cos(2.0 * frequency * X[:, 1])
    return X, y + 0.1 * rng.standard_normal(n), gamma


@pytest.mark.parametrize("weighted", [True, False])
def test_leverage_pays_on_skewed_data(weighted):
    def error(X, y, ridge, estimator):
        Z = estimator.fit(X[:1000]).transform(X)
        A = Z[:1000].T @ Z[:1000] + 1000 * ridge * np.eye(Z.shape[1])
        return np.mean((Z[1000:] @ np.linalg.solve(A, Z[:1000].T @ y[:1000]) - y[1000:]) ** 2)

    leverage, plain = [], []
    for seed in range(6):
        X, y, gamma = skewed(np.random.default_rng(seed), 1500)
        common = {"gamma": gamma, "random_state": seed}
        scores = LeverageScoreRandomFeatures(128, regularization=1e-4, weighted=weighted, **common)
        leverage.append(error(X, y, 1e-4, scores))
        plain.append(error(X, y, 1e-4, RandomFourierFeatures(128, **common)))
    assert np.mean(leverage) <= 0.9 * np.mean(plain)


@pytest.mark.parametrize(
    ("function", "argument", "message"),
    [
        (ridge_leverage_scores, np.full((3, 3), np.nan), "Z must be finite"),
        (ridge_leverage_scores, np.zeros((0, 3)), "Z must be a matrix"),
        (effective_dimension, np.zeros((2, 3)), "K must be square"),
    ],
)
def test_bad_input_is_refused(function, argument, message):
    with pytest.raises(ValueError, match=message):
        function(argument, 0.1)
    with pytest.raises(ValueError, match="regularization must be"):
        function(np.eye(3), 0.0)
