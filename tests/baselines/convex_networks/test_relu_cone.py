"""Cone projections against SciPy's NNLS, the optimality conditions and finite differences."""

import numpy as np
import pytest
from scipy.optimize import nnls

from optathlon.baselines.convex_networks.relu_cone import new_cones, new_states, price_columns, project_columns
from optathlon.baselines.convex_networks.relu_faces import free_directions

CASES = {
    "generic": np.random.default_rng(0).standard_normal((60, 5)),
    "ties": np.random.default_rng(1).integers(-2, 3, (80, 4)).astype(float),
    "duplicates": np.repeat(np.random.default_rng(2).standard_normal((20, 4)), 3, axis=0),
    "zero and opposite": np.vstack([np.zeros((2, 3)), np.eye(3), -np.eye(3), np.ones((1, 3))]),
    "rank two": np.random.default_rng(3).standard_normal((50, 2)) @ np.random.default_rng(4).standard_normal((2, 6)),
    "nearly parallel": np.ones((30, 4)) + 1e-6 * np.random.default_rng(5).standard_normal((30, 4)),
    "one feature": np.random.default_rng(6).standard_normal((9, 1)),
}


def instance(X, n_patterns=12, seed=7):
    rng = np.random.default_rng(seed)
    D = np.ascontiguousarray((X @ rng.standard_normal((X.shape[1], n_patterns)) >= 0).T, dtype=float)
    return new_cones(X, D), new_states(2 * n_patterns, X.shape[1]), rng


def project(Z, cones, states, threshold=0.0):
    P, lengths = np.empty_like(Z), np.empty(len(Z))
    project_columns(Z, threshold, np.arange(len(Z)), cones, states, P, lengths)
    return P, lengths


@pytest.mark.parametrize("name", CASES)
def test_projections_agree_with_nnls_and_lie_in_the_cone(name):
    X = CASES[name]
    cones, states, rng = instance(X)
    for _ in range(4):  # the later rounds are warm starts from another point
        Z = rng.standard_normal((24, X.shape[1])) * 10.0 ** rng.uniform(-3, 3, (24, 1))
        P, lengths = project(Z, cones, states)
        for j, z in enumerate(Z):
            normals = cones.sides[j % 12][:, None] * cones.rows
            assert lengths[j] == pytest.approx(nnls(normals.T, -z, maxiter=1000)[1], abs=1e-9 * np.linalg.norm(z))
            # In the cone to rounding, and the complement z - p orthogonal to it (Moreau).
            assert (normals @ P[j]).min() >= -1e-13 * np.linalg.norm(P[j])
            assert abs((z - P[j]) @ P[j]) <= 1e-12 * (z @ z)


@pytest.mark.parametrize("name", CASES)
def test_multipliers_prove_the_lengths(name):
    X = CASES[name]
    cones, states, rng = instance(X)
    Z = rng.standard_normal((24, X.shape[1]))
    _, lengths = project(Z, cones, states)
    for j, z in enumerate(Z):
        k = states.n_active[j]
        rows, lam = states.active[j, :k], states.lam[j, :k]
        assert (lam >= 0).all()
        explicit = z + lam @ (cones.sides[j % 12][rows, None] * cones.rows[rows])
        assert np.linalg.norm(explicit) == pytest.approx(lengths[j], abs=1e-10)


def test_pruned_projections_are_bounds():
    cones, states, rng = instance(CASES["generic"])
    Z = rng.standard_normal((24, 5))
    _, exact = project(Z, cones, new_states(24, 5))
    _, pruned = project(Z, cones, states, threshold=1.0)
    assert (pruned >= exact - 1e-12).all()
    assert np.allclose(pruned[pruned > 1.0], exact[pruned > 1.0], atol=1e-12)
    assert (exact[pruned <= 1.0] <= 1.0).all()


def test_prices_bound_every_column_and_find_the_largest():
    cones, states, rng = instance(CASES["generic"])
    G = rng.standard_normal((12, 5))
    _, exact = project(np.vstack([G, -G]), cones, new_states(24, 5))
    beta = float(np.quantile(exact, 0.3))
    working = np.arange(24) % 6 == 0
    prices = np.empty(24)
    order = rng.permutation(24)
    least = price_columns(G, beta, working, order, cones, states, prices)
    outside = np.sort(exact[~working])[::-1]
    assert (prices >= exact - 1e-12).all()
    assert prices.max() == pytest.approx(exact.max(), abs=1e-12)
    assert least == pytest.approx(max(outside[working.sum() - 1], beta), abs=1e-12)
    assert set(np.flatnonzero(~working & (prices >= least - 1e-12))) == set(np.flatnonzero(~working & (exact >= least - 1e-12)))


def test_long_warm_started_sequences_stay_exact():
    X = np.random.default_rng(8).standard_normal((300, 8))
    cones, states, rng = instance(X)
    z = rng.standard_normal((24, 8))
    for _ in range(300):
        z += 0.2 * rng.standard_normal(z.shape)
        P, lengths = project(z, cones, states)
    fresh, expected = project(z, cones, new_states(24, 8))
    assert np.allclose(P, fresh, atol=1e-12)
    assert np.allclose(lengths, expected, atol=1e-12)


def test_free_directions_give_the_derivative_of_the_shrunk_projection():
    cones, states, rng = instance(CASES["generic"])
    Z, beta, eps = rng.standard_normal((24, 5)), 0.4, 1e-6

    def shrunk(Z):
        P, lengths = project(Z, cones, states)
        return np.maximum(1 - beta / np.maximum(lengths, 1e-300), 0)[:, None] * P

    step = rng.standard_normal(Z.shape)
    numeric = (shrunk(Z + eps * step) - shrunk(Z - eps * step)) / (2 * eps)
    P, lengths = project(Z, cones, states)
    N, weights, owner = np.empty((120, 5)), np.empty(120), np.empty(120, dtype=np.int64)
    m = free_directions(P, lengths, beta, np.arange(24), np.flatnonzero(lengths > beta), states, N, weights, owner)
    exact = np.zeros_like(Z)
    for r in range(m):
        exact[owner[r]] += weights[r] ** 2 * N[r] * (N[r] @ step[owner[r]])
    assert np.allclose(exact, numeric, atol=1e-5)
    assert len(set(owner[:m])) == np.count_nonzero(lengths > beta)
