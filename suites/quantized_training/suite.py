"""The declaration of the suite on training with quantised weights."""

from __future__ import annotations

from dataclasses import replace

from optathlon.spec import Scale, Suite, Workload
from optathlon.suites.quantized_training.claims import CLAIMS
from optathlon.suites.quantized_training.methods import METHODS, THESIS
from optathlon.suites.quantized_training.metrics import METRICS, exhibit
from optathlon.suites.quantized_training.problem import (
    Make,
    Network,
    Schedule,
    digits,
    example,
    figure_teachers,
    pictures,
    teachers,
    vector,
)


def _teacher(name: str, n: int, n_runs: int, n_steps: int, scale: Scale = Scale.SMALL, seeds: int = 3) -> Workload:
    return Workload(
        name=f"teacher-{name}",
        make=teachers(n, n_runs, n_steps),
        scale=scale,
        seeds=seeds,
        methods=(),
        trials=n_runs,
        description=f"{n_runs} normal teachers of {n} weights, {n_steps:,} steps of QUANT",
    )


def _pictures(
    name: str, make: Make, data: str, description: str, *, seeds: int, budget: float, scale: Scale = Scale.MEDIUM
) -> Workload:
    return Workload(
        name=name,
        make=make,
        scale=scale,
        seeds=seeds,
        budget=budget,
        metric="test-error",
        data=(data,),
        methods=(),
        description=description,
    )


# The activation behind a sum is not normalised: ResNet-20 needs the clipped estimator to stay bounded.
ON_CIFAR: tuple[tuple[Network, str], ...] = (("vgg11", "relu"), ("resnet20", "clipped-relu"))
SHIFTED = Schedule(8, 0.05, augment=True, n_recorded=40)

WORKLOADS = (
    _teacher("smoke", 4, 5, 500, Scale.SMOKE, seeds=2),
    Workload(
        name="projection-smoke", make=vector("normal", 2000), scale=Scale.SMOKE, seeds=2, metric="distance", methods=(),
        description="2,000 normal numbers",
    ),
    Workload(
        name="digits-200", make=digits(200, 100, Schedule(2, n_recorded=3)), scale=Scale.SMOKE, seeds=2, metric="test-error",
        data=("digits",), methods=(), description="200 digits, perceptron, 2 epochs",
    ),
    *(_teacher(str(n), n, 200, 20_000) for n in (4, 8, 16)),
    _teacher("8-long", 8, 40, 200_000),
    Workload(
        name="figure-4.3", make=figure_teachers(200), scale=Scale.SMALL, seeds=5, methods=(), trials=200,
        description="200 problems of Fig. 4.3: n = 8, m = 4, 200 steps at rate 0.1",
    ),
    Workload(
        name="example-4.1", make=example(200, 3000), scale=Scale.SMALL, seeds=2, methods=(), trials=200,
        description="Example 4.1 from 200 of its starts",
    ),
    Workload(
        name="example-4.1-normal", make=example(200, 3000, free=True), scale=Scale.SMALL, seeds=3, methods=(), trials=200,
        description="Example 4.1's teacher from 200 normal starts",
    ),
    *(
        Workload(
            name=f"projection-{kind}", make=vector(kind, n), scale=Scale.SMALL, seeds=3, metric="distance", methods=(),
            description=f"{n:,} {kind} numbers, projected 20 times",
        )
        for kind, n in (("normal", 1_000_000), ("laplace", 100_000), ("t3", 100_000))
    ),
    Workload(
        name="digits", make=digits(1437, 360, Schedule(15, n_recorded=100)), scale=Scale.SMALL, seeds=5, metric="test-error",
        data=("digits",), methods=(), description="1,437 digits, perceptron of 128 and 128 units, 15 epochs",
    ),
    _pictures(
        "mnist", pictures("mnist", "lenet5", 60_000, Schedule(3)), "mnist", "MNIST, LeNet-5, 3 epochs", seeds=2, budget=600.0
    ),
    _pictures(
        "mnist-constant-rate", pictures("mnist", "lenet5", 20_000, Schedule(6, 0.01, "constant")), "mnist",
        "20,000 images of MNIST, LeNet-5, 6 epochs at the constant rate 0.01 (Figs. 4.4 and 4.5)", seeds=2, budget=600.0,
    ),
    _pictures(
        "vgg11-quarter", pictures("cifar10_subset", "vgg11", 5000, SHIFTED, width=0.25), "cifar10_subset",
        "5,000 images of CIFAR-10, shifted and mirrored, VGG-11 at a quarter of its width, 8 epochs", seeds=3, budget=900.0,
    ),
    *(
        _pictures(
            f"resnet20-{estimator}",
            pictures("cifar10_subset", "resnet20", 5000, replace(SHIFTED, n_epochs=4), estimator=estimator),
            "cifar10_subset",
            f"5,000 images of CIFAR-10, shifted and mirrored, ResNet-20 with the estimator {estimator}, 4 epochs",
            seeds=1,
            budget=1200.0,
        )
        for estimator in ("relu", "clipped-relu")
    ),
    _pictures(
        "mnist-50", pictures("mnist", "lenet5", 60_000, Schedule(50, n_recorded=600)), "mnist",
        "MNIST, LeNet-5, the published 50 epochs", seeds=3, budget=7200.0, scale=Scale.PAPER,
    ),
    *(
        _pictures(
            f"{network}-200", pictures("cifar10", network, 50_000, Schedule(200, augment=True), estimator=estimator), "cifar10",
            f"CIFAR-10, shifted and mirrored, {network}, 200 epochs, for a GPU", seeds=1, budget=86_400.0, scale=Scale.PAPER,
        )
        for network, estimator in ON_CIFAR
    ),
)  # fmt: skip

SUITE = Suite(
    name="quantized_training",
    version="1",
    title="Recurrence of the optimum in training with quantised weights",
    source=f"{THESIS}, chapter 4",
    workloads=WORKLOADS,
    methods=METHODS,
    metrics=METRICS,
    claims=CLAIMS,
    reference_method="quant-ternary",
    exhibit=exhibit,
)
