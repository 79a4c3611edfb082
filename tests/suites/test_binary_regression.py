"""The binary-regression suite's instances, metrics and figures."""

import numpy as np
import pytest

from optathlon.judge.evidence import Evidence
from optathlon.measure import plan_cell
from optathlon.spec import Context, Diverged, Ruling, RunRecord, Status
from optathlon.suites.binary_regression import extensions, metrics
from optathlon.suites.binary_regression.plots import curve, draw, limit
from optathlon.suites.binary_regression.problem import (
    Answer,
    Regressions,
    Table,
    condition_8,
    low_noise,
    sparse_outliers,
    synthetic,
    table,
)
from optathlon.suites.binary_regression.suite import SUITE
from optathlon.suites.binary_regression.tuning import N_SETTINGS, NETWORK_RANGES, REGRESSION, run_tuned_network, search


def rng():
    return np.random.default_rng(4)


def test_synthetic_instances_follow_eq_14():
    problem = synthetic(trials=20, n_samples=400, n_features=100, sigma=0.5)(rng(), "cpu")
    noise = problem.y - np.einsum("tij,tj->ti", problem.X, problem.w_true)
    assert problem.X.shape == (20, 400, 100)
    assert problem.X.var() == pytest.approx(0.01, rel=0.02)
    assert noise.std() == pytest.approx(0.5, rel=0.05)
    assert set(np.unique(problem.w_true)) == {-1.0, 1.0}
    laplace = synthetic(20, 400, 100, 0.5, "laplace")(rng(), "cpu")
    noise = laplace.y - np.einsum("tij,tj->ti", laplace.X, laplace.w_true)
    assert np.abs(noise).mean() == pytest.approx(0.5, rel=0.05)


def test_low_noise_instances_satisfy_condition_8():
    problem = low_noise(trials=10, n_samples=30, n_features=15, sigma=0.05)(rng(), "cpu")
    noise = problem.y - np.einsum("tij,tj->ti", problem.X, problem.w_true)
    for X, e in zip(problem.X, noise, strict=True):
        assert condition_8(X, e)
        assert np.abs(X.T @ e).max() < np.linalg.svd(X, compute_uv=False)[-1] ** 2


def test_outliers_are_sparse():
    problem = sparse_outliers(trials=3, n_samples=50, n_features=5, share=0.2, size=100.0)(rng(), "cpu")
    noise = problem.y - np.einsum("tij,tj->ti", problem.X, problem.w_true)
    np.testing.assert_array_equal(np.count_nonzero(np.abs(noise) > 1, axis=1), 10)
    np.testing.assert_allclose(np.abs(noise[:, :10]), 100)


