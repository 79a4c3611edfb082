"""The coreset suite's instances, metrics and checks."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from optathlon.baselines.coresets import Coreset, TrainedModel, full
from optathlon.judge.claims import Evidence
from optathlon.measure import plan_cell
from optathlon.spec import Context, Diverged, Ruling, RunRecord, Status
from optathlon.store import save
from optathlon.suites.coresets import metrics, plots
from optathlon.suites.coresets.claims import _below
from optathlon.suites.coresets.convex import Fit, convex_gap, distance_to_bound, tumours
from optathlon.suites.coresets.problem import Classification, Schedule
from optathlon.suites.coresets.proxy import run_forgetting, run_proxy_grad_match, wide_lenet
from optathlon.suites.coresets.suite import PICTURES, SUITE


@pytest.fixture(scope="module")
def problem() -> Classification:
    return SUITE.workload("digits-200").make(np.random.default_rng(0), "cpu")


def test_a_seed_makes_the_instance_and_the_network(problem):
    again = SUITE.workload("digits-200").make(np.random.default_rng(0), "cpu")
    other = SUITE.workload("digits-200").make(np.random.default_rng(1), "cpu")
    assert problem.inputs.shape == (200, 1, 8, 8)
    assert problem.k == 20
    assert torch.equal(problem.inputs, again.inputs)
    assert not torch.equal(problem.labels, other.labels)
    first, same, different = (next(iter(p.model.parameters())) for p in (problem, again, other))
    assert torch.equal(first, same)
    assert not torch.equal(first, different)


def test_metrics_of_a_known_model(problem):
    class Constant(torch.nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            logits = torch.zeros(len(inputs), 10)
            logits[:, 3] = 1.0
            return logits

    model = torch.nn.Sequential(Constant(), torch.nn.Identity().eval())
    answer = TrainedModel(model, None, {})
    assert metrics.test_error(problem, answer) == pytest.approx(float((problem.test_labels != 3).double().mean()))
    share = float((problem.labels == 3).double().mean())
    assert metrics.train_error(problem, answer) == pytest.approx(float((problem.labels != 3).double().mean()))
    assert metrics.train_loss(problem, answer) == pytest.approx(np.log(9 + np.e) - share)
    assert np.isnan(metrics.scaled_matching_error(problem, answer))
    assert [module.training for module in model.modules()] == [True, True, False]


def test_matching_error_is_taken_where_the_selection_was_made(problem):
    state = {name: value.clone() for name, value in problem.model.state_dict().items()}
    everything = TrainedModel(problem.model, full(200), state)
    assert metrics.unscaled_matching_error(problem, everything) < 1e-5
    doubled = TrainedModel(problem.model, Coreset(np.arange(200), np.full(200, 2.0)), state)
    assert metrics.unscaled_matching_error(problem, doubled) == pytest.approx(1.0, abs=1e-5)
    assert metrics.scaled_matching_error(problem, doubled) < 1e-5


def test_norm_share_is_one_where_the_last_layer_is_all(problem):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    answer = TrainedModel(model, full(200), model.state_dict())
    assert metrics.norm_share(problem, answer) == pytest.approx(1.0)
    deep = TrainedModel(problem.model, full(200), problem.model.state_dict())
    assert 0 <= metrics.norm_share(problem, deep) < 1
    assert np.isnan(metrics.norm_share(problem, TrainedModel(model, None, {})))


def run(trace, seconds=10.0, selection=4.0, target=0.2, workload="digits"):
    cell = SimpleNamespace(target=target, workload=workload, traced=("test-error", "train-loss"))
    return SimpleNamespace(trace=trace, seconds=seconds, sections={"selection": selection}, cell=cell)


def test_metrics_that_come_from_the_run():
    record = run(((1, 0.2, 0.9, 2.0), (2, 0.5, 0.3, 1.0), (3, 0.9, 0.4, 1.5), (4, 1.5, 0.1, 0.5)), workload="mnist-2000")
    assert metrics.selection_seconds(record) == 4.0
    assert metrics.training_seconds(record) == 6.0
    assert metrics.seconds_to_target(record) == 1.5
    assert metrics.largest_rise(record) == pytest.approx(0.1)
    assert np.isnan(metrics.seconds_to_target(run(((1, 0.2, 0.9, 1.0),))))


def test_equal_compute_is_filled_by_every_strategy():
    schedule = Schedule(passes=8.0, selection_passes={"dear": 0.5, "cheap": 0.1}, reselect_every=5, fraction=0.1)
    assert schedule.epochs_for(share=1.0) == 8
    assert schedule.epochs_for() == 80
    assert schedule.epochs_for("dear") == 40  # eight blocks of half a pass for the selection and half for five epochs
    assert schedule.epochs_for("dear", warm_start=4) == 4 + 20
    assert schedule.epochs_for("cheap") == 5 * 13 + 1  # 13 blocks of .6; .2 is left for a selection and an epoch
    with pytest.raises(KeyError):  # a selection whose cost nobody measured is not free
        schedule.epochs_for("unmeasured")
    assert Schedule(epochs=7).epochs_for("dear") == 7


def test_noise_and_imbalance_touch_the_training_set_alone():
    plain, noise, rare = (
        SUITE.workload(name).make(np.random.default_rng(3), "cpu")
        for name in ("digits-equal", "digits-noisy", "digits-imbalanced")
    )
    changed = (noise.labels != plain.labels).double().mean()
    assert 0.12 < changed < 0.2  # a tenth of the drawn labels are right by chance
    for other in (noise, rare):
        assert torch.equal(other.test_labels, plain.test_labels)
        assert torch.equal(other.test_inputs, plain.test_inputs)
    counts, before = (torch.bincount(p.labels, minlength=10) for p in (rare, plain))
    assert torch.equal(counts[:5], before[:5])
    assert torch.equal(counts[5:], before[5:] // 10)


@pytest.mark.parametrize("name", PICTURES)
def test_selection_is_booked_and_a_lost_model_says_so(problem, name):
    booked = []

    class Section:
        def __enter__(self) -> None:
            booked.append(name)

        def __exit__(self, *_: object) -> None:
            pass

    context = Context(rng=np.random.default_rng(0), section=lambda _: Section())
    method = SUITE.method(name)
    answer = method.run(problem, context, **method.settings)
    assert booked
    assert answer.coreset is not None
    lost = SUITE.workload("digits-200").make(np.random.default_rng(0), "cpu")
    with torch.no_grad():
        next(iter(lost.model.parameters())).fill_(torch.nan)
    with pytest.raises(Diverged):
        method.run(replace(lost), context, **method.settings)


CELLS = [plan_cell(SUITE, SUITE.workload("digits"), SUITE.method("craig"), machine="here")]


def record(cell, seed, status=Status.OK, trace=(), **scores):
    return RunRecord(cell=cell, seed=seed, status=status, scores=scores, seconds=0.2, trace=trace)


def test_the_plots_are_drawn_from_records(tmp_path):
    (cell,) = CELLS
    width = len(cell.traced)
    ends = {"test-error": 0.4, "train-loss": 1.0}
    observed = ((1, 0.1, 0.5, *[2.0] * (width - 1)), (2, 0.2, 0.4, *[1.0] * (width - 1)))
    for run in (record(cell, 0, trace=observed, **ends), record(cell, 2, Status.ERROR), record(cell, 3, **ends)):
        save(tmp_path, run)
    drawn = plots.runs_of(tmp_path, "digits", "craig")
    assert [run["seed"] for run in drawn] == [0, 3]
    assert drawn[1]["trace"] == [[0, 0.2, 0.4, 1.0]]
    assert plots.plot(tmp_path, "digits", tmp_path).stat().st_size > 5000


def test_mostly_below_needs_six_seeds_and_judges_each_data_set():
    def ruled(method, other, seeds):
        cells = [replace(cell, method=name) for cell in CELLS for name in ("good", "bad")]
        values = {"good": 0.1, "bad": 0.5}
        records = [record(cell, seed, **{"test-error": values[cell.method]}) for cell in cells for seed in range(seeds)]
        return _below("test-error", method, other, workloads=("digits",))(Evidence(tuple(records))).ruling

    assert ruled("good", "bad", 6) is Ruling.REPRODUCED
    assert ruled("bad", "good", 6) is Ruling.CONTRADICTED
    assert ruled("good", "bad", 5) is Ruling.INCONCLUSIVE
    assert ruled("good", "good", 6) is Ruling.INCONCLUSIVE


def test_incremental_gradients_are_scored_against_the_optimum_of_the_convex_sum():
    problem = tumours(10.0)(np.random.default_rng(0), "cpu")
    assert convex_gap(problem, Fit(problem.best, None)) == 0
    assert convex_gap(problem, Fit(problem.best + 0.1, None)) > 0
    everything = Fit(problem.best + 1.0, np.arange(len(problem.y)))
    some = Fit(problem.best + 1.0, np.concatenate([np.flatnonzero(problem.y == sign)[:3] for sign in (-1, 1)]))
    assert distance_to_bound(problem, everything) == np.inf  # every sample stands for itself: eps is 0
    assert 0 < distance_to_bound(problem, some) < np.inf


def test_proxies_choose_once_and_for_every_class(problem):
    context = Context(rng=np.random.default_rng(0), seed=0)
    larger = replace(problem, model=wide_lenet(0))
    forgetting = run_forgetting(larger, context, n_epochs=2)
    matched = [run_proxy_grad_match(larger, context, proxy=proxy, n_epochs=2, ridge=0.5, tol=1e-3) for proxy in ("small", "own")]
    for answer in (forgetting, *matched):
        assert len(answer.coreset.indices) <= problem.k
        assert set(problem.labels[answer.coreset.indices].tolist()) == set(problem.labels.tolist())
        assert answer.model[0].out_channels == 32
        start = larger.model.state_dict()
        assert all(torch.equal(value, start[name]) for name, value in answer.selected_by.items())  # chosen before the first step


def judged(claim, workload, figures):
    """Return the ruling on test errors, a list for each method."""
    records = []
    for method, values in figures.items():
        cell = plan_cell(SUITE, SUITE.workload(workload), SUITE.method(method), machine="here")
        records += [record(cell, seed, **{"test-error": value}) for seed, value in enumerate(values)]
    return next(one.check for one in SUITE.claims if one.id == claim)(Evidence(tuple(records))).ruling


@pytest.mark.parametrize(
    ("claim", "better", "worse", "workload"),
    [
        ("proxy-selects-better-than-chance", "proxy-grad-match", "random-once", "digits-wide"),
        ("forgotten-fail-at-a-tenth", "random-once", "forgetting", "digits-wide"),
        ("forgotten-fail-under-noise", "random-once", "forgetting", "digits-noisy"),
    ],
)
def test_claims_of_proxies_turn_with_the_figures(claim, better, worse, workload):
    low, high = ([base + 0.002 * seed for seed in range(6)] for base in (0.05, 0.15))
    assert judged(claim, workload, {better: low, worse: high}) is Ruling.REPRODUCED
    assert judged(claim, workload, {better: high, worse: low}) is Ruling.CONTRADICTED
    assert judged(claim, workload, {better: low, worse: low[::-1]}) is Ruling.INCONCLUSIVE


def test_a_proxy_is_as_good_only_within_a_point():
    own = [0.1 + 0.01 * seed for seed in range(6)]
    for gap, ruling in ((0.004, Ruling.REPRODUCED), (0.03, Ruling.CONTRADICTED), (-0.03, Ruling.CONTRADICTED)):
        other = [value + gap + 1e-4 * seed for seed, value in enumerate(own)]
        assert judged("proxy-selects-as-well", "digits-wide", {"proxy-grad-match": other, "own-grad-match": own}) is ruling
