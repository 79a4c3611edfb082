"""Fastfood against its factors as dense matrices, and against the law of its rows."""

import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy.linalg import hadamard
from scipy.stats import kstest

from optathlon.baselines.random_features import Fastfood


def dense(fitted, n_features):
    """V of the paper, (n_frequencies, n_features), from the factors multiplied out."""
    blocks = []
    for S, G, P, B in zip(fitted.scaling_, fitted.gaussian_, fitted.permutation_, fitted.signs_, strict=True):
        H = hadamard(len(S), dtype=float)
        blocks.append((S[:, None] * H) @ (G[:, None] * H[P] * B))  # S H G P H B: P picks rows
    return np.concatenate(blocks)[:, :n_features]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("n", "d", "D"),
    [(1, 1, 1), (37, 5, 40), (16, 16, 16), (33, 30, 257), (48, 128, 300), (5, 513, 1500), (20, 2000, 2049)],
)
def test_projection_and_features_equal_the_dense_product(dtype, n, d, D):
    X = np.random.default_rng(n).standard_normal((n, d)).astype(dtype)
    tolerance = {np.float64: 1e-11, np.float32: 1e-4}[dtype]
    fitted = Fastfood(D, gamma=0.3 / d, random_state=1).fit(X)
    V = dense(fitted, d)[:D]
    expected = X @ V.T
    np.testing.assert_allclose(fitted.project(X), expected, atol=tolerance)
    phases = fitted.random_offset_.ravel()[:D]
    Z = fitted.transform(X)
    np.testing.assert_allclose(Z * math.sqrt(D / 2), np.cos(expected + phases), atol=tolerance)

    paired = Fastfood(D, gamma=0.3 / d, random_state=1, features="cos-sin").fit(X)
    half = D - D // 2
    expected = X @ dense(paired, d)[:half].T
    Z = paired.transform(X) * math.sqrt(D / 2)
    phases = paired.random_offset_.ravel()[:half]
    assert (phases[: D // 2] == 0).all()
    np.testing.assert_allclose(Z[:, :half], np.cos(expected + phases), atol=tolerance)
    np.testing.assert_allclose(Z[:, half:], np.sin(expected[:, : D // 2]), atol=tolerance)


@pytest.mark.parametrize("d", [16, 64, 200, 1024])
def test_rows_are_gaussian_with_chi_length(d):
    gamma, D = 0.7, 16384
    fitted = Fastfood(D, gamma=gamma, random_state=d).fit(np.zeros((1, d)))
    V = fitted.project(np.eye(d)).T / math.sqrt(2 * gamma)
    assert (V**2).sum(axis=1).mean() / d == pytest.approx(1.0, abs=0.05)
    one_per_block = V[:: fitted.signs_.shape[1]]  # rows of different blocks are independent
    assert kstest(one_per_block[:, 0], "norm").pvalue > 1e-3
    assert (V**2).sum(axis=1).std() > 0  # not the constant length that S would leave out


@pytest.mark.parametrize("features", ["cos", "cos-sin"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_engines_agree(features, dtype):
    X = np.random.default_rng(0).standard_normal((21, 33)).astype(dtype)
    compiled, plain = (
        Fastfood(301, gamma=0.02, features=features, engine=engine, random_state=2).fit(X) for engine in ("compiled", "numpy")
    )
    assert plain.transform(X).dtype == dtype
    tolerance = 1e-5 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(plain.project(X), compiled.project(X), atol=10 * tolerance)
    np.testing.assert_allclose(plain.transform(X), compiled.transform(X), atol=tolerance)
    with pytest.raises(ValueError, match="engine must be one of"):
        Fastfood(engine="fpga").fit(X)


def test_parameters_take_a_mebibyte_at_most():
    fitted = Fastfood(16384, random_state=0).fit(np.zeros((1, 4096), np.float32))
    assert sum(a.nbytes for a in vars(fitted).values() if isinstance(a, np.ndarray)) <= 2**20
    assert len(pickle.dumps(fitted)) <= 2**20


def test_cosine_is_accurate_far_from_the_origin():
    turns = np.linspace(-1000, 1000, 4001)
    X = np.zeros((len(turns), 16))
    fitted = Fastfood(16, gamma=0.5, random_state=0).fit(X)
    X[:, 0] = turns / fitted.project(np.eye(16))[0, 0] * 2 * np.pi
    Z = fitted.transform(X)[:, 0] * math.sqrt(8)
    np.testing.assert_allclose(Z, np.cos(2 * np.pi * turns + fitted.random_offset_[0, 0]), atol=1e-11)


def test_read_only_and_strided_data_are_left_alone():
    X = np.random.default_rng(0).standard_normal((20, 12))
    fitted = Fastfood(32, random_state=0).fit(X)
    expected, strided = fitted.transform(X), np.asfortranarray(X)[:, :]
    X.flags.writeable = False
    np.testing.assert_array_equal(fitted.transform(X), expected)
    np.testing.assert_array_equal(fitted.transform(strided), expected)
    assert fitted.transform(X[:7]).shape == (7, 32)
    np.testing.assert_array_equal(fitted.transform(X[:7]), expected[:7])


def test_runs_where_no_cache_can_be_written(tmp_path):
    """Without a writable directory for machine code the kernels compile in memory."""
    code = (
        "import numba.core.caching as c\n"
        "c.CacheImpl._locator_classes = []\n"
        "from optathlon.baselines.random_features import _kernels\n"
        "print(_kernels._compiled(lambda x: x + 1)(15))"
    )
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "none")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "16", done.stderr
