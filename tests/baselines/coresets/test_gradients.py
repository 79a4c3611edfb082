"""Per-sample gradients against autograd and against their explicit form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from optathlon.baselines.coresets import (
    Coreset,
    all_layer_gradients,
    factored_gradients,
    last_layer_gradients,
    lenet,
    matching_error,
    small_lenet,
)
from optathlon.baselines.coresets.gradients import DenseGradients, FactoredGradients, as_gradients


def outer(factored: FactoredGradients) -> np.ndarray:
    """The gradients that the factors stand for, one a row."""
    products = np.einsum("ic,id->icd", factored.residuals, factored.features, dtype=np.float64)
    return products.reshape(factored.n, -1)


def random_pair(seed: int, n: int = 40, classes: int = 5, width: int = 7) -> FactoredGradients:
    rng = np.random.default_rng(seed)
    logits, features = rng.normal(size=(n, classes)), rng.normal(size=(n, width))
    return factored_gradients(logits, rng.integers(classes, size=n), features)


@pytest.fixture(scope="module")
def images() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(30, 1, 28, 28, generator=generator), torch.randint(10, (30,), generator=generator)


def autograd_rows(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, parameters: list[torch.Tensor]) -> np.ndarray:
    rows = []
    for sample, label in zip(inputs, labels, strict=True):
        loss = nn.functional.cross_entropy(model(sample[None]), label[None])
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)]).numpy())
    return np.array(rows)


@pytest.mark.parametrize("bias", [True, False])
def test_last_layer_gradients_equal_autograd(images, bias):
    inputs, labels = images
    model = lenet(seed=3)
    model[-1] = nn.Linear(84, 10, bias=bias)
    found = last_layer_gradients(model, inputs, labels, batch_size=7)
    rows = autograd_rows(model, inputs, labels, list(model[-1].parameters()))
    weight = np.einsum("ic,id->icd", found.residuals, found.features[:, :84]).reshape(len(rows), -1)
    assert found.features.shape[1] == 84 + bias
    assert np.abs(weight - rows[:, :840]).max() < 1e-6
    if bias:
        assert np.abs(found.residuals - rows[:, 840:]).max() < 1e-6


def test_last_layer_gradients_equal_float64_autograd_for_large_logits():
    rng = np.random.default_rng(0)
    weight = torch.tensor(rng.normal(size=(4, 6)) * 300, requires_grad=True)
    features, labels = torch.tensor(rng.normal(size=(9, 6))), torch.tensor(rng.integers(4, size=9))
    logits = features @ weight.T
    found = factored_gradients(logits.detach().numpy(), labels.numpy(), features.numpy(), bias=False)
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    rows = [torch.autograd.grad(loss, weight, retain_graph=True)[0].flatten().numpy() for loss in losses]
    np.testing.assert_allclose(outer(found), rows, atol=1e-12)


def test_all_layer_gradients_equal_autograd(images):
    inputs, labels = images
    model = small_lenet(seed=2)
    inputs = nn.functional.avg_pool2d(inputs, 3)[:, :, :8, :8]
    rows = autograd_rows(model, inputs, labels, list(model.parameters()))
    np.testing.assert_allclose(all_layer_gradients(model, inputs, labels, batch_size=8), rows, atol=1e-6)


def test_all_layer_gradients_of_inputs_that_carry_a_gradient(images):
    inputs, labels = images
    model = lenet()
    carried = inputs.clone().requires_grad_()
    np.testing.assert_array_equal(all_layer_gradients(model, carried, labels), all_layer_gradients(model, inputs, labels))
    assert carried.grad is None


def test_all_layer_gradients_hold_the_last_layer_ones(images):
    model = lenet(seed=4)
    everything = all_layer_gradients(model, *images)
    last = last_layer_gradients(model, *images)
    assert everything.shape == (30, 44_426)
    np.testing.assert_allclose(everything[:, -10:], last.residuals, atol=1e-6)
    np.testing.assert_allclose(
        everything[:, -850:-10], outer(FactoredGradients(last.residuals, last.features[:, :84])), atol=1e-6
    )


def test_models_keep_their_mode_and_parameters(images):
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Dropout(), nn.Linear(784, 10)).train()
    model[1].eval()  # frozen statistics
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first = last_layer_gradients(model, *images)
    all_layer_gradients(model, *images)
    assert [module.training for module in model.modules()] == [True, True, False, True, True]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    np.testing.assert_array_equal(first.residuals, last_layer_gradients(model, *images).residuals)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), single=st.booleans())
def test_factored_products_equal_explicit_ones(seed, single):
    pair = random_pair(seed).astype(np.float32 if single else np.float64)
    rows = outer(pair)
    rng = np.random.default_rng(seed)
    weights, direction = rng.random(pair.n), rng.normal(size=pair.combine(np.ones(pair.n)).shape)
    scale = np.linalg.norm(rows, axis=1)
    tolerance = 1e-5 if single else 1e-12
    assert np.all(np.abs(pair.gram() - rows @ rows.T) <= tolerance * np.outer(scale, scale))
    assert np.all(np.abs(pair.squared_norms() - scale**2) <= tolerance * scale**2)
    assert np.all(np.abs(pair.correlate(direction) - rows @ direction.ravel()) <= tolerance * scale * np.linalg.norm(direction))
    assert np.linalg.norm(pair.combine(weights).ravel() - weights @ rows) <= tolerance * weights @ scale


def test_sums_of_groups_equal_explicit_ones():
    pair = random_pair(5, n=11)
    groups = np.array([[0, 4, 2], [10, 1, 3], [9, -1, -1]])
    expected = [outer(pair)[group[group >= 0]].sum(axis=0) for group in groups]
    np.testing.assert_allclose(pair.sums(groups).rows, expected, atol=1e-12)
    np.testing.assert_allclose(DenseGradients(outer(pair)).sums(groups).rows, expected, atol=1e-12)


def test_matching_error_against_its_definition():
    pair = random_pair(6)
    rows, coreset = outer(pair), Coreset(np.array([3, 1, 20]), np.array([2.0, 5.0, 0.5]))
    target, sum_ = rows.sum(axis=0), coreset.weights @ rows[coreset.indices]
    assert matching_error(pair, coreset) == pytest.approx(np.linalg.norm(sum_ - target) / np.linalg.norm(target))
    assert matching_error(rows, coreset) == pytest.approx(matching_error(pair, coreset))
    grid = [np.linalg.norm(a * sum_ - target) / np.linalg.norm(target) for a in np.linspace(0, 20, 20_001)]
    assert matching_error(pair, coreset, scaled=True) == pytest.approx(min(grid), abs=1e-4)
    assert matching_error(rows, Coreset(np.array([], int), np.array([]))) == 1.0
    assert np.isnan(matching_error(np.zeros((4, 2)), Coreset(np.array([0]), np.array([1.0]))))
    with pytest.raises(ValueError, match="coreset must have indices below the number of points, 40, got 40"):
        matching_error(rows, Coreset(np.array([40]), np.array([1.0])))


@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        (np.full((3, 2), np.nan), "finite"),
        (np.array([[1.0, np.inf]]), "finite"),
        (np.ones(3), "2 dimension"),
        (np.ones((0, 3)), "non-empty"),
        (np.array([["a", "b"]]), "real numbers"),
        ((np.ones((3, 2)), np.ones((4, 2))), "one row a sample"),
        ((np.ones((3, 2)), np.full((3, 2), np.nan)), "features must be finite"),
        ((np.ones((3, 2)),), "pair"),
        ([[1.0, 2.0], [3.0]], "gradients must be readable as a numpy array, got a list"),
        ([np.ones((3, 2)), np.ones((3, 4))], "gradients must be readable as a numpy array, got a list"),
        (torch.ones(3, 2, dtype=torch.complex64, requires_grad=True), "real numbers, got dtype complex64"),
    ],
)
def test_bad_gradients_are_refused(gradients, message):
    with pytest.raises(ValueError, match=message):
        as_gradients(gradients)


def test_finite_gradients_whose_sum_overflows_are_accepted():
    assert as_gradients(np.full((4, 4), 1e308)).n == 4


@pytest.mark.parametrize(
    ("labels", "features", "message"),
    [
        ([0, 1, 3], np.ones((3, 2)), "between 0 and 2"),
        ([-1, 1, 2], np.ones((3, 2)), "between 0 and 2"),
        ([0, 1], np.ones((3, 2)), "3 integers"),
        ([0.0, 1.0, 2.0], np.ones((3, 2)), "3 integers"),
        ([0, 1, 2], np.ones((4, 2)), "one row per row"),
    ],
)
def test_bad_last_layers_are_refused(labels, features, message):
    with pytest.raises(ValueError, match=message):
        factored_gradients(np.zeros((3, 3)), np.array(labels), features)


def test_impossible_networks_and_sizes_are_refused(images):
    inputs, labels = images
    with pytest.raises(ValueError, match="without one"):
        last_layer_gradients(nn.Flatten(), inputs, labels)
    with pytest.raises(ValueError, match="parameter that requires a gradient"):
        all_layer_gradients(lenet().requires_grad_(False), inputs, labels)
    with pytest.raises(ValueError, match=r"60000 x 44426 and take 9\.9 GiB"):
        all_layer_gradients(lenet(), torch.zeros(1).expand(60_000, 1, 28, 28), torch.zeros(60_000, dtype=torch.int64))


class Heads(nn.Module):
    """Linear layers of one size: the last one registered is called as often as asked, before the logits or at the end."""

    def __init__(self, calls: int, at_the_end: bool) -> None:
        super().__init__()
        self.first, self.body, self.head, self.last = (nn.Linear(6, 6) for _ in range(4))
        self.calls, self.at_the_end = calls, at_the_end

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = self.first(inputs)
        for _ in range(self.calls):
            hidden = self.last(hidden)
        return hidden if self.at_the_end else self.head(hidden)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.Linear(6, 6), nn.Softmax(1)), r"return as logits .* shape \(7, 6\)"),
        (nn.Sequential(nn.Linear(6, 6), nn.ReLU(inplace=True)), "return as logits"),
        (
            nn.Sequential(nn.Linear(6, 12), nn.AvgPool1d(2)),
            r"return as logits .* shape \(7, 12\), got something else of .* \(7, 6\)",
        ),
        (
            nn.Sequential(nn.Unflatten(1, (1, 6)), nn.Linear(6, 6), nn.Flatten()),
            r"one vector a sample, got an input of shape \(7, 1, 6\)",
        ),
        (nn.Sequential(nn.Linear(6, 6), nn.Unflatten(1, (2, 3))), r"logits of shape \(samples, classes\)"),
        (Heads(0, at_the_end=False), "once a pass, got 0 calls"),
        (Heads(1, at_the_end=False), "return as logits"),
        (Heads(2, at_the_end=True), "once a pass, got 2 calls"),
    ],
)
def test_a_last_layer_that_does_not_return_the_logits_is_refused(model, message):
    inputs = torch.randn(17, 6, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=message):
        last_layer_gradients(model, inputs, torch.arange(17) % 6, batch_size=7)
    assert not any(module._forward_hooks for module in model.modules())
    last_layer_gradients(Heads(1, at_the_end=True), inputs, torch.arange(17) % 6, batch_size=7)


def test_all_layer_gradients_keep_the_precision_of_the_network():
    generator = torch.Generator().manual_seed(0)
    inputs, labels = torch.randn(9, 6, generator=generator, dtype=torch.float64), torch.arange(9) % 3
    model = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    rows = all_layer_gradients(model, inputs, labels)
    np.testing.assert_allclose(rows, autograd_rows(model, inputs, labels, list(model.parameters())), atol=1e-14)
    half = model.bfloat16(), inputs.bfloat16(), labels
    assert all_layer_gradients(*half).dtype == last_layer_gradients(*half).features.dtype == np.float32


def test_a_double_network_gives_double_factors(images):
    inputs, labels = images
    pair = last_layer_gradients(lenet().double(), inputs.double(), labels)
    assert pair.residuals.dtype == pair.features.dtype == np.float64
    single = last_layer_gradients(lenet(), inputs, labels)
    np.testing.assert_allclose(pair.residuals, single.residuals, atol=1e-6)


def test_size_of_the_factors_does_not_depend_on_the_number_of_parameters(images):
    """N (C + d + 1) numbers, for a network with three hundred times the parameters too."""
    sizes = []
    for width in (8, 4096):
        model = nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Linear(width, 20), nn.Linear(20, 10))
        pair = last_layer_gradients(model, *images)
        sizes.append(pair.residuals.nbytes + pair.features.nbytes)
    assert sizes == [4 * 30 * (10 + 20 + 1)] * 2


@pytest.mark.parametrize("layer", ["0", "2", "4"])
def test_any_layer_and_loss_equal_autograd(layer):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4, bias=False), nn.ReLU(inplace=True), nn.Linear(4, 3))
    inputs, targets = torch.randn(11, 6), torch.randn(11, 3)

    def huber(outputs, labels):
        return nn.functional.smooth_l1_loss(outputs, labels, reduction="none").sum(dim=1)

    watched = model.get_submodule(layer)
    for named in (layer, watched):
        found = last_layer_gradients(model, inputs, targets, layer=named, loss=huber, batch_size=4)
        for i in range(11):
            slopes = torch.autograd.grad(huber(model(inputs[[i]]), targets[[i]])[0], list(watched.parameters()))
            expected = torch.cat([slopes[0], *(slope[:, None] for slope in slopes[1:])], dim=1)
            np.testing.assert_allclose(np.outer(found.residuals[i], found.features[i]), expected.numpy(), atol=1e-6)
    rows = all_layer_gradients(model, inputs, targets, loss=huber)
    slopes = torch.autograd.grad(huber(model(inputs[[3]]), targets[[3]])[0], list(model.parameters()))
    np.testing.assert_allclose(rows[3], torch.cat([slope.flatten() for slope in slopes]).numpy(), atol=1e-6)


def test_a_named_last_layer_has_the_closed_form():
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))
    inputs, labels = torch.randn(9, 6), torch.arange(9) % 3
    closed, walked = (last_layer_gradients(model, inputs, labels, layer=layer) for layer in (None, "2"))
    np.testing.assert_allclose(walked.residuals, closed.residuals, atol=1e-6)
    np.testing.assert_array_equal(walked.features, closed.features)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    np.testing.assert_array_equal(last_layer_gradients(model, inputs, labels, layer="2").residuals, walked.residuals)
    with pytest.raises(ValueError, match=r"layer must be one of the model's torch\.nn\.Linear layers, 0, 2, got 'head'"):
        last_layer_gradients(model, inputs, labels, layer="head")
    with pytest.raises(ValueError, match="loss must be finite"):
        last_layer_gradients(model, inputs, labels, loss=lambda outputs, labels: outputs[:, 0] * float("nan"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_tensors_of_every_precision_with_a_gradient_are_read(dtype):
    rows = torch.arange(12.0).reshape(6, 2).to(dtype).requires_grad_()
    found = as_gradients(rows)
    assert found[0].dtype in (np.float32, np.float64)
    np.testing.assert_array_equal(found[0], np.arange(12.0).reshape(6, 2))
