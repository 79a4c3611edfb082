"""Facility location against exhaustive search, the plain greedy and a textbook re-implementation."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.coresets import facility_location


def value(similarity: np.ndarray, chosen) -> float:
    return float(similarity[:, list(chosen)].max(axis=1).astype(np.float64).sum())


def points(seed: int, n: int, dtype=np.float64) -> np.ndarray:
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


def test_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match="strategy"):
        facility_location(np.eye(3), 1, strategy="fast")  # type: ignore[arg-type]
