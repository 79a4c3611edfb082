"""ConvexNN: the oracle sees every dichotomy, the stopping test is optimality."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from optathlon.baselines.convex_networks import convexnn
from optathlon.baselines.convex_networks.convexnn import _all_lines


def moons(n, seed, noise=0.2):
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.make_moons(n, noise=noise, random_state=seed)
    return X, 2.0 * y - 1


@pytest.mark.parametrize("n", [2, 3, 5, 9])
def test_every_dichotomy_of_points_in_general_position_has_a_line(n):
    X = np.random.default_rng(n).standard_normal((n, 2))
    signs = _all_lines(X).signs
    found = {tuple(row) for row in signs} | {tuple(-row) for row in signs}
    # Cover (1965): n points in the plane have 2 (1 + (n-1) + (n-1)(n-2)/2) dichotomies by a line.
    assert len(found) == 2 * (1 + (n - 1) + (n - 1) * (n - 2) // 2)


def test_dichotomies_of_a_grid_are_those_that_a_linear_program_separates():
    X = np.array(list(product((0.0, 1.0, 2.0), (0.0, 1.0))))
    signs = _all_lines(X).signs
    found = {tuple(row) for row in signs} | {tuple(-row) for row in signs}
    ones = np.column_stack([X, np.ones(len(X))])
    separable = {
        s
        for s in product((-1, 1), repeat=len(X))
        if linprog(np.zeros(3), A_ub=-np.array(s)[:, None] * ones, b_ub=-np.ones(len(X)), bounds=(None, None)).status == 0
    }
    assert found == separable


@pytest.mark.parametrize("penalty", [0.5, 2.0])
def test_exact_training_is_optimal_over_all_lines(penalty):
    X, y = moons(25, 0)
    network = convexnn(X, y, penalty)
    assert network.converged
    assert network.correlation <= penalty * (1 + 1e-6)
    signs = _all_lines(X).signs
    H = np.unique(np.vstack([signs, np.ones((1, 25))]), axis=0).T.astype(float)
    margins = y[:, None] * H
    cost = np.concatenate([np.full(2 * H.shape[1], penalty), np.ones(25)])
    whole = linprog(cost, A_ub=np.hstack([-margins, margins, -np.eye(25)]), b_ub=-np.ones(25))
    assert network.objective == pytest.approx(whole.fun, rel=1e-8)
    hinge = np.maximum(0, 1 - y * network.decision(X)).sum()
    assert hinge + penalty * np.abs(network.w).sum() == pytest.approx(network.objective, rel=1e-6)


def test_approximate_training_is_no_better_than_exact_and_classifies():
    X, y = moons(100, 1)
    X_test, y_test = moons(1000, 2)
    values = []
    exact = convexnn(X, y, 1.0, callback=lambda step, network: values.append(step))
    approximate = convexnn(X, y, 1.0, oracle="approximate", rng=np.random.default_rng(0))
    assert exact.objective <= approximate.objective * (1 + 1e-9)
    assert len(values) == exact.n_columns
    for network in (exact, approximate):
        assert np.mean(network.predict(X_test) != y_test) < 0.12


@pytest.mark.parametrize("shift", [1e3, 1e7, 1e9])
@pytest.mark.parametrize("seed", range(3))
def test_points_far_from_the_origin_have_the_same_optimum(seed, shift):
    rng = np.random.default_rng(seed)
    X, y = np.round(rng.standard_normal((12, 2)), 3), np.sign(rng.standard_normal(12))
    here, there = convexnn(X, y, 1.0), convexnn(X + shift, y, 1.0)
    assert there.converged
    assert there.objective == pytest.approx(here.objective, abs=1e-9)
    hinge = np.maximum(0, 1 - y * there.decision(X + shift)).sum()
    assert hinge + np.abs(there.w).sum() == pytest.approx(there.objective, abs=1e-9)


def test_bad_input_is_refused():
    X, y = moons(10, 0)
    with pytest.raises(ValueError, match="-1 and 1 only"):
        convexnn(X, y + 1, 1.0)
    with pytest.raises(ValueError, match="2 features"):
        convexnn(np.ones((10, 3)), y, 1.0)
    with pytest.raises(ValueError, match="oracle must be"):
        convexnn(X, y, 1.0, oracle="best")
    with pytest.raises(ValueError, match="penalty must be"):
        convexnn(X, y, -1.0)
    with pytest.raises(ValueError, match="GiB"):
        convexnn(np.random.default_rng(0).standard_normal((3000, 2)), np.ones(3000), 1.0)


def test_equal_points_and_one_class_are_solved():
    same = convexnn(np.ones((6, 2)), np.array([1.0, 1, 1, 1, -1, 1]), 0.5)
    assert same.converged
    assert (same.predict(np.ones((2, 2))) == 1).all()
    assert convexnn(np.random.default_rng(0).standard_normal((8, 2)), np.ones(8), 0.5).objective == pytest.approx(0.5)
