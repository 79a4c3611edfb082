"""The two-layer ReLU program: exact toys, other solvers, descent on the network, and proofs by explicit multipliers."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, nnls

from optathlon.baselines.convex_networks import (
    enumerate_patterns,
    network_objective,
    pool_patterns,
    pooled_program,
    relu_program,
    sample_patterns,
    verify_certificate,
)
from optathlon.baselines.convex_networks.relu_cone import new_states
from optathlon.baselines.convex_networks.relu_faces import free_directions

LINE = np.column_stack([np.arange(-2.0, 3.0), np.ones(5)]), np.array([1.0, -1.0, 1.0, 1.0, -1.0])
SLIDES = np.array([[2.0, 2.0], [3.0, 3.0], [1.0, 0.0]]), np.array([1.0, -1.0, 2.0])
PLANE = np.random.default_rng(1).standard_normal((8, 2)), np.random.default_rng(2).standard_normal(8)
SPACE = np.random.default_rng(3).standard_normal((7, 3)), np.random.default_rng(4).standard_normal(7)

#: Optimal values found by another implementation with another solver (Clarabel, tolerance 1e-11).
TOYS = [
    (LINE, 1e-3, 0.010116828),
    (LINE, 1e-1, 0.891447203),
    (SLIDES, 1e-1, 1.241688866),
    (SLIDES, 1e-3, 0.964442773),
    (PLANE, 1e-1, 4.655209530),
    (PLANE, 1e-3, 0.167837418),
    (SPACE, 1e-1, 0.666001686),
    (SPACE, 1e-3, 0.009924444),
]


def planted(n, d, P, fraction=0.01, seed=0):
    """Ten planted neurons with 10 % noise, P sampled patterns, beta a fraction of the largest |X'D y|."""
    rng = np.random.default_rng(seed)
    X, W, a = rng.standard_normal((n, d)), rng.standard_normal((d, 10)), rng.standard_normal(10)
    f = np.maximum(X @ W, 0) @ a / np.sqrt(10)
    y = f + 0.1 * f.std() * rng.standard_normal(n)
    D = np.unique(X @ np.random.default_rng(seed + 1).standard_normal((d, P)) >= 0, axis=1).astype(int)
    return X, y, fraction * largest_gradient(X, y, D), D


def largest_gradient(X, y, D):
    return float(np.linalg.norm(X.T @ (D * y[:, None]), axis=0).max())


def descend(X, y, beta, n_neurons, rng):
    """First layer, second layer and value of a network trained by L-BFGS on the network's own objective."""
    d = X.shape[1]

    def objective(theta):
        W1, w2 = theta[: d * n_neurons].reshape(d, n_neurons), theta[d * n_neurons :]
        H = np.maximum(X @ W1, 0)
        r = H @ w2 - y
        gradient = np.concatenate([(X.T @ (np.outer(r, w2) * (H > 0))).ravel(), H.T @ r]) + beta * theta
        return 0.5 * r @ r + 0.5 * beta * theta @ theta, gradient

    theta = minimize(objective, rng.standard_normal((d + 1) * n_neurons), jac=True, method="L-BFGS-B").x
    return theta[: d * n_neurons].reshape(d, n_neurons), theta[d * n_neurons :], objective(theta)[0]


def assert_certified(X, y, beta, D, result, gap=1e-6):
    check = verify_certificate(X, y, beta, D, result)
    assert result.converged
    assert result.status == "converged"
    assert result.gap <= gap
    assert check.gap <= gap * (1 + 1e-6)
    assert check.objective == pytest.approx(result.objective, rel=1e-12, abs=1e-300)
    assert check.cone_violation <= 1e-13


@pytest.mark.parametrize(("data", "beta", "value"), TOYS)
@pytest.mark.parametrize("solver", ["ssnal", "clarabel"])
def test_exact_toys(data, beta, value, solver):
    X, y = data
    D = enumerate_patterns(X)
    result = relu_program(X, y, beta, patterns=D, solver=solver)
    assert_certified(X, y, beta, D, result)
    assert result.objective == pytest.approx(value, rel=1e-7)
    assert result.objective == pytest.approx(network_objective(X, y, beta, result.W1, result.w2), rel=1e-12)
    # Balanced neurons: both layers pay the same weight decay, beta |w| in all.
    assert np.allclose(np.linalg.norm(result.W1, axis=0), np.abs(result.w2))


