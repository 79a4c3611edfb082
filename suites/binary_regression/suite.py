"""The declaration of the binary-regression suite."""

from __future__ import annotations

from optathlon.spec import Scale, Suite, Workload
from optathlon.suites.binary_regression.claims import CLAIMS
from optathlon.suites.binary_regression.extensions import EXTENSION_METHODS, EXTENSION_WORKLOADS
from optathlon.suites.binary_regression.methods import METHODS, PAPER
from optathlon.suites.binary_regression.metrics import METRICS
from optathlon.suites.binary_regression.networks import NETWORK_METHODS, NETWORK_WORKLOADS
from optathlon.suites.binary_regression.problem import (
    low_noise,
    robust,
    scaled_columns,
    sparse_outliers,
    synthetic,
    table,
    tight,
)
from optathlon.suites.binary_regression.tuning import TUNED_METHODS, TUNED_REGRESSIONS, TUNED_WORKLOADS

LOOSE = ("least-squares", "box-relaxation", "straight-through", "bop")
RELAXATIONS = ("semidefinite-relaxation", "semidefinite-randomized")
MAXIMIN = ("maximin-gda", "maximin-ogda", "maximin-extragradient", "maximin-adam")
AVERAGES = (
    "straight-through-average",
    "bop-average",
    "maximin-gda-last",
    "maximin-ogda-average",
    "maximin-extragradient-average",
    "maximin-adam-average",
)
RIVALS = ("message-passing", "box-flips")
DETECTORS = ("expectation-propagation", "k-best", "lattice-reduction")
LIMITS = tuple(f"maximin-{name}-{kind}" for name in ("gda", "ogda", "extragradient") for kind in ("random", "columns"))
RANDOM_STARTS = tuple(f"maximin-{name}-random" for name in ("gda", "ogda", "extragradient", "adam"))
ROBUST = ("maximin-l1", "least-deviations", "box-relaxation-l1", "straight-through-l1")
TABLE_1 = (*LOOSE[:3], *RELAXATIONS, "exact", "maximin-gda", "maximin-adam", "maximin-adam-l1", *ROBUST)
SHORT = ("least-squares", "box-relaxation", "straight-through", "semidefinite-relaxation", "maximin-gda")


def _gaussian(scale: Scale, sigma: float, seeds: int, prefix: str = "gaussian") -> Workload:
    return Workload(
        name=f"{prefix}-30x60-sigma{sigma}",
        make=synthetic(trials=50, n_samples=60, n_features=30, sigma=sigma),
        scale=scale,
        seeds=seeds,
        trials=50,
        methods=(
            *LOOSE,
            *RELAXATIONS,
            "exact",
            *MAXIMIN,
            *RIVALS,
            *((*AVERAGES, *TUNED_REGRESSIONS) if sigma in (0.6, 1.0) else ()),
            *DETECTORS,
        ),
        description=f"50 trials, 30 weights from 60 samples, Gaussian noise of sigma {sigma} (Fig. 1)",
    )


def _large(scale: Scale, sigma: float, seeds: int, methods: tuple[str, ...], prefix: str = "gaussian") -> Workload:
    return Workload(
        name=f"{prefix}-2000x4000-sigma{sigma}",
        make=synthetic(trials=1, n_samples=4000, n_features=2000, sigma=sigma),
        scale=scale,
        seeds=seeds,
        budget=120.0,
        methods=(*LOOSE, "semidefinite-relaxation", "straight-through-average", *methods, *RIVALS, "tabu"),
        description=f"2000 weights from 4000 samples, Gaussian noise of sigma {sigma} (Fig. 2)",
    )


def _laplace(scale: Scale, sigma: float, seeds: int, trials: int, prefix: str = "laplace") -> Workload:
    return Workload(
        name=f"{prefix}-30x60-sigma{sigma}",
        make=synthetic(trials=trials, n_samples=60, n_features=30, sigma=sigma, noise="laplace"),
        scale=scale,
        seeds=seeds,
        trials=trials,
        methods=(*SHORT, "maximin-adam", "maximin-adam-l1", *ROBUST),
        description=f"{trials} trials, 30 weights from 60 samples, Laplace noise of scale {sigma} (Fig. 3)",
    )


def _table(scale: Scale, name: str, outliers: float, seeds: int, methods: tuple[str, ...] = TABLE_1) -> Workload:
    return Workload(
        name=f"{name}-outliers" if outliers else f"{name}-clean",
        metric="test-nrmse",
        make=table(name, splits=3, outliers=outliers),
        scale=scale,
        seeds=seeds,
        data=(name,),
        methods=methods,
        description=f"{name}: 3 random 70/30 splits, {f'{outliers:.0%} outliers' if outliers else 'as it is'} (Table I)",
    )


def _outliers(scale: Scale, name: str, seeds: int, trials: int, methods: tuple[str, ...] = ()) -> Workload:
    return Workload(
        name=name,
        make=sparse_outliers(trials=trials, n_samples=200, n_features=30, share=0.3, size=100.0),
        scale=scale,
        seeds=seeds,
        trials=trials,
        methods=("maximin-l1-random", "least-deviations", *methods),
        description=f"{trials} trials, standard Gaussian features, 30 % of the samples off by 100 (Theorem IV.2)",
    )


