"""Logistic and hinge losses against Clarabel, descent, and an explicit certificate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize, nnls
from scipy.special import entr

from optathlon.baselines.convex_networks import (
    classification_objective,
    enumerate_patterns,
    relu_classification_program,
    sample_patterns,
)


def moons(n, seed=0):
    rng = np.random.default_rng(seed)
    angle = np.pi * rng.random(n)
    y = rng.choice([-1.0, 1.0], n)
    X = np.column_stack([np.cos(angle) + 0.5 * y, y * np.sin(angle) - 0.25 * y]) + 0.2 * rng.standard_normal((n, 2))
    return np.column_stack([X, np.ones(n)]), y


def by_cvxpy(X, y, beta, D, loss):
    cvxpy = pytest.importorskip("cvxpy")
    U, V = cvxpy.Variable((X.shape[1], D.shape[1])), cvxpy.Variable((X.shape[1], D.shape[1]))
    margins = cvxpy.multiply(y, cvxpy.sum(cvxpy.multiply(D, X @ (U - V)), axis=1))
    loss = cvxpy.sum(cvxpy.logistic(-margins)) if loss == "logistic" else cvxpy.sum(cvxpy.pos(1 - margins))
    norms = cvxpy.sum(cvxpy.norm(U, 2, axis=0)) + cvxpy.sum(cvxpy.norm(V, 2, axis=0))
    cones = [cvxpy.multiply(2 * D - 1, X @ U) >= 0, cvxpy.multiply(2 * D - 1, X @ V) >= 0]
    return cvxpy.Problem(cvxpy.Minimize(loss + beta * norms), cones).solve(solver="CLARABEL")


def proved_bound(X, y, beta, D, v, loss):
    """The dual value after scaling by explicit multipliers of non-negative least squares."""
    largest = 0.0
    for pattern in D.T:
        gradient, normals = X.T @ (pattern * v), (2 * pattern - 1)[:, None] * X
        for signed in (gradient, -gradient):
            largest = max(largest, float(np.linalg.norm(signed + normals.T @ nnls(normals.T, -signed)[0])))
    a = y * v / max(largest / beta, 1.0)
    assert a.min() >= 0
    assert a.max() <= 1
    return a.sum() if loss == "hinge" else (entr(a) + entr(1 - a)).sum()


@pytest.mark.parametrize("loss", ["logistic", "hinge"])
@pytest.mark.parametrize("beta", [3.0, 0.5, 0.05])
def test_objective_is_that_of_clarabel_and_the_bound_is_proved(loss, beta):
    X, y = moons(40)
    D = sample_patterns(X, 25, np.random.default_rng(1)).astype(float)
    result = relu_classification_program(X, y, beta, loss=loss, patterns=D, tol=1e-6)
    assert result.converged
    assert result.objective == pytest.approx(by_cvxpy(X, y, beta, D, loss), rel=1e-5)
    assert result.objective == pytest.approx(classification_objective(X, y, beta, result.W1, result.w2, loss=loss))
    bound = proved_bound(X, y, beta, D, result.dual_point, loss)
    assert result.objective * (1 - 1.1e-6) <= bound <= result.objective * (1 + 1e-9)


def test_no_trained_network_is_below_the_optimum_over_all_patterns():
    X, y = moons(12)
    result = relu_classification_program(X, y, 0.3)
    assert result.complete
    assert result.converged
    values = []
    for seed in range(5):
        start = np.random.default_rng(seed).standard_normal(4 * 20)

        def objective(theta):
            W1, w2 = theta[:60].reshape(3, 20), theta[60:]
            hidden = np.maximum(X @ W1, 0)
            margins = y * (hidden @ w2)
            slope = -y / (1 + np.exp(margins))
            gradient = np.concatenate([(X.T @ ((hidden > 0) * np.outer(slope, w2))).ravel(), hidden.T @ slope])
            return np.logaddexp(0, -margins).sum() + 0.15 * theta @ theta, gradient + 0.3 * theta

        values.append(minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 3000}).fun)
    assert result.dual_bound <= min(values)
    assert min(values) == pytest.approx(result.objective, rel=1e-3)


@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_heavy_decay_gives_the_zero_network(loss):
    X, y = moons(20)
    result = relu_classification_program(X, y, 1e3, loss=loss, patterns=enumerate_patterns(X[:, :2]))
    assert len(result.w2) == 0
    assert result.objective == pytest.approx(20 * np.log(2) if loss == "logistic" else 20)
    assert result.converged


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_of_the_data_change_nothing(scale):
    X, y = moons(25)
    D = sample_patterns(X, 15, np.random.default_rng(1))
    one, other = (relu_classification_program(s * X, y, 0.3 * s, patterns=D) for s in (1.0, scale))
    assert other.objective == pytest.approx(one.objective, rel=2e-5)


def test_stopping_short_is_said():
    X, y = moons(40)
    result = relu_classification_program(X, y, 0.05, patterns=sample_patterns(X, 25, 1), max_steps=1)
    assert not result.converged
    assert result.gap > 1e-5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": "l2"}, "loss must be one of logistic, hinge"),
        ({"y": np.arange(6.0)}, "y must hold -1 and 1 only"),
        ({"beta": 0.0}, "beta must be finite and greater than 0"),
        ({"max_steps": 0}, "max_steps must be a whole number"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(change, message):
    given = {"X": np.ones((6, 2)), "y": np.array([1.0, -1, 1, 1, -1, 1]), "beta": 1.0, **change}
    with pytest.raises(ValueError, match=message):
        relu_classification_program(**given)
