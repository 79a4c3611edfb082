"""Tabu search against enumeration, a walk in plain numpy, and the door."""

import itertools

import numpy as np
import pytest

from optathlon.baselines.binary_regression import flip_descent, tabu_search
from optathlon.baselines.binary_regression._tabu import walk


def instance(n, m, sigma, seed):
    rng = np.random.default_rng(seed)
    X, w = rng.standard_normal((m, n)) / np.sqrt(n), rng.choice([-1.0, 1.0], n)
    return X, X @ w + sigma * rng.standard_normal(m)


@pytest.mark.parametrize("seed", range(20))
def test_the_global_optimum_is_found_where_all_signs_can_be_listed(seed):
    X, y = instance(11, 8, 2.0, seed)  # fewer samples than weights, and more noise than signal
    every = np.array(list(itertools.product((-1.0, 1.0), repeat=11)))
    least = ((every @ X.T - y) ** 2).sum(axis=1).min()
    result = tabu_search(X, y, start=np.ones(11), rng=seed)
    assert result.objective == pytest.approx(least, rel=1e-12)
    assert result.converged


def test_a_walk_makes_the_moves_of_its_definition():
    X, y = instance(15, 10, 1.5, 3)
    gram, moments = X.T @ X, X.T @ y
    signs = np.random.default_rng(0).choice([-1.0, 1.0], 15)
    tenure, patience = 4, 25

    w, free, best, least, since, clock = signs.copy(), np.zeros(15), signs.copy(), np.sum((X @ signs - y) ** 2), 0, 0
    while since < patience:
        after = []
        for i in range(15):
            flipped = w.copy()
            flipped[i] *= -1
            value = np.sum((X @ flipped - y) ** 2)
            after.append(value if clock >= free[i] or value < least - 1e-9 else np.inf)
        i = int(np.argmin(after))
        w[i] *= -1
        free[i] = clock + tenure
        clock += 1
        since += 1
        if after[i] < least - 1e-9:
            best, least, since = w.copy(), after[i], 0

    slope, banned, current = gram @ signs - moments, np.zeros(15, np.int64), signs.copy()
    found, fall, moves = walk(gram, current, slope, banned, 0, tenure, patience, 1e-9)
    np.testing.assert_array_equal(current, w)
    np.testing.assert_array_equal(found, best)
    assert moves == clock
    assert fall == pytest.approx(least - np.sum((X @ signs - y) ** 2), abs=1e-9)
    np.testing.assert_allclose(slope, gram @ w - moments, atol=1e-9)


def test_it_never_ends_above_a_local_optimum_and_says_what_it_saw():
    X, y = instance(120, 90, 1.5, 5)
    before, start, seen = (X.copy(), y.copy()), np.ones(120), []
    plain = flip_descent(X, y, start)
    result = tabu_search(X, y, start=start, n_rounds=4, rng=1, callback=lambda step, w: seen.append((step, w)))
    assert result.objective < plain.objective
    assert flip_descent(X, y, result.w).n_flips == 0
    assert result.objective == pytest.approx(np.sum((X @ result.w - y) ** 2))
    objectives = [np.sum((X @ w - y) ** 2) for _, w in seen]
    assert [step for step, _ in seen] == [1, 2, 3, 4]
    assert objectives == sorted(objectives, reverse=True)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
    np.testing.assert_array_equal(tabu_search(X, y, start=start, n_rounds=4, rng=1).w, result.w)


def test_units_do_not_count_and_nothing_fails_on_degenerate_data():
    X, y = instance(20, 30, 1.0, 2)
    np.testing.assert_array_equal(tabu_search(1e20 * X, 1e20 * y, rng=0).w, tabu_search(X, y, rng=0).w)
    assert tabu_search(np.zeros((3, 4)), np.zeros(3), rng=0).objective == 0
    assert tabu_search(np.ones((1, 1)), [-2.0], rng=0).w == [-1.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_rounds": 0}, "n_rounds must be an integer of at least 1, got 0"),
        ({"patience": 1.5}, "patience must be an integer"),
        ({"tenure": True}, "tenure must be an integer"),
        ({"start": [1.0]}, "w must hold finite numbers in shape"),
        ({"rng": "no"}, "rng must be a numpy.random.Generator"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tabu_search(np.eye(3), np.ones(3), **options)


@pytest.mark.parametrize("size", [0.0, 1e-14, 1e-8, 1e-4])
def test_it_ends_where_the_targets_are_small_beside_the_features(size):
    """What rounding gave was taken for progress, again and again, without end."""
    rng = np.random.default_rng(4321)
    X = rng.standard_normal((1, 8))
    y = size * X[:, 0]
    every = np.array(list(itertools.product((-1.0, 1.0), repeat=8)))
    result = tabu_search(X, y, rng=0)
    assert result.objective == pytest.approx(((every @ X.T - y) ** 2).sum(axis=1).min(), rel=1e-6)
    descent = flip_descent(X, y, np.ones(8))
    assert descent.converged
    assert descent.n_flips < 20
