"""QUANT around any torch optimiser: gradients at the quantised weights move real-valued ones, which are projected again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from optathlon.baselines.quantized_training._checks import check_number, check_weights
from optathlon.baselines.quantized_training.projections import mean_threshold_ternary, project_binary, project_ternary

Project = Callable[[Tensor], Tensor]

RULES = ("binary", "ternary", "mean-threshold", "sign")
"""How weights are quantised, by name: Lemmas 4.3 and 4.4, the rule of TWN, signs without a scale (BinaryConnect)."""


def quantizable_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights of all convolutions and linear layers, by name; biases and normalisations keep their precision.

    Raises
    ------
    ValueError
        When there are none, or one has no entry, a single entry, zeros alone, or a number that is not finite.
    """
    kinds = (nn.Linear, nn.modules.conv._ConvNd)
    layers = {name: module for name, module in model.named_modules() if isinstance(module, kinds)}
    found = {f"{name}.weight".lstrip("."): cast(nn.Parameter, layer.weight) for name, layer in layers.items()}
    if not found:
        raise ValueError(f"model must have a convolution or a linear layer to quantise, got {type(model).__name__} without")
    for name, weight in found.items():
        if weight.numel() < 2:
            raise ValueError(f"{name} must have at least 2 entries, for one is its own quantisation, got {weight.numel()}")
        if not bool(torch.isfinite(weight).all()):
            raise ValueError(f"{name} must be finite, got {int((~torch.isfinite(weight)).sum())} entries that are not")
        if not bool(weight.any()):
            raise ValueError(f"{name} must not be all zero, for zero has no nearest signs")
    return found


