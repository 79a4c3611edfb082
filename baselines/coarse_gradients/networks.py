"""LeNet-5, VGG-11 and ResNet-20, at any width, with an activation of one's choice behind normalisations without parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn

from optathlon.baselines.coarse_gradients._checks import check_count, check_number

MakeActivation = Callable[[], nn.Module]

_VGG11 = (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool")


def lenet5(
    activation: MakeActivation = nn.ReLU, *, width: float = 1.0, n_classes: int = 10, seed: int = 0, channels: int = 1
) -> nn.Module:
    """LeNet-5 for 28 x 28 images: convolutions of 6 and 16 filters, layers of 120 and 84, 61,500 parameters at full width.

    Maxima are taken before the normalisation, so that what an activation gets has mean 0 and variance 1.

    Parameters
    ----------
    activation : callable
        Makes one activation module, for example ``lambda: QuantizedReLU(4)``.
    width : float
        Factor on the numbers of filters and units, above 0; none falls below 1.
    n_classes : int
        Number of outputs.
    seed : int
        Seed of the initial weights; torch's global generator is left alone.
    channels : int
        Channels of the images.

    Returns
    -------
    torch.nn.Module
        Maps (n, channels, 28, 28) to logits (n, n_classes).

    Raises
    ------
    ValueError
        When a setting is out of range or `activation` makes no module.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, 1998; Long, thesis, section 3.7.2.
    """
    a, b, c, d = _widths((6, 16, 120, 84), width)
    n_classes, channels = check_count("n_classes", n_classes), check_count("channels", channels)
    with _seeded(seed):
        model = nn.Sequential(
            *_convolution(channels, a, 5, 2, activation, pool=True),
            *_convolution(a, b, 5, 0, activation, pool=True),
            nn.Flatten(),
            *_layer(b * 5 * 5, c, activation),
            *_layer(c, d, activation),
            nn.Linear(d, n_classes),
        )
    return _channels_last(model)


def vgg11(
    activation: MakeActivation = nn.ReLU, *, width: float = 1.0, n_classes: int = 10, seed: int = 0, channels: int = 3
) -> nn.Module:
    """VGG-11 for 32 x 32 images: eight convolutions of 3 x 3 and one linear layer, 9.2 million parameters at full width.

    Maxima are taken before the normalisation. Parameters, result and errors are those of `lenet5`, for (n, channels, 32, 32).

    References
    ----------
    Simonyan and Zisserman, 2014, configuration A; Long, thesis, section 3.7.3.
    """
    n_classes, size = check_count("n_classes", n_classes), check_count("channels", channels)
    wide = iter(_widths([entry for entry in _VGG11 if isinstance(entry, int)], width))
    layers: list[nn.Module] = []
    with _seeded(seed):
        for entry, after in zip(_VGG11, (*_VGG11[1:], None), strict=True):
            if entry != "pool":
                inputs, size = size, next(wide)
                layers += _convolution(inputs, size, 3, 1, activation, pool=after == "pool")
        model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(size, n_classes))
    return _channels_last(model)


def resnet20(
    activation: MakeActivation = nn.ReLU, *, width: float = 1.0, n_classes: int = 10, seed: int = 0, channels: int = 3
) -> nn.Module:
    """ResNet-20 for 32 x 32 images: three stages of three blocks with 16, 32 and 64 filters, 0.27 million parameters.

    Shortcuts have no parameters: every second pixel, channels of zeros. The activation behind a sum sees what no normalisation
    has scaled. Parameters, result and errors are those of `lenet5`, for (n, channels, 32, 32).

    References
    ----------
    He, Zhang, Ren and Sun, 2016, section 4.2 (option A); Long, thesis, section 3.7.3.
    """
    n_classes, channels = check_count("n_classes", n_classes), check_count("channels", channels)
    a, b, c = _widths((16, 32, 64), width)
    with _seeded(seed):
        model = nn.Sequential(
            *_convolution(channels, a, 3, 1, activation),
            *(_Block(inputs, a, 1, activation) for inputs in (a, a, a)),
            *(_Block(inputs, b, stride, activation) for inputs, stride in ((a, 2), (b, 1), (b, 1))),
            *(_Block(inputs, c, stride, activation) for inputs, stride in ((b, 2), (c, 1), (c, 1))),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(c, n_classes),
        )
    return _channels_last(model)


def perceptron(sizes: Sequence[int], activation: MakeActivation = nn.ReLU, *, seed: int = 0) -> nn.Module:
    """Layers of the given sizes, inputs first and outputs last, with normalisation and activation between them.

    Parameters
    ----------
    sizes : sequence of int
        At least two sizes, each at least 1.
    activation, seed
        As for `lenet5`.

    Returns
    -------
    torch.nn.Module
        Maps (n, ...) with ``sizes[0]`` numbers a sample to (n, sizes[-1]).

    Raises
    ------
    ValueError
        When there are fewer than two sizes, one is below 1, or `activation` makes no module.
    """
    sizes = [check_count("sizes", size) for size in sizes]
    if len(sizes) < 2:
        raise ValueError(f"sizes must name inputs and outputs at least, got {sizes}")
    with _seeded(seed):
        hidden = [part for i, o in pairwise(sizes[:-1]) for part in _layer(i, o, activation)]
        return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(sizes[-2], sizes[-1]))


def weight_norm(model: nn.Module) -> float:
    """Return the Euclidean norm of all weights of the convolutions and linear layers, biases aside (Fig. 3.5).

    Raises
    ------
    ValueError
        When the model has neither.
    """
    weights = [part.weight.detach() for part in model.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    if not weights:
        raise ValueError(f"model must have a convolution or a linear layer, got {type(model).__name__} without")
    return float(torch.stack([weight.double().square().sum() for weight in weights]).sum().sqrt())


class _Block(nn.Module):
    """Two convolutions around a shortcut without parameters."""

    def __init__(self, inputs: int, outputs: int, stride: int, activation: MakeActivation) -> None:
        super().__init__()
        self.stride, self.padding = stride, outputs - inputs
        first = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.branch = nn.Sequential(first, _normalise(outputs), _made(activation), second, _normalise(outputs))
        self.activation = _made(activation)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.stride == 1 else x[:, :, :: self.stride, :: self.stride]
        if self.padding:
            before = self.padding // 2
            shortcut = nn.functional.pad(shortcut, (0, 0, 0, 0, before, self.padding - before))
        return self.activation(self.branch(x) + shortcut)


def _convolution(
    inputs: int, outputs: int, kernel: int, padding: int, activation: MakeActivation, *, pool: bool = False
) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=False)  # the mean is taken away afterwards
    return [convolution, *([nn.MaxPool2d(2)] if pool else []), _normalise(outputs), _made(activation)]


def _layer(inputs: int, outputs: int, activation: MakeActivation) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs, affine=False), _made(activation)]


def _normalise(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, affine=False)


def _made(activation: MakeActivation) -> nn.Module:
    module = activation() if callable(activation) and not isinstance(activation, nn.Module) else None
    if not isinstance(module, nn.Module):
        raise ValueError(f"activation must be a callable that makes a torch module, such as nn.ReLU, got {activation!r}")
    return module


def _widths(counts: Sequence[int], width: float) -> list[int]:
    width = check_number("width", width, above=0)
    return [max(1, round(count * width)) for count in counts]


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw from a seeded generator inside, and leave torch's global one as it was."""
    seed = check_count("seed", seed, least=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _channels_last(model: nn.Module) -> nn.Module:
    """Store filters as convolutions on a CPU like them."""
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (absent from torch's stubs)
