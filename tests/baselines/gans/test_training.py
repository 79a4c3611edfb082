"""Training: the order of moves, the losses, determinism, failure as a value, and bad settings."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from optathlon.baselines.gans import ExtraGradient, NegativeMomentumAdam, OptimisticAdam, OptimisticGradient
from optathlon.baselines.gans.networks import (
    dcgan_discriminator,
    dcgan_generator,
    mlp_discriminator,
    mlp_generator,
    sample_images,
)
from optathlon.baselines.gans.scores import mode_coverage
from optathlon.baselines.gans.training import train_gan


class Point(nn.Module):
    """A generator whose every sample is its one parameter, or a discriminator that scales by it."""

    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor([value], dtype=torch.float64))


class Generator(Point):
    def forward(self, noise):
        return self.value.expand(len(noise), 1)


class Discriminator(Point):
    def forward(self, samples):
        return (samples * self.value).squeeze(1)


def dirac_gan(lr=0.1, **settings):
    """Train the game f(theta psi) of Mescheder, Geiger and Nowozin (2018): data at 0, one weight a player."""
    generator, discriminator = Generator(1.0), Discriminator(1.0)
    path = [(1.0, 1.0)]
    run = train_gan(
        generator,
        discriminator,
        torch.zeros(4, 1, dtype=torch.float64),
        optimizers=(torch.optim.SGD(generator.parameters(), lr), torch.optim.SGD(discriminator.parameters(), lr)),
        latent=1,
        batch_size=2,
        callback=lambda step, net: path.append((net.value.item(), discriminator.value.item())),
        **settings,
    )
    return np.array(path), run


def sigma(x):
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("play", ["simultaneous", "alternating"])
@pytest.mark.parametrize("loss", ["minimax", "non-saturating", "wasserstein"])
def test_moves_follow_the_printed_losses_in_the_named_order(play, loss):
    path, run = dirac_gan(n_steps=5, play=play, loss=loss)
    theta, psi = 1.0, 1.0
    for point in path[1:]:
        seen = theta * psi
        psi_slope = theta * (1.0 if loss == "wasserstein" else sigma(seen))
        new_psi = psi - 0.1 * psi_slope
        used = new_psi if play == "alternating" else psi
        slope = {"wasserstein": -1.0, "minimax": -sigma(theta * used), "non-saturating": -sigma(-theta * used)}[loss]
        theta, psi = theta - 0.1 * slope * used, new_psi
        np.testing.assert_allclose(point, (theta, psi), atol=1e-12)
    assert run.diverged_at is None
    assert len(run.generator_loss) == 5


def test_several_critic_moves_and_clipping():
    path, _ = dirac_gan(n_steps=1, play="alternating", loss="wasserstein", n_critic=3, clip=0.75)
    # psi: 1 - .1, clipped to .75, then .65, then .55; theta moves by .1 psi
    np.testing.assert_allclose(path[1], (1.055, 0.55), atol=1e-12)


def test_gradient_penalty_pulls_the_slope_to_one():
    # the slope of the discriminator in its input is psi: penalty weight * (|psi| - 1)^2
    path, _ = dirac_gan(n_steps=1, play="alternating", loss="wasserstein", gradient_penalty=3.0)
    np.testing.assert_allclose(path[1][1], 1 - 0.1 * (1.0 + 3.0 * 2 * 0.0), atol=1e-12)
    path, _ = dirac_gan(n_steps=2, play="alternating", loss="wasserstein", gradient_penalty=3.0)
    theta, psi = path[1]
    np.testing.assert_allclose(path[2][1], psi - 0.1 * (theta + 6.0 * (psi - 1)), atol=1e-12)


def test_consensus_turns_the_cycle_of_the_dirac_game_inwards():
    plain, _ = dirac_gan(n_steps=300, play="simultaneous", loss="wasserstein")
    regular, _ = dirac_gan(n_steps=300, play="simultaneous", loss="wasserstein", gamma=0.5)
    # the exact factors of the bilinear game: sqrt(1 + eta^2) and sqrt((1 - eta gamma)^2 + eta^2)
    assert np.linalg.norm(plain[-1]) == pytest.approx(math.sqrt(2) * 1.01**150, rel=1e-9)
    assert np.linalg.norm(regular[-1]) == pytest.approx(math.sqrt(2) * (0.95**2 + 0.01) ** 150, rel=1e-6)


def test_extragradient_trains_with_two_gradients_a_step():
    generator, discriminator = Generator(1.0), Discriminator(1.0)
    train_gan(
        generator,
        discriminator,
        torch.zeros(4, 1, dtype=torch.float64),
        optimizers=(ExtraGradient(generator.parameters(), 0.5), ExtraGradient(discriminator.parameters(), 0.5)),
        n_steps=40,
        latent=1,
        play="simultaneous",
        loss="wasserstein",
    )
    norm = math.hypot(generator.value.item(), discriminator.value.item())
    assert norm == pytest.approx(math.sqrt(2) * 0.8125**20, rel=1e-9)  # rho^2 = (1 - eta^2)^2 + eta^2


@pytest.mark.parametrize("play", ["simultaneous", "alternating"])
@pytest.mark.parametrize("lr", [1e4, 1e6, 1e200])
def test_exploding_players_end_with_the_step_at_which_it_happened(lr, play):
    path, run = dirac_gan(lr=lr, n_steps=50, play=play, loss="wasserstein")
    assert run.diverged_at is not None
    assert len(run.generator_loss) == len(run.discriminator_loss) == run.diverged_at < 10
    assert np.abs(path).max() <= 1e9  # the callback never sees players that have escaped
    assert len(path) == run.diverged_at
    for n_steps in range(1, run.diverged_at + 2):  # the step does not depend on how long the training would have been
        _, again = dirac_gan(lr=lr, n_steps=n_steps, play=play, loss="wasserstein")
        assert again.diverged_at == (run.diverged_at if n_steps >= run.diverged_at else None)


def test_the_limit_of_escape_is_the_callers():
    _, run = dirac_gan(lr=1e4, n_steps=3, play="simultaneous", loss="wasserstein", escape=1e300)
    assert run.diverged_at is None
    _, run = dirac_gan(lr=0.1, n_steps=3, play="simultaneous", loss="wasserstein", escape=1.05)
    assert run.diverged_at == 1  # both weights start at 1 and move by a tenth


@pytest.mark.parametrize("make", [OptimisticAdam, NegativeMomentumAdam, torch.optim.Adam])
def test_a_generator_with_bounded_pictures_diverges_too(make):
    nets = mlp_generator((1, 8, 8), latent=4), mlp_discriminator((1, 8, 8))
    optimizers = tuple(make(net.parameters(), lr=1e6) for net in nets)
    run = train_gan(*nets, torch.zeros(9, 1, 8, 8), optimizers=optimizers, n_steps=20, latent=4)
    assert run.diverged_at is not None


def test_running_statistics_that_explode_count_as_diverged():
    nets = dcgan_generator(8, latent=4, channels=4), dcgan_discriminator(8, channels=4)
    optimizers = tuple(OptimisticGradient(net.parameters(), lr=1e6) for net in nets)
    run = train_gan(*nets, torch.zeros(9, 1, 8, 8), optimizers=optimizers, n_steps=20, latent=4, loss="wasserstein")
    assert run.diverged_at is not None


@pytest.mark.parametrize("settings", [{}, {"play": "simultaneous"}, {"play": "simultaneous", "gamma": 0.1}])
def test_frozen_layers_stay_frozen(settings):
    nets = mlp_generator((2,), latent=4, bounded=False), mlp_discriminator((2,))
    frozen = [nets[0][0], nets[1][1]]
    before = [layer.requires_grad_(False).weight.clone() for layer in frozen]
    optimizers = tuple(torch.optim.SGD(net.parameters(), 0.1) for net in nets)
    last = nets[1][5].weight.clone()
    train_gan(*nets, ring()[0], optimizers=optimizers, n_steps=3, latent=4, **settings)
    for layer, weight in zip(frozen, before, strict=True):
        assert torch.equal(layer.weight, weight)
        assert not layer.weight.requires_grad
    assert not torch.equal(nets[1][5].weight, last)


def ring(n=2000):
    rng = torch.Generator().manual_seed(0)
    angle = torch.arange(4) * math.pi / 2
    centres = torch.stack([angle.cos(), angle.sin()], 1)
    return centres[torch.randint(4, (n,), generator=rng)] + 0.1 * torch.randn(n, 2, generator=rng), centres


def train_ring(seed, n_steps, make=lambda p: torch.optim.Adam(p, 2e-3, (0.5, 0.999)), **settings):
    points, centres = ring()
    rng = torch.Generator().manual_seed(seed)
    generator = mlp_generator((2,), latent=4, widths=(32, 32), bounded=False, rng=rng)
    discriminator = mlp_discriminator((2,), widths=(32, 32), rng=rng)
    run = train_gan(
        generator,
        discriminator,
        points,
        optimizers=(make(generator.parameters()), make(discriminator.parameters())),
        n_steps=n_steps,
        latent=4,
        rng=rng,
        **{"play": "alternating", **settings},
    )
    samples = sample_images(generator, 1000, latent=4, rng=torch.Generator().manual_seed(9))
    return run, samples, mode_coverage(samples, centres, 0.1)


def test_training_is_the_same_to_the_bit_for_the_same_seed():
    first, samples, _ = train_ring(1, 20)
    second, again, _ = train_ring(1, 20)
    other, _, _ = train_ring(2, 20)
    np.testing.assert_array_equal(first.generator_loss, second.generator_loss)
    assert torch.equal(samples, again)
    assert not np.array_equal(first.generator_loss, other.generator_loss)


def test_consensus_learns_the_modes_of_a_small_ring():
    _, _, untrained = train_ring(0, 1)
    _, _, trained = train_ring(0, 1200, play="simultaneous", gamma=0.1)
    assert trained.modes == 4
    assert trained.high_quality > max(0.5, 3 * untrained.high_quality)


@pytest.mark.parametrize("make", [lambda p: OptimisticAdam(p, 1e-3), lambda p: NegativeMomentumAdam(p, 1e-3)])
def test_any_optimizer_drops_in(make):
    run, samples, _ = train_ring(0, 10, make=make)
    assert run.diverged_at is None
    assert torch.isfinite(samples).all()


@pytest.mark.parametrize("size", [8, 14, 28, 9])
def test_networks_have_the_shapes_they_promise(size):
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(5, 16, generator=rng)
    for generator, discriminator in (
        (mlp_generator((1, size, size), latent=16, batch_norm=True, rng=rng), mlp_discriminator((1, size, size), rng=rng)),
        (dcgan_generator(size, latent=16, channels=4, rng=rng), dcgan_discriminator(size, channels=4, rng=rng)),
    ):
        images = generator(noise)
        assert images.shape == (5, 1, size, size)
        assert images.abs().max() <= 1
        assert discriminator(images).shape == (5,)


def test_networks_are_drawn_from_the_generator_alone():
    torch.manual_seed(1)
    first = mlp_generator((2,), rng=torch.Generator().manual_seed(7))
    torch.manual_seed(2)
    second = mlp_generator((2,), rng=torch.Generator().manual_seed(7))
    other = mlp_generator((2,), rng=torch.Generator().manual_seed(8))
    assert torch.equal(first[0].weight, second[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)


def test_samples_use_evaluation_mode_and_leave_the_mode_as_it_was():
    generator = dcgan_generator(8, latent=16, channels=4).train()
    rng = torch.Generator()
    whole = sample_images(generator, 30, latent=16, rng=rng.manual_seed(0))
    parts = sample_images(generator, 30, latent=16, rng=rng.manual_seed(0), batch=7)
    torch.testing.assert_close(whole, parts)
    assert generator.training


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "hinge"}, "loss must be one of"),
        ({"play": "both"}, "play must be one of"),
        ({"n_steps": 0}, "n_steps must be"),
        ({"play": "simultaneous", "n_critic": 2}, "got n_critic=2"),
        ({"play": "alternating", "gamma": 0.1}, "simultaneous by definition"),
        ({"gamma": -0.1, "play": "simultaneous"}, "gamma must be"),
        ({"clip": 0.0}, "clip must be"),
        ({"gradient_penalty": float("nan")}, "gradient_penalty must be"),
        ({"batch_size": 2.5}, "batch_size must be an integer"),
        ({"escape": 0}, "escape must be"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        train_ring(0, **{"n_steps": 1, **settings})


def test_bad_data_is_refused():
    nets = mlp_generator((2,)), mlp_discriminator((2,))
    optimizers = tuple(torch.optim.SGD(net.parameters(), 0.1) for net in nets)
    with pytest.raises(ValueError, match="finite sample"):
        train_gan(*nets, torch.full((3, 2), torch.nan), optimizers=optimizers, n_steps=1)
    with pytest.raises(ValueError, match=r"data must be a torch\.Tensor .* got ndarray"):
        train_gan(*nets, np.zeros((3, 2)), optimizers=optimizers, n_steps=1)
    data = torch.zeros(3, 2)
    for wrong in (None, optimizers[:1], (optimizers[0], "adam")):
        with pytest.raises(ValueError, match="optimizers must be the generator's and the discriminator's"):
            train_gan(*nets, data, optimizers=wrong, n_steps=1)
    one_looks_ahead = ExtraGradient(nets[0].parameters(), 0.1), optimizers[1]
    with pytest.raises(ValueError, match="must both be ExtraGradient"):
        train_gan(*nets, data, optimizers=one_looks_ahead, n_steps=1, play="simultaneous")
    with pytest.raises(ValueError, match="discriminator must have a parameter that requires a gradient"):
        train_gan(nets[0], nets[1].requires_grad_(False), data, optimizers=optimizers, n_steps=1)
    with pytest.raises(ValueError, match="size must be an integer >= 8"):
        dcgan_generator(4)


def test_players_stand_in_one_order_and_the_package_offers_them():
    from optathlon.baselines import gans

    assert gans.GanRun._fields == ("generator_loss", "discriminator_loss", "diverged_at")
    assert {"train_gan", "frechet_distance", "inception_score", "mode_coverage"} <= set(gans.__all__)

    def losses(rng):
        nets = mlp_generator((2,), latent=4, rng=0), mlp_discriminator((2,), rng=1)
        frozen = tuple(torch.optim.SGD(net.parameters(), lr=0.0) for net in nets)
        played = [
            gans.train_gan(*nets, ring()[0], optimizers=frozen, n_steps=3, latent=4, loss="wasserstein", play=play, rng=rng)
            for play in ("alternating", "simultaneous")
        ]
        return nets, played

    (generator, discriminator), played = losses(3)
    for run in played:
        fake = discriminator(generator(torch.randn(4000, 4))).mean().item()
        real = discriminator(ring()[0]).mean().item()
        assert run.generator_loss.mean() == pytest.approx(-fake, abs=0.1)
        assert run.discriminator_loss.mean() == pytest.approx(fake - real, abs=0.1)
    for again, run in zip(losses(3)[1], played, strict=True):
        np.testing.assert_array_equal(again.generator_loss, run.generator_loss)
    assert not np.array_equal(losses(None)[1][0].generator_loss, losses(None)[1][0].generator_loss)


def test_real_penalty_is_half_the_mean_squared_slope_on_real_samples():
    """A linear discriminator has one slope everywhere: its loss rises by half the squared slope times the penalty."""
    generator, discriminator = (
        mlp_generator((2,), latent=4, rng=0),
        torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Flatten(0)),
    )

    def first_loss(**settings):
        frozen = tuple(torch.optim.SGD(net.parameters(), lr=0.0) for net in (generator, discriminator))
        run = train_gan(generator, discriminator, ring()[0], optimizers=frozen, n_steps=1, latent=4, rng=0, **settings)
        return run.discriminator_loss[0]

    slope = discriminator[0].weight.detach().square().sum().item()
    for play in ("alternating", "simultaneous"):
        assert first_loss(real_penalty=3.0, play=play) == pytest.approx(first_loss(play=play) + 1.5 * slope, rel=1e-5)
    with pytest.raises(ValueError, match="real_penalty must be a finite number >= 0, got -1"):
        first_loss(real_penalty=-1.0)
