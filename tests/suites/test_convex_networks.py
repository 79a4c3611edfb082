"""The convex-networks suite's instances, metrics, checks and figures."""

from dataclasses import replace

import numpy as np
import pytest

from optathlon.baselines.convex_networks import deep_linear, polynomial_program, relu_program, three_layer_program, train_network
from optathlon.judge.evidence import Evidence, MissingEvidence
from optathlon.measure import Job, plan_cell, run_jobs
from optathlon.spec import Ruling, RunRecord, Status
from optathlon.store import save
from optathlon.suites.convex_networks import deep, instances, metrics, plots, variants
from optathlon.suites.convex_networks.checks import never_below, sooner
from optathlon.suites.convex_networks.problem import Answer, Moments, VariationFit
from optathlon.suites.convex_networks.suite import SUITE


def rng():
    return np.random.default_rng(4)


TOY_VALUES = {
    ("line", 0.001): 0.010116828,
    ("line", 0.1): 0.891447203,
    ("slides", 0.1): 1.241688866,
    ("slides", 0.001): 0.964442773,
    ("gauss-8x2", 0.1): 4.655209530,
    ("gauss-8x2", 0.001): 0.167837418,
    ("gauss-7x3", 0.1): 0.666001686,
    ("gauss-7x3", 0.001): 0.009924444,
}


@pytest.mark.parametrize(("toy", "value"), TOY_VALUES.items())
def test_toys_have_their_known_optima(toy, value):
    problem = instances.exact_toy(*toy)(rng(), "cpu")
    assert problem.optimum == pytest.approx(value, rel=1e-6)
    assert problem.complete


def test_objectives_are_those_that_the_methods_report():
    relu = instances.planted_relu(30, 4, 0.3, 20)(rng(), "cpu")
    network = train_network(relu.samples.X, relu.samples.y, relu.beta, n_neurons=5, n_steps=50)
    assert relu.objective((network.W1, network.w2)) == pytest.approx(network.objective, rel=1e-12)
    polynomial = instances.planted_polynomial(20, 3, 0.5, instances.RELU_POLYNOMIAL)(rng(), "cpu")
    solved = polynomial_program(polynomial.samples.X, polynomial.samples.y, 0.5)
    assert polynomial.objective((solved.W1, solved.w2)) == pytest.approx(solved.objective, rel=1e-12)
    assert polynomial.objective((2 * solved.W1, solved.w2)) == np.inf
    three = instances.three_layer_toy(0, 0.02)(rng(), "cpu")
    layers = three_layer_program(three.samples.X, three.samples.y, 0.02)
    assert three.objective((layers.W1, layers.w2, tuple(layers.w3))) == pytest.approx(layers.objective, rel=1e-9)
    linear = instances.linear(12, 4, 3, 3, 0.05)(rng(), "cpu")
    closed = deep_linear(linear.samples.X, linear.samples.y, linear.beta, 3)
    assert linear.objective(closed.weights) == pytest.approx(closed.objective, rel=1e-12)
    assert metrics.rank(linear, Answer(closed.weights)) == closed.rank
    assert metrics.norm_spread(linear, Answer(closed.weights)) < 1e-12


def test_gap_is_relative_to_the_optimum_over_the_patterns():
    problem = instances.planted_relu(40, 5, 0.3, 30)(rng(), "cpu")
    solved = relu_program(problem.samples.X, problem.samples.y, problem.beta, patterns=problem.patterns)
    answer = Answer((solved.W1, solved.w2), solved.dual_bound)
    assert 0 <= metrics.objective_gap(problem, answer) <= 2e-6
    assert metrics.certified_gap(problem, answer) == pytest.approx(solved.gap, abs=1e-12)
    assert metrics.reached(problem, answer) == 1.0
    zero = Answer((np.zeros((5, 1)), np.zeros(1)))
    assert metrics.objective_gap(problem, zero) == pytest.approx(
        0.5 * problem.samples.y @ problem.samples.y / problem.optimum - 1
    )


def test_answers_outside_their_constraints_have_no_finite_objective():
    ball = VariationFit(np.eye(2), np.ones(2), 1.0)
    assert ball.objective((np.eye(2), np.array([0.5, 0.5]))) == pytest.approx(0.5)
    assert ball.objective((np.eye(2), np.array([1.0, 0.5]))) == np.inf
    moments = Moments(np.eye(2), 0.5, 1.0)
    assert moments.objective((np.zeros((1, 2)),)) == np.inf
    assert moments.objective((np.sqrt(0.5) * np.eye(2),)) == pytest.approx(1.0)


def test_slope_of_gaps():
    t = np.arange(1, 301)
    answer = Answer((), gaps=5.0 / t)
    assert metrics.gap_slope(None, answer) == pytest.approx(-1.0)
    assert np.isnan(metrics.gap_slope(None, Answer((), gaps=1.0 / t[:10])))


