"""Logistic loss, more levels than two, and the multipliers of the theorems: against enumeration, derivatives and definitions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import expit

from optathlon.baselines.binary_regression import (
    general_condition,
    lattice_reduction,
    level_bits,
    levels_of,
    logistic_box,
    logistic_condition,
    logistic_exact,
    logistic_loss,
    logistic_maximin,
    low_noise_condition,
    maximin,
    nearest_level,
    ordinal_condition,
    ordinal_lattice,
    ordinal_least_squares,
    ordinal_maximin,
    robust_condition,
    robust_multipliers,
    saddle_multipliers,
)


def huber(r, delta):
    size = np.abs(r)
    return np.where(size <= delta, r**2 / 2, delta * (size - delta / 2)).sum()


def slope(f, w, h=1e-6):
    return np.array([(f(w + h * e) - f(w - h * e)) / (2 * h) for e in np.eye(len(w))])


def test_the_multipliers_of_theorem_4_1_make_the_signs_stationary_and_the_printed_ones_do_not():
    rng = np.random.default_rng(0)
    X, w, delta = rng.standard_normal((60, 5)), rng.choice([-1.0, 1.0], 5), 0.5
    noise = np.where(rng.random(60) < 0.15, 100.0, 0.1 * rng.standard_normal(60))
    assert robust_condition(X, noise, delta)[0].holds
    z = robust_multipliers(X, noise, w, delta)
    y = X @ w + noise

    def lagrangian(v, z):
        return huber(X @ v - y, delta) + z @ (v**2 - 1)

    np.testing.assert_allclose(slope(lambda v: lagrangian(v, z), w), 0, atol=1e-5)
    printed = -w * (X.T @ np.where(np.abs(noise) <= delta, noise, np.sign(noise)))
    assert np.abs(slope(lambda v: lagrangian(v, printed), w)).max() > 1
    # A local minimum in w, as a maximin point must be.
    near = [lagrangian(w + 0.01 * rng.standard_normal(5), z) for _ in range(200)]
    assert min(near) > lagrangian(w, z)


def test_the_multipliers_are_what_maximin_converges_to():
    rng = np.random.default_rng(1)
    X, w = rng.standard_normal((40, 8)), rng.choice([-1.0, 1.0], 8)
    noise = 0.1 * rng.standard_normal(40)
    assert low_noise_condition(X, noise).holds
    result = maximin(X, X @ w + noise, optimizer="extragradient", n_steps=3000)
    np.testing.assert_allclose(result.z, saddle_multipliers(w, -2 * X.T @ noise), atol=1e-6)
    with pytest.raises(ValueError, match="w must hold -1 or 1"):
        saddle_multipliers(np.zeros(3), np.ones(3))


def drawn(rng, trials, n_samples, n_features):
    X = rng.standard_normal((trials, n_samples, n_features)) / np.sqrt(n_features)
    w = rng.choice([-1.0, 1.0], (trials, n_features))
    return X, np.where(rng.random((trials, n_samples)) < expit(np.einsum("tij,tj->ti", X, w)), 1.0, -1.0), w


def test_logistic_search_lists_all_signs():
    X, y, _ = drawn(np.random.default_rng(2), 3, 30, 5)
    found = logistic_exact(X, y)
    for t in range(3):
        values = [np.log(1 + np.exp(-y[t] * (X[t] @ np.array(w)))).sum() for w in product((-1, 1), repeat=5)]
        assert found.objective[t] == pytest.approx(min(values), rel=1e-12)
        assert logistic_loss(X[t], y[t], found.w[t]) == pytest.approx(min(values), rel=1e-12)
    assert (found.gap == 0).all()


def test_logistic_box_is_the_optimum_of_another_library_and_bounds_the_signs():
    import cvxpy as cp

    X, y, _ = drawn(np.random.default_rng(3), 3, 40, 6)
    result, best = logistic_box(X, y), logistic_exact(X, y)
    assert result.converged.all()
    for t in range(3):
        w = cp.Variable(6)
        problem = cp.Problem(cp.Minimize(cp.sum(cp.logistic(cp.multiply(-y[t], X[t] @ w)))), [cp.abs(w) <= 1])
        problem.solve(solver="CLARABEL")
        assert result.bound[t] == pytest.approx(problem.value, rel=1e-6)
        assert result.bound[t] <= best.objective[t]
    assert not logistic_box(X, y, max_steps=1).converged.all()
    assert (logistic_box(X, y, max_steps=1).bound <= result.bound + 1e-9).all()


def test_condition_6_of_the_logistic_loss_is_that_of_its_derivatives():
    X, y, w = drawn(np.random.default_rng(4), 1, 50, 4)

    def f(v):
        return float(logistic_loss(X[0], y[0], v))

    hessian = np.array([slope(lambda v, e=e: slope(f, v, 1e-4) @ e, w[0], 1e-4) for e in np.eye(4)])
    numeric = general_condition(slope(f, w[0]), np.round((hessian + hessian.T) / 2, 12))
    condition = logistic_condition(X[0], y[0], w[0])
    assert condition.left == pytest.approx(numeric.left, rel=1e-5)
    assert condition.right == pytest.approx(numeric.right, rel=1e-3)


def test_conditions_take_matrices_whose_halves_differ_by_rounding():
    rng = np.random.default_rng(0)
    hessian = np.eye(3)
    hessian[0, 1], hessian[1, 0] = 3e-17, -1e-17  # what orthogonal columns leave in a product
    assert general_condition(np.full(3, 0.5), hessian).holds
    X = rng.standard_normal((1000, 500)) / 1000**0.5
    w = np.sign(rng.standard_normal(500))
    assert not logistic_condition(X, np.sign(X @ w + 0.1 * rng.standard_normal(1000)), w).holds


def test_an_objective_of_zero_has_no_gap():
    answer = logistic_exact([[1e4]], [1.0])
    assert answer.objective == 0
    assert answer.gap == 0


def test_where_condition_6_holds_logistic_maximin_recovers_the_signs_though_the_duality_gap_is_not_zero():
    X, y, w = drawn(np.random.default_rng(5), 40, 400, 6)
    holds = np.array([logistic_condition(*one).holds for one in zip(X, y, w, strict=True)])
    assert holds.sum() >= 5
    result, box = logistic_maximin(X[holds], y[holds]), logistic_box(X[holds], y[holds])
    np.testing.assert_array_equal(result.w, w[holds])
    assert result.converged.all()
    for t, (A, s) in enumerate(zip(X[holds], y[holds], strict=True)):
        gradient = slope(lambda v, A=A, s=s: float(logistic_loss(A, s, v)), result.w[t])
        np.testing.assert_allclose(result.z[t], saddle_multipliers(result.w[t], gradient), atol=1e-2 * np.abs(gradient).max())
    negative = (result.z < -0.5).any(axis=1)
    gaps = (result.objective - box.bound)[negative] / result.objective[negative]
    assert len(gaps) >= 5
    assert (gaps > 1e-5).all()  # d*, the optimum in the box, is below p*
    assert np.median(gaps) > 1e-3


def test_logistic_maximin_finds_the_optimum_of_small_problems_more_often_than_rounding():
    X, y, _ = drawn(np.random.default_rng(6), 30, 60, 8)
    best = logistic_exact(X, y).objective
    met = {
        "maximin": logistic_maximin(X, y).objective <= best * (1 + 1e-9),
        "regression": logistic_box(X, y, half_width=100.0).objective <= best * (1 + 1e-9),
    }
    assert met["maximin"].mean() > met["regression"].mean()
    assert met["maximin"].mean() >= 0.9


def test_levels_and_their_bits():
    np.testing.assert_array_equal(levels_of(2), [-1, 1])
    np.testing.assert_array_equal(levels_of(5), [-4, -2, 0, 2, 4])
    np.testing.assert_array_equal(nearest_level([-9.0, -2.1, -0.1, 0.1, 1.9, 2.1, 7.0], 4), [-3, -3, -1, 1, 1, 3, 3])
    rng = np.random.default_rng(7)
    w = rng.choice(levels_of(8), (4, 6))
    high, middle, low = np.split(level_bits(w, 3), 3, axis=-1)
    np.testing.assert_array_equal(4 * high + 2 * middle + low, w)
    X = rng.standard_normal((20, 6))
    assert not low_noise_condition(np.hstack([4 * X, 2 * X, X]), 1e-9 * rng.standard_normal(20)).holds


def test_two_levels_are_the_binary_methods():
    rng = np.random.default_rng(8)
    X, w = rng.standard_normal((5, 30, 12)), rng.choice([-1.0, 1.0], (5, 12))
    y = np.einsum("tij,tj->ti", X, w) + rng.standard_normal((5, 30))
    ours = ordinal_maximin(X, y, n_levels=2)
    theirs = maximin(X, y, metric="uniform")
    np.testing.assert_array_equal(ours.w, theirs.w)
    np.testing.assert_allclose(ours.z, theirs.z, atol=1e-6 * np.abs(theirs.z).max())
    for t in range(5):
        np.testing.assert_array_equal(ordinal_lattice(X, y, n_levels=2).w[t], lattice_reduction(X[t], y[t]).w)
        noise = y[t] - X[t] @ w[t]
        assert ordinal_condition(X[t], noise, w[t], n_levels=2) == low_noise_condition(X[t], noise)


def test_where_its_condition_holds_ordinal_maximin_stays_at_the_levels():
    rng = np.random.default_rng(9)
    met = 0
    for _ in range(20):
        X, w = rng.standard_normal((60, 6)), rng.choice(levels_of(4), 6)
        noise = 0.15 * rng.standard_normal(60)
        result = ordinal_maximin(X, X @ w + noise, n_steps=4000)
        if ordinal_condition(X, noise, w).holds:
            met += 1
            np.testing.assert_array_equal(result.w, w)
            assert result.converged
            f = -2 * X.T @ noise + result.z * (4 * w**3 - 20 * w) / 8  # the slope of (w^2 - 1)(w^2 - 9) / 8
            np.testing.assert_allclose(f, 0, atol=0.1)
    assert met >= 15


def test_detectors_on_levels_against_enumeration():
    rng = np.random.default_rng(10)
    every = np.array(list(product(levels_of(4), repeat=5)))
    right = {"lattice": 0, "least squares": 0}
    for _ in range(40):
        X, w = rng.standard_normal((8, 5)), rng.choice(levels_of(4), 5)
        y = X @ w + 0.7 * rng.standard_normal(8)
        best = np.sum((every @ X.T - y) ** 2, axis=1).min()
        for name, answer in (("lattice", ordinal_lattice(X, y)), ("least squares", ordinal_least_squares(X, y))):
            assert np.isin(answer.w, levels_of(4)).all()
            assert answer.objective >= best * (1 - 1e-9)
            right[name] += bool(answer.objective <= best * (1 + 1e-9))
    assert right["lattice"] > right["least squares"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: logistic_box(np.eye(2), [0.0, 1.0]), "labels must be -1 or 1"),
        (lambda: logistic_box(np.eye(2), [1.0, 1.0], half_width=0.5), "half_width must be at least 1"),
        (lambda: logistic_maximin(np.eye(2), [1.0, 1.0], n_steps=0), "n_steps must be an integer"),
        (lambda: logistic_exact(np.ones((2, 21)), [1.0, 1.0]), "at most 20 features"),
        (lambda: levels_of(1), "n_levels must be an integer of at least 2"),
        (lambda: ordinal_maximin(np.eye(2), [1.0, 1.0], step_z=0.0), "step_z must be a positive"),
        (lambda: ordinal_condition(np.eye(2), [1.0, 1.0], [2.0, 1.0]), "w must hold 2 of the levels"),
        (lambda: ordinal_lattice(np.eye(2), [1.0, np.inf]), "y must be finite"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
