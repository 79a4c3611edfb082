"""Optimism by a window against its definition, exact step matrices, and past extragradient."""

import copy

import numpy as np
import pytest
import torch

from optathlon.baselines.gans import OptimisticGradient, WindowedOptimism, train_gan
from optathlon.baselines.gans.games import QuadraticGame, bilinear_game, play_game, spectral_radius, step_matrix
from optathlon.baselines.gans.windowed_optimism import windowed_step_matrix


def game(seed):
    rng = np.random.default_rng(seed)
    left, right = rng.standard_normal((2, 3, 3))
    return QuadraticGame(left @ left.T, rng.standard_normal((3, 3)), right @ right.T)


@pytest.mark.parametrize("window", [1, 2, 5])
def test_play_follows_the_prediction_by_the_mean_of_a_window(window):
    it, lr = game(0), 0.03
    path = play_game(it, lambda params: WindowedOptimism(params, lr=lr, window=window), n_steps=20, play="simultaneous")
    gradients = [np.zeros(6)] * (window + 1)
    for before, after in zip(path.points[:-1], path.points[1:], strict=True):
        gradients.append(it.jacobian @ before)
        prediction, last = (np.mean(gradients[-window - shift : len(gradients) - shift], axis=0) for shift in (0, 1))
        np.testing.assert_allclose(after, before - lr * (gradients[-1] + prediction - last), atol=1e-12)


def test_a_window_of_one_is_optimistic_gradient_descent():
    plays = [
        play_game(game(1), make, n_steps=30, play="simultaneous").points
        for make in (
            lambda params: WindowedOptimism(params, lr=0.05, window=1),
            lambda params: OptimisticGradient(params, lr=0.05),
        )
    ]
    np.testing.assert_allclose(*plays, rtol=1e-12)
    for lr in (0.1, 0.5):
        one = spectral_radius(windowed_step_matrix(bilinear_game(), lr, 1))
        assert one == pytest.approx(spectral_radius(step_matrix(bilinear_game(), "optimistic", lr)), abs=1e-12)


@pytest.mark.parametrize(("window", "lr"), [(2, 0.3), (5, 0.1), (10, 0.2)])
def test_the_step_matrix_predicts_how_play_goes(window, lr):
    radius = spectral_radius(windowed_step_matrix(bilinear_game(), lr, window))
    points = play_game(
        bilinear_game(), lambda params: WindowedOptimism(params, lr=lr, window=window), n_steps=800, play="simultaneous"
    ).points
    norms = np.linalg.norm(points, axis=1)
    assert (norms[-200:].max() / norms[200:400].max()) ** (1 / 400) == pytest.approx(radius, abs=2e-3)


def test_past_extragradient_is_optimism_at_its_lookahead_points():
    """Without constraints, extrapolation from the past needs no optimiser of its own."""
    it, lr = game(2), 0.04
    anchor, ahead, seen = np.ones(6), np.ones(6), [np.ones(6)]
    for _ in range(25):
        anchor = anchor - lr * it.jacobian @ ahead  # the gradient at the lookahead point moves the anchor,
        ahead = anchor - lr * it.jacobian @ ahead  # and, kept, looks ahead once more
        seen.append(ahead)
    played = play_game(it, lambda params: OptimisticGradient(params, lr=lr), n_steps=25, play="simultaneous").points
    np.testing.assert_allclose(played, seen, atol=1e-12)


def test_a_checkpoint_holds_the_window():
    x = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = WindowedOptimism([x], lr=0.1, window=3)
    others = []
    for step in range(8):
        x.grad = torch.tensor([1.0, 2.0], dtype=torch.float64) * (step + 1)
        if step == 4:
            twin = x.detach().clone().requires_grad_()
            other = WindowedOptimism([twin], lr=0.1, window=3)
            other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
            others = [(twin, other)]
        optimizer.step()
        for twin, other in others:
            twin.grad = x.grad.clone()
            other.step()
    torch.testing.assert_close(others[0][0], x)


@pytest.mark.parametrize("window", [0, 1.5, True])
def test_a_bad_window_is_refused(window):
    with pytest.raises(ValueError, match="window must be"):
        WindowedOptimism([torch.zeros(1, requires_grad=True)], window=window)


def dirac(**settings):
    """Wasserstein play of a point against a line: the bilinear game, from (1, 1)."""
    generator, discriminator = torch.nn.Linear(1, 1, bias=True), torch.nn.Linear(1, 1, bias=False)
    generator.weight.requires_grad_(False)
    with torch.no_grad():
        generator.weight.zero_()
        generator.bias.fill_(1.0)
        discriminator.weight.fill_(1.0)
    optimizers = tuple(
        torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1) for net in (generator, discriminator)
    )
    critic = torch.nn.Sequential(discriminator, torch.nn.Flatten(0))
    settings = {"n_steps": 200, "latent": 1, "batch_size": 4, "loss": "wasserstein", "play": "simultaneous", "rng": 0, **settings}
    run = train_gan(generator, critic, torch.zeros(4, 1), optimizers=optimizers, **settings)
    assert run.diverged_at is None
    return float(torch.hypot(generator.bias.detach()[0], discriminator.weight.detach()[0, 0]))


def test_the_turn_makes_the_dirac_game_converge_by_its_exact_factor():
    # On the bilinear game M' (M w) = w: one step multiplies by |1 - eta (lambda + i)|.
    assert dirac() == pytest.approx(2**0.5 * 1.01**100, rel=1e-3)
    assert dirac(turn=0.5) == pytest.approx(2**0.5 * np.hypot(1 - 0.1 * 0.5, 0.1) ** 200, rel=1e-3)


@pytest.mark.parametrize("settings", [{"turn": -1.0}, {"turn": 1.0, "gamma": 0.1}])
def test_a_turn_that_does_not_fit_is_refused(settings):
    with pytest.raises(ValueError, match="turn "):
        dirac(**settings)
