"""The estimators and their rivals: adapters around `optathlon.baselines.coarse_gradients`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optathlon.spec import Context, Diverged, Method
from optathlon.suites.coarse_gradients.problem import Floats, Pictures, Planes, Teacher

if TYPE_CHECKING:
    from torch import nn

    from optathlon.baselines.coarse_gradients import PlaneRuns, SampledGradient, TrainedNetwork

THESIS = "Long, thesis, chapter 3"
DEVICES = ("cpu", "cuda")


@dataclass(frozen=True, eq=False)
class Descent:
    """Where runs on planes ended, and the largest shrinking in a step of a neuron's component in its own class's plane."""

    runs: PlaneRuns
    largest_drop: float


def run_planes(problem: Planes, context: Context, *, bits: int, estimator: str, learning_rate: float) -> Descent:
    """Descend until the loss is zero."""
    from optathlon.baselines.coarse_gradients import component_norms, train_on_planes

    owner, before, drop = problem.V.argmax(axis=0), np.empty(0), 0.0

    def watch(step: int, W: Floats) -> None:
        nonlocal before, drop
        own = component_norms(W, problem.bases)[:, np.arange(len(owner)), owner]
        if step:
            drop = max(drop, float((before - own).max()))
        before = own

    runs = train_on_planes(
        *(problem.X, problem.y, problem.W, problem.V),
        bits=bits,
        estimator=estimator,
        learning_rate=learning_rate,
        max_steps=problem.max_steps,
        callback=watch if problem.watched else None,
    )
    return Descent(runs, drop if problem.watched else float("nan"))


def run_sampled(problem: Teacher, context: Context, *, as_printed: bool) -> tuple[SampledGradient, bool]:
    """Average sample gradients, with the residual or, as printed, with the loss as their factor."""
    from optathlon.baselines.coarse_gradients import sampled_gradient

    found = sampled_gradient(problem.w, problem.w_star, problem.v, n_samples=problem.n_samples, rng=context.rng)
    return found, as_printed


def run_float(problem: Pictures, context: Context) -> TrainedNetwork:
    """Train with ReLU."""
    from torch import nn

    return _train(problem, context, nn.ReLU)


def run_quantized(problem: Pictures, context: Context, *, bits: int, estimator: str) -> TrainedNetwork:
    """Train with the quantised ReLU and an estimator."""
    from optathlon.baselines.coarse_gradients import QuantizedReLU

    return _train(problem, context, lambda: QuantizedReLU(bits, estimator))


def run_nearest(problem: Pictures, context: Context, *, bits: int, estimator: str) -> TrainedNetwork:
    """Train with levels rounded to the nearest, as k-means assigns them."""
    from optathlon.baselines.coarse_gradients import QuantizedReLU

    return _train(problem, context, lambda: QuantizedReLU(bits, estimator, rounding="nearest"))


def run_pact(problem: Pictures, context: Context, *, bits: int) -> TrainedNetwork:
    """Train with a learned bound."""
    from optathlon.baselines.coarse_gradients import LearnedClip

    return _train(problem, context, lambda: LearnedClip(bits))


def run_lsq(problem: Pictures, context: Context, *, bits: int) -> TrainedNetwork:
    """Train with a learned step."""
    from optathlon.baselines.coarse_gradients import LearnedStep

    return _train(problem, context, lambda: LearnedStep(bits))


def _train(problem: Pictures, context: Context, activation: Callable[[], nn.Module]) -> TrainedNetwork:
    from optathlon.baselines import coarse_gradients as library

    if problem.network == "perceptron":
        model = library.perceptron((problem.X[0].numel(), 64, 32, 10), activation, seed=problem.seed)
    else:
        model = getattr(library, problem.network)(activation, width=problem.width, seed=problem.seed)
    trained = library.train(
        model.to(context.device),
        problem.X,
        problem.y,
        rng=context.rng,
        callback=lambda epoch, network: context.observe(epoch, network),
        **vars(problem.schedule),
    )
    if not trained.finite:
        raise Diverged(f"training loss {trained.losses[-1]}, |W| {trained.norms[-1]:.3g} after {len(trained.losses)} epochs")
    return trained


def compile_descent() -> None:
    """Compile the loop, outside every clock."""
    from optathlon.baselines.coarse_gradients import train_on_planes

    train_on_planes(np.eye(4)[:2], [0, 1], np.ones((2, 4)), np.eye(2) / 2, max_steps=1)


def first_training() -> None:
    """Pay what torch's first backward pass and optimiser cost, outside every clock."""
    import torch

    from optathlon.baselines.coarse_gradients import perceptron, train

    train(perceptron((2, 2, 2)), torch.eye(4)[:, :2], torch.tensor([0, 1, 0, 1]), n_epochs=1)


PLACES = {
    "relu": ("planes-*",),
    "reverse-exponential": ("planes-smoke", "planes-90", "planes-45", "planes-30"),
    "log-tailed": ("planes-smoke", "planes-90"),
    "clipped-relu": ("planes-smoke", "planes-90"),
}

ON_PLANES = tuple(
    Method(
        name=f"planes-{estimator}",
        run=run_planes,
        settings={"bits": 4, "estimator": estimator, "learning_rate": 1.0},
        workloads=workloads,
        reference=f"{THESIS}, eq. 3.5 and Fig. 3.2",
        warm_up=compile_descent,
    )
    for estimator, workloads in PLACES.items()
)

SAMPLED = (
    Method(
        name="sampled-residual",
        run=run_sampled,
        settings={"as_printed": False},
        workloads=("teacher-*",),
        reference="Long, thesis, Lemma 4.2",
    ),
    Method(
        name="sampled-loss",
        run=run_sampled,
        settings={"as_printed": True},
        workloads=("teacher-*",),
        description="the sample gradient as printed before Lemma 4.2",
        reference="Long, thesis, section 4.1.3",
    ),
)


def _trained(name: str, run: Callable[..., Any], reference: str, **settings: Any) -> Method:
    return Method(name=name, run=run, settings=settings, devices=DEVICES, reference=reference, warm_up=first_training)


TRAINED = (
    _trained("float", run_float, f"{THESIS}, Table 3.2, 32 bits"),
    *(
        _trained(f"{estimator}-{bits}bit", run_quantized, f"{THESIS}, Table 3.2", bits=bits, estimator=estimator)
        for bits in (4, 2)
        for estimator in ("relu", "reverse-exponential", "log-tailed", "clipped-relu", "identity")
    ),
    *(_trained(f"relu-nearest-{bits}bit", run_nearest, "Cai et al., 2017", bits=bits, estimator="relu") for bits in (4, 2)),
    *(_trained(f"pact-{bits}bit", run_pact, "Choi et al., PACT, 2018", bits=bits) for bits in (4, 2)),
    *(_trained(f"lsq-{bits}bit", run_lsq, "Esser et al., LSQ, 2020", bits=bits) for bits in (4, 2)),
)

METHODS = (*ON_PLANES, *SAMPLED, *TRAINED)
