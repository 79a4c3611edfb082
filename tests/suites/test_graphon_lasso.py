"""The graphon lasso suite's instances, metrics, claims and plots."""

from __future__ import annotations

import numpy as np
import pytest

from optathlon.baselines.graphon_lasso import graphon_lasso, is_connected, laplacian
from optathlon.measure import plan_cell
from optathlon.spec import Context, RunRecord, Scale, Status
from optathlon.store import save
from optathlon.suites.graphon_lasso import graphs, metrics, plots
from optathlon.suites.graphon_lasso.methods import Estimate
from optathlon.suites.graphon_lasso.problem import BETA, Operator
from optathlon.suites.graphon_lasso.suite import SUITE


@pytest.fixture(scope="module")
def problem():
    return SUITE.workload("squares-12").make(np.random.default_rng(0), "cpu")


def solve(problem, name, seed=0):
    method = SUITE.method(name)
    return method.run(problem, Context(rng=np.random.default_rng(seed), seed=seed), **method.settings)


@pytest.mark.parametrize(
    ("name", "text", "n_nodes", "n_edges"),
    [
        ("karate_club_graph", graphs.KARATE, 34, 78),
        ("florentine_families_graph", graphs.FLORENTINE, 15, 20),
        ("les_miserables_graph", graphs.LES_MISERABLES, 77, 254),
    ],
)
def test_real_graphs_are_networkx_s(name, text, n_nodes, n_edges):
    w = graphs.weights_of(text)
    assert len(w) == n_nodes * (n_nodes - 1) // 2
    assert w.sum() == n_edges
    assert is_connected(w)
    networkx = pytest.importorskip("networkx")
    graph = getattr(networkx, name)()
    nodes = list(graph) if name.startswith("karate") else sorted(graph)
    theirs = networkx.to_numpy_array(graph, nodelist=nodes, weight=None)
    np.testing.assert_array_equal(theirs[np.triu_indices(n_nodes, 1)], w)


def test_the_grid_has_its_edges():
    adjacency = graphs.grid(8)
    assert adjacency.sum() == 2 * 2 * 8 * 7
    assert sorted(set(adjacency.sum(axis=1))) == [2, 3, 4]
    assert adjacency[0, 1] == adjacency[0, 8] == 1
    assert adjacency[7, 8] == 0  # the end of a row and the start of the next


def test_the_seed_draws_the_instance(problem):
    again, other = (SUITE.workload("squares-12").make(np.random.default_rng(seed), "cpu") for seed in (0, 1))
    np.testing.assert_array_equal(problem.X, again.X)
    np.testing.assert_array_equal(problem.truth, again.truth)
    assert (problem.truth != other.truth).any()
    assert {len(mu) for mu in problem.priors.values()} == {12}
    assert all((np.diff(mu) >= -1e-12).all() and mu[0] == 0 for mu in problem.priors.values())
    assert problem.priors["true"].sum() == pytest.approx(2 * problem.truth.sum())


def test_metrics_of_the_truth_and_of_nothing(problem):
    truth = Estimate(laplacian(problem.truth), problem.truth)
    assert metrics.relative_error(problem, truth) == 0
    assert metrics.f_score(problem, truth) == 1
    assert metrics.trace_ratio(problem, truth) == 1
    assert metrics.n_edges(problem, truth) == problem.truth.sum()
    nothing = Estimate(np.zeros((12, 12)), np.zeros(66))
    assert metrics.relative_error(problem, nothing) == 1
    assert metrics.f_score(problem, nothing) == 0
    assert np.isfinite(metrics.held_out_loss(problem, nothing))
    assert metrics.held_out_loss(problem, truth) < metrics.held_out_loss(problem, nothing)
    doubled = Estimate(2 * laplacian(problem.truth), 2 * problem.truth)
    assert metrics.held_out_loss(problem, truth) < metrics.held_out_loss(problem, doubled)
    assert np.isnan(metrics.neighbour_share(problem, truth))
    assert np.isnan(metrics.largest_rise(problem, truth))


