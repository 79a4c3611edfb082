"""Per-sample gradients of a torch network: of its last layer in closed form, or of all its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from optathlon.baselines.coresets._checks import affordable, integer
from optathlon.baselines.coresets.gradients import FactoredGradients, factored_gradients

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""``loss(outputs, labels) -> Tensor (n,)``: the loss of each sample."""


def last_layer_gradients(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    layer: str | nn.Linear | None = None,
    loss: Loss | None = None,
    batch_size: int = 250,
) -> FactoredGradients:
    """Gradients of each sample's loss with respect to the last linear layer, or another one: one forward pass.

    The gradient of a linear layer is the outer product of two vectors, what its output does to the loss and what enters it. For
    the cross entropy of the last layer's output the first is softmax minus one-hot label; for other losses and layers it comes
    from a backward pass from the loss to the layer.

    Parameters
    ----------
    model : torch.nn.Module
        A classifier whose last registered `torch.nn.Linear` returns the logits, which nothing changes afterwards; any model
        with `layer` or `loss`. It is evaluated in evaluation mode, and every module is left in the mode it had.
    inputs : Tensor, shape (n, ...)
        Samples, finite, on the model's device.
    labels : Tensor of integers, shape (n,)
        Classes, from 0 to C - 1; with a `loss`, targets of any kind, one row a sample.
    layer : str or torch.nn.Linear, optional
        The layer, or its name in ``model.named_modules()``, called once a pass; the last registered one by default.
    loss : callable, optional
        ``loss(outputs, labels) -> Tensor (n,)``, the loss of each sample; the cross entropy by default.
    batch_size : int
        Samples of one pass; batches that stay in cache are the fastest.

    Returns
    -------
    FactoredGradients
        Residuals (n, C) and features (n, d + 1), of the layer's precision, at least float32: n (C + d + 1) numbers, however
        many parameters there are; features (n, d) where the layer has no bias.

    Raises
    ------
    ValueError
        Where the model lacks the layer, does not call it once a pass on vectors, or (without `layer` and `loss`) does not return
        as logits what it returns; where shapes disagree, a label is no class, or an input, output or loss is not finite.
    """
    labels, batch_size = checked_samples(model, inputs, labels, loss), integer("batch_size", batch_size)
    last = _linear_layer(model, layer)
    dtype = torch.promote_types(last.weight.dtype, torch.float32)
    residuals = torch.empty(len(inputs), last.out_features, dtype=dtype)
    features = torch.empty(len(inputs), last.in_features, dtype=dtype)
    closed_form = layer is None and loss is None
    with evaluating(model), torch.inference_mode(closed_form):
        for start in range(0, len(inputs), batch_size):
            part = slice(start, start + batch_size)
            entering, output, outputs = _watched_pass(model, last, inputs[part])
            # Every pass is copied out at once: small tensors kept between the large ones of a pass would hold their memory apart.
            features[part] = entering.cpu()
            if closed_form:
                residuals[part] = output.cpu()
                if not _same(outputs, output):
                    raise ValueError(
                        f"model must return as logits what its last torch.nn.Linear returns, shape {tuple(output.shape)}, "
                        f"got something else of shape {tuple(outputs.shape)}; name the layer"
                    )
            else:
                total = sample_losses(loss, outputs, labels[part]).sum()
                if not torch.isfinite(total):
                    raise ValueError(
                        f"loss must be finite, got a sum of {total.item()} over samples {start} to {start + len(outputs)}"
                    )
                (slope,) = torch.autograd.grad(total, output)
                residuals[part] = slope.cpu()
    if closed_form:
        return factored_gradients(residuals.numpy(), labels.cpu().numpy(), features.numpy(), bias=last.bias is not None)
    ones = [torch.ones(len(features), 1, dtype=dtype)] if last.bias is not None else []
    return FactoredGradients(residuals.numpy(), torch.cat([features, *ones], dim=1).numpy())


def _linear_layer(model: nn.Module, layer: str | nn.Linear | None) -> nn.Linear:
    linear = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    if not linear:
        raise ValueError("model must end in a torch.nn.Linear layer, got a model without one")
    if layer is None:
        return list(linear.values())[-1]
    found = linear.get(layer) if isinstance(layer, str) else next((one for one in linear.values() if one is layer), None)
    if found is None:
        raise ValueError(f"layer must be one of the model's torch.nn.Linear layers, {', '.join(linear)}, got {layer!r}")
    return found


