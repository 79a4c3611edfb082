"""Optimistic Adam where its rates change from step to step, and where its numbers are narrow."""

import numpy as np
import pytest
import torch

from optathlon.baselines.gans import NegativeMomentumAdam, OptimisticAdam


@pytest.mark.parametrize("foreach", [None, False])
@pytest.mark.parametrize(
    "schedule",
    [
        lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=40),
        lambda optimizer: torch.optim.lr_scheduler.CyclicLR(optimizer, 0.01, 0.1, step_size_up=7, base_momentum=0.2),
    ],
    ids=["one-cycle", "cyclic"],
)
def test_optimistic_adam_takes_back_the_direction_as_it_was_where_betas_cycle(schedule, foreach):
    rng = np.random.default_rng(0)
    params = [torch.from_numpy(rng.standard_normal(3)).requires_grad_() for _ in range(3)]
    optimizer = OptimisticAdam(params, betas=(0.5, 0.9), foreach=foreach)
    scheduler = schedule(optimizer)
    points = [p.detach().numpy().copy() for p in params]
    counts, firsts, seconds, befores = np.zeros(3, dtype=int), np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3))
    for _ in range(30):
        lr, (beta1, beta2) = optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["betas"]
        optimizer.zero_grad()
        for i in np.flatnonzero(rng.random(3) < 0.7):  # so that equal step counts come from different steps of the schedule
            g = rng.standard_normal(3)
            params[i].grad = torch.from_numpy(g)
            counts[i] += 1
            firsts[i] = beta1 * firsts[i] + (1 - beta1) * g
            seconds[i] = beta2 * seconds[i] + (1 - beta2) * g**2
            direction = firsts[i] / (1 - beta1 ** counts[i]) / (np.sqrt(seconds[i] / (1 - beta2 ** counts[i])) + 1e-8)
            points[i] += lr * befores[i] - 2 * lr * direction
            befores[i] = direction
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose([p.detach().numpy() for p in params], points, atol=1e-10)


@pytest.mark.parametrize("eps", [1e-8, 1e-6, 1e-4])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("cls", [OptimisticAdam, NegativeMomentumAdam])
def test_16_bits_step_as_32_bits_do(cls, eps, dtype):
    """Zero gradients, ones whose squares vanish in 16 bits, and large ones; parameters at 0, where 16 bits are fine."""
    narrow, single = torch.zeros(5, dtype=dtype, requires_grad=True), torch.zeros(5, requires_grad=True)
    optimizers = [cls([param], lr=0.01, eps=eps) for param in (narrow, single)]
    for step in range(20):
        grad = torch.tensor([0.0, 1e-6, -1e-4, 1.0, 30.0 + step]).to(dtype)
        for param, optimizer in zip((narrow, single), optimizers, strict=True):
            param.grad = grad.to(param.dtype)
            optimizer.step()
        if step == 9:  # a checkpoint keeps the moments' precision
            restored = cls([narrow], lr=0.5)
            restored.load_state_dict(optimizers[0].state_dict())
            optimizers[0] = restored
    assert narrow.dtype == dtype
    assert narrow[0] == 0
    assert all(value.dtype == torch.float32 for value in optimizers[0].state[narrow].values() if isinstance(value, torch.Tensor))
    np.testing.assert_allclose(narrow.detach().float().numpy(), single.detach().numpy(), rtol=0.05, atol=1e-6)
