"""The one interface: what every method must do on every problem, what is counted, and what bad input gets."""

import math
from dataclasses import replace

import numpy as np
import pytest

from optathlon.baselines.acceleration import METHODS, Problem, minimize

PROVED = ("accelerated_nonconvex", "cubic_newton", "second_order")  # test the curvature where they end
ENDS_ANYWHERE = ("negative_curvature_descent",)  # looks at curvature only
WHOLE = [name for name in METHODS if name not in ENDS_ANYWHERE]


@pytest.mark.parametrize("method", WHOLE)
@pytest.mark.parametrize("kind", ["regression", "well"])
def test_every_method_ends_at_a_small_gradient(method, kind, instances):
    rng = np.random.default_rng(0)
    problem, x0 = (instances.regression(rng), np.zeros(6)) if kind == "regression" else (instances.double_well(4), rng.random(4))
    kept = x0.copy()
    result = minimize(method, problem, x0, tol=1e-3, max_calls=200_000, rng=0)
    assert result.converged, result.message
    assert np.linalg.norm(problem.gradient(result.x)) <= 1e-3
    assert result.objective == problem.objective(result.x)
    assert result.second_order == (method in PROVED)
    if result.second_order:
        assert problem.smallest_eigenvalue(result.x) >= -2 * math.sqrt(problem.L2 * 1e-3)
    np.testing.assert_array_equal(x0, kept)


@pytest.mark.parametrize("method", METHODS)
def test_calls_are_what_the_oracles_saw_and_never_beyond_the_budget(method, instances):
    rng, seen = np.random.default_rng(1), {"gradient": 0, "hessian_product": 0}
    inner = instances.regression(rng)

    def counted(name):
        def oracle(*args):
            seen[name] += 1
            return getattr(inner, name)(*args)

        return oracle

    problem = replace(inner, gradient=counted("gradient"), hessian_product=counted("hessian_product"))
    for budget in (1, 7, 100_000):
        seen.update(gradient=0, hessian_product=0)
        result = minimize(method, problem, np.ones(6), tol=1e-2, max_calls=budget, rng=0)
        outside = 2  # the door at x0, and the end
        assert (result.n_gradients, result.n_hessian_products) == (seen["gradient"] - outside, seen["hessian_product"])
        assert result.n_calls <= budget
        assert np.isfinite(result.x).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_start_at_the_minimum_is_kept(method, instances):
    problem = instances.double_well(3)
    result = minimize(method, problem, np.ones(3), tol=1e-6, rng=0, max_calls=100_000)
    assert result.converged
    np.testing.assert_allclose(result.x, np.ones(3), atol=1e-6)


