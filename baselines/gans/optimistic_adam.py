"""Adam with an optimistic step: the latest direction counts twice, the one before is taken back."""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import math
from typing import Any

import torch
from torch.optim.optimizer import ParamsT

from optathlon.baselines.gans._checks import check_betas, check_non_negative
from optathlon.baselines.gans._player import Batch, Player, wide

__all__ = ["OptimisticAdam"]


class OptimisticAdam(Player):
    r"""Optimistic Adam.

    With :math:`u_t = \hat m_t / (\sqrt{\hat v_t} + \epsilon)`, Adam's direction at step t, and :math:`u_0 = 0`,

    .. math:: \theta_t = \theta_{t-1} - 2\eta u_t + \eta u_{t-1},

    so that a step along an unchanged direction is Adam's. Moments are bias-corrected as in Adam, and kept in float32 for
    parameters of 16 bits, which cannot hold the squares of small gradients. The denominator is Adam's
    too; [1]_ as reprinted in [2]_ has :math:`\sqrt{\hat v_t + \epsilon}`, which at the usual 1e-8 keeps it above 1e-4.

    Parameters
    ----------
    params : iterable
        Parameters or parameter groups.
    lr : float
        Step size eta, at least 0. Where a scheduler changes it, the new value also multiplies the direction taken back.
    betas : tuple of float
        Decay rates of the two moments, in [0, 1). Where a scheduler changes them, the direction taken back stays as it was.
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
    .. [1] Daskalakis, Ilyas, Syrgkanis, Zeng: Training GANs with optimism, ICLR 2018, Algorithm 1.
    .. [2] Ghanekar, Little, Liu: Empirical review of GAN training, Figure 2.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "foreach": foreach, "maximize": maximize})

    def _check_group(self, group: dict[str, Any]) -> None:
        super()._check_group(group)
        check_betas("betas", group["betas"], negative=False)
        check_non_negative("eps", group["eps"])

    def _move(self, group: dict[str, Any], batch: Batch) -> None:
        lr, eps, beta1, beta2 = map(float, (group["lr"], group["eps"], *group["betas"]))
        params, grads, dtype = batch.params, batch.grads, wide(batch.params[0].dtype)
        first, second, denominator = (batch.state(name, dtype) for name in ("first_moment", "second_moment", "denominator"))
        step = batch.states[0].get("step", 0) + 1
        if dtype != params[0].dtype:  # moments, and the sum of both directions, in 32 bits; rounded once at the end
            params, grads = ([tensor.to(dtype) for tensor in tensors] for tensors in (params, grads))

        # With c1 = 1 - beta1^t and c2 = sqrt(1 - beta2^t), u_t = (m_t / c1) / (sqrt(v_t) / c2 + eps)
        # = (c2 / c1) m_t / (sqrt(v_t) + eps c2): the corrections cost no pass over memory of their own.
        if step > 1:  # + eta u_{t-1}, of which all factors are still there; older versions saved no correction
            last = math.sqrt(1 - beta2 ** (step - 1)) / (1 - beta1 ** (step - 1))
            factors = [lr * state.get("correction", last) for state in batch.states]
            torch._foreach_addcdiv_(params, first, denominator, factors)
        torch._foreach_lerp_(first, grads, 1 - beta1)  # m_t = beta1 m_{t-1} + (1 - beta1) g_t
        torch._foreach_mul_(second, beta2)
        torch._foreach_addcmul_(second, grads, grads, 1 - beta2)  # v_t = beta2 v_{t-1} + (1 - beta2) g_t^2
        if len(second) == 1:  # a large tensor has a batch of its own, and is spared one pass over memory
            torch.sqrt(second[0], out=denominator[0])
        else:
            torch._foreach_copy_(denominator, second)
            torch._foreach_sqrt_(denominator)
        scale = math.sqrt(1 - beta2**step)
        torch._foreach_add_(denominator, eps * scale)
        correction = scale / (1 - beta1**step)
        torch._foreach_addcdiv_(params, first, denominator, -2 * lr * correction)  # - 2 eta u_t
        if params[0].dtype != batch.params[0].dtype:
            torch._foreach_copy_(batch.params, params)
        for state in batch.states:
            state["step"], state["correction"] = step, correction
