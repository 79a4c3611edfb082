"""Selection by proxy: a network trained on everything for a short while, which then selects for another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from optathlon.baselines._rng import TorchRng
from optathlon.baselines.coresets._checks import integer
from optathlon.baselines.coresets.difficulty import ForgettingEvents
from optathlon.baselines.coresets.layer_gradients import evaluating
from optathlon.baselines.coresets.subset import full
from optathlon.baselines.coresets.training import train_on_coresets


@dataclass(frozen=True, eq=False)
class Proxy:
    """A network that has seen all samples, and how often it forgot each.

    Attributes
    ----------
    model : torch.nn.Module
        The trained network: its gradients select for another one, as ``last_layer_gradients(proxy.model, ...)``.
    forgetting : ndarray, shape (n,)
        Times that a sample was classified rightly after an epoch and wrongly after the next; infinity where never rightly.
    diverged_at : int or None
        The epoch at which a weight was no longer finite; training ended there.
    """

    model: nn.Module
    forgetting: np.ndarray
    diverged_at: int | None


def train_proxy(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    n_epochs: int = 10,
    batch_size: int = 20,
    learning_rate: float = 0.01,
    rng: TorchRng = None,
) -> Proxy:
    """Train on all samples by stochastic gradient descent, and look after every epoch at which are classified rightly.

    Parameters
    ----------
    model : torch.nn.Module
        The network at its start, which returns logits (n, C); a copy of it is trained.
    inputs : Tensor, shape (n, ...)
        Training samples, finite, on the model's device.
    labels : Tensor of integers, shape (n,)
        Classes, from 0 to C - 1.
    n_epochs, batch_size, learning_rate : int, int, float
        As in :func:`train_on_coresets`, with its other defaults.
    rng : int, torch.Generator, numpy.random.Generator or None
        Source of the order of samples.

    Returns
    -------
    Proxy
        The trained network and its forgetting events.

    Raises
    ------
    ValueError
        Where samples, labels or settings are impossible.

    References
    ----------
    .. [1] Coleman et al., "Selection via proxy: efficient data selection for deep learning", 2020.
    .. [2] Toneva et al., "An empirical study of example forgetting during deep neural network learning", 2019, algorithm 1,
       which looks at a sample whenever a step takes it, not after the epoch.
    """
    n, n_epochs = len(labels), integer("n_epochs", n_epochs)
    events = ForgettingEvents(n)

    def look(epoch: int, trained: nn.Module) -> None:
        with evaluating(trained), torch.inference_mode():
            right = [
                trained(part).argmax(dim=1) == truth for part, truth in zip(inputs.split(250), labels.split(250), strict=True)
            ]
        events.look(torch.cat(right).cpu().numpy())

    trained = train_on_coresets(
        model,
        inputs,
        labels,
        lambda _: full(n),
        n_epochs=n_epochs,
        reselect_every=n_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        rng=rng,
        callback=look,
    )
    return Proxy(trained.model, events.scores, trained.diverged_at)