@pytest.mark.parametrize("method", WHOLE)
def test_one_dimension(method, instances):
    result = minimize(method, instances.double_well(1), np.array([0.4]), tol=1e-4, rng=0)
    assert result.converged
    assert abs(result.x[0]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_run(method, instances):
    problem = instances.double_well(3)
    first, second = (minimize(method, problem, np.full(3, 1e-3), tol=1e-3, rng=3, max_calls=20_000) for _ in range(2))
    np.testing.assert_array_equal(first.x, second.x)
    assert first.n_calls == second.n_calls


def test_callback_gets_its_own_copies_and_watch_each_counted_gradient(instances):
    steps, watched = [], []

    def callback(step, x):
        steps.append(step)
        x[:] = math.nan

    def watch(calls, x, g):
        watched.append(calls)
        x[:] = g[:] = math.nan

    result = minimize("gradient_descent", instances.double_well(2), np.full(2, 0.5), tol=1e-4, callback=callback, watch=watch)
    assert result.converged
    assert steps == list(range(result.n_gradients))
    assert watched == list(range(1, result.n_calls + 1))


def test_a_function_of_ones_own_is_a_method(instances):
    def newton(oracle, x, *, tol, rng):
        while True:
            oracle.accept(x)
            g = oracle.gradient(x)
            if np.linalg.norm(g) <= tol:
                return
            H = np.array([oracle.hessian_product(x, e) for e in np.eye(len(x))])
            x = x - np.linalg.solve(H, g)

    result = minimize(newton, instances.quadratic([1.0, 5.0]), np.ones(2), tol=1e-12)
    assert result.converged
    assert result.n_calls == 4


BAD = {
    "tol must be a finite number > 0, got 0.0": {"tol": 0},
    "tol must be a finite number > 0, got nan": {"tol": math.nan},
    "max_calls must be an integer >= 1, got 0": {"max_calls": 0},
    "max_calls must be an integer >= 1, got 2.5": {"max_calls": 2.5},
    r"x0 must have shape \(d,\) with d >= 1, got \(0,\)": {"x0": []},
    r"x0 must have shape \(d,\) with d >= 1, got \(2, 2\)": {"x0": np.ones((2, 2))},
    "x0 must be finite, got 1": {"x0": [1.0, math.nan]},
    "x0 must hold real numbers": {"x0": np.array([1j, 2])},
    "rng must be None, an integer": {"rng": "seed"},
    "method must be callable or one of gradient_descent": {"method": "newton"},
    "settings must be those of nesterov": {"method": "nesterov", "momentum": 0.5},
    "step must be a finite number > 0, got -1.0": {"step": -1.0},
    "curvature_tol must be a finite number > 0": {"curvature_tol": -1.0},
    "problem must be a Problem, got dict": {"problem": {}},
    r"momentum must be a number in \[0, 1\), got 1.0": {"method": "heavy_ball", "momentum": 1.0},
    "alpha must be a finite number > 0": {"method": "accelerated_nonconvex", "alpha": 0.0},
    r"delta must lie in \(0, 1\), got 1.5": {"method": "accelerated_nonconvex", "delta": 1.5},
    "L2 must be a finite number > 0 or 'estimate', got 'guess'": {"method": "accelerated_nonconvex", "L2": "guess"},
    "L2 must be a finite number > 0, got -3.0": {"method": "cubic_newton", "L2": -3.0},
    "gap must be a finite number > 0, got -1.0": {"method": "negative_curvature_descent", "gap": -1.0},
}


@pytest.mark.parametrize("message", BAD)
def test_bad_arguments_are_refused_in_a_sentence(message, instances):
    arguments = {"method": "gradient_descent", "problem": instances.double_well(2), "x0": np.ones(2) / 3, **BAD[message]}
    with pytest.raises(ValueError, match=message):
        minimize(arguments.pop("method"), arguments.pop("problem"), arguments.pop("x0"), **arguments)


@pytest.mark.parametrize("method", ["gradient_descent", "cubic_newton", "accelerated_nonconvex", "perturbed_agd"])
def test_missing_constants_are_asked_for(method, instances):
    problem = replace(instances.double_well(2), L1=None, L2=None)
    with pytest.raises(ValueError, match=r"L[12] must be given, to the method or as problem\.L[12]"):
        minimize(method, problem, np.full(2, 0.3))


def test_a_missing_lower_bound_is_asked_for(instances):
    problem = replace(instances.double_well(2), lower_bound=None)
    with pytest.raises(ValueError, match="lower_bound must be given"):
        minimize("accelerated_nonconvex", problem, np.full(2, 0.3))
    with pytest.raises(ValueError, match=r"problem\.L1 must be a finite number > 0"):
        replace(problem, L1=-1.0)
    with pytest.raises(ValueError, match=r"problem\.gradient must be callable"):
        replace(problem, gradient=None)


SHAPES = {"objective": lambda x: x, "gradient": lambda x: x[:-1], "hessian_product": lambda x, v: np.outer(x, v)}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("oracle", SHAPES)
def test_an_oracle_of_a_wrong_shape_is_refused(method, oracle, instances):
    problem = replace(instances.double_well(3), **{oracle: SHAPES[oracle]})
    uses = METHODS[method].__name__ not in {
        *("gradient_descent", "heavy_ball", "nesterov", "adaptive", "restarted_agd", "perturbed_agd", "convex_until_guilty"),
        *("almost_convex_agd", "lbfgs"),
    }
    if oracle == "hessian_product" and not uses:
        assert minimize(method, problem, np.full(3, 0.4), tol=1e-2, rng=0).converged
        return
    with pytest.raises(ValueError, match=rf"problem\.{oracle} must return"):
        minimize(method, problem, np.full(3, 0.4), tol=1e-2, rng=0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("oracle", ["objective", "gradient"])
def test_oracles_that_are_not_finite_at_the_start_are_refused(method, oracle, instances):
    broken = {"objective": lambda x: math.nan, "gradient": lambda x: np.full_like(x, math.inf)}[oracle]
    with pytest.raises(ValueError, match="x0 must be where the oracles are finite"):
        minimize(method, replace(instances.double_well(2), **{oracle: broken}), np.ones(2) / 3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fault", ["objective", "gradient", "hessian_product"])
@pytest.mark.parametrize("after", [2, 5, 20])
def test_oracles_that_break_later_end_the_run_with_a_finite_iterate(method, fault, after, instances):
    inner, calls = instances.double_well(3), [0]

    def breaks(*args):
        calls[0] += 1
        value = getattr(inner, fault)(*args)
        return value * math.nan if calls[0] > after else value

    result = minimize(method, replace(inner, **{fault: breaks}), np.array([0.3, 1e-4, -0.2]), tol=1e-8, max_calls=3000, rng=0)
    assert np.isfinite(result.x).all()
    if result.converged:
        assert np.linalg.norm(inner.gradient(result.x)) <= 1e-8


def test_divergence_is_returned_not_raised(instances):
    result = minimize("gradient_descent", instances.double_well(2), np.full(2, 9.0), step=1.0, max_calls=1000)
    assert not result.converged
    assert "NaN or infinite" in result.message
    assert np.isfinite(result.x).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_function_without_a_minimum_ends_by_its_budget_or_says_so(method, instances):
    problem = replace(instances.quadratic([1.0, -1.0]), lower_bound=-1e6)
    result = minimize(method, problem, np.array([1.0, 1e-3]), tol=1e-6, max_calls=2000, rng=0)
    assert not result.converged or method in ENDS_ANYWHERE


def test_integers_and_read_only_starts_are_taken():
    problem = Problem(lambda x: float(x @ x), lambda x: 2 * x, lambda x, v: 2 * v, L1=2, L2=1, lower_bound=0)
    x0 = np.array([3, 4])
    x0.flags.writeable = False
    assert minimize("gradient_descent", problem, x0).n_calls == 2
