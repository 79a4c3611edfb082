"""The suite on quantised weights: instances, metrics of known answers, figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from optathlon.baselines.quantized_training import cone_coordinates, project_ternary, time_shares, train_quantized
from optathlon.spec import Cell, Context, Diverged, Environment, MetricInfo, RunRecord, Scale, Status
from optathlon.store import save
from optathlon.suites.quantized_training import plots
from optathlon.suites.quantized_training.methods import Projection, Run, by_sort, run_projection, run_recurrence, run_training
from optathlon.suites.quantized_training.suite import SUITE

HERE = Environment(machine="here", cpu="", gpu="", os="", python="", versions={}, threads=1)


def made(name, seed=0):
    return SUITE.workload(name).make(np.random.default_rng(seed), "cpu")


def score(name, problem, answer):
    return SUITE.metric(name).function(problem, answer)


@pytest.fixture(scope="module")
def teachers():
    problem = made("teacher-smoke")
    return problem, run_recurrence(problem, Context(rng=np.random.default_rng(0)), weights="ternary")


def test_a_seed_makes_teachers_and_networks():
    first, again, other = made("teacher-smoke"), made("teacher-smoke"), made("teacher-smoke", 1)
    assert np.array_equal(first.w_star, again.w_star)
    assert not np.array_equal(first.w_star, other.w_star)
    pictures, same = made("digits-200"), made("digits-200")
    assert torch.equal(pictures.X, same.X)
    for a, b, c in zip(pictures.model.parameters(), same.model.parameters(), pictures.quantised_model.parameters(), strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)  # both networks start alike


def test_metrics_of_the_law(teachers):
    problem, answer = teachers
    law = replace(answer.found, cone_shares=time_shares(problem.w_star))
    assert score("law-error", problem, Run("ternary", law)) == 0
    assert score("naive-law-error", problem, Run("ternary", law)) > 0.01
    coordinates = cone_coordinates(problem.w_star)
    naive = replace(answer.found, cone_shares=coordinates / coordinates.sum(axis=1, keepdims=True))
    assert score("naive-law-error", problem, Run("ternary", naive)) == 0
    assert np.isnan(score("naive-law-error", problem, Run("binary", answer.found)))


def test_metrics_of_visits(teachers):
    problem, answer = teachers
    still = replace(answer.found, last_change=np.full(5, 250), optimum_share=np.array([0, 0, 0, 0, 0.5]))
    assert score("constant", problem, Run("ternary", still)) == 1
    assert score("constant", problem, answer) == 0
    assert score("visited", problem, Run("ternary", still)) == pytest.approx(0.2)
    assert score("optimum-share", problem, Run("ternary", still)) == pytest.approx(0.1)
    periodic = replace(answer.found, signs=np.tile(np.eye(4, dtype=np.int8)[:3], (5, 4, 1)))
    assert score("period-three", problem, Run("ternary", periodic)) == 1
    assert score("period-three", problem, Run("ternary", replace(periodic, signs=periodic.signs[:, ::2]))) == 1
    assert score("period-three", problem, answer) < 1


def test_metrics_of_the_cone(teachers):
    problem, answer = teachers
    at_teacher = Run("ternary", replace(answer.found, auxiliary=3 * problem.w_star, last_outside=np.array([0, 1, 2, 3, 250])))
    assert score("in-cone", problem, at_teacher) == 1
    assert score("alignment", problem, at_teacher) == pytest.approx(1)
    assert score("last-outside", problem, at_teacher) == 0.5
    swapped, turned = problem.w_star.copy(), problem.w_star.copy()
    least, next_ = np.argsort(np.abs(swapped[0]))[:2]
    swapped[0, least] *= 1.5 * np.abs(swapped[0, next_] / swapped[0, least])
    turned[1, 0] *= -1
    for moved in (swapped, turned):
        assert score("in-cone", problem, Run("ternary", replace(answer.found, auxiliary=moved))) == pytest.approx(0.8)
    for name in ("in-cone", "last-outside"):
        assert np.isnan(score(name, problem, Run("binary", answer.found)))


def test_the_least_that_is_kept():
    problem = replace(made("projection-smoke"), y=np.float32([4, -2, 1, 1]))
    assert score("least-kept", problem, Projection(np.float32([3, -3, 0, 0]))) == 1
    assert score("least-kept", problem, Projection(np.float32([3, -3, 1, 0]))) == 0.5


def test_projections_are_scored_by_distance():
    problem = made("projection-smoke")
    answer = run_projection(problem, Context(rng=np.random.default_rng(0)), rule="ternary")
    assert score("distance", problem, answer) == pytest.approx(score("distance", problem, Projection(by_sort(problem.y))))
    assert score("distance", problem, Projection(0 * problem.y)) == pytest.approx(1)
    assert score("distance", problem, Projection(problem.y)) == 0
    np.testing.assert_allclose(by_sort(problem.y), project_ternary(problem.y), rtol=1e-6)


def test_networks_are_scored_and_divergence_is_said():
    problem = made("digits-200")
    context = Context(rng=np.random.default_rng(0))
    answer = run_training(problem, context, method="ternary")
    assert 0 < score("test-error", problem, answer) < 0.9
    assert score("train-loss", problem, answer) == answer.losses[-1]
    assert score("late-decay", problem, answer) == answer.losses[1] / answer.losses[0]
    assert score("changing-signs", problem, answer) == answer.changing_share
    plain = train_quantized(problem.model, problem.X, problem.y, method="float", n_epochs=1, rng=0)
    assert np.isnan(score("late-decay", problem, plain))
    spoilt = replace(problem, X=problem.X * 1e30, schedule=replace(problem.schedule, learning_rate=1e30))
    with pytest.raises(Diverged, match="epoch"):
        run_training(replace(spoilt, model=torch.nn.Sequential(torch.nn.Linear(64, 10))), context, method="float")


def test_figures_are_drawn_from_records(tmp_path):
    rng = np.random.default_rng(0)

    def write(workload, method, exhibits):
        cell = Cell(
            suite="quantized_training", suite_version="1", workload=workload, scale=Scale.SMALL, method=method,
            metrics=(MetricInfo(name="distance", unit="", better="lower"),), environment=HERE, key="0" * 64,
        )  # fmt: skip
        save(tmp_path, RunRecord(cell=cell, seed=0, status=Status.OK, scores={"distance": 1.0}, seconds=1.0, exhibits=exhibits))
        save(tmp_path, RunRecord(cell=cell, seed=1, status=Status.DIVERGED))

    for weights in ("binary", "ternary"):
        signs, optima = rng.integers(-1, 2, 6400).tolist(), rng.integers(-1, 2, 64).tolist()
        write("figure-4.3", f"recurrence-{weights}", {"signs": signs, "optima": optima})
        shown = {"losses": [0.3, 0.2], "signs": rng.integers(-1, 2, 200 * 75).tolist()}
        write("mnist-constant-rate", f"quant-{weights}", shown)
    assert [path.name for path in plots.draw(tmp_path, tmp_path)] == ["figure-4.3.png", "figure-4.4.png", "figure-4.5.png"]
    assert not plots.draw(tmp_path / "none", tmp_path)
