"""The engine by arcs against the engine by points, and both against plain numpy and the published table."""

from __future__ import annotations

import numpy as np
import pytest

from optathlon.baselines.slow_to_fast import (
    figure_start,
    half_space_start,
    plane_grid,
    random_start,
    train_network,
    train_on_plane,
    two_planes,
)

# Table 2.1: mean and standard deviation of 100 runs, random and half-space start.
TABLE = {
    6: (578.90, 205.43, 672.41, 226.53),
    8: (423.96, 190.91, 582.16, 200.81),
    10: (313.29, 178.67, 550.19, 180.59),
    12: (242.72, 178.94, 517.26, 172.46),
    14: (183.53, 108.60, 500.42, 215.87),
    16: (141.00, 80.66, 487.42, 220.48),
    18: (126.52, 62.07, 478.25, 202.71),
    20: (102.09, 32.32, 412.46, 195.92),
    22: (90.65, 28.01, 454.08, 203.00),
    24: (82.93, 26.76, 416.82, 216.58),
}


def outputs(X, W, n_positive, bias=0.0):
    hidden = np.maximum(X @ W.T - bias, 0)
    return hidden[:, :n_positive].sum(1) - hidden[:, n_positive:].sum(1)


def loss(X, y, W, n_positive, bias=0.0):
    missing = np.maximum(1 - y * outputs(X, W, n_positive, bias), 0)
    return sum(missing[y == c].mean() for c in np.unique(y))


def plain_descent(X, y, W, n_positive, eta=0.1, bias=0.0, max_steps=20_000):
    """Gradient descent written down without a thought of speed."""
    W, signs = W.copy(), np.where(np.arange(len(W)) < n_positive, 1.0, -1.0)
    shares = np.array([1 / np.count_nonzero(y == c) for c in y])
    for step in range(max_steps + 1):
        active = y * outputs(X, W, n_positive, bias) < 1
        if not active.any() or step == max_steps:
            return step, W
        pull = shares * y * active
        for j, sign in enumerate(signs):
            on = X @ W[j] > bias
            W[j] = W[j] + eta * sign * (pull * on) @ X
    raise AssertionError


@pytest.mark.parametrize("n_neurons", [2, 6, 8, 24])
def test_engines_agree_on_every_iteration_count(n_neurons):
    X = plane_grid()
    starts = np.concatenate([random_start(n_neurons, 20, rng=n_neurons), half_space_start(n_neurons, 20, rng=n_neurons + 1)])
    arcs, points = train_on_plane(starts, max_steps=6000), train_network(X, np.ones(len(X)), starts, max_steps=6000)
    assert np.array_equal(arcs.steps, points.steps)
    assert np.array_equal(arcs.converged, points.converged)
    np.testing.assert_allclose(arcs.weights, points.weights, atol=1e-10)
    np.testing.assert_allclose(arcs.largest_norm, points.largest_norm, rtol=1e-12)
    np.testing.assert_allclose(arcs.objective, points.objective, atol=1e-10)


@pytest.mark.parametrize(("radii", "n_angles"), [((1.0,), 3), ((0.3, 4.0), 17), ((2.0, 1.0, 1.0), 5)])
def test_engines_agree_on_other_grids(radii, n_angles):
    X, starts = plane_grid(radii, n_angles=n_angles), random_start(7, 10, rng=0)
    arcs = train_on_plane(starts, n_positive=4, radii=radii, n_angles=n_angles, eta=0.03, max_steps=500)
    points = train_network(X, np.ones(len(X)), starts, n_positive=4, eta=0.03, max_steps=500)
    assert np.array_equal(arcs.steps, points.steps)
    np.testing.assert_allclose(arcs.weights, points.weights, atol=1e-10)


@pytest.mark.parametrize("bias", [0.0, 0.05])
def test_points_are_descended_as_numpy_does(bias):
    X, y = two_planes(60, n_angles=20, noise=0.02, rng=0)
    W = random_start(8, dimension=4, rng=3)[0]
    found = train_network(X, y, W, bias=bias, max_steps=300)
    steps, expected = plain_descent(X, y, W, 4, bias=bias, max_steps=300)
    assert found.steps[0] == steps
    np.testing.assert_allclose(found.weights[0], expected, atol=1e-9)
    assert found.objective[0] == pytest.approx(loss(X, y, expected, 4, bias), abs=1e-9)


