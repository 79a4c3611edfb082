"""Adam and gradient descent with a momentum that may be negative, which torch's own constructors refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from optathlon.baselines.gans._checks import check_beta, check_betas, check_non_negative
from optathlon.baselines.gans._player import Checked, wide

__all__ = ["NegativeMomentumAdam", "NegativeMomentumSGD"]


class _Hidden(Checked):
    """An optimiser whose momentum no scheduler may cycle: those look for it among the defaults, and set positive ones."""

    def _hide(self, name: str) -> None:
        self._hidden = {name: self.defaults.pop(name)}

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_hidden": self._hidden}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group as torch does, with the hidden default, and check its options."""
        for name, value in getattr(self, "_hidden", {}).items():
            param_group.setdefault(name, value)
        super().add_param_group(param_group)


class NegativeMomentumAdam(_Hidden, torch.optim.Adam):
    r"""Adam whose first decay rate may be negative.

    The update is `torch.optim.Adam`'s, kernels included; only the range of `betas` is wider:

    .. math:: m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad
       \theta_t = \theta_{t-1} - \eta \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon},
       \qquad -1 < \beta_1 < 1.

    For independent gradients the variance of the step grows by :math:`(1 - \beta_1)/(1 + \beta_1)`: a third at .5, threefold
    at -.5. Part of what a negative rate changes is therefore a longer step; compare at each method's own step size.
    For parameters of 16 bits the moments are kept, and the step is taken, in float32. A scheduler that cycles the momentum
    (`OneCycleLR`, `CyclicLR`) would overwrite the rate by a positive one: torch refuses it, save with ``cycle_momentum=False``.

    Parameters
    ----------
    params : iterable
        Parameters or parameter groups.
    lr : float
        Step size eta, at least 0.
    betas : tuple of float
        Decay rates of the two moments, in (-1, 1) and [0, 1).
    eps : float
        Added to the root of the second moment.
    weight_decay : float
        Factor of the parameters that is added to the gradient.
    amsgrad, maximize, foreach
        As in `torch.optim.Adam`.

    Raises
    ------
    ValueError
        If an option is out of its range.
    RuntimeError
        At a step, if a gradient is sparse.

    References
    ----------
    .. [1] Gidel et al.: Negative momentum for improved game dynamics, AISTATS 2019, section 5.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (-0.5, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        amsgrad: bool = False,
        maximize: bool = False,
        foreach: bool | None = None,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        self._check_group(options)
        admitted = torch.optim.Adam(  # torch checks how options go together, and knows what a group must hold
            [torch.empty(0)], lr, amsgrad=amsgrad, maximize=maximize, foreach=foreach
        )
        torch.optim.Optimizer.__init__(self, params, {**admitted.defaults, **options})
        self._hide("betas")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take one step, as `torch.optim.Adam` does."""
        self._widened: list[tuple[Tensor, Tensor]] = []
        loss = super().step(closure)
        for param, widened in self._widened:
            param.copy_(widened)
        return loss

    def _check_group(self, group: dict[str, Any]) -> None:
        super()._check_group(group)
        check_betas("betas", group["betas"], negative=True)
        check_non_negative("eps", group["eps"])

    def _init_group(self, group: dict[str, Any], params: Any, grads: list[Tensor], *lists: Any) -> bool:  # type: ignore[override]
        if group is self.param_groups[0]:  # the first to move
            self._check_gradients()
        for param in group["params"]:
            if param.grad is not None and wide(param.dtype) != param.dtype and not self.state[param]:
                moments = ("exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if group["amsgrad"] else []))
                self.state[param].update({name: torch.zeros_like(param, dtype=torch.float32) for name in moments})
                self.state[param]["step"] = torch.tensor(0.0)
        has_complex = super()._init_group(group, params, grads, *lists)
        for index, param in enumerate(params):  # torch moves copies in 32 bits, which `step` rounds back
            if wide(param.dtype) != param.dtype:
                params[index], grads[index] = param.float(), grads[index].float()
                self._widened.append((param, params[index]))
        if has_complex:  # torch sees no pairs of reals in a lazily conjugated gradient
            grads[:] = [grad.resolve_conj() for grad in grads]
        return has_complex


class NegativeMomentumSGD(_Hidden, torch.optim.SGD):
    r"""Heavy-ball gradient descent whose momentum may be negative.

    The update is `torch.optim.SGD`'s, kernels included; only the range of `momentum` is wider:

    .. math:: b_t = \beta b_{t-1} + g_t, \qquad w_{t+1} = w_t - \eta b_t, \qquad -1 < \beta < 1.

    At a constant rate that is :math:`w_{t+1} = w_t - \eta g_t + \beta (w_t - w_{t-1})`, the heavy ball of [1]_. Where a
    scheduler changes the rate, the new value also multiplies the gradients that the buffer b remembers.
    A scheduler that cycles the momentum (`OneCycleLR`, `CyclicLR`) would overwrite it by a positive one: torch refuses it,
    save with ``cycle_momentum=False``. On the bilinear game a negative momentum converges in alternating play and diverges
    in simultaneous play.

    Parameters
    ----------
    params : iterable
        Parameters or parameter groups.
    lr : float
        Step size eta, at least 0.
    momentum : float
        Momentum beta, in (-1, 1).
    weight_decay : float
        Factor of the parameters that is added to the gradient.
    maximize, foreach
        As in `torch.optim.SGD`.

    Raises
    ------
    ValueError
        If an option is out of its range.
    RuntimeError
        At a step, if a gradient is sparse.

    References
    ----------
    .. [1] Gidel et al.: Negative momentum for improved game dynamics, AISTATS 2019, eq. (6).
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = -0.5,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        self._check_group(options)
        admitted = torch.optim.SGD([torch.empty(0)], lr, maximize=maximize, foreach=foreach)  # knows what a group must hold
        torch.optim.Optimizer.__init__(self, params, {**admitted.defaults, **options})
        self._hide("momentum")

    def _check_group(self, group: dict[str, Any]) -> None:
        super()._check_group(group)
        check_beta("momentum", group["momentum"], negative=True)

    def _init_group(self, group: dict[str, Any], *lists: Any) -> bool:  # type: ignore[override]
        if group is self.param_groups[0]:  # the first to move
            self._check_gradients()
        return super()._init_group(group, *lists)
