"""Arrangements against linear programs over all 2^n patterns, Cover's count and dense sweeps."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from optathlon.baselines.convex_networks import count_arrangements, enumerate_patterns, pool_patterns, sample_patterns


def as_set(patterns):
    return {tuple(int(v) for v in column) for column in patterns.T}


def has_interior(X, pattern):
    """Whether some w has s_i x_i'w >= 1 on every row that is not zero, by a linear program."""
    alive = np.any(X != 0, axis=1)
    if not all(np.asarray(pattern)[~alive] == 1):
        return False
    A = -(2 * np.asarray(pattern)[alive, None] - 1) * X[alive]
    solution = linprog(np.zeros(X.shape[1]), A_ub=A, b_ub=-np.ones(len(A)), bounds=(None, None))
    return solution.status == 0


@pytest.mark.parametrize(
    "X",
    [
        np.random.default_rng(0).standard_normal((6, 2)),
        np.random.default_rng(1).standard_normal((6, 3)),
        np.random.default_rng(2).standard_normal((5, 7)),
        np.column_stack([np.arange(-2.0, 3.0), np.ones(5)]),
        np.array([[2.0, 2.0], [3.0, 3.0], [1.0, 0.0]]),
        np.array([[1.0, 0.0], [-2.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0], [0.5, -1.0]]),
        np.random.default_rng(3).integers(-1, 2, (7, 3)).astype(float),
        np.outer([1.0, -2.0, 3.0, 0.5], [1.0, 2.0, -1.0]),
    ],
    ids=["plane", "space", "wide", "line and bias", "collinear", "zero and opposite", "ties", "rank one"],
)
def test_enumeration_finds_exactly_the_patterns_with_an_interior(X):
    expected = {p for p in product((0, 1), repeat=len(X)) if has_interior(X, p)}
    assert as_set(enumerate_patterns(X)) == expected


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 9), d=st.integers(1, 4), seed=st.integers(0, 10**6))
def test_generic_rows_have_covers_number_of_patterns(n, d, seed):
    X = np.random.default_rng(seed).standard_normal((n, d))
    patterns = enumerate_patterns(X)
    assert patterns.shape == (n, count_arrangements(X))
    assert len(as_set(patterns)) == patterns.shape[1]
    assert as_set(sample_patterns(X, 1, np.random.default_rng(seed))) <= as_set(patterns)


def test_count_ignores_zero_and_parallel_rows():
    X = np.random.default_rng(4).standard_normal((5, 3))
    repeated = np.vstack([X, 2 * X[:2], -X[2:4], np.zeros((2, 3))])
    assert count_arrangements(repeated) == count_arrangements(X) == 2 * (1 + 4 + 6)
    assert count_arrangements(np.zeros((3, 2))) == 1


def test_patterns_of_a_plane_are_those_of_a_dense_sweep():
    X = np.random.default_rng(5).standard_normal((12, 2))
    angles = np.linspace(0, 2 * np.pi, 200_001)
    sweep = X @ np.array([np.cos(angles), np.sin(angles)]) >= 0
    assert as_set(enumerate_patterns(X)) == as_set(np.unique(sweep, axis=1))


@pytest.mark.parametrize("shift", [1e3, 1e6, 1e9])
def test_a_shift_of_the_features_beside_a_column_of_ones_changes_nothing(shift):
    rng = np.random.default_rng(12)
    scattered, grid = rng.standard_normal((15, 2)), np.array(list(product(range(4), repeat=2)), dtype=float)
    for points in (scattered, grid):
        here, there = np.column_stack([points, np.ones(len(points))]), np.column_stack([points + shift, np.ones(len(points))])
        assert as_set(enumerate_patterns(there)) == as_set(enumerate_patterns(here))
        assert count_arrangements(there) == count_arrangements(here)


@pytest.mark.parametrize("first", [1990.0, 1.6e9, 1e12])
def test_thirty_time_stamps_have_sixty_patterns(first):
    X = np.column_stack([first + np.arange(30), np.ones(30)])
    assert enumerate_patterns(X).shape == (30, 60)
    assert count_arrangements(X) == 60


def test_points_on_a_grid_have_the_dichotomies_of_the_literature():
    # Straight lines cut an n x n grid in 1, 7, 29, 87, 201 ways (OEIS A114043); either side may be the active one.
    for n, ways in ((2, 7), (3, 29), (4, 87), (5, 201)):
        X = np.array([[i, j, 1] for i in range(n) for j in range(n)], dtype=float)
        assert enumerate_patterns(X).shape[1] == 2 * ways


