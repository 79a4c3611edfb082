"""Least squares, box relaxation, STE, Bop and exact search against other solvers and brute force."""

import itertools

import cvxpy
import numpy as np
import pytest
from scipy.optimize import lsq_linear

from optathlon.baselines.binary_regression import bop, box_relaxation, exact, least_squares, straight_through
from optathlon.baselines.binary_regression._convex import accelerated_gradient, least_deviations
from optathlon.baselines.binary_regression._losses import make_loss


def instance(n, n_samples, sigma, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n)) / np.sqrt(n)
    w = rng.choice([-1.0, 1.0], n)
    return X, X @ w + sigma * rng.standard_normal(n_samples), w


def cvxpy_weights(X, y, loss, bound, delta=1.0):
    w = cvxpy.Variable(X.shape[1])
    residual = X @ w - y
    value = {
        "l2": lambda: cvxpy.sum_squares(residual),
        "l1": lambda: cvxpy.norm1(residual),
        "huber": lambda: cvxpy.sum(cvxpy.huber(residual, delta)),
    }[loss]()
    cvxpy.Problem(cvxpy.Minimize(value), [cvxpy.abs(w) <= bound]).solve(solver=cvxpy.CLARABEL)
    return w.value


@pytest.mark.parametrize("bound", [1.0, 100.0])
@pytest.mark.parametrize("loss", ["l2", "huber"])
def test_accelerated_gradient_agrees_with_clarabel(loss, bound):
    X, y, _ = instance(12, 30, 1.0, seed=1)
    f = make_loss(loss, X, y, 0.4)
    ours = accelerated_gradient(f, bound, n_steps=20_000, least_move=1e-10)
    np.testing.assert_allclose(ours, cvxpy_weights(X, y, loss, bound, 0.4), atol=1e-4)


@pytest.mark.parametrize("bound", [1.0, np.inf])
def test_least_deviations_agree_with_clarabel(bound):
    X, y, _ = instance(8, 21, 1.0, seed=2)
    theirs = cvxpy_weights(X, y, "l1", min(bound, 100.0))
    assert np.abs(X @ least_deviations(X, y, bound)[0] - y).sum() == pytest.approx(np.abs(X @ theirs - y).sum(), rel=1e-6)


@pytest.mark.parametrize("loss", ["l2", "l1", "huber"])
def test_box_and_least_squares_agree_where_the_box_does_not_bind(loss):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((40, 6))
    y = X @ rng.uniform(-0.5, 0.5, 6) + 0.01 * rng.standard_normal(40)
    np.testing.assert_array_equal(least_squares(X, y, loss=loss), box_relaxation(X, y, loss=loss).w)


def test_least_squares_rounds_the_minimum_norm_solution():
    for shape in ((30, 10), (10, 30)):
        rng = np.random.default_rng(4)
        X, y = rng.standard_normal(shape), rng.standard_normal(shape[0])
        np.testing.assert_array_equal(least_squares(X, y), np.where(np.linalg.lstsq(X, y)[0] >= 0, 1, -1))


def box_signs(X, y, **options):
    return box_relaxation(X, y, **options).w


@pytest.mark.parametrize("method", [least_squares, box_signs, bop])
def test_weights_are_recovered_from_much_clean_data(method):
    X, y, w = instance(10, 400, 0.01, seed=5)
    np.testing.assert_array_equal(method(X, y), w)
    np.testing.assert_array_equal(method(X, y, loss="huber"), w)


def test_straight_through_visits_the_weights_without_staying():
    """At w* Adam turns even a tiny gradient into full steps, so some sign is always on its way across zero."""
    X, y, w = instance(10, 400, 0.01, seed=5)
    visited = []
    straight_through(X, y, callback=lambda step, v: visited.append(bool(np.all(v == w))))
    assert any(visited)
    assert not all(visited[100:])


@pytest.mark.parametrize("method", [least_squares, box_signs, straight_through, bop])
@pytest.mark.parametrize("loss", ["l2", "l1", "huber"])
def test_a_stack_is_solved_as_its_parts(method, loss):
    parts = [instance(6, 18, 0.5, seed) for seed in range(3)]
    X, y = np.stack([part[0] for part in parts]), np.stack([part[1] for part in parts])
    together = method(X, y, loss=loss)
    np.testing.assert_array_equal(together, [method(one, target, loss=loss) for one, target, _ in parts])


@pytest.mark.parametrize("method", [straight_through, bop, box_signs])
def test_callback_ends_at_the_answer(method):
    X, y, _ = instance(6, 18, 0.5, seed=6)
    seen = []
    answer = method(X, y, n_steps=30, callback=lambda step, w: seen.append(w))
    assert len(seen) <= 30
    np.testing.assert_array_equal(np.where(seen[-1] >= 0, 1, -1), answer)


