"""Networks with binary weights, on digits and MNIST."""

from __future__ import annotations

import copy
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch import nn

from optathlon import data
from optathlon.baselines.binary_regression import (
    BopOptimizer,
    GainBias,
    MaximinOptimizer,
    StraightThroughOptimizer,
    binary_copy,
    binary_shares,
    convolutional_network,
    hidden_layer_network,
    linear_network,
    predict_classes,
    refresh_normalisation,
    split_parameters,
    train_network,
)
from optathlon.spec import NeedsData

torch.set_num_threads(1)

OPTIMIZERS = (MaximinOptimizer, StraightThroughOptimizer, BopOptimizer)
METHODS = ("maximin", "straight-through", "bop")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X = ((X - X.mean()) / X.std()).astype(np.float32)
    order = np.random.default_rng(7).permutation(len(y))
    X, y = X[order], y[order]
    return X[:1200], y[:1200], X[1200:], y[1200:]


def test_parameters_are_split_into_weights_and_the_rest():
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3), GainBias(3))
    binary, real = split_parameters(module)
    assert [tuple(p.shape) for p in binary] == [(2, 1, 3, 3), (3, 8)]
    assert len(real) == 6
    only_last, _ = split_parameters(module, lambda name, parameter: name == "3.weight")
    assert len(only_last) == 1
    module[0].weight.requires_grad_(False)
    assert len(split_parameters(module)[0]) == 1
    with pytest.raises(ValueError, match="trainable parameter to be binary"):
        split_parameters(nn.BatchNorm1d(3))


def test_convolutional_network_is_that_of_footnote_2():
    binary, _ = split_parameters(convolutional_network(28, 10))
    shapes = [tuple(p.shape) for p in binary]
    assert shapes == [(32, 1, 3, 3), (64, 32, 3, 3), (128, 64, 3, 3), (128, 6272), (128, 128), (128, 128), (10, 128)]


def test_first_weights_come_from_the_generator_and_leave_torch_alone():
    state = torch.get_rng_state()
    one, same = (hidden_layer_network(5, 3, rng=np.random.default_rng(4)) for _ in range(2))
    other = hidden_layer_network(5, 3, rng=np.random.default_rng(5))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(one[1].weight, same[1].weight)
    assert not torch.equal(one[1].weight, other[1].weight)


@pytest.mark.parametrize("method", METHODS)
def test_training_gives_binary_weights_and_changes_no_input(method, digits):
    X, y, X_test, y_test = digits
    network = hidden_layer_network(64, 10, n_hidden=32, rng=0)
    before, X_before = copy.deepcopy(network.state_dict()), X.copy()
    steps = []
    trained = train_network(
        network, X, y, method=method, n_epochs=4, batch_size=50, rng=0, callback=lambda step, module: steps.append(step)
    )
    assert steps == list(range(1, 4 * 24 + 1))
    assert np.array_equal(X, X_before)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(set(p.unique().tolist()) == {-1.0, 1.0} for p in split_parameters(trained.module)[0])
    assert set(trained.shares) == {"1.weight", "4.weight"}
    assert not trained.module.training
    assert np.mean(predict_classes(trained.module, X_test) == y_test) > 0.8


def test_training_is_deterministic(digits):
    X, y, _, _ = digits
    runs = [
        train_network(linear_network(64, 10, rng=0), X, y, n_epochs=2, rng=np.random.default_rng(3)).module.state_dict()
        for _ in range(2)
    ]
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


def test_real_weights_stay_real(digits):
    X, y, _, _ = digits
    trained = train_network(linear_network(64, 10, rng=0), X, y, method="real", n_epochs=2, rng=0)
    assert len(trained.module[1].weight.unique()) > 100


def test_without_settling_the_last_weights_are_the_rounded_ones(digits):
    X, y, _, _ = digits
    last = {}
    trained = train_network(
        linear_network(64, 10, rng=0),
        X,
        y,
        n_epochs=2,
        rng=0,
        settle=0.0,
        callback=lambda step, module: last.update(module.state_dict()),
    )
    assert set(trained.module[1].weight.unique().tolist()) == {-1.0, 1.0}
    assert torch.equal(trained.module[2].gain, last["2.gain"])


def test_dual_makes_the_weights_binary_in_every_layer(digits):
    X, y, _, _ = digits
    network = hidden_layer_network(64, 10, rng=0)
    with_dual = train_network(network, X, y, n_epochs=6, batch_size=32, rng=0)
    without = train_network(network, X, y, n_epochs=6, batch_size=32, options={"dual": 0.0})
    assert min(with_dual.shares.values()) > 0.9
    assert min(without.shares.values()) < 0.4


def test_any_module_and_loss_can_be_trained():
    rng = np.random.default_rng(0)
    w_true = rng.choice([-1.0, 1.0], size=(12, 1))
    X = rng.standard_normal((400, 12))
    module = nn.Linear(12, 1, bias=False, dtype=torch.float64)
    trained = train_network(module, X, X @ w_true, n_epochs=20, batch_size=20, loss=nn.functional.mse_loss)
    assert np.array_equal(trained.module.weight.detach().numpy().T, w_true)


def test_convolutional_network_trains(digits):
    X, y, X_test, y_test = digits
    images = X.reshape(-1, 1, 8, 8)
    trained = train_network(convolutional_network(8, 10, rng=0), images, y, n_epochs=3, batch_size=32, rng=0)
    assert np.mean(predict_classes(trained.module, X_test.reshape(-1, 1, 8, 8)) == y_test) > 0.85


