"""The quantised ReLU as a torch module with a straight-through estimator for its backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from optathlon.baselines.coarse_gradients._checks import check_bits, check_choice, check_number
from optathlon.baselines.coarse_gradients.quantizer import ESTIMATORS, kmeans_step

ROUNDINGS = ("up", "nearest")


class QuantizedReLU(nn.Module):
    r"""Round positive inputs up to a multiple of tau, at most :math:`q = 2^b - 1` times tau; negative ones give 0.

    .. math:: a(x) = \tau \min(\max(\lceil x / \tau \rceil, 0), q)

    Its derivative vanishes almost everywhere; the backward pass multiplies by :math:`g'(x / \tau)` instead, see `slope`.

    Parameters
    ----------
    bits : int
        Bit-width b, from 1 to 16.
    estimator : {"relu", "reverse-exponential", "log-tailed", "clipped-relu", "identity"}
        The function g whose derivative stands in.
    tau : float, optional
        Spacing of the levels, in units of the input; `kmeans_step` of the bit-width by default, right for normalised inputs.
    rounding : {"up", "nearest"}
        Up as the thesis prints it, or to the nearest level as k-means assigns.

    Raises
    ------
    ValueError
        When an argument is out of range; in the forward pass, when the input is not of a floating-point type.

    References
    ----------
    Long, thesis, section 3.1.2 (the activation) and 3.1.3 (the estimators), section 3.7.2 (tau).
    """

    def __init__(self, bits: int, estimator: str = "relu", *, tau: float | None = None, rounding: str = "up") -> None:
        super().__init__()
        self.bits = check_bits(bits)
        self.estimator = check_choice("estimator", estimator, ESTIMATORS)
        self.tau = kmeans_step(self.bits) if tau is None else check_number("tau", tau, above=0)
        self.rounding = check_choice("rounding", rounding, ROUNDINGS)

    def forward(self, x: Tensor) -> Tensor:
        """Quantise a tensor of any shape."""
        check_input(x)
        return _StraightThrough.apply(x, self.tau, 2**self.bits - 1, self.estimator, self.rounding)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Show the settings in the module's repr."""
        return f"bits={self.bits}, estimator={self.estimator!r}, tau={self.tau:.4g}, rounding={self.rounding!r}"


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, tau: float, top: int, estimator: str, rounding: str) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.save_for_backward(x)
        ctx.rule = tau, top, estimator
        levels = wide(x) / tau
        levels = levels.ceil_() if rounding == "up" else levels.round_()
        return levels.clamp_(0, top).mul_(tau).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (x,) = ctx.saved_tensors
        return _coarse(wide(gradient), wide(x), *ctx.rule).to(x.dtype), None, None, None, None


def check_input(x: Tensor) -> None:
    """Refuse what has no gradient to pass."""
    if not torch.is_floating_point(x):
        raise ValueError(f"x must be of a floating-point type, got {x.dtype}")


def wide(x: Tensor) -> Tensor:
    """Return x in single precision at least: half precision counts no levels beyond 2^11, bfloat16 none beyond 2^8."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _coarse(gradient: Tensor, x: Tensor, tau: float, top: int, estimator: str) -> Tensor:
    """Return gradient * g'(x / tau)."""
    if estimator == "identity":
        return gradient.clone()
    if estimator == "clipped-relu":
        return torch.ops.aten.hardtanh_backward(gradient, x, 0.0, _above(top * tau, x.dtype))
    passed = torch.ops.aten.threshold_backward(gradient, x, 0)  # zero where x <= 0
    if estimator == "reverse-exponential":
        return passed.mul_(x.clamp(min=0).mul_(-1 / (top * tau)).exp_())
    if estimator == "log-tailed":
        return passed.div_((x / tau).sub_(top - 1).clamp_(min=1))
    return passed


def _above(bound: float, dtype: torch.dtype) -> float:
    """Return the next number above, for hardtanh passes nothing at the bound itself and clipped ReLU does."""
    number = torch.tensor(bound, dtype=dtype)
    return float(torch.nextafter(number, torch.full_like(number, torch.inf)))
