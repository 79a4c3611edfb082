"""The convex Wasserstein GAN: the constraint is tight, the norm minimal, the generator exact on its noise."""

from __future__ import annotations

import numpy as np
import pytest

from optathlon.baselines.convex_networks import linear_generator, wasserstein_generator


@pytest.mark.parametrize("share", [1e-3, 1e-2, 0.1, 0.5])
@pytest.mark.parametrize("shape", [(60, 8), (8, 60)])
def test_moments_differ_by_exactly_beta(shape, share):
    X = np.random.default_rng(0).standard_normal(shape) * np.linspace(1, 3, shape[1])
    beta = share * np.linalg.norm(X, 2) ** 2
    generated = wasserstein_generator(X, beta)
    G = generated.G
    assert np.linalg.norm(X.T @ X - G.T @ G, 2) / beta == pytest.approx(1, abs=1e-6)
    assert np.linalg.norm(G) ** 2 == pytest.approx(generated.squared_norm, rel=1e-12)
    assert np.linalg.matrix_rank(G) == generated.rank


def test_value_agrees_with_a_semidefinite_program():
    cp = pytest.importorskip("cvxpy")
    X = np.random.default_rng(1).standard_normal((30, 5))
    beta = 0.4 * np.linalg.norm(X, 2) ** 2
    M = cp.Variable((5, 5), PSD=True)  # G'G
    problem = cp.Problem(cp.Minimize(cp.trace(M)), [cp.sigma_max(X.T @ X - M) <= beta])
    problem.solve(solver="CLARABEL")
    assert wasserstein_generator(X, beta).squared_norm == pytest.approx(problem.value, rel=1e-6)


def test_linear_generator_has_the_moments_on_its_noise():
    rng = np.random.default_rng(2)
    X, Z = rng.standard_normal((40, 6)), rng.standard_normal((50, 9))
    G = wasserstein_generator(X, 5.0).G
    fake = Z @ linear_generator(Z, G)
    assert np.allclose(fake.T @ fake, G.T @ G, atol=1e-10)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="beta must be finite and greater than 0"):
        wasserstein_generator(np.ones((3, 2)), 0.0)
    with pytest.raises(ValueError, match="X must be finite"):
        wasserstein_generator(np.full((3, 2), np.nan), 1.0)
    with pytest.raises(ValueError, match="Z must have rank at least 3"):
        linear_generator(np.ones((5, 4)), np.eye(3))
    everything = wasserstein_generator(np.eye(2), 10.0)
    assert everything.rank == 0
    assert not everything.G.any()
