"""Lookahead: every few steps of an optimiser the player returns part of the way it went."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from optathlon.baselines.gans._checks import check_count, check_share

__all__ = ["Lookahead"]


class Lookahead(Optimizer):
    r"""Let an optimiser run k steps, then go back to a point on the way.

    .. math:: \tilde\theta_{t+1} = \tilde\theta_t + \alpha (\theta_{t, k} - \tilde\theta_t), \qquad
       \theta_{t+1, 0} = \tilde\theta_{t+1}

    Where all players do so after the same number of steps, play that circles around an equilibrium comes closer to it. The
    optimiser keeps its moments.

    Parameters
    ----------
    optimizer : Optimizer
        What takes the steps; its groups and options are shared, so that schedulers see them.
    k : int
        Steps before each return.
    alpha : float
        Part of the way that is kept, in (0, 1].

    Raises
    ------
    ValueError
        If k is no count, alpha is not in (0, 1], or there is no optimiser.

    References
    ----------
    .. [1] Zhang, Lucas, Hinton, Ba: Lookahead optimizer, NeurIPS 2019, Algorithm 1.
    .. [2] Chavdarova, Pagliardini, Stich, Fleuret, Jaggi: Taming GANs with lookahead-minmax, ICLR 2021, Algorithm 1.
    """

    def __init__(self, optimizer: Optimizer, k: int = 5, alpha: float = 0.5) -> None:
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"optimizer must be a torch.optim.Optimizer, got {type(optimizer).__name__}")
        check_share("alpha", alpha)
        self.optimizer, self.k, self.alpha = optimizer, check_count("k", k), float(alpha)
        super().__init__(optimizer.param_groups, dict(optimizer.defaults))
        self.param_groups = optimizer.param_groups
        self.n_steps = 0
        self._keep()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take one step of the optimiser; every k-th is followed by the return."""
        loss = self.optimizer.step(closure)
        self.n_steps += 1
        if self.n_steps % self.k == 0:
            for param in self._params():
                slow = self.state[param]["slow"]
                slow.lerp_(param, self.alpha)
                param.copy_(slow)
        return loss

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group to the optimiser, which takes its first steps from where it is."""
        if hasattr(self, "n_steps"):
            self.optimizer.add_param_group(param_group)
            self._keep()
        else:
            super().add_param_group(param_group)

    def state_dict(self) -> dict[str, Any]:
        """Return the optimiser's state, the slow points and the count."""
        return {**super().state_dict(), "optimizer": self.optimizer.state_dict(), "n_steps": self.n_steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` returned."""
        self.optimizer.load_state_dict(state_dict["optimizer"])
        super().load_state_dict({key: state_dict[key] for key in ("state", "param_groups")})
        self.param_groups, self.n_steps = self.optimizer.param_groups, state_dict["n_steps"]

    def _keep(self) -> None:
        for param in self._params():
            if "slow" not in self.state[param]:
                self.state[param]["slow"] = param.detach().clone()

    def _params(self) -> list[torch.Tensor]:
        return [param for group in self.param_groups for param in group["params"]]
