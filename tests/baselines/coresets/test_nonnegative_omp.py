"""Non-negative orthogonal matching pursuit against scipy's NNLS, a conic solver's conditions and exhaustive search."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import DTypeLike
from scipy.optimize import nnls
from sklearn.datasets import load_breast_cancer

from optathlon.baselines.coresets import (
    Coreset,
    FactoredGradients,
    factored_gradients,
    grad_match,
    matching_error,
    nonnegative_omp,
)
from optathlon.baselines.coresets.gradients import DenseGradients


def problem(
    seed: int, n: int = 40, d: int = 25, *, inside: bool = True, dtype: DTypeLike = np.float64
) -> tuple[np.ndarray, np.ndarray]:
    """Atoms and a target: their sum, as in GRAD-MATCH, or anything."""
    rng = np.random.default_rng(seed)
    atoms = rng.normal(size=(n, d)) + rng.normal(size=d)
    return atoms.astype(dtype), (atoms.sum(axis=0) if inside else rng.normal(size=d)).astype(dtype)


def dense(coreset: Coreset, n: int) -> np.ndarray:
    weights = np.zeros(n)
    weights[coreset.indices] = coreset.weights
    return weights


@pytest.mark.parametrize("shape", [(200, 50), (50, 200), (60, 60)])
@pytest.mark.parametrize("seed", range(10))
def test_all_atoms_allowed_equals_nnls(shape, seed):
    atoms, target = problem(seed, *shape, inside=bool(seed % 2))
    answer = dense(nonnegative_omp(atoms, target, len(atoms)), len(atoms))
    expected, residual = nnls(atoms.T, target)
    found = np.linalg.norm(answer @ atoms - target)
    assert abs(found - residual) <= 1e-9 * np.linalg.norm(target)
    if residual > 1e-6 * np.linalg.norm(target):  # else the weights need not be unique
        np.testing.assert_allclose(answer, expected, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 30), d=st.integers(1, 20), inside=st.booleans())
def test_optimality_conditions_when_all_atoms_are_allowed(seed, n, d, inside):
    atoms, target = problem(seed, n, d, inside=inside)
    weights = dense(nonnegative_omp(atoms, target, n), n)
    slope = atoms @ (target - weights @ atoms)  # minus half the gradient
    scale = np.linalg.norm(target) * np.linalg.norm(atoms, axis=1)
    assert (weights >= 0).all()
    assert (slope <= 1e-9 * scale).all()
    assert (np.abs(slope[weights > 0]) <= 1e-9 * scale[weights > 0]).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), ridge=st.floats(1e-3, 1e3))
def test_optimality_conditions_with_a_ridge(seed, ridge):
    atoms, target = problem(seed)
    weights = dense(nonnegative_omp(atoms, target, 40, ridge=ridge), 40)
    slope = atoms @ (target - weights @ atoms) - ridge * weights
    scale = np.linalg.norm(target) * np.linalg.norm(atoms, axis=1).max()
    assert slope.max() <= 1e-9 * scale
    assert np.abs(slope[weights > 0]).max() <= 1e-9 * scale


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), single=st.booleans())
def test_error_falls_and_support_is_as_asked(seed, single):
    dtype = np.float32 if single else np.float64
    atoms, target = problem(seed, 60, 50, dtype=dtype)
    errors = []
    for k in range(1, 25):
        coreset = nonnegative_omp(atoms, target, k)
        assert (coreset.weights > 0).all()
        assert len(coreset) == k
        errors.append(np.linalg.norm(coreset.weights @ atoms[coreset.indices].astype(float) - target))
    assert (np.diff(errors) <= 1e-9 * errors[0]).all()


@pytest.mark.parametrize("seed", range(5))
def test_near_the_best_support_of_its_size(seed):
    atoms, target = problem(seed, 9, 6)
    best = min(nnls(atoms[list(support)].T, target)[1] for support in combinations(range(9), 3))
    coreset = nonnegative_omp(atoms, target, 3)
    found = np.linalg.norm(coreset.weights @ atoms[coreset.indices] - target)
    first = nnls(atoms[coreset.indices].T, target)[1]
    assert found == pytest.approx(first, rel=1e-9)  # the weights are the best ones of the support
    assert best <= found * (1 + 1e-12) <= 2 * best + 0.2 * np.linalg.norm(target)


def test_one_atom_is_the_most_correlated_with_its_projection():
    atoms, target = problem(7)
    coreset = nonnegative_omp(atoms, target, 1)
    best = (atoms @ target).argmax()
    assert coreset.indices.tolist() == [best]
    assert coreset.weights[0] == pytest.approx(atoms[best] @ target / (atoms[best] @ atoms[best]))


def test_repeated_zero_and_dependent_atoms_do_not_break_it():
    atoms, target = problem(8, 12, 10)
    many = np.concatenate([atoms, atoms, np.zeros((3, 10)), 2 * atoms, atoms[:6] + atoms[6:]])
    weights = dense(nonnegative_omp(many, target, len(many)), len(many))
    assert np.linalg.norm(weights @ many - target) <= nnls(many.T, target)[1] + 1e-9 * np.linalg.norm(target)


def test_nearly_dependent_atoms():
    rng = np.random.default_rng(9)
    base = rng.normal(size=(5, 30))
    atoms = np.repeat(base, 8, axis=0) + 1e-4 * rng.normal(size=(40, 30))
    target = atoms.sum(axis=0)
    weights = dense(nonnegative_omp(atoms, target, 40), 40)
    assert np.linalg.norm(weights @ atoms - target) <= 1e-7 * np.linalg.norm(target)


def ill_conditioned(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Problems whose Gram matrix, at the square of the atoms' condition number, says nothing in float64."""
    rng = np.random.default_rng(0)
    if name == "lengths from 1 to 1e6":
        return rng.normal(size=(6, 5)) * np.logspace(0, 6, 5), rng.normal(size=5)
    if name == "four near copies each":
        atoms = np.repeat(rng.normal(size=(20, 60)), 4, axis=0) + 1e-5 * rng.normal(size=(80, 60))
    elif name == "breast cancer":
        atoms = np.asarray(load_breast_cancer(return_X_y=True)[0])[:200]
    elif name == "powers":
        atoms = np.linspace(0.1, 1, 30)[:, None] ** np.arange(10)
    else:
        pair = confident_pair()
        atoms = np.einsum("ic,id->icd", pair.residuals, pair.features).reshape(pair.n, -1).astype(np.float64)
    return atoms, atoms.sum(axis=0)


