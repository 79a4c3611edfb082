"""Per-sample gradients of a torch network: of its last layer in closed form, or of all its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from baselines.coresets._checks import affordable, positive_integer
from baselines.coresets.gradients import FactoredGradients, factored_gradients


def last_layer_gradients(model: nn.Module, inputs: Tensor, labels: Tensor, *, batch_size: int = 250) -> FactoredGradients:
    """Gradients of each sample's cross entropy with respect to the last linear layer: one forward pass.

    Parameters
    ----------
    model : torch.nn.Module
        A classifier whose last `torch.nn.Linear` returns the logits. It is evaluated in evaluation mode and left in the
        mode it had.
    inputs : Tensor, shape (n, ...)
        Samples, on the model's device.
    labels : Tensor of int64, shape (n,)
        Classes.
    batch_size : int
        Samples of one pass; batches that stay in cache are the fastest.

    Returns
    -------
    FactoredGradients
        Residuals (n, C) and features (n, d + 1), float32: n (C + d + 1) numbers, however many parameters there are.

    Raises
    ------
    ValueError
        Where the model has no linear layer, its last one does not return the logits, shapes disagree, or an output is not
        finite.
    """
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ValueError("model must end in a torch.nn.Linear layer, got a model without one")
    _require_samples(inputs, labels)
    positive_integer("batch_size", batch_size)
    last = linear[-1]
    outputs = torch.empty(len(inputs), last.out_features, dtype=last.weight.dtype)
    features = torch.empty(len(inputs), last.in_features, dtype=last.weight.dtype)
    part = slice(0, 0)

    def keep_features(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        features[part] = arguments[0].cpu()

    # Every pass is copied out at once: small tensors kept between the large ones of a pass would hold their memory apart.
    hook = last.register_forward_pre_hook(keep_features)
    try:
        with torch.inference_mode(), _evaluating(model):
            for start in range(0, len(inputs), batch_size):
                part = slice(start, start + batch_size)
                logits = model(inputs[part])
                if logits.shape != outputs[part].shape:
                    raise ValueError(f"model's last linear layer must return its logits, got shape {tuple(logits.shape)}")
                outputs[part] = logits.cpu()
    finally:
        hook.remove()
    return factored_gradients(outputs.numpy(), labels.cpu().numpy(), features.numpy(), bias=last.bias is not None)


def all_layer_gradients(model: nn.Module, inputs: Tensor, labels: Tensor, *, batch_size: int = 100) -> np.ndarray:
    """Gradients of each sample's cross entropy with respect to all trainable parameters.

    Parameters
    ----------
    model : torch.nn.Module
        A classifier that returns logits, evaluated in evaluation mode (batch statistics would couple the samples).
    inputs : Tensor, shape (n, ...)
        Samples, on the model's device.
    labels : Tensor of int64, shape (n,)
        Classes.
    batch_size : int
        Samples of one vectorised pass.

    Returns
    -------
    ndarray, shape (n, P)
        One gradient a row, parameters flattened in the order of ``model.parameters()``.

    Raises
    ------
    ValueError
        Where shapes disagree, or n rows of P numbers would exceed 4 GiB.
    """
    _require_samples(inputs, labels)
    positive_integer("batch_size", batch_size)
    trainable = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}
    fixed = {name: value.detach() for name, value in model.named_parameters() if not value.requires_grad}
    fixed |= dict(model.named_buffers())
    size = sum(value.numel() for value in trainable.values())
    affordable("the matrix of all-layer gradients", len(inputs), size, 4, "use the last layer, or fewer samples")

    def loss(parameters: dict[str, Tensor], sample: Tensor, label: Tensor) -> Tensor:
        logits = functional_call(model, {**parameters, **fixed}, (sample[None],))
        return nn.functional.cross_entropy(logits, label[None])

    per_sample = vmap(grad(loss), in_dims=(None, 0, 0))
    rows = np.empty((len(inputs), size), np.float32)
    with _evaluating(model):
        for start in range(0, len(inputs), batch_size):
            part = slice(start, start + batch_size)
            gradients = per_sample(trainable, inputs[part], labels[part])
            rows[part] = torch.cat([value.flatten(1) for value in gradients.values()], dim=1).cpu().numpy()
    return rows


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Put the model in evaluation mode for a while."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _require_samples(inputs: Tensor, labels: Tensor) -> None:
    if len(inputs) == 0 or labels.shape != (len(inputs),):
        raise ValueError(
            f"inputs and labels must hold the same number of samples, at least one, got shapes "
            f"{tuple(inputs.shape)} and {tuple(labels.shape)}"
        )
