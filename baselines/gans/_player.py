"""What the optimisers of one player share: the closure, the checks of groups and gradients, batches for foreach kernels."""

# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from optathlon.baselines.gans._checks import check_non_negative

__all__ = ["Batch", "Checked", "Player", "as_real", "evaluate", "wide"]

# On a CPU a foreach kernel walks its whole list before the next kernel starts. A tensor of this many entries gets a batch of
# its own, so that its arrays stay in the cache from one kernel to the next; small tensors share their calls.
_LARGE = 2**14

_HALF = (torch.float16, torch.bfloat16)


class Batch(NamedTuple):
    """Tensors that one foreach kernel can take together: same device, dtype and step count.

    Attributes
    ----------
    params, grads : list of Tensor
        Parameters, and their gradients with `maximize` and weight decay applied.
    states : list of dict
        The optimiser's state of each parameter.
    """

    params: list[Tensor]
    grads: list[Tensor]
    states: list[dict[str, Any]]

    def state(self, name: str, dtype: torch.dtype | None = None) -> list[Tensor]:
        """Return the state tensors called `name`, made of zeros where a parameter has none yet, by default of its dtype."""
        for param, state in zip(self.params, self.states, strict=True):
            if name not in state:
                state[name] = torch.zeros_like(param, dtype=dtype, memory_format=torch.preserve_format)
        return [state[name] for state in self.states]


class Checked(torch.optim.Optimizer):
    """An optimiser that checks the options of every group, and refuses a sparse gradient before anything moves."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group as torch does, and check its options."""
        super().add_param_group(param_group)
        try:
            self._check_group(self.param_groups[-1])
        except ValueError:
            self.param_groups.pop()
            raise

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state as torch does, and keep in float32 what was saved so for parameters of 16 bits."""
        super().load_state_dict(state_dict)
        numbers = [number for group in state_dict["param_groups"] for number in group["params"]]
        params = [param for group in self.param_groups for param in group["params"]]
        for number, param in zip(numbers, params, strict=True):
            for name, value in state_dict["state"].get(number, {}).items():
                if param.dtype in _HALF and isinstance(value, Tensor) and value.dtype == torch.float32 and value.ndim:
                    self.state[param][name] = value.to(param.device, copy=True)

    def _check_group(self, group: dict[str, Any]) -> None:
        check_non_negative("lr", group["lr"])
        check_non_negative("weight_decay", group["weight_decay"])

    def _check_gradients(self) -> None:
        for group in self.param_groups:
            for param in group["params"]:
                grad = param.grad
                if grad is not None and grad.layout is not torch.strided:
                    raise RuntimeError(f"{type(self).__name__} needs dense gradients, got one of layout {grad.layout}")


class Player(Checked):
    """Base of the package's own optimisers; a subclass says how one `Batch` moves.

    A group has the options ``lr``, ``weight_decay``, ``maximize``, ``foreach`` and the subclass's own.
    """

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # a state saved by an older version may lack them
            group.setdefault("foreach", None)
            group.setdefault("maximize", False)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take one step.

        Parameters
        ----------
        closure : callable, optional
            Clears the gradients, evaluates the loss, calls backward and returns the loss.

        Returns
        -------
        loss
            What `closure` returned; None without one.
        """
        loss = evaluate(closure)
        self._check_gradients()
        for group in self.param_groups:
            for batch in self._batches(group):
                self._move(group, batch)
        return loss

    def _move(self, group: dict[str, Any], batch: Batch) -> None:
        raise NotImplementedError

    def _batches(self, group: dict[str, Any]) -> Iterator[Batch]:
        """Yield the parameters of a group that have gradients, in batches for the foreach kernels."""
        waiting: dict[tuple[Any, ...], Batch] = {}
        for param in group["params"]:
            grad = param.grad
            if grad is None:
                continue
            state = self.state[param]
            kind = (param.device, param.dtype, state.get("step", 0))
            alone = group["foreach"] is False or (param.is_cpu and param.numel() >= _LARGE)
            batch = Batch([], [], []) if alone else waiting.setdefault(kind, Batch([], [], []))
            batch.params.append(as_real(param))
            batch.grads.append(as_real(grad.resolve_conj() if grad.is_conj() else grad))
            batch.states.append(state)
            if alone:
                yield _with_decay(group, batch)
        for batch in waiting.values():
            yield _with_decay(group, batch)


def _with_decay(group: dict[str, Any], batch: Batch) -> Batch:
    """Turn ascent into descent, and add the gradient of the weight decay, without touching the gradients themselves."""
    grads = batch.grads
    if group["maximize"]:
        grads = list(torch._foreach_neg(grads))
    if group["weight_decay"]:
        grads = list(torch._foreach_add(grads, batch.params, alpha=group["weight_decay"]))
    return batch._replace(grads=grads)


def wide(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype for moments: 16 bits hold neither the squares of small gradients nor decay rates close to 1."""
    return torch.float32 if dtype in _HALF else dtype


def as_real(tensor: Tensor) -> Tensor:
    """Return a tensor's memory as real numbers: of a complex one, its pairs."""
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def evaluate(closure: Callable[[], Any] | None) -> Any:
    """Return the closure's loss; None without a closure."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
