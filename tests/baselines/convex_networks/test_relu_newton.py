"""The Newton matrix against a dense one that is put together from null spaces."""

import numpy as np
import pytest
from scipy.linalg import null_space

from optathlon.baselines.convex_networks.relu_cone import new_cones, new_states, project_columns
from optathlon.baselines.convex_networks.relu_newton import NewtonMatrix

BETA, SIGMA, RIDGE = 0.4, 7.0, 1.5


def dense(X, D, Z, P, lengths, states, cones):
    """``RIDGE I + SIGMA sum_c F_c J_c F_c'`` with the derivative J_c of the shrunk projection, from the active rows alone."""
    matrix = RIDGE * np.eye(len(X))
    for c in np.flatnonzero(lengths > BETA):
        active = states.active[c, : states.n_active[c]]
        face = null_space(cones.sides[c % len(D), active, None] * cones.rows[active]) if len(active) else np.eye(X.shape[1])
        p, t = P[c] / lengths[c], 1 - BETA / lengths[c]
        F = D[c % len(D)][:, None] * X
        matrix += SIGMA * F @ (t * face @ face.T + (1 - t) * np.outer(p, p)) @ F.T
    return matrix


@pytest.mark.parametrize(("n_samples", "n_features"), [(300, 6), (40, 12), (30, 25)])
def test_it_solves_the_dense_system_as_faces_change(n_samples, n_features):
    rng = np.random.default_rng(n_samples)
    X = rng.standard_normal((n_samples, n_features))
    D = np.ascontiguousarray((X @ rng.standard_normal((n_features, 15)) >= 0).T, dtype=float)
    cones, states = new_cones(X, D), new_states(30, n_features)
    newton, changed = NewtonMatrix(np.ascontiguousarray(X.T), D), 0
    Z, version = rng.standard_normal((30, n_features)), states.version
    for size in (0.0, 0.01, 0.1, 0.01, 1.0, 0.03, 0.03):
        Z = Z + size * rng.standard_normal(Z.shape)
        P, lengths = np.empty_like(Z), np.empty(30)
        project_columns(Z, 0.0, np.arange(30), cones, states, P, lengths)
        active = rng.permutation(np.flatnonzero(lengths > BETA))
        newton.move_to(active, P[active], lengths[active], BETA, states)
        gradient, expected = rng.standard_normal(n_samples), dense(X, D, Z, P, lengths, states, cones)
        changed += 0 < np.count_nonzero(states.version[active] != version[active]) < len(active)
        version = states.version.copy()
        # What a later projection does to the states must not matter.
        project_columns(Z + 0.01 * rng.standard_normal(Z.shape), 0.0, np.arange(30), cones, states, P, lengths)
        found = newton.solve(SIGMA, RIDGE, gradient)
        assert np.linalg.norm(expected @ found + gradient) <= 1e-10 * np.linalg.norm(gradient)
    assert changed >= 2  # some rows were kept and others not


def test_without_active_columns_it_is_the_identity():
    newton = NewtonMatrix(np.ones((2, 5)), np.ones((3, 5)))
    newton.move_to(np.zeros(0, dtype=np.int64), np.zeros((0, 2)), np.zeros(0), BETA, new_states(6, 2))
    assert (newton.solve(SIGMA, 2.0, np.ones(5)) == -0.5).all()
