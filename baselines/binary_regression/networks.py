"""Training of networks with weights in {-1, +1}: one loop for MAXIMIN, the straight-through estimator, Bop and real weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from optathlon.baselines.binary_regression._checks import check_choice, check_count, check_positive, check_rng
from optathlon.baselines.binary_regression.network_optimizers import (
    BinaryOptimizer,
    BopOptimizer,
    MaximinOptimizer,
    StraightThroughOptimizer,
    to_signs,
)

IsBinary = Callable[[str, nn.Parameter], bool]
LossFunction = Callable[[Tensor, Tensor], Tensor]

# Settings of each method; a step size goes geometrically from its first to its final value over the run. For MAXIMIN, the
# dual step grows by the factor `dual_growth` to `dual` divided by the number of steps: however long the run, the dual of a weight
# that stays at zero reaches about dual / log(dual_growth) times the size of the gradient.
RECIPES: dict[str, dict[str, float]] = {
    "real": {"lr": 3e-3, "final_lr": 1e-4},
    "straight-through": {"lr": 1e-2, "final_lr": 1e-4, "spread": 0.1},
    "bop": {"lr": 1e-2, "final_lr": 1e-4, "threshold": 1e-6},
    "maximin": {"lr": 0.1, "final_lr": 0.01, "dual": 300.0, "dual_growth": 1e4, "bound": 1.0},
}
# Adam's step size of the real parameters, first and final.
_REAL_STEPS = (1e-2, 1e-4)


class TrainedNetwork(NamedTuple):
    """Answer of `train_network`.

    Attributes
    ----------
    module : Module
        The trained copy, in evaluation mode, its binary weights exactly -1 or +1 (real with method ``"real"``).
    shares : dict of str to float
        For each weight tensor that was to be binary, the share of its entries within 0.1 of -1 or +1 before they were rounded;
        empty where training ended before.
    diverged_at : int or None
        The step at which the loss was no longer finite, where training ended; what is returned then is no trained network.
    """

    module: nn.Module
    shares: dict[str, float]
    diverged_at: int | None = None


def train_network(
    module: nn.Module,
    X: ArrayLike | Tensor,
    y: ArrayLike | Tensor,
    *,
    method: str = "maximin",
    n_epochs: int = 8,
    batch_size: int = 128,
    settle: float = 0.1,
    is_binary: IsBinary | None = None,
    loss: LossFunction = nn.functional.cross_entropy,
    rng: int | np.random.Generator | None = None,
    callback: Callable[[int, nn.Module], object] | None = None,
    options: Mapping[str, float] | None = None,
) -> TrainedNetwork:
    """Minimise the mean of loss(module(x), y) over weights in {-1, +1} and real biases, gains and normalisations (eq. 16).

    Parameters
    ----------
    module : Module
        The network, on the device where it is to be trained; it is not changed.
    X : array_like or Tensor, shape (n_samples, ...)
        Inputs.
    y : array_like or Tensor, shape (n_samples, ...)
        Targets as `loss` wants them: by default class numbers, of shape (n_samples,).
    method : {"maximin", "straight-through", "bop", "real"}
        How the binary weights are trained; ``"real"`` leaves them real.
    n_epochs, batch_size : int
        Passes over the samples, and samples of a step; an incomplete last batch of a pass is left out.
    settle : float
        Share of the steps, at the end, in which the weights are fixed at their signs and the real parameters adapt to them;
        ``"real"`` has none.
    is_binary : callable, optional
        ``is_binary(name, parameter)`` picks the parameters to be binary; by default those of two or more axes.
    loss : callable
        ``loss(output, target)``, the mean over a batch.
    rng : int or numpy.random.Generator, optional
        Source of the order of the samples.
    callback : callable, optional
        ``callback(step, module)`` with the network in training after each step, its weights not yet rounded; see `binary_copy`.
    options : mapping of str to float, optional
        Settings of the method in place of those of ``RECIPES[method]``.

    Returns
    -------
    TrainedNetwork
        The trained copy, and how binary its weights had become by themselves.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, kind or range.

    Notes
    -----
    Layers that draw random numbers themselves, such as dropout, use torch's own generator.

    References
    ----------
    Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, eq. 16 and Section V-D.
    """
    check_choice("method", method, tuple(RECIPES))
    check_count("n_epochs", n_epochs)
    check_count("batch_size", batch_size)
    if not 0 <= settle < 1:
        raise ValueError(f"settle must be in [0, 1), got {settle!r}")
    generator = check_rng(rng)
    settings = _settings(method, options or {})
    split_parameters(module, is_binary)  # refuses a module without binary weights before it is copied
    module = copy.deepcopy(module).train()
    binary, real = split_parameters(module, is_binary)
    features, target = _on_device(module, X, y)
    output = _first_output(module, features)
    if loss is nn.functional.cross_entropy:
        _check_classes(target, output)
    steps_per_epoch = max(1, len(features) // batch_size)
    n_steps = n_epochs * steps_per_epoch
    n_moving = n_steps if method == "real" else max(1, n_steps - int(settle * n_steps))
    weights = _weight_optimizer(method, binary, settings, n_moving)
    fade_weights = _fading(weights, settings["lr"], settings["final_lr"], n_moving)
    others = torch.optim.Adam([{"params": real}], lr=_REAL_STEPS[0])
    fade_others = _fading(others, *_REAL_STEPS, n_steps)
    shares = {}
    for step, rows in enumerate(_batches(len(features), batch_size, n_epochs, generator), start=1):
        batch = torch.from_numpy(rows).to(features.device)
        module.zero_grad()
        value = loss(module(features[batch]), target[batch])
        if not math.isfinite(float(value.detach())):
            return TrainedNetwork(module.eval(), shares, step)
        value.backward()
        if step <= n_moving:
            weights.step()
            fade_weights.step()
        others.step()
        fade_others.step()
        if step == n_moving:
            shares = binary_shares(module, is_binary=is_binary)
            if isinstance(weights, BinaryOptimizer):
                weights.binarize()
        if callback is not None:
            callback(step, module)
    if n_moving == n_steps and method != "real":  # normalisation saw only the unrounded weights
        refresh_normalisation(module, features)
    return TrainedNetwork(module.eval(), shares)


def split_parameters(module: nn.Module, is_binary: IsBinary | None = None) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return the trainable parameters that are to be binary, and the others.

    Parameters
    ----------
    module : Module
        Any network.
    is_binary : callable, optional
        ``is_binary(name, parameter)``; by default parameters of two or more axes are binary: the weights of linear and
        convolutional layers, but not biases, gains and normalisations.

    Raises
    ------
    ValueError
        When no parameter is to be binary.
    """
    if not isinstance(module, nn.Module):
        raise ValueError(f"module must be a torch module, got {type(module).__name__}")
    named = [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]
    choose = is_binary or (lambda name, parameter: parameter.ndim >= 2)
    chosen = {name for name, parameter in named if choose(name, parameter)}
    if not chosen:
        names = ", ".join(name for name, _ in named) or "none"
        raise ValueError(f"module must have a trainable parameter to be binary, got {names}")
    binary = [parameter for name, parameter in named if name in chosen]
    return binary, [parameter for name, parameter in named if name not in chosen]


