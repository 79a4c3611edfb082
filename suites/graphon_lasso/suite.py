"""The declaration of the graphon lasso suite."""

from __future__ import annotations

from optathlon.baselines.graphon_lasso import constant, mean_of_squares, nearby, stochastic_block
from optathlon.spec import Scale, Suite, Workload
from optathlon.suites.graphon_lasso.claims import CLAIMS
from optathlon.suites.graphon_lasso.graphs import FLORENTINE, KARATE, LES_MISERABLES
from optathlon.suites.graphon_lasso.methods import METHODS, PAPER
from optathlon.suites.graphon_lasso.metrics import METRICS
from optathlon.suites.graphon_lasso.problem import digits_pixels, from_graphon, on_real_graph, operator

SQUARES = mean_of_squares()
BLOCKS = stochastic_block([[0.7, 0.1, 0.1], [0.1, 0.5, 0.1], [0.1, 0.1, 0.3]])
GRAPHS = {"karate": (KARATE, 34), "les-miserables": (LES_MISERABLES, 77), "florentine": (FLORENTINE, 15)}


def _squares(n_samples: int, scale: Scale, seeds: int) -> Workload:
    return Workload(
        name=f"squares-30-n{n_samples}" if scale is Scale.SMALL else f"squares-30-n{n_samples}-x{seeds}",
        make=from_graphon(SQUARES, 30, n_samples),
        scale=scale,
        seeds=seeds,
        target=0.3,
        methods=(),
        description=f"a graph of 30 nodes from (x^2 + y^2) / 2, {n_samples} signals (Fig. 2)",
    )


def _solve(n_nodes: int, scale: Scale, seeds: int, budget: float) -> Workload:
    return Workload(
        name=f"solve-{n_nodes}",
        make=from_graphon(SQUARES, n_nodes, 2 * n_nodes, traced=True),
        scale=scale,
        seeds=seeds,
        budget=budget,
        metric="certified-gap",
        target=1e-3,
        methods=(),
        description=f"{n_nodes} nodes, {2 * n_nodes} signals: which solver is how near the global minimum, when",
    )


WORKLOADS = (
    Workload(
        name="squares-12",
        make=from_graphon(SQUARES, 12, 24),
        scale=Scale.SMOKE,
        seeds=2,
        methods=(),
        description="a graph of 12 nodes from (x^2 + y^2) / 2, 24 signals",
    ),
    _solve(12, Scale.SMOKE, 2, 60.0),
    Workload(
        name="operator-12",
        make=operator(12),
        scale=Scale.SMOKE,
        seeds=1,
        metric="operator-error",
        methods=(),
        description="the norm of the Laplacian operator of 12 nodes",
    ),
    *(_squares(n_samples, Scale.SMALL, seeds) for n_samples, seeds in ((15, 8), (60, 10), (300, 6), (1000, 8))),
    *(
        Workload(
            name=f"{name}-30-n60",
            make=from_graphon(graphon, 30, 60),
            scale=Scale.SMALL,
            seeds=5,
            target=0.3,
            methods=(),
            description=f"a graph of 30 nodes from {graphon.name}, 60 signals (Fig. 1)",
        )
        for name, graphon in (("constant", constant(0.3)), ("blocks", BLOCKS), ("nearby", nearby(8.0)))
    ),
    *(
        Workload(
            name=f"{name}-n{n_samples}",
            make=on_real_graph(graph, n_samples),
            scale=Scale.SMALL,
            seeds=3,
            target=0.3,
            methods=(),
            description=f"{n_samples} signals on the graph of {name}; the prior is its own degrees",
        )
        for name, (graph, n_samples) in GRAPHS.items()
    ),
    *(
        Workload(
            name=f"pixels-n{n_samples}",
            make=digits_pixels(n_samples),
            scale=Scale.SMALL,
            seeds=3,
            metric="held-out-loss",
            data=("digits",),
            methods=(),
            description=f"pixels of {n_samples} digits; the prior is the degrees of the grid",
        )
        for n_samples in (60, 400)
    ),
    _solve(30, Scale.SMALL, 3, 60.0),
    _solve(100, Scale.SMALL, 2, 60.0),
    Workload(
        name="operator-30",
        make=operator(30),
        scale=Scale.SMALL,
        seeds=1,
        metric="operator-error",
        methods=(),
        description="the norm of the Laplacian operator of 30 nodes",
    ),
    *(_squares(n_samples, Scale.MEDIUM, 40) for n_samples in (15, 30, 60, 120, 300, 1000)),
    _solve(200, Scale.MEDIUM, 3, 300.0),
    _solve(500, Scale.MEDIUM, 1, 1200.0),
)

SUITE = Suite(
    name="graphon_lasso",
    version="1",
    title="Graphs from signals, with a prior on the spectrum",
    source=PAPER,
    workloads=WORKLOADS,
    methods=METHODS,
    metrics=METRICS,
    claims=CLAIMS,
    reference_method="convex",
)
