"""The training loop against a plain one, and its refusals."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from optathlon.baselines.coresets import (
    Coreset,
    all_layer_gradients,
    full,
    grad_match,
    last_layer_gradients,
    per_class,
    random_subset,
    small_lenet,
    train_on_coresets,
)


@pytest.fixture(scope="module")
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images[:400] / 16, dtype=torch.float32).reshape(-1, 1, 8, 8), torch.tensor(labels[:400])


def state(model: nn.Module) -> torch.Tensor:
    return torch.cat([value.flatten() for value in model.state_dict().values()])


def test_weights_act_as_repetitions(digits):
    """One step on points of weights 1 and 3 is one step on the points with the second taken three times."""
    inputs, labels = digits
    settings = {"n_epochs": 1, "learning_rate": 0.1, "momentum": 0.0, "weight_decay": 0.0}
    weighted = train_on_coresets(
        small_lenet(1), inputs, labels, lambda _: Coreset(np.array([5, 7]), np.array([10.0, 30.0])), **settings
    )
    repeated = [5, 7, 7, 7]
    plain = train_on_coresets(small_lenet(1), inputs[repeated], labels[repeated], lambda _: full(4), **settings)
    torch.testing.assert_close(state(weighted.model), state(plain.model), atol=1e-6, rtol=0)


def test_the_same_as_a_plain_loop(digits):
    inputs, labels = digits
    found = train_on_coresets(small_lenet(2), inputs, labels, lambda _: full(400), n_epochs=3, rng=5)
    model, generator = small_lenet(2), torch.Generator().manual_seed(5)
    velocity = [torch.zeros_like(p) for p in model.parameters()]
    for epoch in range(3):
        rate = 0.01 * (1 + np.cos(np.pi * epoch / 3)) / 2
        for batch in torch.randperm(400, generator=generator).split(20):
            gradients = torch.autograd.grad(
                nn.functional.cross_entropy(model(inputs[batch]), labels[batch]), list(model.parameters())
            )
            with torch.no_grad():
                for p, g, v in zip(model.parameters(), gradients, velocity, strict=True):
                    g = g + 5e-4 * p
                    v.mul_(0.9).add_(g)
                    p -= rate * (g + 0.9 * v)
    torch.testing.assert_close(state(found.model), state(model), atol=1e-5, rtol=0)


def test_selections_come_when_they_should(digits):
    inputs, labels = digits
    epochs_done, selected_at = [0], []

    def select(model: nn.Module) -> Coreset:
        selected_at.append(epochs_done[-1])
        return random_subset(400, 40)

    trained = train_on_coresets(
        small_lenet(),
        inputs,
        labels,
        select,
        n_epochs=12,
        reselect_every=4,
        warm_start=3,
        callback=lambda epoch, model: epochs_done.append(epoch),
    )
    assert selected_at == [3, 7, 11]
    assert epochs_done == list(range(13))
    assert trained.coreset is not None
    assert len(trained.coreset) == 40


def test_model_stays_and_runs_repeat(digits):
    inputs, labels = digits
    model = small_lenet(3)
    before = state(model)

    def run() -> torch.Tensor:
        return state(train_on_coresets(model, inputs, labels, lambda _: random_subset(400, 40, rng=1), n_epochs=2, rng=2).model)

    first = run()
    assert torch.equal(state(model), before)
    assert torch.equal(first, run())


def test_digits_are_learnt_from_a_tenth(digits):
    inputs, labels = digits

    def select(model: nn.Module) -> Coreset:
        gradients = last_layer_gradients(model, inputs, labels)
        return per_class(grad_match, gradients, 40, labels=labels.numpy())

    trained = train_on_coresets(small_lenet(0), inputs, labels, select, n_epochs=60, learning_rate=0.1)
    with torch.no_grad():
        accuracy = (trained.model(inputs).argmax(1) == labels).float().mean()
    assert accuracy > 0.9
    earlier = small_lenet(0)
    earlier.load_state_dict(trained.selected_by)
    again = select(earlier)
    assert trained.coreset is not None
    np.testing.assert_array_equal(again.indices, trained.coreset.indices)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_epochs": 0}, "n_epochs"),
        ({"batch_size": -1}, "batch_size"),
        ({"reselect_every": 0}, "reselect_every"),
        ({"learning_rate": -0.1}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"warm_start": -1}, "warm_start"),
        ({"warm_start": 2.5}, "warm_start must be an integer of at least 0, got 2.5"),
        *(({name: bad}, name) for name in ("momentum", "weight_decay") for bad in (float("nan"), float("inf"), "a", None, True)),
        ({"rng": "0"}, r"rng must be an integer .* a torch\.Generator on the CPU, .* got '0'"),
    ],
)
def test_impossible_settings_are_refused(digits, changes, message):
    with pytest.raises(ValueError, match=message):
        train_on_coresets(small_lenet(), *digits, lambda _: full(400), **changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x, y.float()), "labels must be 400 integers"),
        (lambda x, y: (x, y > 4), "labels must be 400 integers"),
        (lambda x, y: (x, y[:9]), "labels must be 400 integers"),
        (lambda x, y: (x, y.tolist()), r"labels must be a torch\.Tensor, got list"),
        (lambda x, y: (x, y + 1), "labels must lie between 0 and 9, got 1 to 10"),
        (lambda x, y: (x, torch.full_like(y, -100)), "labels must lie between 0 and 9, got -100"),
        (lambda x, y: (x.numpy(), y), r"inputs must be a torch\.Tensor, got ndarray"),
        (lambda x, y: (x[:0], y[:0]), "inputs must hold at least one sample"),
        (lambda x, y: (x * float("nan"), y), "inputs must be finite, got NaN or infinity in 25600 places"),
    ],
)
def test_impossible_samples_are_refused(digits, change, message):
    inputs, labels = change(*digits)
    for use in (
        lambda: train_on_coresets(small_lenet(), inputs, labels, lambda _: full(400), n_epochs=1),
        lambda: last_layer_gradients(small_lenet(), inputs, labels),
        lambda: all_layer_gradients(small_lenet(), inputs, labels),
    ):
        with pytest.raises(ValueError, match=message):
            use()


@pytest.mark.parametrize(
    ("selected", "message"),
    [
        (None, "what select returns must be a Coreset, got NoneType"),
        ((np.array([1]), np.array([1.0])), "what select returns must be a Coreset, got tuple"),
        (Coreset(np.array([400]), np.ones(1)), "what select returns must have indices below the number of points, 400, got 400"),
    ],
)
def test_selections_that_are_no_coreset_of_the_samples_are_refused(digits, selected, message):
    with pytest.raises(ValueError, match=message):
        train_on_coresets(small_lenet(), *digits, lambda _: selected)


def test_other_integers_serve_as_well(digits):
    inputs, labels = digits
    plain, other = (
        train_on_coresets(small_lenet(), inputs, y, lambda _: full(400), n_epochs=1, batch_size=size, rng=0)
        for y, size in ((labels, 50), (labels.int(), np.int64(50)))
    )
    assert torch.equal(state(plain.model), state(other.model))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_networks_of_other_precisions_are_trained(digits, dtype):
    inputs, labels = digits[0][:100], digits[1][:100]
    single, other = (
        train_on_coresets(
            small_lenet().to(kind), inputs.to(kind), labels, lambda _: random_subset(100, 40, rng=0), n_epochs=2, rng=0
        )
        for kind in (torch.float32, dtype)
    )
    assert state(other.model).dtype == dtype
    torch.testing.assert_close(state(other.model).float(), state(single.model), atol=1e-5 if dtype.itemsize > 4 else 2e-2, rtol=0)


def test_weights_that_vanish_beside_the_others_do_not_break_the_network(digits):
    coreset = Coreset(np.array([1, 2, 3]), np.array([1e-50, 1.0, 1.0]))
    trained = train_on_coresets(small_lenet(), *digits, lambda _: coreset, n_epochs=1, batch_size=1)
    assert state(trained.model).isfinite().all()


def test_nobody_trains_on_an_empty_set(digits):
    with pytest.raises(ValueError, match="nothing to train on"):
        train_on_coresets(small_lenet(), *digits, lambda _: Coreset(np.array([1, 2]), np.zeros(2)))


def test_importing_the_package_loads_neither_torch_nor_numba():
    code = "import sys, baselines.coresets; print([m for m in ('torch', 'numba', 'sklearn', 'cvxpy') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "[]"


def test_a_last_batch_of_one_joins_the_one_before():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    inputs = torch.randn(41, 3)
    labels = (inputs[:, 0] > 0).long()
    trained = train_on_coresets(model, inputs, labels, lambda _: full(41), n_epochs=3, rng=0)
    assert trained.model[1].num_batches_tracked == 3 * 2
    single = train_on_coresets(nn.Linear(3, 2), inputs, labels, lambda _: full(41), n_epochs=1, batch_size=1, rng=0)
    assert single.diverged_at is None


@pytest.mark.parametrize("rate", [1e30, 1e20])
def test_divergence_is_returned_and_ends_the_training(digits, rate):
    seen = []
    trained = train_on_coresets(
        small_lenet(),
        *digits,
        lambda _: random_subset(400, 40, rng=0),
        n_epochs=9,
        learning_rate=rate,
        rng=0,
        callback=lambda epoch, model: seen.append(epoch),
    )
    assert trained.diverged_at == len(seen) + 1 < 9
    assert not torch.isfinite(state(trained.model)).all()


def test_another_loss_is_trained(digits):
    """Squared loss of a linear model without momentum: the steps are those of the formula."""
    inputs, targets = digits[0].flatten(1)[:40], digits[1][:40, None].float()
    model = nn.Linear(64, 1)

    def loss(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return (outputs - labels).square().sum(dim=1) / 2

    settings = {"n_epochs": 1, "batch_size": 40, "momentum": 0.0, "weight_decay": 0.0, "learning_rate": 0.01}
    trained = train_on_coresets(model, inputs, targets, lambda _: full(40), loss=loss, **settings)
    left = model(inputs) - targets
    torch.testing.assert_close(trained.model.weight, model.weight - 0.01 * left.T @ inputs / 40)
    with pytest.raises(ValueError, match=r"loss must return one number a sample, shape \(40,\), got shape \(\)"):
        train_on_coresets(model, inputs, targets, lambda _: full(40), loss=nn.functional.mse_loss, **settings)
    with pytest.raises(ValueError, match="labels must have one row a sample, 40"):
        train_on_coresets(model, inputs, targets[:9], lambda _: full(40), loss=loss, **settings)


def test_a_rate_that_blows_the_weights_up_is_said():
    generator = torch.Generator().manual_seed(0)
    inputs, labels = torch.randn(30, 3, generator=generator), torch.arange(30) % 2
    model = nn.Linear(3, 2)

    def select(model: nn.Module) -> Coreset:
        return Coreset(np.arange(10), np.ones(10))

    settings = {"n_epochs": 5, "learning_rate": 1e38, "batch_size": 5}
    trained = train_on_coresets(model, inputs, labels, select, **settings)
    assert trained.diverged_at is not None
    assert train_on_coresets(model, inputs, labels, select, **{**settings, "learning_rate": 0.1}).diverged_at is None
