"""Generators and discriminators: fully connected ones for points and small images, convolutional ones after DCGAN."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from optathlon.baselines._rng import TorchRng, torch_generator
from optathlon.baselines.gans._checks import check_count, check_non_negative

__all__ = ["dcgan_discriminator", "dcgan_generator", "mlp_discriminator", "mlp_generator", "sample_images"]


def mlp_generator(
    shape: Sequence[int],
    *,
    latent: int = 64,
    widths: Sequence[int] = (128, 256),
    bounded: bool = True,
    batch_norm: bool = False,
    slope: float = 0.2,
    rng: TorchRng = None,
) -> nn.Sequential:
    """Return a fully connected generator of samples of the given shape.

    Parameters
    ----------
    shape : sequence of int
        Shape of one sample: ``(2,)`` for points, ``(1, 14, 14)`` for images.
    latent : int
        Length of the noise vector.
    widths : sequence of int
        Widths of the hidden layers.
    bounded : bool
        End with tanh, so that samples lie in [-1, 1].
    batch_norm : bool
        Normalise every hidden layer but the first.
    slope : float
        Slope of the leaky rectifiers below zero; 0 for plain ones.
    rng : int, torch.Generator, numpy.random.Generator or None
        Draws the weights.

    Returns
    -------
    Sequential
        Maps noise (n, latent) to samples (n, *shape).
    """
    shape, latent, widths = _sizes("shape", shape), check_count("latent", latent), _sizes("widths", widths)
    check_non_negative("slope", slope)
    n_out = int(torch.tensor(shape).prod())

    def layers() -> list[nn.Module]:
        hidden: list[nn.Module] = []
        for index, (n_in, width) in enumerate(zip([latent, *widths], widths, strict=False)):
            hidden.append(nn.Linear(n_in, width))
            if batch_norm and index > 0:
                hidden.append(nn.BatchNorm1d(width))
            hidden.append(nn.LeakyReLU(slope))
        last = [nn.Linear([latent, *widths][-1], n_out), *([nn.Tanh()] if bounded else [])]
        return [*hidden, *last, nn.Unflatten(1, tuple(shape))]

    return _draw(layers, rng)


def mlp_discriminator(
    shape: Sequence[int], *, widths: Sequence[int] = (256, 128), slope: float = 0.2, rng: TorchRng = None
) -> nn.Sequential:
    """Return a fully connected discriminator: samples (n, *shape) to scores (n,), unbounded.

    Parameters
    ----------
    shape : sequence of int
        Shape of one sample.
    widths : sequence of int
        Widths of the hidden layers.
    slope : float
        Slope of the leaky rectifiers below zero; 0 for plain ones.
    rng : int, torch.Generator, numpy.random.Generator or None
        Draws the weights.
    """
    shape, widths = _sizes("shape", shape), _sizes("widths", widths)
    check_non_negative("slope", slope)
    sizes = [int(torch.tensor(shape).prod()), *widths]

    def layers() -> list[nn.Module]:
        hidden: list[nn.Module] = []
        for n_in, n_out in zip(sizes, widths, strict=False):
            hidden += [nn.Linear(n_in, n_out), nn.LeakyReLU(slope)]
        return [nn.Flatten(), *hidden, nn.Linear(sizes[-1], 1), nn.Flatten(0)]

    return _draw(layers, rng)


def dcgan_generator(size: int, *, latent: int = 64, channels: int = 32, rng: TorchRng = None) -> nn.Sequential:
    """Return a convolutional generator of grey images: noise (n, latent) to images (n, 1, size, size) in [-1, 1].

    A linear layer makes a quarter-size map, two transposed convolutions of stride 2 double it; batch normalisation and ReLU
    between, weights from N(0, .02^2), after Radford et al. (2016), section 3.

    Parameters
    ----------
    size : int
        Side of the images; 8 at least.
    latent, channels : int
        Length of the noise vector; channels of the larger map, of which the smaller has twice as many.
    rng : int, torch.Generator, numpy.random.Generator or None
        Draws the weights.
    """
    latent, channels = check_count("latent", latent), check_count("channels", channels)
    size = check_count("size", size, least=8)
    half = (size + 1) // 2
    quarter = (half + 1) // 2

    def layers() -> list[nn.Module]:
        return [
            nn.Linear(latent, 2 * channels * quarter**2, bias=False),
            nn.Unflatten(1, (2 * channels, quarter, quarter)),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * channels, channels, 3, 2, 1, output_padding=1 - half % 2, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.ConvTranspose2d(channels, 1, 3, 2, 1, output_padding=1 - size % 2),
            nn.Tanh(),
        ]

    return _draw(layers, rng, narrow=True)


def dcgan_discriminator(size: int, *, channels: int = 32, batch_norm: bool = True, rng: TorchRng = None) -> nn.Sequential:
    """Return a convolutional discriminator: images (n, 1, size, size) to scores (n,), unbounded.

    Parameters
    ----------
    size : int
        Side of the images; 8 at least.
    channels : int
        Channels of the first map; the second has twice as many.
    batch_norm : bool
        Normalise the second map. A gradient penalty needs it off: it makes samples depend on each other.
    rng : int, torch.Generator, numpy.random.Generator or None
        Draws the weights.
    """
    channels, size = check_count("channels", channels), check_count("size", size, least=8)
    quarter = ((size + 1) // 2 + 1) // 2

    def layers() -> list[nn.Module]:
        normalised = [nn.BatchNorm2d(2 * channels)] if batch_norm else []
        return [
            nn.Conv2d(1, channels, 3, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(channels, 2 * channels, 3, 2, 1, bias=not batch_norm),
            *normalised,
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * channels * quarter**2, 1),
            nn.Flatten(0),
        ]

    return _draw(layers, rng, narrow=True)


@torch.no_grad()
def sample_images(generator: nn.Module, n: int, *, latent: int, rng: torch.Generator, batch: int = 500) -> Tensor:
    """Return `n` samples of a generator in evaluation mode, in which batch normalisation uses its running averages.

    Parameters
    ----------
    generator : Module
        Maps noise (m, latent) to samples; its mode is put back afterwards.
    n, latent, batch : int
        Number of samples, length of the noise vector, samples per forward pass.
    rng : torch.Generator
        Draws the noise, on the CPU.

    Returns
    -------
    Tensor, shape (n, ...)
        On the generator's device.
    """
    n, latent, batch = check_count("n", n), check_count("latent", latent), check_count("batch", batch)
    was_training = generator.training
    device = next(generator.parameters()).device
    generator.eval()
    noise = torch.randn(n, latent, generator=rng).to(device)
    samples = torch.cat([generator(part) for part in noise.split(batch)])
    generator.train(was_training)
    return samples


def _draw(layers: Callable[[], list[nn.Module]], rng: TorchRng, *, narrow: bool = False) -> nn.Sequential:
    """Build layers with weights from `rng`, leaving torch's global generator as it was."""
    rng = torch_generator("rng", rng)
    seed = int(torch.randint(2**31, (), generator=rng))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(*layers())
        if narrow:
            for layer in network.modules():
                if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                    nn.init.normal_(layer.weight, 0.0, 0.02)
    return network


def _sizes(name: str, values: Sequence[int]) -> list[int]:
    return [check_count(name, value) for value in values]