def test_a_step_follows_the_gradient_by_differences():
    X, y = two_planes(45, n_angles=12)
    W = random_start(6, dimension=4, rng=0)[0]
    moved = (train_network(X, y, W, eta=1e-3, max_steps=1).weights[0] - W) / -1e-3
    for j, c in ((0, 0), (2, 3), (5, 1)):
        up, down = W.copy(), W.copy()
        up[j, c] += 1e-6
        down[j, c] -= 1e-6
        assert (loss(X, y, up, 3) - loss(X, y, down, 3)) / 2e-6 == pytest.approx(moved[j, c], abs=1e-6)


def test_momentum_and_adam_follow_torch():
    torch = pytest.importorskip("torch")
    X, y = two_planes(90, n_angles=10)
    W = random_start(4, dimension=4, rng=1)[0]
    for name, make in (
        ("momentum", lambda p: torch.optim.SGD(p, 0.05, momentum=0.9)),
        ("adam", lambda p: torch.optim.Adam(p, 0.05)),
    ):
        w = torch.tensor(W, requires_grad=True)
        optimizer, tx, ty = make([w]), torch.tensor(X), torch.tensor(y)
        for _ in range(7):
            hidden = torch.relu(tx @ w.T)
            margins = ty * (hidden[:, :2].sum(1) - hidden[:, 2:].sum(1))
            missing = torch.relu(1 - margins)
            optimizer.zero_grad()
            (missing[ty > 0].mean() + missing[ty < 0].mean()).backward()
            optimizer.step()
        ours = train_network(X, y, W, optimizer=name, eta=0.05, max_steps=7)
        np.testing.assert_allclose(ours.weights[0], w.detach().numpy(), atol=1e-8)


def test_converged_means_every_margin():
    X = plane_grid()
    found = train_on_plane(random_start(8, 30, rng=5))
    assert found.converged.all()
    assert not found.objective.any()
    for W in found.weights:
        assert outputs(X, W, 4).min() >= 1 - 1e-12
    early = train_on_plane(random_start(8, 30, rng=5), max_steps=50)
    assert (early.steps[~early.converged] == 50).all()
    assert (early.objective[~early.converged] > 0).all()
    no_positive = train_on_plane(random_start(4, 2, rng=0), n_positive=0, max_steps=200)
    assert not no_positive.converged.any()


def test_table_of_the_thesis():
    """Every random cell within three standard errors of the difference of two means of 100 runs."""
    far = []
    for n_neurons, (mean, deviation, half_mean, half_deviation) in TABLE.items():
        for start, reported, spread in (
            (random_start, mean, deviation),
            (half_space_start, half_mean, half_deviation),
        ):
            found = train_on_plane(start(n_neurons, 100, rng=2024 + n_neurons))
            assert found.converged.all()
            error = np.hypot(found.steps.std(ddof=1), spread) / 10
            far.append(abs(found.steps.mean() - reported) / error)
    assert max(far) <= 3
    assert np.mean(far) <= 1.3  # normal errors: .8


@pytest.mark.slow
def test_long_means_of_the_reference():
    """Means of 10,000 runs measured once by another implementation: 416.1 +- 2.0, 588.7 +- 2.0, 84.1 +- .3, 404.9 +- 1.9."""
    for n_neurons, start, mean, error in (
        (8, random_start, 416.1, 2.0),
        (8, half_space_start, 588.7, 2.0),
        (24, random_start, 84.1, 0.3),
        (24, half_space_start, 404.9, 1.9),
    ):
        steps = train_on_plane(start(n_neurons, 10_000, rng=7)).steps
        assert abs(steps.mean() - mean) <= 3 * np.hypot(error, steps.std() / 100)


def test_audit_is_what_the_trajectory_shows():
    path: list[np.ndarray] = []
    starts = random_start(8, 3, rng=11)
    found = train_on_plane(starts, audit=True, callback=lambda step, W: path.append(W), callback_every=1, max_steps=400)
    again = train_on_plane(starts, audit=True, max_steps=400)
    assert found.audit is not None
    assert again.audit is not None
    assert np.array_equal(found.steps, again.steps)
    norms = np.linalg.norm(np.stack(path), axis=-1)
    X = plane_grid()
    for run in range(3):
        own = norms[: found.steps[run] + 1, run]
        growth = np.diff(own, axis=0)
        assert found.audit.positive_growth[run] == pytest.approx(growth[:, :4].min(), abs=1e-15)
        large = own[:-1, 4:] > 0.22
        assert found.audit.negative_growth[run] == pytest.approx(growth[:, 4:][large].max(), abs=1e-15)
        losses = np.array([loss(X, np.ones(len(X)), W[run], 4) for W in path[: found.steps[run] + 1]])
        assert found.largest_increase[run] == pytest.approx(np.diff(losses).max(), abs=1e-12)
        assert found.largest_norm[run] == pytest.approx(np.sqrt((own**2).sum(1)).max())
        slow = np.array([not surrounds(W[run, :4]) for W in path[: found.steps[run]]])
        assert found.slow_steps[run] == slow.sum()
        assert found.audit.losses_squared[run] == pytest.approx((losses[:-1][~slow] ** 2).sum())
    np.testing.assert_allclose(found.audit.positive_growth, again.audit.positive_growth, atol=0)


