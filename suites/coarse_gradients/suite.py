"""The declaration of the coarse-gradients suite."""

from __future__ import annotations

from optathlon.spec import Scale, Suite, Workload
from optathlon.suites.coarse_gradients.claims import CLAIMS
from optathlon.suites.coarse_gradients.methods import METHODS, THESIS
from optathlon.suites.coarse_gradients.metrics import METRICS, exhibit
from optathlon.suites.coarse_gradients.problem import Make, Schedule, digits, pictures, planes, teacher

TABLE = (
    "float",
    *(f"{name}-{bits}bit" for bits in (4, 2) for name in ("relu", "reverse-exponential", "log-tailed")),
)
RIVALS = ("relu-nearest-*", "pact-*", "lsq-*")
DEEP = ("float", "relu-4bit", "clipped-relu-4bit")


def _planes(
    name: str,
    angle: float,
    description: str,
    *,
    runs: int = 10,
    seeds: int = 4,
    noise: float = 0.0,
    max_steps: int = 6000,
    watched: bool = False,
    scale: Scale = Scale.SMALL,
) -> Workload:
    return Workload(
        name=f"planes-{name}",
        make=planes(angle, runs, noise=noise, max_steps=max_steps, watched=watched),
        scale=scale,
        seeds=seeds,
        metric="steps",
        methods=(),
        trials=runs,
        description=f"{runs} starts, planes at {angle:g} degrees, {description}",
    )


def _training(
    name: str, make: Make, scale: Scale, methods: tuple[str, ...], description: str, *, seeds: int, budget: float, data: str
) -> Workload:
    return Workload(
        name=name,
        make=make,
        scale=scale,
        seeds=seeds,
        budget=budget,
        memory=16 * 2**30,
        metric="test-error",
        data=(data,),
        methods=methods,
        description=description,
    )


SMOKE_WORKLOADS = (
    _planes("smoke", 90, "30 steps at most", runs=2, seeds=2, max_steps=30, scale=Scale.SMOKE),
    Workload(
        name="teacher-smoke",
        make=teacher(2, 3, 2000),
        scale=Scale.SMOKE,
        seeds=2,
        metric="deviation",
        methods=(),
        description="2,000 samples",
    ),
    _training(
        "digits-smoke",
        digits(200, Schedule(n_epochs=2)),
        Scale.SMOKE,
        ("float", "*bit"),
        "200 digits of 8 x 8, two epochs",
        seeds=2,
        budget=30,
        data="digits",
    ),
)

SMALL_WORKLOADS = (
    *(_planes(str(angle), angle, "6,000 steps at most", seeds=4 if angle > 15 else 3) for angle in (90, 75, 60, 45, 30, 15)),
    *(
        _planes(f"noise-{angle}", angle, "noise .05, 3,000 steps at most", seeds=3, noise=0.05, max_steps=3000)
        for angle in (90, 60, 45)
    ),
    *(
        _planes(f"watched-{angle}", angle, "300 steps looked at one by one", runs=4, seeds=2, max_steps=300, watched=True)
        for angle in (90, 60, 45)
    ),
    Workload(
        name="teacher-400000",
        make=teacher(3, 4, 400_000),
        scale=Scale.SMALL,
        seeds=4,
        metric="deviation",
        methods=(),
        description="the coarse gradient at a random point, from 400,000 samples",
    ),
    _training(
        "digits",
        digits(1200, Schedule(n_epochs=5)),
        Scale.SMALL,
        (*TABLE, "relu-nearest-2bit", "pact-2bit", "lsq-2bit", "clipped-relu-2bit", "identity-2bit"),
        "1,200 digits of 8 x 8, perceptron of 64-64-32-10, 5 epochs",
        seeds=4,
        budget=60,
        data="digits",
    ),
)

MEDIUM_WORKLOADS = (
    _training(
        "mnist-3-epochs",
        pictures("mnist", "lenet5", Schedule(n_epochs=3)),
        Scale.MEDIUM,
        (*TABLE, "relu-nearest-2bit", "pact-2bit", "lsq-2bit"),
        "MNIST, LeNet-5, 3 epochs at rate .1 falling along a cosine",
        seeds=2,
        budget=600,
        data="mnist",
    ),
    _training(
        "vgg11-quarter",
        pictures("cifar10_subset", "vgg11", Schedule(n_epochs=8, learning_rate=0.05, augment=True), width=0.25),
        Scale.MEDIUM,
        ("float", "relu-4bit"),
        "5,000 pictures of CIFAR-10, VGG-11 at a quarter of its width, 8 epochs",
        seeds=3,
        budget=900,
        data="cifar10_subset",
    ),
    _training(
        "resnet20-4-epochs",
        pictures("cifar10_subset", "resnet20", Schedule(n_epochs=4, learning_rate=0.05, augment=True)),
        Scale.MEDIUM,
        DEEP,
        "5,000 pictures of CIFAR-10, ResNet-20, 4 epochs",
        seeds=1,
        budget=1200,
        data="cifar10_subset",
    ),
)

_MNIST = Schedule(n_epochs=100, schedule="step", milestones=(20, 40, 60, 80))
_CIFAR = Schedule(n_epochs=200, batch_size=128, schedule="step", milestones=(80, 140), augment=True)

PAPER_WORKLOADS = (
    _training(
        "mnist-100-epochs",
        pictures("mnist", "lenet5", _MNIST),
        Scale.PAPER,
        (*TABLE, *RIVALS),
        "MNIST, LeNet-5, 100 epochs, the rate a tenth after every 20",
        seeds=3,
        budget=6 * 3600,
        data="mnist",
    ),
    *(
        _training(
            f"{network}-200-epochs",
            pictures("cifar10", network, _CIFAR),
            Scale.PAPER,
            DEEP,
            f"CIFAR-10, {network}, 200 epochs, the rate .1 and a tenth after epochs 80 and 140",
            seeds=3,
            budget=48 * 3600,
            data="cifar10",
        )
        for network in ("vgg11", "resnet20")
    ),
)

SUITE = Suite(
    name="coarse_gradients",
    version="1",
    title="Coarse gradients of quantised activations",
    source=THESIS,
    workloads=(*SMOKE_WORKLOADS, *SMALL_WORKLOADS, *MEDIUM_WORKLOADS, *PAPER_WORKLOADS),
    methods=METHODS,
    metrics=METRICS,
    claims=CLAIMS,
    reference_method="float",
    exhibit=exhibit,
)
