"""Message passing, detectors, flips and conditions against enumeration, simulation, quadrature and the theorems."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.utils.estimator_checks import parametrize_with_checks

from optathlon.baselines.binary_regression import (
    BinaryLeastSquares,
    annealing,
    bop,
    box_relaxation,
    exact,
    expectation_propagation,
    flip_descent,
    general_condition,
    k_best,
    low_noise_condition,
    maximin,
    message_passing,
    robust_condition,
    state_evolution,
    straight_through,
)


def batch(trials, n, m, sigma, seed):
    rng = np.random.default_rng(seed)
    X, w = rng.standard_normal((trials, m, n)) / np.sqrt(n), rng.choice([-1.0, 1.0], (trials, n))
    return X, np.einsum("tij,tj->ti", X, w) + sigma * rng.standard_normal((trials, m)), w


@pytest.mark.parametrize(("ratio", "noise"), [(2.0, 0.5), (2.0, 1.0), (1.5, 0.6), (1.0, 2.0)])
def test_state_evolution_is_a_fixed_point_by_another_quadrature(ratio, noise):
    precision = norm.isf(state_evolution(ratio, noise)) ** 2
    mmse = quad(lambda z: norm.pdf(z) * (1 - np.tanh(precision + np.sqrt(precision) * z)), -12, 12, limit=400)[0]
    assert ratio / (noise**2 + mmse) == pytest.approx(precision, rel=1e-5)


@pytest.mark.parametrize("sigma", [0.6, 0.8, 1.0, 1.5])
def test_message_passing_makes_the_errors_that_state_evolution_predicts(sigma):
    X, y, w = batch(6, 500, 1000, sigma, seed=0)
    result = message_passing(X, y)
    errors = np.mean(result.w != w, axis=1)
    assert result.converged.all()
    assert abs(errors.mean() - state_evolution(2.0, sigma)) <= 4 * max(errors.std(), 0.004) / np.sqrt(6) + 1e-3


def test_message_passing_sees_neither_units_nor_the_scales_of_columns():
    X, y, _ = batch(5, 40, 80, 0.5, seed=1)
    plain = message_passing(X, y, n_steps=20)
    np.testing.assert_allclose(message_passing(1e3 * X, 1e3 * y, n_steps=20).mean, plain.mean, rtol=1e-9, atol=1e-12)
    alone = message_passing(X[2], y[2], n_steps=20, tol=1e-300)
    np.testing.assert_allclose(alone.mean, message_passing(X, y, n_steps=20, tol=1e-300).mean[2], rtol=1e-9, atol=1e-12)


def test_one_flip_leaves_a_local_optimum_and_never_makes_worse():
    X, y, w = batch(40, 12, 20, 1.0, seed=2)
    start = box_relaxation(X, y).w
    result = flip_descent(X, y, start)
    value = lambda v: np.sum((np.einsum("tij,tj->ti", X, v) - y) ** 2, axis=1)  # noqa: E731
    np.testing.assert_allclose(result.objective, value(result.w))
    assert result.converged.all()
    assert (result.objective <= value(start) + 1e-9).all()
    assert (result.n_flips[np.any(result.w != start, axis=1)] > 0).all()
    for i in range(12):
        flipped = result.w.copy()
        flipped[:, i] *= -1
        assert (value(flipped) >= result.objective - 1e-9).all()
    assert not flip_descent(X, y, -w, max_steps=1).converged.all()


def test_wide_trees_and_annealing_find_the_optimum():
    X, y, _ = batch(20, 9, 12, 1.0, seed=3)
    for features, target in zip(X, y, strict=True):
        best = exact(features, target).objective
        assert k_best(features, target, n_best=2**9).objective == pytest.approx(best)
        assert annealing(features, target, rng=0).objective == pytest.approx(best)
        assert k_best(features, target, n_best=1).objective >= best * (1 - 1e-12)


def test_a_tree_with_fewer_samples_than_weights_is_searched():
    X, y, _ = batch(5, 10, 6, 0.3, seed=4)
    for features, target in zip(X, y, strict=True):
        values = [np.sum((features @ np.array(w) - target) ** 2) for w in itertools.product((-1.0, 1.0), repeat=10)]
        assert k_best(features, target, n_best=2**10).objective == pytest.approx(min(values))


def test_expectation_propagation_has_the_marginals_of_enumeration_where_signs_are_nearly_independent():
    rng = np.random.default_rng(5)
    X = np.linalg.qr(rng.standard_normal((30, 6)))[0]
    y = X @ rng.choice([-1.0, 1.0], 6) + 0.8 * rng.standard_normal(30)
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=6)))
    weights = np.exp(-np.sum((signs @ X.T - y) ** 2, axis=1) / 2 / 0.64)
    result = expectation_propagation(X, y, noise=0.8, tol=1e-10, max_steps=200)
    assert result.converged
    np.testing.assert_allclose(result.mean, weights @ signs / weights.sum(), atol=1e-6)


@pytest.mark.parametrize("size", [0.0, 1e-40, 1e-20])
@pytest.mark.parametrize("shape", [(20, 10), (3, 10), (1, 1)])
def test_message_passing_survives_targets_that_vanish(shape, size):
    """A residual of zero divided by the noise that it tells made every sign NaN."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal(shape)
    for features in (X, 0 * X):
        with np.errstate(all="raise", under="ignore"):
            result = message_passing(features, size * rng.standard_normal(shape[0]))
        assert np.isfinite(result.mean).all()
        assert set(result.w) <= {-1.0, 1.0}