def test_tables_are_standardised_by_their_training_rows():
    clean, corrupted = (table("diabetes", splits=2, outliers=share)(rng(), "cpu") for share in (0.0, 0.25))
    assert clean.X.shape == (2, 309, 10)
    assert clean.X_test.shape == (2, 133, 10)
    np.testing.assert_allclose(clean.X.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(clean.y.std(axis=1), 1)
    np.testing.assert_allclose(corrupted.y.std(axis=1), 1)
    assert corrupted.y_test.std() < 0.85 * clean.y_test.std()


def test_bit_error_rate_counts_signs_and_the_other_metrics_know_where_they_apply():
    X = np.ones((2, 3, 4))
    problem = Regressions(X, np.zeros((2, 3)), np.ones((2, 4)))
    answer = Answer(np.array([[1.0, 0.2, -3.0, 1.0], [1.0, 1.0, 1.0, 1.0]]))
    assert metrics.bit_error_rate(problem, answer) == 1 / 8
    assert np.isnan(metrics.test_nrmse(problem, answer))
    assert np.isnan(metrics.binary_share(problem, answer))
    assert np.isnan(metrics.dual_error(problem, answer))
    assert metrics.binary_share(problem, Answer(answer.w, relaxed=np.array([[0.95, -1.05, 0.5, 0.0]]))) == 0.5


def test_nrmse_is_eq_15():
    problem = Table(np.ones((1, 2, 1)), np.ones((1, 2)), np.ones((1, 2, 1)), np.array([[3.0, 4.0]]))
    assert metrics.test_nrmse(problem, Answer(np.ones((1, 1)))) == pytest.approx(np.hypot(2, 3) / 5)


def test_objective_gap_is_zero_at_a_tight_optimum():
    problem = low_noise(trials=1, n_samples=30, n_features=15, sigma=0.02)(rng(), "cpu")
    assert metrics.objective_gap(problem, Answer(problem.w_true)) == pytest.approx(0, abs=1e-4)
    assert metrics.objective_gap(problem, Answer(-problem.w_true)) > 1
    objective = np.sum((problem.X[0] @ problem.w_true[0] - problem.y[0]) ** 2)
    assert metrics.tightness(problem, Answer(problem.w_true, bound=np.array([objective]))) == 1
    assert metrics.tightness(problem, Answer(problem.w_true, bound=np.array([objective / 2]))) == 0


def row(workload, method, value):
    return {
        "suite": "binary_regression",
        "workload": workload,
        "method": method,
        "metric": "bit-error-rate",
        "status": "ok",
        "value": value,
    }


def test_curves_prefer_the_published_workloads():
    rows = [
        row("gaussian-30x60-sigma0.6", "bop", 0.3),
        row("fig1-30x60-sigma0.6", "bop", 0.2),
        row("fig1-30x60-sigma0.5", "bop", 0.1),
    ]
    assert curve(rows, r"(gaussian|fig1)-30x60-sigma", "bop") == [(0.5, 0.1), (0.6, 0.2)]


def test_figures_are_drawn_where_there_are_rows(tmp_path):
    written = draw([row(f"fig1-30x60-sigma{sigma}", "maximin-gda", sigma / 9) for sigma in (0.0, 0.3, 0.6)], tmp_path)
    assert [path.name for path in written] == ["figure1.png"]
    assert written[0].read_bytes().startswith(b"\x89PNG")


def test_the_limit_of_message_passing_spans_the_noises_of_a_figure():
    noises, errors = limit([0.6, 1.0, 0.3], 2.0)
    assert noises[-1] == pytest.approx(1.0)
    assert 0.3 < noises[0] < 0.35
    assert errors == sorted(errors)
    assert errors[-1] == pytest.approx(0.1088, abs=1e-4)  # Tanaka's fixed point at two samples a weight and sigma 1


def test_extensions_score_the_signs_of_what_they_find():
    classes = extensions.logistic(3, 200, 4, condition=True)(rng(), "cpu")
    assert set(np.unique(classes.y)) == {-1.0, 1.0}
    assert metrics.bit_error_rate(classes, extensions.run_logistic_maximin(classes, Unwatched(), n_steps=500)) == 0
    assert metrics.bit_error_rate(classes, extensions.run_logistic_exact(classes, None)) == 0
    four = extensions.levels(3, 40, 5, 0.0)(rng(), "cpu")
    assert four.X.shape == (3, 40, 10)
    np.testing.assert_allclose(np.einsum("tij,tj->ti", four.X, four.w_true), four.y)
    for method in ("least-squares", "lattice"):
        assert metrics.bit_error_rate(four, extensions.run_ordinal(four, None, method)) == 0
    wrong = four.w_true.copy()
    wrong[0, 0] *= -1
    assert metrics.bit_error_rate(four, Answer(wrong)) == pytest.approx(1 / 30)


class Unwatched:
    """A context that nobody looks through."""

    def observe(self, step, answer):
        pass


def errors(method, workload, values):
    cell = plan_cell(SUITE, SUITE.workload(workload), SUITE.method(method), machine="here")
    return [
        RunRecord(cell=cell, seed=seed, status=Status.OK, scores={"bit-error-rate": v}, seconds=1.0, cpu_seconds=1.0, trace=())
        for seed, v in enumerate(values)
    ]


LOW, HIGH = (0.01, 0.011, 0.009, 0.0105, 0.0095), (0.05, 0.052, 0.048, 0.051, 0.049)


@pytest.mark.parametrize(
    ("claim", "better", "worse", "workload"),
    [
        ("logistic-maximin-beats-rounding", "logistic-maximin", "logistic-regression", "logistic-10x100"),
        ("levels-polynomial-beats-rounding", "ordinal-maximin", "ordinal-least-squares", "levels-30x60-sigma0.5"),
        ("levels-bits-beats-rounding", "maximin-gda", "ordinal-least-squares", "levels-30x60-sigma0.5"),
        ("lattice-reduction-beats-rounding", "lattice-reduction", "least-squares", "gaussian-30x60-sigma0.6"),
        ("tuned-alike-sigma0.6-straight-through", "tuned-maximin-gda", "tuned-straight-through", "gaussian-30x60-sigma0.6"),
        ("tuned-alike-sigma1.0-bop", "tuned-maximin-gda", "tuned-bop", "gaussian-30x60-sigma1.0"),
        ("lattice-reduction-behind-the-tree", "k-best", "lattice-reduction", "gaussian-30x60-sigma0.6"),
    ],
)
def test_claims_of_the_extensions_turn_with_the_figures(claim, better, worse, workload):
    check = next(one.check for one in SUITE.claims if one.id == claim)
    for ours, theirs, ruling in (
        (LOW, HIGH, Ruling.REPRODUCED),
        (HIGH, LOW, Ruling.CONTRADICTED),
        (LOW, LOW[::-1], Ruling.INCONCLUSIVE),
    ):
        assert check(Evidence((*errors(better, workload, ours), *errors(worse, workload, theirs)))).ruling is ruling


def test_one_wrong_sign_contradicts_the_recovery_of_logistic_maximin():
    check = next(one.check for one in SUITE.claims if one.id == "logistic-recovery")
    workload = "logistic-condition6-8x400"
    assert check(Evidence(tuple(errors("logistic-maximin", workload, (0.0,) * 5)))).ruling is Ruling.REPRODUCED
    assert check(Evidence(tuple(errors("logistic-maximin", workload, (0.0, 0.0, 1 / 160))))).ruling is Ruling.CONTRADICTED


@pytest.mark.parametrize(
    "name", ["bop", *(pytest.param(other, marks=pytest.mark.slow) for other in ("straight-through", "maximin-gda"))]
)
def test_the_search_finds_the_settings_that_are_declared(name):
    assert search(name) == {name: REGRESSION[name]}


def test_a_network_without_a_setting_that_stays_finite_has_diverged(monkeypatch):
    from optathlon.suites.binary_regression import tuning
    from optathlon.suites.binary_regression.networks import digits

    def train(seen, context, method, **settings):
        raise Diverged("the loss is no longer finite at step 1")

    monkeypatch.setattr(tuning, "run_network", train)
    problem = digits("linear", n_epochs=1, n_train=100, n_test=10)(rng(), "cpu")
    with pytest.raises(Diverged, match="any of 2 settings"):
        run_tuned_network(problem, Context(rng=rng()), method="maximin", n_settings=2)


def test_networks_are_tuned_alike_and_without_the_test_images(monkeypatch):
    from optathlon.suites.binary_regression import tuning
    from optathlon.suites.binary_regression.networks import digits

    problem = digits("linear", n_epochs=1, n_train=100, n_test=10)(rng(), "cpu")
    trained = []

    def train(seen, context, method, **settings):
        trained.append((len(seen.y_train), settings))
        return len(trained)

    monkeypatch.setattr(tuning, "run_network", train)
    monkeypatch.setattr(tuning, "test_error", lambda seen, answer: {5: 0.1}.get(answer, 0.2) if len(seen.y_test) == 20 else None)
    for method in NETWORK_RANGES:
        trained.clear()
        run_tuned_network(problem, Context(rng=rng()), method=method, n_settings=N_SETTINGS)
        sizes = [size for size, _ in trained]
        assert sizes == [80] * N_SETTINGS + [100]
        assert trained[-1][1] == trained[4][1]