def test_bop_flips_only_beyond_the_threshold():
    X, y, _ = instance(6, 18, 1.0, seed=7)
    np.testing.assert_array_equal(bop(X, y, threshold=1e6), least_squares(X, y))


@pytest.mark.parametrize("loss", ["l2", "l1"])
@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_exact_agrees_with_enumeration(n, loss):
    for seed in range(5):
        X, y, _ = instance(n, 2 * n, 1.5, seed)
        residuals = {w: X @ np.array(w) - y for w in itertools.product([-1.0, 1.0], repeat=n)}
        cost = {"l2": lambda r: r @ r, "l1": lambda r: np.abs(r).sum()}[loss]
        answer = exact(X, y, loss=loss)
        assert answer.optimal
        assert answer.objective == pytest.approx(min(cost(r) for r in residuals.values()))
        assert cost(residuals[tuple(answer.w)]) == pytest.approx(answer.objective)


def test_exact_beyond_one_batch_of_enumeration():
    X, y, _ = instance(14, 20, 0.5, seed=8)
    fast = exact(X, y)
    slow = min(np.sum((X @ np.array(w) - y) ** 2) for w in itertools.product([-1.0, 1.0], repeat=14))
    assert fast.objective == pytest.approx(slow)
    assert exact(X, y, loss="l1").objective <= np.abs(X @ fast.w - y).sum()


def test_exact_with_fewer_samples_than_features():
    X, y, _ = instance(10, 4, 1.0, seed=9)
    best = min(np.sum((X @ np.array(w) - y) ** 2) for w in itertools.product([-1.0, 1.0], repeat=10))
    assert exact(X, y).objective == pytest.approx(best)


@pytest.mark.parametrize("offset", [1e3, 1e8, 1e9])
def test_exact_is_optimal_where_the_gram_matrix_has_lost_the_differences(offset):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((20, 8)) + offset
        y = X @ np.sign(rng.standard_normal(8)) + 0.5 * rng.standard_normal(20)
        every = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
        answer = exact(X, y)
        assert answer.optimal
        assert answer.objective <= ((every @ X.T - y) ** 2).sum(axis=1).min() * (1 + 1e-4)


def test_exact_gives_up_honestly():
    X, y, _ = instance(40, 40, 3.0, seed=10)
    assert not exact(X, y, max_nodes=10).optimal


def test_exact_refuses_to_list_too_many_sign_vectors():
    with pytest.raises(ValueError, match=r"at most 24 features for loss='l1', got 30, whose 2\^30 = 1.07e\+09"):
        exact(np.ones((3, 30)), np.ones(3), loss="l1")


def test_exact_refuses_trees_that_do_not_fit():
    with pytest.raises(ValueError, match=r"at most 200 features for exact search, got 3000"):
        exact(np.ones((3, 3000)), np.ones(3))


@pytest.mark.parametrize("seed", range(5))
def test_box_agrees_with_bounded_least_squares_of_scipy_on_ill_conditioned_data(seed):
    rng = np.random.default_rng(seed)
    left, right = np.linalg.qr(rng.standard_normal((60, 30)))[0], np.linalg.qr(rng.standard_normal((30, 30)))[0]
    X = left * np.logspace(0, -6, 30) @ right.T
    y = X @ np.sign(rng.standard_normal(30)) + 1e-3 * rng.standard_normal(60)
    theirs = lsq_linear(X, y, (-1, 1), method="bvls", tol=1e-15, max_iter=1000).x
    ours = box_relaxation(X, y)
    assert ours.converged
    np.testing.assert_allclose(ours.relaxed, theirs, atol=1e-6)
    np.testing.assert_array_equal(ours.w, np.where(theirs >= 0, 1, -1))
    short = box_relaxation(X, y, n_steps=1)
    assert not short.converged
    assert short.gap > 1e-8
    assert short.bound <= ours.objective <= short.objective


@pytest.mark.parametrize("loss", ["l2", "l1", "huber"])
def test_box_bounds_the_best_signs_from_below(loss):
    X, y, _ = instance(8, 20, 1.0, seed=3)
    f = {"l2": lambda r: r @ r, "l1": lambda r: np.abs(r).sum(), "huber": make_loss("huber", X, y, 0.4).value}[loss]
    result = box_relaxation(X, y, loss=loss, delta=0.4 if loss == "huber" else None)
    best = min(f(np.array(w) if loss == "huber" else X @ w - y) for w in itertools.product((-1.0, 1.0), repeat=8))
    assert result.converged
    assert result.bound <= result.objective <= best
    assert result.gap == pytest.approx((result.objective - result.bound) / result.objective, abs=1e-12)