@settings(max_examples=25, deadline=None)
@given(n=st.integers(3, 7), d=st.integers(2, 4), seed=st.integers(0, 10**6))
def test_ties_are_enumerated_like_linear_programs_do(n, d, seed):
    X = np.random.default_rng(seed).integers(-1, 2, (n, d)).astype(float)
    expected = {p for p in product((0, 1), repeat=n) if has_interior(X, p)}
    assert as_set(enumerate_patterns(X)) == expected


def test_scale_of_the_rows_does_not_matter():
    X = np.random.default_rng(6).standard_normal((7, 3))
    scales = 10.0 ** np.random.default_rng(7).uniform(-150, 150, (7, 1))
    assert as_set(enumerate_patterns(X * scales)) == as_set(enumerate_patterns(X))


def test_enumeration_that_would_explode_is_refused_with_its_estimate():
    X = np.random.default_rng(0).standard_normal((200, 20))
    bound = count_arrangements(X)
    with pytest.raises(ValueError, match=re.escape(f"{bound:.3g} activation patterns")):
        enumerate_patterns(X)
    with pytest.raises(ValueError, match="max_patterns=10"):
        enumerate_patterns(X[:20, :3], max_patterns=10)


def test_samples_are_distinct_realised_and_reproducible():
    X = np.random.default_rng(8).standard_normal((40, 4))
    patterns = sample_patterns(X, 100, np.random.default_rng(1))
    assert patterns.shape == (40, 100)
    assert len(as_set(patterns)) == 100
    assert all(has_interior(X, column) for column in patterns.T[:10])
    assert np.array_equal(patterns, sample_patterns(X, 100, np.random.default_rng(1)))
    assert not np.array_equal(patterns, sample_patterns(X, 100, np.random.default_rng(2)))


def test_sampling_can_meet_every_pattern():
    X = np.random.default_rng(9).standard_normal((6, 2))
    every = as_set(enumerate_patterns(X))
    nonzero = {p for p in every if any(p)}
    assert as_set(sample_patterns(X, len(nonzero), np.random.default_rng(0))) == nonzero


@pytest.mark.parametrize("duplicate", [False, True])
def test_more_samples_than_arrangements_are_refused(duplicate):
    X = np.random.default_rng(9).standard_normal((6, 2))
    X = np.vstack([X, X]) if duplicate else X
    with pytest.raises(ValueError, match="exceeds the number of arrangements"):
        sample_patterns(X, 13, np.random.default_rng(0))
    with pytest.raises(ValueError, match="exceeds the number of arrangements"):
        sample_patterns(np.zeros((4, 2)), 2)


def test_pooling_keeps_the_distinct_live_patterns_of_all_networks():
    X = np.random.default_rng(10).standard_normal((15, 3))
    W1 = np.random.default_rng(11).standard_normal((3, 6))
    pooled = pool_patterns(X, [W1, W1[:, :2], -W1[:, 3:]])
    expected = as_set(X @ np.hstack([W1, -W1[:, 3:]]) >= 0)
    assert as_set(pooled) == expected
    dead = np.column_stack([np.ones(15), X[:, 1]])
    assert as_set(pool_patterns(dead, [np.array([[-9.0], [0.0]])])) == {(1,) * 15}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: enumerate_patterns([[1.0, np.nan]]), "X must be finite"),
        (lambda: enumerate_patterns(np.zeros((0, 2))), "X must not be empty"),
        (lambda: enumerate_patterns([1.0, 2.0]), "X must be 2-dimensional"),
        (lambda: enumerate_patterns([["a"]]), "X must hold real numbers"),
        (lambda: sample_patterns(np.eye(3), 0), "n_patterns must be a whole number"),
        (lambda: sample_patterns(np.eye(3), 2.5), "n_patterns must be a whole number"),
        (lambda: sample_patterns(np.eye(3), 2, "7"), "rng must be a numpy"),
        (lambda: sample_patterns(np.eye(3), 2, -7), "rng must be a numpy"),
        (lambda: sample_patterns(np.eye(60), 10**9), "would need about"),
        (lambda: pool_patterns(np.eye(3), []), "at least one network"),
        (lambda: pool_patterns(np.eye(3), [np.ones((2, 2))]), "must have 3 rows"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
