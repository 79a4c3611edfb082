"""Step matrices against closed forms and against play with the real optimisers."""

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optathlon.baselines.gans import ExtraGradient, NegativeMomentumSGD, OptimisticAdam, OptimisticGradient
from optathlon.baselines.gans.games import QuadraticGame, bilinear_game, play_game, spectral_radius, step_matrix

BILINEAR = bilinear_game()


def radius(method, lr, **settings):
    return spectral_radius(step_matrix(BILINEAR, method, lr, **settings))


def optimizer_for(method, lr, momentum=0.0):
    if method == "optimistic":
        return functools.partial(OptimisticGradient, lr=lr)
    if method == "extragradient":
        return functools.partial(ExtraGradient, lr=lr)
    if method == "gradient" and momentum:
        return functools.partial(NegativeMomentumSGD, lr=lr, momentum=momentum)
    return functools.partial(torch.optim.SGD, lr=lr)


def random_game(seed, n=3, m=2):
    rng = np.random.default_rng(seed)
    left, right = rng.standard_normal((n, n)), rng.standard_normal((m, m))
    return QuadraticGame(left @ left.T / n, rng.standard_normal((n, m)), right @ right.T / m)


@pytest.mark.parametrize(
    ("method", "lr", "settings", "expected"),
    [
        ("optimistic", 0.5, {}, 0.7071068),
        ("consensus", 0.5, {"gamma": 1.0}, 0.7071068),
        ("extragradient", 0.5, {}, 0.9013878),
        ("extragradient", 1.0, {}, 1.0),
        ("gradient", 0.1, {}, 1.0049876),
        ("gradient", 0.7, {"play": "alternating"}, 1.0),
        ("gradient", 0.5, {"play": "alternating", "momentum": -0.5}, 0.9625437),
        ("gradient", 0.5, {"play": "alternating", "momentum": -0.1}, 0.98064),
        ("gradient", 0.1, {"play": "alternating", "momentum": 0.5}, 1.0323),
        ("gradient", 0.1, {"momentum": -0.5}, 1.00074),
        ("gradient", 0.5, {"momentum": -0.9}, 1.00192),
        ("consensus", 0.1, {"gamma": 0.01}, 1.00399),
    ],
)
def test_radius_on_the_bilinear_game(method, lr, settings, expected):
    decimals = 6 if expected == round(expected, 7) and expected != round(expected, 5) else 4
    assert radius(method, lr, **settings) == pytest.approx(expected, abs=10.0**-decimals)


@given(lr=st.floats(0.01, 1.5))
@settings(max_examples=50, deadline=None)
def test_closed_forms_of_the_radius(lr):
    assert radius("gradient", lr) == pytest.approx(np.sqrt(1 + lr**2), abs=1e-9)
    assert radius("extragradient", lr) == pytest.approx(np.sqrt((1 - lr**2) ** 2 + lr**2), abs=1e-9)
    assert radius("consensus", lr, gamma=0.4) == pytest.approx(np.sqrt((1 - 0.4 * lr) ** 2 + lr**2), abs=1e-9)
    assert radius("gradient", lr, play="alternating") == pytest.approx(1.0, abs=1e-6)
    roots = np.roots([1, -(1 - 2j * lr), -1j * lr])  # mu^2 = (1 - 2 i lr) mu + i lr for the eigenvalue i of the field
    assert radius("optimistic", lr) == pytest.approx(np.abs(roots).max(), abs=1e-6)


@given(lr=st.floats(1e-3, 3.0), momentum=st.floats(-0.99, 0.99))
@settings(max_examples=100, deadline=None)
def test_simultaneous_momentum_diverges_whatever_its_sign(lr, momentum):
    assert radius("gradient", lr, momentum=momentum) > 1


def test_thresholds_of_convergence():
    edge = 1 / np.sqrt(3)
    assert radius("optimistic", edge - 1e-3) < 1 < radius("optimistic", edge + 1e-3)
    assert radius("extragradient", 1 - 1e-3) < 1 < radius("extragradient", 1 + 1e-3)
    for gamma in (0.1, 1.0, 2.0):
        edge = 2 * gamma / (1 + gamma**2)
        assert radius("consensus", edge * 0.999, gamma=gamma) < 1 < radius("consensus", edge * 1.001, gamma=gamma)


