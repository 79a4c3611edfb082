"""Our practical answer: second-order points from everywhere, exact and degenerate saddles included."""

import math
from dataclasses import replace

import numpy as np
import pytest

from optathlon.baselines.acceleration import Problem, hard_chain, minimize


def solve(problem, x0, **settings):
    return minimize(
        "second_order", problem, np.asarray(x0, dtype=float), **{"tol": 1e-6, "rng": 0, "max_calls": 20_000} | settings
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", ["regression", "phase", "factorization", "network"])
def test_second_order_points_on_random_instances_by_a_dense_hessian(kind, seed, instances):
    rng = np.random.default_rng(seed)
    problem = getattr(instances, kind)(rng)
    d = {"regression": 6, "phase": 6, "factorization": 12, "network": 16}[kind]
    result = solve(problem, rng.standard_normal(d), tol=1e-5, rng=seed)
    assert result.second_order, result.message
    assert problem.smallest_eigenvalue(result.x) >= -result.curvature_tol
    assert result.n_calls <= 3000


@pytest.mark.parametrize("kind", ["phase", "factorization"])
@pytest.mark.parametrize("seed", range(5))
def test_the_exact_saddle_at_zero_is_left_for_the_global_minimum_of_factorisation(kind, seed, instances):
    problem = getattr(instances, kind)(np.random.default_rng(seed))
    d = {"phase": 6, "factorization": 12}[kind]
    result = solve(problem, np.zeros(d), rng=seed)
    assert result.second_order
    assert result.events["curvature steps"] >= 1
    if kind == "factorization":  # every second-order point of it is global
        assert result.objective < 1e-10


@pytest.mark.parametrize("d", [1, 2, 5, 40])
@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 1e3, 1e8])
def test_saddles_of_every_scale(d, scale, instances):
    well = instances.double_well(d)
    problem = Problem(
        lambda x: scale * well.objective(x),
        lambda x: scale * well.gradient(x),
        lambda x, v: scale * well.hessian_product(x, v),
        L2=12 * scale,
    )
    result = solve(problem, np.zeros(d), tol=1e-7 * scale)
    assert result.second_order
    np.testing.assert_allclose(np.abs(result.x), np.ones(d), atol=1e-6)


def test_a_saddle_far_from_the_origin(instances):
    well, centre = instances.double_well(3), 1e4
    problem = Problem(
        lambda x: well.objective(x - centre),
        lambda x: well.gradient(x - centre),
        lambda x, v: well.hessian_product(x - centre, v),
        L2=12,
    )
    result = solve(problem, np.full(3, centre))
    assert result.second_order
    np.testing.assert_allclose(np.abs(result.x - centre), 1, atol=1e-5)


def test_degenerate_curvature_is_a_second_order_point_and_is_said_to_be_one():
    monkey = Problem(
        lambda x: float(x[0] ** 3 - 3 * x[0] * x[1] ** 2),
        lambda x: np.array([3 * x[0] ** 2 - 3 * x[1] ** 2, -6 * x[0] * x[1]]),
        lambda x, v: 6 * np.array([x[0] * v[0] - x[1] * v[1], -x[1] * v[0] - x[0] * v[1]]),
        L2=12,
    )
    result = solve(monkey, np.zeros(2))
    assert result.second_order  # gradient and Hessian vanish: the definition is met, and no more is promised
    assert result.n_calls <= 3
    flat = Problem(lambda x: 0.0, np.zeros_like, lambda x, v: np.zeros_like(x), L2=1)
    assert solve(flat, np.ones(7)).n_calls <= 3


@pytest.mark.parametrize("multiplicity", [2, 10, 49])
def test_repeated_negative_and_zero_eigenvalues(multiplicity):
    h = np.concatenate([-np.ones(multiplicity), np.zeros(25), np.ones(25)])
    problem = Problem(
        lambda x: float(h @ x**2 / 2 + np.sum(x**4) / 4), lambda x: h * x + x**3, lambda x, v: (h + 3 * x**2) * v, L2=20
    )
    result = solve(problem, np.zeros(len(h)), tol=1e-5)
    assert result.second_order
    assert problem.smallest_eigenvalue(result.x) >= -result.curvature_tol


