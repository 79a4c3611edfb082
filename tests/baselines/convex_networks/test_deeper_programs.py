"""Three layers, several outputs, batch normalisation and convolutions: certificates, recovery, descent from above."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from optathlon.baselines.convex_networks import (
    batch_norm_program,
    convolutional_program,
    enumerate_patterns,
    three_layer_program,
    train_network,
    train_subnetworks,
    two_layer_linear,
    vector_program,
)


def gaussian(n, d, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal(n)


@pytest.mark.parametrize(("seed", "value"), [(0, 0.16858877), (1, 0.05902493)])
def test_three_layer_values_and_recovery(seed, value):
    X, y = gaussian(5, 2, seed)
    network = three_layer_program(X, y, 0.02)
    assert network.objective == pytest.approx(value, abs=1e-5)
    assert network.gap <= 1e-6
    residual = network.predict(X) - y
    decay = sum(w2 @ w2 for w2 in network.w2) + network.w3 @ network.w3
    assert 0.5 * residual @ residual + 0.01 * decay == pytest.approx(network.objective, rel=1e-9)
    assert all(np.linalg.norm(W1) == pytest.approx(1) for W1 in network.W1)
    narrow = three_layer_program(X, y, 0.02, width=3, n_tuples=20, rng=0)
    assert network.dual_bound <= narrow.objective <= network.objective * 1.05
    assert all(W1.shape[1] <= 3 for W1 in narrow.W1)


def test_three_layer_descent_comes_down_to_the_optimum_with_many_subnetworks():
    X, y = gaussian(5, 2, 0)
    optimum = three_layer_program(X, y, 0.02)
    best = {
        K: min(train_subnetworks(X, y, 0.02, n_subnetworks=K, rng=np.random.default_rng(s)).objective for s in range(10))
        for K in (2, 15)
    }
    assert optimum.dual_bound <= min(best.values())
    assert best[15] <= optimum.objective * 1.01
    assert best[2] > best[15]


def test_three_layer_refuses_what_would_explode():
    with pytest.raises(ValueError, match="second-layer masks"):
        three_layer_program(*gaussian(20, 2, 0), 0.1)
    with pytest.raises(ValueError, match="blocks of variables"):
        three_layer_program(*gaussian(8, 2, 0), 0.1, width=3)
    with pytest.raises(ValueError, match="masks must be 0/1"):
        three_layer_program(*gaussian(5, 2, 0), 0.1, masks=np.full((5, 1), 3.0))


@pytest.mark.parametrize("beta", [0.01, 0.3])
def test_vector_outputs_are_certified_in_the_plane(beta):
    X, _ = gaussian(8, 2, 0)
    Y = np.random.default_rng(5).standard_normal((8, 3))
    network = vector_program(X, Y, beta, patterns=enumerate_patterns(X))
    residual = network.predict(X) - Y
    value = 0.5 * np.sum(residual**2) + 0.5 * beta * (np.sum(network.W1**2) + np.sum(network.W2**2))
    assert network.converged
    assert network.gap <= 1e-6
    assert value == pytest.approx(network.objective, rel=1e-9)
    runs = [
        train_network(X, Y, beta, n_neurons=20, optimizer="lbfgs", rng=np.random.default_rng(seed)).objective for seed in range(4)
    ]
    assert network.dual_bound <= min(runs)


def test_vector_outputs_beyond_the_plane_beat_descent_with_a_valid_bound():
    X, _ = gaussian(8, 3, 1)
    Y = np.random.default_rng(6).standard_normal((8, 2))
    network = vector_program(X, Y, 0.1, patterns=enumerate_patterns(X))
    runs = [
        train_network(X, Y, 0.1, n_neurons=20, optimizer="lbfgs", rng=np.random.default_rng(seed)).objective for seed in range(4)
    ]
    assert network.dual_bound <= network.objective <= min(runs) * (1 + 1e-6)


def test_active_neurons_only_give_the_linear_network():
    X = np.abs(gaussian(10, 2, 2)[0])
    Y = np.random.default_rng(3).standard_normal((10, 2))
    # The hull over the one cone {X u >= 0} contains less than all matrices: never below the nuclear norm.
    network = vector_program(X, Y, 0.2, patterns=np.ones((10, 1)))
    assert network.objective >= two_layer_linear(X, Y, 0.2).objective - 1e-8


def test_batch_norm_of_data_far_from_the_origin_is_that_of_the_data_at_the_origin():
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((10, 2)), rng.standard_normal(10)
    here, there = batch_norm_program(X, y, 0.1), batch_norm_program(X + 1e9, y, 0.1)
    assert there.converged
    assert there.objective == pytest.approx(here.objective, rel=1e-5)  # the data themselves are rounded at 1e-7


@pytest.mark.parametrize("beta", [0.01, 0.1])
def test_batch_norm_is_certified_and_normalises(beta):
    X, y = gaussian(8, 2, 0)
    network = batch_norm_program(X, y, beta)
    assert network.gap <= 1e-6
    pre = (X - X.mean(axis=0)) @ network.W1
    assert np.allclose(np.linalg.norm(pre[:, network.gamma > 0], axis=0), 1, atol=1e-8)
    residual = network.predict(X) - y
    decay = np.sum(network.gamma**2) + np.sum(network.alpha**2) + np.sum(network.w2**2)
    assert 0.5 * residual @ residual + 0.5 * beta * decay == pytest.approx(network.objective, rel=1e-9)
    assert network.dual_bound <= batch_norm_descent(X, y, beta) * (1 + 1e-9)
    # Scale and position of the data have no effect.
    assert batch_norm_program(3 * X + 5, y, beta).objective == pytest.approx(network.objective, rel=1e-6)


def batch_norm_descent(X, y, beta, n_neurons=10):
    """Batch normalisation as it is trained: numerical descent on first layer, scale, shift and second layer."""
    n, d = X.shape
    centred = X - X.mean(axis=0)

    def objective(theta):
        W, gamma, alpha, w2 = np.split(theta, [d * n_neurons, (d + 1) * n_neurons, (d + 2) * n_neurons])
        pre = centred @ W.reshape(d, n_neurons)
        pre = pre / np.linalg.norm(pre, axis=0) * gamma + alpha / np.sqrt(n)
        residual = np.maximum(pre, 0) @ w2 - y
        return 0.5 * residual @ residual + 0.5 * beta * (gamma @ gamma + alpha @ alpha + w2 @ w2)

    starts = (np.random.default_rng(seed).standard_normal((d + 3) * n_neurons) for seed in range(3))
    return min(minimize(objective, start, method="L-BFGS-B", options={"maxiter": 300}).fun for start in starts)


@pytest.mark.parametrize("beta", [0.01, 0.1])
def test_convolution_is_certified_and_descent_stays_above(beta):
    rng = np.random.default_rng(1)
    patches, y = rng.standard_normal((6, 3, 2)), rng.standard_normal(6)
    network = convolutional_program(patches, y, beta)
    residual = network.predict(patches) - y
    value = 0.5 * residual @ residual + 0.5 * beta * (np.sum(network.W1**2) + np.sum(network.w2**2))
    assert network.gap <= 1e-6
    assert value == pytest.approx(network.objective, rel=1e-9)

    def objective(theta):
        W, w2 = theta[:16].reshape(2, 8), theta[16:]
        pre = patches @ W
        hidden = np.maximum(pre, 0).sum(axis=1)
        r = hidden @ w2 - y
        to_W = np.einsum("nkp,nkm,n->pm", patches, (pre > 0) * w2, r)
        return 0.5 * r @ r + 0.5 * beta * theta @ theta, np.concatenate([to_W.ravel(), hidden.T @ r]) + beta * theta

    runs = [minimize(objective, np.random.default_rng(s).standard_normal(24), jac=True, method="L-BFGS-B").fun for s in range(10)]
    assert network.dual_bound <= min(runs) <= network.objective * 1.05


def test_bad_input_is_refused():
    X, y = gaussian(6, 2, 0)
    with pytest.raises(ValueError, match="two different rows"):
        batch_norm_program(np.ones((6, 2)), y, 0.1)
    with pytest.raises(ValueError, match="patches must be 3-dimensional"):
        convolutional_program(X, y, 0.1)
    with pytest.raises(ValueError, match="one row per patch"):
        convolutional_program(X[:, None, :], y, 0.1, patterns=np.ones((5, 1)))
    with pytest.raises(ValueError, match="Y must be 2-dimensional"):
        vector_program(X, y, 0.1, patterns=np.ones((6, 1)))
    with pytest.raises(ValueError, match="patterns must be 0/1"):
        vector_program(X, y[:, None], 0.1, patterns=np.ones((5, 1)))
    for beta in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="beta must be finite"):
            three_layer_program(X, y, beta)
