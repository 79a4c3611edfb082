"""The vector field of a game, plain and regularised towards consensus, computed on one graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from optathlon.baselines.gans._checks import check_non_negative

__all__ = ["consensus", "simultaneous", "symplectic"]


def simultaneous(losses: Sequence[Tensor], players: Sequence[Iterable[Tensor]]) -> Tensor:
    r"""Give every player the gradient of its own loss, all at the same point.

    .. math:: v(w) = (\nabla_{w_1} L_1(w), \ldots, \nabla_{w_k} L_k(w))

    Parameters
    ----------
    losses : sequence of Tensor
        One scalar per player; they may share a graph.
    players : sequence of iterables of Tensor
        The parameters of each player. Their ``grad`` is replaced; a parameter that does not enter gets None.

    Returns
    -------
    Tensor
        The squared norm of v, a scalar.

    Raises
    ------
    ValueError
        If losses and players do not match, a loss is not a scalar with a graph, no loss depends on its player, or a
        parameter requires no gradient or stands twice.
    """
    owned = _check_game(losses, players)
    field = _field(losses, owned, create_graph=False)
    _assign(owned, field)
    return _squared_norm(field)


def consensus(losses: Sequence[Tensor], players: Sequence[Iterable[Tensor]], gamma: float = 0.1) -> Tensor:
    r"""Give every player the gradient of its own loss plus `gamma` times the pull towards consensus.

    .. math:: w(x) = v(x) + \gamma \nabla L(x), \qquad L(x) = \tfrac12 \|v(x)\|^2, \qquad \nabla L = v'(x)^\top v(x)

    Call it in place of the players' backward passes, then step every player's optimiser (simultaneous play). All losses
    must be functions of all players on one graph: the generated batch must not be detached from the generator, or the
    cross terms of v' are lost.

    Parameters
    ----------
    losses : sequence of Tensor
        One scalar per player, to be minimised by it, on one graph that can be differentiated twice.
    players : sequence of iterables of Tensor
        The parameters of each player. Their ``grad`` is replaced; a parameter that does not enter gets None.
    gamma : float
        Weight of the regulariser, at least 0. On the bilinear game with plain steps of size eta it must exceed about eta/2.

    Returns
    -------
    Tensor
        The squared norm of v, a scalar: 0 at a stationary point.

    Raises
    ------
    ValueError
        As for `simultaneous`, and if `gamma` is negative.

    References
    ----------
    .. [1] Mescheder, Nowozin, Geiger: The numerics of GANs, NeurIPS 2017, Algorithm 2; their sign is that of ascent.
    """
    check_non_negative("gamma", gamma)
    owned = _check_game(losses, players)
    field = _field(losses, owned, create_graph=True)
    entering = [part for part in field if part is not None and part.requires_grad]
    parameters = [param for player in owned for param in player]
    # grad L is one vector-Jacobian product of v with itself: the second backward pass
    pull = torch.autograd.grad(entering, parameters, [part.detach() for part in entering], allow_unused=True)
    regularised = [_sum(part, slope, gamma) for part, slope in zip(field, pull, strict=True)]
    _assign(owned, regularised)
    return _squared_norm(field)


def symplectic(
    losses: Sequence[Tensor], players: Sequence[Iterable[Tensor]], weight: float = 1.0, *, align: bool = True
) -> Tensor:
    r"""Give every player the gradient of its own loss, turned by the rotating part of the field: symplectic gradient adjustment.

    .. math:: w = v + \lambda A^\top v, \qquad A = \tfrac12 (v' - v'^\top), \qquad
       \lambda = \pm \text{weight by the sign of } \langle v, \nabla L \rangle \langle A^\top v, \nabla L \rangle

    with L as in `consensus`: unlike its pull, the turn does not lead to points that are stationary and unstable.

    Parameters
    ----------
    losses : sequence of Tensor
        One scalar per player, to be minimised by it, on one graph that can be differentiated twice.
    players : sequence of iterables of Tensor
        The parameters of each player. Their ``grad`` is replaced; a parameter that does not enter gets None.
    weight : float
        Size of lambda, at least 0.
    align : bool
        Whether lambda has the sign above, by which stable points attract and unstable ones repel; positive otherwise.

    Returns
    -------
    Tensor
        The squared norm of v, a scalar: 0 at a stationary point.

    Raises
    ------
    ValueError
        As for `simultaneous`, and if `weight` is negative.

    References
    ----------
    .. [1] Balduzzi, Racaniere, Martens, Foerster, Tuyls, Graepel: The mechanics of n-player differentiable games, ICML 2018,
       Algorithm 1.
    """
    check_non_negative("weight", weight)
    owned = _check_game(losses, players)
    field = _field(losses, owned, create_graph=True)
    parameters = [param for player in owned for param in player]
    entering = [part for part in field if part is not None and part.requires_grad]
    fixed = [torch.zeros_like(param) if part is None else part.detach() for param, part in zip(parameters, field, strict=True)]
    along = [value for value, part in zip(fixed, field, strict=True) if part is not None and part.requires_grad]
    # v'^T v is one vector-Jacobian product; v' v the derivative of v'^T u by u, along v
    probe = [torch.zeros_like(part, requires_grad=True) for part in entering]
    pulled = torch.autograd.grad(entering, parameters, probe, create_graph=True, allow_unused=True)
    entered = [(part, value) for part, value in zip(pulled, fixed, strict=True) if part is not None and part.requires_grad]
    pushed = iter(torch.autograd.grad([part for part, _ in entered], probe, [value for _, value in entered], retain_graph=True))
    transposed = _filled(parameters, torch.autograd.grad(entering, parameters, along, allow_unused=True))
    straight = [
        next(pushed) if part is not None and part.requires_grad else torch.zeros_like(param)
        for param, part in zip(parameters, field, strict=True)
    ]
    turn = [(back - forth) / 2 for back, forth in zip(transposed, straight, strict=True)]
    sign = _dot(fixed, transposed) * _dot(turn, transposed) if align else torch.ones(())
    factor = -weight if sign < 0 else weight
    _assign(owned, [_sum(part, slope, factor) for part, slope in zip(field, turn, strict=True)])
    return _squared_norm(field)


def _filled(parameters: Sequence[Tensor], parts: Sequence[Tensor | None]) -> list[Tensor]:
    return [torch.zeros_like(param) if part is None else part for param, part in zip(parameters, parts, strict=True)]


def _dot(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    return torch.stack([(a * b).sum() for a, b in zip(first, second, strict=True)]).sum()


def _field(losses: Sequence[Tensor], owned: list[list[Tensor]], *, create_graph: bool) -> list[Tensor | None]:
    field: list[Tensor | None] = []
    for loss, player in zip(losses, owned, strict=True):
        field += torch.autograd.grad(loss, player, retain_graph=True, create_graph=create_graph, allow_unused=True)
    if all(part is None for part in field):
        raise ValueError("losses must depend on the parameters of their players, got losses that depend on none of them")
    return field


def _sum(part: Tensor | None, slope: Tensor | None, gamma: float) -> Tensor | None:
    if slope is None:
        return None if part is None else part.detach()
    return gamma * slope if part is None else part.detach().add(slope, alpha=gamma)


def _assign(owned: list[list[Tensor]], field: Sequence[Tensor | None]) -> None:
    parameters = [param for player in owned for param in player]
    for param, part in zip(parameters, field, strict=True):
        param.grad = part


def _squared_norm(field: Sequence[Tensor | None]) -> Tensor:
    parts = [part.detach() for part in field if part is not None]
    return torch.stack([part.square().sum() for part in parts]).sum()


def _check_game(losses: Sequence[Tensor], players: Sequence[Iterable[Tensor]]) -> list[list[Tensor]]:
    if len(losses) != len(players) or not losses:
        raise ValueError(f"losses and players must match one to one, got {len(losses)} losses and {len(players)} players")
    owned = [list(player) for player in players]
    everything = [param for player in owned for param in player]
    if len({id(param) for param in everything}) < len(everything):
        raise ValueError("players must not share parameters, got one that stands twice")
    if not all(param.requires_grad for param in everything):
        raise ValueError("players must hold parameters that require gradients, got one that does not")
    for index, (loss, player) in enumerate(zip(losses, owned, strict=True)):
        if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
            given = f"shape {tuple(loss.shape)}, requires_grad={loss.requires_grad}" if isinstance(loss, Tensor) else repr(loss)
            raise ValueError(f"losses[{index}] must be a scalar tensor that depends on parameters, got {given}")
        if not player:
            raise ValueError(f"players[{index}] must hold at least one parameter, got none")
    return owned
