"""Training of generative adversarial networks: simultaneous or alternating play, several losses, consensus."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from optathlon.baselines._rng import TorchRng, torch_generator
from optathlon.baselines.gans._checks import check_choice, check_count, check_non_negative, check_positive
from optathlon.baselines.gans.extragradient import ExtraGradient
from optathlon.baselines.gans.vector_field import consensus, simultaneous, symplectic

__all__ = ["LOSSES", "GanRun", "train_gan"]

LOSSES = ("non-saturating", "minimax", "wasserstein")
PLAYS = ("simultaneous", "alternating")


class GanRun(NamedTuple):
    """How a training went; the generator stands first, as everywhere in this package.

    Attributes
    ----------
    generator_loss, discriminator_loss : ndarray, shape (n,)
        The players' losses at each step taken, on that step's batch.
    diverged_at : int or None
        The step at which a loss, a weight or a running statistic became larger than `escape` or NaN; training ends there.
    """

    generator_loss: NDArray[np.float64]
    discriminator_loss: NDArray[np.float64]
    diverged_at: int | None


@dataclass(frozen=True)
class _Game:
    """What stays the same over a training."""

    generator: nn.Module
    discriminator: nn.Module
    data: Tensor
    optimizers: tuple[Optimizer, Optimizer]
    loss: str
    batch_size: int
    latent: int
    n_critic: int
    clip: float | None
    gradient_penalty: float
    real_penalty: float
    gamma: float | None
    turn: float | None
    escape: float
    rng: torch.Generator
    players: tuple[list[nn.Parameter], list[nn.Parameter]]

    def real(self) -> Tensor:
        """Return a batch of data, drawn with replacement."""
        rows = torch.randint(len(self.data), (self.batch_size,), generator=self.rng)
        return self.data[rows.to(self.data.device)]

    def fake(self) -> Tensor:
        """Return a batch of generated samples, attached to the generator."""
        noise = torch.randn(self.batch_size, self.latent, generator=self.rng)
        return self.generator(noise.to(self.data.device))


def train_gan(
    generator: nn.Module,
    discriminator: nn.Module,
    data: Tensor,
    *,
    optimizers: tuple[Optimizer, Optimizer],
    n_steps: int,
    latent: int = 64,
    batch_size: int = 64,
    loss: str = "non-saturating",
    play: str = "alternating",
    n_critic: int = 1,
    clip: float | None = None,
    gradient_penalty: float = 0.0,
    real_penalty: float = 0.0,
    gamma: float | None = None,
    turn: float | None = None,
    escape: float = 1e9,
    rng: TorchRng = None,
    callback: Callable[[int, nn.Module], None] | None = None,
) -> GanRun:
    r"""Train a generator against a discriminator, in place.

    With :math:`s = D(x)` and :math:`f = D(G(z))`, the scores of real and generated samples, and
    :math:`\sigma` the logistic function, the players minimise

    .. math::
       \text{minimax:}\quad & L_D = -E \log\sigma(s) - E \log(1 - \sigma(f)), & L_G &= E \log(1 - \sigma(f)) \\
       \text{non-saturating:}\quad & L_D \text{ as above}, & L_G &= -E \log\sigma(f) \\
       \text{wasserstein:}\quad & L_D = E f - E s, & L_G &= -E f

    Parameters
    ----------
    generator : Module
        Maps noise (n, latent) to samples; trained in place, but for parameters that require no gradient.
    discriminator : Module
        Maps samples to scores (n,); trained in place, but for parameters that require no gradient.
    data : Tensor, shape (n, ...)
        Real samples, on the networks' device.
    optimizers : tuple of Optimizer
        The generator's and the discriminator's.
    n_steps : int
        Updates of the generator.
    latent, batch_size : int
        Length of the noise vector, samples per batch.
    loss : {"non-saturating", "minimax", "wasserstein"}
        The players' losses.
    play : {"alternating", "simultaneous"}
        Alternating: the discriminator moves `n_critic` times, then the generator sees where it went. Simultaneous: both
        gradients at the same point on the same batch.
    n_critic : int
        Discriminator updates per step; alternating play only.
    clip : float, optional
        Clip the discriminator's weights to [-clip, clip] after each of its updates.
    gradient_penalty : float
        Weight of :math:`E (\|\nabla D(\hat x)\| - 1)^2` in the discriminator's loss, on random points between real and
        generated samples.
    real_penalty : float
        Weight of :math:`E \|\nabla D(x)\|^2 / 2` in the discriminator's loss, on real samples (R1).
    gamma : float, optional
        Play on the consensus field with this weight; simultaneous play only.
    turn : float, optional
        Turn the field by the symplectic adjustment of this weight, aligned; simultaneous play only, without `gamma`.
    escape : float
        Size of a loss, a weight or a running statistic beyond which the players count as diverged.
    rng : int, torch.Generator, numpy.random.Generator or None
        Draws batches and noise, on the CPU.
    callback : callable, optional
        ``callback(step, generator)`` after each step at which the players have not diverged.

    Returns
    -------
    GanRun
        The losses, and the step at which the players diverged, if they did.

    Raises
    ------
    ValueError
        If an argument is out of its range, or a setting does not go with the kind of play.

    References
    ----------
    .. [1] Goodfellow et al.: Generative adversarial nets, NeurIPS 2014, Algorithm 1 and section 3.
    .. [2] Arjovsky, Chintala, Bottou: Wasserstein generative adversarial networks, ICML 2017, Algorithm 1.
    .. [3] Gulrajani et al.: Improved training of Wasserstein GANs, NeurIPS 2017, eq. (3).
    .. [4] Mescheder, Geiger, Nowozin: Which training methods for GANs do actually converge?, ICML 2018, eq. (9).
    """
    check_non_negative("real_penalty", real_penalty)
    _check_training(data, loss, play, n_steps, latent, batch_size, n_critic, clip, gradient_penalty, gamma, escape, optimizers)
    if turn is not None:
        check_non_negative("turn", turn)
        if play != "simultaneous" or gamma is not None:
            raise ValueError(f"turn belongs to simultaneous play without gamma, got play={play!r}, gamma={gamma}")
    game = _Game(
        generator=generator,
        discriminator=discriminator,
        data=data,
        optimizers=optimizers,
        loss=loss,
        batch_size=batch_size,
        latent=latent,
        n_critic=n_critic,
        clip=clip,
        gradient_penalty=gradient_penalty,
        real_penalty=real_penalty,
        gamma=gamma,
        turn=turn,
        escape=escape,
        rng=torch_generator("rng", rng),
        players=(_trainable("generator", generator), _trainable("discriminator", discriminator)),
    )
    one_step = _alternating_step if play == "alternating" else _simultaneous_step
    generator.train()
    discriminator.train()
    state = _state(generator, discriminator)
    losses = np.empty((n_steps, 2))
    for step in range(1, n_steps + 1):
        losses[step - 1] = one_step(game)
        if not max(*abs(losses[step - 1]), _largest(state)) <= escape:  # so that NaN counts
            return GanRun(losses[:step, 0], losses[:step, 1], step)
        if callback is not None:
            callback(step, generator)
    return GanRun(losses[:, 0], losses[:, 1], None)


def _trainable(name: str, net: nn.Module) -> list[nn.Parameter]:
    parameters = [param for param in net.parameters() if param.requires_grad]
    if not parameters:
        raise ValueError(f"{name} must have a parameter that requires a gradient, got none")
    return parameters


def _state(*nets: nn.Module) -> list[Tensor]:
    """Return the floating tensors that training changes: weights and running statistics."""
    tensors = [tensor for net in nets for tensor in (*net.parameters(), *net.buffers())]
    return [tensor.detach() for tensor in tensors if tensor.is_floating_point() and tensor.numel()]


def _largest(tensors: list[Tensor]) -> float:
    """Return the largest absolute value, NaN where there is one."""
    return float(torch.nn.utils.get_total_norm(tensors, norm_type=math.inf))


def _alternating_step(game: _Game) -> tuple[float, float]:
    discriminator_losses = [_move_discriminator(game) for _ in range(game.n_critic)]
    return _move_generator(game), discriminator_losses[-1]


def _move_discriminator(game: _Game) -> float:
    with torch.no_grad():
        fake = game.fake()
    loss = _discriminator_loss(game, game.real(), fake)
    optimizer = game.optimizers[1]
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    _clip(game)
    return loss.item()


def _move_generator(game: _Game) -> float:
    for param in game.players[1]:
        param.requires_grad_(False)  # this pass needs no gradients of the discriminator's weights
    loss = _generator_loss(game, game.discriminator(game.fake()))
    optimizer = game.optimizers[0]
    optimizer.zero_grad()
    loss.backward()
    for param in game.players[1]:
        param.requires_grad_(True)
    optimizer.step()
    return loss.item()


def _simultaneous_step(game: _Game) -> tuple[float, float]:
    halves = 2 if isinstance(game.optimizers[0], ExtraGradient) else 1
    losses = [_move_both(game) for _ in range(halves)]
    return losses[0]


def _move_both(game: _Game) -> tuple[float, float]:
    real, fake = game.real(), game.fake()
    generator_loss = _generator_loss(game, game.discriminator(fake))
    discriminator_loss = _discriminator_loss(game, real, fake)
    losses = [generator_loss, discriminator_loss]
    if game.turn is not None:
        symplectic(losses, game.players, game.turn)
    elif game.gamma is not None:
        consensus(losses, game.players, game.gamma)
    else:
        simultaneous(losses, game.players)
    for optimizer in game.optimizers:
        optimizer.step()
    _clip(game)
    return generator_loss.item(), discriminator_loss.item()


def _discriminator_loss(game: _Game, real: Tensor, fake: Tensor) -> Tensor:
    real = real.requires_grad_(bool(game.real_penalty))
    score_real, score_fake = game.discriminator(real), game.discriminator(fake)
    if game.loss == "wasserstein":
        value = score_fake.mean() - score_real.mean()
    else:
        value = F.softplus(-score_real).mean() + F.softplus(score_fake).mean()  # -log sigma(s) - log(1 - sigma(f))
    if game.gradient_penalty:
        value = value + game.gradient_penalty * _slope_penalty(game, real.detach(), fake)
    if game.real_penalty:
        (slope,) = torch.autograd.grad(score_real.sum(), real, create_graph=True)
        value = value + game.real_penalty / 2 * slope.flatten(1).square().sum(dim=1).mean()
    return value


def _generator_loss(game: _Game, score_fake: Tensor) -> Tensor:
    if game.loss == "wasserstein":
        return -score_fake.mean()
    if game.loss == "minimax":
        return -F.softplus(score_fake).mean()  # log(1 - sigma(f))
    return F.softplus(-score_fake).mean()  # -log sigma(f)


def _slope_penalty(game: _Game, real: Tensor, fake: Tensor) -> Tensor:
    shape = (len(real), *[1] * (real.ndim - 1))
    share = torch.rand(shape, generator=game.rng).to(real.device)
    between = (share * real + (1 - share) * fake.detach()).requires_grad_()
    (slope,) = torch.autograd.grad(game.discriminator(between).sum(), between, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


@torch.no_grad()
def _clip(game: _Game) -> None:
    if game.clip is not None:
        for weight in game.players[1]:
            weight.clamp_(-game.clip, game.clip)


def _check_training(
    data: Tensor,
    loss: str,
    play: str,
    n_steps: int,
    latent: int,
    batch_size: int,
    n_critic: int,
    clip: float | None,
    gradient_penalty: float,
    gamma: float | None,
    escape: float,
    optimizers: tuple[Optimizer, Optimizer],
) -> None:
    check_choice("loss", loss, LOSSES)
    check_choice("play", play, PLAYS)
    for name, count in (("n_steps", n_steps), ("latent", latent), ("batch_size", batch_size), ("n_critic", n_critic)):
        check_count(name, count)
    check_non_negative("gradient_penalty", gradient_penalty)
    check_positive("escape", escape)
    if clip is not None:
        check_positive("clip", clip)
    if gamma is not None:
        check_non_negative("gamma", gamma)
    if not isinstance(data, Tensor):
        raise ValueError(f"data must be a torch.Tensor on the networks' device, got {type(data).__name__}")
    if data.ndim < 2 or len(data) == 0 or not bool(torch.isfinite(data).all()):
        raise ValueError(f"data must hold at least one finite sample, shape (n, ...), got shape {tuple(data.shape)}")
    if not isinstance(optimizers, Sequence) or [isinstance(one, Optimizer) for one in optimizers] != [True, True]:
        raise ValueError(f"optimizers must be the generator's and the discriminator's torch.optim.Optimizer, got {optimizers!r}")
    if play == "simultaneous" and n_critic != 1:
        raise ValueError(f"simultaneous play moves both players once a step, got n_critic={n_critic}")
    looking_ahead = [isinstance(optimizer, ExtraGradient) for optimizer in optimizers]
    if any(looking_ahead) and not all(looking_ahead):
        raise ValueError("optimizers must both be ExtraGradient where one is, for a step has two halves, got one")
    if play == "alternating" and (gamma is not None or any(looking_ahead)):
        raise ValueError("consensus and extragradient are simultaneous by definition, got play='alternating'")
