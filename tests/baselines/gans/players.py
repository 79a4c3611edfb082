"""Parameters to move, and a loss that moves them, for the tests of the optimisers."""

import torch

SHAPES = [(3, 4), (5,), (), (2, 1, 3)]


def quadratic(params):
    """A strictly convex function whose gradient differs in every entry."""
    return sum(
        (torch.arange(1, p.numel() + 1, dtype=p.dtype).reshape(p.shape) * (p - 0.3).square()).sum().double() for p in params
    )


def make_params(seed=0, shapes=SHAPES, dtype=torch.float64):
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype).requires_grad_() for shape in shapes]


def take_steps(optimizer, params, n, loss=quadratic):
    for _ in range(n):
        optimizer.zero_grad()
        loss(params).backward()
        optimizer.step()


def flat(params):
    return torch.cat([p.detach().double().flatten() for p in params]).numpy()
