"""Optimisers of weights in {-1, +1} for any torch module: MAXIMIN, the straight-through estimator and Bop.

Each drops into an ordinary training loop beside an optimiser of the real parameters::

    binary, real = split_parameters(module)
    optimizers = MaximinOptimizer(binary), torch.optim.Adam(real)
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from optathlon.baselines.binary_regression._checks import check_positive

State = dict[str, Any]

# The size of the loss gradient is averaged over about this many steps.
_SCALE_STEPS = 100


def to_signs(weights: Tensor) -> Tensor:
    """Return the signs of `weights`, with +1 for zero; NaN stays NaN, for all to see."""
    return torch.where(weights >= 0, 1.0, torch.where(weights < 0, -1.0, weights)).to(weights.dtype)


def _wide(weights: Tensor) -> Tensor:
    """Return `weights` in at least single precision, in which squares of gradients of 1e-4 do not vanish."""
    return weights.to(torch.promote_types(weights.dtype, torch.float32))


class BinaryOptimizer(torch.optim.Optimizer, ABC):
    """What the optimisers of binary weights share.

    Parameters
    ----------
    params : iterable of Parameter or of dict
        The weights to be made binary, or parameter groups of them.
    defaults : dict
        Default options of a group.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        params = list(params)
        if not params:
            raise ValueError("params must hold at least one parameter, got none")
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of weights, which start as the method wants them."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        self._check(group)
        for weights in group["params"]:
            if not weights.is_floating_point():
                raise ValueError(f"params must be floating-point tensors, got dtype {weights.dtype}")
            if not torch.isfinite(weights).all():
                raise ValueError(f"params must be finite, got NaN or infinity in a tensor of shape {tuple(weights.shape)}")
            with torch.no_grad():
                self.state[weights] = {"step": 0, **self._start(weights)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` returned, with the state in the precision that it had."""
        super().load_state_dict(state_dict)
        weights = [weights for group in self.param_groups for weights in group["params"]]
        for number, kept in state_dict["state"].items():
            own = weights[number]
            for name, value in kept.items():
                if isinstance(value, Tensor):  # torch has cast it to the precision of the weights
                    self.state[own][name] = _wide(value).to(own.device, copy=True)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step from the gradients that the backward pass left; return what `closure` returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weights in group["params"]:
                if weights.grad is None:
                    continue
                if weights.grad.is_sparse:
                    raise ValueError(f"gradients must be dense, got a sparse one of shape {tuple(weights.grad.shape)}")
                state = self.state[weights]
                state["step"] += 1
                self._update(weights, _wide(weights.grad), state, group)
        return loss

    @torch.no_grad()
    def binarize(self) -> None:
        """Set every weight to its sign, exactly."""
        for group in self.param_groups:
            for weights in group["params"]:
                weights.copy_(to_signs(weights))

    @contextmanager
    def binarized(self) -> Iterator[None]:
        """Hold the weights at their signs inside the block, for an evaluation, and put them back after it."""
        weights = [weights for group in self.param_groups for weights in group["params"]]
        kept = [tensor.detach().clone() for tensor in weights]
        self.binarize()
        try:
            yield
        finally:
            with torch.no_grad():
                for tensor, values in zip(weights, kept, strict=True):
                    tensor.copy_(values)

    @abstractmethod
    def _check(self, group: dict[str, Any]) -> None:
        """Refuse bad options of a group."""

    @abstractmethod
    def _start(self, weights: Tensor) -> State:
        """Set the first weights and return their state."""

    @abstractmethod
    def _update(self, weights: Tensor, gradient: Tensor, state: State, group: dict[str, Any]) -> None:
        """Move the weights in place."""


class MaximinOptimizer(BinaryOptimizer):
    """Seek max_z min_w f(w) + sum_i z_i (w_i^2 - 1), with w in [-bound, bound], by stochastic descent-ascent (eq. 2, 4, 16).

    The weights descend by Adam; then every dual variable ascends along w_i^2 - 1. Between calls the parameters hold the
    real-valued weights; `binarize` rounds them at the end.

    Parameters
    ----------
    params : iterable of Parameter or of dict
        The weights to be made binary, or parameter groups of them.
    lr : float
        Adam's step size of w, in units of the weights.
    dual_step : float
        Step size of z in units of f's gradient: multiplied, tensor by tensor, by the root mean square of the gradient over about
        100 steps, so that it suits layers and losses of every scale. Zero switches the dual off.
    dual_growth : float
        Factor by which the dual step grows at each step.
    bound : float
        Weights are clamped to [-bound, bound]. The optima of eq. 1 are in all of these boxes. In the smallest, 1, the start at
        z = 0 is the box relaxation, and z only falls until every weight sits in a corner; in larger ones, or at infinity, z is
        free in sign and tends to the saddle point of eq. 2 where there is one.
    betas : pair of float
        Adam's averaging factors. The first is zero: with momentum, w and z chase each other in circles.
    eps : float
        Adam's guard against division by zero, in units of the gradient.

    Raises
    ------
    ValueError
        When a parameter or an option is of the wrong kind or range.

    References
    ----------
    Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, eq. 2-4, eq. 16 and Section V.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.1,
        *,
        dual_step: float = 1e-3,
        dual_growth: float = 1.0,
        bound: float = 1.0,
        betas: tuple[float, float] = (0.0, 0.999),
        eps: float = 1e-12,
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "dual_step": dual_step, "dual_growth": dual_growth, "bound": bound, "betas": betas, "eps": eps},
        )

    def _check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "dual_growth", "eps"):
            check_positive(name, group[name])
        if group["dual_step"] != 0:
            check_positive("dual_step", group["dual_step"])
        if not isinstance(group["bound"], float | int) or not group["bound"] >= 1:
            raise ValueError(f"bound must be at least 1, so that -1 and +1 lie within it, got {group['bound']!r}")
        _check_betas(group["betas"])

    def _start(self, weights: Tensor) -> State:
        wide = _wide(weights)
        return {name: torch.zeros_like(wide) for name in ("dual", "mean", "square")} | {"scale": wide.new_zeros(())}

    def _update(self, weights: Tensor, gradient: Tensor, state: State, group: dict[str, Any]) -> None:
        step, z, scale = state["step"], state["dual"], state["scale"]
        scale.lerp_(gradient.square().mean(), 1 / _SCALE_STEPS)
        size = (scale / (1 - (1 - 1 / _SCALE_STEPS) ** step)).sqrt()
        dual_step = group["dual_step"] * group["dual_growth"] ** (step - 1)

        slope = gradient + 2 * z * weights  # of the Lagrangian in w (eq. 2)
        weights.sub_(_adam_move(slope, state, group)).clamp_(-group["bound"], group["bound"])
        z.add_((weights.square() - 1) * size, alpha=dual_step)  # its slope in z is w^2 - 1


class StraightThroughOptimizer(BinaryOptimizer):
    """Minimise f(sign(v)) over real v by Adam, passing the gradients straight through the sign.

    The parameters always hold sign(v); the real-valued v, in [-1, 1], lives in the optimiser's state as ``"latent"``.

    Parameters
    ----------
    params : iterable of Parameter or of dict
        The weights to be made binary, or parameter groups of them. The v start proportional to their values.
    lr : float
        Adam's step size of v.
    spread : float
        Largest magnitude of the v of each tensor at the start.
    betas : pair of float
        Adam's averaging factors.
    eps : float
        Adam's guard against division by zero, in units of the gradient.

    Raises
    ------
    ValueError
        When a parameter or an option is of the wrong kind or range.

    References
    ----------
    Courbariaux, Bengio, David, BinaryConnect, 2015; as described in Chiprut et al., Section V (STE).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.01,
        *,
        spread: float = 0.1,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-12,
    ) -> None:
        super().__init__(params, {"lr": lr, "spread": spread, "betas": betas, "eps": eps})

    def _check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "eps", "spread"):
            check_positive(name, group[name])
        _check_betas(group["betas"])

    def _start(self, weights: Tensor) -> State:
        spread = self.param_groups[-1]["spread"]
        wide = _wide(weights)
        latent = wide / wide.abs().max().clamp_min(torch.finfo(wide.dtype).tiny) * spread
        weights.copy_(to_signs(latent))
        return {"latent": latent, "mean": torch.zeros_like(latent), "square": torch.zeros_like(latent)}

    def _update(self, weights: Tensor, gradient: Tensor, state: State, group: dict[str, Any]) -> None:
        v = state["latent"]
        # Forward: the sign. Backward: its derivative is taken as 1 on [-1, 1] and 0 elsewhere.
        v.sub_(_adam_move(gradient * (v.abs() <= 1), state, group)).clamp_(-1, 1)
        weights.copy_(to_signs(v))


class BopOptimizer(BinaryOptimizer):
    """Flip a weight when the moving average of its gradients is large and has the weight's sign.

    The parameters always hold values of -1 and +1, at the start the signs of what they held.

    Parameters
    ----------
    params : iterable of Parameter or of dict
        The weights to be made binary, or parameter groups of them.
    lr : float
        Adaptivity rate: the weight of the present gradient in the average. Named as torch's schedulers want it.
    threshold : float
        Averages beyond it, in units of the gradient, flip their weight.

    Raises
    ------
    ValueError
        When a parameter or an option is of the wrong kind or range.

    References
    ----------
    Helwegen et al., Latent Weights Do Not Exist: Rethinking Binarized Neural Network Optimization, 2019, Algorithm 1.
    """

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, *, threshold: float = 1e-6) -> None:
        super().__init__(params, {"lr": lr, "threshold": threshold})

    def _check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "threshold"):
            check_positive(name, group[name])
        if group["lr"] > 1:
            raise ValueError(f"lr must be at most 1, for it weighs an average, got {group['lr']!r}")

    def _start(self, weights: Tensor) -> State:
        weights.copy_(to_signs(weights))
        return {"average": torch.zeros_like(_wide(weights))}

    def _update(self, weights: Tensor, gradient: Tensor, state: State, group: dict[str, Any]) -> None:
        average = state["average"].lerp_(gradient, group["lr"])
        flips = (average.abs() > group["threshold"]) & (average * weights > 0)
        weights.copy_(torch.where(flips, -weights, torch.where(average.isnan(), average.to(weights.dtype), weights)))  # NaN shows


def _adam_move(gradient: Tensor, state: State, group: dict[str, Any]) -> Tensor:
    """Return what Adam (Kingma and Ba, 2014) subtracts, and update its averages in `state`."""
    beta1, beta2 = group["betas"]
    mean = state["mean"].lerp_(gradient, 1 - beta1)
    square = state["square"].lerp_(gradient.square(), 1 - beta2)
    root = (square / (1 - beta2 ** state["step"])).sqrt_().add_(group["eps"])
    return mean.div(root).mul_(group["lr"] / (1 - beta1 ** state["step"]))


def _check_betas(betas: Any) -> None:
    good = isinstance(betas, tuple | list) and len(betas) == 2 and all(0 <= beta < 1 for beta in betas)
    if not good or not all(math.isfinite(beta) for beta in betas):
        raise ValueError(f"betas must be two numbers in [0, 1), got {betas!r}")
