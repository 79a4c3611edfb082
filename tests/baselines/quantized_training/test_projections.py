"""The projections against every candidate there is, and against a sort."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from optathlon.baselines.quantized_training import mean_threshold_ternary, project_binary, project_ternary


def nearest(y, levels):
    """Return the least squared distance over all levels^n sign vectors, each at its best scale."""
    best = np.inf
    for signs in product(levels, repeat=len(y)):
        z = np.array(signs, float)
        if z.any():
            scale = max(0.0, y @ z / (z @ z))
            best = min(best, ((y - scale * z) ** 2).sum())
    return best


def by_sort(y):
    magnitudes = -np.sort(-np.abs(y.astype(np.longdouble)).ravel())
    sums = np.cumsum(magnitudes)
    best = int(np.argmax(sums**2 / np.arange(1, len(sums) + 1)))
    kept = np.abs(y) >= magnitudes[best].astype(y.dtype)
    return np.where(kept, np.sign(y) * float(sums[best] / (best + 1)), 0.0)


def distance(y, w):
    return float(((y.astype(np.longdouble) - w.astype(np.longdouble)) ** 2).sum())


@pytest.mark.parametrize("n", range(1, 9))
def test_no_candidate_is_nearer(n):
    rng = np.random.default_rng(n)
    for _ in range(6 if n > 6 else 30):
        for y in (rng.standard_normal(n), rng.standard_cauchy(n), rng.integers(-2, 3, n).astype(float)):
            if not y.any():
                continue
            for project, levels in ((project_binary, (-1, 1)), (project_ternary, (-1, 0, 1))):
                w = project(y)
                assert ((y - w) ** 2).sum() == pytest.approx(nearest(y, levels), abs=1e-12 * (y @ y + 1))
                assert len(np.unique(np.abs(w[w != 0]))) == 1


def draw(kind, n, rng):
    return {
        "normal": lambda: rng.standard_normal(n),
        "cauchy": lambda: rng.standard_cauchy(n),
        "ties": lambda: rng.integers(-3, 4, n) / 3,
        "constant": lambda: np.full(n, -0.7),
        "two values": lambda: rng.choice([1.0, 1e-3], n),
        "sparse": lambda: rng.standard_normal(n) * (rng.random(n) < 0.02),
        "log-wide": lambda: np.exp(np.clip(20 * rng.standard_normal(n), -80, 80)),
        "uniform": lambda: rng.uniform(-1, 1, n),
        "one giant": lambda: np.r_[1e25, rng.standard_normal(n - 1)],
        "neighbours": lambda: 1 + np.arange(n) * 2.0**-23,
    }[kind]()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "kind", ["normal", "cauchy", "ties", "constant", "two values", "sparse", "log-wide", "uniform", "one giant", "neighbours"]
)
def test_ternary_is_that_of_the_sort(kind, dtype):
    rng = np.random.default_rng(1)
    for n in (2, 5, 100, 256, 257, 300, 1000, 5000, 20_011, 500_003):
        y = draw(kind, n, rng).astype(dtype)
        if not y.any():
            continue
        ours, theirs = project_ternary(y), by_sort(y)
        assert ours.dtype == dtype
        # Scores that are equal to rounding may be met by different supports; the distance decides.
        size = distance(y, 0 * y)
        exact = ours.astype(np.longdouble)
        kept = exact != 0
        exact[kept] = np.sign(exact[kept]) * np.abs(y[kept].astype(np.longdouble)).mean()
        assert distance(y, exact) <= distance(y, theirs) + 1e-12 * size
        np.testing.assert_allclose(
            np.abs(ours[kept]), float(np.abs(exact[kept]).max()), rtol=n * 2.0**-53 + (1e-12 if dtype == np.float64 else 2e-7)
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [5, 1000])
def test_extreme_scales(dtype, n):
    y = np.random.default_rng(0).standard_normal(n)
    support = project_ternary(y.astype(dtype)) != 0
    for size in (float(np.finfo(dtype).max) / 5, float(np.finfo(dtype).tiny), 1.0):
        scaled = (y * size).astype(dtype)
        w = project_ternary(scaled)
        assert np.isfinite(w).all()
        assert np.array_equal(w != 0, support)
        assert np.isfinite(project_binary(scaled)).all()
    assert np.array_equal(project_ternary(np.array([np.finfo(dtype).smallest_subnormal, 0], dtype)) != 0, [True, False])
    largest = np.full(300, np.finfo(dtype).max, dtype)
    np.testing.assert_allclose(project_ternary(largest), largest, rtol=1e-12)


def test_kept_entries_are_large():
    """Lemma 4.7 with the constant 1 / (2n), which is sharp; the thesis proves 1 / (5n)."""
    rng = np.random.default_rng(0)
    least = np.inf
    for _ in range(300):
        n = int(rng.integers(2, 400))
        y = rng.standard_normal(n) * np.exp(rng.uniform(0, 3) * rng.standard_normal(n))
        kept = project_ternary(y) != 0
        least = min(least, np.abs(y[kept]).min() * n / np.abs(y).sum())
    assert least >= 0.5
    sharp = np.r_[np.ones(10_000), np.full(1, 0.50002)]
    assert np.count_nonzero(project_ternary(sharp)) == 10_001


def test_shapes_types_and_inputs():
    y = np.random.default_rng(0).standard_normal((3, 4, 5))
    kept = y.copy()
    assert project_ternary(y).shape == project_binary(y).shape == (3, 4, 5)
    assert np.array_equal(y, kept)
    np.testing.assert_allclose(project_ternary(y[:, ::2].T), project_ternary(np.ascontiguousarray(y[:, ::2].T)))
    assert project_ternary(y.astype(np.float16)).dtype == np.float32
    assert project_ternary(np.arange(5)).dtype == np.float64
    y.flags.writeable = False
    project_ternary(y)
    assert np.array_equal(project_binary([0.0, -3.0]), [1.5, -1.5])
    assert project_ternary([2.0]) == [2.0]
    assert project_ternary(np.float64(-2.0)) == -2.0


def test_the_mean_rule_is_that_of_the_paper_and_never_nearer():
    rng = np.random.default_rng(0)
    for n in (1, 2, 50, 3000):
        y = rng.laplace(size=n)
        w = mean_threshold_ternary(y)
        kept = np.abs(y) > 0.7 * np.abs(y).mean()
        np.testing.assert_allclose(w, np.where(kept, np.sign(y) * np.abs(y[kept]).mean(), 0))
        assert distance(y, w) >= distance(y, project_ternary(y)) * (1 - 1e-12)


@pytest.mark.parametrize("project", [project_binary, project_ternary, mean_threshold_ternary])
@pytest.mark.parametrize("n", [3, 1000])
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda y: 0 * y, "all zero"),
        (lambda y: -0.0 * y, "all zero"),
        (lambda y: np.r_[y[1:], np.nan], "finite"),
        (lambda y: np.r_[-np.nan, y[1:]].astype(np.float32), "finite"),
        (lambda y: np.r_[y[1:], -np.inf], "finite"),
        (lambda y: y[:0], "at least one"),
        (lambda y: y.astype(str), "real"),
        (lambda y: y > 0, "real"),
        (lambda y: y + 1j, "real"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(project, n, spoil, says):
    with pytest.raises(ValueError, match=says):
        project(spoil(np.ones(n)))
