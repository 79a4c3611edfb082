"""Frank-Wolfe on one hidden layer: rate, bound, certificate of the exact oracle."""

from __future__ import annotations

import numpy as np
import pytest

from optathlon.baselines.convex_networks import enumerate_patterns, frank_wolfe, growing_batch


def planted(n, d, seed, n_neurons=10):
    rng = np.random.default_rng(seed)
    A, theta, a = rng.standard_normal((n, d)), rng.standard_normal((d, n_neurons)), rng.standard_normal(n_neurons)
    return A, np.maximum(A @ theta, 0) @ a, float(np.abs(a) @ np.linalg.norm(theta, axis=0))


def slope(gaps, first=20):
    least = np.minimum.accumulate(gaps)
    t = np.arange(1, len(gaps) + 1)
    return np.polyfit(np.log(t[first - 1 :]), np.log(least[first - 1 :]), 1)[0]


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.0])
@pytest.mark.parametrize(("n", "d", "batch"), [(20, 25, None), (25, 20, growing_batch())])
def test_gap_falls_as_one_over_t_and_the_loss_stays_below_the_bound(n, d, batch, factor):
    A, y, gamma = planted(n, d, 0)
    delta = factor * gamma
    losses = []

    def watch(step, network):
        W1, w2 = network
        losses.append(np.sum((np.maximum(A @ W1, 0) @ w2 - y) ** 2))

    result = frank_wolfe(A, y, delta, batch=batch, rng=np.random.default_rng(1), callback=watch)
    assert slope(result.gaps) <= -0.9
    assert np.abs(result.w2).sum() <= delta * (1 + 1e-12)
    assert losses[-1] == pytest.approx(result.loss, rel=1e-9)
    assert np.allclose(np.linalg.norm(result.W1, axis=0), 1)
    if factor >= 1:  # the planted network is feasible, so that the minimum is 0
        steps = np.arange(1, len(losses) + 1)
        assert (np.array(losses) <= 4 * np.linalg.norm(A, 2) ** 2 * delta**2 / (steps + 1)).all()


def test_exact_oracle_bounds_the_distance_to_the_minimum():
    rng = np.random.default_rng(0)
    A, y = rng.standard_normal((8, 2)), rng.standard_normal(8)
    patterns = enumerate_patterns(A)
    losses = [0.5 * 0 + float(y @ y)]
    result = frank_wolfe(
        A,
        y,
        1.0,
        patterns=patterns,
        callback=lambda step, network: losses.append(np.sum((np.maximum(A @ network[0], 0) @ network[1] - y) ** 2)),
    )
    bound = max(loss - gap for loss, gap in zip(losses, result.gaps, strict=False))
    cp = pytest.importorskip("cvxpy")
    # The same minimum over the cells: sum_i |u_i| + |v_i| <= delta.
    U, V = cp.Variable((2, patterns.shape[1])), cp.Variable((2, patterns.shape[1]))
    fit, constraints = 0, [cp.sum(cp.norm(U, axis=0)) + cp.sum(cp.norm(V, axis=0)) <= 1.0]
    for i, mask in enumerate(patterns.T.astype(float)):
        fit += (mask[:, None] * A) @ (U[:, i] - V[:, i])
        cone = (2 * mask - 1)[:, None] * A
        constraints += [cone @ U[:, i] >= 0, cone @ V[:, i] >= 0]
    minimum = cp.Problem(cp.Minimize(cp.sum_squares(fit - y)), constraints).solve(solver="CLARABEL")
    assert result.certified
    assert bound - 1e-7 <= minimum <= result.loss + 1e-7
    assert result.loss - minimum <= result.gaps.min() + 1e-7


def test_searching_oracle_finds_what_the_exact_one_finds():
    rng = np.random.default_rng(3)
    A, y = rng.standard_normal((9, 2)), rng.standard_normal(9)
    exact = frank_wolfe(A, y, 1.0, n_steps=50, patterns=enumerate_patterns(A), step="line-search")
    searched = frank_wolfe(A, y, 1.0, n_steps=50, step="line-search")
    assert searched.loss == pytest.approx(exact.loss, rel=1e-3)
    assert not searched.certified


def test_line_search_interpolates_and_stops_at_the_tolerance():
    A, y, gamma = planted(15, 20, 2)
    result = frank_wolfe(A, y, 2 * gamma, step="line-search", tol=1e-6)
    assert result.gaps[-1] <= 1e-6
    assert result.loss <= 1e-6
    assert result.n_steps < 300
    assert len(result.gaps) == result.n_steps + 1


def test_runs_repeat():
    A, y, gamma = planted(20, 25, 0)
    first, second = (frank_wolfe(A, y, gamma, n_steps=20, rng=np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.W1, second.W1)
    assert np.array_equal(first.gaps, second.gaps)


def test_bad_input_is_refused():
    A, y = np.ones((3, 2)), np.ones(3)
    with pytest.raises(ValueError, match="delta must be finite and greater than 0"):
        frank_wolfe(A, y, 0.0)
    with pytest.raises(ValueError, match="step must be"):
        frank_wolfe(A, y, 1.0, step="fast")
    with pytest.raises(ValueError, match="patterns must be 0/1"):
        frank_wolfe(A, y, 1.0, patterns=np.full((3, 2), 2.0))
    with pytest.raises(ValueError, match="y must have one entry per row"):
        frank_wolfe(A, np.ones(2), 1.0)
    with pytest.raises(ValueError, match="tol must be at least 0"):
        frank_wolfe(A, y, 1.0, tol=-1.0)
    with pytest.raises(ValueError, match="fraction"):
        growing_batch(0.0)
