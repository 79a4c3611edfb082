"""A made-up suite with records: hostile texts, failures, ties, a yardstick, traces as long as those of a real board."""

from __future__ import annotations

import numpy as np

from optathlon import judge, store
from optathlon.judge.claims import mean_within, ratio_within
from optathlon.show.site import Material
from optathlon.spec import Cell, Claim, Environment, Method, Metric, MetricInfo, RunRecord, Scale, Status, Suite, Workload

HOSTILE = '<img src=x onerror="window.broken = 1"><script>window.broken = 1</script> a | b \u202egnp.exe'
WORKLOADS = ("easy", "hard", "long")
METHODS = tuple(f"method-{letter}" for letter in "abcdefghijklmn")
ENVIRONMENT = Environment(
    machine="bench-1", cpu="A processor", gpu="", os="Linux", python="3.11", versions={"numpy": "2.0"}, threads=1
)
METRICS = (MetricInfo(name="error", unit="1", better="lower"), MetricInfo(name="gap", unit="1", better="lower"))
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def never(*_, **__):
    raise AssertionError("nothing is run here")


def suite() -> Suite:
    def claim(name, check, **options):
        options = {"source": "Table I", "statement": f"The claim {name} holds.", **options}
        return Claim(id=name, check=check, scale=Scale.SMALL, **options)

    return Suite(
        name="toy",
        version="1",
        title="Toys, made up",
        source="Nobody, Nothing",
        workloads=tuple(Workload(name=name, make=never, scale=Scale.SMALL) for name in WORKLOADS),
        methods=tuple(
            Method(name=name, run=never, settings={"rate": 0.1}, reference=f"Paper & {name}") for name in (*METHODS, "oracle")
        ),
        metrics=tuple(Metric(name=name, unit="1", better="lower", evaluate=never) for name in ("error", "gap")),
        claims=(
            claim("holds", mean_within("error", "method-a", at_most=10.0, workloads="easy"), reported="1.0"),
            claim("fails", mean_within("error", "method-b", at_most=1e-3, workloads="easy"), basis="fitted"),
            claim("open", ratio_within("error", "method-a", "method-b", at_most=0.5, workloads=("easy", "hard"))),
            claim("hostile", mean_within("error", "method-c", workloads="easy"), statement=HOSTILE, reported=HOSTILE),
            claim("untested", mean_within("error", "nobody")),
        ),
        reference_method="method-a",
    )


def cell(workload: str, method: str, **options) -> Cell:
    return Cell(
        suite="toy", suite_version="1", workload=workload, scale=Scale.SMALL, method=method, settings={"rate": 0.1},
        metrics=METRICS, reference_method="method-a", target=1.5, environment=ENVIRONMENT,
        key=f"{workload}{method}".ljust(12, "x"), **options,
    )  # fmt: skip


def records() -> list[RunRecord]:
    """Return the runs: on `long` 14 methods of 27 seeds with 54 points each, 378 lines and 20,412 points."""
    rng = np.random.default_rng(7)
    made = []
    for workload, seeds, points in (("easy", 5, 12), ("hard", 5, 12), ("long", 27, 54)):
        for rank, method in enumerate(METHODS):
            for seed in range(seeds):
                error = float((1 + 0.3 * rank) * np.exp(0.1 * rng.normal()))
                seconds = float(0.01 * (1 + (7 * rank) % 11) * np.exp(0.05 * rng.normal()))
                times = np.geomspace(seconds / 50, seconds, points)
                scores = error * np.geomspace(40, 1, points) * np.exp(0.05 * rng.normal(size=points))
                scores[-1] = error
                trace = tuple((step, float(at), float(s)) for step, (at, s) in enumerate(zip(times, scores, strict=True)))
                made.append(run(cell(workload, method), seed, error, seconds, trace))
        made += [run(cell(workload, "oracle", yardstick=True), seed, 0.5, 0.2, ()) for seed in range(seeds)]
    for seed, reason in enumerate((HOSTILE, "x" * 10**6, "ends\n" + HOSTILE)):
        made.append(RunRecord(cell=cell("hard", "method-broken"), seed=seed, status=Status.ERROR, reason=reason, commit=COMMIT))
    return made


def run(of: Cell, seed: int, error: float, seconds: float, trace: tuple) -> RunRecord:
    return RunRecord(
        cell=of, seed=seed, status=Status.OK, scores={"error": error, "gap": error / 3}, seconds=seconds, cpu_seconds=seconds,
        peak_memory=10**6, trace=trace, jobs=1, busy=1.0, commit=COMMIT, finished=f"2026-01-02T03:{seed:02d}:00+00:00",
    )  # fmt: skip


def material(results, declared: Suite | None = None) -> Material:
    """Return what the site of a results folder is made from."""
    groups = store.newest(group for group in store.scan(results) if isinstance(group, store.Group))
    declared = declared or suite()
    runs = [record for group in groups if group.cell.suite == declared.name for record in store.to_records(group)]
    return Material(
        results=results,
        groups=groups,
        rows=judge.build(groups),
        judgements=judge.judge(declared, runs),
        suites={declared.name: declared},
        folders={},
    )
