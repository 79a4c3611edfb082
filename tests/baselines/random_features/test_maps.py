"""Every map: scikit-learn's conventions, reproducibility, faulty input, and unbiasedness."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.gaussian_process.kernels import Matern
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics.pairwise import laplacian_kernel
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from optathlon.baselines.random_features import (
    Fastfood,
    LeverageNystroem,
    LeverageScoreRandomFeatures,
    NormalizedRandomFeatures,
    OrthogonalRandomFeatures,
    QuasiRandomFeatures,
    RandomFourierFeatures,
    StructuredOrthogonalRandomFeatures,
    WeightedRandomKitchenSinksClassifier,
    WeightedRandomKitchenSinksRegressor,
    gaussian_kernel,
    median_gamma,
    scale_gamma,
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
    "rff-laplacian": RandomFourierFeatures(kernel="laplacian"),
    "rff-matern": RandomFourierFeatures(kernel="matern-3/2", features="cos-sin"),
    "quasi-sobol": QuasiRandomFeatures(),
    "quasi-halton-cos": QuasiRandomFeatures(sequence="halton", features="cos"),
    "sorf": StructuredOrthogonalRandomFeatures(),
    "leverage": LeverageScoreRandomFeatures(),
    "leverage-unweighted": LeverageScoreRandomFeatures(weighted=False),
}
SINKS = {"classifier": WeightedRandomKitchenSinksClassifier(), "regressor": WeightedRandomKitchenSinksRegressor()}


def named(estimators):
    return pytest.mark.parametrize("estimator", estimators.values(), ids=estimators.keys())


def data(n=40, d=5, dtype=np.float64):
    return np.random.default_rng(0).standard_normal((n, d)).astype(dtype)


@named(MAPS | SINKS)
@pytest.mark.parametrize("gamma", [1.0, "median", "scale"])
def test_follows_scikit_learn(estimator, gamma):
    results = check_estimator(clone(estimator).set_params(gamma=gamma), on_skip=None, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    # The rules of gamma see every row once, whatever its weight. With more features than samples, as in that check, the sinks'
    # minimiser is not unique and rounding chooses among them: test_weights_are_repetitions has fewer.
    if gamma != 1.0 or estimator in SINKS.values():
        failed.pop("check_sample_weight_equivalence_on_dense_data", None)
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


@named(
    {name: m for name, m in MAPS.items() if name not in ("nrff", "leverage-unweighted", "rff-laplacian", "rff-matern", "sorf")}
)
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
    with pytest.raises(ValueError, match="at least two rows"):
        median_gamma(X[:1])


def test_median_gamma_of_coordinates_far_from_the_origin():
    X = data(n=200)
    expected = median_gamma(X)
    for shift in (1e3, 1e6, 1e8):
        assert median_gamma(X + shift) == pytest.approx(expected, rel=1e-5)
        assert RandomFourierFeatures(gamma="median").fit(X + shift).gamma_ == pytest.approx(expected, rel=1e-5)
    metres = ((5e5, 4.6e6) + 50 * X[:, :2]).astype(np.float32)  # UTM coordinates, which float32 rounds to .25 and .5
    assert median_gamma(metres) == pytest.approx(median_gamma(metres.astype(np.float64)), rel=1e-12)
    for factor in (1e-150, 1e140):
        assert median_gamma(factor * X) == pytest.approx(expected / factor / factor, rel=1e-9)


def test_median_gamma_takes_a_seed_a_generator_or_nothing():
    X = data(n=3000)
    assert median_gamma(X, rng=1) == median_gamma(X, rng=np.random.default_rng(1))
    assert median_gamma(X) == median_gamma(X)
    assert median_gamma(X, rng=None) != median_gamma(X, rng=None)
    with pytest.raises(ValueError, match="rng must be an integer of at least 0"):
        median_gamma(X, rng=-1)


def test_scale_gamma_is_that_of_support_vector_machines():
    X = data()
    for given, expected in ((X, 1 / (5 * X.var())), (np.full((9, 5), 7.0), 1.0)):
        assert RandomFourierFeatures(gamma="scale").fit(given).gamma_ == pytest.approx(expected)
        assert SVC(gamma="scale").fit(given, np.arange(len(given)) % 2)._gamma == pytest.approx(expected)
    far = (X + 1e4).astype(np.float32)
    assert scale_gamma(far) == pytest.approx(scale_gamma(far.astype(np.float64)), rel=1e-12)


@named(MAPS | SINKS)
def test_phases_that_are_no_numbers_are_refused(estimator):
    X, y = data(dtype=np.float32), np.arange(40) % 2
    with pytest.raises(ValueError, match=r"gamma and X must leave the phases .* finite in float32, got gamma=1e\+300"):
        clone(estimator).set_params(gamma=1e300).fit(X, y)
    fitted = clone(estimator).fit(X, y)
    use = fitted.transform if hasattr(fitted, "transform") else fitted.predict
    with pytest.raises(ValueError, match="entries of X as large as 3e"):
        use(X * 0 + np.float32(3e37))


def test_gaussian_kernel_by_hand():
    X, Y = data(n=4) + 1e3, data(n=3) * 2
    expected = [[np.exp(-0.3 * ((x - y) ** 2).sum()) for y in Y + 1e3] for x in X]
    np.testing.assert_allclose(gaussian_kernel(X, Y + 1e3, gamma=0.3), expected, rtol=1e-9)
    with pytest.raises(ValueError, match="as many columns"):
        gaussian_kernel(X, Y[:, :2], gamma=1.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("distance", "spread"), [(30.0, 0.01), (1e4, 0.01), (1e7, 1.0), (1e-150, 1e-152), (1e150, 1e148)])
def test_gaussian_kernel_among_tight_clusters(dtype, distance, spread):
    """The truth by differences: in an expansion of the square, what tells points of one cluster apart cancels."""
    if dtype is np.float32 and not 1e-30 < distance < 1e30:
        pytest.skip("float32 has no such numbers")
    centres = np.repeat([[distance, 0.0], [-distance, 0.0]], 20, axis=0)
    X = (centres + spread * np.random.default_rng(0).standard_normal((40, 2))).astype(dtype)
    wide = X.astype(np.float64) / spread
    expected = np.exp(-0.5 * ((wide[:, None] - wide[None]) ** 2).sum(axis=2))
    for Y in (None, X.copy()):
        K = gaussian_kernel(X, Y, gamma=0.5 / spread / spread)
        assert K.dtype == dtype
        np.testing.assert_allclose(K, expected, atol=1e-6 if dtype is np.float32 else 1e-9)


def test_orthogonal_frequencies_fewer_than_dimensions_are_uniform_and_orthogonal():
    X, draw = data(d=8), OrthogonalRandomFeatures(3, gamma=0.5, features="cos")
    drawn = np.array([draw.set_params(random_state=seed).fit(X).random_weights_ for seed in range(2000)])
    assert np.abs(np.einsum("sdi,sdj->sij", drawn, drawn)[:, [0, 0, 1], [1, 2, 2]]).max() < 1e-12
    np.testing.assert_allclose(drawn.mean(axis=0), 0.0, atol=0.12)  # each entry is standard normal: .022 times five
    np.testing.assert_allclose(drawn.var(axis=0), 1.0, atol=0.16)


@pytest.mark.parametrize("features", ["cos", "cos-sin"])
@pytest.mark.parametrize("kernel", ["laplacian", "matern-1/2", "matern-3/2", "matern-5/2"])
def test_other_kernels_are_those_of_scikit_learn(kernel, features):
    X, gamma = data(n=6, d=3), 0.3
    if kernel == "laplacian":
        K = laplacian_kernel(X, gamma=gamma)
    else:
        K = Matern(length_scale=1 / np.sqrt(2 * gamma), nu={"1": 0.5, "3": 1.5, "5": 2.5}[kernel[7]])(X)
    draws = []
    for seed in range(60):
        Z = RandomFourierFeatures(500, gamma=gamma, kernel=kernel, features=features, random_state=seed).fit_transform(X)
        draws.append(Z @ Z.T)
    mean, error = np.mean(draws, axis=0), np.std(draws, axis=0) / np.sqrt(len(draws))
    assert (np.abs(mean - K) <= 4.5 * np.maximum(error, 1e-9)).all()
    with pytest.raises(ValueError, match="kernel must be one of 'gaussian', 'laplacian'"):
        RandomFourierFeatures(kernel="cubic").fit(X)


def gram_error(estimator, X, gamma, seeds=10):
    K = gaussian_kernel(X, gamma=gamma)
    maps = [clone(estimator).set_params(gamma=gamma, random_state=seed).fit_transform(X) for seed in range(seeds)]
    return np.mean([np.linalg.norm(Z @ Z.T - K) / np.linalg.norm(K) for Z in maps])


@pytest.mark.parametrize("sequence", ["sobol", "halton"])
def test_quasi_random_frequencies_beat_independent_ones_in_few_dimensions(sequence):
    X = data(n=100, d=4)
    plain = gram_error(RandomFourierFeatures(512, features="cos-sin"), X, 0.1)
    assert gram_error(QuasiRandomFeatures(512, sequence=sequence), X, 0.1) < 0.5 * plain


def test_structured_features_have_the_bias_that_is_stated_and_as_good_as_orthogonal_ones():
    X = data(n=80, d=64)
    structured, orthogonal = StructuredOrthogonalRandomFeatures(256), OrthogonalRandomFeatures(256)
    assert gram_error(structured, X, 0.01) < 1.15 * gram_error(orthogonal, X, 0.01)
    K = gaussian_kernel(X[:10], gamma=0.01)
    maps = [clone(structured).set_params(gamma=0.01, random_state=s).fit_transform(X[:10]) for s in range(400)]
    mean = np.mean([Z @ Z.T for Z in maps], axis=0)
    np.testing.assert_allclose(mean, K * (1 - np.log(K) ** 2 / 64), atol=0.005)


@pytest.mark.parametrize("gamma", [1.0, "scale"])
def test_nystroem_by_leverage_follows_scikit_learn_and_covers_rare_points(gamma):
    results = check_estimator(LeverageNystroem(gamma=gamma), on_skip=None, on_fail=None)
    assert not {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    rng = np.random.default_rng(0)
    X = np.concatenate([0.3 * rng.standard_normal((980, 3)), 5 + rng.standard_normal((20, 3))])  # a dense crowd and a few afar
    K = gaussian_kernel(X, gamma=0.5)

    def error(estimator):
        maps = [clone(estimator).set_params(gamma=0.5, random_state=s).fit_transform(X) for s in range(6)]
        return np.mean([np.linalg.norm(Z @ Z.T - K, 2) for Z in maps])

    assert error(LeverageNystroem(40, regularization=1e-4)) < 0.5 * error(Nystroem(n_components=40))
    assert LeverageNystroem(40, random_state=0).fit(X[:10]).transform(X).shape == (1000, 10)
    full = LeverageNystroem(200, gamma=0.5, random_state=0).fit(X[900:])  # all points as landmarks: the kernel itself
    Z = full.transform(X[900:])
    np.testing.assert_allclose(Z @ Z.T, K[900:, 900:], atol=1e-6)


def test_leverage_scores_of_some_rows_are_scores_of_those_rows():
    X = data(n=500)
    some = LeverageScoreRandomFeatures(20, n_rows=100, random_state=0).fit(X)
    every = LeverageScoreRandomFeatures(20, random_state=0).fit(X)
    more = LeverageScoreRandomFeatures(20, n_rows=10**6, random_state=0).fit(X)
    np.testing.assert_array_equal(more.random_weights_, every.random_weights_)
    assert np.corrcoef(some.leverage_scores_, every.leverage_scores_)[0, 1] > 0.8
    with pytest.raises(ValueError, match="n_rows must be an integer of at least 1, got 0"):
        LeverageScoreRandomFeatures(20, n_rows=0).fit(X)
    with pytest.raises(ValueError, match=r"GiB.*; reduce n_components, pool_size or n_rows"):
        LeverageScoreRandomFeatures(10**8).fit(X)


def test_orthogonal_frequencies_are_orthogonal_and_of_chi_length():
    W = OrthogonalRandomFeatures(4000, gamma=0.5, features="cos", random_state=0).fit(data(d=10)).random_weights_
    gram = W[:, :10].T @ W[:, :10]
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)
    assert (W**2).sum(axis=0).mean() / 10 == pytest.approx(1.0, abs=0.05)