def test_normalisation_takes_the_statistics_of_all_batches():
    rng = np.random.default_rng(2)
    X = torch.from_numpy(rng.standard_normal((4000, 3)) * [1, 2, 3] + [0, 1, -1]).float()
    module = nn.Sequential(nn.Linear(3, 3, bias=False), nn.BatchNorm1d(3), nn.Dropout())
    with torch.no_grad():
        module[0].weight.copy_(torch.eye(3))
    refresh_normalisation(module, X, batch_size=500)
    torch.testing.assert_close(module[1].running_mean, X.mean(0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(module[1].running_var, X.var(0), rtol=1e-2, atol=1e-3)
    assert module.training
    assert module[1].momentum == 0.1


def test_binary_copy_rounds_a_copy(digits):
    X = digits[0]
    network = hidden_layer_network(64, 10, rng=0)
    before = copy.deepcopy(network.state_dict())
    rounded = binary_copy(network, X)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert min(binary_shares(rounded).values()) == 1.0
    assert not rounded.training
    refreshed = nn.functional.linear(torch.from_numpy(X), rounded[1].weight).mean(0)
    torch.testing.assert_close(rounded[2].running_mean, refreshed, rtol=1e-4, atol=1e-4)


def test_shares_count_the_weights_near_one():
    module = nn.Linear(5, 1)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[-0.95, 0.9001, 1.05, 0.5, -1.2]]))
    assert binary_shares(module) == {"weight": pytest.approx(0.6)}
    assert binary_shares(module, tol=0.25) == {"weight": pytest.approx(0.8)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "adam"}, "method must be one of"),
        ({"n_epochs": 0}, "n_epochs must be an integer"),
        ({"batch_size": 2.5}, "batch_size must be an integer"),
        ({"settle": 1.0}, "settle must be in"),
        ({"options": {"gamma": 1.0}}, "has the options lr, final_lr, dual, dual_growth, bound, got gamma"),
        ({"options": {"lr": -1.0}}, "lr must be a positive"),
        ({"options": {"dual_growth": 0.0}}, "dual_growth must be a positive"),
        ({"X": np.ones((6, 5))}, "X must fit the module's input, got samples of shape"),
        ({"module": nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))}, "module must return shape"),
        ({"X": np.zeros((0, 4))}, "X must have shape"),
        ({"X": np.full((6, 4), np.nan)}, "X must be finite"),
        ({"X": np.full((6, 4), "a")}, "X must hold real numbers"),
        ({"y": np.zeros(5, int)}, "y must have one target per sample, 6"),
        ({"y": np.zeros(6)}, "integer class numbers"),
        ({"y": np.zeros((6, 1), int)}, "integer class numbers"),
        ({"y": np.array([0, 1, 2, 3, 0, 1])}, "class numbers from 0 to 2"),
        ({"y": np.array([0, 1, 2, -1, 0, 1])}, "class numbers from 0 to 2"),
        ({"module": nn.BatchNorm1d(4)}, "trainable parameter to be binary"),
        ({"module": "net"}, "module must be a torch module"),
        ({"rng": "3"}, "rng must be"),
    ],
)
def test_training_refuses_bad_input_in_a_sentence(change, message):
    arguments = {"module": linear_network(4, 3), "X": np.ones((6, 4)), "y": np.array([0, 1, 2, 0, 1, 2]), "n_epochs": 1}
    with pytest.raises(ValueError, match=message):
        train_network(**{**arguments, **change})


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 20))
def test_every_batch_size_and_sample_count_trains(n_samples, batch_size, n_classes):
    module = linear_network(3, n_classes)
    X = np.random.default_rng(0).standard_normal((n_samples, 3))
    trained = train_network(module, X, np.zeros(n_samples, int), n_epochs=1, batch_size=batch_size)
    assert set(trained.module[1].weight.unique().tolist()) <= {-1.0, 1.0}


@pytest.mark.parametrize("sizes", [{"n_features": 0, "n_classes": 2}, {"n_features": 3, "n_classes": 1.5}])
def test_networks_refuse_bad_sizes(sizes):
    with pytest.raises(ValueError, match="must be an integer of at least 1"):
        linear_network(**sizes)
    with pytest.raises(ValueError, match="image_size must be an integer of at least 4"):
        convolutional_network(3, 10)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("method", METHODS)
def test_training_on_the_gpu(method, digits):
    X, y, X_test, y_test = digits
    trained = train_network(hidden_layer_network(64, 10, rng=0).cuda(), X, y, method=method, n_epochs=4, batch_size=50)
    assert all(p.is_cuda for p in trained.module.parameters())
    assert np.mean(predict_classes(trained.module, X_test) == y_test) > 0.8


def test_importing_the_package_does_not_import_torch():
    import subprocess

    code = "import sys, baselines.binary_regression; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


# The thresholds on real data


@pytest.mark.slow
def test_linear_networks_on_mnist():
    try:
        arrays = data.load("mnist")
    except NeedsData as missing:
        pytest.skip(str(missing))
    mean, deviation = arrays["train_images"].mean(), arrays["train_images"].std()
    X, X_test = (((arrays[f"{part}_images"] - mean) / deviation).astype(np.float32) for part in ("train", "test"))

    def accuracy(seed: int, **settings) -> float:
        rng = np.random.default_rng(seed)
        trained = train_network(linear_network(784, 10, rng=rng), X, arrays["train_labels"], rng=rng, **settings)
        return float(np.mean(predict_classes(trained.module, X_test) == arrays["test_labels"]))

    maximin = [accuracy(seed) for seed in (101, 102, 103)]
    assert np.mean(maximin) >= 0.895
    assert accuracy(104, method="real") >= 0.915
    assert accuracy(105, options={"dual": 0.0}, settle=0.0) <= 0.6
