"""Optimistic gradient descent that predicts the next gradient by the mean of a window of gradients."""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.optim.optimizer import ParamsT

from optathlon.baselines.gans._checks import check_count, check_positive
from optathlon.baselines.gans._player import Batch, Player
from optathlon.baselines.gans.games import QuadraticGame

__all__ = ["WindowedOptimism", "windowed_step_matrix"]


class WindowedOptimism(Player):
    r"""Optimistic gradient descent with a window of W gradients; `OptimisticGradient` is W = 1.

    With the prediction :math:`p_{t+1} = (g_t + \dots + g_{t-W+1}) / W`, gradients before the first being 0,

    .. math:: \theta_{t+1} = \theta_t - \eta (g_t + p_{t+1} - p_t)
       = \theta_t - \eta \left( (1 + \tfrac1W) g_t - \tfrac1W g_{t-W} \right).

    Parameters
    ----------
    params : iterable
        Parameters or parameter groups.
    lr : float
        Step size eta, at least 0.
    window : int
        W, the number of gradients in the mean; as many are kept.
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
    .. [2] Daskalakis, Ilyas, Syrgkanis, Zeng: Training GANs with optimism, ICLR 2018, section 2.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        window: int = 5,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "window": window, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "foreach": foreach, "maximize": maximize})

    def _check_group(self, group: dict[str, Any]) -> None:
        super()._check_group(group)
        check_count("window", group["window"])

    def _move(self, group: dict[str, Any], batch: Batch) -> None:
        lr, window = float(group["lr"]), int(group["window"])
        step = batch.states[0].get("step", 0)
        oldest = batch.state(f"gradient_{step % window}")  # of W steps ago, and to be replaced
        torch._foreach_add_(batch.params, batch.grads, alpha=-lr * (1 + 1 / window))
        torch._foreach_add_(batch.params, oldest, alpha=lr / window)
        torch._foreach_copy_(oldest, batch.grads)
        for state in batch.states:
            state["step"] = step + 1


def windowed_step_matrix(game: QuadraticGame, lr: float, window: int) -> NDArray[np.float64]:
    """Return the matrix of one iteration of `WindowedOptimism`, both players at once, on (w_t, ..., w_{t-W}).

    Parameters
    ----------
    game : QuadraticGame
        The game, with a Jacobian of shape (d, d).
    lr : float
        Step size, above 0.
    window : int
        W.

    Returns
    -------
    ndarray, shape ((W + 1) d, (W + 1) d)

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    check_positive("lr", lr)
    check_count("window", window)
    d = len(game.jacobian)
    matrix = np.eye((window + 1) * d, k=-d)
    matrix[:d, :d] = np.eye(d) - lr * (1 + 1 / window) * game.jacobian
    matrix[:d, -d:] += lr / window * game.jacobian
    return matrix
