"""The declaration of the suite on training with quantised weights."""

from __future__ import annotations

from optathlon.spec import Scale, Suite, Workload
from optathlon.suites.quantized_training.claims import CLAIMS
from optathlon.suites.quantized_training.methods import METHODS, THESIS
from optathlon.suites.quantized_training.metrics import METRICS, exhibit
from optathlon.suites.quantized_training.problem import (
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
    Workload(
        name="mnist", make=pictures("mnist", "lenet5", 60_000, Schedule(3)), scale=Scale.MEDIUM, seeds=3, budget=600.0,
        metric="test-error", data=("mnist",), methods=(), description="MNIST, LeNet-5, 3 epochs",
    ),
    Workload(
        name="mnist-constant-rate", make=pictures("mnist", "lenet5", 20_000, Schedule(6, 0.01, "constant")), scale=Scale.MEDIUM,
        seeds=2, budget=600.0, metric="test-error", data=("mnist",), methods=(),
        description="20,000 images of MNIST, LeNet-5, 6 epochs at the constant rate 0.01 (Figs. 4.4 and 4.5)",
    ),
    Workload(
        name="vgg11-quarter", make=pictures("cifar10_subset", "vgg11", 5000, Schedule(8, 0.05, n_recorded=40), width=0.25),
        scale=Scale.MEDIUM, seeds=3, budget=900.0, metric="test-error", data=("cifar10_subset",), methods=(),
        description="5,000 images of CIFAR-10, VGG-11 at a quarter of its width, 8 epochs without augmentation",
    ),
    Workload(
        name="mnist-50", make=pictures("mnist", "lenet5", 60_000, Schedule(50, n_recorded=600)), scale=Scale.PAPER, seeds=3,
        budget=7200.0, metric="test-error", data=("mnist",), methods=(), description="MNIST, LeNet-5, the published 50 epochs",
    ),
    *(
        Workload(
            name=f"{network}-200", make=pictures("cifar10", network, 50_000, Schedule(200)), scale=Scale.PAPER, seeds=1,
            budget=86_400.0, metric="test-error", data=("cifar10",), methods=(),
            description=f"CIFAR-10, {network}, 200 epochs without augmentation, for a GPU",
        )
        for network in ("vgg11", "resnet20")
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
