"""Exact optima: against the full program, the paper's instance, and their own certificates."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from optathlon.baselines.quantized_networks import best_of_few, exact_optimum, objective, sdp_bound
from optathlon.baselines.quantized_networks._pricing import price_exactly, price_heuristically


def largest_correlation(X, v):
    """Return max |u'Sv| by brute force over u."""
    S = X.T @ (v[:, None] * X)
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=X.shape[1])))
    return np.abs(signs @ S).sum(axis=1).max()


@pytest.mark.slow
def test_the_papers_instance(judge):
    X, y, beta = judge.planted(100, 20, 0, "paper")
    assert y @ y == pytest.approx(333477, abs=1)
    exact = exact_optimum(X, y, beta=beta)
    assert exact.converged
    assert exact.objective == pytest.approx(0.01174593, abs=1e-7)
    assert objective(exact.network, X, y, beta=beta) == pytest.approx(exact.objective, rel=1e-9)
    assert sdp_bound(X, y, beta=beta, form="bilinear-printed").bound / exact.objective == pytest.approx(0.438, abs=0.005)
    assert sdp_bound(X, y, beta=beta).bound / exact.objective == pytest.approx(0.877, abs=0.005)


@pytest.mark.parametrize(("d", "n"), [(5, 40), (8, 60)])
def test_a_full_linear_program_agrees(judge, d, n):
    X, y, beta = judge.planted(n, d, 1, "hinge")
    signs = np.array([one for one in itertools.product([-1.0, 1.0], repeat=d) if one[0] > 0])
    first, second = np.triu_indices(len(signs))
    F = y[:, None] * (X @ signs[first].T) * (X @ signs[second].T)
    k = F.shape[1]
    cost = np.concatenate([np.full(2 * k, beta * d), np.ones(n)])
    full = linprog(cost, A_ub=-np.hstack([F, -F, np.eye(n)]), b_ub=-np.ones(n), method="highs")
    exact = exact_optimum(X, y, beta=beta, loss="hinge", tol=1e-9)
    assert exact.objective == pytest.approx(full.fun, rel=1e-8)
    assert exact.bound <= full.fun * (1 + 1e-9)


CASES = [("noise", 60, 9), ("hinge", 60, 9), ("paper", 40, 10), ("noise", 5, 1), ("noise", 1, 3)]


@pytest.mark.parametrize(("kind", "n", "d"), CASES)
def test_optimality_conditions(judge, kind, n, d):
    """At the optimum every neuron's correlation with -gradient is at most beta d, for squares."""
    X, y, beta = judge.planted(n, d, 4, kind)
    loss = "hinge" if kind == "hinge" else "squared"
    exact = exact_optimum(X, y, beta=beta, loss=loss, tol=1e-8)
    assert exact.converged
    assert exact.bound <= exact.objective * (1 + 1e-12)
    assert len(exact.alpha) <= n + 1 or kind == "paper"
    assert objective(exact.network, X, y, beta=beta, loss=loss) == pytest.approx(exact.objective, rel=1e-8)
    if kind == "noise":
        v = 2 * (y - exact.network.predict(X))
        assert largest_correlation(X, v) <= beta * d * (1 + 1e-4)


def test_heuristic_pricing_finds_the_optimum_and_keeps_the_relaxations_bound(judge):
    for kind in ("noise", "hinge"):
        X, y, beta = judge.planted(80, 12, 2, kind)
        loss = "hinge" if kind == "hinge" else "squared"
        exact = exact_optimum(X, y, beta=beta, loss=loss)
        found = exact_optimum(X, y, beta=beta, loss=loss, pricing="heuristic")
        assert found.objective == pytest.approx(exact.objective, rel=1e-6)
        assert found.bound == pytest.approx(sdp_bound(X, y, beta=beta, loss=loss).bound, rel=1e-5)
        assert not found.converged


@pytest.mark.slow
def test_heuristic_pricing_at_20_features(judge):
    for kind, seed in (("paper", 0), ("noise", 1), ("hinge", 2)):
        X, y, beta = judge.planted(100, 20, seed, kind)
        loss = "hinge" if kind == "hinge" else "squared"
        exact = exact_optimum(X, y, beta=beta, loss=loss)
        assert exact.converged
        found = exact_optimum(X, y, beta=beta, loss=loss, pricing="heuristic")
        assert found.objective == pytest.approx(exact.objective, rel=1e-4)


def test_beyond_exact_pricing(judge):
    X, y, beta = judge.planted(60, 24, 0)
    found = exact_optimum(X, y, beta=beta)
    assert found.pricing == "heuristic"
    assert 0.05 < found.gap < 0.3
    with pytest.raises(ValueError, match=r"'heuristic' for more than 20 features.*sign vectors a round"):
        exact_optimum(X, y, beta=beta, pricing="exact")


