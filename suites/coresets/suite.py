"""The declaration of the coreset suite."""

from __future__ import annotations

from dataclasses import replace

from optathlon.spec import Scale, Suite, Workload
from optathlon.suites.coresets.claims import CLAIMS
from optathlon.suites.coresets.convex import CONVEX_WORKLOADS
from optathlon.suites.coresets.methods import METHODS, PAPER
from optathlon.suites.coresets.metrics import METRICS
from optathlon.suites.coresets.problem import Make, Schedule, colour_pictures, digits, grey_pictures, imbalanced, noisy
from optathlon.suites.coresets.proxy import PROXIES, PROXY_METHODS, PROXY_WORKLOADS

RIVALS = ("rs2", "importance", "moderate", "herding", "k-centre", "el2n", "grand", "craig-stochastic")
# What one selection costs, in passes over all the data: CPU seconds of one thread over those of an epoch on everything, medians
# of 7 and 3 runs side by side.
DIGITS_COSTS = {"craig": 0.20, "glister": 0.13, "grad-match": 0.34, "grad-match-all-layers": 1.38}
MNIST_COSTS = {"craig": 0.42, "glister": 0.24, "grad-match": 0.40, "importance": 0.20, "moderate": 0.20}
PICTURES = tuple(method.name for method in METHODS if not method.name.startswith("incremental-"))
LAST_LAYER = tuple(name for name in PICTURES if "all-layers" not in name and name not in RIVALS)
GROUPED = tuple(name for name in LAST_LAYER if not name.endswith("-sample"))
KEY = ("random", "full-fifth", "craig", "glister", "grad-match", "weighted-glister")
EQUAL = ("random", "full", "rs2", "craig", "glister", "glister-balanced", "grad-match", "importance", "moderate")
SMALL = (
    *("random", "rs2", "craig", "glister", "glister-balanced", "weighted-glister*"),
    *("grad-match", "grad-match-no-ridge", "grad-match-sample", "grad-match-batch"),
)
PUBLISHED = Schedule(epochs=40, observe_every=5)
DIGITS = Schedule(epochs=40, learning_rate=0.05, observe_every=4)


def _digits(name: str, make: Make, methods: tuple[str, ...], description: str, scale: Scale = Scale.SMALL) -> Workload:
    return Workload(
        name=name,
        make=make,
        scale=scale,
        seeds=6,  # the fewest that a sign test decides
        budget=60.0,
        target=0.2,
        data=("digits",),
        methods=methods,
        description=description,
    )


