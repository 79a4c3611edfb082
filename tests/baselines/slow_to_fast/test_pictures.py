"""The picture network and its plain descent."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from optathlon.baselines.slow_to_fast import simplified_lenet, train_pictures


def test_descent_is_torch_s_own():
    torch.manual_seed(0)
    X, y = torch.randn(40, 1, 12, 12), torch.randint(3, (40,))
    model = simplified_lenet(size=12, n_classes=3, seed=1)
    kept = [p.clone() for p in model.parameters()]
    trained, losses = train_pictures(model, X, y, n_steps=5, batch_size=40, learning_rate=0.1, rng=0)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), kept, strict=True))
    expected = []
    for _ in range(5):  # a batch of everything: the order does not matter
        loss = torch.nn.functional.cross_entropy(model(X), y)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for p, g in zip(model.parameters(), gradients, strict=True):
                p -= 0.1 * g
        expected.append(float(loss.detach()))
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    for a, b in zip(trained.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_a_seed_makes_network_and_order():
    X, y = torch.randn(30, 1, 12, 12), torch.arange(30) % 3
    runs = [
        train_pictures(simplified_lenet(size=12, seed=s), X, y, n_steps=8, batch_size=10, rng=r)[1]
        for s, r in ((0, 0), (0, 0), (1, 0), (0, 1))
    ]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    assert not np.array_equal(runs[0], runs[3])


def test_an_explosion_is_returned():
    X, y = 100 * torch.randn(30, 1, 12, 12), torch.arange(30) % 3
    _, losses = train_pictures(simplified_lenet(size=12), X, y, n_steps=50, batch_size=30, learning_rate=1e6, rng=0)
    assert not np.isfinite(losses[-1])
    assert len(losses) < 50


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"batch_size": 31}, "batch_size"),
        ({"n_steps": 0}, "n_steps"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"rng": "a"}, "rng"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(change, says):
    X, y = torch.randn(30, 1, 12, 12), torch.arange(30) % 3
    with pytest.raises(ValueError, match=says):
        train_pictures(simplified_lenet(size=12), X, y, **{"n_steps": 1, "batch_size": 10, **change})
