"""Linear networks: closed forms against descent on the layers, duality, ranks and norms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from optathlon.baselines.convex_networks import deep_linear, two_layer_linear


def descent(X, Y, beta, depth, width, seed):
    """Weight decay on the product of layers, by L-BFGS from one random start."""
    shapes = [(X.shape[1], width), *[(width, width)] * (depth - 2), (width, Y.shape[1])]
    ends = np.cumsum([a * b for a, b in shapes])

    def objective(theta):
        layers = [part.reshape(s) for part, s in zip(np.split(theta, ends[:-1]), shapes, strict=True)]
        outputs = [X]
        for layer in layers:
            outputs.append(outputs[-1] @ layer)
        back = outputs[-1] - Y
        value = 0.5 * np.sum(back**2) + 0.5 * beta * theta @ theta
        gradients = []
        for layer, before in zip(layers[::-1], outputs[-2::-1], strict=True):
            gradients.append(before.T @ back)
            back = back @ layer.T
        return value, np.concatenate([g.ravel() for g in gradients[::-1]]) + beta * theta

    start = 0.7 * np.random.default_rng(seed).standard_normal(ends[-1])
    options = {"maxiter": 5000, "maxfun": 20000, "ftol": 1e-16, "gtol": 1e-10}
    return minimize(objective, start, jac=True, method="L-BFGS-B", options=options).fun


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 6))
    return X, X @ rng.standard_normal((6, 4)) + 0.3 * rng.standard_normal((30, 4))


@pytest.mark.parametrize("share", [0.001, 0.05, 0.5])
def test_one_output_agrees_with_descent(data, share):
    X, y = data[0], data[1][:, 0]
    beta = share * np.linalg.norm(X.T @ y)
    network = two_layer_linear(X, y, beta)
    runs = [descent(X, y[:, None], beta, 2, 3, seed) for seed in range(3)]
    assert network.objective == pytest.approx(min(runs), rel=1e-6)
    assert network.gap <= 1e-10
    # The residual is the projection of y on {|X'v| <= beta}, and the first layer points along X'v.
    pull = X.T @ network.multiplier
    assert np.linalg.norm(pull) == pytest.approx(beta, rel=1e-9)
    assert abs(pull @ network.weights[0][:, 0]) == pytest.approx(beta * np.linalg.norm(network.weights[0]), rel=1e-9)


@pytest.mark.parametrize(("share", "rank"), [(1e-4, 4), (0.05, 4), (0.4, 3), (1.01, 0)])
def test_several_outputs_agree_with_descent_and_the_rank_counts_tight_directions(data, share, rank):
    X, Y = data
    beta = share * np.linalg.norm(X.T @ Y, 2)
    network = two_layer_linear(X, Y, beta)
    assert network.objective == pytest.approx(min(descent(X, Y, beta, 2, 6, seed) for seed in range(3)), rel=1e-6)
    assert network.gap <= 1e-9
    sigma = np.linalg.svd(X.T @ network.multiplier, compute_uv=False)
    assert network.rank == rank
    assert (sigma <= beta * (1 + 1e-5)).all()
    if rank:
        assert np.sum(sigma >= beta * (1 - 1e-4)) == rank


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
@pytest.mark.parametrize("beta", [0.01, 1.0, 3.0])
def test_deep_networks_agree_with_descent_and_share_their_norms(data, depth, beta):
    Q, _ = np.linalg.qr(data[0])
    network = deep_linear(Q, data[1], beta, depth)
    best = min(descent(Q, data[1], beta, depth, 6, seed) for seed in range(6))
    assert network.objective == pytest.approx(best, rel=1e-6)
    norms = network.frobenius_norms
    assert len(norms) == depth
    assert max(norms) - min(norms) <= 1e-4 * max(norms)
    assert all(np.linalg.matrix_rank(W, tol=1e-8) == network.rank for W in network.weights)


@pytest.mark.parametrize("depth", [3, 4])
@pytest.mark.parametrize("beta", [0.01, 1.0, 20.0])
def test_deep_networks_with_one_output_need_no_whitening(data, depth, beta):
    X, y = data[0], data[1][:, 0]
    network = deep_linear(X, y, beta, depth)
    best = min(descent(X, y[:, None], beta, depth, 3, seed) for seed in range(6))
    assert network.objective == pytest.approx(best, rel=1e-6)
    assert network.predict(X).shape == (30,)


def test_depth_two_is_the_two_layer_network(data):
    X, Y = data
    Q, _ = np.linalg.qr(X)
    assert deep_linear(Q, Y, 0.7, 2).objective == pytest.approx(two_layer_linear(Q, Y, 0.7).objective, rel=1e-12)
    assert deep_linear(X, Y[:, 0], 0.7, 2).objective == pytest.approx(two_layer_linear(X, Y[:, 0], 0.7).objective, rel=1e-12)


def test_rank_falls_with_the_penalty(data):
    Q, _ = np.linalg.qr(data[0])
    ranks = [deep_linear(Q, data[1], beta, 3).rank for beta in np.geomspace(1e-3, 100, 12)]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[0] == 4
    assert ranks[-1] == 0


def test_degenerate_data_is_solved():
    X = np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    assert two_layer_linear(X, np.ones(3), 0.1).gap <= 1e-9
    assert two_layer_linear(X, np.ones((3, 2)), 0.1).gap <= 1e-9
    assert two_layer_linear(np.zeros((3, 2)), np.ones(3), 0.1).rank == 0
    assert two_layer_linear(np.zeros((3, 2)), np.ones((3, 2)), 0.1).objective == 3.0
    assert deep_linear(X, np.zeros(3), 0.1, 3).objective == 0.0


@pytest.mark.parametrize(("decades", "shape", "n_outputs"), [(8, (40, 10), 3), (4, (100, 30), 5), (3, (20, 40), 5)])
def test_ill_conditioned_data_is_certified(decades, shape, n_outputs):
    rng = np.random.default_rng(1)
    X = rng.standard_normal(shape) * np.logspace(0, -decades, shape[1])
    Y = rng.standard_normal((shape[0], n_outputs))
    network = two_layer_linear(X, Y, 1e-4 * np.linalg.norm(X.T @ Y, 2))
    assert network.converged
    assert abs(network.gap) <= 1e-9


def test_what_has_not_converged_says_so(data):
    X, Y = data
    network = two_layer_linear(X, Y, 1e-4 * np.linalg.norm(X.T @ Y, 2), n_steps=1)
    assert not network.converged
    assert network.gap > 1e-9


def test_bad_input_is_refused(data):
    X, Y = data
    with pytest.raises(ValueError, match="orthonormal columns"):
        deep_linear(X, Y, 1.0, 3)
    with pytest.raises(ValueError, match="depth must be at least 2"):
        deep_linear(X, Y[:, 0], 1.0, 1)
    with pytest.raises(ValueError, match="beta must be finite and greater than 0"):
        two_layer_linear(X, Y, 0.0)
    with pytest.raises(ValueError, match="Y must have one row per row of X"):
        two_layer_linear(X, Y[:5], 1.0)
    with pytest.raises(ValueError, match="Y must be finite"):
        two_layer_linear(X, np.full(30, np.inf), 1.0)
