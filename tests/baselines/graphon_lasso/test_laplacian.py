"""The Laplacian operator against its definition in the paper."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optathlon.baselines.graphon_lasso import laplacian, laplacian_adjoint


def n_pairs(p):
    return p * (p - 1) // 2


@pytest.mark.parametrize("p", [2, 3, 6])
def test_order_of_the_pairs_is_that_of_the_paper(p):
    w = 1.0 + np.arange(n_pairs(p))
    L = laplacian(w)
    for j in range(1, p + 1):
        for i in range(j + 1, p + 1):
            k = i - j + (j - 1) * (2 * p - j) // 2
            assert L[i - 1, j - 1] == L[j - 1, i - 1] == -w[k - 1]
    np.testing.assert_allclose(L.sum(axis=1), 0, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.integers(0, 2**31))
def test_adjoint(p, seed):
    rng = np.random.default_rng(seed)
    w, Y = rng.standard_normal(n_pairs(p)), rng.standard_normal((p, p))  # Y need not be symmetric
    assert abs((laplacian(w) * Y).sum() - w @ laplacian_adjoint(Y)) <= 1e-12 * np.abs(Y).sum() * np.abs(w).max()


@pytest.mark.parametrize("p", [4, 10, 30])
def test_the_squared_norm_is_2p_and_the_smallest_eigenvalue_2(p):
    gram = np.array([laplacian_adjoint(laplacian(unit)) for unit in np.eye(n_pairs(p))])
    values = np.linalg.eigvalsh(gram)
    np.testing.assert_allclose(values[[0, -1]], [2, 2 * p], atol=1e-10)


def test_inputs_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"w must have p \(p - 1\) / 2 entries for some p of at least 2, got 4"):
        laplacian(np.ones(4))
    with pytest.raises(ValueError, match="w must be finite, got 1 NaN or infinite entries"):
        laplacian([np.nan])
    with pytest.raises(ValueError, match=r"Y must be a square matrix with at least two rows, got shape \(2, 3\)"):
        laplacian_adjoint(np.ones((2, 3)))
