"""Shapes and sizes of the networks, and the training loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from optathlon.baselines.coarse_gradients import (
    LearnedClip,
    LearnedStep,
    QuantizedReLU,
    accuracy,
    lenet5,
    perceptron,
    resnet20,
    train,
    vgg11,
    weight_norm,
)


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_published_sizes():
    assert count(lenet5()) == 150 + 2400 + 400 * 120 + 120 * 84 + 850
    assert count(vgg11()) == 9 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 256 + 256 * 512 + 3 * 512 * 512) + 5130
    assert count(resnet20()) == 9 * (48 + 6 * 256 + 512 + 5 * 1024 + 2048 + 5 * 4096) + 650


@pytest.mark.parametrize("width", [0.01, 0.25, 1.3])
@pytest.mark.parametrize(("make", "shape"), [(lenet5, (3, 1, 28, 28)), (vgg11, (3, 3, 32, 32)), (resnet20, (3, 3, 32, 32))])
def test_any_width_runs_both_ways(make, shape, width):
    model = make(lambda: QuantizedReLU(2), width=width if make is not vgg11 else min(width, 0.25), n_classes=7)
    logits = model(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    logits.sum().backward()
    assert logits.shape == (3, 7)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_what_an_activation_gets_is_normalised_except_behind_a_sum():
    seen: dict[nn.Module, torch.Tensor] = {}
    x = torch.randn(64, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    model = lenet5(lambda: QuantizedReLU(4))
    for part in model.modules():
        if isinstance(part, QuantizedReLU):
            part.register_forward_pre_hook(lambda module, inputs: seen.__setitem__(module, inputs[0].detach()))
    model(x)
    assert len(seen) == 4
    for inputs in seen.values():
        assert abs(inputs.mean().item()) < 1e-5
        assert inputs.var().item() == pytest.approx(1, abs=0.02)


def test_the_seed_decides_and_the_global_generator_is_left_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    a, b, c = lenet5(seed=3), lenet5(seed=3), lenet5(seed=4)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(next(a.parameters()), next(c.parameters()))


def blobs(n: int = 240) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    return torch.tensor(np.eye(3)[y] * 2 + rng.standard_normal((n, 3)) * 0.4, dtype=torch.float32), torch.tensor(y)


@pytest.mark.parametrize("activation", [nn.ReLU, lambda: QuantizedReLU(2), lambda: LearnedClip(2), lambda: LearnedStep(2)])
def test_training_learns_blobs_and_leaves_the_model_alone(activation):
    X, y = blobs()
    model = perceptron([3, 16, 3], activation)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    epochs: list[int] = []
    trained = train(
        model, X, y, n_epochs=6, batch_size=32, learning_rate=0.05, rng=0, callback=lambda epoch, _: epochs.append(epoch)
    )
    assert accuracy(trained.model, X, y) > 0.97
    assert trained.losses[-1] < trained.losses[0]
    assert trained.finite
    assert epochs == [1, 2, 3, 4, 5, 6]
    assert trained.norms[0] == weight_norm(model)
    assert trained.norms[-1] == weight_norm(trained.model)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    again = train(model, X, y, n_epochs=6, batch_size=32, learning_rate=0.05, rng=0)
    assert again.losses == trained.losses


def test_one_step_is_momentum_on_the_batch():
    X, y = blobs(32)
    model = nn.Linear(3, 3)
    trained = train(model, X, y, n_epochs=1, batch_size=32, learning_rate=0.3, schedule="constant", rng=0)
    nn.functional.cross_entropy(model(X), y).backward()
    torch.testing.assert_close(trained.model.weight, model.weight - 0.3 * model.weight.grad)


def test_divergence_ends_the_training_and_is_said():
    X, y = blobs()
    trained = train(nn.Linear(3, 3), X * 1e30, y, n_epochs=5, learning_rate=1e30, schedule="constant", rng=0)
    assert not trained.finite
    assert len(trained.losses) < 5


def windows(frame: torch.Tensor):
    """Every shift of a padded image, plain and to be mirrored."""
    return [(up, left, flip, frame[:, up : up + 9, left : left + 9]) for up in range(9) for left in range(9) for flip in (0, 1)]


def test_augmentation_shifts_and_mirrors():
    from optathlon.baselines.coarse_gradients.training import augmented

    images = torch.randn(200, 2, 9, 9, generator=torch.Generator().manual_seed(0))
    padded = nn.functional.pad(images, (4, 4, 4, 4))
    seen = set()
    for image, frame in zip(augmented(images, torch.Generator().manual_seed(1)), padded, strict=True):
        views = {(up, left, flip): view.flip(-1) if flip else view for up, left, flip, view in windows(frame)}
        matches = [key for key, view in views.items() if torch.equal(image, view)]
        assert len(matches) == 1
        seen.add(matches[0])
    assert {flip for *_, flip in seen} == {0, 1}
    assert {up for up, *_ in seen} == {left for _, left, _ in seen} == set(range(9))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": torch.zeros(0, 3)}, "the same number of samples"),
        ({"y": torch.zeros(5, dtype=torch.int64)}, "the same number of samples"),
        ({"y": torch.zeros(240)}, "y of int64"),
        ({"y": torch.full((240,), -1)}, "y must hold classes from 0"),
        ({"X": torch.full((240, 3), float("nan"))}, "X must be finite"),
        ({"y": torch.full((240,), 3)}, "model must return a logit for each class up to 3"),
        ({"X": np.zeros((240, 3))}, "must be torch tensors"),
        ({"n_epochs": 0}, "n_epochs must be"),
        ({"batch_size": 1}, "batch_size must be"),
        ({"learning_rate": 0}, "learning_rate must be"),
        ({"momentum": 1.0}, "momentum must be"),
        ({"schedule": "linear"}, "schedule must be one of"),
        ({"schedule": "step"}, "milestones must be given"),
        ({"milestones": (2,)}, "milestones must be given"),
        ({"augment": True}, "augment needs images"),
        ({"rng": "seed"}, "rng must be"),
        ({"model": nn.ReLU()}, "model must have a convolution or a linear layer"),
        ({"model": nn.Linear(3, 3).requires_grad_(False)}, "parameters that require a gradient"),
        ({"model": nn.Linear(3, 3).double()}, "X must be of the model's type"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(change, message):
    X, y = blobs()
    arguments = {"model": perceptron([3, 3]), "X": X, "y": y, "n_epochs": 1} | change
    with pytest.raises(ValueError, match=message):
        train(arguments.pop("model"), arguments.pop("X"), arguments.pop("y"), **arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lenet5(width=0), "width must be"),
        (lambda: vgg11(nn.ReLU()), "activation must be a callable that makes a torch module"),
        (lambda: vgg11(lambda: 3), "activation must be a callable that makes a torch module"),
        (lambda: resnet20(n_classes=0), "n_classes must be"),
        (lambda: lenet5(seed=-1), "seed must be"),
        (lambda: perceptron([4]), "sizes must name"),
        (lambda: perceptron([4, 0, 2]), "sizes must be"),
        (lambda: weight_norm(nn.Sequential()), "model must have"),
    ],
)
def test_bad_networks_are_refused_in_a_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
