"""The fast Walsh-Hadamard transform against the dense matrix of scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import hadamard

from optathlon.baselines.random_features import fast_walsh_hadamard


@pytest.mark.parametrize("d", [2**k for k in range(13)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_equals_the_sylvester_matrix(d, dtype, tolerance):
    X = np.random.default_rng(d).standard_normal((19, d)).astype(dtype)  # 19: not a whole number of tiles
    expected = X.astype(np.float64) @ hadamard(d)
    found = fast_walsh_hadamard(X)
    assert found.dtype == dtype
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("d", [3, 17, 100, 1025])
def test_other_lengths_are_padded_with_zeros(d):
    X = np.random.default_rng(0).standard_normal((5, d))
    length = 2 ** int(np.ceil(np.log2(d)))
    padded = np.pad(X, ((0, 0), (0, length - d)))
    np.testing.assert_allclose(fast_walsh_hadamard(X), padded @ hadamard(length), atol=1e-11)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9), st.integers(1, 40), st.integers(0, 2**31))
def test_twice_is_the_length(bits, n, seed):
    X = np.random.default_rng(seed).standard_normal((n, 2**bits))
    np.testing.assert_allclose(fast_walsh_hadamard(fast_walsh_hadamard(X)), 2**bits * X, atol=1e-10)


def test_works_along_the_last_axis_of_anything_and_keeps_the_input():
    X = np.random.default_rng(0).standard_normal((3, 4, 32))
    before = X.copy()
    X.flags.writeable = False
    found = fast_walsh_hadamard(X)
    np.testing.assert_allclose(found, X @ hadamard(32), atol=1e-12)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_allclose(fast_walsh_hadamard(X[0, 0]), found[0, 0])
    np.testing.assert_allclose(fast_walsh_hadamard(np.arange(64)[::2]), np.arange(64)[::2] @ hadamard(32))
    assert fast_walsh_hadamard(np.zeros((0, 32))).shape == (0, 32)


@pytest.mark.parametrize("X", [1.0, np.zeros((3, 0)), [np.nan, 1.0], [np.inf, 1.0], np.array([1j, 2j]), np.array(["a", "b"])])
def test_bad_input_is_refused(X):
    with pytest.raises(ValueError, match="X must"):
        fast_walsh_hadamard(X)
