"""The problems: gradients and Hessian products by differences, constants by sampling, the published counts of the chain."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from optathlon.baselines.acceleration import (
    estimate_smoothness,
    hard_chain,
    matrix_factorization,
    minimize,
    phase_retrieval,
    robust_regression,
    tanh_network,
)

KINDS = ("regression", "phase", "factorization", "network")


def make(kind, instances):
    if kind == "chain":
        return hard_chain(7, 0.1), 7
    problem = getattr(instances, kind)(np.random.default_rng(0))
    return problem, size_of(problem)


def size_of(problem):
    for d in range(2, 40):
        try:
            if problem.gradient(np.zeros(d)).shape == (d,):
                return d
        except ValueError:
            pass
    raise AssertionError("no size fits")


@pytest.mark.parametrize("kind", ["chain", *KINDS])
def test_gradient_and_products_agree_with_differences(kind, instances):
    problem, d = make(kind, instances)
    rng = np.random.default_rng(1)
    x, v = rng.standard_normal((2, d))
    h = 1e-5
    slope = (problem.objective(x + h * v) - problem.objective(x - h * v)) / (2 * h)
    assert slope == pytest.approx(problem.gradient(x) @ v, rel=1e-6, abs=1e-8)
    change = (problem.gradient(x + h * v) - problem.gradient(x - h * v)) / (2 * h)
    np.testing.assert_allclose(problem.hessian_product(x, v), change, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", ["chain", "regression"])
def test_constants_bound_what_random_pairs_show(kind, instances):
    problem, d = make(kind, instances)
    rng = np.random.default_rng(2)
    largest1 = largest2 = 0.0
    for _ in range(300):
        x, z = 3 * rng.standard_normal((2, d))
        z = x + rng.choice([1e-3, 1.0]) * z
        H, G = problem.hessian(x), problem.hessian(z)
        largest1 = max(largest1, np.linalg.norm(H, 2))
        largest2 = max(largest2, np.linalg.norm(H - G, 2) / np.linalg.norm(x - z))
    assert largest1 <= problem.L1
    assert largest2 <= problem.L2
    assert largest2 >= problem.L2 / 20  # and are not far above


def test_factorisation_has_the_constants_on_its_sublevel_set_and_the_saddle(instances):
    rng = np.random.default_rng(3)
    problem, start = instances.factorization(rng), np.zeros(12)
    assert np.linalg.norm(problem.gradient(start)) == 0
    assert problem.smallest_eigenvalue(start) == pytest.approx(-2)
    points = [x for x in 0.4 * rng.standard_normal((400, 12)) if problem.objective(x) <= problem.objective(start)]
    assert len(points) > 20
    for x, z in itertools.pairwise(points):
        H, G = problem.hessian(x), problem.hessian(z)
        assert np.linalg.norm(H, 2) <= problem.L1
        assert np.linalg.norm(H - G, 2) <= problem.L2 * np.linalg.norm(x - z)


@pytest.mark.parametrize(
    ("method", "settings", "tol", "published"),
    [
        ("gradient_descent", {}, 1e-3, 7409),
        ("gradient_descent", {}, 1e-4, 8940),
        ("heavy_ball", {}, 1e-3, 748),
        ("heavy_ball", {}, 1e-4, 875),
        ("nesterov", {"restart": False}, 1e-4, 1073),
        ("nesterov", {}, 1e-3, 335),
        ("nesterov", {}, 1e-4, 414),
        ("heavy_ball", {"momentum": 0.97, "restart": True}, 1e-4, 322),
    ],
)
def test_the_chain_of_60_costs_what_was_published(method, settings, tol, published):
    result = minimize(method, hard_chain(60, 1e-4), np.zeros(60), tol=tol, **settings)
    assert result.converged
    assert result.n_calls == pytest.approx(published, rel=0.02)


def test_a_chain_of_one_link_is_one_equation():
    result = minimize("second_order", hard_chain(1, 0.5), np.zeros(1), tol=1e-9, rng=0)
    assert result.second_order
    assert result.x == pytest.approx([1.0])


def test_smoothness_along_a_path_of_a_known_function(instances):
    # x^4/4 - x^2/2: second derivative 3 x^2 - 1, whose slope between 0, 1 and 2 is at most 9
    L1, L2 = estimate_smoothness(instances.double_well(1), [np.array([t]) for t in (0.0, 1.0, 2.0)], margin=1.0)
    assert (L1, L2) == (11.0, 9.0)
    with pytest.raises(ValueError, match="points must hold two that differ"):
        estimate_smoothness(instances.quadratic([1.0]), [np.zeros(1), np.ones(1)])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: hard_chain(0, 1.0), "d must be an integer >= 1, got 0"),
        (lambda: hard_chain(3, -1.0), "mu must be a finite number > 0, got -1.0"),
        (lambda: hard_chain(3, float("nan")), "mu must be a finite number > 0, got nan"),
        (lambda: robust_regression(np.ones((3, 2)), np.ones(2)), r"b must have shape \(3,\)"),
        (lambda: robust_regression(np.zeros((3, 2)), np.ones(3)), "A must have an entry that is not zero"),
        (lambda: phase_retrieval(np.full((3, 2), np.inf), np.ones(3)), "A must be finite, got 6"),
        (lambda: matrix_factorization(np.triu(np.ones((3, 3))), 1), "M must be symmetric"),
        (lambda: matrix_factorization(np.eye(3), 0), "rank must be an integer >= 1, got 0"),
        (lambda: tanh_network(np.ones((3, 2)), np.array([0, 1, 1])), "y must hold -1 and 1 only"),
    ],
)
def test_bad_problems_are_refused_in_a_sentence(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_the_dense_hessian_of_the_network_is_that_of_its_products():
    rng = np.random.default_rng(3)
    problem = tanh_network(rng.standard_normal((30, 4)), rng.choice([-1.0, 1.0], 30), width=3)
    x = rng.standard_normal(3 * 6 + 1)
    dense = problem.hessian(x)
    np.testing.assert_allclose(dense, replace(problem, dense_hessian=None).hessian(x), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(dense, dense.T)
