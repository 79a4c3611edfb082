"""Training of a network with quantised weights by QUANT or one of its rivals."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from optathlon.baselines.binary_regression.network_optimizers import StraightThroughOptimizer
from optathlon.baselines.coarse_gradients.networks import weight_norm
from optathlon.baselines.coarse_gradients.training import augmented, check_data, check_logits, check_trainable
from optathlon.baselines.quantized_training._checks import check_count, check_number, check_rng
from optathlon.baselines.quantized_training.optimizer import RULES, BinaryRelax, QuantOptimizer, quantizable_weights

METHODS = ("float", "binary", "ternary", "mean-threshold", "binary-connect", "straight-through", "binary-relax", "ternary-relax")
"""How the weights are quantised: not at all, QUANT twice, and the rivals."""

SCHEDULES = ("cosine", "constant")

_ADAM = 0.1  # Adam's rate for the signs of `StraightThroughOptimizer`, in units of the others' rate


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained network and its way.

    Attributes
    ----------
    model : torch.nn.Module
        The trained copy, in evaluation mode; its weights are quantised.
    losses : tuple of float
        Mean training loss of each epoch, over the batches as they were met.
    signs : ndarray of int8, shape (n_recorded, size)
        Signs of the first quantised tensor after each of the last steps.
    norms : tuple of float
        Norm of all weights of convolutions and linear layers, as the network uses them, at the start and after each epoch.
    finite : bool
        Whether loss and weights stayed finite; if not, training ended with that step.
    """

    model: nn.Module
    losses: tuple[float, ...]
    norms: tuple[float, ...]
    signs: NDArray[np.int8]
    finite: bool

    @property
    def changing_share(self) -> float:
        """Share of the recorded weights whose sign changed within the recorded steps; NaN where none was recorded."""
        return float((self.signs != self.signs[:1]).any(axis=0).mean()) if len(self.signs) else math.nan


