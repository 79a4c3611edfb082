"""The declaration of the quantised-networks suite."""

from __future__ import annotations

from optathlon.spec import Scale, Suite, Workload
from optathlon.suites.quantized_networks.claims import CLAIMS
from optathlon.suites.quantized_networks.methods import METHODS, PAPER
from optathlon.suites.quantized_networks.metrics import METRICS
from optathlon.suites.quantized_networks.problem import difference_of_squares, multilevel, planted, table


def _workload(name: str, make: object, scale: Scale, description: str, **options: object) -> Workload:
    """Return a workload in which those methods take part that name it."""
    return Workload(name=name, make=make, scale=scale, description=description, methods=(), **options)  # pyright: ignore[reportArgumentType]


SMOKE = (
    _workload("smoke-planted", planted(30, 5, "paper"), Scale.SMOKE, "30 samples, 5 features", seeds=2),
    _workload(
        "smoke-exact", planted(20, 3, "noise", exact=True), Scale.SMOKE, "20 samples, 3 features", seeds=2, metric="optimum-ratio"
    ),
    _workload("smoke-table", planted(40, 5, "hinge"), Scale.SMOKE, "40 labels, 5 features", seeds=2, metric="test-accuracy"),
    _workload("smoke-levels", multilevel(2), Scale.SMOKE, "three levels to signs", seeds=2, metric="residual"),
    _workload("smoke-product", difference_of_squares, Scale.SMOKE, "a product by squares", seeds=2, metric="residual"),
)

SMALL = (
    _workload("planted-100x20", planted(100, 20, "paper"), Scale.SMALL, "Fig. 1: loss against neurons", seeds=5, budget=120.0),
    *(
        _workload(
            f"tiny-noise-15x{d}",
            planted(15, d, "noise", theta=0.02, exact=True),
            Scale.SMALL,
            f"noise, 15 samples, {d} features, theta 0.02: also against the best of few neurons",
            seeds=4,
            metric="optimum-ratio",
        )
        for d in (3, 4, 5)
    ),
    *(
        _workload(
            f"exact-{kind}-{n}x{d}",
            planted(n, d, kind, theta=theta, exact=True),
            Scale.SMALL,
            f"{kind}, {n} samples, {d} features, theta {theta}: against the exact optimum",
            seeds=4,
            metric="optimum-ratio",
        )
        for kind, n, d, theta in (
            ("hinge", 15, 4, 0.02),
            ("noise", 200, 10, 0.1),
            ("hinge", 200, 10, 0.1),
            ("paper", 40, 10, 0.0),
        )
    ),
    *(
        _workload(
            f"size-{n}x{d}-{kind}",
            planted(n, d, kind, traced=True),
            Scale.SMALL,
            f"(22), {kind}, {n} samples, {d} features: seconds to a proved gap",
            seeds=3,
            metric="proved-gap",
            target=1e-6,
        )
        for kind in ("noise", "hinge")
        for n, d in ((100, 20), (100, 40), (1000, 20))
    ),
    _workload(
        "table-breast-cancer-wisconsin",
        table("breast_cancer", "squared", 10.0, 0.8),
        Scale.SMALL,
        "scikit-learn's breast cancer, squared loss, beta 10",
        seeds=3,
        metric="test-accuracy",
        data=("breast_cancer",),
    ),
    *(
        _workload(f"levels-{M + 1}", multilevel(M), Scale.SMALL, f"{M + 1} levels to signs", seeds=5, metric="residual")
        for M in (1, 2, 3)
    ),
    _workload("product", difference_of_squares, Scale.SMALL, "x1^2 - x2^2 by squares of signed sums", seeds=5, metric="residual"),
)

MEDIUM = (
    _workload(
        "paper-planted-100x20",
        planted(100, 20, "paper", instance=0),
        Scale.MEDIUM,
        "Fig. 1 on one instance, the seeds being the methods' draws",
        seeds=20,
        budget=120.0,
    ),
    *(
        _workload(
            f"paper-exact-{kind}-{n}x{d}",
            planted(n, d, kind, exact=True, instance=instance),
            Scale.MEDIUM,
            f"{kind}, {n} samples, {d} features: against the exact optimum",
            seeds=5,
            budget=300.0,
            metric="optimum-ratio",
        )
        for kind, n, d, instance in (("paper", 100, 20, 0), ("noise", 100, 20, None), ("hinge", 100, 20, None))
    ),
    *(
        _workload(
            f"size-{n}x{d}-{kind}",
            planted(n, d, kind, traced=True),
            Scale.MEDIUM,
            f"(22), {kind}, {n} samples, {d} features: seconds to a proved gap",
            seeds=3,
            budget=300.0,
            metric="proved-gap",
            target=1e-6,
        )
        for kind in ("noise", "hinge")
        for n, d in ((1000, 40), (1000, 80), (5000, 20), (5000, 40), (5000, 80))
    ),
    *(
        _workload(
            f"table-{name.replace('_', '-')}-{loss}",
            table(name, loss, beta, share),
            Scale.MEDIUM,
            f"{name}, {loss} loss, beta {beta:g}",
            seeds=10,
            budget=120.0,
            metric="test-accuracy",
            data=(name,),
        )
        for name, beta, share in (("breast_cancer_ljubljana", 0.1, 228 / 286), ("ionosphere", 10.0, 280 / 351))
        for loss in ("squared", "hinge")
    ),
)

SUITE = Suite(
    name="quantized_networks",
    version="1",
    title="Quantised two-layer networks through semidefinite programs",
    source=PAPER,
    workloads=(*SMOKE, *SMALL, *MEDIUM),
    methods=METHODS,
    metrics=METRICS,
    claims=CLAIMS,
    reference_method="sdp",
)
