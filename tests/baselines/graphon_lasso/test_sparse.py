"""At most k edges: against all supports of a tiny graph, and the support that the paper's iteration keeps."""

from itertools import combinations

import numpy as np
import pytest

from optathlon.baselines.graphon_lasso import certify, graphon_lasso, k_sparse
from optathlon.baselines.graphon_lasso.laplacian import matrix_of
from optathlon.baselines.graphon_lasso.solve import make_model
from optathlon.baselines.graphon_lasso.sparse import largest


def f_score(w, truth):
    both = np.count_nonzero((w > 0) & (truth > 0))
    return 2 * both / (np.count_nonzero(w > 0) + np.count_nonzero(truth > 0))


@pytest.mark.parametrize("k", [2, 4])
def test_all_supports_of_a_tiny_graph(instance, k):
    S, _, _ = instance(4, 30, seed=5)
    result = k_sparse(S, k, tol=1e-9)
    assert result.converged
    assert np.count_nonzero(result.w) <= k
    values = []
    for support in combinations(range(6), k):
        kept = np.zeros(6)
        kept[list(support)] = 1
        costly = np.where(matrix_of(kept) > 0, 0.0, 1e4)  # a fine on every other edge keeps it at 0
        np.fill_diagonal(costly, 0.0)
        values.append(graphon_lasso(S - costly / 2, tol=1e-8).objective)
    # S_ij falls by half the fine, so the cost of the edge rises by it.
    assert result.bound <= min(values)
    assert min(values) - 1e-6 <= result.objective <= min(values) + 0.2
    assert result.objective == pytest.approx(certify(S, None, result.w).objective, rel=1e-9)


def test_all_edges_are_the_whole_problem(instance):
    S, mu, _ = instance(10, 40)
    whole, sparse = graphon_lasso(S), k_sparse(S, 45)
    assert sparse.objective == pytest.approx(whole.objective, rel=1e-5)
    assert k_sparse(S, 45, mu, gamma=0.5).gap <= 1e-2


def test_iterative_hard_thresholding_keeps_its_first_support_and_ends_far_above(instance):
    S, _, truth = instance(30, 1000, seed=2)
    k = int(truth.sum())
    supports = []
    iht = k_sparse(S, k, method="iht", max_steps=300, callback=lambda step, w: supports.append(w > 0))
    assert (supports[0] == supports[-1]).mean() >= 0.97
    ours = k_sparse(S, k)
    assert iht.objective - ours.objective >= 5
    assert ours.bound <= ours.objective
    assert iht.bound <= ours.objective
    assert f_score(ours.w, truth) >= f_score(iht.w, truth) + 0.2


def test_edges_found_at_a_thousand_samples(instance):
    scores = [f_score(k_sparse(S, int(w.sum())).w, w) for S, _, w in (instance(30, 1000, seed=seed) for seed in range(12))]
    assert np.mean(scores) >= 0.925  # .936 over 40 graphs, .006 its error here


def test_restricted_to_a_support_gradient_and_bound_are_of_that_support(instance):
    S, _, _ = instance(8, 40)
    W = largest(matrix_of(graphon_lasso(S).w), 9)
    model = make_model(S, None, alpha=0.0, beta=10.0, gamma=0.0, edges=W > 0)
    assert np.count_nonzero(model.start) == 18
    result = k_sparse(S, 9)
    assert result.kkt <= 1e-3
    assert (result.w > 0).sum() <= 9


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "k must be an integer of at least 1, got 0"),
        ({"k": 7}, "k must be at most the number of pairs, 6, got 7"),
        ({"k": 2.0}, "k must be an integer of at least 1, got 2.0"),
        ({"k": 2, "method": "greedy"}, "method must be one of 'top-k', 'iht', got 'greedy'"),
        ({"k": 2, "gamma": 1.0}, "mu must be given where gamma is above 0"),
        ({"k": 2, "max_steps": 0}, "max_steps must be an integer of at least 1, got 0"),
    ],
)
def test_inputs_are_refused_in_a_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        k_sparse(np.eye(4), **settings)


def test_nothing_to_keep_is_an_answer():
    for method in ("top-k", "iht"):
        result = k_sparse(np.eye(4), 2, alpha=1e5, method=method)
        assert not result.w.any()
        assert result.converged
