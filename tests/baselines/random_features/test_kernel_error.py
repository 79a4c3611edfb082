"""Errors of the Gram matrix and variances of the kernel estimate, against the laws of theory."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from optathlon.baselines.random_features import (
    Fastfood,
    NormalizedRandomFeatures,
    OrthogonalRandomFeatures,
    RandomFourierFeatures,
    gaussian_kernel,
    kernel_variance,
    median_gamma,
)

# Relative Frobenius error that each map may have on 500 digits with 4096 features, mean of 10 seeds.
LARGEST_ERROR = {
    RandomFourierFeatures(): 0.024,
    RandomFourierFeatures(features="cos-sin"): 0.019,
    NormalizedRandomFeatures(): 0.019,
    Fastfood(): 0.026,
    OrthogonalRandomFeatures(features="cos-sin"): 0.0075,
}


@pytest.mark.parametrize(("estimator", "largest"), LARGEST_ERROR.items(), ids=str)
def test_gram_error_on_digits_and_its_rate(estimator, largest):
    X = load_digits().data[:500] / 16.0
    gamma = median_gamma(X)
    K = gaussian_kernel(X, gamma=gamma)

    def error(n_components, dtype=np.float32):
        errors = []
        for seed in range(10):
            estimator.set_params(n_components=n_components, gamma=gamma, random_state=seed)
            Z = estimator.fit_transform(X.astype(dtype))
            errors.append(np.linalg.norm(Z @ Z.T - K) / np.linalg.norm(K))
        return np.mean(errors)

    fine = error(4096)
    assert fine <= largest
    assert 3.2 <= error(256) / fine <= 5.2  # 1 / sqrt(D) makes it 4


KERNEL_VALUES = np.array([0.3, 0.5, 0.7, 0.9])
D, DRAWS = 256, 20_000


def points_at_kernel_values():
    """The origin, and one point at each distance whose kernel value (gamma = 1/2) is in the list."""
    X = np.zeros((5, 2))
    X[1:, 0] = np.sqrt(-2 * np.log(KERNEL_VALUES))
    return X


def test_variance_of_cosines_follows_the_law():
    estimates = [chunked("cos", seed) for seed in range(20)]
    variance = np.concatenate(estimates).var(axis=0)
    np.testing.assert_allclose(variance, kernel_variance(KERNEL_VALUES, D), rtol=0.06)


def test_variance_of_pairs_follows_the_law():
    estimates = [chunked("cos-sin", seed) for seed in range(20)]
    variance = np.concatenate(estimates).var(axis=0)
    np.testing.assert_allclose(variance, kernel_variance(KERNEL_VALUES, D, features="cos-sin"), rtol=0.06)


def chunked(features, seed):
    """Estimates from DRAWS / 20 groups of D columns: columns of one map are independent draws."""
    groups = DRAWS // 20
    Z = RandomFourierFeatures(groups * D, gamma=0.5, features=features, random_state=seed).fit_transform(
        points_at_kernel_values()
    )
    Z = Z.reshape(5, -1, groups, D // (2 if features == "cos-sin" else 1)) * np.sqrt(groups)
    return np.einsum("cgd,kcgd->gk", Z[0], Z[1:])


def test_normalising_lowers_the_variance_of_cosines_but_not_below_that_of_pairs():
    X = points_at_kernel_values()
    estimator = NormalizedRandomFeatures(D, gamma=0.5)
    estimates = []
    for seed in range(DRAWS):
        Z = estimator.set_params(random_state=seed).fit_transform(X)
        estimates.append(Z[1:] @ Z[0])
    variance = np.var(estimates, axis=0)
    np.testing.assert_allclose(variance, kernel_variance(KERNEL_VALUES, D, features="normalized"), rtol=0.06)
    assert (variance < kernel_variance(KERNEL_VALUES, D)).all()
    assert (kernel_variance(KERNEL_VALUES, D, features="cos-sin") <= 1.05 * variance).all()


def test_the_laws_are_ordered_everywhere():
    k = np.linspace(0, 1, 1001)
    phase, normalised, pairs = (kernel_variance(k, 64, features=f) for f in ("cos", "normalized", "cos-sin"))
    assert (normalised <= phase).all()
    np.testing.assert_allclose(normalised - pairs, k**2 * (1 - k**2) ** 2 / (4 * 64), atol=1e-15)
    with pytest.raises(ValueError, match="k must be"):
        kernel_variance([1.2], 4)
