"""The teacher's closed forms against Monte Carlo and differences."""

from __future__ import annotations

import numpy as np
import pytest

from optathlon.baselines.coarse_gradients import coarse_gradient, sampled_gradient, teacher_loss


@pytest.mark.parametrize(("seed", "m", "n"), [(0, 3, 4), (1, 1, 2), (2, 5, 7)])
def test_closed_forms_agree_with_samples(seed, m, n):
    rng = np.random.default_rng(seed)
    w, w_star, v = rng.standard_normal(n) * 3, rng.standard_normal(n), rng.standard_normal(m)
    sampled = sampled_gradient(w, w_star, v, n_samples=400_000, rng=seed)
    distance = (sampled.gradient - coarse_gradient(w, w_star, v)) / sampled.gradient_error
    assert np.abs(distance).max() < 4.5
    assert abs(sampled.loss - teacher_loss(w, w_star, v)) < 4.5 * sampled.loss_error
    assert sampled.gradient_error.max() < 0.02 * max(1.0, v @ v)


def test_the_loss_as_the_factor_gives_another_vector():
    w, w_star, v = [1, 0.5, -0.2, 0.1], [0.5, 0.5, 0.5, 0.5], [1.0, 2.0, 0.5]
    sampled = sampled_gradient(w, w_star, v, n_samples=100_000, rng=0)
    distance = np.abs(sampled.as_printed - coarse_gradient(w, w_star, v)) / sampled.as_printed_error
    assert distance.max() > 20


def test_the_standard_errors_are_those_of_repeated_samples():
    w, w_star, v = [1.0, 0.5], [0.2, 1.0], [1.0, -1.0]
    runs = [sampled_gradient(w, w_star, v, n_samples=500, rng=seed) for seed in range(300)]
    spread = np.std([run.gradient for run in runs], axis=0, ddof=1)
    np.testing.assert_allclose(spread, np.mean([run.gradient_error for run in runs], axis=0), rtol=0.15)


def test_the_loss_is_the_angle_and_both_vanish_at_the_teacher():
    assert teacher_loss([0, 3], [5, 0], [2]) == pytest.approx(4 * (np.pi / 2) / (2 * np.pi))
    assert teacher_loss([-1, 0], [5, 0], [1]) == pytest.approx(0.5)
    assert teacher_loss([1e-300, 1e-300], [2, 2], [1]) == 0
    np.testing.assert_allclose(coarse_gradient([1e200, 1e200], [2, 2], [1]), 0, atol=1e-16)


@pytest.mark.parametrize("call", [teacher_loss, coarse_gradient, lambda *a: sampled_gradient(*a, n_samples=10)])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 0], [1, 0], [1]), "w must have a direction"),
        (([1, 0], [0, 0], [1]), "w_star must have a direction"),
        (([1, 0, 0], [1, 0], [1]), "the same length"),
        (([1, np.nan], [1, 0], [1]), "w must be finite"),
        (([1, 0], [1, 0], []), "v must be an array with 1 non-empty axes"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, arguments, message):
    with pytest.raises(ValueError, match=message):
        call(*arguments)


def test_settings_of_the_sampler_are_checked():
    for settings, message in (({"n_samples": 1}, "n_samples"), ({"n_samples": 10, "rng": -1}, "rng must be")):
        with pytest.raises(ValueError, match=message):
            sampled_gradient([1, 0], [1, 1], [1], **settings)
