"""The methods of the leaderboard: adapters around `optathlon.baselines.slow_to_fast`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.slow_to_fast import Training, count_sign_patterns, geometric_condition
from optathlon.spec import Context, Diverged, Method
from optathlon.suites.slow_to_fast.problem import Pictures, Planes, Vectors

if TYPE_CHECKING:
    from torch import nn

THESIS = "Long, thesis"
PLANES = ("plane-*",)
WATCHED = ("plane-8", "plane-24", "plane-smoke")


@dataclass(frozen=True)
class Answers:
    """What a statement says of each set of vectors, or how many patterns of signs it holds for."""

    holds: NDArray[np.bool_]
    count: int = 0


@dataclass(frozen=True)
class Trained:
    """A trained network and the loss before each step."""

    model: nn.Module
    losses: NDArray[np.float64]


def run_plane(problem: Planes, context: Context, *, start: str) -> Training:
    """Gradient descent on one plane, from either start."""
    from optathlon.baselines.slow_to_fast import train_on_plane

    starts = problem.starts.copy()
    if start == "half-space":
        starts[..., 0] = np.abs(starts[..., 0])
    return train_on_plane(starts, max_steps=problem.max_steps, audit=True)


def run_points(problem: Planes, context: Context, *, optimizer: str, eta: float, bias: float) -> Training:
    """Any optimiser on any planes, from the random start."""
    from optathlon.baselines.slow_to_fast import train_network

    return train_network(
        problem.X, problem.y, problem.starts, optimizer=optimizer, eta=eta, bias=bias, max_steps=problem.max_steps
    )


def run_statement(problem: Vectors, context: Context, *, statement: str) -> Answers:
    """Ask one of the four statements of Lemma 2.4."""
    if problem.patterns:
        return Answers(np.zeros(0, bool), count_sign_patterns(problem.sets[0]))
    return Answers(np.array([geometric_condition(W, statement=statement) for W in problem.sets]))


def run_sgd(problem: Pictures, context: Context, *, learning_rate: float) -> Trained:
    """Plain stochastic gradient descent at a constant rate."""
    from optathlon.baselines.slow_to_fast import train_pictures

    model, losses = train_pictures(
        problem.model,
        problem.X,
        problem.y,
        n_steps=problem.n_steps,
        batch_size=problem.batch_size,
        learning_rate=learning_rate,
        rng=context.rng,
    )
    if len(losses) < problem.n_steps:
        raise Diverged(f"the loss is no longer finite after step {len(losses)}")
    return Trained(model, losses)


def warm_up() -> None:
    """Compile both engines."""
    from optathlon.baselines.slow_to_fast import train_network, train_on_plane

    train_on_plane(np.ones((2, 2)), max_steps=1, audit=True)
    train_network(np.eye(2), np.ones(2), np.ones((2, 2)), max_steps=1)


def warm_up_sgd() -> None:
    """Let torch import its optimisers and prepare a layer."""
    import torch

    from optathlon.baselines.slow_to_fast import train_pictures

    settings: dict[str, int] = {"n_steps": 1, "batch_size": 2}
    train_pictures(torch.nn.Linear(2, 2), torch.eye(2), torch.tensor([0, 1]), learning_rate=0.01, rng=0, **settings)


def _points(name: str, workloads: tuple[str, ...], optimizer: str, eta: float, bias: float, reference: str) -> Method:
    return Method(
        name=name,
        run=run_points,
        settings={"optimizer": optimizer, "eta": eta, "bias": bias},
        workloads=workloads,
        reference=reference,
        warm_up=warm_up,
    )


METHODS = (
    *(
        Method(
            name=f"{start}-start",
            run=run_plane,
            settings={"start": start},
            workloads=PLANES,
            reference=f"{THESIS}, eq. 2.3 and section 2.5.1",
            warm_up=warm_up,
        )
        for start in ("random", "half-space")
    ),
    _points("gradient-descent", ("tilted-*",), "gradient-descent", 0.1, 0.0, f"{THESIS}, eq. 2.3, Fig. 2.3"),
    _points("bias-0.02", ("plane-8", "plane-smoke"), "gradient-descent", 0.1, 0.02, f"{THESIS}, Theorem 2.1"),
    _points("bias-0.1", WATCHED, "gradient-descent", 0.1, 0.1, f"{THESIS}, Theorem 2.1"),
    _points("momentum", WATCHED, "momentum", 0.1, 0.0, "Polyak, 1964, with decay 0.9"),
    _points("adam", WATCHED, "adam", 0.1, 0.0, "Kingma and Ba, 2015"),
    *(
        Method(
            name=statement,
            run=run_statement,
            settings={"statement": statement},
            workloads=("condition-*", "patterns-*") if statement == "half-space" else ("condition-*",),
            reference=f"{THESIS}, Lemma 2.4",
        )
        for statement in ("half-space", "hull", "combination", "facets")
    ),
    Method(
        name="sgd",
        run=run_sgd,
        warm_up=warm_up_sgd,
        settings={"learning_rate": 0.01},
        workloads=("mnist", "digits-smoke"),
        reference=f"{THESIS}, section 2.5.2",
        devices=("cpu", "cuda"),
    ),
)
