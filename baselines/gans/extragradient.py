"""Extragradient: look where the gradient leads, then step from the start with the gradient found there."""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import ParamsT

from optathlon.baselines.gans._player import Batch, Player, as_real, evaluate

__all__ = ["ExtraGradient"]


class ExtraGradient(Player):
    r"""Extragradient method.

    .. math:: \tilde\theta_t = \theta_t - \eta g(\theta_t), \qquad \theta_{t+1} = \theta_t - \eta g(\tilde\theta_t)

    One iteration takes two gradients. ``step(closure)`` does both halves. Without a closure two calls make one iteration:
    the first goes to the lookahead point, the second, after a new backward pass, returns to the start and steps from there.
    So a loop of ``backward(); step()`` needs no change, and two players stay in lockstep. `extrapolate` asks for the first
    half by name, `at_lookahead` says which half is next; it is part of the state, so a checkpoint taken between the halves
    goes on rightly.

    Under a `torch.amp.GradScaler` a gradient that overflows counts as zero: the first half stays where it is, the second returns
    to the start. So the players stay in lockstep, and none is left at the lookahead point.

    Parameters
    ----------
    params : iterable
        Parameters or parameter groups.
    lr : float
        Step size eta of both halves, at least 0.
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
    .. [1] Korpelevich: The extragradient method for finding saddle points and other problems, Matekon 13, 1977.
    .. [2] Gidel, Berard, Vignoud, Vincent, Lacoste-Julien: A variational inequality perspective on GANs, ICLR 2019, Algorithm 2.
    """

    _step_supports_amp_scaling = True  # the scaler leaves unscaling, and what an overflow means, to `step`

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

    @property
    def at_lookahead(self) -> bool:
        """Whether the parameters are at the lookahead point, so that the next half completes the iteration."""
        return any("start" in state for state in self.state.values())

    @torch.no_grad()
    def extrapolate(self) -> None:
        """Go to the lookahead point: the first half, asked for by name.

        Raises
        ------
        RuntimeError
            If the parameters are there already.
        """
        if self.at_lookahead:
            raise RuntimeError("the parameters are at the lookahead point already; step() completes the iteration")
        self._advance()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take one iteration with a closure, or one half of it without.

        Parameters
        ----------
        closure : callable, optional
            Clears the gradients, evaluates the loss, calls backward and returns the loss; called at both points.

        Returns
        -------
        loss
            What the first call of `closure` returned; None without one.
        """
        loss = evaluate(closure)
        self._advance()
        if closure is not None and self.at_lookahead:
            evaluate(closure)
            self._advance()
        return loss

    def _advance(self) -> None:
        self._check_gradients()
        completing, overflowed = self.at_lookahead, self._unscale()
        for group in self.param_groups:
            for batch in self._batches(group):
                if completing:
                    start = [state.pop("start", param) for param, state in zip(batch.params, batch.states, strict=True)]
                    torch._foreach_copy_(batch.params, start)
                else:
                    for param, state in zip(batch.params, batch.states, strict=True):
                        state["start"] = param.clone()
                if not overflowed:
                    self._move(group, batch)
        if completing:
            self._return_those_without_gradient()

    def _move(self, group: dict[str, Any], batch: Batch) -> None:
        torch._foreach_add_(batch.params, batch.grads, alpha=-float(group["lr"]))

    def _unscale(self) -> bool:
        """Divide the gradients by the scale that a GradScaler left here, and return whether it found one that is not finite."""
        scale, found = getattr(self, "grad_scale", None), getattr(self, "found_inf", None)
        if scale is not None:
            for group in self.param_groups:
                for param in group["params"]:
                    if param.grad is not None:
                        param.grad.div_(scale.to(param.grad.device))
        return found is not None and bool(found)

    def _return_those_without_gradient(self) -> None:
        for param, state in self.state.items():
            if "start" in state:
                as_real(param).copy_(state.pop("start"))