def confident_pair() -> FactoredGradients:
    """A last layer in float32 that is sure of most labels."""
    rng = np.random.default_rng(4)
    labels = rng.integers(4, size=150)
    features, logits = np.abs(rng.normal(size=(150, 10))), rng.normal(size=(150, 4))
    logits[np.arange(150), labels] += 20 * rng.random(150)
    return factored_gradients(logits.astype(np.float32), labels, features.astype(np.float32))


@pytest.mark.parametrize(
    "name", ["lengths from 1 to 1e6", "four near copies each", "breast cancer", "powers", "rows of float32 factors"]
)
def test_ill_conditioned_atoms_are_solved_as_by_nnls(name):
    atoms, target = ill_conditioned(name)
    length, n = np.linalg.norm(target), len(atoms)
    counts = sorted({1, 2, n // 4, n // 2, 3 * n // 4, n - 1, n})
    answers = [dense(nonnegative_omp(atoms, target, k), n) for k in counts]
    errors = [np.linalg.norm(weights @ atoms - target) / length for weights in answers]
    norms = np.linalg.norm(atoms, axis=1)
    rounding = length + answers[-1] @ norms  # of the residual, by its largest terms
    slope = atoms @ (target - answers[-1] @ atoms) / (rounding * norms)
    assert errors[-1] <= nnls(atoms.T, target, maxiter=100 * n)[1] / length + 1e-7
    assert slope.max() <= 1e-13
    assert np.abs(slope[answers[-1] > 0]).max() <= 1e-13
    assert np.diff(errors).max() <= 1e-14


def test_ill_conditioned_atoms_in_factors_and_with_a_ridge():
    pair = confident_pair()
    rows, target = ill_conditioned("rows of float32 factors")
    plain = grad_match(pair.astype(np.float64), 150, ridge=0, tol=0)
    assert np.linalg.norm(plain.weights @ rows[plain.indices] - target) <= 1e-7 * np.linalg.norm(target)
    ridge = 1e-14 * (rows**2).sum(axis=1).mean()
    found = dense(nonnegative_omp(rows, target, 150, ridge=ridge), 150)
    extended = np.concatenate([rows.T, np.sqrt(ridge) * np.eye(150)])
    least = nnls(extended, np.append(target, np.zeros(150)))[1]
    assert np.sqrt(np.sum((found @ rows - target) ** 2) + ridge * found @ found) <= least + 1e-10 * np.linalg.norm(target)


@pytest.mark.parametrize("seed", range(5))
def test_with_a_ridge_the_penalised_objective_falls(seed):
    atoms, target = problem(seed, 60, 50)
    objectives = []
    for k in range(1, 61):
        weights = dense(nonnegative_omp(atoms, target, k, ridge=30.0), 60)
        objectives.append(np.sum((weights @ atoms - target) ** 2) + 30 * weights @ weights)
    assert (np.diff(objectives) <= 1e-12 * objectives[0]).all()


@pytest.mark.parametrize(("dtype", "exponent"), [(float, -990), (float, -30), (float, 30), (float, 990), ("f4", -80), ("f4", 80)])
def test_scale_does_not_matter(dtype, exponent):
    atoms, target = problem(10, dtype=dtype)
    plain = nonnegative_omp(atoms, target, 12)
    scaled = nonnegative_omp(np.ldexp(atoms, exponent), target, 12)
    np.testing.assert_array_equal(scaled.indices, plain.indices)
    np.testing.assert_array_equal(scaled.weights, np.ldexp(plain.weights, -exponent))
    both = nonnegative_omp(np.ldexp(atoms, exponent), np.ldexp(target, exponent), 12)
    np.testing.assert_array_equal(both.weights, plain.weights)
    with_ridge = nonnegative_omp(np.ldexp(atoms, exponent // 10), target, 12, ridge=np.ldexp(2.0, exponent // 10 * 2))
    np.testing.assert_array_equal(with_ridge.indices, nonnegative_omp(atoms, target, 12, ridge=2.0).indices)


def test_target_opposite_to_all_atoms_gets_the_empty_set():
    atoms = np.abs(problem(11)[0])
    assert len(nonnegative_omp(atoms, -np.ones(25), 5)) == 0
    assert len(nonnegative_omp(atoms, np.zeros(25), 5)) == 0
    assert len(nonnegative_omp(np.zeros((4, 25)), np.ones(25), 4)) == 0


def test_tolerance_stops_early():
    atoms, target = problem(12)
    coreset = nonnegative_omp(atoms, target, 40, tol=0.1)
    error = np.linalg.norm(coreset.weights @ atoms[coreset.indices] - target) / np.linalg.norm(target)
    fewer = nonnegative_omp(atoms, target, len(coreset) - 1)
    assert error <= 0.1 < np.linalg.norm(fewer.weights @ atoms[fewer.indices] - target) / np.linalg.norm(target)


def test_the_same_in_both_forms_and_bit_for_bit():
    rng = np.random.default_rng(13)
    pair = factored_gradients(rng.normal(size=(80, 4)), rng.integers(4, size=80), rng.normal(size=(80, 6)))
    rows = np.einsum("ic,id->icd", pair.residuals, pair.features).reshape(80, -1)
    one, two = grad_match(pair, 15), grad_match(rows, 15)
    np.testing.assert_array_equal(one.indices, two.indices)
    np.testing.assert_allclose(one.weights, two.weights, rtol=1e-8)
    again = grad_match(pair, 15)
    np.testing.assert_array_equal(one.weights, again.weights)
    np.testing.assert_array_equal(grad_match((pair.residuals, pair.features), 15).weights, one.weights)


def test_grad_match_is_the_pursuit_of_the_sum_with_a_relative_ridge():
    atoms, target = problem(14)
    scale = (atoms**2).sum(axis=1).mean()
    expected = nonnegative_omp(atoms, target, 10, ridge=0.3 * scale)
    found = grad_match(atoms, 10, ridge=0.3, tol=0)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.weights, expected.weights)
    np.testing.assert_allclose(grad_match(1e-4 * atoms, 10, ridge=0.3, tol=0).weights, expected.weights, rtol=1e-6)


def test_grad_match_pads_only_when_asked():
    atoms = np.repeat(np.eye(4), 10, axis=0)
    plain = grad_match(atoms, 20, ridge=0)
    padded = grad_match(atoms, 20, ridge=0, padding=True, rng=np.random.default_rng(1))
    assert len(plain) == 4
    assert matching_error(atoms, plain) < 1e-12
    assert len(padded) == 20
    assert set(plain.indices) < set(padded.indices)
    np.testing.assert_array_equal(padded.weights[4:], 1.0)


@pytest.mark.parametrize("gradients", [np.zeros((12, 3)), np.vstack([np.eye(3), -np.eye(3)] * 2)])
def test_gradients_that_sum_to_zero_give_evenly_spaced_points(gradients):
    coreset = grad_match(gradients, 5)
    np.testing.assert_array_equal(coreset.indices, [0, 2, 4, 7, 9])
    np.testing.assert_allclose(coreset.weights, 12 / 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "between 1 and"),
        ({"k": -3}, "between 1 and"),
        ({"k": 41}, "between 1 and"),
        ({"k": 2.5}, "integer"),
        ({"k": True}, "integer"),
        ({"ridge": -1.0}, "ridge"),
        ({"ridge": np.nan}, "ridge"),
        ({"tol": -1e-3}, "tol"),
        ({"tol": 1.0}, "below 1, got 1.0"),
        ({"target": np.ones(24)}, "length 25"),
        ({"target": np.full(25, np.nan)}, "target must be finite"),
        ({"target": np.ones((25, 1))}, "1 dimension"),
        ({"atoms": np.full((40, 25), np.inf)}, "atoms must be finite"),
        ({"atoms": np.ones((40, 25), complex)}, "real numbers"),
    ],
)
def test_bad_input_is_refused(changes, message):
    atoms, target = problem(0)
    arguments = {"atoms": atoms, "target": target, "k": 5, "ridge": 0.0, "tol": 0.0} | changes
    with pytest.raises(ValueError, match=message):
        nonnegative_omp(**arguments)


def test_inputs_stay_as_they_are():
    atoms, target = problem(1)
    copies = atoms.copy(), target.copy()
    nonnegative_omp(atoms, target, 20, ridge=0.1)
    grad_match(DenseGradients(atoms), 20)
    np.testing.assert_array_equal(atoms, copies[0])
    np.testing.assert_array_equal(target, copies[1])
