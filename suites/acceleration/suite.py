"""The declaration of the acceleration suite."""

from __future__ import annotations

from optathlon.spec import Scale, Suite, Workload
from optathlon.suites.acceleration.claims import CLAIMS
from optathlon.suites.acceleration.methods import METHODS, MINIMIZERS, REPORT
from optathlon.suites.acceleration.metrics import METRICS, exhibit
from optathlon.suites.acceleration.problem import Make, cancer, chain, digits, factorization, linear, phase, relu, robust, wells

ALL = tuple(method.name for method in MINIMIZERS)
WITHOUT_TENTH = tuple(name for name in ALL if name != "carmon-l2-0.1")
ON_LONG_CHAIN = tuple(name for name in WITHOUT_TENTH if name not in ("adaptive", "restarted-agd"))  # 139,000 and 50,000 calls
RACE = ("lbfgs", "newton-cg", "trust-krylov", "second-order")
QUICK = ("nesterov-restart", "adaptive", *RACE)
LOOSE = ("gradient-descent", "heavy-ball-0.9", "carmon", *QUICK)
ON_NETWORKS = ("descent", "polyak-proved", "polyak-printed", "polyak-tuned")
TWICE = ("descent-twice", "polyak-proved-twice")


def _descent(
    name: str,
    make: Make,
    description: str,
    *,
    methods: tuple[str, ...] = ALL,
    scale: Scale = Scale.SMALL,
    seeds: int = 3,
    exact: bool = False,
    data: tuple[str, ...] = (),
) -> Workload:
    return Workload(
        name=name,
        make=make,
        scale=scale,
        seeds=1 if exact else seeds,
        budget=600.0 if scale.order <= Scale.SMALL.order else 3600.0,
        metric="calls",
        exact=exact,
        data=data,
        methods=methods,
        description=description,
    )


def _theorem(name: str, make: Make, method: str, metric: str, description: str, scale: Scale = Scale.SMALL) -> Workload:
    return Workload(
        name=name, make=make, scale=scale, seeds=3, budget=120.0, metric=metric, methods=(method,), description=description
    )


def _training(
    name: str, make: Make, description: str, methods: tuple[str, ...], scale: Scale = Scale.SMALL, seeds: int = 3
) -> Workload:
    return Workload(
        name=name, make=make, scale=scale, seeds=seeds, budget=600.0, metric="steps", methods=methods, description=description
    )


SMOKE_WORKLOADS = (
    _descent("descent-smoke", robust(40, 5, 1e-2, 400), "robust regression, tiny", scale=Scale.SMOKE, seeds=2),
    _theorem("curvature-smoke", wells(4, 1e-2, 2000), "curvature-descent", "steps-over-lemma", "four wells", Scale.SMOKE),
    _theorem(
        "progress-smoke", chain(6, 1e-2, 1e-3, 5000), "almost-convex-agd", "progress-over-bound", "a chain of 6", Scale.SMOKE
    ),
    _training("relu-smoke", relu(6, 8, 200), "ReLU network, tiny", (*ON_NETWORKS, *TWICE), Scale.SMOKE, seeds=2),
    _training("linear-smoke", linear(2, 4, 16), "linear network, tiny", ON_NETWORKS, Scale.SMOKE, seeds=2),
)

