"""Lattice reduction against its definition and theory, and the detector against enumeration."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from optathlon.baselines.binary_regression import exact, lattice_reduction, least_squares, lll, nearest_plane


def determinant(T):
    """Return the determinant of whole numbers, exactly."""
    rows, det = [[Fraction(int(x)) for x in row] for row in T], Fraction(1)
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != k:
            rows[k], rows[pivot], det = rows[pivot], rows[k], -det
        det *= rows[k][k]
        for i in range(k + 1, len(rows)):
            share = rows[i][k] / rows[k][k]
            rows[i] = [a - share * b for a, b in zip(rows[i], rows[k], strict=True)]
    return det


@pytest.mark.parametrize("delta", [0.5, 0.75, 0.99])
@pytest.mark.parametrize("seed", range(6))
def test_the_output_meets_the_definition_and_spans_the_same_lattice(seed, delta):
    rng = np.random.default_rng(seed)
    n = 2 + 4 * seed
    B = rng.standard_normal((n + seed, n)) * np.logspace(0, -2, n) + rng.standard_normal((n + seed, 1))
    before = B.copy()
    reduced = lll(B, delta=delta)
    np.testing.assert_array_equal(B, before)
    assert abs(determinant(reduced.transform)) == 1
    np.testing.assert_allclose(reduced.basis, B @ reduced.transform, atol=1e-12 * np.abs(B).max())
    R = np.linalg.qr(reduced.basis, mode="r")
    pivots = np.abs(np.diagonal(R))
    assert (np.abs(np.triu(R, 1)) <= 0.5 * pivots[:, None] + 1e-9).all()
    assert (delta * pivots[:-1] ** 2 <= pivots[1:] ** 2 + np.diagonal(R, 1) ** 2 + 1e-12).all()
    # Lenstra, Lenstra, Lovasz (1.8), (1.9): the first vector and the product of all are bounded by the determinant.
    alpha, volume = 1 / (delta - 0.25), np.prod(pivots)
    lengths = np.linalg.norm(reduced.basis, axis=0)
    assert lengths[0] <= alpha ** ((n - 1) / 4) * volume ** (1 / n) * (1 + 1e-9)
    assert np.prod(lengths) <= alpha ** (n * (n - 1) / 4) * volume * (1 + 1e-9)


def test_the_first_vector_is_within_the_bound_of_the_shortest_one():
    rng = np.random.default_rng(8)
    for _ in range(20):
        B = rng.integers(-9, 10, (4, 4)) + 0.01 * rng.standard_normal((4, 4))
        reduced = lll(B)
        box = np.array([z for z in product(range(-3, 4), repeat=4) if any(z)])
        shortest = np.linalg.norm(reduced.basis @ box.T, axis=0).min()  # in the reduced basis a small box holds it
        assert shortest * (1 - 1e-12) <= np.linalg.norm(reduced.basis[:, 0]) <= 2**1.5 * shortest


def test_a_reduced_basis_finds_nearer_points_than_a_skew_one():
    rng = np.random.default_rng(9)
    skew, short, best = 0.0, 0.0, 0.0
    box = np.array(list(product(range(-4, 5), repeat=3)))
    for _ in range(40):
        B = np.array([[1.0, 0.9, 0.8], [0.0, 0.3, 0.25], [0.0, 0.0, 0.1]]) + 0.02 * rng.standard_normal((3, 3))
        y = B @ rng.uniform(-2, 2, 3)
        reduced = lll(B)
        z = nearest_plane(reduced.basis, y)
        pivots = np.diagonal(np.linalg.qr(reduced.basis, mode="r"))
        distance = np.linalg.norm(y - reduced.basis @ z)
        assert distance <= 0.5 * np.sqrt(np.sum(pivots**2)) + 1e-12
        nearest = min(np.linalg.norm(y[:, None] - reduced.basis @ (z[:, None] + box.T), axis=0))
        assert nearest - 1e-12 <= distance <= 2**1.5 * nearest + 1e-12  # Babai's bound for three dimensions, 2^(n/2)
        skew, short, best = skew + np.linalg.norm(y - B @ nearest_plane(B, y)), short + distance, best + nearest
    assert best <= short < skew


def test_without_noise_the_signs_are_found_and_with_little_they_are_the_global_optimum():
    rng = np.random.default_rng(10)
    agreed = 0
    for _ in range(30):
        X, w = rng.standard_normal((8, 8)), rng.choice([-1.0, 1.0], 8)
        np.testing.assert_array_equal(lattice_reduction(X, X @ w).w, w)
        y = X @ w + 0.1 * rng.standard_normal(8)
        found, best = lattice_reduction(X, y), exact(X, y)
        assert found.objective == pytest.approx(np.sum((X @ found.w - y) ** 2))
        assert found.objective >= best.objective * (1 - 1e-9)
        agreed += np.array_equal(found.w, best.w)
    assert agreed >= 25


def test_errors_are_between_those_of_rounding_and_of_the_optimum():
    rng = np.random.default_rng(11)
    errors = dict.fromkeys(("rounded", "reduced", "optimal"), 0.0)
    for _ in range(60):
        X, w = rng.standard_normal((16, 12)), rng.choice([-1.0, 1.0], 12)
        y = X @ w + 1.0 * rng.standard_normal(16)
        for name, answer in (
            ("rounded", least_squares(X, y)),
            ("reduced", lattice_reduction(X, y).w),
            ("optimal", exact(X, y).w),
        ):
            errors[name] += float(np.mean(answer != w))
    assert errors["optimal"] < errors["reduced"] < errors["rounded"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lll(np.ones((3, 2))), "B must have independent columns"),
        (lambda: lll(np.ones((2, 3))), "B must have independent columns"),
        (lambda: lll(np.eye(2), delta=1.0), "delta must be above 1/4 and below 1"),
        (lambda: lll(np.full((2, 2), np.nan)), "must be finite"),
        (lambda: lattice_reduction(np.eye(3), np.ones(2)), "y must have shape"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
