"""The compiled descent on planes against a plain one, the theorem and the published figure."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from optathlon.baselines.coarse_gradients import ESTIMATORS, component_norms, slope, train_on_planes, two_planes


def halves(k: int = 24) -> np.ndarray:
    V = np.zeros((2, k))
    V[0, : k // 2] = V[1, k // 2 :] = 0.5
    return V


def starts(runs: int, seed: int = 0, k: int = 24, d: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((runs, k, d))


def plain(X, y, W, V, bits, estimator, rate, steps):
    """The equations, one matrix at a time; return weights, steps and loss."""
    W, top = W.copy(), 2**bits - 1
    for step in range(steps + 1):
        H = X @ W.T
        outputs = np.clip(np.ceil(H), 0, top) @ V.T
        rivals = outputs.copy()
        rivals[np.arange(len(y)), y] = -np.inf
        xi = rivals.argmax(axis=1)
        hinge = np.maximum(0, 1 - (outputs[np.arange(len(y)), y] - rivals.max(axis=1)))
        if hinge.max() == 0 or step == steps:
            return W, step, hinge.mean()
        factor = -(V[y] - V[xi]) * (hinge > 0)[:, None] * slope(H, bits=bits, estimator=estimator)
        W -= rate * factor.T @ X / len(X)
    raise AssertionError


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_equal_to_the_plain_equations(estimator, bits):
    X, y, _ = two_planes(60)
    W = starts(1, seed=3)[0]
    runs = train_on_planes(X, y, W, halves(), bits=bits, estimator=estimator, max_steps=40)
    expected, steps, loss = plain(X, y, W, halves(), bits, estimator, 1.0, 40)
    np.testing.assert_allclose(runs.W[0], expected, rtol=1e-9, atol=1e-11)
    assert runs.n_steps[0] == steps
    assert runs.objective[0] == pytest.approx(loss, rel=1e-9)


def test_equal_to_the_plain_equations_for_three_classes_in_other_dimensions():
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((97, 6)), np.arange(97) % 3
    V = np.zeros((3, 7))
    V[np.array([0, 1, 2, 2, 1, 0, 0]), np.arange(7)] = rng.uniform(0.1, 0.9, 7)
    W = starts(1, k=7, d=6)[0]
    runs = train_on_planes(X, y, W, V, bits=3, learning_rate=0.5, max_steps=30)
    expected, _, loss = plain(X, y, W, V, 3, "relu", 0.5, 30)
    np.testing.assert_allclose(runs.W[0], expected, rtol=1e-9, atol=1e-11)
    assert runs.objective[0] == pytest.approx(loss)


def test_steps_to_zero_loss_equal_the_plain_loop_and_every_margin_is_one():
    X, y, _ = two_planes(90)
    W = starts(3, seed=8)
    runs = train_on_planes(X, y, W, halves())
    assert runs.converged.all()
    for r in range(3):
        assert runs.n_steps[r] == plain(X, y, W[r], halves(), 4, "relu", 1.0, 5000)[1]
        outputs = np.clip(np.ceil(X @ runs.W[r].T), 0, 15) @ halves().T
        margins = outputs[np.arange(len(y)), y] - outputs[np.arange(len(y)), 1 - y]
        assert margins.min() >= 1


def test_log_tailed_is_relu_bit_for_bit_while_nothing_passes_the_top():
    X, y, _ = two_planes(75)
    W = starts(6, seed=1)
    relu, tailed = (train_on_planes(X, y, W, halves(), estimator=name) for name in ("relu", "log-tailed"))
    assert np.array_equal(relu.W, tailed.W)
    assert np.array_equal(relu.n_steps, tailed.n_steps)
    other = train_on_planes(X, y, W * 12, halves(), estimator="log-tailed", max_steps=5)
    assert not np.array_equal(other.W, train_on_planes(X, y, W * 12, halves(), max_steps=5).W)


def test_watched_and_unwatched_runs_are_the_same():
    X, y, _ = two_planes(90)
    W = starts(2)
    seen: list[int] = []
    watched = train_on_planes(X, y, W, halves(), callback=lambda step, _: seen.append(step))
    alone = train_on_planes(X, y, W, halves())
    assert np.array_equal(watched.W, alone.W)
    assert np.array_equal(watched.n_steps, alone.n_steps)
    assert seen == list(range(alone.n_steps.max() + 1))
    assert np.array_equal(W, starts(2))


def test_own_components_never_shrink_on_orthogonal_planes_only():
    """Lemma 3.5."""

    def largest_drop(angle: float) -> float:
        X, y, bases = two_planes(angle)
        own: list[np.ndarray] = []
        owner = np.repeat([0, 1], 12)
        watch = lambda _, W: own.append(component_norms(W[0], bases)[np.arange(24), owner])  # noqa: E731
        train_on_planes(X, y, starts(1, seed=2), halves(), max_steps=400, callback=watch)
        return float(-np.diff(own, axis=0).min())

    assert largest_drop(90) <= 1e-12
    assert largest_drop(45) > 1e-3


@pytest.mark.parametrize("rate", [1e155, 1e300, 1.7e308])
def test_weights_that_overflow_never_count_as_converged(rate):
    X, y, _ = two_planes(90)
    runs = train_on_planes(X, y, starts(4), halves(), learning_rate=rate, max_steps=400)
    for W, converged in zip(runs.W, runs.converged, strict=True):
        assert np.isfinite(W).all() or not converged


def test_figure_3_2_medians():
    """Every run converges from 45 degrees up; more steps at 30 degrees."""
    medians = {}
    for angle in (90, 45, 30):
        X, y, _ = two_planes(angle)
        runs = train_on_planes(X, y, starts(8, seed=4), halves())
        assert runs.converged.all()
        medians[angle] = np.median(runs.n_steps)
    assert 170 <= medians[90] <= 350
    assert medians[30] >= 2 * medians[90]


def test_the_planes_meet_at_the_angle():
    for angle in (0.5, 30.0, 90.0):
        X, y, bases = two_planes(angle)
        assert X.shape == (1760, 4)
        assert np.bincount(y).tolist() == [880, 880]
        for basis in bases:
            np.testing.assert_allclose(basis.T @ basis, np.eye(2), atol=1e-15)
        largest = np.linalg.svd(bases[0].T @ bases[1])[1][0]
        assert np.degrees(np.arccos(min(1.0, largest))) == pytest.approx(angle, abs=1e-6)
        np.testing.assert_allclose(X[y == 0] @ bases[0] @ bases[0].T, X[y == 0], atol=1e-14)
    noisy = two_planes(45, noise=0.05, rng=0)[0] - two_planes(45)[0]
    assert noisy.std() == pytest.approx(0.05, rel=0.03)


def test_components_add_up():
    _, _, bases = two_planes(40)
    W = starts(1)[0]
    basis = np.concatenate(list(bases), axis=1)
    coordinates = np.linalg.solve(basis, W.T)
    expected = np.stack([np.linalg.norm(coordinates[:2], axis=0), np.linalg.norm(coordinates[2:], axis=0)], axis=1)
    np.testing.assert_allclose(component_norms(W, bases), expected, rtol=1e-12)


@pytest.mark.parametrize("angle", [0, -1, 90.001, 180, float("nan"), "90", None])
def test_angles_outside_are_refused(angle):
    with pytest.raises(ValueError, match="angle must"):
        two_planes(angle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W": np.zeros((0, 24, 4))}, "W must be an array with 3 non-empty axes"),
        ({"W": np.zeros((2, 23, 4))}, "W must have shape"),
        ({"W": np.full((1, 24, 4), np.nan)}, "W must be finite"),
        ({"V": np.zeros((2, 0))}, "V must be an array with 2 non-empty axes"),
        ({"V": np.full((2, 24), 0.5)}, "V must have two rows or more"),
        ({"V": halves() * 2}, "V must have two rows or more"),
        ({"V": -halves()}, "V must have two rows or more"),
        ({"y": np.zeros(3, int)}, "y must hold 1760 integers"),
        ({"y": np.full(1760, 2)}, "y must lie in 0 to 1"),
        ({"y": np.zeros(1760)}, "y must hold 1760 integers"),
        ({"bits": 0}, "bits must be"),
        ({"estimator": "none"}, "estimator must be one of"),
        ({"learning_rate": -1.0}, "learning_rate must be"),
        ({"max_steps": -1}, "max_steps must be"),
        ({"X": np.ones((1760, 4)) * 1j}, "X must hold real numbers"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(change, message):
    X, y, _ = two_planes(90)
    arguments = {"X": X, "y": y, "W": starts(1), "V": halves()} | change
    with pytest.raises(ValueError, match=message):
        train_on_planes(**arguments)


@pytest.mark.slow
def test_the_kernel_stays_inside_its_arrays(tmp_path):
    program = (
        "import numpy as np\n"
        "from optathlon.baselines.coarse_gradients import ESTIMATORS, train_on_planes\n"
        "rng = np.random.default_rng(0)\n"
        "for d in (1, 4, 5):\n"
        "    V = np.zeros((3, 5)); V[[0, 1, 2, 2, 0], range(5)] = .5\n"
        "    for name in ESTIMATORS:\n"
        "        train_on_planes(rng.standard_normal((9, d)), np.arange(9) % 3, rng.standard_normal((2, 5, d)), V,\n"
        "                        estimator=name, max_steps=5)\n"
    )
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=False, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stderr
