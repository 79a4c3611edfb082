"""Optimistic Adam where its rates change from step to step, and where its numbers are narrow."""

import numpy as np
import pytest
import torch

from optathlon.baselines.gans import OptimisticAdam


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


@pytest.mark.parametrize("eps", [5e-7, 1e-6, 1e-4])
def test_optimistic_adam_in_half_precision_bears_what_adam_bears(eps):
    ours, theirs = (torch.ones(4, dtype=torch.float16, requires_grad=True) for _ in range(2))
    optimizer, adam = OptimisticAdam([ours], lr=0.01, eps=eps), torch.optim.Adam([theirs], lr=0.01, eps=eps)
    moved = []
    for _ in range(4):
        before = ours.detach().clone(), theirs.detach().clone()
        for param, method in ((ours, optimizer), (theirs, adam)):
            param.grad = torch.tensor([0.0, 1e-4, 1.0, 30.0], dtype=torch.float16)
            method.step()
        moved.append([(after - start).detach().float().numpy() for after, start in zip((ours, theirs), before, strict=True)])
    assert np.isfinite(moved).all()
    np.testing.assert_allclose(*zip(*moved[1:], strict=True), atol=3e-3, rtol=0.05)  # from the second step on, u_t = u_{t-1}