WORKLOADS = (
    Workload(
        name="digits-200",
        make=digits(200, 100, Schedule(epochs=4, reselect_every=2, warm_start=1, learning_rate=0.05, norms=True)),
        scale=Scale.SMOKE,
        seeds=2,
        budget=30.0,
        target=0.8,
        data=("digits",),
        methods=(*PICTURES, *PROXIES),
        description="200 digits of 8 x 8, small LeNet, 4 epochs",
    ),
    *CONVEX_WORKLOADS,
    _digits(
        "digits",
        digits(1437, 360, DIGITS),
        SMALL,
        "1,437 digits of 8 x 8, small LeNet, 40 epochs at rate 0.05",
    ),
    _digits(
        "digits-layers",
        digits(1437, 360, replace(DIGITS, norms=True)),
        ("grad-match", "grad-match-all-layers"),
        "the same: last layer against all layers",
    ),
    _digits(
        "digits-equal",
        digits(1437, 360, Schedule(learning_rate=0.05, passes=6.0, selection_passes=DIGITS_COSTS, observe_every=10)),
        ("random", "full", "rs2", "craig", "glister", "grad-match", "grad-match-all-layers"),
        "1,437 digits, small LeNet, rate 0.05: every strategy the epochs that fill the time of 6 on everything",
    ),
    _digits(
        "digits-noisy",
        noisy(digits(1437, 360, DIGITS), 0.2),
        ("random", "grad-match", "moderate", "el2n", "forgetting", "random-once"),
        "1,437 digits, a fifth of the training labels drawn at random, small LeNet, 40 epochs at rate 0.05",
        Scale.MEDIUM,
    ),
    _digits(
        "digits-imbalanced",
        imbalanced(digits(1437, 360, DIGITS), 0.1),
        ("random", "grad-match"),
        "digits, a tenth of the training samples of the classes 5 to 9, small LeNet, 40 epochs at rate 0.05",
        Scale.MEDIUM,
    ),
    *PROXY_WORKLOADS,
    *(
        Workload(
            name=f"{name.replace('_', '-')}-10000-equal",
            make=grey_pictures(name, 10_000, Schedule(passes=4.0, selection_passes=MNIST_COSTS, observe_every=5)),
            scale=Scale.MEDIUM,
            seeds=6,
            budget=300.0,
            target=target,
            data=(name,),
            methods=EQUAL,
            description=f"the first 10,000 images of {title}, LeNet: every strategy the epochs that fill the time of 4 on "
            "everything",
        )
        for name, title, target in (("mnist", "MNIST", 0.05), ("fashion_mnist", "Fashion-MNIST", 0.25))
    ),
    Workload(
        name="mnist-10000",
        make=grey_pictures("mnist", 10_000, Schedule(epochs=20, observe_every=2)),
        scale=Scale.MEDIUM,
        seeds=6,
        budget=300.0,
        target=0.05,
        data=("mnist",),
        methods=(*LAST_LAYER, *RIVALS),
        description="the first 10,000 images of MNIST, LeNet, 20 epochs",
    ),
    Workload(
        name="fashion-mnist-10000",
        make=grey_pictures("fashion_mnist", 10_000, Schedule(epochs=20, observe_every=2)),
        scale=Scale.MEDIUM,
        seeds=6,
        budget=300.0,
        target=0.25,
        data=("fashion_mnist",),
        methods=GROUPED,
        description="the first 10,000 images of Fashion-MNIST, LeNet, 20 epochs",
    ),
    Workload(
        name="mnist-2000",
        make=grey_pictures("mnist", 2000, Schedule(epochs=20, learning_rate=0.05, norms=True)),
        scale=Scale.MEDIUM,
        seeds=6,
        budget=300.0,
        target=0.1,
        data=("mnist",),
        methods=("grad-match", "grad-match-all-layers"),
        description="the first 2,000 images of MNIST, LeNet, 20 epochs: last layer against all layers",
    ),
    Workload(
        name="cifar10-subset",
        make=colour_pictures("cifar10_subset", 5000, Schedule(epochs=10, observe_every=5)),
        scale=Scale.MEDIUM,
        seeds=1,
        budget=1800.0,
        data=("cifar10_subset",),
        methods=KEY,
        description="5,000 images of CIFAR-10, ResNet-18, 10 epochs",
    ),
    Workload(
        name="mnist-60000",
        make=grey_pictures("mnist", 60_000, Schedule(epochs=10)),
        scale=Scale.PAPER,
        seeds=3,
        budget=900.0,
        target=0.02,
        data=("mnist",),
        methods=(*KEY, "full"),
        description="all of MNIST, LeNet, 10 of the 40 published epochs",
    ),
    Workload(
        name="mnist",
        make=grey_pictures("mnist", 60_000, PUBLISHED),
        scale=Scale.PAPER,
        seeds=6,
        budget=7200.0,
        target=0.015,
        data=("mnist",),
        methods=GROUPED,
        description="all of MNIST, LeNet: the published protocol",
    ),
    Workload(
        name="fashion-mnist",
        make=grey_pictures("fashion_mnist", 60_000, PUBLISHED),
        scale=Scale.PAPER,
        seeds=6,
        budget=7200.0,
        target=0.15,
        data=("fashion_mnist",),
        methods=GROUPED,
        description="all of Fashion-MNIST, LeNet: the published protocol",
    ),
    Workload(
        name="cifar10",
        make=colour_pictures("cifar10", 50_000, PUBLISHED),
        scale=Scale.PAPER,
        seeds=6,
        budget=36_000.0,
        target=0.3,
        data=("cifar10",),
        methods=GROUPED,
        description="all of CIFAR-10, ResNet-18: the published protocol, for a GPU",
    ),
)

SUITE = Suite(
    name="coresets",
    version="2",
    title="Training image classifiers on a tenth of the data",
    source=PAPER,
    workloads=WORKLOADS,
    methods=(*METHODS, *PROXY_METHODS),
    metrics=METRICS,
    claims=CLAIMS,
    reference_method="random",
)
