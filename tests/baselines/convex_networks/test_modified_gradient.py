"""The modified gradient: derivative of a convex bound, and it finds planted neurons where the plain one stalls."""

from __future__ import annotations

import numpy as np
import pytest

from optathlon.baselines.convex_networks import convex_surrogate, fit_neurons


def planted(n, d, m, seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d))
    return A, np.maximum(A @ rng.standard_normal((d, m)), 0).sum(axis=1)


def successes(n, d, m, modified, trials=20):
    runs = (
        fit_neurons(*planted(n, d, m, seed), n_neurons=m, modified=modified, rng=np.random.default_rng(100 + seed))
        for seed in range(trials)
    )
    return sum(run.converged for run in runs) / trials


@pytest.mark.parametrize(("n", "d"), [(20, 20), (20, 40), (10, 50)])
def test_one_neuron_with_few_samples(n, d):
    assert successes(n, d, 1, modified=True) >= 0.95
    assert successes(n, d, 1, modified=False) <= 0.5


def test_several_neurons_with_few_samples():
    assert successes(20, 40, 3, modified=True) >= 0.95
    assert successes(20, 40, 3, modified=False) <= 0.7


def test_plain_descent_succeeds_with_many_samples():
    assert successes(100, 20, 1, modified=False, trials=5) == 1.0


def test_surrogate_is_convex_and_above_the_loss_with_its_gradient():
    A, y = planted(12, 5, 1, 0)
    rng = np.random.default_rng(1)
    for _ in range(50):
        u, v = rng.standard_normal((2, 5))
        loss = np.sum((np.maximum(A @ u, 0) - y) ** 2)
        assert convex_surrogate(A, y, u) >= loss - 1e-9
        middle = convex_surrogate(A, y, (u + v) / 2)
        assert middle <= (convex_surrogate(A, y, u) + convex_surrogate(A, y, v)) / 2 + 1e-9
    w = rng.standard_normal(5)
    step = 1e-3
    moved = fit_neurons(A, y, step=step, n_steps=1, start=w[:, None]).W[:, 0]
    slope = [(convex_surrogate(A, y, w + h) - convex_surrogate(A, y, w - h)) / 2e-6 for h in 1e-6 * np.eye(5)]
    assert np.allclose((w - moved) / step, np.array(slope) / 2, rtol=1e-4)


def test_noise_separates_the_two_minima():
    A, y = planted(30, 10, 1, 4)
    y = y + 0.5 * np.abs(np.random.default_rng(0).standard_normal(30))
    surrogate = fit_neurons(A, y, n_steps=5000, rng=np.random.default_rng(1))
    plain = min(fit_neurons(A, y, modified=False, n_steps=5000, rng=np.random.default_rng(seed)).loss for seed in range(5))
    assert plain < surrogate.loss * (1 - 1e-3)
    assert not surrogate.converged


def test_bad_input_is_refused():
    A, y = planted(5, 3, 1, 0)
    with pytest.raises(ValueError, match="start must have shape"):
        fit_neurons(A, y, start=np.ones((2, 1)))
    with pytest.raises(ValueError, match="n_neurons must be a whole number"):
        fit_neurons(A, y, n_neurons=0)
    with pytest.raises(ValueError, match="w must have one entry per column"):
        convex_surrogate(A, y, np.ones(2))
    with pytest.raises(ValueError, match="A must be finite"):
        fit_neurons(np.full((3, 2), np.nan), np.ones(3))
