"""The rivals of the paper's selectors: against brute force, their definitions and the laws they promise."""

from __future__ import annotations

from functools import partial
from itertools import combinations

import numpy as np
import pytest

from optathlon.baselines.coresets import (
    ForgettingEvents,
    craig,
    el2n,
    facility_location,
    factored_gradients,
    grand,
    hardest,
    herding,
    importance_sampling,
    k_centre,
    matching_error,
    moderate,
    per_class,
    random_subset,
    repeated_subsets,
)


def classifier(seed, n=60, classes=4, width=6):
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    features = rng.normal(size=(n, width)) + np.eye(classes, width)[labels]
    return factored_gradients(features @ rng.normal(size=(width, classes)), labels, features), labels


def explicit(pair):
    return np.einsum("ic,id->icd", pair.residuals, pair.features).reshape(pair.n, -1)


@pytest.mark.parametrize("select", [herding, k_centre, moderate, partial(importance_sampling, rng=0)])
def test_both_forms_choose_the_same_and_weights_stand_for_everybody(select):
    pair = classifier(0)[0]
    for k in (1, 7, 60):
        found = select(pair, k)
        assert 1 <= len(found) <= k
        if select is not moderate:  # which looks at the second factor
            other = select(explicit(pair), k)
            np.testing.assert_array_equal(found.indices, other.indices)
            np.testing.assert_allclose(found.weights, other.weights)
    assert found.weights.sum() == pytest.approx(60, rel=0.3)
    for k in (0, 61):
        with pytest.raises(ValueError, match="k must be between 1 and the number of points, 60"):
            select(pair, k)


def test_herding_follows_the_mean_at_the_rate_one_over_k():
    rows = np.random.default_rng(0).standard_normal((2000, 5))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for k in (1, 10, 100, 500):
        chosen = herding(rows, k)
        assert np.linalg.norm(rows[chosen.indices].mean(axis=0) - rows.mean(axis=0)) <= 2.5 / k
    step = herding(rows, 3).indices
    scores = rows @ (3 * rows.mean(axis=0) - rows[step[:2]].sum(axis=0))
    scores[step[:2]] = -np.inf
    assert step[2] == scores.argmax()


@pytest.mark.parametrize("seed", range(5))
def test_k_centre_has_at_most_twice_the_best_radius(seed):
    rows = np.random.default_rng(seed).standard_normal((14, 2))
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    for k in (1, 2, 4):
        best = min(distances[:, list(chosen)].min(axis=1).max() for chosen in combinations(range(14), k))
        found = k_centre(rows, k)
        assert distances[:, found.indices].min(axis=1).max() <= 2 * best + 1e-12
        nearest = distances[:, found.indices].argmin(axis=1)
        np.testing.assert_array_equal(found.weights, np.bincount(nearest, minlength=k))


def test_k_centre_takes_every_point_once_even_among_copies():
    found = k_centre(np.ones((9, 2)), 5)
    assert len(set(found.indices.tolist())) == 5
    assert found.weights.sum() == 9


def test_moderate_takes_the_middle_of_the_distances():
    angles = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    rows = np.concatenate([r * np.stack([np.cos(angles), np.sin(angles)], axis=1) for r in (1.0, 2.0, 3.0)])
    assert sorted(moderate(rows, 30).indices.tolist()) == list(range(30, 60))
    pair, labels = classifier(1)
    balanced = per_class(moderate, pair, 20, labels=labels)
    assert set(labels[balanced.indices]) == set(labels.tolist())


def test_importance_sampling_is_unbiased_and_beats_uniform_draws():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((300, 4)) * rng.pareto(1.5, (300, 1))
    drawn = [importance_sampling(rows, 20, rng=rng) for _ in range(4000)]
    sums = np.array([one.weights @ rows[one.indices] for one in drawn])
    error = sums.std(axis=0) / np.sqrt(len(sums))
    assert (np.abs(sums.mean(axis=0) - rows.sum(axis=0)) < 4.5 * error).all()
    uniform = [random_subset(300, 20, rng=rng) for _ in range(500)]
    plain = np.mean([matching_error(rows, one) ** 2 for one in uniform])
    assert np.mean([matching_error(rows, one) ** 2 for one in drawn[:500]]) < 0.5 * plain
    assert max(one.weights.max() for one in drawn) <= 20 * 300 / (0.1 * 20)
    assert importance_sampling(np.zeros((5, 2)), 3, rng=0).weights.sum() > 0
    with pytest.raises(ValueError, match=r"uniform must be a number from 0 to 1, got 1\.5"):
        importance_sampling(rows, 5, uniform=1.5)


