"""Extra-Adam: extragradient whose both halves step as Adam does."""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import math
from typing import Any

import torch
from torch.optim.optimizer import ParamsT

from optathlon.baselines.gans._checks import check_betas, check_non_negative
from optathlon.baselines.gans._player import Batch, Player, wide
from optathlon.baselines.gans.extragradient import ExtraGradient

__all__ = ["ExtraAdam"]


class ExtraAdam(ExtraGradient):
    r"""Extragradient with Adam's direction u, its moments fed by both gradients.

    .. math:: \tilde\theta_t = \theta_t - \eta u(g(\theta_t)), \qquad \theta_{t+1} = \theta_t - \eta u(g(\tilde\theta_t))

    It is called as `ExtraGradient` is, two gradients an iteration. Moments are bias-corrected by the number of gradients seen,
    and kept in float32 for parameters of 16 bits.

    Parameters
    ----------
    params : iterable
        Parameters or parameter groups.
    lr : float
        Step size eta of both halves, at least 0.
    betas : tuple of float
        Decay rates of the two moments, in [0, 1).
    eps : float
        Added to the root of the second moment.
    weight_decay : float
        Factor of the parameters that is added to the gradient.
    foreach : bool, optional
        False moves one tensor at a time; otherwise tensors share kernels.
    maximize : bool
        Ascend instead of descending.

    Raises
    ------
    ValueError
        If an option is out of its range.
    RuntimeError
        At a step, if a gradient is sparse.

    References
    ----------
    .. [1] Gidel, Berard, Vignoud, Vincent, Lacoste-Julien: A variational inequality perspective on GANs, ICLR 2019, Algorithm 4.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.5, 0.9),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        Player.__init__(self, params, {**defaults, "foreach": foreach, "maximize": maximize})

    def _check_group(self, group: dict[str, Any]) -> None:
        super()._check_group(group)
        check_betas("betas", group["betas"], negative=False)
        check_non_negative("eps", group["eps"])

    def _move(self, group: dict[str, Any], batch: Batch) -> None:
        lr, eps, beta1, beta2 = map(float, (group["lr"], group["eps"], *group["betas"]))
        dtype = wide(batch.params[0].dtype)
        first, second = batch.state("first_moment", dtype), batch.state("second_moment", dtype)
        step = batch.states[0].get("step", 0) + 1
        grads = [grad.to(dtype) for grad in batch.grads]
        torch._foreach_lerp_(first, grads, 1 - beta1)  # m = beta1 m + (1 - beta1) g
        torch._foreach_mul_(second, beta2)
        torch._foreach_addcmul_(second, grads, grads, 1 - beta2)  # v = beta2 v + (1 - beta2) g^2
        denominator = torch._foreach_sqrt(second)
        torch._foreach_div_(denominator, math.sqrt(1 - beta2**step))
        torch._foreach_add_(denominator, eps)
        params = [param.to(dtype) for param in batch.params]
        torch._foreach_addcdiv_(params, first, denominator, -lr / (1 - beta1**step))
        torch._foreach_copy_(batch.params, params)
        for state in batch.states:
            state["step"] = step
