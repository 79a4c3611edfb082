"""GRAD-MATCH and CRAIG where digits run out: sums that cancel, means that dwarf what differs, and extreme scales."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from optathlon.baselines.coresets import craig, facility_location, factored_gradients, grad_match, weighted_glister
from optathlon.baselines.coresets.craig import _negative_distances, pairwise
from optathlon.baselines.coresets.gradients import DenseGradients, FactoredGradients


def some_gradients(seed: int, n: int = 60) -> FactoredGradients:
    rng = np.random.default_rng(seed)
    return factored_gradients(rng.normal(size=(n, 4)), rng.integers(4, size=n), rng.normal(size=(n, 6)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(4))
def test_sums_of_zero_but_for_rounding_give_evenly_spaced_points(seed, dtype):
    rng = np.random.default_rng(seed)
    rows = (rng.normal(size=(300, 12)) + 5).astype(dtype)
    order = rng.permutation(600)
    opposite = np.concatenate([rows, -rows])[order]
    factors = np.concatenate([rows, -rows])[order], np.tile((1 + rows[:, :3] ** 2), (2, 1))[order]
    centred = rng.normal(size=(600, 12)).astype(dtype)
    centred -= centred.mean(axis=0)
    for gradients in (opposite, factors, centred):
        coreset = grad_match(gradients, 50)
        np.testing.assert_array_equal(coreset.indices, np.arange(0, 600, 12))
        np.testing.assert_array_equal(coreset.weights, 12.0)


def test_a_small_sum_is_not_taken_for_zero():
    rows = np.random.default_rng(1).normal(size=(400, 10)).astype(np.float32)
    rows = rows - rows.mean(axis=0) + np.float32(1e-3)
    total = rows.sum(axis=0, dtype=np.float64)
    coreset = grad_match(rows, 40, ridge=0)
    assert np.linalg.norm(coreset.weights @ rows[coreset.indices] - total) <= 2e-3 * np.linalg.norm(total)


@pytest.mark.parametrize("tol", [1.0, 1e9, -0.1, np.inf])
def test_grad_match_refuses_a_tolerance_that_is_no_fraction(tol):
    with pytest.raises(ValueError, match="tol must be"):
        grad_match(np.eye(3), 2, tol=tol)


def close_gradients(seed: int, dtype: type) -> tuple[FactoredGradients, np.ndarray]:
    """Factors that differ by a thousandth of their length, and the exact distances of their products."""
    rng = np.random.default_rng(seed)
    residuals, features = (1 + 1e-3 * rng.normal(size=(100, width)) for width in (4, 6))
    pair = FactoredGradients(residuals.astype(dtype), features.astype(dtype))
    rows = np.einsum("ic,id->icd", *pair.astype(np.longdouble)).reshape(100, -1)
    return pair, np.sqrt(((rows[:, None] - rows) ** 2).sum(axis=2)).astype(np.float64)


@pytest.mark.parametrize("n", [1023, 1024, 1601])
@pytest.mark.parametrize("factored", [True, False])
def test_the_distances_of_all_pairs_made_in_bands(n, factored):
    gradients = some_gradients(n, n)
    rows = np.einsum("ic,id->icd", *gradients).reshape(n, -1)
    given = gradients if factored else DenseGradients(rows)
    matrix = -pairwise(given, _negative_distances)
    expected = squareform(pdist(rows))
    np.testing.assert_allclose(matrix * (expected.max() / matrix.max()), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_craig_counts_each_point_to_the_nearest_though_all_share_a_large_mean(seed):
    rows = (1e4 + np.random.default_rng(seed).normal(size=(100, 5))).astype(np.float32)
    pair, of_products = close_gradients(seed, np.float32)
    exact = np.linalg.norm(rows[:, None].astype(np.float64) - rows, axis=2)
    for gradients, distance in ((rows, exact), (pair, of_products)):
        coreset = craig(gradients, 10)
        nearest = distance[:, coreset.indices].argmin(axis=1)
        np.testing.assert_array_equal(coreset.weights, np.bincount(nearest, minlength=10))
        expected = facility_location(-distance, 10)
        reached = distance[:, coreset.indices].min(axis=1).sum()
        assert reached == pytest.approx(distance[:, expected.indices].min(axis=1).sum(), rel=1e-2)


@pytest.mark.parametrize("select", [craig, grad_match, weighted_glister])
@pytest.mark.parametrize(("dtype", "exponent"), [(np.float64, -565), (np.float64, 996), (np.float32, -83), (np.float32, 83)])
def test_scale_does_not_matter(select, dtype, exponent):
    pair = some_gradients(3).astype(dtype)
    rows = np.einsum("ic,id->icd", *pair).reshape(pair.n, -1)
    for plain, scaled in (
        (rows, np.ldexp(rows, exponent)),
        (pair, (np.ldexp(pair.residuals, exponent), pair.features)),
        (pair, (pair.residuals, np.ldexp(pair.features, exponent))),
    ):
        expected, found = select(plain, 20), select(scaled, 20)
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_array_equal(found.weights, expected.weights)


@pytest.mark.parametrize("factored", [False, True])
def test_craig_in_float32_chooses_as_in_float64_among_tight_clusters(factored):
    """Two clusters of spread .05 at distance 2000: all that distinguishes their points cancels in float32."""
    rng = np.random.default_rng(0)
    rows = np.repeat([[1e3, 0.0], [-1e3, 0.0]], 55, axis=0) + 0.05 * rng.standard_normal((110, 2))
    single = rows.astype(np.float32)
    residuals = (np.ones((110, 1)) + 1e-5 * rng.standard_normal((110, 1))).astype(np.float32)
    given = (residuals, single) if factored else single
    wide = (residuals.astype(float), single.astype(float)) if factored else single.astype(float)
    outer = residuals.astype(float) * single.astype(float) if factored else wide
    distances = np.linalg.norm(outer[:, None] - outer[None], axis=2)
    expected = facility_location(-distances, 6)
    for gradients in (given, wide):
        found = craig(gradients, 6)
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_array_equal(found.weights, expected.weights)
