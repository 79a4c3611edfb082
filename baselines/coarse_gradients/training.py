"""Training of a network with quantised activations by stochastic coarse gradients with momentum."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from optathlon.baselines.coarse_gradients._checks import check_choice, check_count, check_number, check_rng
from optathlon.baselines.coarse_gradients.networks import weight_norm

SCHEDULES = ("cosine", "step", "constant")


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained network and its way.

    Attributes
    ----------
    model : torch.nn.Module
        The trained copy, in evaluation mode.
    losses : tuple of float
        Mean training loss of each epoch, over the batches as they were met.
    norms : tuple of float
        `weight_norm` at the start and after each epoch.
    finite : bool
        Whether the loss stayed finite; if it did not, training ended with that epoch.
    """

    model: nn.Module
    losses: tuple[float, ...]
    norms: tuple[float, ...]
    finite: bool


def train(
    model: nn.Module,
    X: Tensor,
    y: Tensor,
    *,
    n_epochs: int,
    batch_size: int = 64,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    schedule: str = "cosine",
    milestones: Sequence[int] = (),
    augment: bool = False,
    rng: int | np.random.Generator | None = None,
    callback: Callable[[int, nn.Module], object] | None = None,
) -> TrainedNetwork:
    """Minimise the mean cross entropy by stochastic gradient descent with momentum, without weight decay.

    Parameters
    ----------
    model : torch.nn.Module
        The network at its start, on the device where it is to be trained; a copy is trained.
    X : Tensor, shape (n, ...)
        Inputs, on the model's device, with n >= 2.
    y : Tensor of int64, shape (n,)
        Classes.
    n_epochs : int
        Passes over the data.
    batch_size : int
        Samples of a step, at least 2, for normalisation needs a spread; the rest of an epoch that fills no batch is left out.
    learning_rate : float
        Step size at the start.
    momentum : float
        In [0, 1).
    schedule : {"cosine", "step", "constant"}
        The rate falls to zero along a cosine over all steps, or to a tenth after each epoch in `milestones`, or not at all.
    milestones : sequence of int
        Epochs after which a ``"step"`` schedule divides the rate by ten.
    augment : bool
        Shift images by up to 4 pixels and mirror half of them.
    rng : int, numpy.random.Generator, optional
        Source of the order and of the augmentation.
    callback : callable, optional
        ``callback(epoch, model)`` after each epoch, from 1, with the model in evaluation mode.

    Returns
    -------
    TrainedNetwork
        The trained copy with losses and norms per epoch.

    Raises
    ------
    ValueError
        When data or settings are impossible.

    References
    ----------
    Long, thesis, sections 3.7.2 and 3.7.3.
    """
    check_data(X, y)
    n_epochs, batch_size = check_count("n_epochs", n_epochs), check_count("batch_size", batch_size, least=2)
    learning_rate = check_number("learning_rate", learning_rate, above=0)
    momentum = check_number("momentum", momentum, least=0, below=1)
    rate = _schedule(check_choice("schedule", schedule, SCHEDULES), milestones, n_epochs)
    if augment and X.ndim != 4:
        raise ValueError(f"augment needs images of shape (n, channels, height, width), got X of shape {tuple(X.shape)}")
    generator = torch.Generator().manual_seed(int(check_rng(rng).integers(2**63)))
    norms = [weight_norm(model)]
    check_trainable(model, X)
    model = copy.deepcopy(model).train()
    optimizer = torch.optim.SGD(model.parameters(), learning_rate, momentum)
    batch_size = min(batch_size, len(X))
    n_batches = len(X) // batch_size
    losses, finite = [], True
    for epoch in range(n_epochs):
        order = torch.randperm(len(X), generator=generator)[: n_batches * batch_size].to(X.device)
        total = torch.zeros((), device=X.device, dtype=torch.float64)
        for b, batch in enumerate(order.split(batch_size)):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * rate(epoch + b / n_batches)
            inputs = augmented(X[batch], generator) if augment else X[batch]
            logits = model(inputs)
            if epoch == b == 0:
                check_logits(logits, y)
            loss = nn.functional.cross_entropy(logits, y[batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        losses.append(total.item() / n_batches)
        norms.append(weight_norm(model))
        finite = math.isfinite(losses[-1]) and math.isfinite(norms[-1])
        if callback is not None:
            callback(epoch + 1, model.eval())
            model.train()
        if not finite:
            break
    return TrainedNetwork(model.eval(), tuple(losses), tuple(norms), finite)


def accuracy(model: nn.Module, X: Tensor, y: Tensor, *, batch_size: int = 1000) -> float:
    """Return the share of samples whose largest logit is that of their class; the model's mode is left as it was.

    Raises
    ------
    ValueError
        When data or `batch_size` are impossible.
    """
    check_data(X, y)
    batch_size = check_count("batch_size", batch_size)
    training = model.training
    model.eval()
    with torch.no_grad():
        hits = sum(
            int((model(inputs).argmax(dim=1) == labels).sum())
            for inputs, labels in zip(X.split(batch_size), y.split(batch_size), strict=True)
        )
    model.train(training)
    return hits / len(y)


def check_data(X: Tensor, y: Tensor) -> None:
    """Refuse what are not samples with their classes."""
    if not isinstance(X, Tensor) or not isinstance(y, Tensor):
        raise ValueError(f"X and y must be torch tensors, got {type(X).__name__} and {type(y).__name__}")
    if X.ndim < 2 or y.ndim != 1 or len(X) != len(y) or len(X) < 2:
        raise ValueError(
            f"X and y must hold the same number of samples, at least 2, got shapes {tuple(X.shape)} and {tuple(y.shape)}"
        )
    if not torch.is_floating_point(X) or y.dtype != torch.int64:
        raise ValueError(f"X must be of a floating-point type and y of int64, got {X.dtype} and {y.dtype}")
    if not bool(torch.isfinite(X).all()):
        raise ValueError(f"X must be finite, got {int((~torch.isfinite(X)).sum())} entries that are NaN or infinite")
    if int(y.min()) < 0:
        raise ValueError(f"y must hold classes from 0 on, got {int(y.min())}")


def check_trainable(model: nn.Module, X: Tensor) -> None:
    """Refuse a model that holds still, or numbers of another type than the inputs'."""
    moving = [p for p in model.parameters() if p.requires_grad]
    if not moving:
        raise ValueError(f"model must have parameters that require a gradient, got {type(model).__name__} without")
    if moving[0].dtype != X.dtype:
        raise ValueError(f"X must be of the model's type, {moving[0].dtype}, got {X.dtype}")


def check_logits(logits: Tensor, y: Tensor) -> None:
    """Refuse a model without an output for each class."""
    if logits.ndim != 2 or int(y.max()) >= logits.shape[1]:
        raise ValueError(
            f"model must return a logit for each class up to {int(y.max())}, got shape {tuple(logits.shape)} for one batch"
        )


def _schedule(schedule: str, milestones: Sequence[int], n_epochs: int) -> Callable[[float], float]:
    """Return the factor on the step size as a function of the (fractional) epoch."""
    passed = sorted(check_count("milestones", epoch) for epoch in milestones)
    if (schedule == "step") != bool(passed):
        raise ValueError(f"milestones must be given with the schedule 'step' and with no other, got {schedule!r} and {passed}")
    if schedule == "cosine":
        return lambda epoch: 0.5 * (1 + math.cos(math.pi * epoch / n_epochs))
    return lambda epoch: 0.1 ** sum(epoch >= milestone for milestone in passed)


def augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shift each image by up to 4 pixels, zeros moving in, and mirror half of them."""
    n, channels, height, width = images.shape
    up, left = torch.randint(9, (2, n, 1, 1, 1), generator=generator).to(images.device)
    mirrored = torch.randint(2, (n, 1, 1, 1), generator=generator).bool().to(images.device)
    columns = torch.arange(width, device=images.device).expand(n, 1, 1, width)
    columns = left + torch.where(mirrored, columns.flip(-1), columns)
    rows = up + torch.arange(height, device=images.device).reshape(1, 1, height, 1)
    padded = nn.functional.pad(images, (4, 4, 4, 4))
    sample = torch.arange(n, device=images.device).reshape(n, 1, 1, 1)
    channel = torch.arange(channels, device=images.device).reshape(1, channels, 1, 1)
    return padded[sample, channel, rows, columns].contiguous(memory_format=torch.channels_last)