def test_the_gap_is_of_the_method_s_own_problem(problem):
    for name in ("convex", "convex-l1", "graphon", "mm-convex"):
        answer = solve(problem, name)
        gap = metrics.certified_gap(problem, answer)
        assert gap >= 0
        assert gap == pytest.approx(answer.result.gap, abs=1e-9)
    result = graphon_lasso(problem.S, beta=BETA, alpha=0.1)
    assert solve(problem, "convex-l1").result.objective == pytest.approx(result.objective, rel=1e-9)
    assert np.isnan(metrics.certified_gap(problem, solve(problem, "sklearn")))
    assert np.isnan(metrics.certified_gap(problem, solve(problem, "top-k")))


def test_a_rise_and_a_kept_support_are_measured(problem):
    answer = solve(problem, "mm-convex")
    assert metrics.largest_rise(problem, answer) <= 1e-12
    backwards = Estimate(answer.precision, answer.w, result=answer.result, sweeps=answer.sweeps[::-1])
    assert metrics.largest_rise(problem, backwards) > 0
    iht = solve(problem, "iht")
    assert 0 <= metrics.support_kept(problem, iht) <= 1
    other = Estimate(iht.precision, np.where(iht.w > 0, 0.0, 1.0), prior="k", sweeps=iht.sweeps)
    assert metrics.support_kept(problem, other) < metrics.support_kept(problem, iht)


def test_pixels_and_their_grid():
    pixels = SUITE.workload("pixels-n60").make(np.random.default_rng(0), "cpu")
    p = pixels.n_nodes
    assert pixels.X.shape == (60, p)
    assert 50 <= p <= 64
    np.testing.assert_array_equal(pixels.neighbours, pixels.neighbours.T)
    on_grid = Estimate(laplacian(pixels.neighbours[np.triu_indices(p, 1)]), pixels.neighbours[np.triu_indices(p, 1)])
    assert metrics.neighbour_share(pixels, on_grid) == min(1.0, pixels.neighbours.sum() / 2 / metrics.STRONGEST)


def test_the_operator_norm(problem):
    operator = Operator(12, np.random.default_rng(0).standard_normal(66))
    assert metrics.operator_error(operator, solve(operator, "operator-norm")) <= 1e-10
    assert metrics.operator_error(operator, 20.0) > 0.1
    assert np.isnan(metrics.operator_error(problem, 20.0))


def test_claims_name_what_is_declared():
    names = {workload.name for workload in SUITE.workloads}
    from optathlon.suites.graphon_lasso import claims

    plain = {pattern.removesuffix("*") for pattern in (*claims.EVERY, *claims.TWICE_AS_MANY)}
    used = {*plain, *claims.FAMILIES, *claims.AS_MANY_AS_NODES, "solve-30", "solve-100", "solve-200", "operator-30"}
    assert used <= names
    assert sum(w.seeds for w in SUITE.workloads if w.scale is Scale.SMOKE) <= 6


def test_the_plots_are_drawn_from_records(tmp_path):
    for workload in ("squares-30-n15", "squares-30-n60", "solve-30"):
        cell = plan_cell(SUITE, SUITE.workload(workload), SUITE.method("convex"))
        trace = ((1, 0.01, *[0.5] * len(cell.traced)), (2, 0.1, *[0.01] * len(cell.traced)))
        for seed in range(3):
            scores = {"relative-error": 0.4 + seed, "certified-gap": 1e-7}
            ended = {"status": Status.OK, "scores": scores, "trace": trace} if seed < 2 else {"status": Status.TIMEOUT}
            save(tmp_path, RunRecord(cell=cell, seed=seed, seconds=0.2, **ended))
    assert plots.plot_errors(tmp_path, tmp_path).stat().st_size > 5000
    assert plots.plot_gaps(tmp_path, "solve-30", tmp_path).stat().st_size > 5000
