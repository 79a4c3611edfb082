"""Every map: scikit-learn's conventions, reproducibility, faulty input, and unbiasedness."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from optathlon.baselines.random_features import (
    Fastfood,
    LeverageScoreRandomFeatures,
    NormalizedRandomFeatures,
    OrthogonalRandomFeatures,
    RandomFourierFeatures,
    WeightedRandomKitchenSinksClassifier,
    WeightedRandomKitchenSinksRegressor,
    gaussian_kernel,
    median_gamma,
)

MAPS = {
    "rff": RandomFourierFeatures(),
    "rff-pairs": RandomFourierFeatures(features="cos-sin"),
    "orf": OrthogonalRandomFeatures(),
    "orf-cos": OrthogonalRandomFeatures(features="cos"),
    "fastfood": Fastfood(),
    "fastfood-pairs": Fastfood(features="cos-sin"),
    "fastfood-numpy": Fastfood(engine="numpy"),
    "nrff": NormalizedRandomFeatures(),
    "leverage": LeverageScoreRandomFeatures(),
    "leverage-unweighted": LeverageScoreRandomFeatures(weighted=False),
}
SINKS = {"classifier": WeightedRandomKitchenSinksClassifier(), "regressor": WeightedRandomKitchenSinksRegressor()}


def named(estimators):
    return pytest.mark.parametrize("estimator", estimators.values(), ids=estimators.keys())


def data(n=40, d=5, dtype=np.float64):
    return np.random.default_rng(0).standard_normal((n, d)).astype(dtype)


@named(MAPS | SINKS)
def test_follows_scikit_learn(estimator):
    results = check_estimator(clone(estimator), on_skip=None, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    assert len(results) > 40


@named(MAPS)
@pytest.mark.parametrize("n_components", [1, 7, 64])
def test_same_seed_same_bits_and_named_columns(estimator, n_components):
    X = data()
    first, second = (clone(estimator).set_params(n_components=n_components, random_state=3) for _ in range(2))
    Z = first.fit_transform(X)
    assert Z.shape == (40, n_components)
    np.testing.assert_array_equal(Z, second.fit_transform(X))
    other = second.set_params(random_state=4).fit_transform(X)
    assert not np.array_equal(Z, other)
    names = first.get_feature_names_out()
    assert len(set(names)) == n_components
    assert all(name.startswith(type(first).__name__.lower()) for name in names)


@named(MAPS)
def test_float32_stays_float32_and_agrees_with_float64(estimator):
    X = data(dtype=np.float32)
    estimator = clone(estimator).set_params(n_components=32, gamma=0.2, random_state=0)
    single, double = estimator.fit_transform(X), clone(estimator).fit_transform(X.astype(np.float64))
    assert single.dtype == np.float32
    assert double.dtype == np.float64
    if not isinstance(estimator, LeverageScoreRandomFeatures):  # a rounding may move a draw
        np.testing.assert_allclose(single, double, atol=2e-5)
    assert estimator.transform(X.astype(np.float64)).dtype == np.float64


@named({name: m for name, m in MAPS.items() if name not in ("nrff", "leverage-unweighted")})
def test_the_kernel_is_unbiased(estimator):
    X = data(n=6)
    K = gaussian_kernel(X, gamma=0.15)
    draws = []
    for seed in range(400):
        Z = clone(estimator).set_params(n_components=21, gamma=0.15, random_state=seed).fit_transform(X)
        draws.append(Z @ Z.T)
    mean, error = np.mean(draws, axis=0), np.std(draws, axis=0) / np.sqrt(len(draws))
    assert np.abs((mean - K) / np.maximum(error, 1e-12))[error > 1e-12].max() < 4.5
    np.testing.assert_allclose(mean[error <= 1e-12], 1.0)  # pairs: a point's own kernel value is exact


@named(MAPS | SINKS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_components": 0}, "n_components must be an integer of at least 1, got 0"),
        ({"n_components": 2.5}, "n_components must be an integer of at least 1, got 2.5"),
        ({"n_components": 10**15}, "GiB"),
        ({"gamma": 0.0}, "gamma must be a finite number above 0"),
        ({"gamma": -1.0}, "gamma must be a finite number above 0"),
        ({"gamma": np.nan}, "gamma must be a finite number above 0"),
        ({"gamma": "wide"}, "gamma must be a finite number above 0 or 'median'"),
    ],
)
def test_bad_parameters_are_refused(estimator, change, message):
    y = np.arange(40) % 2
    with pytest.raises(ValueError, match=message):
        clone(estimator).set_params(**change).fit(data(), y)


@named(MAPS | SINKS)
def test_bad_data_are_refused(estimator):
    X, y = data(), np.arange(40) % 2
    for bad in (np.nan, np.inf):
        broken = X.copy()
        broken[3, 1] = bad
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            clone(estimator).fit(broken, y)
    with pytest.raises(ValueError, match="0 feature"):
        clone(estimator).fit(X[:, :0], y)
    with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data is required"):
        clone(estimator).fit(scipy.sparse.csr_array(X), y)
    fitted = clone(estimator).fit(X, y)
    use = fitted.transform if hasattr(fitted, "transform") else fitted.predict
    with pytest.raises(ValueError, match="4 features"):
        use(X[:, :4])
    with pytest.raises(ValueError, match="NaN"):
        use(np.full((2, 5), np.nan))


@named(MAPS | SINKS)
def test_constant_data_have_no_median_width(estimator):
    X = np.full((40, 3), 7.3)
    with pytest.raises(ValueError, match="the median distance between rows must be positive"):
        clone(estimator).set_params(gamma="median").fit(X, np.arange(40) % 2)
    assert clone(estimator).set_params(gamma=0.5).fit(X, np.arange(40) % 2).gamma_ == 0.5


def test_unknown_words_and_small_pools_are_refused():
    with pytest.raises(ValueError, match="features must be one of 'cos', 'cos-sin', got 'tan'"):
        RandomFourierFeatures(features="tan").fit(data())
    with pytest.raises(ValueError, match="pool_size must be an integer of at least 100, got 50"):
        LeverageScoreRandomFeatures(100, pool_size=50).fit(data())
    with pytest.raises(ValueError, match="regularization must be"):
        LeverageScoreRandomFeatures(10, regularization=0.0).fit(data())
    with pytest.raises(ValueError, match="bound must be"):
        WeightedRandomKitchenSinksRegressor(bound=-1.0).fit(data(), np.arange(40.0))


def test_median_gamma_is_that_of_the_pairs():
    X = data(n=30)
    distances = [np.linalg.norm(X[i] - X[j]) for i in range(30) for j in range(i)]
    assert median_gamma(X) == pytest.approx(1 / (2 * np.median(distances) ** 2))
    assert RandomFourierFeatures(gamma="median").fit(X).gamma_ == pytest.approx(median_gamma(X))
    large = np.random.default_rng(1).standard_normal((3000, 2)) + 1e4
    assert median_gamma(large, rng=np.random.default_rng(2)) == pytest.approx(1 / (2 * 2 * np.log(4)), rel=0.1)
    with pytest.raises(ValueError, match="must be positive"):
        median_gamma(X[:1])


def test_gaussian_kernel_by_hand():
    X, Y = data(n=4) + 1e3, data(n=3) * 2
    expected = [[np.exp(-0.3 * ((x - y) ** 2).sum()) for y in Y + 1e3] for x in X]
    np.testing.assert_allclose(gaussian_kernel(X, Y + 1e3, gamma=0.3), expected, rtol=1e-9)
    with pytest.raises(ValueError, match="as many columns"):
        gaussian_kernel(X, Y[:, :2], gamma=1.0)


def test_orthogonal_frequencies_are_orthogonal_and_of_chi_length():
    W = OrthogonalRandomFeatures(4000, gamma=0.5, features="cos", random_state=0).fit(data(d=10)).random_weights_
    gram = W[:, :10].T @ W[:, :10]
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)
    assert (W**2).sum(axis=0).mean() / 10 == pytest.approx(1.0, abs=0.05)