SMOKE_WORKLOADS = (
    Workload(
        name="gaussian-6x12",
        make=synthetic(trials=10, n_samples=12, n_features=6, sigma=0.5),
        scale=Scale.SMOKE,
        seeds=2,
        budget=10.0,
        methods=(*(method.name for method in METHODS if method.name != "box-relaxation-huber"), *TUNED_REGRESSIONS),
        description="10 trials, 6 weights from 12 samples, Gaussian noise of sigma 0.5",
    ),
    Workload(
        name="robust-5x40",
        metric="huber-duality-gap",
        make=robust(trials=2, n_samples=40, n_features=5, delta=1.0, share=0.1),
        scale=Scale.SMOKE,
        seeds=1,
        budget=10.0,
        methods=("box-relaxation-huber",),
        description="2 trials, 5 weights, that meet conditions (11) to (13) of Theorem IV.1",
    ),
    Workload(
        name="diabetes-smoke",
        metric="test-nrmse",
        make=table("diabetes", splits=1),
        scale=Scale.SMOKE,
        seeds=1,
        budget=10.0,
        data=("diabetes",),
        methods=("least-squares", "semidefinite-relaxation", "maximin-gda", "maximin-l1"),
        description="diabetes: one 70/30 split",
    ),
)

SMALL_WORKLOADS = (
    *(_gaussian(Scale.SMALL, sigma, 5) for sigma in (0.6, 1.0)),
    *(_laplace(Scale.SMALL, sigma, seeds=5, trials=20) for sigma in (0.3, 0.5)),
    _table(Scale.SMALL, "diabetes", 0.0, seeds=5, methods=(*SHORT, "exact")),
    Workload(
        name="condition8-30x60",
        make=low_noise(trials=20, n_samples=60, n_features=30, sigma=0.05),
        scale=Scale.SMALL,
        trials=20,
        seeds=4,
        methods=("least-squares", "semidefinite-relaxation", *MAXIMIN, *RANDOM_STARTS),
        description="20 trials in which condition (8) of Theorem III.1 holds",
    ),
    Workload(
        name="scaled-30x60",
        make=scaled_columns(trials=20, n_samples=60, n_features=30),
        scale=Scale.SMALL,
        seeds=3,
        methods=("least-squares", "maximin-extragradient-slow", "maximin-extragradient-fast", *LIMITS),
        description="20 trials in which condition (8) holds, columns' scales from 1 to 0.1, random starts, 10,000 steps",
    ),
    Workload(
        name="robust-10x100",
        metric="huber-duality-gap",
        make=robust(trials=20, n_samples=100, n_features=10, delta=1.0, share=0.1),
        scale=Scale.SMALL,
        seeds=5,
        methods=("box-relaxation-huber",),
        description="20 trials, 10 weights, that meet conditions (11) to (13) of Theorem IV.1",
    ),
    Workload(
        name="standard-30x60-sigma3",
        make=synthetic(trials=20, n_samples=60, n_features=30, sigma=3.0, variance=1.0),
        scale=Scale.SMALL,
        seeds=10,
        trials=20,
        methods=("least-squares", "semidefinite-relaxation"),
        description="20 trials, standard Gaussian features, noise of sigma 3 (Theorem III.2)",
    ),
    _outliers(Scale.SMALL, "outliers-30x200", seeds=6, trials=10, methods=("least-squares", "maximin-gda", "maximin-l1")),
)

MEDIUM_WORKLOADS = (
    Workload(
        name="tight-30x60",
        metric="objective-gap",
        make=tight(trials=20, n_samples=60, n_features=30, sigma=0.3),
        scale=Scale.MEDIUM,
        seeds=10,
        methods=(*LOOSE, *MAXIMIN, *AVERAGES, *RIVALS, *DETECTORS, "annealing", "tabu"),
        description="20 trials, noise of sigma 0.3, whose relaxation is tight: the objective gap is that to the optimum",
    ),
    _outliers(Scale.MEDIUM, "outliers-30x200-trials75", seeds=10, trials=75),
    *(
        _large(Scale.MEDIUM, sigma, 5, MAXIMIN if sigma == 0.5 else ("maximin-gda", "maximin-adam"))
        for sigma in (0.3, 0.5, 0.7, 1.0, 1.5)
    ),
    _table(Scale.MEDIUM, "diabetes", 0.25, seeds=5),
    _table(Scale.MEDIUM, "boston", 0.0, seeds=10),
    _table(Scale.MEDIUM, "boston", 0.25, seeds=10),
)

PAPER_WORKLOADS = (
    *(_gaussian(Scale.PAPER, sigma, 10, "fig1") for sigma in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.5)),
    *(_large(Scale.PAPER, sigma, 10, MAXIMIN, "fig2") for sigma in (0.3, 0.4, 0.5, 0.6, 0.7, 1.0, 1.5)),
    *(_laplace(Scale.PAPER, sigma, 10, 50, "fig3") for sigma in (0.2, 0.3, 0.4, 0.5, 0.7, 1.0)),
)

WORKLOADS = (
    *SMOKE_WORKLOADS,
    *SMALL_WORKLOADS,
    *MEDIUM_WORKLOADS,
    *PAPER_WORKLOADS,
    *EXTENSION_WORKLOADS,
    *NETWORK_WORKLOADS,
    *TUNED_WORKLOADS,
)

SUITE = Suite(
    name="binary_regression",
    version="3",
    title="Regression and networks with weights in {-1, +1}",
    source=PAPER,
    workloads=WORKLOADS,
    methods=(*METHODS, *EXTENSION_METHODS, *NETWORK_METHODS, *TUNED_METHODS),
    metrics=METRICS,
    claims=CLAIMS,
    reference_method="least-squares",
)
