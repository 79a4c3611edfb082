"""The geometric condition: four statements, exact counts, its probability."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optathlon.baselines.slow_to_fast import (
    STATEMENTS,
    condition_probability,
    count_sign_patterns,
    geometric_condition,
    projected_condition_share,
    train_on_plane,
)


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_statements_agree(d):
    rng = np.random.default_rng(d)
    seen = set()
    for _ in range(60):
        W = rng.standard_normal((int(rng.integers(1, 3 * d + 2)), d)) * np.exp(3 * rng.standard_normal())
        answers = {geometric_condition(W, statement=statement) for statement in STATEMENTS}
        assert len(answers) == 1
        seen |= answers
    assert seen == {True, False}


def test_the_plane_by_its_gaps():
    rng = np.random.default_rng(0)
    for _ in range(100):
        W = rng.standard_normal((int(rng.integers(3, 8)), 2))
        angles = np.sort(np.arctan2(W[:, 1], W[:, 0]))
        surrounds = np.diff(np.r_[angles, angles[0] + 2 * np.pi]).max() < np.pi
        assert geometric_condition(W) == surrounds
        start = np.concatenate([W, W])
        assert (train_on_plane(start, max_steps=0).condition_step[0] == 0) == surrounds


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize(
    ("W", "holds"),
    [
        ([[1, 0], [-1, 0], [0, 1]], False),  # on the edge of a closed half plane
        ([[1, 0], [-1, 0], [0, 1], [0, -1]], True),
        ([[1, 0], [-1, 0], [2, 0]], False),  # a line has no inside
        ([[1, 0, 0], [-1, 1, 0], [-1, -1, 0], [1, 1, 0]], False),  # nor has a plane in space
        ([[1, 0], [-1, 1], [-1, -1]], True),
        ([[1e-300, 0], [-1e300, 1e300], [-1, -1]], True),  # directions alone matter
        ([[1, 2]], False),
        ([[1, 0], [1, 0], [1, 0]], False),
    ],
)
def test_edges(W, holds, statement):
    assert geometric_condition(np.array(W, float), statement=statement) is holds


@pytest.mark.parametrize(("d", "k", "count"), [(2, 5, 22), (3, 6, 32), (4, 7, 44), (2, 3, 2), (3, 3, 0)])
def test_counts_are_exact_integers(d, k, count):
    W = np.random.default_rng(k).standard_normal((k, d))
    assert count_sign_patterns(W) == count == 2 * sum(math.comb(k - 1, j) for j in range(d, k))
    assert condition_probability(k, d) == count / 2**k


@pytest.mark.parametrize(("k", "d"), [(3, 2), (4, 2), (6, 2), (8, 2), (6, 3)])
def test_probability_by_simulation(k, d):
    rng = np.random.default_rng(k)
    hits = np.mean([geometric_condition(rng.standard_normal((k, d))) for _ in range(400)])
    p = condition_probability(k, d)
    assert abs(hits - p) <= 4 * math.sqrt(p * (1 - p) / 400)


def test_projections():
    W = np.random.default_rng(0).standard_normal((60, 20))
    assert projected_condition_share(W, n_projections=20, rng=0) == 1.0
    assert projected_condition_share(np.abs(W), n_projections=20, rng=0) < 1.0
    assert projected_condition_share(W[:3], n_projections=5, rng=0) == 0.0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: geometric_condition([[0.0, 0.0], [1.0, 0.0]]), "direction"),
        (lambda: geometric_condition(np.ones(3)), "axes"),
        (lambda: geometric_condition(np.empty((0, 2))), "axes"),
        (lambda: geometric_condition([[np.inf, 1.0]]), "finite"),
        (lambda: geometric_condition(np.ones((3, 2)), statement="cone"), "statement"),
        (lambda: condition_probability(0, 2), "k"),
        (lambda: condition_probability(3, 0), "d"),
        (lambda: count_sign_patterns(np.ones((17, 2))), "16"),
        (lambda: projected_condition_share(np.ones((3, 2))), "dimension"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, says):
    with pytest.raises(ValueError, match=says):
        call()
