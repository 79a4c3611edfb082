"""Networks of least norm and deep ReLU networks: closed forms against programs, descent and explicit networks."""

from __future__ import annotations

import numpy as np
import pytest

from optathlon.baselines.convex_networks import (
    bottleneck_relu,
    deep_linear,
    fit_labels,
    minimum_norm_linear,
    orthonormal_relu,
    rank_one_relu,
    train_deep_relu,
    two_layer_linear,
)
from optathlon.baselines.convex_networks.deep_relu import _orthonormal_bound
from optathlon.baselines.convex_networks.deep_training import DeepRelu
from optathlon.baselines.convex_networks.minimum_norm import forward


@pytest.fixture
def wide():
    """More features than samples: any labels are fitted, by many networks."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((5, 8)), rng.standard_normal((5, 3))


def least_nuclear_norm(X, Y):
    import cvxpy as cp

    W = cp.Variable((X.shape[1], Y.shape[1]))
    problem = cp.Problem(cp.Minimize(cp.normNuc(W)), [X @ W == Y])
    problem.solve(solver="CLARABEL")
    return problem.value


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_two_layers_attain_the_least_nuclear_norm_and_its_dual(wide, n_outputs):
    X, Y = wide[0], wide[1][:, :n_outputs]
    network = minimum_norm_linear(X, Y)
    assert network.objective == pytest.approx(least_nuclear_norm(X, Y), rel=1e-6)
    assert network.converged
    assert network.residual <= 1e-12
    # The multiplier is feasible for the dual of (32) and attains its value; a neuron is an extreme point of the constraint.
    assert np.linalg.norm(X.T @ network.multiplier, 2) <= 1 + 1e-12
    assert np.sum(network.multiplier * Y) == pytest.approx(network.objective, rel=1e-12)
    np.testing.assert_allclose(network.predict(X), Y, atol=1e-12)


def test_one_output_is_the_shortest_solution_and_equation_25_is_twice_26(wide):
    X, y = wide[0], wide[1][:, 0]
    network = minimum_norm_linear(X, y)
    shortest = np.linalg.norm(np.linalg.pinv(X) @ y)
    assert network.objective == pytest.approx(shortest, rel=1e-12)
    assert sum(np.sum(W**2) for W in network.weights) == pytest.approx(2 * shortest, rel=1e-12)
    assert network.predict(X).shape == (5,)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_no_network_that_descent_finds_and_makes_fit_is_smaller(wide, depth):
    X, Y = wide
    least = minimum_norm_linear(X, Y, depth)
    assert least.converged
    assert np.ptp([np.linalg.norm(W) for W in least.weights]) <= 1e-12
    sizes = []
    for seed in range(4):
        trained = train_deep_relu(X, Y, 1e-3, depth=depth, width=5, relu=False, optimizer="lbfgs", n_steps=3000, rng=seed)
        layers = fit_labels(X, Y, trained.layers, relu=False)
        np.testing.assert_allclose(forward(X, layers, relu=False), Y, atol=1e-9)
        sizes.append(0.5 * sum(np.sum(W**2) for W in layers))
    assert least.objective * (1 - 1e-9) <= min(sizes) <= least.objective * 1.01


@pytest.mark.parametrize("depth", [2, 3])
def test_it_is_the_limit_of_a_vanishing_penalty(wide, depth):
    X, y = wide[0], wide[1][:, 0]
    beta = 1e-6
    network = two_layer_linear(X, y, beta) if depth == 2 else deep_linear(X, y, beta, depth)
    assert network.objective / beta == pytest.approx(minimum_norm_linear(X, y, depth).objective, rel=1e-5)


def test_labels_out_of_reach_are_refused_and_degenerate_data_is_solved():
    X = np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    with pytest.raises(ValueError, match="Y must lie in the range of X"):
        minimum_norm_linear(X, np.array([1.0, 2.0, 0.0]))
    with pytest.raises(ValueError, match="depth must be at least 2"):
        minimum_norm_linear(X, np.zeros(3), 1)
    assert minimum_norm_linear(X, np.array([1.0, 1.0, 0.0])).objective == pytest.approx(np.sqrt(0.5))
    zero = minimum_norm_linear(X, np.zeros((3, 2)), 3)
    assert (zero.objective, zero.converged) == (0.0, True)


@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_rank_one_data_is_fitted_by_one_path(depth, n_outputs):
    rng = np.random.default_rng(3)
    c, a, v = rng.random(6), rng.standard_normal(4), rng.standard_normal(n_outputs)
    X, Y = np.outer(c, a), np.outer(c, v)
    network = rank_one_relu(X, Y[:, 0] if n_outputs == 1 else Y, depth)
    assert network.objective == pytest.approx(depth / 2 * (np.linalg.norm(v) / np.linalg.norm(a)) ** (2 / depth), rel=1e-12)
    assert network.converged
    np.testing.assert_allclose(network.predict(X).reshape(6, -1), Y, atol=1e-12)
    for seed in range(4):  # what descent finds is no smaller, and one of four comes near
        trained = train_deep_relu(X, Y, 1e-3, depth=depth, width=4, optimizer="lbfgs", n_steps=2000, rng=seed)
        layers = fit_labels(X, Y, trained.layers)
        if np.abs(forward(X, layers, relu=True) - Y).max() < 1e-9:
            assert sum(np.sum(W**2) for W in layers) >= 2 * network.objective * (1 - 1e-9)


def test_other_data_is_not_of_rank_one():
    rng = np.random.default_rng(4)
    c, a = rng.random(6), rng.standard_normal(4)
    with pytest.raises(ValueError, match="X must be of rank one"):
        rank_one_relu(rng.standard_normal((6, 4)), c, 3)
    with pytest.raises(ValueError, match="non-negative multiples"):
        rank_one_relu(np.outer(c - 0.5, a), c, 3)
    with pytest.raises(ValueError, match="Y must be the same multiples"):
        rank_one_relu(np.outer(c, a), rng.random(6), 3)


def one_hot(counts):
    Y = np.repeat(np.eye(len(counts)), counts, axis=0)
    return np.linalg.qr(np.random.default_rng(5).standard_normal((len(Y) + 2, len(Y))))[0].T, Y


@pytest.mark.parametrize("beta", [0.1, 0.7, 1.5])
def test_theorem_4_holds_for_two_layers(beta):
    X, Y = one_hot([1, 2, 4])
    network = orthonormal_relu(X, Y, beta, 2)
    assert network.converged
    strength = np.maximum(np.sqrt([1, 2, 4]) - beta, 0)
    assert network.objective == pytest.approx(0.5 * np.sum((strength - np.sqrt([1, 2, 4])) ** 2) + beta * strength.sum())
    runs = [train_deep_relu(X, Y, beta, depth=2, width=12, optimizer="lbfgs", n_steps=3000, rng=k).objective for k in range(4)]
    assert network.objective * (1 - 1e-9) <= min(runs) <= network.objective * 1.001


def test_the_printed_sizes_are_not_balanced():
    X, Y = one_hot([1, 2, 4])
    printed, best = (orthonormal_relu(X, Y, 0.2, 3, unit_layers=unit) for unit in (True, False))
    np.testing.assert_allclose(printed.predict(X), Y * np.maximum(np.sqrt([1, 2, 4]) - 0.2, 0) / np.sqrt([1, 2, 4]), atol=1e-12)
    assert printed.objective > best.objective * 1.01


def test_theorem_4_fails_for_deep_networks_with_many_classes():
    X, Y = one_hot([1] * 10)
    below = []
    for depth in (3, 8, 12):
        paths, bottleneck = orthonormal_relu(X, Y, 0.01, depth), bottleneck_relu(X, Y, 0.01, depth)
        values = [
            0.5 * np.sum((net.predict(X) - Y) ** 2) + 0.005 * sum(np.sum(W**2) for W in net.weights)
            for net in (paths, bottleneck)
        ]
        assert values == pytest.approx([paths.objective, bottleneck.objective])
        assert paths.dual_bound < min(values)
        below.append(bottleneck.objective < paths.objective)
        assert not paths.converged
    assert below == [False, True, True]


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("beta", [0.1, 0.5, 1.0, 3.0])
def test_the_bound_is_the_least_over_all_thresholds(depth, beta):
    sigma = np.sqrt([1.0, 4.0, 2.0, 7.0])
    f = np.maximum(sigma - np.linspace(0, sigma.max(), 40_001)[:, None], 0)
    values = 0.5 * ((f - sigma) ** 2).sum(axis=1) + beta * depth / 2 * f.sum(axis=1) ** (2 / depth)
    bound = _orthonormal_bound(sigma, beta, depth)
    assert bound <= values.min()
    assert bound == pytest.approx(values.min(), rel=1e-6)


def test_no_random_network_is_below_the_bound():
    X, Y = one_hot([1, 2, 3])
    for depth in (2, 3, 5):
        bound = orthonormal_relu(X, Y, 0.3, depth).dual_bound
        for seed in range(3):
            trained = train_deep_relu(X, Y, 0.3, depth=depth, width=8, n_steps=400, step=0.03, rng=seed)
            assert trained.objective >= bound


def test_the_gradient_of_a_deep_network_is_that_of_finite_differences():
    rng = np.random.default_rng(6)
    objective = DeepRelu(rng.standard_normal((7, 4)), rng.standard_normal((7, 2)), 0.3, 4, 5)
    theta = objective.start(rng, "gaussian")
    value, gradient = objective.value_and_gradient(theta)
    direction = rng.standard_normal(len(theta))
    ahead, behind = (objective.value_and_gradient(theta + h * direction)[0] for h in (1e-6, -1e-6))
    assert (ahead - behind) / 2e-6 == pytest.approx(gradient @ direction, rel=1e-6)
    mean = np.mean([objective.gradient(theta, np.array([row])) for row in range(7)], axis=0)
    np.testing.assert_allclose(mean, gradient, atol=1e-12)
    assert value > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, Y: orthonormal_relu(2 * X, Y, 1.0, 3), "orthonormal rows"),
        (lambda X, Y: orthonormal_relu(X, 2 * Y, 1.0, 3), "one-hot"),
        (lambda X, Y: orthonormal_relu(X, Y, 0.0, 3), "beta must be finite and greater than 0"),
        (lambda X, Y: bottleneck_relu(X, Y, 1.0, 2), "depth must be at least 3"),
        (lambda X, Y: orthonormal_relu(X, Y[:2], 1.0, 3), "Y must have one row per row of X"),
        (lambda X, Y: train_deep_relu(X, Y, 1.0, depth=1, width=3), "depth must be at least 2"),
        (lambda X, Y: train_deep_relu(X, Y, 1.0, depth=2, width=0), "width must be a whole number"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(*one_hot([1, 2]))