def run(method, gap, *, seed=0, seconds=1.0, trace=(), workload="toy-line-beta0.1"):
    cell = plan_cell(SUITE, SUITE.workload(workload), SUITE.method(method), machine="here")
    return RunRecord(
        cell=cell, seed=seed, status=Status.OK, scores={"objective-gap": gap}, seconds=seconds, cpu_seconds=seconds, trace=trace
    )


def test_never_below_counts_the_runs_that_end_below():
    check = never_below("convex-ssnal", ("sgd-8",), "toy-*")
    records = [run("convex-ssnal", 0.0), run("sgd-8", 0.1), run("convex-ssnal", 0.0, seed=1), run("sgd-8", -5e-7, seed=1)]
    assert check(Evidence(tuple(records))).ruling is Ruling.REPRODUCED
    below = check(Evidence((*records, run("convex-ssnal", 0.0, seed=2), run("sgd-8", -1e-3, seed=2))))
    assert below.ruling is Ruling.CONTRADICTED
    assert below.measured.startswith("1 of 3 runs below")
    with pytest.raises(MissingEvidence):
        check(Evidence((run("convex-ssnal", 0.0),)))


def test_sooner_compares_the_end_of_one_with_the_arrival_of_the_other():
    check = sooner("convex-ssnal", "sgd-50", "toy-*")
    late = [run("sgd-50", 0.0, seed=seed, trace=((20, 1.0, 0.5), (40, 3.0, 0.005))) for seed in range(6)]
    never = run("sgd-50", 0.2, seed=6, trace=((20, 1.0, 0.5),))
    solved = [run("convex-ssnal", 0.0, seed=seed, seconds=2.0) for seed in range(7)]
    verdict = check(Evidence((*solved, *late, never)))
    assert verdict.ruling is Ruling.REPRODUCED
    assert "first in 7 of 7" in verdict.measured
    assert check(Evidence((*solved[:2], *late[:2]))).ruling is Ruling.INCONCLUSIVE
    early = [run("sgd-50", 0.0, seed=seed, trace=((20, 0.5, 0.005),)) for seed in range(7)]
    assert check(Evidence((*solved, *early))).ruling is Ruling.CONTRADICTED
    beside = [run("sgd-50", 0.0, workload="toy-slides-beta0.1", trace=((20, 0.5, 0.005),))]
    beside.append(run("convex-ssnal", 0.0, seconds=2.0, workload="toy-slides-beta0.1"))
    verdict = check(Evidence((*solved, *late, never, *beside)))
    assert "7 of 8, mostly so on 1 of 2 workloads" in verdict.measured
    assert verdict.ruling is Ruling.INCONCLUSIVE


def test_every_claim_names_methods_and_workloads_that_exist():
    names = {method.name for method in SUITE.methods}
    for claim in SUITE.claims:
        for part in getattr(claim.check, "__closure__", None) or ():
            if isinstance(part.cell_contents, str) and part.cell_contents.startswith(("convex-", "sgd-", "adam-", "lbfgs-")):
                assert part.cell_contents in names, claim.id


