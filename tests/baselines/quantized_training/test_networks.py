"""QUANT as an optimiser: against its two lines written down, and on small networks."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from optathlon.baselines.coarse_gradients import weight_norm
from optathlon.baselines.quantized_training import (
    BinaryRelax,
    QuantOptimizer,
    mean_threshold_ternary,
    project_binary,
    project_ternary,
    quantizable_weights,
    train_quantized,
)
from optathlon.baselines.quantized_training.optimizer import RULES, _by_name, _on_device
from optathlon.baselines.quantized_training.training import METHODS


def small(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(96) % 3
    X = 0.5 * torch.randn(96, 1, 8, 8, generator=generator)
    X += torch.nn.functional.one_hot(y, 8)[:, None, None, :] * 2.0
    return X, y


@pytest.mark.parametrize(("rule", "project"), [("binary", project_binary), ("ternary", project_ternary)])
def test_a_step_is_algorithm_1(data, rule, project):
    X, y = data
    model = small()
    optimizer = QuantOptimizer(torch.optim.SGD(model.parameters(), 0.1, momentum=0.9), quantizable_weights(model).values(), rule)
    names = ["0.weight", "4.weight"]
    assert list(quantizable_weights(model)) == names
    twin = small()
    real = {name: p.detach().clone() for name, p in twin.named_parameters()}
    velocity = {name: torch.zeros_like(p) for name, p in real.items()}
    for _ in range(4):
        with torch.no_grad():
            for name, p in twin.named_parameters():
                p.copy_(torch.from_numpy(project(real[name].numpy())) if name in names else real[name])
        loss = nn.functional.cross_entropy(twin(X), y)
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        for (name, _), g in zip(twin.named_parameters(), gradients, strict=True):
            velocity[name] = 0.9 * velocity[name] + g
            real[name] = real[name] - 0.1 * velocity[name]
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimizer.step()
    for name, p in model.named_parameters():
        if name in names:
            torch.testing.assert_close(optimizer.auxiliary[p], real[name], rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(p.detach(), torch.from_numpy(project(optimizer.auxiliary[p].numpy())))
        else:
            torch.testing.assert_close(p.detach(), real[name], rtol=1e-4, atol=1e-6)


def test_state_goes_on_where_it_was_saved(data):
    X, y = data

    def steps(model, optimizer, n):
        for _ in range(n):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X), y).backward()
            optimizer.step()

    def made(model):
        return QuantOptimizer(torch.optim.Adam(model.parameters(), 0.01), quantizable_weights(model).values(), "ternary")

    model = small()
    optimizer = made(model)
    steps(model, optimizer, 3)
    other = copy.deepcopy(model)
    resumed = made(other)
    resumed.load_state_dict(optimizer.state_dict())
    steps(model, optimizer, 3)
    steps(other, resumed, 3)
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(ValueError, match="shapes"):
        resumed.load_state_dict({"optimizer": {}, "auxiliary": []})


@pytest.mark.parametrize("rule", RULES)
def test_rules_on_tensors_of_any_layout(rule):
    y = torch.randn(5, 3, 4, 6, generator=torch.Generator().manual_seed(1))
    expected = {
        "binary": project_binary, "ternary": project_ternary, "mean-threshold": mean_threshold_ternary,
        "sign": lambda values: np.where(values >= 0, 1.0, -1.0),
    }[rule](y.numpy())  # fmt: skip
    for laid_out in (y, y.to(memory_format=torch.channels_last), y.transpose(0, 3).contiguous().transpose(0, 3)):
        np.testing.assert_allclose(_by_name(rule)(laid_out).numpy(), expected, rtol=1e-6)
    if rule != "sign":
        np.testing.assert_allclose(_on_device(y, rule).numpy(), expected, rtol=1e-6)  # what a GPU would do


def test_clip_and_relaxation():
    linear = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        linear.weight.fill_(0.5)
    optimizer = QuantOptimizer(torch.optim.SGD(linear.parameters(), 10.0), [linear.weight], "sign", clip=1.0)
    linear(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    assert torch.equal(optimizer.auxiliary[linear.weight], torch.full((2, 3), -1.0))
    assert torch.equal(linear.weight.detach(), torch.full((2, 3), -1.0))
    relax, y = BinaryRelax("ternary", growth=10.0, ceiling=1000.0), torch.tensor([1.0, -0.5, 0.1])
    target = torch.from_numpy(project_ternary(y.numpy()))
    for pull in (1.0, 10.0, 100.0):
        torch.testing.assert_close(relax(y), (pull * target + y) / (pull + 1))
        relax.advance()
    assert torch.equal(relax(y), target)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_and_ends_quantised(data, method):
    X, y = data
    kept = copy.deepcopy(small().state_dict())
    model = small()
    found = train_quantized(model, X, y, method=method, n_epochs=6, batch_size=16, learning_rate=0.05, rng=0, n_recorded=5)
    assert all(torch.equal(kept[k], v) for k, v in model.state_dict().items())
    assert found.finite
    assert found.losses[-1] < 0.5 * found.losses[0]
    assert found.signs.shape == (5, 36)
    assert 0 <= found.changing_share <= 1
    levels = [len(torch.unique(w)) for w in quantizable_weights(found.model).values()]
    if method == "float":
        assert min(levels) > 3
    elif method in ("ternary", "mean-threshold", "ternary-relax"):
        assert max(levels) <= 3
        assert all(len(torch.unique(w.abs())) <= 2 for w in quantizable_weights(found.model).values())
    else:
        assert max(levels) <= 2


def test_a_seed_makes_the_run(data):
    first, same, other = (train_quantized(small(), *data, method="ternary", n_epochs=1, batch_size=16, rng=s) for s in (0, 0, 1))
    assert first.losses == same.losses != other.losses
    assert np.isnan(first.changing_share)  # nothing recorded


def test_nan_shows_through_every_rule():
    weights = torch.tensor([1.0, float("nan"), -2.0])
    assert _by_name("sign")(weights).isnan().tolist() == [False, True, False]
    assert all(_on_device(weights, rule)[1].isnan() for rule in RULES)


def test_pictures_are_shifted_when_asked(data):
    plain, shifted = (train_quantized(small(), *data, method="binary", n_epochs=1, augment=a, rng=0) for a in (False, True))
    assert plain.losses != shifted.losses
    assert len(shifted.norms) == 2
    assert shifted.norms[-1] == weight_norm(shifted.model)


def test_divergence_is_returned(data):
    X, y = data
    found = train_quantized(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), 1e30 * X, y, method="ternary", n_epochs=9,
                            learning_rate=1e30, rng=0)  # fmt: skip
    assert not found.finite
    assert all(bool(torch.isfinite(p).all()) for p in quantizable_weights(found.model).values())


def zeroed(model):
    with torch.no_grad():
        model[0].weight.zero_()
    return model


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (nn.Sequential(nn.ReLU()), "to quantise"),
        (nn.Sequential(nn.Linear(1, 1)), "at least 2"),
        (zeroed(nn.Sequential(nn.Linear(2, 2))), "all zero"),
        (nn.Sequential(nn.Linear(0, 3)), "at least 2"),
    ],
)
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_models_that_cannot_be_quantised(model, says):
    with pytest.raises(ValueError, match=says):
        quantizable_weights(model)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"method": "twn"}, "method"),
        ({"n_epochs": 0}, "n_epochs"),
        ({"batch_size": 1}, "batch_size"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"momentum": 1.0}, "momentum"),
        ({"schedule": "step"}, "schedule"),
        ({"n_recorded": -1}, "n_recorded"),
        ({"X": torch.ones(96, 64), "augment": True}, "augment"),
    ],
)
def test_bad_settings_are_refused_in_a_sentence(data, change, says):
    with pytest.raises(ValueError, match=says):
        train_quantized(small(), **{"X": data[0], "y": data[1], "method": "binary", "n_epochs": 1, **change})


def test_bad_optimisers_are_refused_in_a_sentence():
    linear, other = nn.Linear(3, 2), nn.Linear(3, 2)
    inner = torch.optim.SGD(linear.parameters(), 0.1)
    for arguments, says in (
        (([], "binary"), "at least one"),
        (([other.weight], "binary"), "moved by"),
        (([linear.weight], "quinary"), "rule"),
    ):
        with pytest.raises(ValueError, match=says):
            QuantOptimizer(inner, *arguments)
    with pytest.raises(ValueError, match="clip"):
        QuantOptimizer(inner, [linear.weight], "sign", clip=0)
    with pytest.raises(ValueError, match="growth"):
        BinaryRelax("binary", growth=1.0)
    with pytest.raises(ValueError, match="weights"):
        BinaryRelax("sign")
    X, y = torch.ones(4, 3), torch.tensor([0, 1, 0, 1])
    for bad_X, bad_y, says in (
        (X[:3], y, "same number"),
        (X * np.nan, y, "finite"),
        (X, y.float(), "int64"),
        (X.numpy(), y, "tensors"),
        (X.double(), y, "model's type"),
        (X, y + 9, "logit for each class"),
    ):
        with pytest.raises(ValueError, match=says):
            train_quantized(linear, bad_X, bad_y, method="binary", n_epochs=1)
