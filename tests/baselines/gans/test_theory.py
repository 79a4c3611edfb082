"""The printed bounds against eigenvalues computed from step matrices, over random games."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import differential_evolution

from optathlon.baselines.gans.games import QuadraticGame, spectral_radius, step_matrix
from optathlon.baselines.gans.theory import (
    best_momentum,
    best_step,
    momentum_eigenvalues,
    momentum_helps,
    rate_bounds,
    stable_step,
)


def game_and_spectrum(seed):
    rng = np.random.default_rng(seed)
    left, right = rng.standard_normal((2, 3, 3))
    game = QuadraticGame(left @ left.T + 0.05 * np.eye(3), 2 * rng.standard_normal((3, 3)), right @ right.T + 0.05 * np.eye(3))
    return game, np.linalg.eigvals(game.jacobian)


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_best_rate_lies_in_its_bounds(seed):
    game, spectrum = game_and_spectrum(seed)
    bounds, best = rate_bounds(spectrum), best_step(spectrum)
    assert bounds.lower - 1e-9 <= best.radius**2 <= bounds.upper + 1e-9
    assert bounds.step_low * (1 - 1e-6) <= best.step <= bounds.step_high * (1 + 1e-6)
    assert best.radius == pytest.approx(spectral_radius(step_matrix(game, "gradient", best.step)), rel=1e-6)


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_stable_step_is_the_edge_of_convergence(seed):
    game, spectrum = game_and_spectrum(seed)
    edge = stable_step(spectrum)
    assert (
        spectral_radius(step_matrix(game, "gradient", 0.999 * edge))
        < 1
        < spectral_radius(step_matrix(game, "gradient", 1.001 * edge))
    )


@given(st.integers(0, 10_000), st.floats(-0.9, 0.9), st.floats(0.01, 2.0))
@settings(max_examples=100, deadline=None)
def test_momentum_eigenvalues_are_those_of_the_companion(seed, momentum, step):
    rng = np.random.default_rng(seed)
    eigenvalue = complex(rng.uniform(0.01, 2), rng.uniform(-2, 2))
    plus, minus = momentum_eigenvalues(step, momentum, eigenvalue)
    exact = np.linalg.eigvals(np.array([[1 - step * eigenvalue + momentum, -momentum], [1, 0]]))
    assert min(abs(plus - exact[0]) + abs(minus - exact[1]), abs(plus - exact[1]) + abs(minus - exact[0])) < 1e-6
    assert abs(plus) >= abs(minus) - 1e-12


@given(st.integers(0, 10_000))
@settings(max_examples=100, deadline=None)
def test_small_negative_momentum_helps_exactly_inside_the_interval(seed):
    rng = np.random.default_rng(seed)
    eigenvalue, step = complex(rng.uniform(0.05, 1), rng.uniform(0.05, 1)), rng.uniform(0.02, 3)
    radius = lambda beta: abs(momentum_eigenvalues(step, beta, eigenvalue)[0])  # noqa: E731
    slope = (radius(1e-6) - radius(-1e-6)) / 2e-6
    if abs(slope) > 1e-3:
        assert momentum_helps(step, eigenvalue) == (slope > 0)


@pytest.mark.parametrize("angle", [0.3, 0.8, 1.2, 1.5])
def test_best_momentum_of_a_rotating_eigenvalue_is_negative_and_beats_plain_play(angle):
    eigenvalue = np.exp(1j * angle)
    best, plain = best_momentum(eigenvalue), best_step([eigenvalue])
    assert best.momentum < 0
    assert best.radius < plain.radius
    assert best.step > plain.step


def test_real_eigenvalues_need_no_momentum():
    assert best_momentum(2.0) == (0.5, 0.0, 0.0)


def test_best_momentum_is_what_a_search_finds_and_what_the_iteration_does():
    rng = np.random.default_rng(0)
    for eigenvalue in [0.14645538 - 5.67616124j, *(rng.uniform(0.05, 3, 29) + 1j * rng.uniform(-6, 6, 29))]:
        best = best_momentum(eigenvalue)
        matrix = np.array([[1 - best.step * eigenvalue + best.momentum, -best.momentum], [1, 0]])
        # the two eigenvalues have equal moduli, and a root of the discriminant costs half the digits
        assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(best.radius, abs=1e-7)

        def radius(settings, eigenvalue=eigenvalue):
            step, momentum = settings
            return np.abs(np.linalg.eigvals(np.array([[1 - step * eigenvalue + momentum, -momentum], [1, 0]]))).max()

        found = differential_evolution(radius, [(0, 4 / abs(eigenvalue)), (-1, 1)], rng=1, tol=1e-10, maxiter=200, popsize=8)
        assert best.radius <= found.fun + 1e-9
        assert found.fun <= best.radius + 1e-3


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_best_step_does_not_depend_on_the_scale_of_the_spectrum(scale):
    spectrum = np.array([1 + 2j, 3 - 1j, 0.5 + 0.1j])
    plain, scaled = best_step(spectrum), best_step(scale * spectrum)
    assert scaled.radius == pytest.approx(plain.radius, rel=1e-9)
    assert scaled.step * scale == pytest.approx(plain.step, rel=1e-6)


def test_bad_spectra_are_refused():
    with pytest.raises(ValueError, match="positive real parts"):
        rate_bounds([1.0, 1j])
    with pytest.raises(ValueError, match="finite, shape"):
        best_step([])
    with pytest.raises(ValueError, match="momentum must lie in"):
        momentum_eigenvalues(0.1, 1.0, 1.0)
    with pytest.raises(ValueError, match="positive real parts"):
        best_momentum(-1 + 2j)