def test_figures_come_from_records(tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    for workload, method in (("toy-line-beta0.1", "sgd-8"), ("breast-cancer", "convex-pooled")):
        save(tmp_path, run(method, -0.2, workload=workload, trace=((20, 0.1, 0.5), (40, 0.2, 0.1))))
        save(tmp_path, replace(run(method, 0.0, seed=1, workload=workload), status=Status.TIMEOUT, scores={}))
    for draw in (plots.traces, plots.sampled):
        assert draw(tmp_path, tmp_path).stat().st_size > 1000


def test_moments_are_solved_in_a_fork_of_a_process_that_has_used_clarabel() -> None:
    """Its pool of threads is gone in a fork, and whoever waits for it waits for ever."""
    import cvxpy as cp

    A = np.eye(30) + 0.1
    Z = cp.Variable((30, 30), PSD=True)
    cp.Problem(cp.Minimize(cp.trace(Z)), [A - Z << 0.1 * np.eye(30)]).solve(solver="CLARABEL")
    workload, method = SUITE.workload("smoke-moments"), SUITE.method("singular-value-thresholding")
    (record,) = run_jobs([Job(SUITE, workload, method, plan_cell(SUITE, workload, method), 0, 60.0, workload.memory)])
    assert record.status is Status.OK, record.reason


def test_variants_score_the_layers_that_their_programs_return_and_counts_see_double_patterns():
    fits = {
        "convex-classifier": variants.classifier_toy(6, 0.2, "hinge"),
        "convex-batch-norm": variants.batch_norm_toy(6, 0.2),
        "convex-convolution": variants.convolution_toy(4, 2, 2, 0.2),
    }
    solve = {"convex-classifier": lambda p, c: variants.run_classifier(p, c, 1e-6)} | {
        "convex-batch-norm": variants.run_batch_norm,
        "convex-convolution": variants.run_convolution,
    }
    for name, make in fits.items():
        problem = make(rng(), "cpu")
        answer = solve[name](problem, None)
        assert -1e-9 <= metrics.objective_gap(problem, answer) <= 1e-5
        assert metrics.certified_gap(problem, answer) <= 1e-5
        heavier = (*answer.layers[:-1], 1.1 * answer.layers[-1])
        assert problem.objective(heavier) > problem.objective(answer.layers)
    rows = variants.arrangement(6, 2)(rng(), "cpu")
    listed = variants.run_enumeration(rows, None).layers[0]
    assert rows.covers() == 12
    assert rows.objective((listed,)) == 0
    assert rows.objective((listed[:, :6],)) == 0.5
    assert rows.objective((np.hstack([listed, listed[:, :1]]),)) == -1


def test_deep_problems_score_what_fits_and_what_the_closed_forms_return():
    linear, ray = deep.least_norm(3, 5, 2, 2)(rng(), "cpu"), deep.rank_one(4, 3, 3)(rng(), "cpu")
    for problem in (linear, ray):
        answer = deep.run_least_norm(problem, None)
        assert abs(metrics.objective_gap(problem, answer)) <= 1e-6
        assert abs(metrics.certified_gap(problem, answer)) <= 1e-9
        assert problem.objective((*answer.layers[:-1], 1.1 * answer.layers[-1])) == np.inf
    classes = deep.one_hot(10, 8, 0.01)(rng(), "cpu")
    paths, printed = (deep.run_one_path(classes, None, unit_layers=unit) for unit in (False, True))
    gaps = [metrics.objective_gap(classes, answer) for answer in (deep.run_bottleneck(classes, None), paths, printed)]
    assert 0 < gaps[0] < gaps[1] < gaps[2]
    assert classes.objective(paths.layers) == pytest.approx(0.399496, rel=1e-5)


def deep_run(method, gap, workload, seed=0):
    return replace(run(method, gap, workload=workload, seed=seed), scores={"objective-gap": gap, "certified-gap": 0.0})


def test_theorem_4_is_contradicted_by_one_network_below_and_by_a_gap():
    claims = {claim.id: claim.check for claim in SUITE.claims}
    rivals = ("one-path", "deep-adam", "deep-lbfgs", "bottleneck")
    above = [deep_run(method, gap, "one-hot-10-depth8") for method, gap in zip(rivals, (4.0, 4.5, 4.1, 4.2), strict=True)]
    assert claims["theorem4-eight-layers"](Evidence(tuple(above))).ruling is Ruling.REPRODUCED
    below = [*above[:3], deep_run("bottleneck", 2.9, "one-hot-10-depth8")]
    assert claims["theorem4-eight-layers"](Evidence(tuple(below))).ruling is Ruling.CONTRADICTED
    for gap, ruling in ((1e-10, Ruling.REPRODUCED), (1e-3, Ruling.CONTRADICTED)):
        two = [deep_run(m, gap if m == "one-path" else 0.1, "one-hot-10-depth2", seed) for m in rivals[:3] for seed in range(2)]
        assert claims["theorem4-two-layers"](Evidence(tuple(two))).ruling is ruling
    for printed, ruling in ((1.0, Ruling.CONTRADICTED), (0.5, Ruling.REPRODUCED)):
        sizes = [deep_run("one-path-printed", printed, "one-hot-10-depth3"), deep_run("one-path", 0.6, "one-hot-10-depth3")]
        assert claims["theorem4-sizes"](Evidence(tuple(sizes))).ruling is ruling


def test_networks_of_least_norm_may_be_found_smaller_or_elsewhere():
    claims = {claim.id: claim.check for claim in SUITE.claims}
    for gap, rival, ruling in ((0.0, 0.1, Ruling.REPRODUCED), (1e-3, 0.1, Ruling.CONTRADICTED), (0.0, -0.1, Ruling.CONTRADICTED)):
        sides = (("least-norm", gap), ("interpolating-lbfgs", rival))
        ray = [deep_run(method, value, "least-norm-rank1-depth3", seed) for method, value in sides for seed in range(2)]
        assert claims["theorem3-rank-one"](Evidence(tuple(ray))).ruling is ruling
    for gap, ruling in ((1e-7, Ruling.REPRODUCED), (-1e-3, Ruling.CONTRADICTED)):
        solved = [deep_run("least-norm", gap, "least-norm-5x8-depth2", seed) for seed in range(2)]
        assert claims["least-norm-duality"](Evidence(tuple(solved))).ruling is ruling
    for rival, ruling in ((0.01, Ruling.REPRODUCED), (-0.01, Ruling.CONTRADICTED)):
        pair = [
            deep_run("least-norm", 0.0, "least-norm-5x8-depth3"),
            deep_run("interpolating-lbfgs", rival, "least-norm-5x8-depth3"),
        ]
        assert claims["least-norm-never-below"](Evidence(tuple(pair))).ruling is ruling