def binary_shares(module: nn.Module, *, tol: float = 0.1, is_binary: IsBinary | None = None) -> dict[str, float]:
    """Return, for each weight tensor that is to be binary, the share of its entries within `tol` of -1 or +1 (Fig. 4)."""
    check_positive("tol", tol)
    binary, _ = split_parameters(module, is_binary)
    chosen = {id(parameter) for parameter in binary}
    return {
        name: float(((parameter.detach().abs() - 1).abs() <= tol).float().mean())
        for name, parameter in module.named_parameters()
        if id(parameter) in chosen
    }


def binary_copy(module: nn.Module, X: ArrayLike | Tensor | None = None, *, is_binary: IsBinary | None = None) -> nn.Module:
    """Return a copy for evaluation with the weights at their signs.

    Parameters
    ----------
    module : Module
        A network, perhaps in training; it is not changed.
    X : array_like or Tensor, shape (n_samples, ...), optional
        Inputs on which batch normalisation takes its statistics anew, for those of the unrounded weights no longer fit.
    is_binary : callable, optional
        As in `split_parameters`.
    """
    rounded = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in split_parameters(rounded, is_binary)[0]:
            parameter.copy_(to_signs(parameter))
    if X is not None:
        refresh_normalisation(rounded, _inputs(rounded, X))
    return rounded.eval()


