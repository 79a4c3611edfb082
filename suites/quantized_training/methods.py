"""The methods of the leaderboard: adapters around `optathlon.baselines.quantized_training`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.quantized_training import (
    Recurrence,
    mean_threshold_ternary,
    project_binary,
    project_ternary,
    quant_recurrence,
)
from optathlon.spec import Context, Diverged, Method
from optathlon.suites.quantized_training.problem import Classification, Teachers, Vector

if TYPE_CHECKING:
    from optathlon.baselines.quantized_training import TrainedNetwork

THESIS = "Long, thesis"
TEACHERS = ("teacher-*", "figure-4.3*", "example-4.1*")
PICTURES = ("digits*", "mnist*", "vgg11*", "resnet20*")
FOR_RIVALS = ("digits*", "mnist", "mnist-50")


@dataclass(frozen=True)
class Run:
    """A recurrence, and which weights it had."""

    weights: str
    found: Recurrence


@dataclass(frozen=True)
class Projection:
    """A projected vector."""

    w: NDArray[np.float32]


def run_recurrence(problem: Teachers, context: Context, *, weights: str) -> Run:
    """QUANT with its closed coarse gradient."""
    found = quant_recurrence(
        problem.w_star,
        problem.start,
        weights=weights,
        n_steps=problem.n_steps,
        eta=problem.eta,
        v_norm=problem.v_norms,
        n_recorded=problem.n_recorded,
    )
    return Run(weights, found)


def run_projection(problem: Vector, context: Context, *, rule: str) -> Projection:
    """Project one vector, twenty times for the clock."""
    project = {"binary": project_binary, "ternary": project_ternary, "mean-threshold": mean_threshold_ternary, "sort": by_sort}
    w = problem.y
    with context.section("projections"):
        for _ in range(20):
            w = project[rule](problem.y)
    return Projection(w)


def run_training(problem: Classification, context: Context, *, method: str) -> TrainedNetwork:
    """Train the network by the problem's schedule; all but float have activations of 4 bits."""
    schedule = problem.schedule
    from optathlon.baselines.quantized_training import train_quantized

    found = train_quantized(
        problem.model if method == "float" else problem.quantised_model,
        problem.X,
        problem.y,
        method=method,
        n_epochs=schedule.n_epochs,
        learning_rate=schedule.learning_rate,
        schedule=schedule.schedule,
        augment=schedule.augment,
        n_recorded=schedule.n_recorded,
        rng=context.rng,
    )
    if not found.finite:
        raise Diverged(f"loss or gradient is no longer finite in epoch {len(found.losses)}")
    return found


def by_sort(y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the ternary projection as it is usually written: sort, sum, take the best score."""
    magnitudes = np.sort(np.abs(y))[::-1]
    sums = np.cumsum(magnitudes, dtype=np.float64)
    best = int(np.argmax(sums * sums / np.arange(1, len(y) + 1)))
    scale = y.dtype.type(sums[best] / (best + 1))
    return np.where(np.abs(y) >= magnitudes[best], np.copysign(scale, y), y.dtype.type(0))


def warm_up_recurrence() -> None:
    """Compile the recurrence."""
    quant_recurrence([1.0, 2.0], [1.0, 1.0], weights="ternary", n_steps=2)


def warm_up_projection() -> None:
    """Compile the projection."""
    project_ternary(np.arange(1000, dtype=np.float32))


def warm_up_training() -> None:
    """Compile the projection, and let torch prepare a layer."""
    import torch

    from optathlon.baselines.coarse_gradients import perceptron

    warm_up_projection()
    from optathlon.baselines.quantized_training import train_quantized

    train_quantized(perceptron((4, 2)), torch.eye(4), torch.tensor([0, 1, 0, 1]), method="ternary", n_epochs=1)


def _training(name: str, method: str, reference: str, workloads: tuple[str, ...] = FOR_RIVALS) -> Method:
    return Method(
        name=name,
        run=run_training,
        settings={"method": method},
        workloads=workloads,
        reference=reference,
        devices=("cpu", "cuda"),
        yardstick=method == "float",
        warm_up=warm_up_training,
    )


METHODS = (
    *(
        Method(
            name=f"recurrence-{weights}",
            run=run_recurrence,
            settings={"weights": weights},
            workloads=TEACHERS if weights == "binary" else TEACHERS[:2],
            reference=f"{THESIS}, Algorithm 1 with eq. 4.4",
            warm_up=warm_up_recurrence,
        )
        for weights in ("binary", "ternary")
    ),
    *(
        Method(
            name=f"project-{rule}",
            run=run_projection,
            settings={"rule": rule},
            workloads=("projection-*",),
            reference=reference,
            warm_up=warm_up_projection,
        )
        for rule, reference in (
            ("ternary", f"{THESIS}, Lemma 4.4"),
            ("sort", f"{THESIS}, Lemma 4.4, by a sort"),
            ("mean-threshold", "Li, Zhang and Liu, Ternary weight networks, 2016"),
            ("binary", f"{THESIS}, Lemma 4.3"),
        )
    ),
    _training("float", "float", f"{THESIS}, Table 4.1", (*PICTURES[:3], "resnet20-200")),
    _training("quant-binary", "binary", f"{THESIS}, Algorithm 1", PICTURES),
    _training("quant-ternary", "ternary", f"{THESIS}, Algorithm 1", PICTURES),
    _training("mean-threshold", "mean-threshold", "Li, Zhang and Liu, Ternary weight networks, 2016"),
    _training("binary-connect", "binary-connect", "Courbariaux, Bengio and David, BinaryConnect, 2015"),
    _training("straight-through", "straight-through", "Chiprut et al., Section V (STE): Adam on real weights, signs forward"),
    _training("binary-relax", "binary-relax", "Yin et al., BinaryRelax, 2018"),
    _training("ternary-relax", "ternary-relax", "Yin et al., BinaryRelax, 2018"),
)