@pytest.mark.parametrize("d", [1, 2, 3, 7, 10])
def test_pricing_against_enumeration(d):
    S = np.random.default_rng(d).standard_normal((d, d))
    S = S + S.T
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=d)))
    best = np.abs(signs @ S).sum(axis=1).max()
    value, U = price_exactly(S, 7)
    assert value == pytest.approx(best)
    values = np.abs(U @ S).sum(axis=1)
    assert (np.diff(values) <= 1e-12).all()
    heuristic, _ = price_heuristically(S, 7, np.random.default_rng(0))
    assert heuristic <= best * (1 + 1e-12)
    assert heuristic >= 0.98 * best


def test_degenerate_and_extreme_input():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, 4))
    X[:, 1], X[:, 2] = X[:, 0], 0
    y = rng.standard_normal(6)
    plain = exact_optimum(X, y, beta=0.05)
    assert plain.converged
    scaled = exact_optimum(1e20 * X, 1e-10 * y, beta=0.05e30)
    assert scaled.objective == pytest.approx(1e-20 * plain.objective, rel=1e-5)
    for nothing in (exact_optimum(X, 0 * y, beta=0.1), exact_optimum(0 * X, y, beta=0.1), exact_optimum(X, y, beta=1e9)):
        assert nothing.converged
        assert len(nothing.alpha) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [({"pricing": "magic"}, "pricing must be"), ({"max_rounds": 0}, "max_rounds must"), ({"beta": -1}, "beta must"),
     ({"loss": "hinge"}, "labels -1 and 1"), ({"tol": -1}, "tol must")],
)  # fmt: skip
def test_bad_input_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        exact_optimum([[1.0, 2.0]], [0.3], **({"beta": 1.0} | change))


def test_one_round_is_an_answer_that_says_so(judge):
    X, y, beta = judge.planted(60, 10, 0)
    answer = exact_optimum(X, y, beta=beta, max_rounds=1)
    assert not answer.converged
    assert answer.bound <= exact_optimum(X, y, beta=beta).objective <= answer.objective


@pytest.mark.parametrize("loss", ["squared", "hinge"])
def test_outputs_are_separate_problems(judge, loss):
    X, y, beta = judge.planted(30, 5, 0, "hinge")
    Y = np.stack([y, np.ones(30), np.roll(y, 1)], axis=1)
    joint = exact_optimum(X, Y, beta=beta, loss=loss)
    alone = [exact_optimum(X, column, beta=beta, loss=loss) for column in Y.T]
    assert joint.converged
    assert joint.alpha.shape == (sum(len(one.alpha) for one in alone), 3)
    price = beta * 5 * np.abs(joint.alpha).sum()
    value = sum(judge.loss_of(fitted, column, loss) for fitted, column in zip(joint.predict(X).T, Y.T, strict=True)) + price
    assert joint.objective == pytest.approx(value, rel=1e-9)
    assert joint.bound == pytest.approx(sum(one.bound for one in alone), rel=1e-12)
    assert sdp_bound(X, Y, beta=beta, loss=loss).bound <= joint.objective * (1 + 1e-9)
    with pytest.raises(ValueError, match="X must have shape"):
        joint.predict(X[:, 1:])


def test_few_neurons_cost_more_than_the_optimum(judge):
    """p_b*(m) falls to p_b*, is a network's own objective, and equals a search of its own at m = 1."""
    X, y, beta = judge.planted(10, 3, 0, "noise", 0.02)
    exact = exact_optimum(X, y, beta=beta)
    values = []
    for m in range(1, 7):
        network, value = best_of_few(X, y, m, beta=beta)
        assert len(network.alpha) <= m
        assert objective(network, X, y, beta=beta) == pytest.approx(value, rel=1e-12)
        values.append(value)
    assert (np.diff(values) <= 1e-9).all()
    assert values[0] > 1.05 * exact.objective
    assert exact.bound <= values[-1] <= 1.01 * exact.objective
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=3)))
    alone = [np.sum(y**2)]
    for u, v in itertools.product(signs, signs):
        f = (X @ u) * (X @ v)
        for alpha in ((f @ y - 1.5 * beta) / (f @ f), (f @ y + 1.5 * beta) / (f @ f)):
            alone.append(np.sum((alpha * f - y) ** 2) + 3 * beta * abs(alpha))
    assert values[0] == pytest.approx(min(alone), rel=1e-9)


def test_enumeration_refuses_what_it_cannot_finish():
    with pytest.raises(ValueError, match="n_neurons must leave at most"):
        best_of_few(np.eye(6), np.ones(6), 4, beta=0.1)
    with pytest.raises(ValueError, match="n_neurons must be an integer of at least 1"):
        best_of_few(np.eye(3), np.ones(3), 0, beta=0.1)
