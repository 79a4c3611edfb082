"""Per-sample gradients of a torch network: of its last layer in closed form, or of all its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from optathlon.baselines.coresets._checks import affordable, integer
from optathlon.baselines.coresets.gradients import FactoredGradients, factored_gradients


def last_layer_gradients(model: nn.Module, inputs: Tensor, labels: Tensor, *, batch_size: int = 250) -> FactoredGradients:
    """Gradients of each sample's cross entropy with respect to the last linear layer: one forward pass.

    Parameters
    ----------
    model : torch.nn.Module
        A classifier whose last registered `torch.nn.Linear` returns the logits, which nothing changes afterwards. It is
        evaluated in evaluation mode, and every module is left in the mode it had.
    inputs : Tensor, shape (n, ...)
        Samples, finite, on the model's device.
    labels : Tensor of integers, shape (n,)
        Classes, from 0 to C - 1.
    batch_size : int
        Samples of one pass; batches that stay in cache are the fastest.

    Returns
    -------
    FactoredGradients
        Residuals (n, C) and features (n, d + 1), of the layer's precision, at least float32: n (C + d + 1) numbers, however
        many parameters there are.

    Raises
    ------
    ValueError
        Where the model has no linear layer, its last one does not return the logits in one call a pass, shapes disagree, a
        label is no class, or an input or output is not finite.
    """
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ValueError("model must end in a torch.nn.Linear layer, got a model without one")
    labels, batch_size = labelled_samples(model, inputs, labels), integer("batch_size", batch_size)
    last = linear[-1]
    dtype = torch.promote_types(last.weight.dtype, torch.float32)
    outputs = torch.empty(len(inputs), last.out_features, dtype=dtype)
    features = torch.empty(len(inputs), last.in_features, dtype=dtype)
    part, shapes = slice(0, 0), []

    # Every pass is copied out at once: small tensors kept between the large ones of a pass would hold their memory apart, and
    # what follows the layer may work in place.
    def keep(_: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        shapes.append(output.shape)
        if output.shape == outputs[part].shape:
            outputs[part], features[part] = output.cpu(), arguments[0].cpu()

    hook = last.register_forward_hook(keep)
    try:
        with torch.inference_mode(), evaluating(model):
            for start in range(0, len(inputs), batch_size):
                part = slice(start, start + batch_size)
                shapes.clear()
                logits = model(inputs[part])
                if len(shapes) != 1:
                    raise ValueError(f"model must call its last torch.nn.Linear once a pass, got {len(shapes)} calls")
                if shapes[0] != logits.shape or not _same(logits.cpu(), outputs[part]):
                    raise ValueError(
                        f"model must return as logits what its last torch.nn.Linear returns, shape {tuple(shapes[0])}, "
                        f"got something else of shape {tuple(logits.shape)}"
                    )
    finally:
        hook.remove()
    return factored_gradients(outputs.numpy(), labels.cpu().numpy(), features.numpy(), bias=last.bias is not None)


def all_layer_gradients(model: nn.Module, inputs: Tensor, labels: Tensor, *, batch_size: int = 100) -> np.ndarray:
    """Gradients of each sample's cross entropy with respect to all trainable parameters.

    Parameters
    ----------
    model : torch.nn.Module
        A classifier that returns logits, evaluated in evaluation mode (batch statistics would couple the samples). Every
        module is left in the mode it had.
    inputs : Tensor, shape (n, ...)
        Samples, finite, on the model's device.
    labels : Tensor of integers, shape (n,)
        Classes, from 0 to C - 1.
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
    labels, batch_size = labelled_samples(model, inputs, labels), integer("batch_size", batch_size)
    trainable = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}
    if not trainable:
        raise ValueError("model must have a parameter that requires a gradient, got none")
    fixed = {name: value.detach() for name, value in model.named_parameters() if not value.requires_grad}
    fixed |= dict(model.named_buffers())
    size = sum(value.numel() for value in trainable.values())
    dtype = reduce(torch.promote_types, {value.dtype for value in trainable.values()}, torch.float32)
    affordable("the matrix of all-layer gradients", len(inputs), size, dtype.itemsize, "use the last layer, or fewer samples")

    def loss(parameters: dict[str, Tensor], sample: Tensor, label: Tensor) -> Tensor:
        logits = functional_call(model, {**parameters, **fixed}, (sample[None],))
        return nn.functional.cross_entropy(logits, label[None])

    per_sample = vmap(grad(loss), in_dims=(None, 0, 0))
    rows = torch.empty(len(inputs), size, dtype=dtype)
    with evaluating(model):
        for start in range(0, len(inputs), batch_size):
            part = slice(start, start + batch_size)
            gradients = per_sample(trainable, inputs[part], labels[part])
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


def labelled_samples(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Return the labels, int64 on the inputs' device, where every sample is finite and has one of the model's classes."""
    for name, value in (("inputs", inputs), ("labels", labels)):
        if not isinstance(value, Tensor):
            raise ValueError(f"{name} must be a torch.Tensor, got {type(value).__name__}")
    if inputs.numel() == 0 or inputs.ndim == 0:
        raise ValueError(f"inputs must hold at least one sample, got shape {tuple(inputs.shape)}")
    if not (torch.isfinite(inputs.sum()) or torch.isfinite(inputs).all()):  # a finite sum has only finite terms
        raise ValueError(f"inputs must be finite, got NaN or infinity in {int((~torch.isfinite(inputs)).sum())} places")
    n = len(inputs)
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
    return logits.shape == outputs.shape and torch.allclose(logits.to(outputs.dtype), outputs, rtol=0, atol=0, equal_nan=True)
