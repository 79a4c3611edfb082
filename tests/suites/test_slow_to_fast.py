"""The suite on slow-to-fast training: instances, metrics of known answers, figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optathlon.baselines.slow_to_fast import RADII, train_on_plane
from optathlon.spec import Cell, Context, Environment, MetricInfo, RunRecord, Scale, Status
from optathlon.store import save
from optathlon.suites.slow_to_fast import metrics, plots
from optathlon.suites.slow_to_fast.claims import TABLE
from optathlon.suites.slow_to_fast.methods import Answers, run_plane, run_points
from optathlon.suites.slow_to_fast.suite import SUITE

HERE = Environment(machine="here", cpu="", gpu="", os="", python="", versions={}, threads=1)


def made(name, seed=0):
    return SUITE.workload(name).make(np.random.default_rng(seed), "cpu")


def score(name, problem, answer):
    return SUITE.metric(name).function(problem, answer)


def test_a_seed_makes_the_starts():
    first, again, other = made("plane-8"), made("plane-8"), made("plane-8", 1)
    assert first.X.shape == (len(RADII) * 80, 2)
    assert first.starts.shape == (100, 8, 2)
    assert np.array_equal(first.starts, again.starts)
    assert not np.array_equal(first.starts, other.starts)
    assert made("tilted-45-noisy").X.shape == (1760, 4)


def test_both_starts_are_of_one_draw_and_both_engines_agree():
    problem = made("plane-smoke")
    context = Context(rng=np.random.default_rng(0))
    random, half = (run_plane(problem, context, start=start) for start in ("random", "half-space"))
    assert not np.array_equal(random.steps, half.steps)
    assert (half.condition_step != 0).all()
    points = run_points(problem, context, optimizer="gradient-descent", eta=0.1, bias=0.0)
    assert np.array_equal(random.steps, points.steps)


def test_metrics_of_a_known_run():
    problem = made("plane-smoke")
    answer = run_plane(problem, Context(rng=np.random.default_rng(0)), start="random")
    assert score("steps", problem, answer) == answer.steps.mean()
    assert score("slow-share", problem, answer) == answer.slow_steps.sum() / answer.steps.sum()
    assert score("condition-at-start", problem, answer) == (answer.condition_step == 0).mean()
    lost = replace(answer, condition_step=np.zeros(10, int), slow_steps=np.r_[5, np.zeros(9, int)])
    assert score("condition-lost", problem, lost) == pytest.approx(0.1)
    assert np.isnan(score("final-loss", problem, answer))
    plain = train_on_plane(problem.starts[:1], max_steps=3)
    assert np.isnan(score("positive-shrinkage", problem, plain))
    assert score("converged", problem, plain) == 0


def test_metrics_of_known_answers_to_the_condition():
    problem = made("condition-2-4")
    truth = Answers(np.array([metrics.geometric_condition(W) for W in problem.sets]))
    assert score("disagreement", problem, truth) == 0
    assert score("disagreement", problem, Answers(~truth.holds)) == 1
    assert score("condition-share-error", problem, Answers(np.ones(450, bool))) == 0.5
    counted = made("patterns-2-5")
    assert score("pattern-count-error", counted, Answers(np.zeros(0, bool), 23)) == 1


def test_every_cell_of_the_table_is_a_claim():
    cells = {claim.id for claim in SUITE.claims if claim.id.startswith("table-2.1-")}
    assert cells == {f"table-2.1-{method}-{width}" for method in TABLE for width in range(6, 25, 2)}


def test_figures_are_drawn_from_records(tmp_path):
    rng = np.random.default_rng(0)

    def record(workload, method, exhibits):
        cell = Cell(
            suite="slow_to_fast", suite_version="1", workload=workload, scale=Scale.SMALL, method=method,
            metrics=(MetricInfo(name="steps", unit="", better="lower"),), environment=HERE, key="0" * 64,
        )  # fmt: skip
        save(tmp_path, RunRecord(cell=cell, seed=0, status=Status.OK, scores={"steps": 1.0}, seconds=1.0, exhibits=exhibits))
        save(tmp_path, RunRecord(cell=cell, seed=1, status=Status.TIMEOUT))

    for method in TABLE:
        for width in range(6, 25, 2):
            shown = {"steps": rng.integers(50, 900, 20).tolist(), "largest-norms": rng.uniform(3, 5, 20).tolist()}
            record(f"plane-{width}", method, shown)
    record("mnist", "sgd", {"losses": [2.3, 2.2, 1.0]})
    names = {"figure-2.4.png", "figure-2.5.png", "figure-2.6.png"}
    assert {path.name for path in plots.draw(tmp_path, tmp_path)} == names
    assert {path.name for path in plots.draw(tmp_path / "none", tmp_path)} == {"figure-2.5.png"}
