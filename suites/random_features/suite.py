"""The declaration of the random-features suite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optathlon.spec import Scale, Suite, Workload
from optathlon.suites.random_features.claims import CLAIMS
from optathlon.suites.random_features.methods import METHODS, SURVEY
from optathlon.suites.random_features.metrics import METRICS
from optathlon.suites.random_features.problem import (
    Source,
    clusters,
    estimates,
    friedman,
    gaussian,
    gram,
    hastie,
    images,
    learning,
    parity,
    pool,
    spectrum,
    table,
)
from optathlon.suites.random_features.tuned import TUNED_WORKLOADS

DRAWN = ("rff-cos", "rff-cos-sin", "nrff", "orf-cos-sin", "orf-cos", "fastfood-cos", "fastfood-cos-sin")
SHORT = ("rff-cos", "rff-cos-sin", "nrff", "orf-cos-sin", "fastfood-cos")
PRINTED = ("rff-as-printed", "fastfood-as-printed")
LEVERAGE = ("leverage-weighted", "leverage-unweighted")
EVEN = ("qmc-cos-sin", "sorf-cos-sin")  # frequencies spread more evenly than by chance
PEERS = ("rbf-sampler", "nystroem")
RIDGE = (
    *("rff-cos", "rff-cos-2x", "rff-cos-8x", "rff-cos-sin", "nrff", "orf-cos-sin", "fastfood-cos", *LEVERAGE),
    *("nystroem", "nystroem-leverage", "polynomial-sketch", "exact", "sinks-cos", *EVEN),
)
SMALL_RIDGE = (
    *("rff-cos", "rff-cos-2x", "rff-cos-8x", "nrff", "orf-cos-sin"),
    *("leverage-weighted", "nystroem", "exact"),
)
SINKS = ("sinks-cos", "sinks-unbounded", "sinks-stump", "adaboost-200", "rff-cos")
SPEED = ("rff-cos", "fastfood-cos", "fastfood-numpy")


def _gram(
    name: str, source: Source, n_components: int, methods: tuple[str, ...], data: tuple[str, ...] = (), seeds: int = 5
) -> Workload:
    return Workload(
        name=f"gram-{name}-{n_components}",
        make=gram(source, 500, n_components),
        scale=Scale.SMALL,
        seeds=seeds,
        metric="gram-error",
        data=data,
        methods=methods,
        description=f"{name}: 500 points, {n_components} features, sigma the median distance",
    )


def _speed(d: int, n_components: int, methods: tuple[str, ...], seeds: int = 4, scale: Scale = Scale.SMALL) -> Workload:
    return Workload(
        name=f"{'speed' if scale is Scale.SMALL else 'maps'}-{d}x{n_components}",
        make=gram(gaussian(500, d), 500, n_components, timed=True),
        scale=scale,
        seeds=seeds,
        budget=120.0,
        metric="gram-error",
        methods=methods,
        description=f"500 Gaussian points in {d} dimensions, float32, {n_components} features",
    )


def _ridge(
    name: str, source: Source, n_train: int, n_components: int, regularization: float, data: tuple[str, ...] = ()
) -> Workload:
    return Workload(
        name=f"ridge-{name}-{n_components}",
        make=learning(source, n_train, n_components, regularization=regularization),
        scale=Scale.SMALL,
        seeds=5,
        metric="test-error",
        data=data,
        methods=SMALL_RIDGE,
        description=f"{name}: ridge regression on {n_train} points, {n_components} features, lambda {regularization:g}",
    )


def _sinks(
    name: str, source: Source, n_train: int, n_components: int, scale: Scale, seeds: int, data: tuple[str, ...] = ()
) -> Workload:
    return Workload(
        name=f"sinks-{name}-{n_components}",
        make=learning(source, n_train, n_components),
        scale=scale,
        seeds=seeds,
        budget=300.0 if scale.order < Scale.PAPER.order else 3600.0,
        metric="test-error",
        data=data,
        methods=SINKS if scale is Scale.SMALL else (*SINKS, "adaboost-50"),
        description=f"{name}: {n_train} training points, {n_components} random kitchen sinks against AdaBoost",
    )


def _rate(n_train: int, n_components: int) -> Workload:
    return Workload(
        name=f"rate-{n_train}x{n_components}",
        make=learning(hastie(n_train + 10_000), n_train, n_components),
        scale=Scale.SMALL,
        seeds=4,
        metric="test-error",
        methods=("sinks-cos",),
        description=f"hastie: {n_train} training points, {n_components} random kitchen sinks",
    )


def _images(name: str, n_train: int, n_components: int, scale: Scale, seeds: int, methods: tuple[str, ...]) -> Workload:
    return Workload(
        name=f"{name.replace('_', '-')}-{n_train}x{n_components}",
        make=images(name, n_train, n_components),
        scale=scale,
        seeds=seeds,
        budget=1800.0,
        memory=16 * 2**30,
        metric="test-error",
        data=(name,),
        methods=methods,
        description=f"{name}: {n_train} training images, 10000 test images, {n_components} features, float32, lambda 1e-6",
    )


def _smoke(name: str, make: Callable[[np.random.Generator, str], Any], metric: str, methods: tuple[str, ...]) -> Workload:
    return Workload(
        name=f"{name}-smoke",
        make=make,
        scale=Scale.SMOKE,
        seeds=2,
        budget=20.0,
        metric=metric,
        methods=methods,
        description=f"{name}, tiny",
    )


SMOKE_WORKLOADS = (
    _smoke(
        "gram",
        gram(gaussian(60, 8), 60, 64, regularization=1e-3),
        "gram-error",
        (*DRAWN, *PRINTED, *LEVERAGE, *PEERS, *EVEN, "leverage-unweighted-2000", "nystroem-leverage", "fastfood-numpy"),
    ),
    _smoke("ridge", learning(friedman(120), 80, 32), "test-error", RIDGE),
    _smoke("sinks", learning(hastie(300), 200, 32), "test-error", (*SINKS, "adaboost-50")),
    _smoke("variance", estimates(32, 20), "variance", DRAWN),
    _smoke("scores", pool(gaussian(40, 4), 40, 80, 1e-3), "correlation", ("leverage-scores", "leverage-as-printed")),
)

SMALL_WORKLOADS = (
    _gram("digits", table("digits"), 256, (*DRAWN, *EVEN, "nystroem", "nystroem-leverage"), ("digits",)),
    _gram("digits", table("digits"), 1024, (*DRAWN, *EVEN, *PRINTED), ("digits",)),
    _gram("digits", table("digits"), 4096, SHORT, ("digits",)),
    _gram("cancer", table("breast_cancer"), 1024, (*SHORT, *EVEN), ("breast_cancer",), seeds=4),
    _gram("normal4", gaussian(500, 4), 1024, (*SHORT, *EVEN), seeds=4),
    Workload(
        name="leverage-cancer-400",
        make=gram(table("breast_cancer"), 300, 400, regularization=1e-3),
        scale=Scale.SMALL,
        seeds=8,
        metric="spectral-error",
        data=("breast_cancer",),
        methods=("rff-cos", *LEVERAGE),
        description="cancer: 300 points, 400 features, regularised spectral error at lambda 1e-3",
    ),
    Workload(
        name="scores-cancer",
        make=pool(table("breast_cancer"), 300, 1000, 1e-3),
        scale=Scale.SMALL,
        seeds=4,
        metric="correlation",
        data=("breast_cancer",),
        methods=("leverage-scores", "leverage-as-printed"),
        description="cancer: leverage of 1000 features on 300 points, lambda 1e-3",
    ),
    Workload(
        name="scores-digits",
        make=pool(table("digits"), 500, 1000, 1e-4),
        scale=Scale.SMALL,
        seeds=4,
        metric="correlation",
        data=("digits",),
        methods=("leverage-scores", "leverage-as-printed"),
        description="digits: leverage of 1000 features on 500 points, lambda 1e-4",
    ),
    Workload(
        name="variance-256",
        make=estimates(256, 400),
        scale=Scale.SMALL,
        seeds=6,
        metric="variance",
        methods=("rff-cos", "rff-cos-sin", "nrff", "orf-cos-sin", "fastfood-cos"),
        description="400 draws of the estimate of the kernel values .3, .5, .7, .9 in the plane, 256 features",
    ),
    *(_speed(d, 8192, SPEED) for d in (64, 256, 1024)),
    _speed(1024, 2048, SPEED),
    _speed(4096, 8192, SPEED, seeds=3),
    _ridge("digits", table("digits"), 1257, 256, 1e-4, ("digits",)),
    _ridge("spectrum", spectrum(1500), 1000, 128, 1e-4),
    _ridge("friedman", friedman(1500), 1000, 256, 1e-4),
    _ridge("diabetes", table("diabetes"), 309, 64, 1e-2, ("diabetes",)),
    _sinks("hastie", hastie(12_000), 8400, 400, Scale.SMALL, 4),
    _sinks("parity", parity, 1257, 400, Scale.SMALL, 5, ("digits",)),
    _sinks("cancer", table("breast_cancer"), 398, 400, Scale.SMALL, 5, ("breast_cancer",)),
    *(_rate(m, K) for m, K in ((500, 50), (2000, 200), (8000, 800))),
)

MAPS = ("rff-cos", "rff-cos-sin", "nrff", "orf-cos-sin", "fastfood-cos", "nystroem")

MEDIUM_WORKLOADS = (
    *(_speed(d, 16384, (*DRAWN, "fastfood-numpy", "rbf-sampler"), 2, Scale.MEDIUM) for d in (64, 256, 1024, 4096)),
    *(
        _images(name, 10_000, 2048, Scale.MEDIUM, 2, (*MAPS, *EVEN, "nystroem-leverage", "exact"))
        for name in ("mnist", "fashion_mnist")
    ),
    _sinks("clusters20000x120", clusters(20_000, 120), 14_000, 400, Scale.MEDIUM, 3),
)

PAPER_WORKLOADS = (
    *(
        _images(name, 60_000, D, Scale.PAPER, 5, (*MAPS, "nystroem-leverage", "leverage-unweighted-2000", "sinks-cos"))
        for name in ("mnist", "fashion_mnist")
        for D in (1024, 4096)
    ),
    _sinks("clusters200000x223", clusters(200_000, 223), 140_000, 1000, Scale.PAPER, 3),
)

WORKLOADS = (*SMOKE_WORKLOADS, *SMALL_WORKLOADS, *MEDIUM_WORKLOADS, *PAPER_WORKLOADS, *TUNED_WORKLOADS)

SUITE = Suite(
    name="random_features",
    version="2",
    title="Random features for kernels",
    source=SURVEY,
    workloads=WORKLOADS,
    methods=METHODS,
    metrics=METRICS,
    claims=CLAIMS,
    reference_method="rff-cos",
)