@pytest.mark.parametrize(
    ("method", "play", "momentum", "gamma"),
    [
        ("gradient", "simultaneous", 0.0, None),
        ("gradient", "alternating", 0.0, None),
        ("gradient", "simultaneous", -0.5, None),
        ("gradient", "alternating", -0.5, None),
        ("gradient", "alternating", 0.3, None),
        ("optimistic", "simultaneous", 0.0, None),
        ("extragradient", "simultaneous", 0.0, None),
        ("consensus", "simultaneous", 0.0, 0.7),
    ],
)
@pytest.mark.parametrize("seed", [None, 0, 1])
def test_optimizers_follow_the_step_matrix(method, play, momentum, gamma, seed):
    game = BILINEAR if seed is None else random_game(seed)
    matrix = step_matrix(game, method, 0.05, momentum=momentum, gamma=gamma or 0.0, play=play)
    played = play_game(game, optimizer_for(method, 0.05, momentum), n_steps=40, play=play, gamma=gamma)
    d = len(game.jacobian)
    # before the first step the momentum sees no movement, and optimism no gradient
    before = np.ones(d) if method == "gradient" else np.zeros(d)
    state = np.concatenate([np.ones(d), before])[: len(matrix)]
    for _ in range(40):
        state = matrix @ state
    np.testing.assert_allclose(played.points[-1], state[:d], atol=1e-12)


@pytest.mark.parametrize(
    ("method", "play", "momentum", "gamma", "expected"),
    [
        ("optimistic", "simultaneous", 0.0, None, 0.7071068),
        ("consensus", "simultaneous", 0.0, 1.0, 0.7071068),
        ("extragradient", "simultaneous", 0.0, None, 0.9013878),
        ("gradient", "alternating", -0.5, None, 0.9625437),
    ],
)
def test_played_rate_is_the_radius(method, play, momentum, gamma, expected):
    points = play_game(BILINEAR, optimizer_for(method, 0.5, momentum), n_steps=80, play=play, gamma=gamma).points
    # three points of a linear recurrence of order two in the complex eigenvalue: fit it and take its root
    n_terms = 1 if method in ("extragradient", "consensus") else 2
    path = points[:, 0] + 1j * points[:, 1]
    if n_terms == 1:
        rate = abs(path[-1] / path[-2])
    else:
        # x alone obeys a real recurrence of order four; its companion roots hold the rate
        x = points[:60, 0]
        columns = np.array([x[i : i + 4] for i in range(len(x) - 4)])
        scale = np.linalg.norm(columns, axis=1, keepdims=True)
        coefficients = np.linalg.lstsq(columns / scale, x[4:] / scale[:, 0], rcond=None)[0]
        rate = np.abs(np.roots([1, *-coefficients[::-1]])).max()
    tolerance = 1e-6 if method != "optimistic" else 1e-4  # a double root: the fit sees it only to the root of rounding
    assert rate == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    ("method", "play", "momentum", "gamma", "lr", "steps"),
    [
        ("optimistic", "simultaneous", 0.0, None, 0.5, 53),
        ("consensus", "simultaneous", 0.0, 1.0, 0.5, 41),
        ("extragradient", "simultaneous", 0.0, None, 0.5, 137),
        ("gradient", "alternating", -0.5, None, 0.5, 370),
    ],
)
def test_steps_to_a_millionth(method, play, momentum, gamma, lr, steps):
    played = play_game(BILINEAR, optimizer_for(method, lr, momentum), n_steps=1000, play=play, gamma=gamma, tol=1e-6)
    assert played.converged
    assert abs(len(played.points) - 1 - steps) <= 1


def test_escaping_play_is_returned_as_diverged():
    played = play_game(BILINEAR, functools.partial(torch.optim.SGD, lr=2.0), n_steps=1000, play="simultaneous")
    assert played.diverged
    assert not played.converged
    assert len(played.points) < 100


