"""Training on a weighted subset that is selected anew every few epochs."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR

from optathlon.baselines._rng import TorchRng, torch_generator
from optathlon.baselines.coresets._checks import integer, non_negative
from optathlon.baselines.coresets.coreset import Coreset, require_coreset
from optathlon.baselines.coresets.layer_gradients import Loss, checked_samples, sample_losses


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A network and the last selection on its way.

    Attributes
    ----------
    model : torch.nn.Module
        The trained network.
    coreset : Coreset or None
        The last coreset; None where the warm start took all epochs.
    selected_by : dict of str to Tensor
        State of the network that made the last selection.
    diverged_at : int or None
        The epoch at which a loss or a weight was no longer finite; training ended there.
    """

    model: nn.Module
    coreset: Coreset | None
    selected_by: dict[str, Tensor]
    diverged_at: int | None = None


def train_on_coresets(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    select: Callable[[nn.Module], Coreset],
    *,
    n_epochs: int = 40,
    batch_size: int = 20,
    reselect_every: int = 5,
    warm_start: int = 0,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    loss: Loss | None = None,
    rng: TorchRng = None,
    callback: Callable[[int, nn.Module], None] | None = None,
) -> TrainedModel:
    r"""Minimise :math:`\sum_{j \in S} w_j L(\theta, x_j)` by stochastic gradient descent, S renewed every R epochs.

    A step follows the weighted mean of its batch's losses, the weights divided by their sum over the batch, as the authors'
    code does [2]_: the step size means the same for every selector, and a point that counts for hundreds of others cannot
    throw the network off. Steps have Nesterov momentum and a rate that falls along a cosine to zero.

    Parameters
    ----------
    model : torch.nn.Module
        The network at its start, which returns logits (n, C); a copy of it is trained, in its own precision.
    inputs : Tensor, shape (n, ...)
        Training samples, finite, on the model's device.
    labels : Tensor of integers, shape (n,)
        Classes, from 0 to C - 1; with a `loss`, targets of any kind, one row a sample.
    select : callable
        ``select(model) -> Coreset`` for the model as it stands.
    n_epochs : int
        Passes over the subset (over all samples during the warm start).
    batch_size : int
        Samples of a step. A last batch of one joins the one before it, for batch normalisation needs two.
    reselect_every : int
        R, epochs between selections.
    warm_start : int
        Epochs on all samples before the first selection.
    learning_rate, momentum, weight_decay : float
        Settings of the descent.
    loss : callable, optional
        ``loss(outputs, labels) -> Tensor (n,)``, the loss L of each sample; the cross entropy by default.
    rng : int, torch.Generator, numpy.random.Generator or None
        Source of the order of samples.
    callback : callable, optional
        ``callback(epoch, model)`` after each epoch, from 1, that has not diverged.

    Returns
    -------
    TrainedModel
        The trained copy, the last coreset, the state that selected it, and the epoch of divergence, if any.

    Raises
    ------
    ValueError
        Where samples, labels or settings are impossible, or `select` returns no coreset of the samples, or one without a
        positive weight.

    References
    ----------
    .. [1] Killamsetty et al., "GRAD-MATCH", 2021, algorithm 1.
    .. [2] CORDS, https://github.com/decile-team/cords, train_sl.py.
    """
    labels = checked_samples(model, inputs, labels, loss)
    n_epochs, batch_size = integer("n_epochs", n_epochs), integer("batch_size", batch_size)
    reselect_every, warm_start = integer("reselect_every", reselect_every), integer("warm_start", warm_start, least=0)
    learning_rate, momentum = non_negative("learning_rate", learning_rate), non_negative("momentum", momentum)
    weight_decay = non_negative("weight_decay", weight_decay)
    generator = torch_generator("rng", rng)
    model = deepcopy(model)
    optimizer = SGD(model.parameters(), learning_rate, momentum, weight_decay=weight_decay, nesterov=momentum > 0, fused=True)
    schedule = CosineAnnealingLR(optimizer, n_epochs)
    coreset, selected_by = None, {}
    indices, weights = torch.arange(len(labels)), torch.ones(len(labels))
    for epoch in range(n_epochs):
        if epoch >= warm_start and (epoch - warm_start) % reselect_every == 0:
            selected_by = {name: value.detach().clone() for name, value in model.state_dict().items()}
            coreset = require_coreset("what select returns", select(model), len(labels))
            training_set = coreset.normalised()
            indices, weights = torch.from_numpy(training_set.indices), torch.from_numpy(training_set.weights)
        model.train()
        for batch in _batches(torch.randperm(len(indices), generator=generator), batch_size):
            samples = indices[batch].to(inputs.device)
            losses = sample_losses(loss, model(inputs[samples]), labels[samples])
            losses = losses.to(torch.promote_types(losses.dtype, torch.float32))
            importance = weights[batch].to(losses)
            optimizer.zero_grad()
            (importance @ losses / importance.sum()).backward()
            optimizer.step()
        if not _finite(model):
            return TrainedModel(model, coreset, selected_by, epoch + 1)
        schedule.step()
        if callback is not None:
            callback(epoch + 1, model)
    return TrainedModel(model, coreset, selected_by)


def _batches(order: Tensor, size: int) -> list[Tensor]:
    batches = list(order.split(size))
    if len(batches) > 1 and len(batches[-1]) == 1 < size:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def _finite(model: nn.Module) -> bool:
    """Whether all weights and running statistics are finite: a loss that is not leaves its mark on them."""
    return all(bool(torch.isfinite(value).all()) for value in model.state_dict().values())
