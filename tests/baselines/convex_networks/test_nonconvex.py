"""Back-propagation: gradients against finite differences, one objective for both sides, repeatable runs."""

from __future__ import annotations

import numpy as np
import pytest

from optathlon.baselines.convex_networks import RELU_APPROXIMATION, deep_linear, train_linear, train_network, train_subnetworks
from optathlon.baselines.convex_networks.networks import DeepLinear, ThreeLayer, TwoLayer

X = np.random.default_rng(0).standard_normal((12, 3))
Y = np.random.default_rng(1).standard_normal((12, 2))
OBJECTIVES = {
    "relu": TwoLayer(X, Y, 0.3, 4),
    "polynomial": TwoLayer(X, Y, 0.3, 4, RELU_APPROXIMATION),
    "quadratic": TwoLayer(X, Y[:, :1], 0.3, 4, (1.0, 0.0, 0.0)),
    "deep-linear": DeepLinear(X, Y, 0.2, 3, 4),
    "three-layer": ThreeLayer(X, Y[:, 0], 0.2, 3, 4),
}


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_gradient_is_the_derivative_and_batches_average_to_it(objective):
    theta = objective.start(np.random.default_rng(2), "gaussian")
    _, gradient = objective.value_and_gradient(theta)
    h = 1e-6
    numeric = [
        (objective.value_and_gradient(theta + h * e)[0] - objective.value_and_gradient(theta - h * e)[0]) / (2 * h)
        for e in np.eye(len(theta))
    ]
    assert np.allclose(gradient, numeric, atol=1e-6)
    single = np.mean([objective.gradient(theta, np.array([i])) for i in range(12)], axis=0)
    assert np.allclose(single, gradient)
    assert np.allclose(objective.gradient(theta, None), gradient)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("initialisation", ["gaussian", "balanced", "small"])
def test_objective_is_that_of_the_network_and_falls(optimizer, initialisation):
    y = Y[:, 0]
    network = train_network(
        X, y, 0.1, n_neurons=6, optimizer=optimizer, initialisation=initialisation, n_steps=400, rng=np.random.default_rng(3)
    )
    residual = network.predict(X) - y
    value = 0.5 * residual @ residual + 0.05 * (np.sum(network.W1**2) + np.sum(network.w2**2))
    assert value == pytest.approx(network.objective, rel=1e-12)
    assert value < 0.5 * y @ y


def test_minibatches_reach_the_neighbourhood_of_full_batches():
    full = train_network(X, Y, 0.1, n_neurons=8, n_steps=1500, rng=np.random.default_rng(0))
    mini = train_network(X, Y, 0.1, n_neurons=8, n_steps=1500, batch_size=4, rng=np.random.default_rng(0))
    assert mini.objective < 1.3 * full.objective
    assert mini.predict(X).shape == (12, 2)


def test_runs_repeat_and_callbacks_see_every_step():
    steps = []
    runs = [
        train_network(
            X,
            Y,
            0.1,
            n_neurons=3,
            n_steps=20,
            batch_size=5,
            rng=np.random.default_rng(7),
            callback=lambda step, network: steps.append((step, network.W1.shape)),
        )
        for _ in range(2)
    ]
    assert np.array_equal(runs[0].W1, runs[1].W1)
    assert [step for step, _ in steps] == 2 * list(range(1, 21))
    assert steps[0][1] == (3, 3)


def test_polynomial_networks_have_unit_columns():
    network = train_network(X, Y[:, 0], 0.1, n_neurons=5, coefficients=RELU_APPROXIMATION, n_steps=50)
    assert np.allclose(np.linalg.norm(network.W1, axis=0), 1)


def test_subnetworks_have_first_layers_of_norm_one():
    networks = train_subnetworks(X, Y[:, 0], 0.1, n_subnetworks=3, width=2, n_steps=200)
    assert np.allclose(np.linalg.norm(networks.W1, axis=(1, 2)), 1)
    residual = networks.predict(X) - Y[:, 0]
    value = 0.5 * residual @ residual + 0.05 * (np.sum(networks.w2**2) + np.sum(networks.w3**2))
    assert value == pytest.approx(networks.objective, rel=1e-12)


def test_divergence_is_returned():
    with np.errstate(all="ignore"):
        network = train_network(X, Y, 0.1, n_neurons=4, optimizer="sgd", step=1e6, n_steps=300)
    assert not np.isfinite(network.objective)
    assert network.n_steps < 300


def test_bad_input_is_refused():
    y = Y[:, 0]
    for change, message in (
        ({"optimizer": "newton"}, "optimizer must be one of"),
        ({"initialisation": "zeros"}, "initialisation must be one of"),
        ({"n_neurons": 0}, "n_neurons must be a whole number"),
        ({"batch_size": 0}, "batch_size must be a whole number"),
        ({"step": 0.0}, "step must be finite and greater than 0"),
    ):
        with pytest.raises(ValueError, match=message):
            train_network(X, y, 0.1, **({"n_neurons": 3} | change))
    with pytest.raises(ValueError, match="one row per row of X"):
        train_network(X, y[:3], 0.1, n_neurons=3)
    with pytest.raises(ValueError, match="beta must be"):
        train_subnetworks(X, y, 0.0, n_subnetworks=2)


def test_linear_networks_come_down_to_the_closed_form():
    Q, _ = np.linalg.qr(X)
    closed = deep_linear(Q, Y, 0.1, 3)
    runs = [train_linear(Q, Y, 0.1, depth=3, rng=np.random.default_rng(seed)).objective for seed in range(4)]
    assert closed.objective - 1e-9 <= min(runs) <= closed.objective * (1 + 1e-6)
    with pytest.raises(ValueError, match="depth must be at least 2"):
        train_linear(X, Y, 0.1, depth=1)
