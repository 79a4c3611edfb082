"""Proxies: their training, and what they forget."""

from __future__ import annotations

import numpy as np
import pytest

from optathlon.baselines.coresets import full, hardest, small_lenet, train_on_coresets, train_proxy

torch = pytest.importorskip("torch")


def samples(n=120, seed=0):
    """Two classes told apart by a pixel, a tenth of the labels wrong."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    inputs = 0.3 * rng.standard_normal((n, 1, 8, 8))
    inputs[:, 0, 3:5, 3:5] += (2 * labels - 1)[:, None, None]
    wrong = rng.permutation(n)[: n // 10]
    labels[wrong] = 1 - labels[wrong]
    return torch.tensor(inputs, dtype=torch.float32), torch.tensor(labels), wrong


def test_the_proxy_is_the_network_that_training_on_everything_gives_and_its_events_are_counted_by_epoch():
    inputs, labels, _ = samples()
    start = small_lenet(1, classes=2)
    before = {name: value.clone() for name, value in start.state_dict().items()}
    right = []

    def look(epoch, model):
        model.eval()
        with torch.no_grad():
            right.append((model(inputs).argmax(dim=1) == labels).numpy())
        model.train()

    proxy = train_proxy(start, inputs, labels, n_epochs=6, learning_rate=0.05, rng=3)
    settings = {"n_epochs": 6, "reselect_every": 6, "learning_rate": 0.05, "rng": 3, "callback": look}
    same = train_on_coresets(start, inputs, labels, lambda model: full(len(labels)), **settings)
    for name, value in same.model.state_dict().items():
        assert torch.equal(value, proxy.model.state_dict()[name])
        assert torch.equal(before[name], start.state_dict()[name])
    history = np.array(right)
    counted = (history[:-1] & ~history[1:]).sum(axis=0).astype(float)
    counted[~history.any(axis=0)] = np.inf
    np.testing.assert_array_equal(proxy.forgetting, counted)


def test_wrong_labels_are_forgotten_or_never_learnt():
    inputs, labels, wrong = samples()
    proxy = train_proxy(small_lenet(1, classes=2), inputs, labels, n_epochs=10, learning_rate=0.1, rng=0)
    found = np.isin(hardest(proxy.forgetting, len(wrong)).indices, wrong).mean()
    assert found >= 0.9


def test_bad_input_is_refused_and_divergence_is_told():
    inputs, labels, _ = samples(20)
    with pytest.raises(ValueError, match="epochs must be"):
        train_proxy(small_lenet(), inputs, labels, n_epochs=0)
    with pytest.raises(ValueError, match="labels"):
        train_proxy(small_lenet(), inputs, labels[:5])
    assert train_proxy(small_lenet(), inputs, labels, n_epochs=2, learning_rate=1e30, rng=0).diverged_at in (1, 2)
