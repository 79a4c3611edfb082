"""Non-negative orthogonal matching pursuit against scipy's NNLS, a conic solver's conditions and exhaustive search."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from baselines.coresets import Coreset, factored_gradients, grad_match, matching_error, nonnegative_omp
from baselines.coresets.gradients import DenseGradients


def problem(seed: int, n: int = 40, d: int = 25, *, inside: bool = True, dtype=np.float64) -> tuple[np.ndarray, np.ndarray]:
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


def test_scale_does_not_matter():
    atoms, target = problem(10)
    plain = nonnegative_omp(atoms, target, 12)
    for factor in (1e-9, 1e9):
        scaled = nonnegative_omp(factor * atoms, target, 12)
        np.testing.assert_array_equal(scaled.indices, plain.indices)
        np.testing.assert_allclose(scaled.weights * factor, plain.weights, rtol=1e-6)


def test_target_opposite_to_all_atoms_gets_the_empty_set():
    atoms = np.abs(problem(11)[0])
    assert len(nonnegative_omp(atoms, -np.ones(25), 5)) == 0
    assert len(nonnegative_omp(atoms, np.zeros(25), 5)) == 0
    assert len(nonnegative_omp(np.zeros((4, 25)), np.ones(25), 4)) == 0


def test_tolerance_stops_early():
    atoms, target = problem(12)
    coreset = nonnegative_omp(atoms, target, 40, tolerance=0.1)
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
    found = grad_match(atoms, 10, ridge=0.3, tolerance=0)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.weights, expected.weights)
    np.testing.assert_allclose(grad_match(1e-4 * atoms, 10, ridge=0.3, tolerance=0).weights, expected.weights, rtol=1e-6)


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
        ({"tolerance": -1e-3}, "tolerance"),
        ({"target": np.ones(24)}, "length 25"),
        ({"target": np.full(25, np.nan)}, "target must be finite"),
        ({"target": np.ones((25, 1))}, "1 dimension"),
        ({"atoms": np.full((40, 25), np.inf)}, "atoms must be finite"),
        ({"atoms": np.ones((40, 25), complex)}, "real numbers"),
    ],
)
def test_bad_input_is_refused(changes, message):
    atoms, target = problem(0)
    arguments = {"atoms": atoms, "target": target, "k": 5, "ridge": 0.0, "tolerance": 0.0} | changes
    with pytest.raises(ValueError, match=message):
        nonnegative_omp(**arguments)


def test_inputs_stay_as_they_are():
    atoms, target = problem(1)
    copies = atoms.copy(), target.copy()
    nonnegative_omp(atoms, target, 20, ridge=0.1)
    grad_match(DenseGradients(atoms), 20)
    np.testing.assert_array_equal(atoms, copies[0])
    np.testing.assert_array_equal(target, copies[1])
