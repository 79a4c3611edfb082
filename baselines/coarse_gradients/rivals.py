"""Activations that learn their range: PACT and LSQ, the rivals of a fixed spacing with a straight-through estimator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from optathlon.baselines.coarse_gradients._checks import check_bits, check_number
from optathlon.baselines.coarse_gradients.activation import check_input, wide


class LearnedClip(nn.Module):
    r"""PACT: clip at a learned bound alpha, then round to the nearest of :math:`2^b` levels.

    .. math:: a(x) = \frac{\alpha}{q} \mathrm{round}\Big(\min(\max(x, 0), \alpha) \frac{q}{\alpha}\Big), \quad q = 2^b - 1

    The gradient passes to x where :math:`0 < x < \alpha`, and to alpha where :math:`x \ge \alpha`. The penalty on alpha of the
    paper's equation 4 is the trainer's weight decay.

    Parameters
    ----------
    bits : int
        Bit-width b, from 1 to 16.
    alpha : float
        Bound at the start, in units of the input. The paper starts at 10 for inputs that are not normalised.

    Raises
    ------
    ValueError
        When an argument is out of range; in the forward pass, when the learned bound is no longer positive.

    References
    ----------
    Choi et al., "PACT: Parameterized clipping activation for quantized neural networks", 2018, equations 1 to 3.
    """

    def __init__(self, bits: int, alpha: float = 3.0) -> None:
        super().__init__()
        self.bits = check_bits(bits)
        self.alpha = nn.Parameter(torch.tensor(check_number("alpha", alpha, above=0)))

    def forward(self, x: Tensor) -> Tensor:
        """Quantise a tensor of any shape."""
        check_input(x)
        _require_positive("alpha", self.alpha)
        return _Clipped.apply(x, self.alpha, 2**self.bits - 1)  # type: ignore[no-any-return]


class LearnedStep(nn.Module):
    r"""LSQ: the spacing s of :math:`2^b` levels is learned, by a gradient that sees how far an input is from its level.

    .. math:: a(x) = s \, \mathrm{round}(\min(\max(x / s, 0), q)), \quad
        \frac{\partial a}{\partial s} = \mathrm{round}(x/s) - x/s \text{ inside}, \; q \text{ above}, \; 0 \text{ below}

    The step's gradient is scaled by :math:`1 / \sqrt{N q}`, N the features of one sample. At the first batch in training
    :math:`s = 2 E|x| / \sqrt{q}`.

    Parameters
    ----------
    bits : int
        Bit-width b, from 1 to 16.

    Raises
    ------
    ValueError
        When `bits` is out of range; in the forward pass, when the learned step is no longer positive.

    References
    ----------
    Esser et al., "Learned step size quantization", 2020, equations 1 to 3 and section 2.2.
    """

    started: Tensor

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = check_bits(bits)
        self.step = nn.Parameter(torch.ones(()))
        self.register_buffer("started", torch.tensor(False))

    def forward(self, x: Tensor) -> Tensor:
        """Quantise a tensor whose first axis numbers the samples."""
        check_input(x)
        top = 2**self.bits - 1
        if not self.started:
            with torch.no_grad():
                self.step.copy_(2 * wide(x).abs().mean().clamp(min=torch.finfo(torch.float32).tiny) / top**0.5)
                self.started.fill_(True)
        _require_positive("step", self.step)
        return _Stepped.apply(x, self.step, top)  # type: ignore[no-any-return]


class _Clipped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, alpha: Tensor, top: int) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.save_for_backward(x, alpha)
        step = alpha.detach() / top
        return (wide(x) / step).clamp_(0, top).round_().mul_(step).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, alpha = ctx.saved_tensors
        above = x >= alpha
        to_alpha = (wide(gradient) * above).sum().to(alpha.dtype)
        return gradient * ((x > 0) & ~above), to_alpha, None


class _Stepped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Tensor, top: int) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.save_for_backward(x, step)
        ctx.top = top
        return (wide(x) / step.detach()).clamp_(0, top).round_().mul_(step.detach()).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, step = ctx.saved_tensors
        levels = wide(x) / step
        inside = (levels > 0) & (levels < ctx.top)
        distance = torch.where(inside, levels.round() - levels, levels.clamp(0, ctx.top))  # eq. 3
        scale = (max(1, x[0].numel()) * ctx.top) ** -0.5
        return gradient * inside, (wide(gradient) * distance).sum().mul(scale).to(step.dtype), None


def _require_positive(name: str, value: Tensor) -> None:
    if not value.detach() > 0:
        raise ValueError(f"{name} must stay above 0, got {value.item():g}: the learning rate is too large for it")
