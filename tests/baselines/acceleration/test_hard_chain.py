"""The ill-conditioned chain of 200: the published counts, and the one place where the proved method beats gradient descent."""

import numpy as np
import pytest

from optathlon.baselines.acceleration import hard_chain, minimize

TOL = 3e-5


def calls(method, **settings):
    result = minimize(method, hard_chain(200, 1e-6), np.zeros(200), tol=TOL, max_calls=600_000, rng=0, **settings)
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


def test_the_chain_of_60_ends_at_a_point_of_theorem_2_5():
    problem = hard_chain(60, 1e-4)
    result = minimize("accelerated_nonconvex", problem, np.zeros(60), tol=1e-4, rng=0)
    assert result.second_order
    assert result.gradient_norm <= 1e-4
    assert problem.smallest_eigenvalue(result.x) >= -2 * np.sqrt(problem.L2 * 1e-4)
    assert result.n_calls <= 30_000