@torch.no_grad()
def refresh_normalisation(module: nn.Module, X: Tensor, batch_size: int = 1000) -> None:
    """Take the running statistics of all batch normalisations anew, in place, as averages over the batches of `X`."""
    norms = [part for part in module.modules() if isinstance(part, _NormBase) and part.track_running_stats]
    if not norms:
        return
    modes = {part: part.training for part in module.modules()}
    momenta = [norm.momentum for norm in norms]
    module.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average
        norm.train()
    for batch in X.tensor_split(-(-len(X) // batch_size)):  # batches of one size, for they weigh the same
        module(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for part, mode in modes.items():
        part.training = mode


@torch.no_grad()
def predict_classes(module: nn.Module, X: ArrayLike | Tensor, *, batch_size: int = 1000) -> NDArray[np.int64]:
    """Return the class of the largest output for each input.

    Parameters
    ----------
    module : Module
        A classifier; it is evaluated on its own device, and its mode is kept.
    X : array_like or Tensor, shape (n_samples, ...)
        Inputs.
    batch_size : int
        Inputs evaluated at once.
    """
    check_count("batch_size", batch_size)
    was_training = module.training
    module.eval()
    classes = torch.cat([module(batch).argmax(dim=1) for batch in _inputs(module, X).split(batch_size)])
    module.train(was_training)
    return classes.cpu().numpy()


def _settings(method: str, options: Mapping[str, float]) -> dict[str, float]:
    """Return the recipe of a method with `options` in it."""
    recipe = RECIPES[method]
    unknown = sorted(set(options) - set(recipe))
    if unknown:
        raise ValueError(f"method {method!r} has the options {', '.join(recipe)}, got {', '.join(unknown)}")
    settings = {**recipe, **options}
    for name in ("lr", "final_lr", "dual_growth"):
        if name in settings:
            check_positive(name, settings[name])
    return settings


def _weight_optimizer(method: str, binary: list[nn.Parameter], settings: dict[str, float], n_steps: int) -> torch.optim.Optimizer:
    if method == "real":
        return torch.optim.Adam(binary, lr=settings["lr"])
    if method == "straight-through":
        return StraightThroughOptimizer(binary, settings["lr"], spread=settings["spread"])
    if method == "bop":
        return BopOptimizer(binary, settings["lr"], threshold=settings["threshold"])
    return MaximinOptimizer(
        binary,
        settings["lr"],
        dual_step=settings["dual"] / n_steps / settings["dual_growth"],
        dual_growth=settings["dual_growth"] ** (1 / n_steps),
        bound=settings["bound"],
    )


def _fading(optimizer: torch.optim.Optimizer, first: float, final: float, n_steps: int) -> Any:
    """Return the scheduler that takes the step size geometrically from `first` to `final`."""
    return torch.optim.lr_scheduler.ExponentialLR(optimizer, (final / first) ** (1 / n_steps))


def _batches(n_samples: int, batch_size: int, n_epochs: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each step: full batches of a new order for every pass."""
    size = min(batch_size, n_samples)
    for _ in range(n_epochs):
        order = rng.permutation(n_samples)
        for first in range(0, n_samples - size + 1, size):
            yield order[first : first + size]


def _on_device(module: nn.Module, X: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Return inputs and targets on the device of the module: real numbers in its precision, whole targets as int64."""
    features = _inputs(module, X)
    target = _as_tensor("y", y)
    target = target.to(features.device, features.dtype if target.is_floating_point() else torch.int64)
    if target.ndim == 0 or len(target) != len(features):
        raise ValueError(f"y must have one target per sample, {len(features)}, got shape {tuple(target.shape)}")
    return features, target


def _inputs(module: nn.Module, X: Any) -> Tensor:
    features = _as_tensor("X", X)
    if features.ndim < 2 or features.numel() == 0:
        raise ValueError(f"X must have shape (n_samples, ...), not empty, got {tuple(features.shape)}")
    like = next(module.parameters(), torch.zeros(()))
    return features.to(like.device, like.dtype)


def _as_tensor(name: str, values: Any) -> Tensor:
    if isinstance(values, Tensor):
        tensor = values.detach()
    else:
        array = np.asarray(values)
        if array.dtype.kind not in "iuf":
            raise ValueError(f"{name} must hold real numbers, got dtype {array.dtype}")
        tensor = torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{name} must be finite, got NaN or infinite entries")
    return tensor


@torch.no_grad()
def _first_output(module: nn.Module, features: Tensor) -> Tensor:
    """Return the output of the first sample, or say that the module does not take it."""
    module.eval()
    try:
        return module(features[:1])
    except RuntimeError as error:
        raise ValueError(f"X must fit the module's input, got samples of shape {tuple(features.shape[1:])}: {error}") from None
    finally:
        module.train()


def _check_classes(target: Tensor, output: Tensor) -> None:
    """Refuse targets that are not the numbers of the module's outputs."""
    if output.ndim != 2:
        raise ValueError(f"module must return shape (n_samples, n_classes), got {tuple(output.shape)} for one sample")
    if target.ndim != 1 or target.is_floating_point():
        raise ValueError(f"y must hold integer class numbers of shape (n_samples,), got {target.dtype} of {tuple(target.shape)}")
    n_classes = output.shape[1]
    if target.min() < 0 or target.max() >= n_classes:
        span = f"{int(target.min())} to {int(target.max())}"
        raise ValueError(f"y must hold class numbers from 0 to {n_classes - 1}, for module has {n_classes} outputs, got {span}")