def test_difficulties_are_lengths_and_the_hardest_come_first():
    pair = classifier(2)[0]
    np.testing.assert_allclose(el2n(pair), np.linalg.norm(pair.residuals, axis=1))
    np.testing.assert_allclose(grand(pair), np.linalg.norm(explicit(pair), axis=1))
    scores = np.array([1.0, 3.0, 2.0, 3.0, np.inf])
    np.testing.assert_array_equal(hardest(scores, 3).indices, [4, 1, 3])
    np.testing.assert_array_equal(hardest(scores, 3).weights, 5 / 3)
    with pytest.raises(ValueError, match="scores must be finite, got NaN"):
        hardest(np.array([1.0, np.nan]), 1)


def test_forgetting_counts_falls():
    counter = ForgettingEvents(4)
    for right in ([0, 1, 1, 0], [1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 1, 0]):
        counter.look(np.array(right, bool))
    np.testing.assert_array_equal(counter.scores, [1, 2, 0, np.inf])
    with pytest.raises(ValueError, match=r"right must be 4 booleans, got int64 of shape \(3,\)"):
        counter.look(np.zeros(3, np.int64))


@pytest.mark.parametrize(("n", "k"), [(10, 3), (12, 4), (5, 5), (7, 1), (9, 8)])
def test_repeated_subsets_show_everything_once_a_round(n, k):
    subsets = repeated_subsets(n, k, rng=0)
    seen = np.concatenate([next(subsets).indices for _ in range(6 * n)])
    for start in range(0, len(seen) - n, n):
        assert sorted(seen[start : start + n].tolist()) == list(range(n))
    for start in range(0, len(seen), k):
        assert len(set(seen[start : start + k].tolist())) == k
    assert not np.array_equal(next(repeated_subsets(50, 20)).indices, next(repeated_subsets(50, 20)).indices)


def test_stochastic_greedy_comes_near_greedy_with_fewer_gains():
    rows = np.random.default_rng(0).standard_normal((400, 3))
    similarity = -np.linalg.norm(rows[:, None] - rows[None], axis=2)

    def value(coreset):
        return (similarity[:, coreset.indices].max(axis=1) - similarity.min()).sum()

    greedy = value(facility_location(similarity, 20))
    stochastic = [facility_location(similarity, 20, strategy="stochastic", rng=seed) for seed in range(10)]
    assert np.mean([value(one) for one in stochastic]) >= 0.97 * greedy
    assert all(len(set(one.indices.tolist())) == 20 for one in stochastic)
    everything = facility_location(similarity, 400, strategy="stochastic", rng=0)
    assert sorted(everything.indices.tolist()) == list(range(400))
    assert craig(rows, 5, strategy="stochastic", rng=1).weights.sum() == 400


def test_the_theorem_of_craig_on_a_strongly_convex_loss():
    """Ridge regression: the coreset's minimiser is within error / mu of the full one (CRAIG's theorem 1, at the limit).

    The error is the coreset's gradient less the whole one at the coreset's minimiser; mu the curvature of the whole loss.
    """
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 4))
    y = X @ rng.standard_normal(4) + 0.3 * rng.standard_normal(200)
    penalty = 0.1

    def minimiser(weights):
        return np.linalg.solve((X * weights[:, None]).T @ X + penalty * weights.sum() * np.eye(4), (X * weights[:, None]).T @ y)

    best, mu = minimiser(np.ones(200)), np.linalg.eigvalsh(X.T @ X)[0] + 200 * penalty
    at_zero = -y[:, None] * X
    distances = []
    for select in (craig, lambda gradients, k: random_subset(gradients.shape[0], k, rng=1)):
        coreset = select(at_zero, 40)
        weights = np.zeros(200)
        weights[coreset.indices] = coreset.weights
        mine = minimiser(weights)
        gradients = (X @ mine - y)[:, None] * X + penalty * mine
        error = np.linalg.norm(weights @ gradients - gradients.sum(axis=0))
        distances.append(np.linalg.norm(mine - best))
        assert distances[-1] <= error / mu * (1 + 1e-9)
    assert distances[0] > 0
