"""QUANT's recurrence against Algorithm 1 written down, and its laws against long runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optathlon.baselines.quantized_training import (
    cone_coordinates,
    example_start,
    optimum,
    project_binary,
    project_ternary,
    quant_recurrence,
    sufficient_condition,
    time_shares,
    wrong_sign_shares,
)

UNIT = 2 * math.sqrt(2 * math.pi)  # the step size for which y moves by w* - w / |w|


def teachers(n_runs, n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_runs, n)), rng.standard_normal((n_runs, n))


@pytest.mark.parametrize("weights", ["binary", "ternary"])
def test_it_is_the_algorithm(weights):
    project = project_binary if weights == "binary" else project_ternary
    rng = np.random.default_rng(0)
    for n in (1, 2, 8, 13):
        w_star, y = rng.standard_normal(n), rng.standard_normal(n)
        rates, norm, T = rng.uniform(0.1, 1, 60), 1.7, 60
        found = quant_recurrence(w_star, y, weights=weights, n_steps=T, eta=rates, v_norm=norm, n_recorded=T)
        teacher, best = w_star / np.linalg.norm(w_star), project(w_star)
        path = []
        for eta in rates:
            w = project(y)
            y = y - eta * norm**2 / UNIT * (w / np.linalg.norm(w) - teacher)
            path.append(np.sign(project(y)))
        path = np.array(path)
        np.testing.assert_allclose(found.auxiliary[0], y, atol=1e-11)
        assert np.array_equal(found.signs[0], path)
        assert found.optimum_share[0] == pytest.approx((path == np.sign(best)).all(axis=1).mean())
        np.testing.assert_allclose(found.wrong_sign_shares[0], (path * np.sign(w_star) < 0).mean(axis=0))
        order = np.argsort(-np.abs(w_star))
        for j in range(n):
            z = np.zeros(n)
            z[order[: j + 1]] = np.sign(w_star[order[: j + 1]])
            assert found.cone_shares[0, j] == pytest.approx((path == z).all(axis=1).mean())
        assert np.array_equal(found.changed[0], (path != path[:1]).any(axis=0))
        leading = np.cumsum(np.eye(n)[order], axis=0) * np.sign(w_star)
        outside = ~(path[:, None] == leading).all(axis=2).any(axis=1)
        assert found.last_outside[0] == (np.flatnonzero(outside)[-1] + 1 if outside.any() else 0)


@pytest.mark.parametrize("n", [2, 4, 8, 16])
def test_time_shares_of_ternary_weights(n):
    w_star, start = teachers(60, n, seed=n)
    law, naive = time_shares(w_star), cone_coordinates(w_star)
    naive = naive / naive.sum(axis=1, keepdims=True)
    short = quant_recurrence(w_star, start, weights="ternary", n_steps=20_000, eta=UNIT)
    long = quant_recurrence(w_star, start, weights="ternary", n_steps=200_000, eta=UNIT)
    assert np.abs(short.cone_shares - law).max() <= 3e-3
    assert np.abs(long.cone_shares - law).max() <= 2e-4
    if n > 2:
        assert np.abs(long.cone_shares - naive).max() >= 0.04
    assert (short.last_change > 19_000).all()


@pytest.mark.parametrize("n", [2, 4, 8, 16])
def test_wrong_signs_of_binary_weights(n):
    w_star, start = teachers(100, n, seed=n)
    found = quant_recurrence(w_star, start, weights="binary", n_steps=20_000, eta=UNIT)
    assert np.abs(found.wrong_sign_shares - wrong_sign_shares(w_star)).max() <= 3e-3
    assert (found.last_change > 19_000).all()


def test_the_law_is_the_nearest_point_of_the_hull():
    """Optimality of a projection: <w* - p, z - p> <= 0 for every vertex z."""
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 8, 30):
        w_star = np.abs(rng.standard_normal((40, n)))
        w_star[::3] = np.round(2 * w_star[::3]) + 0.0 * w_star[::3]  # ties and zeros
        w_star[~w_star.any(axis=1), 0] = 1.0
        shares = time_shares(w_star)
        assert shares.min() >= 0
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-12)
        unit = -np.sort(-w_star / np.linalg.norm(w_star, axis=1, keepdims=True), axis=1)
        Z = np.tril(np.ones((n, n))) / np.sqrt(np.arange(1, n + 1))[:, None]
        point = shares @ Z
        slack = (unit - point) @ Z.T - ((unit - point) * point).sum(axis=1, keepdims=True)
        assert slack.max() <= 1e-10
        np.testing.assert_allclose(cone_coordinates(w_star) @ Z, unit, atol=1e-12)


@pytest.mark.parametrize("weights", ["binary", "ternary"])
def test_theorems_promise_is_kept(weights):
    w_star, start = teachers(300, 8, seed=3)
    holds = sufficient_condition(w_star, weights)
    found = quant_recurrence(w_star, start, weights=weights, n_steps=20_000, eta=UNIT)
    assert 0 < holds.sum() < 300
    assert found.optimum_share[holds].min() > 0.0
    assert found.optimum_share[~holds].min() > 0.0  # sufficient, not necessary
    if weights == "binary":
        missing = np.maximum(1 - math.sqrt(8) * np.abs(w_star) / np.linalg.norm(w_star, axis=1, keepdims=True), 0).sum(axis=1)
        assert np.array_equal(holds, missing < 2)
        assert (found.optimum_share >= 1 - missing / 2 - 3e-3).all()


def test_quantised_teachers_are_kept():
    for weights, w_star in (("binary", [1.0, -1, 1]), ("ternary", [2.0, 0, -2])):
        found = quant_recurrence(w_star, w_star, weights=weights, n_steps=100)
        assert found.optimum_share[0] == 1.0
        assert found.last_change[0] == 0
        assert not sufficient_condition(w_star, weights)[0]  # the theorems' sum is zero there


def test_example_4_1():
    w_star, start, eta = example_start(200, rng=0)
    found = quant_recurrence(np.tile(w_star, (200, 1)), start, weights="binary", n_steps=3000, eta=eta, n_recorded=3000)
    assert not found.optimum_share.any()
    assert np.array_equal(found.signs[:, 3:], found.signs[:, :-3])
    for run in found.signs:  # period 3 exactly: each of the three patterns
        assert len({tuple(w) for w in run[:3].tolist()}) == 3
    away = np.random.default_rng(0).standard_normal((200, 4))
    free = quant_recurrence(np.tile(w_star, (200, 1)), away, weights="binary", n_steps=3000, eta=eta)
    assert 0.6 < (free.optimum_share > 0).mean() < 1


def test_optimum_is_the_best_angle():
    from itertools import product

    rng = np.random.default_rng(0)
    for weights, levels in (("binary", (-1, 1)), ("ternary", (-1, 0, 1))):
        w_star = rng.standard_normal(6)
        best = max(w_star @ np.array(z) / np.linalg.norm(z) for z in product(levels, repeat=6) if any(z))
        assert w_star @ optimum(w_star, weights)[0] == pytest.approx(best)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"w_star": [0.0, 0.0]}, "direction"),
        ({"w_star": [np.nan, 1.0]}, "finite"),
        ({"start": [1.0, 2.0, 3.0]}, "start"),
        ({"weights": "quaternary"}, "weights"),
        ({"n_steps": 0}, "n_steps"),
        ({"n_recorded": 11}, "n_recorded"),
        ({"eta": 0.0}, "eta"),
        ({"eta": [0.1, 0.2]}, "eta"),
        ({"v_norm": -1.0}, "v_norm"),
        ({"eta": np.nan}, "eta"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(change, says):
    arguments = {"w_star": [1.0, 2.0], "start": [1.0, 1.0], "weights": "binary", "n_steps": 10, **change}
    w_star, start = arguments.pop("w_star"), arguments.pop("start")
    with pytest.raises(ValueError, match=says):
        quant_recurrence(w_star, start, **arguments)


def test_inputs_are_unchanged():
    w_star, start = teachers(3, 4)
    kept = w_star.copy(), start.copy()
    quant_recurrence(w_star, start, weights="ternary", n_steps=50)
    assert np.array_equal(w_star, kept[0])
    assert np.array_equal(start, kept[1])


@pytest.mark.parametrize("change", [{"start": [1e308, -1e308]}, {"eta": 1e308}, {"v_norm": 1e300}])
def test_steps_beyond_the_numbers_are_refused(change):
    settings = {"start": [0.1, -0.2], "weights": "ternary", "n_steps": 100}
    with pytest.raises(ValueError, match="must be at most 1e\\+300"):
        quant_recurrence([1.0, 0.3], **{**settings, **change})


def test_lemma_4_12_and_4_11():
    """Ternary weights end among the z_j, and y in the cone of the teacher; not in its direction."""
    w_star, start = teachers(100, 8, seed=5)
    found = quant_recurrence(w_star, start, weights="ternary", n_steps=100_000, eta=UNIT)
    assert found.last_outside.max() <= 50_000
    order = np.argsort(-np.abs(w_star), axis=1)
    y = np.take_along_axis(found.auxiliary * np.sign(w_star), order, axis=1)
    assert (np.diff(y, axis=1) <= 0).all()
    assert (y >= 0).all()
    cosine = (found.auxiliary * w_star).sum(axis=1) / np.linalg.norm(found.auxiliary, axis=1) / np.linalg.norm(w_star, axis=1)
    assert cosine.min() < 0.95