@pytest.mark.parametrize(("data", "beta", "value"), TOYS)
def test_no_descent_from_random_networks_ends_below_the_convex_optimum(data, beta, value):
    X, y = data
    result = relu_program(X, y, beta, patterns=enumerate_patterns(X))
    rng = np.random.default_rng(0)
    values = [descend(X, y, beta, n_neurons, rng)[2] for n_neurons in (8, 8, 8, 50, 50)]
    assert min(values) >= result.dual_bound
    assert min(values) >= result.objective - 1e-8


def test_descent_reaches_the_convex_optimum_of_the_line():
    X, y = LINE
    result = relu_program(X, y, 0.1, patterns=enumerate_patterns(X))
    rng = np.random.default_rng(0)
    assert min(descend(X, y, 0.1, 8, rng)[2] for _ in range(30)) <= result.objective * (1 + 1e-4)


@pytest.mark.parametrize(("data", "beta", "value"), [TOYS[1], TOYS[2], TOYS[4], TOYS[6]])
@pytest.mark.parametrize("solver", ["admm", "scs"])
def test_first_order_solvers_on_toys(data, beta, value, solver):
    X, y = data
    D = enumerate_patterns(X)
    result = relu_program(X, y, beta, patterns=D, solver=solver, tol=1e-5)
    assert_certified(X, y, beta, D, result, gap=1e-5)
    assert result.objective == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    ("size", "value"), [((200, 10, 100), 42.73635850), ((500, 10, 200), 243.14100506), ((1000, 20, 100), 575.41845892)]
)
def test_planted_instances_have_the_values_of_another_implementation(size, value):
    X, y, beta, D = planted(*size)
    result = relu_program(X, y, beta, patterns=D)
    assert result.converged
    assert result.gap <= 1e-6
    assert result.objective == pytest.approx(value, rel=1e-8)
    assert result.dual_bound <= value * (1 + 1e-9)


def test_explicit_multipliers_prove_the_bound_in_extended_precision():
    X, y, beta, D = planted(200, 10, 100)
    result = relu_program(X, y, beta, patterns=D)
    wide = np.longdouble
    v, XL = result.dual_point.astype(wide), X.astype(wide)
    largest = 0.0
    for pattern in D.T:
        gradient, normals = XL.T @ (pattern * v), (2 * pattern - 1)[:, None] * XL
        for signed in (gradient, -gradient):
            lam = nnls(normals.T.astype(float), -signed.astype(float))[0]
            assert (lam >= 0).all()
            largest = max(largest, float(np.linalg.norm((signed + normals.T @ lam).astype(float))))
    assert largest <= beta * (1 + 1e-12)
    assert result.dual_bound == pytest.approx(float(y @ v - v @ v / 2), rel=1e-14)
    margins = (2 * D[:, result.pattern_index] - 1) * (XL @ result.W1.astype(wide))
    sizes = np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(result.W1, axis=0)
    assert float((margins / sizes).min()) >= -1e-13


@pytest.mark.parametrize("fraction", [1e300, 2.0, 0.9, 0.1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-10])
def test_every_regularisation_is_certified(fraction):
    X, y, beta, D = planted(120, 6, 40, fraction)
    result = relu_program(X, y, beta, patterns=D)
    assert_certified(X, y, beta, D, result)
    assert (result.w2.size == 0) == (fraction >= 2.0)


def test_the_zero_network_is_optimal_from_the_largest_projection_on():
    X, y, _, D = planted(80, 4, 30)
    threshold = max(nnls(((2 * p - 1)[:, None] * X).T, -s * (X.T @ (p * y)))[1] for p in D.T for s in (1.0, -1.0))
    above = relu_program(X, y, threshold * (1 + 1e-9), patterns=D)
    below = relu_program(X, y, threshold * (1 - 1e-3), patterns=D, tol=1e-9)
    assert above.w2.size == 0
    assert above.gap <= 1e-14
    assert above.objective == pytest.approx(0.5 * y @ y)
    assert below.w2.size == 1
    assert below.objective < 0.5 * y @ y