def train_quantized(
    model: nn.Module,
    X: Tensor,
    y: Tensor,
    *,
    method: str,
    n_epochs: int,
    batch_size: int = 64,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    schedule: str = "cosine",
    augment: bool = False,
    n_recorded: int = 0,
    rng: int | np.random.Generator | None = None,
    callback: Callable[[int, nn.Module], object] | None = None,
) -> TrainedNetwork:
    """Minimise the mean cross entropy over quantised weights by stochastic coarse gradients with momentum.

    Parameters
    ----------
    model : torch.nn.Module
        The network at its start, on the device where it is to be trained; a copy is trained. Quantised activations, with their
        straight-through estimators, are modules of its own.
    X : Tensor, shape (n, ...)
        Inputs, on the model's device, with n >= 2.
    y : Tensor of int64, shape (n,)
        Classes.
    method : str
        One of `METHODS`: no quantisation; QUANT with binary or ternary weights; TWN's rule; signs of clipped weights; signs moved
        by the straight-through estimator with Adam at a tenth of the rate; BinaryRelax twice, whose lambda reaches 1000 after
        three quarters of the steps, where the projection takes over.
    n_epochs, batch_size : int
        Passes over the data and samples of a step, at least 2; the rest of an epoch that fills no batch is left out.
    learning_rate, momentum : float
        Step size at the start, and momentum in [0, 1).
    schedule : {"cosine", "constant"}
        The rate falls to zero along a cosine over all steps, or not at all.
    augment : bool
        Shift images by up to 4 pixels and mirror half of them.
    n_recorded : int
        After how many of the last steps the first layer's signs are recorded.
    rng : int, numpy.random.Generator, optional
        Source of the order.
    callback : callable, optional
        ``callback(epoch, model)`` after each epoch, from 1, with the model in evaluation mode.

    Returns
    -------
    TrainedNetwork
        The trained copy with losses and signs.

    Raises
    ------
    ValueError
        When data or settings are impossible, or the model has no layer to quantise.

    References
    ----------
    Long, thesis, Algorithm 1, section 4.4.2.
    """
    check_data(X, y)
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {schedule!r}")
    if augment and X.ndim != 4:
        raise ValueError(f"augment needs images of shape (n, channels, height, width), got X of shape {tuple(X.shape)}")
    n_epochs, batch_size = check_count("n_epochs", n_epochs), check_count("batch_size", batch_size, least=2)
    learning_rate = check_number("learning_rate", learning_rate, above=0)
    momentum, n_recorded = check_number("momentum", momentum, least=0, below=1), check_count("n_recorded", n_recorded, least=0)
    generator = torch.Generator().manual_seed(int(check_rng(rng).integers(2**63)))
    batch_size = min(batch_size, len(X))
    n_batches = len(X) // batch_size
    n_steps = n_epochs * n_batches
    model = copy.deepcopy(model).train()
    watched = next(iter(quantizable_weights(model).values()))
    check_trainable(model, X)
    optimizers, relax = _optimizers(model, method, learning_rate, momentum, n_steps)
    groups = [(group, group["lr"]) for optimizer in optimizers for group in optimizer.param_groups]
    losses: list[float] = []
    norms = [weight_norm(model)]
    signs: list[NDArray[np.int8]] = []
    finite = True
    for epoch in range(n_epochs):
        order = torch.randperm(len(X), generator=generator)[: n_batches * batch_size].to(X.device)
        total = 0.0
        for b, batch in enumerate(order.split(batch_size)):
            step = epoch * n_batches + b
            for group, rate in groups:
                group["lr"] = rate * (0.5 * (1 + math.cos(math.pi * step / n_steps)) if schedule == "cosine" else 1)
            inputs = augmented(X[batch], generator) if augment else X[batch]
            logits = model(inputs)
            if step == 0:
                check_logits(logits, y)
            loss = nn.functional.cross_entropy(logits, y[batch])
            model.zero_grad(set_to_none=True)
            loss.backward()
            total += float(loss.detach())
            finite = math.isfinite(total) and _finite_gradients(model)
            if not finite:  # the last finite weights are returned
                break
            if relax is not None:
                relax.advance()
            for optimizer in optimizers:
                optimizer.step()
            if step >= n_steps - n_recorded:
                signs.append(watched.detach().sign().to(torch.int8).flatten().cpu().numpy().copy())
        losses.append(total / n_batches)
        norms.append(weight_norm(model))
        if callback is not None:
            callback(epoch + 1, model.eval())
            model.train()
        if not finite:
            break
    recorded = np.stack(signs) if signs else np.zeros((0, watched.numel()), np.int8)
    return TrainedNetwork(model.eval(), tuple(losses), tuple(norms), recorded, finite)


Optimizers = Sequence[torch.optim.Optimizer | QuantOptimizer]


def _optimizers(
    model: nn.Module, method: str, learning_rate: float, momentum: float, n_steps: int
) -> tuple[Optimizers, BinaryRelax | None]:
    weights = list(quantizable_weights(model).values())
    if method == "straight-through":
        chosen = set(map(id, weights))
        others = torch.optim.SGD([p for p in model.parameters() if id(p) not in chosen], learning_rate, momentum)
        return (StraightThroughOptimizer(weights, _ADAM * learning_rate), others), None
    inner = torch.optim.SGD(model.parameters(), learning_rate, momentum)
    if method == "float":
        return (inner,), None
    if method in RULES:
        return (QuantOptimizer(inner, weights, method),), None
    if method == "binary-connect":
        return (QuantOptimizer(inner, weights, "sign", clip=1.0),), None
    relax = BinaryRelax(method.removesuffix("-relax"), growth=1000 ** (1 / max(1, int(0.75 * n_steps))))
    return (QuantOptimizer(inner, weights, relax),), relax


def _finite_gradients(model: nn.Module) -> bool:
    squares = [p.grad.square().sum() for p in model.parameters() if p.grad is not None]
    return bool(torch.isfinite(torch.stack(squares).sum()))
