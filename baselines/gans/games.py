"""Quadratic two-player games: exact step matrices of the methods, and play with the real optimisers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from optathlon.baselines.gans._checks import check_beta, check_choice, check_count, check_non_negative, check_positive, to_tensor
from optathlon.baselines.gans.extragradient import ExtraGradient
from optathlon.baselines.gans.vector_field import consensus, simultaneous

__all__ = ["PLAYS", "GamePlay", "QuadraticGame", "bilinear_game", "play_game", "spectral_radius", "step_matrix"]

Matrix = NDArray[np.float64]

PLAYS = ("simultaneous", "alternating")
METHODS = ("gradient", "optimistic", "extragradient", "consensus")


@dataclass(frozen=True)
class QuadraticGame:
    r"""The game :math:`\min_x \max_y \tfrac12 x^\top A x + x^\top B y - \tfrac12 y^\top C y`, stationary at the origin.

    Attributes
    ----------
    A : ndarray, shape (n, n)
        Curvature of the first player, symmetric.
    B : ndarray, shape (n, m)
        Interaction.
    C : ndarray, shape (m, m)
        Curvature of the second player, symmetric.
    """

    A: Matrix
    B: Matrix
    C: Matrix

    def __post_init__(self) -> None:
        for name in "ABC":
            block = to_tensor(name, getattr(self, name)).double().numpy().copy()
            if block.ndim != 2 or block.size == 0 or not np.isfinite(block).all():
                raise ValueError(f"{name} must be a finite matrix, got shape {block.shape}")
            object.__setattr__(self, name, block)
        (n, m), shapes = self.B.shape, (self.A.shape, self.C.shape)
        if shapes != ((n, n), (m, m)):
            raise ValueError(
                f"A and C must have shapes {(n, n)} and {(m, m)} to match B of {(n, m)}, got {shapes[0]} and {shapes[1]}"
            )
        if not (np.allclose(self.A, self.A.T) and np.allclose(self.C, self.C.T)):
            raise ValueError("A and C must be symmetric")

    @property
    def jacobian(self) -> Matrix:
        """Jacobian M of the vector field v(w) = M w with w = (x, y), shape (n + m, n + m)."""
        return np.block([[self.A, self.B], [-self.B.T, self.C]])


def bilinear_game(dimension: int = 1) -> QuadraticGame:
    """Return the game min over x, max over y of the scalar product of x and y."""
    check_count("dimension", dimension)
    nothing = np.zeros((dimension, dimension))
    return QuadraticGame(nothing, np.eye(dimension), nothing)


def step_matrix(
    game: QuadraticGame, method: str, lr: float, *, momentum: float = 0.0, gamma: float = 0.0, play: str = "simultaneous"
) -> Matrix:
    r"""Return the matrix T of one iteration, :math:`z_{t+1} = T z_t`.

    .. math::
       \text{gradient:}\quad & w_{t+1} = w_t - \eta M w_t + \beta (w_t - w_{t-1}) \\
       \text{optimistic:}\quad & w_{t+1} = w_t - 2 \eta M w_t + \eta M w_{t-1} \\
       \text{extragradient:}\quad & w_{t+1} = w_t - \eta M (w_t - \eta M w_t) \\
       \text{consensus:}\quad & w_{t+1} = w_t - \eta (M + \gamma M^\top M) w_t

    In alternating play the first player moves first and the second sees where it went.

    Parameters
    ----------
    game : QuadraticGame
        The game, with Jacobian M of shape (d, d).
    method : {"gradient", "optimistic", "extragradient", "consensus"}
        Which iteration.
    lr : float
        Step size eta.
    momentum : float
        Momentum beta in (-1, 1); for ``"gradient"`` only.
    gamma : float
        Weight of the regulariser; for ``"consensus"`` only.
    play : {"simultaneous", "alternating"}
        Alternating play is defined for ``"gradient"`` only.

    Returns
    -------
    ndarray, shape (2 d, 2 d) or (d, d)
        For ``"gradient"`` and ``"optimistic"`` z is (w_t, w_{t-1}), otherwise w_t.

    Raises
    ------
    ValueError
        If an argument is out of its range, or a setting does not belong to the method.
    """
    check_choice("method", method, METHODS)
    check_choice("play", play, PLAYS)
    check_non_negative("lr", lr)
    check_non_negative("gamma", gamma)
    check_beta("momentum", momentum, negative=True)
    if method != "gradient" and (momentum or play == "alternating"):
        raise ValueError(
            f"momentum and alternating play belong to 'gradient', got momentum={momentum}, play={play!r} with {method!r}"
        )
    if method != "consensus" and gamma:
        raise ValueError(f"gamma belongs to 'consensus', got {gamma} with {method!r}")

    jacobian = game.jacobian
    identity = np.eye(len(jacobian))
    if method == "extragradient":
        return identity - lr * jacobian @ (identity - lr * jacobian)
    if method == "consensus":
        return identity - lr * (jacobian + gamma * jacobian.T @ jacobian)
    if method == "optimistic":
        return _two_steps(identity - 2 * lr * jacobian, lr * jacobian)
    now, before = (1 + momentum) * identity - lr * jacobian, -momentum * identity
    if play == "alternating":
        # The second player's gradient uses the first player's new position: substitute the first block row.
        n = len(game.A)
        seen_now, seen_before = now[:n], before[:n]
        now[n:, :n] = 0.0
        now[n:] += lr * game.B.T @ seen_now
        before[n:] += lr * game.B.T @ seen_before
    return _two_steps(now, before)


def spectral_radius(matrix: ArrayLike) -> float:
    """Return the largest modulus of an eigenvalue: the asymptotic factor of an iteration with this step matrix.

    Parameters
    ----------
    matrix : array_like, shape (d, d)
        Real or complex.

    Raises
    ------
    ValueError
        If the matrix is not square, empty or not finite.
    """
    square = np.asarray(matrix, dtype=np.complex128 if np.iscomplexobj(matrix) else np.float64)
    if square.ndim != 2 or square.shape[0] != square.shape[1] or square.size == 0 or not np.isfinite(square).all():
        raise ValueError(f"matrix must be a finite square matrix, got shape {square.shape}")
    return float(np.abs(np.linalg.eigvals(square)).max())


class GamePlay(NamedTuple):
    """How a game went.

    Attributes
    ----------
    points : ndarray, shape (n + 1, d)
        The joint position after 0, 1, ..., n iterations.
    converged, diverged : bool
        Whether the last point is within the tolerance of the origin, or beyond the escape radius or not finite.
    """

    points: Matrix
    converged: bool
    diverged: bool


def play_game(
    game: QuadraticGame,
    make_optimizer: Callable[[list[Tensor]], torch.optim.Optimizer],
    *,
    n_steps: int,
    play: str,
    gamma: float | None = None,
    start: ArrayLike | None = None,
    tol: float = 0.0,
    escape: float = 1e12,
    callback: Callable[[int, Matrix], None] | None = None,
) -> GamePlay:
    """Play a game with one torch optimiser per player, in float64.

    Parameters
    ----------
    game : QuadraticGame
        The game.
    make_optimizer : callable
        ``make_optimizer(params)`` returns a player's optimiser. `ExtraGradient` takes two gradients an iteration, so that
        both players must use it or neither.
    n_steps : int
        Iterations at most.
    play : {"simultaneous", "alternating"}
        Whether both players move at once, or the second sees the first player's move.
    gamma : float, optional
        Play on the consensus field with this weight; simultaneous play only.
    start : array_like, shape (d,), optional
        Where to start; all ones by default.
    tol, escape : float
        Stop within this distance of the origin, or beyond that one.
    callback : callable, optional
        ``callback(step, point)`` after each iteration.

    Returns
    -------
    GamePlay
        The path, and how it ended.

    Raises
    ------
    ValueError
        If an argument is out of its range, alternating play is asked of consensus or extragradient, or one player alone
        uses extragradient.
    """
    check_choice("play", play, PLAYS)
    check_count("n_steps", n_steps, least=0)
    check_non_negative("tol", tol)
    check_positive("escape", escape)
    if gamma is not None:
        check_non_negative("gamma", gamma)
    n, d = len(game.A), len(game.jacobian)
    first_point = np.ones(d) if start is None else to_tensor("start", start).double().numpy().copy()
    if first_point.shape != (d,) or not np.isfinite(first_point).all():
        raise ValueError(f"start must be {d} finite numbers, got shape {first_point.shape}")
    x, y = (torch.tensor(part, requires_grad=True) for part in (first_point[:n], first_point[n:]))
    optimizers = [make_optimizer([x]), make_optimizer([y])]
    extra = [isinstance(optimizer, ExtraGradient) for optimizer in optimizers]
    if any(extra) and not all(extra):
        names = " and ".join(type(optimizer).__name__ for optimizer in optimizers)
        raise ValueError(f"make_optimizer must return ExtraGradient for both players or for neither, got {names}")
    halves = 2 if all(extra) else 1
    if play == "alternating" and (gamma is not None or halves == 2):
        raise ValueError("consensus and extragradient are simultaneous by definition, got play='alternating'")
    move = _alternate if play == "alternating" else _move_together

    points = [first_point]
    for step in range(1, n_steps + 1):
        for _ in range(halves):
            move(game, (x, y), optimizers, gamma)
        point = torch.cat([x, y]).detach().numpy()
        points.append(point)
        if callback is not None:
            callback(step, point)
        distance = np.linalg.norm(point)
        if not distance < escape or distance <= tol:
            break
    distance = np.linalg.norm(points[-1])
    return GamePlay(np.array(points), bool(distance <= tol), bool(not distance < escape))


def _losses(game: QuadraticGame, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    A, B, C = (torch.from_numpy(block) for block in (game.A, game.B, game.C))
    value = 0.5 * x @ A @ x + x @ B @ y - 0.5 * y @ C @ y
    return value, -value


def _move_together(
    game: QuadraticGame, players: tuple[Tensor, Tensor], optimizers: Sequence[torch.optim.Optimizer], gamma: float | None
) -> None:
    losses = _losses(game, *players)
    owned = [[player] for player in players]
    if gamma is None:
        simultaneous(losses, owned)
    else:
        consensus(losses, owned, gamma)
    for optimizer in optimizers:
        optimizer.step()


def _alternate(
    game: QuadraticGame, players: tuple[Tensor, Tensor], optimizers: Sequence[torch.optim.Optimizer], gamma: float | None
) -> None:
    for index, (player, optimizer) in enumerate(zip(players, optimizers, strict=True)):
        (player.grad,) = torch.autograd.grad(_losses(game, *players)[index], player)
        optimizer.step()


def _two_steps(now: Matrix, before: Matrix) -> Matrix:
    return np.block([[now, before], [np.eye(len(now)), np.zeros_like(now)]])