@pytest.mark.parametrize("n_patterns", [1, 5, 16])
def test_a_weight_decay_beyond_all_numbers_gives_the_zero_network_at_once(n_patterns):
    rng = np.random.default_rng(0)
    X, y = 1e-5 * rng.standard_normal((8, 2)), 1e-5 * rng.standard_normal(8)
    result = relu_program(X, y, 1e300, patterns=enumerate_patterns(X)[:, :n_patterns])  # 1e310 in the units of X and y
    assert result.w2.size == 0
    assert result.objective == pytest.approx(0.5 * y @ y)
    assert result.converged
    assert result.n_steps == 0


def test_free_directions_write_as_many_rows_as_their_columns_take_whatever_the_numbers():
    states = new_states(2, 3)
    N, weights, owner = np.full((4, 3), 7.0), np.full(4, 7.0), np.full(4, 7)
    which, active = np.arange(2), np.array([1])
    free_directions(np.full((2, 3), np.nan), np.full(2, np.nan), 1.0, which, active, states, N, weights, owner)
    assert (owner == [1, 1, 1, 7]).all()
    assert (N[3] == 7.0).all()


def degenerate_data(name, rng):
    X = rng.standard_normal((90, 5))
    y = np.sin(3 * X[:, 0]) + 0.3 * rng.standard_normal(90)
    if name == "duplicate and zero rows":
        X[10:20], X[30:32], X[40:45], X[60:65] = X[0:10], 0.0, -X[50:55], 3 * X[70:75]
    if name == "rank deficient":
        X = X[:, :2] @ rng.standard_normal((2, 7))
    if name == "ties":
        X = rng.integers(-2, 3, X.shape).astype(float)
    if name == "bias":
        X[:, 4] = 1.0
    if name == "features of very different size":
        X *= np.array([1e-3, 1.0, 10.0, 100.0, 1e3])
    if name == "wide":
        X, y = rng.standard_normal((15, 40)), y[:15]
    if name == "one feature":
        X = X[:, :1]
    if name == "one sample":
        X, y = X[:1], y[:1]
    if name == "constant labels":
        y = np.ones(90)
    if name == "zero labels":
        y = np.zeros(90)
    if name == "zero data":
        X = np.zeros((90, 3))
    return X, y


@pytest.mark.parametrize(
    "name",
    [
        "duplicate and zero rows",
        "rank deficient",
        "ties",
        "bias",
        "features of very different size",
        "wide",
        "one feature",
        "one sample",
        "constant labels",
        "zero labels",
        "zero data",
    ],
)
@pytest.mark.parametrize("fraction", [1e-1, 1e-3])
def test_degenerate_data_are_certified(name, fraction):
    X, y = degenerate_data(name, np.random.default_rng(5))
    D = pool_patterns(X, [np.random.default_rng(6).standard_normal((X.shape[1], 40))])
    beta = fraction * (largest_gradient(X, y, D) or 1.0)
    result = relu_program(X, y, beta, patterns=D)
    assert_certified(X, y, beta, D, result)


@settings(max_examples=20, deadline=None)
@given(
    n=st.integers(2, 25),
    d=st.integers(1, 5),
    seed=st.integers(0, 10**6),
    fraction=st.sampled_from([0.5, 0.05, 0.005]),
)
def test_agrees_with_an_interior_point_method(n, d, seed, fraction):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    D = pool_patterns(X, [rng.standard_normal((d, 12))])
    beta = fraction * largest_gradient(X, y, D)
    ours = relu_program(X, y, beta, patterns=D, tol=1e-8)
    theirs = relu_program(X, y, beta, patterns=D, solver="clarabel")
    assert ours.converged
    # Neither bound may pass the other's network, and the two intervals are as short as they say.
    assert ours.dual_bound <= theirs.objective * (1 + 1e-12)
    assert theirs.dual_bound <= ours.objective * (1 + 1e-12)
    assert ours.objective == pytest.approx(theirs.objective, rel=1.1 * (ours.gap + theirs.gap) + 1e-12)
    assert theirs.gap <= 1e-4


def test_units_of_data_and_labels():
    X, y, beta, D = planted(60, 4, 20)
    base = relu_program(X, y, beta, patterns=D, tol=1e-9)
    for a, b in ((1e6, 1e-5), (1e-8, 1e8)):
        scaled = relu_program(a * X, b * y, a * b * beta, patterns=D, tol=1e-9)
        assert scaled.objective == pytest.approx(b * b * base.objective, rel=1e-8)
        assert np.allclose(scaled.predict(a * X), b * base.predict(X), rtol=1e-3, atol=1e-4 * b)