class QuantOptimizer:
    r"""Algorithm 1 for torch parameters: :math:`y^t = y^{t-1} - \eta_t g(w^{t-1}), \; w^t = proj_Q(y^t)`, a tensor at a time.

    The parameters hold w, so that a forward pass is that of the quantised network and a backward pass leaves g(w); y is kept
    beside. The inner optimiser moves y by g with momentum, decay and rate of its own, and all its other parameters as usual::

        optimizer = QuantOptimizer(torch.optim.SGD(model.parameters(), 0.1), quantizable_weights(model).values(), "ternary")

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Moves all parameters, the quantised ones among them.
    params : iterable of Parameter
        Those to quantise; each is one vector with one scale. They are projected at once.
    rule : {"binary", "ternary", "mean-threshold", "sign"} or callable
        The projection, or ``rule(y) -> w`` for tensors.
    clip : float, optional
        Bound on \|y_i\| after each step, as BinaryConnect has it.

    Attributes
    ----------
    auxiliary : dict
        Parameter to its real-valued weights y.

    Raises
    ------
    ValueError
        When there is nothing to quantise, the optimiser does not move it, or `rule` or `clip` is unknown or out of range.

    References
    ----------
    Long, thesis, Algorithm 1; with "sign" and a clip of 1: Courbariaux, Bengio and David, BinaryConnect, 2015.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        params: Iterable[nn.Parameter],
        rule: str | Project = "ternary",
        *,
        clip: float | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.project = rule if callable(rule) else _by_name(rule)
        self.clip = None if clip is None else check_number("clip", clip, above=0)
        params = list(params)
        if not params:
            raise ValueError("params must hold at least one parameter to quantise, got none")
        moved = {id(p) for group in optimizer.param_groups for p in group["params"]}
        strangers = sum(id(p) not in moved for p in params)
        if strangers:
            raise ValueError(f"params must be moved by the optimizer, got {strangers} of {len(params)} that are not")
        self.auxiliary = {p: p.detach().clone() for p in params}
        self._project_all()

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The inner optimiser's groups, for schedules."""
        return self.optimizer.param_groups

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad(set_to_none=set_to_none)

    @torch.no_grad()
    def step(self) -> None:
        """Move the real-valued weights by the gradients at the quantised ones, and quantise again."""
        for p, y in self.auxiliary.items():
            p.copy_(y)
        self.optimizer.step()
        for p, y in self.auxiliary.items():
            y.copy_(p if self.clip is None else p.clamp(-self.clip, self.clip))
        self._project_all()

    def state_dict(self) -> dict[str, Any]:
        """Return the inner optimiser's state and the real-valued weights, in the order of the parameters."""
        state = copy.deepcopy(self.optimizer.state_dict())  # torch hands out its own tensors
        return {"optimizer": state, "auxiliary": [y.clone() for y in self.auxiliary.values()]}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state; the parameters become its projection."""
        shapes = [y.shape for y in self.auxiliary.values()]
        if [y.shape for y in state["auxiliary"]] != shapes:
            raise ValueError(f"state must hold weights of the shapes {shapes}, got {[y.shape for y in state['auxiliary']]}")
        self.optimizer.load_state_dict(state["optimizer"])
        for y, saved in zip(self.auxiliary.values(), state["auxiliary"], strict=True):
            y.copy_(saved)
        self._project_all()

    @torch.no_grad()
    def _project_all(self) -> None:
        for p, y in self.auxiliary.items():
            p.copy_(self.project(y))


class BinaryRelax:
    r"""A rule that draws the weights towards the projection: :math:`w = (\lambda proj_Q(y) + y) / (\lambda + 1)`, lambda growing.

    Parameters
    ----------
    weights : {"binary", "ternary"}
        The projection.
    growth : float
        Factor on lambda at every call of `advance`, above 1.
    ceiling : float
        From this lambda on the projection itself is taken. lambda starts at 1.

    Raises
    ------
    ValueError
        When an argument is unknown or out of range.

    References
    ----------
    Yin, Zhang, Lyu, Osher, Qi and Xin, "BinaryRelax", 2018, Algorithm 1.
    """

    def __init__(self, weights: str, *, growth: float = 1.02, ceiling: float = 1000.0) -> None:
        self._project = _by_name(check_weights(weights))
        self.growth = check_number("growth", growth, above=1)
        self.ceiling = check_number("ceiling", ceiling, least=1)
        self.pull = 1.0

    def advance(self) -> None:
        """Let lambda grow."""
        self.pull = min(self.pull * self.growth, self.ceiling)

    def __call__(self, y: Tensor) -> Tensor:
        """Return the relaxed weights."""
        target = self._project(y)
        return target if self.pull >= self.ceiling else (self.pull * target + y) / (self.pull + 1)


def _by_name(rule: str) -> Project:
    if rule == "sign":
        return _signs
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(map(repr, RULES))} or a callable, got {rule!r}")
    project = {"binary": project_binary, "ternary": project_ternary, "mean-threshold": mean_threshold_ternary}[rule]

    def on_tensor(y: Tensor) -> Tensor:
        if y.device.type != "cpu":
            return _on_device(y, rule)
        return torch.from_numpy(project(y.detach().float().numpy() if y.dtype != torch.float64 else y.detach().numpy()))

    return on_tensor


def _signs(y: Tensor) -> Tensor:
    """Return the signs, +1 for zero; NaN stays NaN, for all to see."""
    return torch.where(y >= 0, 1.0, torch.where(y < 0, -1.0, y)).to(y.dtype)


def _on_device(y: Tensor, rule: str) -> Tensor:
    """Project where y lies, without a copy to the host: by a sort, which a GPU does quickly."""
    magnitudes = y.abs().flatten().double()
    if rule == "binary":
        return _signs(y) * magnitudes.mean().to(y.dtype)
    if rule == "ternary":
        descending = magnitudes.sort(descending=True).values
        sums = descending.cumsum(0)
        best = (sums.square() / torch.arange(1, len(sums) + 1, device=y.device)).argmax()
        threshold, scale = descending[best], sums[best] / (best + 1)
        kept = y.abs() >= threshold
    else:
        kept = y.abs() > 0.7 * magnitudes.mean()
        scale = magnitudes[kept.flatten()].mean()
    return torch.where(kept, y.sign(), 0.0).to(y.dtype) * scale.to(y.dtype)