def _watched_pass(model: nn.Module, layer: nn.Linear, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what enters the layer, what leaves it, and what the model makes of that; the middle one can be differentiated by."""
    seen: list[tuple[Tensor, Tensor]] = []

    def keep(_: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
        # What follows may work in place, on a copy then; and where no parameter has a gradient, the output still does.
        output = output.detach() if output.requires_grad or torch.is_grad_enabled() else output
        output = output.requires_grad_(torch.is_grad_enabled())
        seen.append((arguments[0].detach(), output))
        return output.clone()

    hook = layer.register_forward_hook(keep)
    try:
        outputs = model(inputs)
    finally:
        hook.remove()
    if len(seen) != 1:
        raise ValueError(f"model must call its linear layer once a pass, got {len(seen)} calls")
    if seen[0][0].ndim != 2 or len(seen[0][0]) != len(inputs):
        raise ValueError(f"the linear layer must see one vector a sample, got an input of shape {tuple(seen[0][0].shape)}")
    return *seen[0], outputs


def all_layer_gradients(
    model: nn.Module, inputs: Tensor, labels: Tensor, *, loss: Loss | None = None, batch_size: int = 100
) -> np.ndarray:
    """Gradients of each sample's loss with respect to all trainable parameters.

    Parameters
    ----------
    model : torch.nn.Module
        A classifier that returns logits, evaluated in evaluation mode (batch statistics would couple the samples). Every
        module is left in the mode it had.
    inputs : Tensor, shape (n, ...)
        Samples, finite, on the model's device.
    labels : Tensor of integers, shape (n,)
        Classes, from 0 to C - 1; with a `loss`, targets of any kind, one row a sample.
    loss : callable, optional
        ``loss(outputs, labels) -> Tensor (n,)``, the loss of each sample, for `torch.func.grad` to differentiate; the cross
        entropy by default.
    batch_size : int
        Samples of one vectorised pass.

    Returns
    -------
    ndarray, shape (n, P)
        One gradient a row, parameters flattened in the order of ``model.parameters()``, of the parameters' precision, at
        least float32.

    Raises
    ------
    ValueError
        Where shapes disagree, a label is no class, an input is not finite, no parameter requires a gradient, or n rows of P
        numbers would exceed 4 GiB.
    """
    labels, batch_size = checked_samples(model, inputs, labels, loss), integer("batch_size", batch_size)
    trainable = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}
    if not trainable:
        raise ValueError("model must have a parameter that requires a gradient, got none")
    fixed = {name: value.detach() for name, value in model.named_parameters() if not value.requires_grad}
    fixed |= dict(model.named_buffers())
    size = sum(value.numel() for value in trainable.values())
    dtype = reduce(torch.promote_types, {value.dtype for value in trainable.values()}, torch.float32)
    affordable("the matrix of all-layer gradients", len(inputs), size, dtype.itemsize, "use the last layer, or fewer samples")

    def sample_loss(parameters: dict[str, Tensor], sample: Tensor, label: Tensor) -> Tensor:
        outputs = functional_call(model, {**parameters, **fixed}, (sample[None],))
        return sample_losses(loss, outputs, label[None])[0]

    per_sample = vmap(grad(sample_loss), in_dims=(None, 0, 0))
    rows = torch.empty(len(inputs), size, dtype=dtype)
    with evaluating(model):
        for start in range(0, len(inputs), batch_size):
            part = slice(start, start + batch_size)
            gradients = per_sample(trainable, inputs[part].detach(), labels[part].detach())
            rows[part] = torch.cat([value.flatten(1) for value in gradients.values()], dim=1).cpu()
    return rows.numpy()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put the model in evaluation mode for a while, then every module back in its own."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def sample_losses(loss: Loss | None, outputs: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of each sample, shape (n,): the cross entropy where `loss` is None."""
    if loss is None:
        return nn.functional.cross_entropy(outputs, labels, reduction="none")
    losses = loss(outputs, labels)
    if not isinstance(losses, Tensor) or losses.shape != (len(labels),):
        got = f"shape {tuple(losses.shape)}" if isinstance(losses, Tensor) else type(losses).__name__
        raise ValueError(f"loss must return one number a sample, shape ({len(labels)},), got {got}")
    return losses


def checked_samples(model: nn.Module, inputs: Tensor, labels: Tensor, loss: Loss | None) -> Tensor:
    """Return the labels on the inputs' device, where every sample is finite and has one; without `loss`, one of the classes."""
    for name, value in (("inputs", inputs), ("labels", labels)):
        if not isinstance(value, Tensor):
            raise ValueError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
    if inputs.numel() == 0 or inputs.ndim == 0:
        raise ValueError(f"inputs must hold at least one sample, got shape {tuple(inputs.shape)}")
    if not (torch.isfinite(inputs.sum()) or torch.isfinite(inputs).all()):  # a finite sum has only finite terms
        raise ValueError(f"inputs must be finite, got NaN or infinity in {int((~torch.isfinite(inputs)).sum())} places")
    n = len(inputs)
    if loss is not None:
        if labels.ndim == 0 or len(labels) != n:
            raise ValueError(f"labels must have one row a sample, {n}, got shape {tuple(labels.shape)}")
        return labels.to(inputs.device)
    labels = labels.ravel() if labels.shape == (n, 1) else labels
    if labels.shape != (n,) or labels.dtype == torch.bool or labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"labels must be {n} integers, one a sample, got {labels.dtype} of shape {tuple(labels.shape)}")
    with torch.no_grad(), evaluating(model):
        logits = model(inputs[:1])
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"model must return logits of shape (samples, classes), got {got}")
    labels, classes = labels.to(inputs.device, torch.int64), logits.shape[1]
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must lie between 0 and {classes - 1}, got {int(labels.min())} to {int(labels.max())}")
    return labels


def _same(logits: Tensor, outputs: Tensor) -> bool:
    """Whether logits are the kept outputs, bit by bit; NaN is refused elsewhere, by its own name."""
    return (
        isinstance(logits, Tensor)
        and logits.shape == outputs.shape
        and torch.allclose(logits.to(outputs.dtype), outputs, rtol=0, atol=0, equal_nan=True)
    )