SMALL_WORKLOADS = (
    _descent("chain-60", chain(60, 1e-4, 1e-4, 60_000), "hard chain, d = 60, mu = 1e-4, tol 1e-4", exact=True),
    _descent(
        "chain-200",
        chain(200, 1e-6, 3e-5, 600_000),
        "hard chain, d = 200, mu = 1e-6, tol 3e-5",
        methods=ON_LONG_CHAIN,
        exact=True,
    ),
    _descent("robust-loose", robust(200, 30, 1e-2, 6000), "robust regression, 200 x 30, tol 1e-2", methods=LOOSE),
    _descent("robust", robust(200, 30, 1e-3, 6000), "robust regression, 200 x 30, tol 1e-3", methods=WITHOUT_TENTH),
    _descent("race-robust", robust(200, 30, 1e-3, 6000), "the same, the quick methods", methods=QUICK, seeds=8),
    _descent("phase", phase(300, 50, 1e-5, 5000), "phase retrieval, 300 x 50, tol 1e-5", methods=WITHOUT_TENTH),
    _descent("near-saddle", factorization(20, 3, 1e-2, 1e-4, 10_000), "factorisation 20 x 3, .01 from its saddle, tol 1e-4"),
    _descent("at-saddle", factorization(20, 3, 0.0, 1e-4, 10_000), "factorisation 20 x 3, at its saddle, tol 1e-4"),
    _descent(
        "cancer",
        cancer(8, 1e-4, 2000),
        "tanh network 30-8-1 on breast cancer, tol 1e-4",
        methods=WITHOUT_TENTH,
        seeds=2,
        data=("breast_cancer",),
    ),
    _descent("race-cancer", cancer(8, 1e-4, 2000), "the same, the quick methods", methods=RACE, seeds=6, data=("breast_cancer",)),
    _descent(
        "digits",
        digits(4, 1e-4, 2000, every=3),
        "tanh network 64-4-1, odd digits, every third of the set, tol 1e-4",
        methods=RACE,
        data=("digits",),
    ),
    _theorem("curvature-wells", wells(20, 1e-3, 6000), "curvature-descent", "steps-over-lemma", "20 wells, tol 1e-3"),
    _theorem(
        "curvature-factorization",
        factorization(20, 3, 1e-6, 1e-2, 6000),
        "curvature-descent",
        "steps-over-lemma",
        "factorisation 20 x 3, near its saddle, tol 1e-2",
    ),
    _theorem(
        "progress-chain",
        chain(60, 1e-4, 1e-3, 60_000),
        "almost-convex-agd",
        "progress-over-bound",
        "hard chain, d = 60, tol 1e-3",
    ),
    _training("relu-50x20", relu(50, 20, 4000), "Theorem 3.1: 50 samples in 20 dimensions, width 4000", ON_NETWORKS),
    _training(
        "relu-20x20-common",
        relu(20, 20, 2000, common=1.5),
        "Theorem 3.1: 20 samples about a common direction",
        ("descent", "polyak-proved", "polyak-tuned"),
        seeds=6,
    ),
    *(
        _training(f"linear-{depth}-100", linear(depth, 100), f"Theorem 3.2: depth {depth}, kappa 100", ON_NETWORKS[:2])
        for depth in (2, 4, 8)
    ),
    _training("linear-4-1000", linear(4, 1000), "Theorem 3.2: depth 4, kappa 1000, twice the step", TWICE, seeds=1),
)

MEDIUM_WORKLOADS = (
    _descent(
        "chain-500",
        chain(500, 1e-6, 3e-5, 600_000),
        "hard chain, d = 500",
        scale=Scale.MEDIUM,
        exact=True,
        methods=(*QUICK, "nesterov"),
    ),
    _descent("robust-100", robust(1000, 100, 1e-3, 60_000), "robust regression, 1000 x 100", scale=Scale.MEDIUM, seeds=5),
    _descent("phase-200", phase(1200, 200, 1e-5, 60_000), "phase retrieval, 1200 x 200", scale=Scale.MEDIUM, seeds=5),
    _descent(
        "cancer-long", cancer(8, 1e-4, 60_000), "tanh network on breast cancer", scale=Scale.MEDIUM, data=("breast_cancer",)
    ),
    _descent("digits-long", digits(4, 1e-4, 60_000), "tanh network on odd digits", scale=Scale.MEDIUM, data=("digits",)),
)

SUITE = Suite(
    name="acceleration",
    version="1",
    title="Acceleration of non-convex minimisation",
    source=REPORT,
    workloads=(*SMOKE_WORKLOADS, *SMALL_WORKLOADS, *MEDIUM_WORKLOADS),
    methods=METHODS,
    metrics=METRICS,
    claims=CLAIMS,
    reference_method="lbfgs",
    exhibit=exhibit,
)
