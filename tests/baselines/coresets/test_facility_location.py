"""Facility location against exhaustive search, the plain greedy and a textbook re-implementation."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from optathlon.baselines.coresets import facility_location


def value(similarity: np.ndarray, chosen) -> float:
    return float(similarity[:, list(chosen)].max(axis=1).astype(np.float64).sum())


def points(seed: int, n: int, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Similarities of random points: largest distance minus distance."""
    x = np.random.default_rng(seed).normal(size=(n, 3))
    distance = np.linalg.norm(x[:, None] - x, axis=2)
    return (distance.max() - distance).astype(dtype)


def textbook_greedy(similarity: np.ndarray, k: int) -> list[int]:
    chosen: list[int] = []
    for _ in range(k):
        others = [j for j in range(len(similarity)) if j not in chosen]
        chosen.append(max(others, key=lambda j: value(similarity, [*chosen, j])))
    return chosen


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 60), share=st.floats(0, 1), single=st.booleans(), skew=st.booleans())
def test_strategies_reach_the_greedy_value(seed, n, share, single, skew):
    similarity = points(seed, n, np.float32 if single else np.float64)
    if skew:
        similarity = similarity * np.random.default_rng(seed).random((n, n)).astype(similarity.dtype) - 1
    k = 1 + int(share * (n - 1))
    expected = value(similarity, textbook_greedy(similarity, k))
    for strategy in ("lazy", "batched", "naive"):
        coreset = facility_location(similarity, k, strategy=strategy)
        assert len(coreset) == k
        assert value(similarity, coreset.indices) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def tied(name: str, rng: np.random.Generator) -> np.ndarray:
    """Similarities where many gains are equal, exactly or but for rounding."""
    if name == "integers":
        return rng.integers(-5, 5, size=(60, 60)).astype(np.float64)
    if name == "binary":
        return (rng.random((60, 60)) < 0.2).astype(np.float64)
    angles = np.arange(40) * np.pi / 20
    x = {
        "line": np.arange(37.0)[:, None],
        "grid": rng.permutation(np.stack(np.meshgrid(np.arange(7.0), np.arange(7.0)), axis=-1).reshape(-1, 2)),
        "circle": np.stack([np.cos(angles), np.sin(angles)], axis=1),
        "copies": np.repeat(rng.normal(size=(20, 3)), 3, axis=0),
        "few": rng.normal(size=(9, 2)),
    }[name]
    return -np.linalg.norm(x[:, None] - x, axis=2)


@pytest.mark.parametrize("name", ["integers", "binary", "line", "grid", "circle", "copies", "few"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_strategies_choose_the_same_points_where_gains_tie(name, dtype):
    for seed in (0, 1, 37):
        similarity = tied(name, np.random.default_rng(seed)).astype(dtype)
        for k in (4, len(similarity) // 3, len(similarity)):
            lazy, batched, naive = (facility_location(similarity, k, strategy=s) for s in ("lazy", "batched", "naive"))
            np.testing.assert_array_equal(lazy.indices, naive.indices)
            np.testing.assert_array_equal(batched.indices, naive.indices)
            if name in ("integers", "binary", "line"):  # sums without rounding: the first of equals is the textbook's too
                np.testing.assert_array_equal(naive.indices, textbook_greedy(similarity, k))


@pytest.mark.parametrize("strategy", ["lazy", "batched", "naive"])
def test_similarities_whose_sums_overflow(strategy):
    small = np.random.default_rng(0).choice([-0.99, 0.1, 0.2, 0.99], size=(12, 12))
    for dtype in (np.float32, np.float64):
        large = small.astype(dtype) * np.ldexp(dtype(1), np.finfo(dtype).maxexp - 1)
        expected = facility_location(small.astype(dtype), 7, strategy="naive")
        np.testing.assert_array_equal(facility_location(large, 7, strategy=strategy).indices, expected.indices)


@pytest.mark.parametrize("strategy", ["lazy", "batched", "naive"])
def test_a_thousand_points_in_all_strategies(strategy):
    similarity = points(3, 1000, np.float32)
    assert value(similarity, facility_location(similarity, 100, strategy=strategy).indices) == pytest.approx(
        value(similarity, facility_location(similarity.astype(np.float64), 100).indices), rel=1e-6
    )


@pytest.mark.parametrize("seed", range(30))
def test_guarantee_against_exhaustive_search(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(4, 13)), int(rng.integers(1, 5))
    similarity = points(seed, n) if seed % 2 else rng.random((n, n))
    best = max(value(similarity, chosen) for chosen in combinations(range(n), k))
    assert value(similarity, facility_location(similarity, k).indices) >= (1 - 1 / np.e) * best


def test_weights_count_the_points_served_best():
    similarity = points(4, 50)
    coreset = facility_location(similarity, 7)
    served = similarity[:, coreset.indices].argmax(axis=1)
    np.testing.assert_array_equal(coreset.weights, [(served == place).sum() for place in range(7)])
    assert coreset.weights.sum() == 50


def test_orientation_rows_are_served_by_columns():
    similarity = np.zeros((4, 4))
    similarity[:, 2] = 1.0  # point 2 serves everybody, and nobody serves point 2 better
    assert facility_location(similarity, 1).indices.tolist() == [2]
    assert facility_location(np.asfortranarray(similarity), 1).indices.tolist() == [2]


def test_similarities_of_any_sign():
    similarity = points(5, 30)
    shifted = similarity - similarity.max() - 3
    np.testing.assert_array_equal(facility_location(similarity, 6).indices, facility_location(shifted, 6).indices)


def test_ties_and_exhausted_gains_still_give_distinct_points():
    for strategy in ("lazy", "batched", "naive"):
        for similarity in (np.zeros((40, 40)), np.ones((40, 40), np.float32), np.eye(40)):
            assert len(np.unique(facility_location(similarity, 40, strategy=strategy).indices)) == 40


def test_input_stays_and_result_repeats():
    similarity = points(6, 80)
    copy = similarity.copy()
    first, second = facility_location(similarity, 9), facility_location(similarity, 9)
    np.testing.assert_array_equal(similarity, copy)
    np.testing.assert_array_equal(first.indices, second.indices)


@pytest.mark.parametrize(
    ("similarity", "k", "message"),
    [
        (np.ones((3, 3)), 4, "between 1 and the number of points, 3"),
        (np.ones((3, 3)), 0, "between 1"),
        (np.ones((3, 3)), -1, "between 1"),
        (np.ones((3, 3)), 1.0, "integer"),
        (np.ones((3, 4)), 1, "square"),
        (np.ones(3), 1, "2 dimension"),
        (np.full((3, 3), np.nan), 1, "finite"),
        (np.empty((0, 0)), 1, "non-empty"),
    ],
)
def test_bad_input_is_refused(similarity, k, message):
    with pytest.raises(ValueError, match=message):
        facility_location(similarity, k)


@pytest.mark.parametrize("strategy", ["fast", [], None, {"lazy"}])
def test_unknown_strategy_is_refused(strategy):
    with pytest.raises(ValueError, match="strategy must be 'lazy', 'batched', 'naive' or 'stochastic', got"):
        facility_location(np.eye(3), 1, strategy=strategy)
