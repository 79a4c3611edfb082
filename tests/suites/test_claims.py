"""Every claim can fail: some records contradict it, some leave it open; and it asks only for what its suite declares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from optathlon.judge.evidence import RUN_FIELDS, Evidence, MissingEvidence, Patterns
from optathlon.judge.ledger import declared_at, judge
from optathlon.registry import Registry
from optathlon.spec import Cell, Claim, Environment, MetricInfo, Ruling, RunRecord, Scale, Status, Suite

HERE = Environment(machine="here", cpu="", gpu="", os="", python="", versions={}, threads=1)
LEVELS = (0.0, 1e-9, 1e-3, 0.05, 0.3, 0.5, 0.7, 0.9, 0.97, 1.0, 1.5, 3.0, 30.0, 1e3, 1e6, -1.0, -100.0)
TRIALS = 150
SEEDS = 6
UNDECIDABLE = {"rates-of-table-1"}  # no run can decide an asymptotic rate, and the claim says so
HOW_RUNS_END = {"fig2-sdr-infeasible"}  # about statuses alone: a run ends so or it does not


def _cells(suite: Suite, scale: Scale) -> list[Cell]:
    return [
        Cell(
            suite=suite.name, suite_version=suite.version, workload=workload.name, scale=scale, method=method.name,
            metrics=tuple(
                MetricInfo(name=m.name, unit=m.unit, better=m.better, tolerance=m.tolerance, traced=m.traced)
                for m in suite.metrics_of(workload)
            ),
            target=workload.target, exact=workload.exact, trials=workload.trials, environment=HERE,
        )
        for workload in suite.workloads
        if workload.scale is scale
        for method in suite.methods
        if workload.invites(method)
    ]  # fmt: skip


def _records(cells: list[Cell], rng: np.random.Generator, seeds: int = SEEDS, broken: float = 0.1) -> Iterator[RunRecord]:
    """Yield runs of every cell whose figures are drawn at random: levels by method, spread or none, now and then a failure."""
    spread = rng.choice([0.0, 0.01, 0.3, 3.0])
    fails = rng.random() < broken
    by_workload = rng.random() < 0.5
    levels: dict[tuple[str, ...], float] = {}

    def draw(cell: Cell, name: str) -> float:
        at = (cell.method, name, cell.workload if by_workload else "")
        level = levels.setdefault(at, float(rng.choice(LEVELS) * rng.choice([1.0, 1.0, rng.lognormal()])))
        return level * float(np.exp(spread * rng.normal())) if spread else level

    for cell in cells:
        for seed in range(1 if cell.exact else seeds):
            failed = fails and rng.random() < 0.3
            status = Status(rng.choice([Status.DIVERGED, Status.TIMEOUT])) if failed else Status.OK
            scores = {} if failed else {metric.name: draw(cell, metric.name) for metric in cell.metrics}
            clocks = {name: abs(draw(cell, name)) + 1e-6 for name in RUN_FIELDS}
            steps = np.sort(np.abs([draw(cell, "trace") for _ in range(4)]))
            first = scores.get(cell.metrics[0].name, 1.0)
            trace = tuple((k, float(s), *[first] * len(cell.traced)) for k, s in enumerate(steps))
            yield RunRecord(cell=cell, seed=seed, status=status, scores=scores, trace=trace, **clocks)


class _Spy(Evidence):
    """Evidence that remembers which cells a check has looked at."""

    seen: set[tuple[str, str]]

    def workloads(self, patterns: Patterns, *methods: str) -> list[str]:
        names = super().workloads(patterns, *methods)
        self.seen.update((name, method) for name in names for method in methods)
        return names


def _looked_at(suite: Suite, claim: Claim, scale: Scale, drawn: list[tuple[RunRecord, ...]]) -> list[Cell] | None:
    """Return the cells that a claim reads where all of them ended ok; None where it finds something missing."""
    for records in drawn:
        spy = _Spy(records, *declared_at(suite, scale))
        object.__setattr__(spy, "seen", set())
        try:
            claim.check(spy)
        except (MissingEvidence, KeyError):
            continue
        except Exception:  # some figures are impossible together; the ledger catches such a check
            pass
        cells = list({id(record.cell): record.cell for record in records}.values())
        return [cell for cell in cells if (cell.workload, cell.method) in spy.seen] or cells
    return None


def _rulings(suite: Suite, claim: Claim, cells: list[Cell]) -> set[Ruling]:
    """Return the rulings that random records draw from a claim; the search ends when it can fail and stay open."""
    bare = replace(suite, claims=(replace(claim, reduced=""),))
    found: set[Ruling] = set()
    for trial in range(TRIALS):
        if {Ruling.CONTRADICTED, Ruling.INCONCLUSIVE} <= found:
            break
        records = list(_records(cells, np.random.default_rng([20251128, trial])))
        found |= {one.verdict.ruling for one in judge(bare, records)}
    return found


@pytest.mark.parametrize("name", Registry().names())
def test_every_claim_asks_for_what_is_declared_and_can_be_contradicted_or_left_open(name: str) -> None:
    suite = Registry().load(name)
    drawn = {
        scale: [tuple(_records(_cells(suite, scale), np.random.default_rng(k), seeds=2, broken=0.0)) for k in range(3)]
        for scale in Scale
    }
    untestable, never_contradicted, never_open = [], [], []
    for claim in suite.claims:
        scales = [scale for scale in Scale if scale.order >= claim.scale.order]
        cells = next((cells for scale in scales if (cells := _looked_at(suite, claim, scale, drawn[scale]))), None)
        if cells is None and claim.id in UNDECIDABLE:
            continue
        if cells is None:
            untestable.append(claim.id)
            continue
        found = _rulings(suite, claim, cells)
        never_contradicted += [claim.id] if Ruling.CONTRADICTED not in found else []
        free_of_chance = all(cell.exact for cell in cells) or claim.id in HOW_RUNS_END
        never_open += [claim.id] if Ruling.INCONCLUSIVE not in found and not free_of_chance else []
    assert (untestable, never_contradicted, never_open) == ([], [], [])


@pytest.mark.parametrize("name", ["binary_regression", "convex_networks", "coresets", "gans", "random_features"])
def test_a_claim_says_what_decides_it(name: str) -> None:
    def told(claim: Claim) -> bool:
        return bool(claim.reduced or re.search(r"\b(small|medium|paper|seeds)\b", claim.statement))

    assert [claim.id for claim in Registry().load(name).claims if not told(claim)] == []


def _plain(suite: Suite, scale: Scale, values: dict[str, dict[str, float]]) -> list[RunRecord]:
    """Return runs of every cell: scores 1 but for those of `values`, a second each, a trace that arrives."""
    found = []
    for cell in _cells(suite, scale):
        own = values.get(cell.method, {})
        scores = {metric.name: own.get(metric.name, 1.0) for metric in cell.metrics}
        seconds = own.get("seconds", 1.0)
        trace = tuple((step, seconds, *(scores[name] for name in cell.traced)) for step in (0, 1))
        clocks = {"seconds": seconds, "cpu_seconds": seconds, "peak_memory": 1}
        found += [
            RunRecord(cell=cell, seed=seed, status=Status.OK, scores=scores, trace=trace, **clocks)  # type: ignore[arg-type]
            for seed in range(1 if cell.exact else SEEDS)
        ]
    return found


def _ruling(suite: Suite, claim: str, records: list[RunRecord]) -> Ruling:
    return next(one.verdict.ruling for one in judge(suite, records) if one.claim.id == claim)


def test_nobody_is_sooner_than_one_whose_run_failed() -> None:
    suite, claim = Registry().load("convex_networks"), "convex-faster-than-lbfgs"
    records = _plain(suite, Scale.SMALL, {"convex-ssnal": {"seconds": 0.1}})
    assert _ruling(suite, claim, records) is Ruling.REPRODUCED
    for method in ("convex-ssnal", "lbfgs-50"):
        at = next(i for i, r in enumerate(records) if r.cell.method == method and r.cell.workload == "toy-slides-beta0.1")
        failed = replace(records[at], status=Status.TIMEOUT, scores={}, trace=())
        assert _ruling(suite, claim, [*records[:at], failed, *records[at + 1 :]]) is Ruling.INCONCLUSIVE


def test_the_best_rival_is_sought_among_all_that_take_part() -> None:
    """A claim about the best rival is not tested where a rival was not run: it may have been the best."""
    suite, claim = Registry().load("acceleration"), "practical-answer"
    records = _plain(suite, Scale.SMALL, {"second-order": {"calls": 0.5}})
    assert _ruling(suite, claim, records) is Ruling.REPRODUCED
    lacking = [r for r in records if (r.cell.method, r.cell.workload) != ("newton-cg", "digits")]
    assert _ruling(suite, claim, lacking) is Ruling.NOT_TESTED


def test_one_seed_explains_nothing() -> None:
    suite, claim = Registry().load("gans"), "confound-step-size"
    scores = {"adam": 1.0, "adam-x3": 2.8, "adam-nm": 3.0}
    records = _plain(suite, Scale.SMALL, {method: {"inception-score": score} for method, score in scores.items()})
    assert _ruling(suite, claim, records) is Ruling.REPRODUCED
    assert _ruling(suite, claim, [r for r in records if r.seed == 0]) is Ruling.INCONCLUSIVE


def test_a_claim_of_a_paper_whose_budget_was_not_run_rules_nothing() -> None:
    """Of the claims on one reduced workload, none is ruled on as if it were the paper's."""
    for suite, workloads in {
        "coarse_gradients": ("mnist-3-epochs", "vgg11-quarter", "resnet20-4-epochs"),
        "quantized_training": ("mnist", "vgg11-quarter", "resnet20-relu", "resnet20-clipped-relu", "mnist-constant-rate"),
    }.items():
        declared = Registry().load(suite)
        drawn = tuple(_plain(declared, Scale.MEDIUM, {}))
        for claim in declared.claims:
            spy = _Spy(drawn, *declared_at(declared, Scale.MEDIUM))
            object.__setattr__(spy, "seen", set())
            try:
                claim.check(spy)
            except (MissingEvidence, KeyError):
                continue
            assert claim.reduced or not {name for name, _ in spy.seen} & set(workloads), claim.id