def test_optimistic_adam_needs_beta1_zero_on_the_bilinear_game():
    norms = {}
    for beta1 in (0.0, 0.5):
        make = functools.partial(OptimisticAdam, lr=0.05, betas=(beta1, 0.999))
        norms[beta1] = np.linalg.norm(play_game(BILINEAR, make, n_steps=1500, play="simultaneous").points[-1])
    assert norms[0.0] < 0.01 < 1 < norms[0.5]


def test_callback_sees_every_iteration():
    seen = []
    played = play_game(
        BILINEAR,
        optimizer_for("extragradient", 0.1),
        n_steps=5,
        play="simultaneous",
        callback=lambda step, w: seen.append((step, w)),
    )
    assert [step for step, _ in seen] == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(seen[-1][1], played.points[-1])


def test_bad_games_and_settings_are_refused():
    with pytest.raises(ValueError, match="symmetric"):
        QuadraticGame(np.array([[0.0, 1.0], [0.0, 0.0]]), np.eye(2), np.eye(2))
    with pytest.raises(ValueError, match="to match B of"):
        QuadraticGame(np.eye(3), np.eye(2), np.eye(2))
    with pytest.raises(ValueError, match="finite matrix"):
        QuadraticGame(np.array([[np.nan]]), np.eye(1), np.eye(1))
    with pytest.raises(ValueError, match="belong to 'gradient'"):
        step_matrix(BILINEAR, "optimistic", 0.1, momentum=0.5)
    with pytest.raises(ValueError, match="belongs to 'consensus'"):
        step_matrix(BILINEAR, "gradient", 0.1, gamma=0.5)
    with pytest.raises(ValueError, match="play must be one of"):
        step_matrix(BILINEAR, "gradient", 0.1, play="both")
    with pytest.raises(ValueError, match="simultaneous by definition"):
        play_game(BILINEAR, functools.partial(ExtraGradient, lr=0.1), n_steps=1, play="alternating")
    with pytest.raises(ValueError, match="A must hold real numbers"):
        QuadraticGame(np.array([[1j]]), np.eye(1), np.eye(1))
    with pytest.raises(ValueError, match="lr must be a finite number >= 0"):
        step_matrix(BILINEAR, "gradient", "0.1")
    with pytest.raises(ValueError, match="dimension must be an integer >= 1, got True"):
        bilinear_game(True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": [1.0, np.nan]}, "start must be 2 finite numbers"),
        ({"start": "11"}, "start must be an array of real numbers, got str"),
        ({"tol": np.nan}, "tol must be a finite number >= 0, got nan"),
        ({"escape": np.nan}, "escape must be a finite number > 0, got nan"),
        ({"gamma": -1.0}, "gamma must be a finite number >= 0, got -1.0"),
    ],
)
def test_bad_settings_of_a_play_are_refused_though_nobody_moves(settings, message):
    with pytest.raises(ValueError, match=message):
        play_game(BILINEAR, optimizer_for("gradient", 0.1), n_steps=0, play="simultaneous", **settings)


@pytest.mark.parametrize("order", [(ExtraGradient, OptimisticGradient), (OptimisticGradient, ExtraGradient)])
def test_extragradient_of_one_player_alone_is_refused(order):
    classes = iter(order)
    with pytest.raises(ValueError, match=f"for both players or for neither, got {order[0].__name__} and {order[1].__name__}"):
        play_game(BILINEAR, lambda params: next(classes)(params, lr=0.1), n_steps=1, play="simultaneous")


def test_spectral_radius_of_complex_matrices_and_bad_ones():
    assert spectral_radius([[1j]]) == 1.0
    assert spectral_radius([[3 + 4j, 7], [0, 2]]) == pytest.approx(5.0, abs=1e-12)  # triangular: the diagonal
    for matrix in (np.ones((2, 3)), [[np.nan]], np.zeros((0, 0)), 1.0):
        with pytest.raises(ValueError, match="matrix must be a finite square matrix, got shape"):
            spectral_radius(matrix)


def test_numpy_integers_count():
    played = play_game(bilinear_game(np.int64(2)), optimizer_for("gradient", 0.1), n_steps=np.int64(3), play="alternating")
    assert played.points.shape == (4, 4)
