"""LeNet, at the size of MNIST and at the size of scikit-learn's digits."""

from __future__ import annotations

import torch
from torch import nn


def lenet(seed: int = 0, classes: int = 10) -> nn.Module:
    """LeNet-5 with ReLU and max pooling for 28 x 28 grey images: 44,426 parameters, 84 features before the last layer.

    Parameters
    ----------
    seed : int
        Seed of the initial parameters; the global generator is left alone.
    classes : int
        Number of outputs.

    Returns
    -------
    torch.nn.Module
        Maps (n, 1, 28, 28) to logits (n, classes).

    References
    ----------
    .. [1] LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(
            *_stage(1, 6, kernel=5, padding=0),
            *_stage(6, 16, kernel=5, padding=0),
            nn.Flatten(),
            *(nn.Linear(16 * 4 * 4, 120), nn.ReLU()),
            *(nn.Linear(120, 84), nn.ReLU()),
            nn.Linear(84, classes),
        )
    return _channels_last(model)


def small_lenet(seed: int = 0, classes: int = 10) -> nn.Module:
    """LeNet's little sister for 8 x 8 grey images: two convolutions of 3 x 3, 32 features before the last layer.

    Parameters
    ----------
    seed : int
        Seed of the initial parameters; the global generator is left alone.
    classes : int
        Number of outputs.

    Returns
    -------
    torch.nn.Module
        Maps (n, 1, 8, 8) to logits (n, classes).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(
            *_stage(1, 8, kernel=3, padding=1),
            *_stage(8, 16, kernel=3, padding=1),
            nn.Flatten(),
            *(nn.Linear(16 * 2 * 2, 32), nn.ReLU()),
            nn.Linear(32, classes),
        )
    return _channels_last(model)


def _stage(inputs: int, outputs: int, kernel: int, padding: int) -> tuple[nn.Module, ...]:
    # Maximum and ReLU commute; in this order ReLU has a quarter of the work.
    return nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.MaxPool2d(2), nn.ReLU()


def _channels_last(model: nn.Module) -> nn.Module:
    """Store the filters as a CPU likes them: a forward pass takes a fifth less."""
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (absent from torch's stubs)
