"""Quadratic and polynomial activation: values against another solver, certificates, and the way back to neurons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optathlon.baselines.convex_networks import (
    RELU_APPROXIMATION,
    neural_decomposition,
    polynomial_program,
    quadratic_program,
    train_network,
)


def planted(n, d, seed, labels="relu"):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    W = rng.standard_normal((d, d)) / np.sqrt(d)
    a = rng.choice([-1.0, 1.0], d)
    if labels == "relu":
        return X, np.maximum(X @ W, 0) @ a
    if labels == "quadratic":
        return X, (X @ W) ** 2 @ a
    return X, rng.standard_normal(n)


def by_cvxpy(X, y, beta, coefficients):
    """The same program in a modelling language, by an interior-point method."""
    cp = pytest.importorskip("cvxpy")
    n, d = X.shape
    if coefficients == (1.0, 0.0, 0.0):
        Z = cp.Variable((d, d), symmetric=True)
        fit = (X[:, :, None] * X[:, None, :]).reshape(n, -1) @ cp.vec(Z, order="C")
        penalty, constraints = cp.normNuc(Z), []
    else:
        a, b, c = coefficients
        fit, penalty, constraints = 0, 0, []
        for sign in (1, -1):
            Z = cp.Variable((d + 1, d + 1), PSD=True)
            constraints.append(cp.trace(Z[:d, :d]) == Z[d, d])
            quadratic = cp.sum(cp.multiply(X @ Z[:d, :d], X), axis=1)
            fit += sign * (a * quadratic + b * X @ Z[:d, d] + c * Z[d, d])
            penalty += Z[d, d]
    problem = cp.Problem(cp.Minimize(0.5 * cp.sum_squares(fit - y) + beta * penalty), constraints)
    problem.solve(solver="CLARABEL")
    return problem.value


@pytest.mark.parametrize("beta", [1e-2, 1.0])
@pytest.mark.parametrize("labels", ["relu", "quadratic", "random"])
@pytest.mark.parametrize(("n", "d"), [(30, 4), (12, 5)])
def test_values_agree_with_an_interior_point_method(n, d, labels, beta):
    X, y = planted(n, d, 1, labels)
    for coefficients, ours in (
        ((1.0, 0.0, 0.0), quadratic_program(X, y, beta)),
        (RELU_APPROXIMATION, polynomial_program(X, y, beta)),
    ):
        assert ours.objective == pytest.approx(by_cvxpy(X, y, beta, coefficients), rel=1e-6)
        assert -1e-12 <= ours.gap <= 1e-8


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("beta", [1e-2, 1.0, 10.0])
@pytest.mark.parametrize("labels", ["relu", "quadratic", "random"])
def test_the_planted_size_is_certified_and_its_network_has_few_neurons(seed, beta, labels):
    X, y = planted(100, 10, seed, labels)
    for network, widest in ((quadratic_program(X, y, beta), 10), (polynomial_program(X, y, beta), 22)):
        a, b, c = network.coefficients
        pre = X @ network.W1
        value = 0.5 * np.sum(((a * pre**2 + b * pre + c) @ network.w2 - y) ** 2) + beta * np.abs(network.w2).sum()
        assert value == pytest.approx(network.objective, rel=1e-12)
        assert value - network.dual_bound <= 1e-8 * value  # the recovered network attains the convex optimum
        assert network.W1.shape[1] <= widest
        assert np.allclose(np.linalg.norm(network.W1, axis=0), 1, atol=1e-12)


@pytest.mark.parametrize("coefficients", [(1.0, 0.0, 0.0), RELU_APPROXIMATION])
def test_no_trained_network_is_below_the_bound(coefficients):
    X, y = planted(40, 4, 3)
    program = quadratic_program if coefficients == (1.0, 0.0, 0.0) else polynomial_program
    optimum = program(X, y, 0.5)
    runs = [
        train_network(X, y, 0.5, n_neurons=12, coefficients=coefficients, optimizer=optimizer, rng=np.random.default_rng(seed))
        for optimizer in ("adam", "lbfgs")
        for seed in range(3)
    ]
    best = min(run.objective for run in runs)
    assert optimum.dual_bound <= best
    assert best <= optimum.objective * 1.01


def test_the_planted_matrix_is_found_up_to_the_shrinkage():
    rng = np.random.default_rng(0)
    X, W = rng.standard_normal((100, 10)), rng.standard_normal((10, 10)) / np.sqrt(10)
    planted_Z = (W * rng.choice([-1.0, 1.0], 10)) @ W.T
    network = quadratic_program(X, np.einsum("ni,ij,nj->n", X, planted_Z, X), 1e-2)
    Z = (network.W1 * network.w2) @ network.W1.T
    assert np.linalg.norm(Z - planted_Z) < 1e-3 * np.linalg.norm(planted_Z)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 10))
def test_decomposition_gives_back_the_matrix(seed, d, n_terms):
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((d, n_terms))
    terms = np.vstack([directions / np.linalg.norm(directions, axis=0), np.ones(n_terms)])
    Z = (terms * rng.exponential(size=n_terms)) @ terms.T
    W, weights = neural_decomposition(Z)
    again = np.vstack([W, np.ones(W.shape[1])])
    assert W.shape[1] <= d + 1
    assert (weights > 0).all()
    assert np.allclose(np.linalg.norm(W, axis=0), 1, atol=1e-12)
    assert np.abs((again * weights) @ again.T - Z).max() <= 1e-8 * np.abs(Z).max()


@pytest.mark.parametrize("coefficients", [(0.0, 1.0, 0.5), (0.0, 1.0, 1.0), (0.0, -2.0, 0.0)])
def test_activations_without_a_square_are_certified(coefficients):
    for seed in range(40):  # |g| / (|g| / 1) is 1 but for rounding, to either side
        rng = np.random.default_rng([seed, 3])
        n, d = int(rng.integers(2, 30)), int(rng.integers(2, 8))
        X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
        network = polynomial_program(X, y, 0.3, coefficients=coefficients, n_steps=400)
        assert network.dual_bound <= network.objective * (1 + 1e-9)


def test_a_large_penalty_gives_the_zero_network():
    X, y = planted(20, 3, 0)
    for program in (quadratic_program, polynomial_program):
        network = program(X, y, 1e6)
        assert network.w2.size == 0
        assert network.objective == pytest.approx(0.5 * y @ y)
        assert network.predict(X) == pytest.approx(np.zeros(20))


def test_degenerate_data_is_solved():
    X, y = planted(20, 3, 0)
    X[3] = X[4]
    X[5] = 0
    X[:, 2] = X[:, 1]
    for program in (quadratic_program, polynomial_program):
        assert program(X, y, 0.3).gap <= 1e-8
        assert program(X, np.full(20, 2.0), 0.3).gap <= 1e-8
        assert program(np.zeros((4, 2)), np.ones(4), 0.1).objective <= 2.0
        assert program(X, np.zeros(20), 0.3).objective == 0.0


def test_steps_bound_the_work_and_the_certificate_stays_valid():
    X, y = planted(60, 6, 0)
    optimum = polynomial_program(X, y, 1e-2)
    seen = []
    early = polynomial_program(X, y, 1e-2, n_steps=25, callback=lambda step, Z: seen.append((step, Z.shape)))
    assert early.n_steps == len(seen) == 25
    assert seen[0] == (1, (2, 7, 7))
    assert early.dual_bound <= optimum.objective <= early.objective
    assert early.gap > 1e-9


@pytest.mark.parametrize("program", [quadratic_program, polynomial_program])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.ones(3)}, "X must be 2-dimensional"),
        ({"X": np.full((3, 2), np.nan)}, "X must be finite"),
        ({"y": np.ones(2)}, "y must have one entry per row"),
        ({"beta": 0.0}, "beta must be finite and greater than 0"),
        ({"beta": -1.0}, "beta must be finite and greater than 0"),
        ({"X": np.ones((3, 20_000))}, "GiB"),
        ({"n_steps": 0}, "n_steps must be a whole number"),
        ({"tol": 0.0}, "tol must be finite and greater than 0"),
    ],
)
def test_bad_input_is_refused(program, change, message):
    arguments = {"X": np.ones((3, 2)), "y": np.ones(3), "beta": 1.0} | change
    with pytest.raises(ValueError, match=message):
        program(**arguments)


def test_bad_coefficients_and_matrices_are_refused():
    with pytest.raises(ValueError, match="coefficients must be three numbers"):
        polynomial_program(np.ones((3, 2)), np.ones(3), 1.0, coefficients=(0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="positive semidefinite"):
        neural_decomposition(np.diag([1.0, 1.0, 3.0]))
    with pytest.raises(ValueError, match="symmetric"):
        neural_decomposition(np.array([[1.0, 2.0], [0.0, 1.0]]))
