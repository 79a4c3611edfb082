"""The suite's instances, metrics and claims."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from optathlon.baselines.coarse_gradients import TrainedNetwork, train_on_planes
from optathlon.judge.claims import MissingEvidence
from optathlon.spec import Context, Diverged, Ruling, Status
from optathlon.suites.coarse_gradients import metrics
from optathlon.suites.coarse_gradients.claims import bounded, identical
from optathlon.suites.coarse_gradients.methods import Descent, run_planes, run_quantized, run_sampled
from optathlon.suites.coarse_gradients.suite import SUITE


class Scores:
    """Evidence of given scores: {(method, workload): values by seed}."""

    def __init__(self, scores: dict[tuple[str, str], list[float]], status: Status = Status.OK) -> None:
        self._scores, self.status = scores, status

    def scores(self, metric: str, method: str, workload: str) -> dict[tuple[str, int], float]:
        return {(workload, seed): value for seed, value in enumerate(self._scores.get((method, workload), []))}

    def runs(self, method: str, workload: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(status=self.status)]


def planes(seed: int = 0):
    return SUITE.workload("planes-smoke").make(np.random.default_rng(seed), "cpu")


def test_a_seed_makes_the_starts():
    first, again, other = planes(), planes(), planes(1)
    assert first.W.shape == (2, 24, 4)
    assert np.array_equal(first.W, again.W)
    assert not np.array_equal(first.W, other.W)


def test_solved_is_checked_without_the_method():
    problem = SUITE.workload("planes-90").make(np.random.default_rng(0), "cpu")
    runs = train_on_planes(problem.X, problem.y, problem.W, problem.V)
    assert metrics.solved(problem, Descent(runs, 0.0)) == 1
    stopped = train_on_planes(problem.X, problem.y, problem.W, problem.V, max_steps=3)
    assert metrics.solved(problem, Descent(stopped, 0.0)) == 0


def test_drops_are_seen_only_where_they_are_watched():
    settings = {"bits": 4, "estimator": "relu", "learning_rate": 1.0}
    oblique = SUITE.workload("planes-watched-45").make(np.random.default_rng(0), "cpu")
    assert run_planes(oblique, Context(rng=np.random.default_rng(0)), **settings).largest_drop > 1e-3
    assert np.isnan(run_planes(planes(), Context(rng=np.random.default_rng(0)), **settings).largest_drop)


def test_the_printed_gradient_is_told_from_the_right_one():
    problem = SUITE.workload("teacher-400000").make(np.random.default_rng(1), "cpu")
    right, printed = (
        metrics.deviation(problem, run_sampled(problem, Context(rng=np.random.default_rng(1)), as_printed=printed))
        for printed in (False, True)
    )
    assert right < 4.5 < 20 < printed


def test_a_training_that_leaves_the_numbers_says_so(monkeypatch):
    from optathlon.baselines import coarse_gradients as library

    answer = TrainedNetwork(None, (float("nan"),), (1.0, float("inf")), False)  # type: ignore[arg-type]
    monkeypatch.setattr(library, "train", lambda *_, **__: answer)
    problem = SUITE.workload("digits-smoke").make(np.random.default_rng(0), "cpu")
    with pytest.raises(Diverged, match="after 1 epochs"):
        run_quantized(problem, Context(rng=np.random.default_rng(0)), bits=4, estimator="relu")


def test_norms_along_the_way():
    problem = SUITE.workload("digits-smoke").make(np.random.default_rng(0), "cpu")
    answer = SimpleNamespace(norms=(10.0, 20.0, 19.0, 19.5), losses=(2.0, 1.0))
    assert metrics.norm_drop(problem, answer) == pytest.approx(1 / 20)
    assert metrics.norm_growth(problem, answer) == pytest.approx(0.05)
    assert metrics.training_loss(problem, answer) == 1


def test_identical_and_bounded_can_fail():
    evidence = Scores({("a", "w"): [1.0, 2.0], ("b", "w"): [1.0, 2.0], ("c", "w"): [1.0, 2.5]})
    assert identical("steps", "a", "b", "w")(evidence).ruling is Ruling.REPRODUCED
    assert identical("steps", "a", "c", "w")(evidence).ruling is Ruling.CONTRADICTED
    with pytest.raises(MissingEvidence):
        identical("steps", "a", "d", "w")(evidence)
    assert bounded("a", "w", 25)(Scores({}, Status.DIVERGED)).ruling is Ruling.CONTRADICTED