def surrounds(W):
    angles = np.sort(np.arctan2(W[:, 1], W[:, 0]))
    return np.diff(np.r_[angles, angles[0] + 2 * np.pi]).max() < np.pi


def test_lemma_2_3_on_many_runs():
    found = train_on_plane(random_start(8, 500, rng=0), audit=True)
    assert found.audit is not None
    assert found.audit.positive_growth.min() >= -1e-15
    assert found.audit.negative_growth.max() <= 1e-6


def test_steps_of_the_picture_and_inputs_unchanged():
    start = figure_start()
    kept = start.copy()
    found = train_on_plane(start)
    assert found.converged.all()
    assert np.array_equal(start, kept)
    assert found.condition_step[0] > 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: train_on_plane(np.zeros((0, 2))), "weights"),
        (lambda: train_on_plane(np.zeros((2, 3))), "2 numbers a neuron"),
        (lambda: train_on_plane([[np.nan, 1.0]]), "finite"),
        (lambda: train_on_plane(np.ones((2, 2)), n_positive=3), "n_positive"),
        (lambda: train_on_plane(np.ones((2, 2)), eta=0), "eta"),
        (lambda: train_on_plane(np.ones((2, 2)), eta=True), "eta"),
        (lambda: train_on_plane(np.ones((2, 2)), max_steps=-1), "max_steps"),
        (lambda: train_on_plane(np.ones((2, 2)), radii=(0.0, 1.0)), "radii"),
        (lambda: train_on_plane(np.ones((2, 2)), n_angles=2), "n_angles"),
        (lambda: two_planes(0), "angle"),
        (lambda: two_planes(91), "angle"),
        (lambda: two_planes(np.nan), "angle"),
        (lambda: two_planes(45, noise=-1), "noise"),
        (lambda: random_start(0), "n_neurons"),
        (lambda: random_start(2, rng=-1), "rng"),
        (lambda: train_network(np.ones((3, 2)), [1, 1, 2], np.ones((2, 2))), "y must be"),
        (lambda: train_network(np.ones((3, 2)), [1, 1], np.ones((2, 2))), "y must be"),
        (lambda: train_network(np.ones((3, 2)), [1, 1, -1], np.ones((2, 2)), bias=-1.0), "bias"),
        (lambda: train_network(np.ones((3, 2)), [1, 1, -1], np.ones((2, 2)), bias=[1.0, 2.0, 3.0]), "bias"),
        (lambda: train_network(np.ones((3, 2)), [1, 1, -1], np.ones((2, 2)), optimizer="sgd"), "optimizer"),
        (lambda: train_network(np.ones((3, 2)), [1, 1, -1], np.ones((2, 2)), decay=1.0), "decay"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_neurons_of_zero_and_many_on_one_direction():
    start = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    X = plane_grid()
    arcs, points = train_on_plane(start, max_steps=300), train_network(X, np.ones(len(X)), start, max_steps=300)
    assert np.array_equal(arcs.steps, points.steps)
    assert not arcs.weights[0, 0].any()


@pytest.mark.parametrize(
    "start", [np.full((2, 8, 2), 1.7e308), np.full((2, 8, 2), 1e308) * np.r_[np.ones(4), np.full(4, 1.5)][:, None]]
)
def test_weights_beyond_the_numbers_are_no_solution(start):
    """Outputs that are no numbers have no margin, and a run of infinite weights has not converged."""
    assert not train_on_plane(start, max_steps=3).converged.any()
    assert not train_network(plane_grid(), np.ones(880), start, max_steps=3).converged.any()
    far = train_network(plane_grid(), np.ones(880), random_start(8, 4, rng=0), eta=1e308, optimizer="momentum", max_steps=30)
    assert np.isfinite(far.weights[far.converged]).all()