@pytest.mark.parametrize(("size", "noise"), [(1e-8, None), (0.0, None), (1.0, 1e-12), (1e-30, None)])
def test_expectation_propagation_survives_hardly_any_noise(size, noise):
    """X'X / noise^2 + I could not be inverted."""
    rng = np.random.default_rng(4321)
    X = rng.standard_normal((1, 8))
    with np.errstate(all="raise", under="ignore"):
        result = expectation_propagation(X, size * X[:, 0], noise=noise)
    assert np.isfinite(result.mean).all()


def test_expectation_propagation_errs_hardly_more_than_the_optimum():
    X, y, w = batch(200, 30, 60, 0.6, seed=6)
    found = np.array([expectation_propagation(*pair).w for pair in zip(X, y, strict=True)])
    assert np.mean(found != w) <= 1.25 * np.mean(maximin(X, y).w != w)


def test_votes_of_the_last_half_err_less_than_the_last_iterates():
    X, y, w = batch(200, 30, 60, 0.6, seed=7)
    for method in (straight_through, bop):
        assert np.mean(method(X, y, average=True) != w) <= 0.5 * np.mean(method(X, y) != w)


def test_condition_8_implies_recovery_and_is_condition_6_of_least_squares():
    rng = np.random.default_rng(8)
    X, w = rng.standard_normal((60, 10)), rng.choice([-1.0, 1.0], 10)
    noise = 0.5 * rng.standard_normal(60)
    condition = low_noise_condition(X, noise)
    assert condition.holds
    assert general_condition(2 * X.T @ noise, 2 * X.T @ X).right == pytest.approx(2 * condition.right)
    answer = maximin(X, X @ w + noise, optimizer="extragradient", n_steps=3000)
    np.testing.assert_array_equal(answer.w, w)
    np.testing.assert_allclose(answer.z, w * (X.T @ noise), atol=1e-6)
    assert not low_noise_condition(X, 100 * noise).holds