def test_repeated_and_dead_patterns_change_nothing():
    X, y, beta, D = planted(60, 4, 20)
    base = relu_program(X, y, beta, patterns=D)
    padded = np.hstack([np.zeros((60, 1), dtype=int), D, D[:, ::-1], np.zeros((60, 2), dtype=int)])
    result = relu_program(X, y, beta, patterns=padded)
    assert result.objective == pytest.approx(base.objective, rel=1e-12)  # to the bit by most kernels
    assert np.array_equal(padded[:, result.pattern_index], D[:, base.pattern_index])
    for solver in ("ssnal", "admm", "clarabel", "scs"):
        dead = relu_program(X, y, beta, patterns=np.zeros((60, 3)), solver=solver)
        assert dead.objective == pytest.approx(0.5 * y @ y)
        assert dead.dual_bound == pytest.approx(dead.objective, rel=1e-12)
        assert dead.predict(X).tolist() == [0.0] * 60


def test_patterns_without_interior_carry_no_neuron():
    X, y, beta, D = planted(60, 4, 20)
    impossible = (np.random.default_rng(0).random((60, 15)) < 0.5).astype(int)
    result = relu_program(X, y, beta, patterns=np.hstack([impossible, D]))
    assert_certified(X, y, beta, np.hstack([impossible, D]), result)
    assert result.objective == pytest.approx(relu_program(X, y, beta, patterns=D).objective, rel=1e-6)
    assert (result.pattern_index >= 15).all()


def test_more_patterns_never_raise_the_optimum():
    X, y, beta, D = planted(100, 5, 60)
    values = [relu_program(X, y, beta, patterns=D[:, :k]).objective for k in (1, 5, 20, D.shape[1])]
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in pairwise(values))


@pytest.mark.parametrize("solver", ["ssnal", "admm", "clarabel", "scs"])
def test_a_solver_that_is_stopped_says_so_and_its_bound_holds(solver):
    X, y, beta, D = planted(80, 5, 30)
    optimum = relu_program(X, y, beta, patterns=D, tol=1e-9)
    result = relu_program(X, y, beta, patterns=D, solver=solver, max_steps=2)
    check = verify_certificate(X, y, beta, D, result)
    assert not result.converged
    assert result.status != "converged"
    assert result.gap > 1e-6
    assert result.dual_bound <= optimum.objective * (1 + 1e-12)
    assert result.objective >= optimum.dual_bound * (1 - 1e-12)
    assert check.gap <= result.gap * (1 + 1e-9)


def test_an_impossible_tolerance_is_not_claimed():
    X, y, beta, D = planted(80, 5, 30)
    result = relu_program(X, y, beta, patterns=D, tol=1e-300)
    assert result.gap <= 1e-10
    assert result.converged == (result.gap == 0.0)


@pytest.mark.parametrize("solver", ["ssnal", "admm"])
def test_callback_sees_feasible_networks_that_only_improve(solver):
    X, y, beta, D = planted(80, 5, 30)
    trace = []
    result = relu_program(
        X,
        y,
        beta,
        patterns=D,
        solver=solver,
        tol=1e-4,
        callback=lambda step, net: trace.append((step, network_objective(X, y, beta, *net))),
    )
    steps, values = zip(*trace, strict=True)
    assert steps[-1] == result.n_steps
    assert list(steps) == sorted(set(steps))
    assert all(later <= earlier for earlier, later in pairwise(values))
    assert values[-1] == pytest.approx(result.objective, rel=1e-12)


def test_same_input_same_bits_and_inputs_stay():
    X, y, beta, D = planted(100, 5, 40)
    copies = X.copy(), y.copy(), D.copy()
    first, second = (relu_program(X, y, beta, patterns=D) for _ in range(2))
    assert first.objective == second.objective
    assert first.dual_bound == second.dual_bound
    assert np.array_equal(first.W1, second.W1)
    assert all(np.array_equal(a, b) for a, b in zip(copies, (X, y, D), strict=True))
    by_list = relu_program(X.tolist(), y.tolist(), beta, patterns=D.astype(bool))
    assert np.array_equal(by_list.W1, first.W1)


