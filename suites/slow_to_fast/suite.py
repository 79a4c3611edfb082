"""The declaration of the suite on slow-to-fast training."""

from __future__ import annotations

from optathlon.spec import Scale, Suite, Workload
from optathlon.suites.slow_to_fast.claims import CLAIMS, WIDTHS
from optathlon.suites.slow_to_fast.methods import METHODS, THESIS
from optathlon.suites.slow_to_fast.metrics import METRICS, exhibit
from optathlon.suites.slow_to_fast.problem import digits, mnist, plane, tilted, vectors


def _tilted(angle: int, noise: float = 0.0) -> Workload:
    noisy = "-noisy" if noise else ""
    return Workload(
        name=f"tilted-{angle}{noisy}",
        make=tilted(angle, 10, noise=noise),
        scale=Scale.SMALL,
        seeds=4,
        budget=120.0,
        methods=(),
        trials=10,
        description=f"two planes at {angle} degrees{', noise of 0.05' if noise else ''}, 8 neurons, 10 starts",
    )


def _condition(d: int, k: int) -> Workload:
    return Workload(
        name=f"condition-{d}-{k}",
        make=vectors(k, d, 450),
        scale=Scale.SMALL,
        seeds=2,
        metric="disagreement",
        methods=(),
        trials=450,
        description=f"450 sets of {k} normal vectors in {d} dimensions",
    )


def _patterns(d: int, k: int) -> Workload:
    return Workload(
        name=f"patterns-{d}-{k}",
        make=vectors(k, d, 1, patterns=True),
        scale=Scale.SMALL,
        seeds=2,
        metric="pattern-count-error",
        methods=(),
        description=f"the 2^{k} patterns of signs of {k} normal vectors in {d} dimensions",
    )


WORKLOADS = (
    Workload(
        name="plane-smoke",
        make=plane(8, 10),
        scale=Scale.SMOKE,
        seeds=2,
        methods=(),
        trials=10,
        description="one plane, 8 neurons, 10 starts",
    ),
    Workload(
        name="tilted-smoke",
        make=tilted(75, 2),
        scale=Scale.SMOKE,
        seeds=2,
        methods=(),
        trials=2,
        description="two planes at 75 degrees, 8 neurons, 2 starts",
    ),
    Workload(
        name="digits-smoke",
        make=digits(300, 120, 100),
        scale=Scale.SMOKE,
        seeds=2,
        metric="final-loss",
        data=("digits",),
        methods=(),
        description="300 digits of 16 x 16, 120 steps of plain SGD at rate 0.01",
    ),
    Workload(
        name="condition-smoke",
        make=vectors(5, 2, 5),
        scale=Scale.SMOKE,
        seeds=2,
        metric="disagreement",
        methods=(),
        trials=5,
        description="5 sets of 5 normal vectors in 2 dimensions",
    ),
    *(
        Workload(
            name=f"plane-{width}",
            make=plane(width, 100),
            scale=Scale.SMALL,
            seeds=5,
            budget=120.0,
            methods=(),
            trials=100,
            description=f"one plane, {width} neurons, 100 starts (Table 2.1)",
        )
        for width in WIDTHS
    ),
    *(_tilted(angle) for angle in (15, 30, 45, 60, 75, 90)),
    *(_tilted(angle, 0.05) for angle in (45, 60, 90)),
    *(_condition(d, k) for d, k in ((2, 4), (2, 8), (3, 6), (4, 8))),
    *(_patterns(d, k) for d, k in ((2, 5), (3, 6), (4, 7), (5, 8))),
    Workload(
        name="mnist",
        make=mnist(600),
        scale=Scale.MEDIUM,
        seeds=3,
        budget=1200.0,
        metric="final-loss",
        data=("mnist",),
        methods=(),
        description="LeNet on MNIST, 600 steps of plain SGD at rate 0.01 with batches of 1,000",
    ),
    *(
        Workload(
            name=f"plane-{width}-10000",
            make=plane(width, 10_000),
            scale=Scale.PAPER,
            seeds=1,
            budget=600.0,
            methods=(),
            trials=10_000,
            description=f"one plane, {width} neurons, 10,000 starts",
        )
        for width in (8, 24)
    ),
)

SUITE = Suite(
    name="slow_to_fast",
    version="1",
    title="Slow-to-fast weight evolution on linearly non-separable data",
    source=f"{THESIS}, chapter 2",
    workloads=WORKLOADS,
    methods=METHODS,
    metrics=METRICS,
    claims=CLAIMS,
    reference_method="random-start",
    exhibit=exhibit,
)
