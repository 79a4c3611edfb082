"""The two networks: gradients by differences, starts as the theorems want them, and the theorems' statements."""

import math

import numpy as np
import pytest

from optathlon.baselines.acceleration import deep_linear, momenta, polyak, wide_relu


def relu_network(n=50, d=20, width=10_000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return wide_relu(X / np.linalg.norm(X, axis=1)[:, None], rng.standard_normal(n), width=width, rng=rng)


def linear_network(kappa, depth, width=128, d=10, dy=5, seed=0):
    rng = np.random.default_rng(seed)
    left, right = (np.linalg.qr(rng.standard_normal((d, d)))[0] for _ in range(2))
    X = left * np.sqrt(np.geomspace(1, 1 / kappa, d)) @ right
    return deep_linear(X, rng.standard_normal((dy, d)) @ X, width=width, depth=depth, rng=rng)


@pytest.mark.parametrize("network", [relu_network(4, 3, 6), linear_network(10, 3, 6, 4, 2)], ids=["relu", "linear"])
def test_gradients_agree_with_differences(network):
    rng = np.random.default_rng(1)
    moves = [rng.standard_normal(W.shape) for W in network.start]
    _, gradient = network.residual_and_gradient(network.start)

    def loss(t):
        xi, _ = network.residual_and_gradient([W + t * V for W, V in zip(network.start, moves, strict=True)])
        return xi @ xi / 2

    slope = sum(float(np.sum(G * V)) for G, V in zip(gradient, moves, strict=True))
    assert (loss(1e-6) - loss(-1e-6)) / 2e-6 == pytest.approx(slope, rel=1e-6)


def test_the_expected_gram_matrix_is_the_mean_over_wide_networks():
    network = relu_network(6, 4, 200_000)
    active = (network.X @ network.start[0] > 0).astype(float)
    np.testing.assert_allclose(network.gram(), (network.X @ network.X.T) * (active @ active.T) / 200_000, atol=5e-3)


def test_the_start_of_the_deep_linear_network_is_orthogonal():
    network = linear_network(10, 4, 32)
    first, *square, last = network.start
    np.testing.assert_allclose(first.T @ first, 32 * np.eye(10), atol=1e-10)
    np.testing.assert_allclose(last @ last.T, 32 * np.eye(5), atol=1e-10)
    for W in square:
        np.testing.assert_allclose(W @ W.T, 32 * np.eye(32), atol=1e-10)


def test_polyak_on_a_quadratic_is_the_textbook_recursion():
    network = linear_network(4, 2, 12)
    step, _ = network.constants()
    two = polyak(network, step=step, momentum=0.5, max_steps=2, tol=1e-12)
    first = [W - step * G for W, G in zip(network.start, network.residual_and_gradient(network.start)[1], strict=True)]
    gradient = network.residual_and_gradient(first)[1]
    second = [W - step * G + 0.5 * (W - W0) for W, G, W0 in zip(first, gradient, network.start, strict=True)]
    for found, expected in zip(two.weights, second, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_theorem_3_1_as_proved_as_tuned_and_as_printed():
    network = relu_network()
    largest, kappa = network.constants()
    beta = momenta(kappa)
    steps = {"descent": polyak(network, step=1 / largest)}
    steps |= {name: polyak(network, step=1 / largest, momentum=value) for name, value in beta.items()}
    assert all(run.converged for run in steps.values())
    counts = {name: run.n_steps for name, run in steps.items()}
    assert 130 <= counts["descent"] <= 200
    assert 85 <= counts["proved"] <= 130
    assert counts["tuned"] <= 65
    assert counts["printed"] >= 300
    assert steps["proved"].bound_ratio(kappa) <= 0.2
    assert network.flips(steps["proved"].weights) < 0.05


def test_theorem_3_2_accelerates():
    network = linear_network(100, 4)
    step, kappa = network.constants()
    assert kappa == pytest.approx(100)
    descent, momentum = polyak(network, step=step), polyak(network, step=step, momentum=momenta(kappa)["proved"])
    assert descent.n_steps >= 6 * momentum.n_steps
    assert momentum.bound_ratio(kappa) <= 0.2
    deeper = linear_network(100, 8)
    assert polyak(deeper, step=deeper.constants()[0], momentum=momenta(kappa)["proved"]).n_steps <= 1.5 * momentum.n_steps


def test_theorem_3_2_at_kappa_1000_and_twice_the_step():
    network = linear_network(1000, 4)
    step, kappa = network.constants()
    descent, momentum = polyak(network, step=2 * step), polyak(network, step=2 * step, momentum=momenta(kappa)["proved"])
    assert descent.n_steps >= 9 * momentum.n_steps


def test_the_bound_ratio_can_fail():
    network = linear_network(100, 2)
    assert polyak(network, step=network.constants()[0] / 20, max_steps=3000, tol=1e-6).bound_ratio(100) > 1


def test_a_step_too_long_diverges_and_says_so():
    network = linear_network(10, 3)
    run = polyak(network, step=100.0, max_steps=500)
    assert not run.converged
    assert not math.isfinite(run.residuals[-1])


X = np.eye(3)
BAD = [
    (lambda: wide_relu(2 * X, np.ones(3), width=5), "X must have rows of unit length"),
    (lambda: wide_relu(X, np.ones(2), width=5), r"y must have shape \(3,\)"),
    (lambda: wide_relu(X, np.ones(3), width=0), "width must be an integer >= 1"),
    (lambda: wide_relu(np.vstack([X, X]), np.ones(6), width=5).constants(), "must be positive definite"),
    (lambda: deep_linear(X, np.ones((2, 4)), width=5, depth=3), "Y must have 3 columns"),
    (lambda: deep_linear(X, np.ones((2, 3)), width=2, depth=3), "width must be an integer >= 3"),
    (lambda: deep_linear(X, np.ones((2, 3)), width=5, depth=1), "depth must be an integer >= 2"),
    (lambda: deep_linear(0 * X, np.ones((2, 3)), width=5, depth=2), "X must have an entry that is not zero"),
    (lambda: deep_linear(X * math.nan, np.ones((2, 3)), width=5, depth=2), "X must be finite"),
    (lambda: polyak(linear_network(4, 2, 12), step=0.0), "step must be a finite number > 0"),
    (lambda: polyak(linear_network(4, 2, 12), step=1.0, momentum=1.0), r"momentum must be a number in \[0, 1\)"),
    (lambda: momenta(0.5), "kappa must be at least 1"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_networks_are_refused_in_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