def test_a_needle_of_negative_curvature_among_many_directions_is_found():
    d = 300
    for seed in range(10):
        h = np.ones(d)
        h[seed] = -0.05
        problem = Problem(
            lambda x, h=h: float(h @ x**2 / 2 + np.sum(x**4) / 4),
            lambda x, h=h: h * x + x**3,
            lambda x, v, h=h: (h + 3 * x**2) * v,
            L2=1.0,
        )
        result = solve(problem, np.zeros(d), tol=1e-4, rng=seed)  # curvature_tol .02
        assert problem.smallest_eigenvalue(result.x) >= -result.curvature_tol


def test_overflow_beyond_the_neighbourhood_is_stepped_around():
    problem = Problem(
        lambda x: float(np.sum(np.exp(50 * x) - 50 * x)),
        lambda x: 50 * np.exp(50 * x) - 50,
        lambda x, v: 2500 * np.exp(50 * x) * v,
        L2=1e5,
    )
    with np.errstate(over="ignore"):
        result = solve(problem, np.full(3, -4.0), tol=1e-6)
    assert result.converged
    np.testing.assert_allclose(result.x, 0, atol=1e-6)


def test_nan_beyond_a_wall_is_stepped_around():
    problem = Problem(
        lambda x: float(np.sum(x - np.log(x))) if (x > 0).all() else math.nan,
        lambda x: 1 - 1 / x,
        lambda x, v: v / x**2,
        L2=100.0,
    )
    result = solve(problem, np.array([1e-3, 30.0]), tol=1e-8)
    assert result.converged
    np.testing.assert_allclose(result.x, 1, atol=1e-7)


def test_an_unreachable_tolerance_is_returned_as_not_converged(instances):
    result = solve(instances.regression(np.random.default_rng(0)), np.zeros(6), tol=1e-300, curvature_tol=0.1)
    assert not result.converged
    assert result.gradient_norm < 1e-6


def test_a_gradient_of_another_function_ends_without_a_false_certificate(instances):
    problem = replace(instances.double_well(3), gradient=lambda x: -(x**3 - x) + 0.1)
    result = solve(problem, np.full(3, 0.3), max_calls=5000)
    assert result.converged == (np.linalg.norm(problem.gradient(result.x)) <= 1e-6)


def test_no_constants_are_needed_and_a_short_memory_works():
    problem = replace(hard_chain(60, 1e-4), L1=None, L2=None, lower_bound=None)
    long, short = (solve(problem, np.zeros(60), tol=1e-4, memory=memory, curvature_tol=1e-3) for memory in (None, 3))
    assert long.second_order
    assert short.second_order
    assert long.n_gradients < short.n_gradients
    for bad, message in (({"memory": 0}, "memory must be an integer >= 1"), ({"delta": 2.0}, r"delta must lie in \(0, 1\)")):
        with pytest.raises(ValueError, match=message):
            solve(problem, np.zeros(60), **bad)


def test_the_chain_of_200_is_reached_in_the_calls_of_two_newton_runs():
    problem = hard_chain(200, 1e-6)
    newton = minimize("newton_cg", problem, np.zeros(200), tol=3e-5)
    ours = solve(problem, np.zeros(200), tol=3e-5)
    assert ours.second_order
    assert newton.n_calls <= 300
    assert ours.n_gradients <= 2 * newton.n_calls


def test_a_budget_that_ends_inside_the_curvature_test_is_no_convergence(instances):
    problem, x0 = instances.double_well(30), np.zeros(30)  # an exact saddle
    result = solve(problem, x0, max_calls=1)
    assert result.gradient_norm == 0
    assert not result.converged
    assert not result.second_order


def test_curvature_that_no_value_shows_is_not_called_converged():
    problem = Problem(lambda x: 1e20, np.zeros_like, lambda x, v: -v, L2=1)
    result = solve(problem, np.zeros(4), tol=1e-6)
    assert not result.converged
    assert "too flat" in result.message
    assert result.smallest_eigenvalue == pytest.approx(-1)
