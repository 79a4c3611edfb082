"""The semidefinite relaxation against enumeration, conic solvers and its own certificate."""

import itertools
import warnings

import numpy as np
import pytest

from optathlon.baselines.binary_regression import (
    certificate,
    diagonal_sdp,
    exact,
    semidefinite_relaxation,
    solve_diagonal_sdp,
)
from optathlon.baselines.binary_regression._newton import at, full_inverse, row_dots
from optathlon.baselines.binary_regression.semidefinite_relaxation import homogenise


def instance(n, sigma, seed, n_samples=None):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples or 2 * n, n)) / np.sqrt(n)
    w = rng.choice([-1.0, 1.0], n)
    return X, X @ w + sigma * rng.standard_normal(len(X)), w


def homogeneous(X, y):
    Z = np.column_stack([X, -y])
    return Z.T @ Z


def awkward(name, n=40, seed=3):
    rng = np.random.default_rng(seed)
    X, y, w = instance(n, 0.5, seed)
    if name == "shifted features":
        X = X + 1
    elif name == "constant column":
        X[:, -1] = 1
    elif name == "zero column":
        X[:, 0] = 0
    elif name == "equal columns":
        X[:, n // 2 :] = X[:, : n // 2]
    elif name == "condition 1e6":
        U, _, Vt = np.linalg.svd(X, full_matrices=False)
        X = (U * np.logspace(0, -6, n)) @ Vt
    elif name == "scaled columns":
        X = X * 10 ** rng.uniform(-3, 3, n)
    elif name == "few samples":
        X, y = X[: n // 2], y[: n // 2]
        return X, y
    elif name == "rank one":
        X = np.outer(X[:, 0], rng.standard_normal(n))
    elif name == "constant features":
        return np.ones_like(X), 4 + 0.5 * rng.standard_normal(len(X))
    elif name == "Cauchy features":
        X = rng.standard_cauchy(X.shape)
    elif name == "zero target":
        return X, np.zeros(len(X))
    elif name == "constant target":
        return X, np.ones(len(X))
    elif name == "zero features":
        return np.zeros_like(X), y
    elif name == "no noise":
        return X, X @ w
    elif name == "only noise":
        return X, 1e6 * rng.standard_normal(len(X))
    elif name == "tiny":
        return 1e-40 * X, 1e-40 * y
    elif name == "huge":
        return 1e40 * X, 1e40 * y
    fit = X @ w
    return X, fit + 0.5 * fit.std() * rng.standard_normal(len(X))


AWKWARD = [
    "shifted features", "constant column", "zero column", "equal columns", "condition 1e6", "scaled columns", "few samples",
    "rank one", "constant features", "Cauchy features", "zero target", "constant target", "zero features", "no noise",
    "only noise", "tiny", "huge",
]  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_bound_and_objective_enclose_the_relaxation_of_every_sign_vector(n):
    X, y, _ = instance(n, 0.8, seed=n)
    answer = semidefinite_relaxation(X, y)
    least = min(np.sum((X @ np.array(w) - y) ** 2) for w in itertools.product([-1, 1], repeat=n))
    assert answer.converged
    assert answer.gap <= 1e-6
    assert answer.bound <= answer.objective <= least * (1 + 1e-9)


@pytest.mark.parametrize(("n", "sigma"), [(5, 0.3), (30, 0.5), (30, 1.5), (45, 0.6)])
def test_objective_agrees_with_clarabel(n, sigma):
    X, y, _ = instance(n, sigma, seed=n)
    ours = semidefinite_relaxation(X, y)
    theirs = semidefinite_relaxation(X, y, solver="clarabel", tol=1e-8)
    assert ours.objective == pytest.approx(theirs.objective, rel=1e-6)
    assert ours.bound <= theirs.objective


def test_objective_agrees_with_scs():
    X, y, _ = instance(12, 0.5, seed=4)
    ours, theirs = semidefinite_relaxation(X, y), semidefinite_relaxation(X, y, solver="scs", tol=1e-6)
    assert ours.objective == pytest.approx(theirs.objective, rel=1e-4)


@pytest.mark.parametrize("sigma", [0.02, 0.2, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("n", [17, 64, 65, 150, 331])
def test_gap_is_proved_whatever_size_and_noise(n, sigma):
    X, y, _ = instance(n, sigma, seed=1000 * n + int(100 * sigma))
    answer = semidefinite_relaxation(X, y)
    assert answer.converged
    assert answer.gap <= 1e-6
    check_proof(X, y, answer)


@pytest.mark.parametrize("name", AWKWARD)
def test_gap_is_proved_for_awkward_data(name):
    X, y = awkward(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = semidefinite_relaxation(X, y)
    assert answer.converged
    check_proof(X, y, answer)


def check_proof(X, y, answer):
    """The claimed numbers follow from the factor and the multipliers alone, by an eigenvalue instead of a factorisation."""
    Q = homogeneous(X, y)
    Q[-1, -1] = 0
    scale = np.abs(Q).max() + np.abs(answer.dual).max() + np.finfo(float).tiny
    np.testing.assert_allclose(np.linalg.norm(answer.factor, axis=1), 1, atol=1e-12)
    assert np.linalg.eigvalsh(Q + np.diag(answer.dual))[0] >= -1e-13 * len(Q) * scale
    assert answer.objective == pytest.approx(np.sum((Q @ answer.factor) * answer.factor) + y @ y, abs=1e-12 * len(Q) * scale)
    assert answer.bound == pytest.approx(y @ y - answer.dual.sum(), abs=1e-12 * len(Q) * scale)


@pytest.mark.parametrize("name", ["constant features", "equal columns", "zero column", "rank one", "shifted features", "huge"])
def test_awkward_data_in_single_precision(name):
    X, y = awkward(name, n=260)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = semidefinite_relaxation(X, y, rng=0)
    assert answer.converged
    check_proof(X, y, answer)


def test_degenerate_problems_are_left_to_the_interior_point_method():
    X, y = awkward("condition 1e6", n=120)
    answer = semidefinite_relaxation(X, y)
    assert answer.converged
    check_proof(X, y, answer)


@pytest.mark.parametrize("seed", range(3))
def test_fewer_samples_than_weights_take_few_products_and_no_interior_point_method(seed, monkeypatch):
    """Half of the eigenvalues of Q + diag(dual) are then close to zero."""
    X, y, _ = instance(400, 0.5, seed, n_samples=200)
    products, newton_step = [], diagonal_sdp.newton_step

    def counting(*arguments):
        step = newton_step(*arguments)
        products.append(step.n_products)
        return step

    monkeypatch.setattr(diagonal_sdp, "newton_step", counting)
    monkeypatch.delattr(diagonal_sdp, "interior_point")
    answer = semidefinite_relaxation(X, y, rng=seed)
    assert answer.converged
    check_proof(X, y, answer)
    assert sum(products) <= 300


@pytest.mark.parametrize("seed", range(2))
def test_where_next_to_nothing_is_left_to_fit_the_interior_point_method_soon_takes_over(seed, monkeypatch):
    """Half as many samples as weights can be fitted all but exactly, where low noise leaves U all but degenerate."""
    X, y, _ = instance(260, 0.2, seed, n_samples=130)
    inverses, full, dense = [], diagonal_sdp.full_inverse, []
    interior_point = diagonal_sdp.interior_point
    monkeypatch.setattr(diagonal_sdp, "full_inverse", lambda *arguments: inverses.append(0) or full(*arguments))
    monkeypatch.setattr(diagonal_sdp, "interior_point", lambda *arguments: dense.append(0) or interior_point(*arguments))
    answer = semidefinite_relaxation(X, y, rng=seed)
    assert answer.converged
    check_proof(X, y, answer)
    assert answer.objective < 0.01 * (y @ y)
    assert len(inverses) <= 21
    assert len(dense) == 1


def test_the_inverse_of_a_newton_step_is_that_on_matrices_with_rows_orthogonal_to_those_of_the_factor():
    X, y, _ = instance(60, 0.5, 4, n_samples=30)
    Q, _ = homogenise(X, y)
    answer = semidefinite_relaxation(X, y)
    point = at(Q, answer.factor)._replace(dual=answer.dual + 0.1)
    S = Q + np.diag(point.dual)
    inverse = full_inverse(Q, point, 0.0)
    R = np.random.default_rng(0).standard_normal(point.V.shape)
    R -= row_dots(R, point.V)[:, None] * point.V
    D = inverse.tangent(R)
    image = S @ D
    image -= row_dots(image, point.V)[:, None] * point.V
    assert np.abs(row_dots(D, point.V)).max() <= 1e-9 * np.abs(D).max()
    np.testing.assert_allclose(image, R, atol=1e-3)
    np.testing.assert_allclose(S @ inverse.everywhere(R), R, atol=1e-3)


def test_a_tolerance_out_of_reach_is_said_and_the_bound_still_holds():
    X, y, _ = instance(20, 0.5, seed=5)
    answer = semidefinite_relaxation(X, y, tol=1e-17)
    assert not answer.converged
    assert 0 <= answer.gap < 1e-6
    check_proof(X, y, answer)


def test_low_noise_is_tight_and_recovers_the_weights():
    X, y, w = instance(50, 0.05, seed=6)
    answer = semidefinite_relaxation(X, y)
    assert answer.factor.shape[1] == 1
    np.testing.assert_array_equal(answer.w, w)


@pytest.mark.parametrize("rounding", ["eigenvector", "randomized"])
def test_rounding_fixes_the_sign_by_the_constant(rounding):
    X, y, w = instance(20, 0.1, seed=7)
    np.testing.assert_array_equal(semidefinite_relaxation(X, y, rounding=rounding).w, w)
    np.testing.assert_array_equal(semidefinite_relaxation(X, -y, rounding=rounding).w, -w)


def test_randomised_rounding_is_at_least_as_good_as_the_eigenvector_on_average():
    ratios = []
    for seed in range(20):
        X, y, _ = instance(20, 1.0, seed)
        objectives = [
            np.sum((X @ semidefinite_relaxation(X, y, rounding=rounding).w - y) ** 2)
            for rounding in ("randomized", "eigenvector")
        ]
        ratios.append(objectives[0] / objectives[1])
    assert np.mean(ratios) < 1


def test_the_same_seed_gives_the_same_bits():
    X, y, _ = instance(100, 0.7, seed=8)
    first, second = (semidefinite_relaxation(X, y, rng=np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.factor, second.factor)
    assert (first.bound, first.objective) == (second.bound, second.objective)


@pytest.mark.parametrize("view", [lambda A: np.asfortranarray(A), lambda A: np.repeat(A, 2, axis=0)[::2], lambda A: A[:, ::-1]])
def test_memory_layout_does_not_matter(view):
    X, y, _ = instance(70, 0.5, seed=9)
    assert semidefinite_relaxation(view(X), y).converged


def test_inputs_stay_as_they_were():
    X, y, _ = instance(30, 0.5, seed=9)
    before = X.copy(), y.copy()
    semidefinite_relaxation(X, y)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])


def test_certificate_of_the_solution_is_tight():
    X, y, _ = instance(80, 0.6, seed=10)
    answer = semidefinite_relaxation(X, y, tol=1e-7)
    proof = certificate(X, y, answer.factor)
    assert proof.gap <= 1e-5
    assert proof.objective == pytest.approx(answer.objective, rel=1e-12)
    assert proof.bound <= answer.objective


@pytest.mark.parametrize("seed", range(5))
def test_certificate_of_any_factor_is_a_bound(seed):
    X, y, _ = instance(25, 0.6, seed)
    V = np.random.default_rng(seed).standard_normal((26, 1 + seed))
    V /= np.linalg.norm(V, axis=1, keepdims=True)
    optimum = semidefinite_relaxation(X, y, tol=1e-9)
    proof = certificate(X, y, V)
    assert proof.bound <= optimum.objective
    assert proof.objective >= optimum.bound
    assert proof.gap > 0


def test_certificate_accepts_a_vector_of_signs():
    X, y, w = instance(15, 0.02, seed=11)
    proof = certificate(X, y, np.append(w, 1))
    assert proof.gap <= 1e-4
    assert proof.objective == pytest.approx(np.sum((X @ w - y) ** 2))


def test_certificate_of_data_without_content():
    assert certificate(np.zeros((3, 2)), np.ones(3), np.ones(3)).gap == 0


@pytest.mark.parametrize(
    "V", [np.ones((3, 2)), np.ones(5), np.full((4, 1), np.nan), np.ones((4, 0)), np.full((4, 1), "a"), 2 * np.ones(4)]
)
def test_certificate_refuses_what_is_no_factor(V):
    X, y, _ = instance(3, 0.5, seed=0)
    with pytest.raises(ValueError, match="V must"):
        certificate(X, y, V)


def test_problems_that_would_not_fit_are_refused_with_an_estimate():
    X = np.zeros((1, 500))
    with pytest.raises(ValueError, match=r"500 features, which take about 63 GB"):
        semidefinite_relaxation(X, np.zeros(1), solver="clarabel")


@pytest.mark.parametrize("seed", range(3))
def test_max_cut_matrices_are_solved_too(seed):
    """Q need not come from a regression: a graph's adjacency matrix, whose spectrum has an outlier."""
    rng = np.random.default_rng(seed)
    A = np.triu(rng.random((150, 150)) < (0.1, 0.5, 0.9)[seed], 1).astype(float)
    answer = solve_diagonal_sdp(A + A.T, lambda value: 1e-6 * abs(value), rng=rng)
    assert answer.converged
    assert answer.objective - answer.bound <= 1.0001e-6 * abs(answer.objective)
    assert np.linalg.eigvalsh(A + A.T + np.diag(answer.dual))[0] >= -1e-12


@pytest.mark.parametrize(
    ("Q", "message"),
    [
        (np.ones((2, 3)), "square float64 array, got float64"),
        (np.eye(2, dtype=int), "square float64 array, got int64"),
        ([[1.0]], "square float64 array, got list"),
        (np.triu(np.ones((2, 2))), "symmetric"),
        (np.full((2, 2), np.nan), "symmetric"),
    ],
)
def test_matrices_that_are_not_symmetric_are_refused(Q, message):
    with pytest.raises(ValueError, match=message):
        solve_diagonal_sdp(Q, abs)


def test_sparse_negative_matrix_reaches_its_known_optimum():
    """<Q, U> with Q = -11' is least for U = 11'."""
    answer = solve_diagonal_sdp(-np.ones((30, 30)), lambda value: 1e-6 * abs(value))
    assert answer.objective == pytest.approx(-900)
    assert answer.bound == pytest.approx(-900, rel=2e-6)


def test_exact_is_above_the_bound():
    X, y, _ = instance(25, 1.0, seed=12)
    assert exact(X, y).objective >= semidefinite_relaxation(X, y).bound
