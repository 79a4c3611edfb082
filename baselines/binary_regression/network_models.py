"""Networks of Table II: linear, one hidden layer, and convolutional; their weight tensors are meant to be binary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from optathlon.baselines.binary_regression._checks import check_count, check_rng


class GainBias(nn.Module):
    """Multiply every feature by a real gain and add a real bias: the scale that binary weights lack.

    Parameters
    ----------
    n_features : int
        Size of the last axis.
    gain : float
        First value of all gains.
    """

    def __init__(self, n_features: int, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((n_features,), float(gain)))
        self.bias = nn.Parameter(torch.zeros(n_features))

    def forward(self, x: Tensor) -> Tensor:
        """Return x * gain + bias, of the shape of `x`, (..., n_features)."""
        return x * self.gain + self.bias


def linear_network(n_features: int, n_classes: int, *, rng: int | np.random.Generator | None = None) -> nn.Sequential:
    """Return a linear classifier: logits gain_c * (x'w_c) + bias_c.

    Parameters
    ----------
    n_features, n_classes : int
        Entries of one input, which is flattened, and of the output.
    rng : int or numpy.random.Generator, optional
        Source of the first weights.

    References
    ----------
    Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, Section V-D (linear).
    """
    _check_sizes(n_features=n_features, n_classes=n_classes)
    with _seeded(rng):
        return nn.Sequential(nn.Flatten(), *_output(n_features, n_classes))


def hidden_layer_network(
    n_features: int, n_classes: int, *, n_hidden: int = 128, rng: int | np.random.Generator | None = None
) -> nn.Sequential:
    """Return a classifier with one hidden layer of ReLUs behind batch normalisation.

    Parameters
    ----------
    n_features, n_classes : int
        Entries of one input, which is flattened, and of the output.
    n_hidden : int
        Neurons of the hidden layer.
    rng : int or numpy.random.Generator, optional
        Source of the first weights.

    References
    ----------
    Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, Section V-D (one hidden layer).
    """
    _check_sizes(n_features=n_features, n_classes=n_classes, n_hidden=n_hidden)
    with _seeded(rng):
        return nn.Sequential(nn.Flatten(), *_dense(n_features, n_hidden), *_output(n_hidden, n_classes))


def convolutional_network(
    image_size: int, n_classes: int, *, n_channels: int = 1, rng: int | np.random.Generator | None = None
) -> nn.Sequential:
    """Return the network 32C3 - MP2 - 64C3 - MP2 - 128C3 - 3 x 128FC with batch normalisation and ReLU, and an output layer.

    Parameters
    ----------
    image_size : int
        Height and width of the images, at least 4.
    n_classes : int
        Entries of the output.
    n_channels : int
        Channels of the images, which have shape (n_channels, image_size, image_size).
    rng : int or numpy.random.Generator, optional
        Source of the first weights.

    References
    ----------
    Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, Section V-D (CNN, footnote 2).
    """
    _check_sizes(n_classes=n_classes, n_channels=n_channels)
    check_count("image_size", image_size, smallest=4)
    n_features = 128 * (image_size // 4) ** 2
    with _seeded(rng):
        return nn.Sequential(
            *_convolution(n_channels, 32),
            nn.MaxPool2d(2),
            *_convolution(32, 64),
            nn.MaxPool2d(2),
            *_convolution(64, 128),
            nn.Flatten(),
            *_dense(n_features, 128),
            *_dense(128, 128),
            *_dense(128, 128),
            *_output(128, n_classes),
        )


def _convolution(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()


def _dense(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    return nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()


def _output(n_in: int, n_out: int) -> tuple[nn.Module, ...]:
    # Sums of n_in binary weights have size sqrt(n_in): the gain brings the first logits to order one.
    return nn.Linear(n_in, n_out, bias=False), GainBias(n_out, n_in**-0.5)


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        check_count(name, size)


@contextmanager
def _seeded(rng: int | np.random.Generator | None) -> Iterator[None]:
    """Let torch draw the first weights from `rng`, and leave its own generator as it was."""
    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(int(check_rng(rng).integers(2**63)))
        yield
