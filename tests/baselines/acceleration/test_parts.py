"""The parts: Lanczos and dense eigenvalues, the cubic step and search, Algorithms 1 to 4 and their theorems."""

import math
from dataclasses import replace

import numpy as np
import pytest

from optathlon.baselines.acceleration import (
    Oracle,
    cubic_step,
    estimate_hessian_lipschitz,
    hard_chain,
    lanczos_steps,
    minimize,
    smallest_curvature,
)


def oracle_of(problem, max_calls=100_000):
    return Oracle(problem, max_calls=max_calls)


@pytest.mark.parametrize("values", [np.linspace(-1, 4, 30), np.repeat([-2.0, 1.0], 10), np.zeros(8), -np.ones(5), [3.0]])
def test_all_the_products_give_the_smallest_eigenvalue(values, instances):
    d = len(values)
    oracle = oracle_of(replace(instances.quadratic(np.ones(d)), hessian_product=lambda x, v: np.asarray(values) * v))
    found = smallest_curvature(oracle, np.zeros(d), steps=d, rng=np.random.default_rng(0))
    assert found.value == pytest.approx(np.min(values), abs=1e-10)
    assert np.linalg.norm(found.direction) == pytest.approx(1)
    assert oracle.n_hessian_products <= len(set(np.round(values, 12)))


def test_lanczos_keeps_its_guarantee_in_a_thousand_starts(instances):
    rng = np.random.default_rng(0)
    spectrum = np.concatenate([[-0.3], np.linspace(-0.1, 1, 79)])  # one eigenvalue to be missed
    problem, accuracy, delta = instances.quadratic(spectrum), 0.3, 0.1
    steps = lanczos_steps(80, problem.L1, accuracy, delta)
    assert steps < 20
    missed = 0
    for _ in range(1000):
        found = smallest_curvature(oracle_of(problem), np.zeros(80), steps=steps, rng=rng)
        assert found.value >= -0.3 - 1e-12
        missed += found.value > -0.3 + accuracy
    assert missed <= 1000 * delta


def test_the_number_of_products_grows_with_what_is_asked():
    assert lanczos_steps(10**6, 1.0, 1e-4, 0.1) > lanczos_steps(10**6, 1.0, 1e-2, 0.1) > lanczos_steps(10**6, 1.0, 1e-2, 0.5)
    assert lanczos_steps(5, 1.0, 1e-9, 1e-9) == 5
    assert lanczos_steps(1, 1.0, 10.0, 0.9) == 1


@pytest.mark.parametrize("seed", range(12))
def test_the_cubic_step_is_the_global_minimum_of_its_model(seed):
    rng = np.random.default_rng(seed)
    values, M = np.sort(rng.standard_normal(2)), float(rng.uniform(0.3, 3))
    g = rng.standard_normal(2) * 10.0 ** rng.integers(-6, 2)
    if seed % 3 == 0:
        g[0] = 0.0  # the hard case where values[0] < 0
    if seed % 6 == 0:
        g[:] = 0.0

    def model(s):
        return g @ s + values @ s**2 / 2 + M / 6 * np.linalg.norm(s, axis=0) ** 3

    s = cubic_step(g, values, M)
    r = np.linalg.norm(s)
    np.testing.assert_allclose((values + M * r / 2) * s, -g, atol=1e-9 * (1 + np.abs(g).max()))
    assert values[0] + M * r / 2 >= -1e-9
    radius = 2 * (abs(values).max() / M + math.sqrt(np.linalg.norm(g) / M)) + 1
    line = np.linspace(-radius, radius, 201)
    grid = np.array(np.meshgrid(line, line)).reshape(2, -1)
    assert model(s) <= model(grid).min() + 1e-12


def test_lemma_2_3_bounds_the_steps_and_every_step_descends(instances):
    problem, x0 = instances.double_well(6), np.full(6, 1e-3)
    values = []
    for alpha in (0.5, 0.1):
        values.clear()
        result = minimize(
            "negative_curvature_descent",
            problem,
            x0,
            alpha=alpha,
            rng=0,
            callback=lambda _, x: values.append(problem.objective(x)),
        )
        falls = -np.diff(values)
        assert len(falls) == result.events["curvature steps"] > 0
        # at least alpha^3 / (12 L2^2) a step, which is what gives eq. 2
        assert falls.min() >= alpha**3 / (12 * problem.L2**2)
        assert len(values) <= 1 + 12 * problem.L2**2 * (values[0] - values[-1]) / alpha**3
        assert problem.smallest_eigenvalue(result.x) >= -alpha


def test_almost_convex_descent_makes_the_progress_of_eq_5(instances):
    problem, x0 = hard_chain(12, 1e-3), np.zeros(12)
    gamma, tol = 3 * math.sqrt(problem.L2 * 1e-4), 1e-4
    result = minimize("almost_convex_agd", problem, x0, tol=tol, gamma=gamma)
    moved = np.linalg.norm(result.x - x0)
    assert result.converged
    assert problem.objective(x0) - result.objective >= min(gamma * moved**2, tol / math.sqrt(10) * moved)


@pytest.mark.parametrize("L2", [None, "estimate"])
def test_theorem_2_5_by_a_dense_hessian(L2, instances):
    rng = np.random.default_rng(5)
    for problem, x0 in ((instances.regression(rng), np.zeros(6)), (instances.double_well(5), np.full(5, 1e-9))):
        result = minimize("accelerated_nonconvex", problem, x0, tol=1e-2, rng=0, L2=L2, max_calls=300_000)
        assert result.second_order
        assert problem.smallest_eigenvalue(result.x) >= -2 * math.sqrt(problem.L2 * 1e-2)


def test_without_curvature_to_fear_there_is_no_curvature_search(instances):
    result = minimize("accelerated_nonconvex", instances.quadratic([0.1, 1.0]), np.ones(2), alpha=1.0, tol=1e-3)
    assert result.converged
    assert result.n_hessian_products == 0


def test_the_estimate_of_l2_is_below_the_constant_and_refuses_a_quadratic(instances):
    problem, rng = hard_chain(20, 0.1), np.random.default_rng(0)
    assert 0 < estimate_hessian_lipschitz(oracle_of(problem), np.full(20, 0.3), rng=rng) <= problem.L2
    with pytest.raises(ValueError, match="L2 cannot be estimated here"):
        estimate_hessian_lipschitz(oracle_of(instances.quadratic([1.0, 2.0])), np.zeros(2), rng=rng)


def test_perturbation_and_the_eigenvector_leave_an_exact_saddle_and_gradients_do_not(instances):
    problem, x0 = instances.double_well(3), np.zeros(3)
    noise = {"chi": 3.0}  # with factors of 1 the noise has too few steps to grow in
    for method in ("perturbed_agd", "cubic_newton", "accelerated_nonconvex", "second_order"):
        settings = noise if method == "perturbed_agd" else {}
        result = minimize(method, problem, x0, tol=1e-3, rng=0, max_calls=200_000, **settings)
        assert result.converged
        assert problem.smallest_eigenvalue(result.x) > 0, method
    for method in ("gradient_descent", "nesterov", "adaptive", "restarted_agd", "convex_until_guilty", "lbfgs", "newton_cg"):
        result = minimize(method, problem, x0, tol=1e-3)
        assert result.converged
        assert not result.second_order
        assert problem.smallest_eigenvalue(result.x) == -1, method
