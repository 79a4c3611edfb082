"""A network of two convolutions and two layers on pictures, by plain stochastic gradient descent: plateau and fast phase."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from optathlon.baselines.coarse_gradients.training import check_data, check_logits, check_trainable
from optathlon.baselines.slow_to_fast._checks import check_count, check_positive, check_rng


def simplified_lenet(*, size: int = 28, n_classes: int = 10, seed: int = 0) -> nn.Module:
    """Return LeNet with convolutions of 6 and 16 filters and layers of 84 and `n_classes` units, ReLU and maxima between.

    Parameters
    ----------
    size : int
        Height and width of the pictures, at least 12.
    n_classes : int
        Number of outputs.
    seed : int
        Seed of the initial weights; torch's global generator is left alone.

    Raises
    ------
    ValueError
        When a number is out of range.

    References
    ----------
    Long, thesis, section 2.5.2.
    """
    size, n_classes = check_count("size", size, least=12), check_count("n_classes", n_classes)
    side = (size // 2 - 4) // 2
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(check_count("seed", seed, least=0))
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * side * side, 84), nn.ReLU(),
            nn.Linear(84, n_classes),
        )  # fmt: skip


def train_pictures(
    model: nn.Module,
    X: Tensor,
    y: Tensor,
    *,
    n_steps: int,
    batch_size: int = 1000,
    learning_rate: float = 0.01,
    rng: int | np.random.Generator | None = None,
    callback: Callable[[int, nn.Module], object] | None = None,
    callback_every: int = 50,
) -> tuple[nn.Module, np.ndarray]:
    """Minimise the cross entropy by stochastic gradient descent at a constant rate, without momentum or weight decay.

    Parameters
    ----------
    model : torch.nn.Module
        The network at its start; a copy is trained.
    X, y : Tensor, shapes (n, ...) and (n,)
        Inputs and classes.
    n_steps : int
        Number of steps; batches go through a new order of the data at every pass.
    batch_size : int
        Samples of a step, at most n.
    learning_rate : float
        Step size.
    rng : int, numpy.random.Generator, optional
        Source of the order.
    callback, callback_every
        ``callback(step, model)`` after every so many steps.

    Returns
    -------
    model : torch.nn.Module
        The trained copy.
    losses : ndarray, shape (n_steps,)
        Loss of each batch before its step; it ends early after a loss that is not finite.

    Raises
    ------
    ValueError
        When data or settings are impossible.

    References
    ----------
    Long, thesis, section 2.5.2, Fig. 2.6.
    """
    check_data(X, y)
    check_trainable(model, X)
    n_steps, batch_size = check_count("n_steps", n_steps), check_count("batch_size", batch_size)
    if batch_size > len(X):
        raise ValueError(f"batch_size must be at most the number of samples, {len(X)}, got {batch_size}")
    learning_rate, every = check_positive("learning_rate", learning_rate), check_count("callback_every", callback_every)
    generator = torch.Generator().manual_seed(int(check_rng(rng).integers(2**63)))
    model = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), learning_rate)
    n_batches = len(X) // batch_size
    losses: list[float] = []
    batches: tuple[Tensor, ...] = ()
    for step in range(n_steps):
        if step % n_batches == 0:
            batches = torch.randperm(len(X), generator=generator)[: n_batches * batch_size].to(X.device).split(batch_size)
        batch = batches[step % n_batches]
        logits = model(X[batch])
        if step == 0:
            check_logits(logits, y)
        loss = nn.functional.cross_entropy(logits, y[batch])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            break
        if callback is not None and (step + 1) % every == 0:
            callback(step + 1, model)
    return model, np.array(losses)
