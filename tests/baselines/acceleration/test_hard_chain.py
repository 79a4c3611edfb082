"""The ill-conditioned chain of 200: the published counts, and the one place where the proved method beats gradient descent."""

import numpy as np
import pytest

from optathlon.baselines.acceleration import hard_chain, minimize

TOL = 3e-5


def calls(method, d=200, mu=1e-6, tol=TOL, **settings):
    result = minimize(method, hard_chain(d, mu), np.zeros(d), tol=tol, max_calls=600_000, rng=0, **settings)
    assert result.converged
    return result.n_calls


@pytest.mark.slow
def test_theory_constants_cost_less_than_half_of_gradient_descent():
    descent, accelerated = calls("gradient_descent"), calls("accelerated_nonconvex")
    assert descent == pytest.approx(467_379, rel=0.01)
    assert accelerated <= 200_000
    assert accelerated <= 0.45 * descent


def test_momentum_and_rivals_cost_what_was_published():
    assert calls("nesterov") == pytest.approx(1954, rel=0.02)
    assert calls("heavy_ball") == pytest.approx(46_740, rel=0.02)
    assert calls("lbfgs") <= 1000
    assert calls("newton_cg") <= 300


@pytest.mark.parametrize(
    ("method", "settings", "published"),
    [
        ("gradient_descent", {}, {1e-3: 7409, 1e-4: 8940, 1e-5: 10_451}),
        ("heavy_ball", {}, {1e-3: 748, 1e-4: 875, 1e-5: 1000}),
        ("heavy_ball", {"momentum": 0.97, "restart": True}, {1e-4: 322}),
        ("nesterov", {"restart": False}, {1e-3: 665, 1e-4: 1073, 1e-5: 2199}),
        ("nesterov", {}, {1e-3: 335, 1e-4: 414}),
    ],
)
def test_the_chain_of_60_costs_what_was_published(method, settings, published):
    for tol, expected in published.items():
        assert calls(method, 60, 1e-4, tol, **settings) == pytest.approx(expected, rel=0.02)


def test_rivals_on_the_chain_of_60():
    published = {"convex_until_guilty": 4793, "newton_cg": 62, "trust_krylov": 307}
    for method, expected in published.items():
        assert calls(method, 60, 1e-4, 1e-4) == pytest.approx(expected, rel=0.02)
    assert calls("lbfgs", 60, 1e-4, 1e-4) <= 160
    assert calls("second_order", 60, 1e-4, 1e-4) <= 2 * 307


def test_the_chain_of_60_ends_at_a_point_of_theorem_2_5():
    problem = hard_chain(60, 1e-4)
    result = minimize("accelerated_nonconvex", problem, np.zeros(60), tol=1e-4, rng=0)
    assert result.second_order
    assert result.gradient_norm <= 1e-4
    assert problem.smallest_eigenvalue(result.x) >= -2 * np.sqrt(problem.L2 * 1e-4)
    assert result.n_calls == pytest.approx(22_357, rel=0.02)