def test_breast_cancer():
    datasets = pytest.importorskip("sklearn.datasets")
    X, labels = datasets.load_breast_cancer(return_X_y=True)
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), 2.0 * labels - 1.0
    D = sample_patterns(X[:400], 60, np.random.default_rng(0))
    result = relu_program(X[:400], y[:400], 2.0, patterns=D)
    assert_certified(X[:400], y[:400], 2.0, D, result)
    assert np.mean(np.sign(result.predict(X[400:])) == y[400:]) >= 0.94


@pytest.mark.parametrize("beta", [0.1, 2.0])
def test_pooled_program_is_never_above_the_networks_it_pools(beta):
    X, y, _, _ = planted(60, 5, 1)
    rng = np.random.default_rng(3)
    networks = [descend(X, y, beta, 20, rng) for _ in range(3)]
    result = pooled_program(X, y, beta, first_layers=[W1 for W1, _, _ in networks])
    best = min(value for _, _, value in networks)
    assert result.converged
    assert result.objective <= best * (1 + 1e-6)
    assert result.objective < 0.9999 * best  # descent stops at kinks: there is something to gain


def test_pooled_program_trains_its_own_networks():
    X, y, _, _ = planted(50, 4, 1)
    rng = np.random.default_rng(0)
    pooled = pooled_program(X, y, 0.5, n_networks=2, n_neurons=12, n_steps=200, rng=np.random.default_rng(1))
    sampled = relu_program(X, y, 0.5, patterns=sample_patterns(X, 24, rng))
    assert pooled.converged
    assert pooled.objective < sampled.objective


def test_too_small_a_beta_for_double_precision_is_not_claimed():
    X, y, beta, D = planted(60, 4, 20, 1e-300)
    result = relu_program(X, y, beta, patterns=D, max_steps=10)
    assert not result.converged
    assert np.isfinite(result.objective)
    assert result.dual_bound <= result.objective <= 0.5 * y @ y


def test_labels_may_come_as_a_column():
    X, y, beta, D = planted(40, 3, 10)
    assert relu_program(X, y[:, None], beta, patterns=D).objective == relu_program(X, y, beta, patterns=D).objective


def test_without_patterns_few_are_enumerated_and_many_are_those_of_trained_networks():
    X, y, beta, _ = planted(12, 2, 5)
    few = relu_program(X, y, beta)
    assert few.complete
    assert few.objective == pytest.approx(relu_program(X, y, beta, patterns=enumerate_patterns(X)).objective, rel=1e-6)
    X, y, beta, _ = planted(60, 5, 5)
    many, again = (relu_program(X, y, beta, rng=3) for _ in range(2))
    assert not many.complete
    assert many.converged
    assert many.objective == again.objective
    assert many.objective <= pooled_program(X, y, beta, n_networks=1, rng=4).objective * 1.05


def test_a_start_leads_to_the_same_optimum_and_must_fit():
    X, y, beta, D = planted(80, 5, 30)
    cold, near = relu_program(X, y, beta, patterns=D, tol=1e-8), relu_program(X, y, 1.1 * beta, patterns=D)
    warm = relu_program(X, y, beta, patterns=D, tol=1e-8, start=near)
    assert warm.objective == pytest.approx(cold.objective, rel=1e-7)
    assert_certified(X, y, beta, D, warm)
    with pytest.raises(ValueError, match="start must be a result for the same data and patterns"):
        relu_program(X, y, beta, patterns=D[:, :1], start=near)


@pytest.mark.parametrize("shift", [1e3, 1e6, 1e9])
def test_rows_far_from_zero_are_solved_and_certified_in_their_own_coordinates(shift):
    rng = np.random.default_rng(0)
    points = rng.standard_normal((80, 4))
    y = np.sin(points[:, 0]) + 0.2 * rng.standard_normal(80)
    D = sample_patterns(points, 30, rng=0)
    X, networks = points + shift, []
    result = relu_program(X, y, 0.5, patterns=D, callback=lambda step, network: networks.append(network))
    assert result.converged
    assert result.objective == pytest.approx(network_objective(X, y, 0.5, *networks[-1]), rel=1e-6)
    # What the multipliers of scipy prove, whose rounding grows with the shift.
    check = verify_certificate(X, y, 0.5, D, result)
    assert check.cone_violation <= 1e-13
    assert check.gap <= 1e-6 + 1e-12 * shift
    again = relu_program(X, y, 0.5, patterns=D, start=result)
    assert again.objective == pytest.approx(result.objective, rel=2e-6)
    assert again.n_steps <= result.n_steps
