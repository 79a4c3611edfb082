"""The quantised-networks suite's instances, metrics, claims and figures."""

from dataclasses import replace

import numpy as np
import pytest

from optathlon.baselines.quantized_networks import exact_optimum, random_network, sample_network, sdp_bound
from optathlon.measure import plan_cell
from optathlon.spec import Context, Diverged, RunRecord, Status
from optathlon.store import save
from optathlon.suites.quantized_networks import metrics, plots
from optathlon.suites.quantized_networks.problem import Answer, difference_of_squares, multilevel, planted, table
from optathlon.suites.quantized_networks.suite import SUITE


def make(maker, seed=0):
    return maker(np.random.default_rng(seed), "cpu")


def answer_of(name, problem, seed=0):
    method = SUITE.method(name)
    return method.run(problem, Context(np.random.default_rng(seed), seed), **method.settings)


def test_instance_0_is_the_one_with_the_known_optimum():
    for seed in (0, 5):
        problem = make(planted(100, 20, "paper", instance=0), seed)
        assert problem.y @ problem.y == pytest.approx(333477, abs=1)


def test_planted_instances_differ_by_seed_and_repeat():
    first, again, other = (make(planted(30, 5, "hinge"), seed) for seed in (0, 0, 1))
    assert np.array_equal(first.X, again.X)
    assert not np.array_equal(first.X, other.X)
    assert set(first.y) == {-1.0, 1.0}
    assert first.loss == "hinge"
    assert first.labels


def test_weights_that_never_stay_finite_are_no_network() -> None:
    problem = make(planted(20, 5, "noise"))
    with pytest.raises(Diverged):
        answer_of("ptq-m10", replace(problem, X=1e10 * problem.X))


def test_tables_split_without_overlap_and_drop_constants():
    problem = make(table("breast_cancer", "squared", 10.0, 0.8))
    assert problem.X.shape[1] == problem.X_test.shape[1] == 30
    assert len(problem.X) + len(problem.X_test) == 569
    np.testing.assert_allclose(problem.X.mean(axis=0), 0, atol=1e-9)


def test_ratios_are_to_the_exact_optimum():
    problem = make(planted(25, 4, "noise", exact=True))
    exact = exact_optimum(problem.X, problem.y, beta=problem.beta)
    assert metrics.optimum_ratio(problem, Answer(objective=2 * exact.objective)) == pytest.approx(2, rel=1e-6)
    bound = sdp_bound(problem.X, problem.y, beta=problem.beta)
    assert metrics.bound_ratio(problem, Answer(relaxation=bound, bound=bound.bound)) == pytest.approx(
        bound.bound / exact.objective
    )
    other = make(planted(25, 4, "noise"))
    assert np.isnan(metrics.optimum_ratio(other, Answer(objective=1.0)))


def test_losses_bits_and_gap():
    problem = make(planted(25, 4, "noise"))
    network = random_network(3, 4, rng=0)
    answer = Answer(network=network, objective=4.0, bound=3.0)
    fitted = network.predict(problem.X)
    assert metrics.train_loss(problem, answer) == pytest.approx(np.sum((fitted - problem.y) ** 2) / np.sum(problem.y**2))
    assert metrics.bits(problem, answer) == 2 * 12 + 64
    assert metrics.proved_gap(problem, answer) == pytest.approx(0.25)
    assert np.isnan(metrics.train_accuracy(problem, answer))


def test_accuracy_counts_labels():
    problem = make(planted(40, 5, "hinge"))
    bound = sdp_bound(problem.X, problem.y, beta=problem.beta, loss="hinge")
    expected = np.mean(np.sign(bound.predict(problem.X_test)) == problem.y_test)
    assert metrics.test_accuracy(problem, Answer(relaxation=bound)) == pytest.approx(expected)


def test_concentration_is_of_what_algorithm_1_sampled():
    problem = make(planted(40, 5, "noise"))
    bound = sdp_bound(problem.X, problem.y, beta=problem.beta)
    few, many = (Answer(network=sample_network(bound, m, rng=0), relaxation=bound) for m in (100, 10_000))
    assert 0.3 < metrics.concentration(problem, many) / metrics.concentration(problem, few) < 3
    assert metrics.krivine_error(problem, few) <= 1e-10
    assert np.isnan(metrics.concentration(problem, Answer(network=random_network(4, 5, rng=0), relaxation=bound)))


@pytest.mark.parametrize("M", [1, 2, 3])
def test_theorem_1(M):
    assert answer_of("levels-to-signs", make(multilevel(M))).residual <= 1e-12


def test_the_converse_fails_with_signs_and_holds_with_three_levels():
    problem = make(difference_of_squares)
    assert answer_of("product-by-signs", problem).residual > 0.5
    assert answer_of("product-by-three-levels", problem).residual <= 1e-12


@pytest.mark.parametrize("loss", ["noise", "hinge"])
def test_the_gap_is_traced(loss):
    seen = []
    problem = make(planted(60, 5, loss, traced=True))
    method = SUITE.method("sdp")
    context = Context(np.random.default_rng(0), 0, observe=lambda step, answer: seen.append(metrics.proved_gap(problem, answer)))
    answer = method.run(problem, context, **method.settings)
    assert (np.diff(seen) <= 0).all()
    assert 1 >= seen[0] > seen[-1]
    assert metrics.proved_gap(problem, answer) <= 1e-6


def test_few_neurons_are_above_the_optimum():
    problem = make(planted(15, 3, "noise", theta=0.02, exact=True))
    ratios = [metrics.optimum_ratio(problem, answer_of(f"enumeration-m{m}", problem)) for m in (1, 2, 4, 6)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > 1.05
    assert ratios[-1] == pytest.approx(1, abs=0.02)


def test_figures_are_drawn_where_there_are_records(tmp_path):
    def recorded(workload, method, scores, cpu_seconds=0.1, trace=()):
        cell = plan_cell(SUITE, SUITE.workload(workload), SUITE.method(method))
        for seed in range(2):
            save(
                tmp_path,
                RunRecord(cell=cell, seed=seed, status=Status.OK, scores=scores, cpu_seconds=cpu_seconds, trace=trace),
            )

    assert plots.draw(tmp_path, tmp_path) == []
    for m in (10, 100):
        recorded("planted-100x20", f"ptq-m{m}", {"train-loss": 1 / m, "test-loss": 1 / m})
    recorded("planted-100x20", "sdp-printed", {"train-loss": 0.0, "test-loss": 0.5})
    for d in (20, 40):
        trace = ((0, 0.001, 1.0), (1, 0.002, 1e-7))
        recorded(f"size-100x{d}-noise", "sdp", {"proved-gap": 1e-7}, d / 1e3, trace)
    assert plots.curve(tmp_path, "planted-100x20", "train-loss", "ptq") == [(10, 0.1), (100, 0.01)]
    assert plots.seconds(tmp_path, "noise", 100, "sdp") == [(20, 0.02), (40, 0.04)]
    assert plots.gaps(tmp_path, "noise", 100, 20) == ([0.001, 0.002], [1.0, 1e-7])
    written = plots.draw(tmp_path, tmp_path)
    assert [path.name for path in written] == ["losses.png", "seconds.png", "gaps.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)
