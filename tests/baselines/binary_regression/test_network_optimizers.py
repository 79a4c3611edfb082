"""Optimisers of binary weights: against torch's own, brute force, and the saddle point in closed form."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from optathlon.baselines.binary_regression import (
    BopOptimizer,
    MaximinOptimizer,
    StraightThroughOptimizer,
    linear_network,
    split_parameters,
    train_network,
)
from optathlon.baselines.binary_regression.network_optimizers import to_signs

torch.set_num_threads(1)

OPTIMIZERS = (MaximinOptimizer, StraightThroughOptimizer, BopOptimizer)
METHODS = ("maximin", "straight-through", "bop")


def weights_from(values) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=torch.float64))


def regression(seed: int, sigma: float, n: int = 8, m: int = 40):
    rng = np.random.default_rng(seed)
    X = torch.from_numpy(rng.standard_normal((m, n)) / np.sqrt(n))
    w_true = torch.from_numpy(rng.choice([-1.0, 1.0], n))
    return X, w_true, X @ w_true + sigma * torch.from_numpy(rng.standard_normal(m))


def descend_ascend(X, y, n_steps: int, scale: float = 1.0, **options) -> tuple[nn.Parameter, torch.Tensor]:
    w = weights_from(np.full(X.shape[1], 0.01))
    optimizer = MaximinOptimizer([w], **options)
    fade = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.1 ** (1 / n_steps))
    for _ in range(n_steps):
        optimizer.zero_grad()
        (scale * (X @ w - y).square().sum()).backward()
        optimizer.step()
        fade.step()
    return w, optimizer.state[w]["dual"]


@pytest.mark.parametrize("bound", [1.0, 2.0, float("inf")])
def test_maximin_finds_the_best_binary_weights(bound):
    for seed in range(5):
        X, _, y = regression(seed, sigma=0.3)
        w, _ = descend_ascend(X, y, 1000, bound=bound, dual_step=0.1)
        candidates = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=8)), dtype=torch.float64)
        best = candidates[(candidates @ X.T - y).square().sum(1).argmin()]
        assert torch.equal(torch.sign(w), best)
        assert ((w.detach().abs() - 1).abs() < 1e-2).all()


def test_maximin_dual_is_the_saddle_point_of_theorem_3_1():
    X, w_true, y = regression(0, sigma=0.05)
    noise = y - X @ w_true
    assert (X.T @ noise).abs().max() < torch.linalg.eigvalsh(X.T @ X)[0]  # condition (8)
    _, z = descend_ascend(X, y, 1000, bound=float("inf"), dual_step=0.1)
    expected = w_true * (X.T @ noise)  # with eq. 2's sign; the paper prints the opposite one
    torch.testing.assert_close(z, expected, rtol=0.0, atol=1e-3)


def test_maximin_does_not_depend_on_the_scale_of_the_loss():
    X, _, y = regression(1, sigma=0.3)
    w, z = descend_ascend(X, y, 200)
    scaled_w, scaled_z = descend_ascend(X, y, 200, scale=1e4)
    torch.testing.assert_close(scaled_w, w, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(scaled_z, 1e4 * z, rtol=1e-5, atol=1e-5)


def test_maximin_without_dual_and_box_is_adam():
    X, _, y = regression(2, sigma=0.5)
    ours, theirs = weights_from(np.zeros(8)), weights_from(np.zeros(8))
    optimizers = (
        MaximinOptimizer([ours], 0.05, dual_step=0.0, bound=float("inf"), betas=(0.9, 0.999), eps=1e-8),
        torch.optim.Adam([theirs], 0.05),
    )
    for _, (w, optimizer) in itertools.product(range(50), zip((ours, theirs), optimizers, strict=True)):
        optimizer.zero_grad()
        (X @ w - y).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_maximin_dual_grows_by_its_factor():
    w = weights_from([[0.5, -0.5]])
    optimizer = MaximinOptimizer([w], lr=1e-15, dual_step=0.01, dual_growth=3.0)
    for _ in range(3):
        w.grad = torch.tensor([[4.0, -4.0]], dtype=torch.float64)
        optimizer.step()
    # The gradient has size 4, and w^2 - 1 stays -3/4.
    expected = 0.01 * (1 + 3 + 9) * 4 * (0.25 - 1)
    torch.testing.assert_close(optimizer.state[w]["dual"], torch.full_like(w, expected), rtol=1e-10, atol=0.0)


class SignThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, v):
        ctx.save_for_backward(v)
        return torch.where(v >= 0, 1.0, -1.0).to(v.dtype)

    @staticmethod
    def backward(ctx, gradient):
        (v,) = ctx.saved_tensors
        return gradient * (v.abs() <= 1)


def test_straight_through_agrees_with_autograd_through_a_sign():
    X, _, y = regression(3, sigma=1.0)
    start = np.linspace(-0.1, 0.1, 8)
    ours, latent = weights_from(start), weights_from(start)
    ours_optimizer = StraightThroughOptimizer([ours], 0.2, eps=1e-8)
    theirs = torch.optim.Adam([latent], 0.2)
    for _ in range(60):
        ours_optimizer.zero_grad()
        theirs.zero_grad()
        (X @ ours - y).square().sum().backward()
        (X @ SignThrough.apply(latent) - y).square().sum().backward()
        ours_optimizer.step()
        theirs.step()
        latent.data.clamp_(-1, 1)
        torch.testing.assert_close(ours_optimizer.state[ours]["latent"], latent.data, rtol=1e-9, atol=1e-9)
        assert torch.equal(ours, SignThrough.apply(latent))


def test_bop_flips_where_the_average_is_large_and_has_the_sign_of_the_weight():
    w = weights_from([1.0, 1.0, 1.0, -1.0, -1.0])
    optimizer = BopOptimizer([w], lr=1.0, threshold=0.5)
    w.grad = torch.tensor([0.6, -0.6, 0.4, -0.6, 0.6], dtype=torch.float64)
    optimizer.step()
    assert w.tolist() == [-1.0, 1.0, 1.0, 1.0, -1.0]


def test_bop_averages_its_gradients():
    w = weights_from([1.0])
    optimizer = BopOptimizer([w], lr=0.1, threshold=0.5)
    flipped = 0
    for step in range(1, 30):
        w.grad = torch.ones_like(w)
        optimizer.step()
        if w.item() == -1 and not flipped:
            flipped = step
    assert flipped == next(k for k in range(1, 30) if 1 - 0.9**k > 0.5)


@pytest.mark.parametrize("optimizer_class", OPTIMIZERS)
def test_state_dict_carries_a_run_on_to_the_last_bit(optimizer_class, tmp_path: Path):
    def step(module, optimizer, fade, n):
        for k in range(n):
            optimizer.zero_grad()
            module(torch.ones(2, 4) * (k + 1)).square().sum().backward()
            optimizer.step()
            fade.step()

    def make():
        module = linear_network(4, 3, rng=np.random.default_rng(1))
        optimizer = optimizer_class(split_parameters(module)[0])
        return module, optimizer, torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)

    straight, resumed = make(), make()
    step(*straight, 5)
    torch.save([part.state_dict() for part in straight], tmp_path / "run.pt")
    for part, state in zip(resumed, torch.load(tmp_path / "run.pt"), strict=True):
        part.load_state_dict(state)
    step(*straight, 5)
    step(*resumed, 5)
    for one, other in zip(straight[0].parameters(), resumed[0].parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("optimizer_class", OPTIMIZERS)
def test_binarize_gives_exact_signs_and_binarized_puts_the_weights_back(optimizer_class):
    w = weights_from([[0.3, -0.2], [0.0, -1.7]])
    optimizer = optimizer_class([w])
    before = w.detach().clone()
    with optimizer.binarized():
        assert w.tolist() == [[1.0, -1.0], [1.0, -1.0]]
    assert torch.equal(w, before)
    optimizer.binarize()
    assert w.tolist() == [[1.0, -1.0], [1.0, -1.0]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("optimizer_class", [MaximinOptimizer, StraightThroughOptimizer, BopOptimizer])
def test_half_precision_keeps_the_signs_without_gradients_and_follows_small_ones(optimizer_class, dtype):
    start = torch.tensor([0.5, -0.25, 1.0, -1.0], dtype=dtype)
    for slope in (0.0, 1e-4, -1e-4, 1e-6):
        weights = torch.nn.Parameter(start.clone())
        optimizer = optimizer_class([weights], **({"threshold": 1e-8} if optimizer_class is BopOptimizer else {}))
        for _ in range(50):
            weights.grad = torch.full_like(weights, slope)
            optimizer.step()
        optimizer.binarize()
        expected = torch.sign(start) if slope == 0 else torch.full_like(start, -1.0 if slope > 0 else 1.0)
        assert torch.equal(weights.detach(), expected)


def test_state_in_single_precision_survives_a_checkpoint_of_half_precision_weights():
    weights = torch.nn.Parameter(torch.tensor([0.5, -0.25], dtype=torch.float16))
    optimizer = MaximinOptimizer([weights])
    weights.grad = torch.full_like(weights, 1e-4)
    optimizer.step()
    restored = MaximinOptimizer([torch.nn.Parameter(weights.detach().clone())])
    restored.load_state_dict(optimizer.state_dict())
    for own, kept in zip(restored.state.values(), optimizer.state.values(), strict=True):
        assert torch.equal(own["square"], kept["square"])
        assert own["square"].dtype == torch.float32
        assert (own["square"] > 0).all()


def test_signs_of_nan_are_nan():
    assert to_signs(torch.tensor([1.0, float("nan")])).isnan().tolist() == [False, True]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_gradient_that_is_nan_shows_in_the_weights(optimizer):
    weights = torch.nn.Parameter(torch.tensor([0.5, -0.5]))
    steps = optimizer([weights])
    weights.grad = torch.tensor([float("nan"), 0.1])
    steps.step()
    steps.binarize()
    assert weights.isnan().tolist() == [True, False]


@pytest.mark.parametrize("method", [*METHODS, "real"])
def test_a_loss_that_is_nan_ends_the_training_and_is_said(method):
    X, y = np.random.default_rng(0).normal(size=(64, 4)), np.arange(64) % 3

    def lost(output, target):
        return torch.nn.functional.cross_entropy(output, target) + float("nan")

    found = train_network(torch.nn.Linear(4, 3), X, y, method=method, n_epochs=2, batch_size=16, loss=lost, rng=0)
    assert found.diverged_at == 1
    kept = train_network(torch.nn.Linear(4, 3), X, y, method=method, n_epochs=2, batch_size=16, rng=0)
    assert kept.diverged_at is None


def test_groups_keep_their_own_options():
    slow, fast = weights_from([0.5]), weights_from([0.5])
    optimizer = MaximinOptimizer([{"params": [slow], "lr": 1e-3}, {"params": [fast]}], lr=0.1, dual_step=0.0)
    for w in (slow, fast):
        w.grad = torch.ones_like(w)
    optimizer.step()
    assert slow.item() == pytest.approx(0.499)
    assert fast.item() == pytest.approx(0.4)


def test_step_returns_the_closure_value_and_leaves_weights_without_gradient_alone():
    w, idle = weights_from([0.5]), weights_from([0.5])
    optimizer = MaximinOptimizer([w, idle])

    def closure():
        optimizer.zero_grad()
        loss = w.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 0.25
    assert idle.item() == 0.5
    assert w.item() != 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda w: MaximinOptimizer([]), "params must hold at least one"),
        (lambda w: MaximinOptimizer([w], lr=0.0), "lr must be a positive"),
        (lambda w: MaximinOptimizer([w], bound=0.5), "bound must be at least 1"),
        (lambda w: MaximinOptimizer([w], dual_step=float("nan")), "dual_step must be a positive"),
        (lambda w: MaximinOptimizer([w], betas=(0.0, 1.0)), "betas must be two numbers"),
        (lambda w: StraightThroughOptimizer([w], spread=-1.0), "spread must be a positive"),
        (lambda w: BopOptimizer([w], lr=2.0), "lr must be at most 1"),
        (lambda w: BopOptimizer([w], threshold=0.0), "threshold must be a positive"),
        (lambda w: BopOptimizer([torch.zeros(2, dtype=torch.int64)]), "floating-point tensors"),
        (lambda w: MaximinOptimizer([weights_from([float("nan")])]), "params must be finite"),
    ],
)
def test_optimisers_refuse_bad_options_in_a_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make(weights_from([0.5, -0.5]))


def test_sparse_gradients_are_refused():
    table = nn.Embedding(4, 2, sparse=True)
    optimizer = MaximinOptimizer(table.parameters())
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match="gradients must be dense"):
        optimizer.step()
