"""The optimisers against references written out in numpy, and against torch's own."""

import numpy as np
import pytest
import torch
from players import flat, make_params, quadratic, take_steps

from optathlon.baselines.gans import (
    ExtraGradient,
    NegativeMomentumAdam,
    NegativeMomentumSGD,
    OptimisticAdam,
    OptimisticGradient,
)

# References: numpy, one vector, as the formulas are printed.


def slope(w, scale):
    return 2 * scale * (w - 0.3)


def reference_optimistic_adam(w, scale, n, lr, beta1, beta2, eps):
    m = v = before = np.zeros_like(w)
    for t in range(1, n + 1):
        g = slope(w, scale)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        direction = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
        w = w - 2 * lr * direction + lr * before
        before = direction
    return w


def reference_adam(w, scale, n, lr, beta1, beta2, eps):
    m = v = np.zeros_like(w)
    for t in range(1, n + 1):
        g = slope(w, scale)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w


def reference_heavy_ball(w, scale, n, lr, beta):
    before = w
    for _ in range(n):
        w, before = w - lr * slope(w, scale) + beta * (w - before), w
    return w


def reference_optimistic_gradient(w, scale, n, lr):
    before = np.zeros_like(w)
    for _ in range(n):
        g = slope(w, scale)
        w, before = w - 2 * lr * g + lr * before, g
    return w


def reference_extragradient(w, scale, n, lr):
    for _ in range(n):
        w = w - lr * slope(w - lr * slope(w, scale), scale)
    return w


@pytest.mark.parametrize(
    ("make", "reference", "halves"),
    [
        (
            lambda p: OptimisticAdam(p, lr=0.02, betas=(0.5, 0.9), eps=1e-3),
            lambda w, s, n: reference_optimistic_adam(w, s, n, 0.02, 0.5, 0.9, 1e-3),
            1,
        ),
        (
            lambda p: OptimisticAdam(p, lr=0.05, betas=(0.0, 0.999)),
            lambda w, s, n: reference_optimistic_adam(w, s, n, 0.05, 0.0, 0.999, 1e-8),
            1,
        ),
        (
            lambda p: NegativeMomentumAdam(p, lr=0.02, betas=(-0.5, 0.9), eps=1e-3),
            lambda w, s, n: reference_adam(w, s, n, 0.02, -0.5, 0.9, 1e-3),
            1,
        ),
        (lambda p: NegativeMomentumSGD(p, lr=0.02, momentum=-0.5), lambda w, s, n: reference_heavy_ball(w, s, n, 0.02, -0.5), 1),
        (lambda p: NegativeMomentumSGD(p, lr=0.02, momentum=0.4), lambda w, s, n: reference_heavy_ball(w, s, n, 0.02, 0.4), 1),
        (lambda p: OptimisticGradient(p, lr=0.01), lambda w, s, n: reference_optimistic_gradient(w, s, n, 0.01), 1),
        (lambda p: ExtraGradient(p, lr=0.02), lambda w, s, n: reference_extragradient(w, s, n, 0.02), 2),
    ],
    ids=["oadam", "oadam-beta1-0", "adam-nm", "sgd-nm", "sgd-positive", "ogda", "extragradient"],
)
@pytest.mark.parametrize("foreach", [None, True, False])
def test_twenty_steps_equal_the_numpy_reference(make, reference, halves, foreach):
    params = make_params()
    start = flat(params)
    scale = np.concatenate([np.arange(1, p.numel() + 1) for p in params]).astype(float)
    optimizer = make([{"params": params, "foreach": foreach}])
    take_steps(optimizer, params, 20 * halves)
    np.testing.assert_allclose(flat(params), reference(start, scale, 20), atol=1e-12)


def test_optimistic_adam_along_an_unchanged_direction_is_adam():
    ours, theirs = make_params(), make_params()
    optimizer, adam = OptimisticAdam(ours, lr=0.1), torch.optim.Adam(theirs, lr=0.1)
    linear = lambda params: sum((p * torch.linspace(1.0, 2.0, p.numel(), dtype=p.dtype).reshape(p.shape)).sum() for p in params)  # noqa: E731
    take_steps(optimizer, ours, 1, linear)
    take_steps(adam, theirs, 1, linear)
    before = flat(ours), flat(theirs)
    take_steps(optimizer, ours, 5, linear)  # a constant gradient: from the second step on u_t = u_{t-1}
    take_steps(adam, theirs, 5, linear)
    np.testing.assert_allclose(flat(ours) - before[0], flat(theirs) - before[1], atol=1e-12)


@pytest.mark.parametrize("beta1", [-0.9, -0.5, -0.1, 0.0, 0.5])
def test_first_step_of_negative_momentum_adam_is_the_signed_rate(beta1):
    params = make_params()
    start = flat(params)
    optimizer = NegativeMomentumAdam(params, lr=0.01, betas=(beta1, 0.999), eps=0.0)
    quadratic(params).backward()
    signs = np.sign(np.concatenate([np.atleast_1d(p.grad.numpy()).ravel() for p in params]))
    optimizer.step()
    np.testing.assert_allclose(flat(params), start - 0.01 * signs, atol=1e-12)


def test_negative_momentum_optimizers_with_positive_momentum_are_torchs():
    for ours, theirs in (
        (
            lambda p: NegativeMomentumAdam(p, lr=0.1, betas=(0.5, 0.99), amsgrad=True),
            lambda p: torch.optim.Adam(p, 0.1, (0.5, 0.99), amsgrad=True),
        ),
        (lambda p: NegativeMomentumSGD(p, lr=0.01, momentum=0.9), lambda p: torch.optim.SGD(p, 0.01, momentum=0.9)),
    ):
        left, right = make_params(), make_params()
        take_steps(ours(left), left, 10)
        take_steps(theirs(right), right, 10)
        np.testing.assert_array_equal(flat(left), flat(right))
