"""Optimistic gradient descent: the latest gradient counts twice, the one before is taken back."""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from typing import Any

import torch
from torch.optim.optimizer import ParamsT

from optathlon.baselines.gans._player import Batch, Player

__all__ = ["OptimisticGradient"]


class OptimisticGradient(Player):
    r"""Optimistic gradient descent (of two players at once: OGDA).

    .. math:: \theta_{t+1} = \theta_t - 2\eta g_t + \eta g_{t-1}, \qquad g_{-1} = 0

    On the bilinear game :math:`\min_x \max_y xy` it converges for :math:`\eta < 1/\sqrt 3`, where gradient descent diverges
    at every step size.

    Parameters
    ----------
    params : iterable
        Parameters or parameter groups.
    lr : float
        Step size eta, at least 0. Where a scheduler changes it, the new value also multiplies the gradient taken back.
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
    .. [1] Rakhlin, Sridharan: Optimization, learning, and games with predictable sequences, NeurIPS 2013.
    .. [2] Daskalakis, Ilyas, Syrgkanis, Zeng: Training GANs with optimism, ICLR 2018, eq. (6).
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize})

    def _move(self, group: dict[str, Any], batch: Batch) -> None:
        lr, previous = float(group["lr"]), batch.state("previous_gradient")
        torch._foreach_add_(batch.params, batch.grads, alpha=-2 * lr)
        torch._foreach_add_(batch.params, previous, alpha=lr)
        torch._foreach_copy_(previous, batch.grads)