def test_duality_gap_of_the_huber_loss_is_not_zero_where_theorem_iv_1_says_so():
    """d* is the optimum over the box: all instances that meet (11) and (13) have it below p*."""
    met = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X, w = rng.standard_normal((40, 5)), rng.choice([-1.0, 1.0], 5)
        noise = np.where(rng.random(40) < 0.2, 60.0, 0.2 * rng.standard_normal(40))
        first, apart = robust_condition(X, noise, 1.0)
        if not (first.holds and apart):
            continue
        met += 1
        box = box_relaxation(X, X @ w + noise, loss="huber", delta=1.0)
        huber = np.where(np.abs(noise) <= 1, noise**2 / 2, np.abs(noise) - 0.5).sum()
        assert box.converged
        assert huber > box.objective * (1 + 1e-6)
    assert met >= 25


@parametrize_with_checks([BinaryLeastSquares(), BinaryLeastSquares(method="semidefinite", random_state=0)])
def test_scikit_learn_is_content(estimator, check):
    check(estimator)


@pytest.mark.parametrize("method", ["maximin", "semidefinite", "box", "message-passing", "least-squares"])
def test_signs_size_and_units_are_recovered(method):
    rng = np.random.default_rng(9)
    signs, scales = rng.choice([-1.0, 1.0], 8), np.logspace(-2, 3, 8)
    X = rng.standard_normal((200, 8)) * scales + 1e4
    y = 7.0 + 3.0 * (X - 1e4) / scales @ signs + 0.3 * rng.standard_normal(200)
    model = BinaryLeastSquares(method, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.signs_, signs)
    assert model.size_ == pytest.approx(3.0, rel=0.05)
    assert model.score(X, y) > 0.98
    assert abs(model.gap_) <= 1e-6


@pytest.mark.parametrize("polish", [True, False])
@pytest.mark.parametrize("method", ["box", "least-squares"])
def test_the_signs_are_no_worse_than_those_of_the_correlations(method, polish):
    """The first answer of `method` was taken whatever it cost."""
    rng = np.random.default_rng(4242)
    for _ in range(60):
        X = rng.standard_normal((rng.integers(3, 12), 6))
        y = X @ rng.choice([-1.0, 1.0], 6) + 3 * rng.standard_normal(len(X))
        Z, target = (X - X.mean(axis=0)) / X.std(axis=0), y - y.mean()
        signal = Z @ np.where(Z.T @ target >= 0, 1.0, -1.0)
        plain = np.sum((signal * (signal @ target) / (signal @ signal) - target) ** 2)
        assert BinaryLeastSquares(method, polish=polish).fit(X, y).objective_ <= plain * (1 + 1e-9)


@pytest.mark.parametrize("scale", [1e-170, 1e170])
def test_features_and_targets_that_overflow_are_refused_by_their_name(scale):
    """Squares of the features vanished or overflowed: weights of zero, with a gap of zero."""
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((20, 3)), rng.standard_normal(20)
    with pytest.raises(ValueError, match="X must have its largest magnitude"):
        BinaryLeastSquares().fit(X * scale, y)
    with pytest.raises(ValueError, match="y must have its largest magnitude"):
        BinaryLeastSquares().fit(X, y * scale)


@pytest.mark.parametrize("max_iter", [-1, 2.5, "3", True])
def test_alternations_are_counted_in_whole_numbers(max_iter):
    with pytest.raises(ValueError, match="max_iter must be an integer of at least 0"):
        BinaryLeastSquares(max_iter=max_iter).fit(np.eye(3), np.ones(3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: message_passing(X, y, damping=1.0), "damping must be"),
        (lambda X, y: state_evolution(-1.0, 0.5), "ratio must be"),
        (lambda X, y: flip_descent(X, y, np.ones(3)), "w must hold finite numbers in shape"),
        (lambda X, y: k_best(X, y, n_best=0), "n_best must be"),
        (lambda X, y: expectation_propagation(X, y, noise=0.0), "noise must be"),
        (lambda X, y: annealing(X, y, n_chains=0), "n_chains must be"),
        (lambda X, y: robust_condition(X, y, 0.0), "delta must be"),
        (lambda X, y: general_condition(np.ones(5), np.triu(np.ones((5, 5)))), "hessian must be square and symmetric"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((6, 5)), np.ones(6))
