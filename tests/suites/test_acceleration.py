"""The acceleration suite: its metrics against dense Hessians, claims that can turn out either way, figures from records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optathlon.judge.evidence import Evidence, MissingEvidence
from optathlon.measure import plan_cell, run_cell
from optathlon.spec import Context, Ruling, RunRecord, Status
from optathlon.store import save
from optathlon.suites.acceleration import metrics, plots
from optathlon.suites.acceleration.claims import fewer_calls, steps_of_depth
from optathlon.suites.acceleration.methods import MINIMIZERS, run_minimizer
from optathlon.suites.acceleration.problem import factorization, phase, robust
from optathlon.suites.acceleration.suite import SUITE


def run(workload, method, **changes) -> RunRecord:
    return run_cell(SUITE, replace(SUITE.workload(workload), **changes), SUITE.method(method), "cpu", 0)


def made_up(method: str, seed: int, calls: float, reached: float = 1.0, workload: str = "robust") -> RunRecord:
    cell = plan_cell(SUITE, SUITE.workload(workload), SUITE.method(method))
    return RunRecord(cell=cell, seed=seed, status=Status.OK, scores={"calls": calls, "reached": reached, "steps": calls})


@pytest.mark.parametrize("make", [factorization(8, 2, 0.0, 1e-4, 3000), phase(60, 6, 1e-4, 3000), robust(60, 6, 1e-3, 3000)])
def test_calls_end_at_a_point_that_a_dense_hessian_confirms(make) -> None:
    descent = make(np.random.default_rng(0), "cpu")
    answer = run_minimizer(descent, Context(rng=np.random.default_rng(0)), minimizer="second_order")
    calls = metrics.calls(descent, answer)
    assert calls <= answer.calls <= 3000
    point = next(x for n, x in answer.small if n == calls)
    assert np.linalg.norm(descent.problem.gradient(point)) <= descent.tol
    assert np.linalg.eigvalsh(descent.problem.hessian(point))[0] >= -descent.curvature_tol
    assert metrics.curvature_over_tol(descent, answer) >= -1
    assert metrics.gradient_over_tol(descent, answer) <= 1


def test_a_method_that_stays_at_the_saddle_counts_ten_budgets() -> None:
    descent = factorization(8, 2, 0.0, 1e-4, 300)(np.random.default_rng(0), "cpu")
    answer = run_minimizer(descent, Context(rng=np.random.default_rng(0)), minimizer="lbfgs")
    assert answer.converged
    assert metrics.calls(descent, answer) == 3000
    assert metrics.reached(descent, answer) == 0


def test_the_exact_saddle_is_left_by_ours_within_twice_the_best_rival() -> None:
    small = {"make": factorization(20, 3, 0.0, 1e-4, 4000)}
    ours = run("at-saddle", "second-order", **small)
    rivals = [run("at-saddle", method, **small) for method in ("perturbed-agd", "cubic-newton", "lbfgs")]
    assert ours.scores["reached"] == 1
    assert rivals[-1].scores["reached"] == 0
    assert ours.scores["calls"] <= 2 * min(one.scores["calls"] for one in rivals)


def test_theorem_workloads_are_scored_by_their_theorem() -> None:
    assert 0 < run("curvature-smoke", "curvature-descent").scores["steps-over-lemma"] <= 1
    assert run("curvature-smoke", "curvature-descent").scores["largest-rise"] < 0
    assert run("progress-smoke", "almost-convex-agd").scores["progress-over-bound"] >= 1
    assert run("linear-smoke", "polyak-proved").scores["bound-ratio"] <= 1


@pytest.mark.parametrize(
    ("first", "second", "ruling"),
    [
        ((50, 52, 54), (100, 101, 102), Ruling.REPRODUCED),
        ((150, 152, 154), (100, 101, 102), Ruling.CONTRADICTED),
        ((50, 100, 190), (100, 110, 90), Ruling.INCONCLUSIVE),
    ],
)
def test_fewer_calls_can_turn_out_either_way(first, second, ruling) -> None:
    runs = [made_up("carmon", seed, calls) for seed, calls in enumerate(first)]
    runs += [made_up("gradient-descent", seed, calls) for seed, calls in enumerate(second)]
    check = fewer_calls(("robust",), ("carmon",), ("gradient-descent",))
    assert check(Evidence(tuple(runs))).ruling is ruling


def test_a_spent_budget_says_only_that_more_is_needed() -> None:
    def check(first, second):
        runs = [made_up("carmon", seed, *first) for seed in range(3)] + [made_up("lbfgs", seed, *second) for seed in range(3)]
        return fewer_calls(("robust",), ("carmon",), ("lbfgs",))(Evidence(tuple(runs))).ruling

    assert check((200_000, 0.0), (100, 1.0)) is Ruling.CONTRADICTED
    assert check((100, 1.0), (200_000, 0.0)) is Ruling.REPRODUCED
    assert check((200_000, 0.0), (200_000, 0.0)) is Ruling.INCONCLUSIVE
    assert check((200_000, 0.0), (30_000, 1.0)) is Ruling.INCONCLUSIVE  # more than 20,000 against 30,000
    with pytest.raises(MissingEvidence):
        fewer_calls(("robust",), ("carmon",), ("newton-cg",))(Evidence((made_up("carmon", 0, 10),)))


def test_depth_is_judged_by_an_interval() -> None:
    def ruling(deep):
        runs = [made_up("polyak-proved", seed, 100 + seed, workload="linear-2-100") for seed in range(3)]
        runs += [made_up("polyak-proved", seed, value, workload="linear-8-100") for seed, value in enumerate(deep)]
        return steps_of_depth("linear-8-100", "linear-2-100", at_most=1.2)(Evidence(tuple(runs))).ruling

    assert ruling((100, 101, 102)) is Ruling.REPRODUCED
    assert ruling((300, 301, 302)) is Ruling.CONTRADICTED
    assert ruling((80, 120, 200)) is Ruling.INCONCLUSIVE


def test_every_minimiser_has_a_colour() -> None:
    assert set(plots.STYLES) == {method.name for method in MINIMIZERS}


def test_figures_are_drawn_from_records(tmp_path: Path) -> None:
    for method in ("lbfgs", "second-order", "gradient-descent"):
        save(tmp_path, run("robust-loose", method, name="robust"))
    for method in ("descent", "polyak-proved"):
        save(tmp_path, run("linear-smoke", method, name="linear-2-100"))
    plots.main(tmp_path, tmp_path / "figures")
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["calls.png", "momentum.png", "profile.png"]
    ratios = plots.profile(plots.read(tmp_path), ("robust",))
    assert min(found[0] for found in ratios.values()) == 1
