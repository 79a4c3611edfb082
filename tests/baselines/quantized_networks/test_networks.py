"""Algorithm 1, flips, gradient training and Theorem 1."""

import itertools

import numpy as np
import pytest

from optathlon.baselines.quantized_networks import (
    GAMMA,
    BilinearNetwork,
    PolynomialNetwork,
    best_of_few,
    compensated_rounding,
    exact_optimum,
    expand_bilinear,
    fit_scale,
    flip_signs,
    krivine_covariance,
    lift_samples,
    objective,
    post_training_quantization,
    predict_lifted,
    random_network,
    reduce_levels,
    refit,
    sample_network,
    sdp_bound,
    straight_through_network,
)


def test_krivine_step_on_200_random_instances():
    rng = np.random.default_rng(0)
    for _ in range(200):
        d = int(rng.integers(1, 12))
        vectors = rng.standard_normal((2 * d, int(rng.integers(1, 2 * d + 1))))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        gram = vectors @ vectors.T
        Q = krivine_covariance(gram[:d, :d], gram[:d, d:], gram[d:, d:])
        assert np.abs(np.arcsin(Q[:d, d:]) - GAMMA * gram[:d, d:]).max() <= 1e-10
        assert np.abs(np.diagonal(Q) - 1).max() <= 1e-10
        assert np.linalg.eigvalsh(Q)[0] >= -1e-10


def test_mean_of_the_samples_is_two_gamma_over_pi_z(judge):
    X, y, beta = judge.planted(60, 8, 0)
    bound = sdp_bound(X, y, beta=beta)
    m, networks = 200_000, [sample_network(bound, 200_000, rng=seed) for seed in range(4)]
    network = networks[0]
    expected = 2 * GAMMA / np.pi * bound.Z / bound.rho
    mean = np.mean([one.U.T @ one.V / m for one in networks], axis=0)
    error = np.abs(mean - expected) / np.sqrt((1 - expected**2) / (4 * m))
    assert np.mean(error <= 3) >= 62 / 64  # entries within three standard errors, .17 of 64 beyond by chance
    assert error.max() <= 4.5
    assert 0.65 <= np.sqrt(np.mean(error**2)) <= 1.35
    np.testing.assert_allclose(network.alpha, bound.rho * np.pi / (GAMMA * m))
    relative = np.linalg.norm(network.predict(X) - bound.predict(X)) / np.linalg.norm(bound.predict(X))
    assert relative <= 0.05


def test_no_sample_is_below_the_bound_and_the_loss_falls_like_one_over_m(judge):
    X, y, beta = judge.planted(100, 20, 0, "paper")
    bound = sdp_bound(X, y, beta=beta)
    means = []
    for m in (10, 100, 1000):
        networks = [sample_network(bound, m, rng=seed) for seed in range(40)]
        assert min(objective(one, X, y, beta=beta) for one in networks) >= bound.bound
        means.append(np.mean([np.sum((one.predict(X) - y) ** 2) for one in networks]) * m)
    assert max(means) <= 1.5 * min(means)


def test_own_weights_reach_the_optimum_and_shared_ones_do_not(judge):
    X, y, beta = judge.planted(100, 15, 1)
    exact = exact_optimum(X, y, beta=beta).objective
    bound = sdp_bound(X, y, beta=beta)
    own = sample_network(bound, 1000, rng=0, weights="own", X=X, y=y, beta=beta)
    shared = sample_network(bound, 1000, rng=0)
    assert exact <= objective(own, X, y, beta=beta) <= 1.08 * exact
    assert objective(shared, X, y, beta=beta) >= 1.2 * exact


@pytest.mark.parametrize("m", [10, 30, 100, 300])
def test_flips_beat_algorithm_1(judge, m):
    X, y, beta = judge.planted(100, 20, 0, "paper")
    bound = sdp_bound(X, y, beta=beta, form="bilinear-printed")
    sampled = [sample_network(bound, m, rng=seed) for seed in range(9)]
    plain = np.median([np.sum((one.predict(X) - y) ** 2) for one in sampled])
    flipped, scratch = flip_signs(sampled[0], X, y), flip_signs(random_network(m, 20, rng=0), X, y)
    assert flipped.objective <= 0.2 * plain
    assert scratch.objective <= 0.2 * plain
    rounded = post_training_quantization(X, y, m, rng=0)
    assert flipped.objective <= 0.3 * rounded.objective


def test_flips_end_where_no_flip_helps(judge):
    X, y, _ = judge.planted(30, 5, 0)
    start = random_network(4, 5, rng=3)
    kept = start.U.copy(), start.V.copy(), start.alpha.copy()
    answer = flip_signs(start, X, y)
    assert all(np.array_equal(a, b) for a, b in zip(kept, (start.U, start.V, start.alpha), strict=True))
    assert answer.converged
    assert answer.objective == pytest.approx(np.sum((answer.network.predict(X) - y) ** 2))
    for j, k in itertools.product(range(4), range(5)):
        for layer in ("U", "V"):
            signs = {"U": answer.network.U.copy(), "V": answer.network.V.copy()}
            signs[layer][j, k] *= -1
            other = BilinearNetwork(signs["U"], signs["V"], answer.network.alpha)
            assert np.sum((other.predict(X) - y) ** 2) >= answer.objective * (1 - 1e-9)


@pytest.mark.parametrize("M", [1, 2, 3, 4])
def test_theorem_1_forward(M):
    rng = np.random.default_rng(M)
    weights = rng.choice(np.arange(-M, M + 1, 2), (7, 4)).astype(float)
    network = PolynomialNetwork(weights, rng.standard_normal(7), a=0.3, b=-1.2, c=0.7)
    X = rng.standard_normal((9, 4))
    reduced = reduce_levels(network, M + 1)
    assert reduced.U.shape == (7, 4 * M + 1)
    lifted = lift_samples(X, M + 1, a=0.3, b=-1.2, c=0.7)
    np.testing.assert_allclose(predict_lifted(reduced, lifted), network.predict(X), rtol=0, atol=1e-12 * 100)
    assert np.abs(predict_lifted(reduced, lifted) - network.predict(X)).max() <= 1e-12 * np.abs(network.predict(X)).max()


def test_theorem_1_converse_needs_the_level_zero():
    X = np.random.default_rng(0).standard_normal((20, 2))
    network = BilinearNetwork([[1, 1]], [[1, -1]], [1.0])
    wanted = X[:, 0] ** 2 - X[:, 1] ** 2
    np.testing.assert_allclose(network.predict(X), wanted)
    expanded = expand_bilinear(network)
    assert set(np.unique(expanded.weights)) == {-1.0, 0.0, 1.0}
    np.testing.assert_allclose(expanded.predict(X), wanted, atol=1e-12)
    signs = np.array([[1.0, 1.0], [1.0, -1.0]])  # all there are, up to the sign
    columns = (X @ signs.T) ** 2
    residual = wanted - columns @ np.linalg.lstsq(columns, wanted, rcond=None)[0]
    assert np.linalg.norm(residual) >= 0.5 * np.linalg.norm(wanted)


def test_sweeps_of_flips_are_counted():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 5)), rng.standard_normal(30)
    start = random_network(6, 5, rng=0)
    assert flip_signs(start, X, y, max_sweeps=1).n_steps == 1
    end = flip_signs(start, X, y)
    assert end.converged
    assert end.n_steps > 1


def test_rounding_takes_data_without_curvature():
    answer = compensated_rounding(np.zeros((4, 2)), np.ones(4), np.ones((3, 2)), -np.ones((3, 2)))
    assert answer.objective == 4


def test_expansion_of_random_networks():
    rng = np.random.default_rng(1)
    network = BilinearNetwork(rng.choice([-1, 1], (6, 5)), rng.choice([-1, 1], (6, 5)), rng.standard_normal(6))
    X = rng.standard_normal((8, 5))
    np.testing.assert_allclose(expand_bilinear(network).predict(X), network.predict(X), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.einsum("ij,jk,ik->i", X, network.matrix(), X), network.predict(X), rtol=1e-12, atol=1e-12)


def test_scale_of_the_rounding_is_of_least_squares(judge):
    X, y, _ = judge.planted(50, 6, 0, "paper")
    trained = post_training_quantization(X, y, 8, rng=0)
    assert trained.converged
    assert trained.float_U is not None
    assert trained.float_V is not None
    floats = np.mean((X @ trained.float_U.T) * (X @ trained.float_V.T), axis=1)
    assert np.sum((floats - y) ** 2) <= 0.01 * np.sum(y**2)
    wanted = trained.float_U.T @ trained.float_V / 8
    rounded = trained.network.U.T @ trained.network.V

    def distance(c):
        return np.linalg.norm(c * rounded - wanted)

    c = trained.network.alpha[0]
    assert distance(c) <= min(distance(0.99 * c), distance(1.01 * c))


def test_gradient_methods_beat_random_signs(judge):
    X, y, _ = judge.planted(60, 8, 0, "paper")
    total = np.sum(y**2)
    through = straight_through_network(X, y, 20, rng=0)
    rounded = post_training_quantization(X, y, 20, rng=0)
    compensated = compensated_rounding(X, y, rounded.float_U, rounded.float_V)
    assert through.objective <= 0.1 * total
    assert rounded.objective <= 0.6 * total
    assert compensated.objective <= 0.6 * total
    assert np.array_equal(straight_through_network(X, y, 20, rng=0).network.U, through.network.U)


def test_an_exploding_rate_is_halved(judge):
    X, y, _ = judge.planted(30, 6, 0, "paper")
    trained = post_training_quantization(X, y, 5, learning_rate=1.0, rng=0)
    assert trained.converged
    assert np.isfinite(trained.objective)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: random_network(0, 3, rng=0), "n_neurons must be an integer of at least 1"),
        (lambda: sample_network(sdp_bound([[1.0]], [2.0], beta=0.1), 0, rng=0), "n_neurons"),
        (lambda: sample_network(sdp_bound([[1.0]], [2.0], beta=0.1, form="quadratic"), 3, rng=0), "bound must be bilinear"),
        (lambda: sample_network(sdp_bound([[1.0]], [2.0], beta=0.1), 3, rng=0, weights="own"), "must be given"),
        (lambda: post_training_quantization([[1.0]], [np.nan], 3), "y must be finite"),
        (lambda: post_training_quantization([[1.0]], [1.0], 2.5), "n_neurons"),
        (lambda: straight_through_network([[1.0]], [1.0], 2, learning_rate=0.0), "learning_rate"),
        (lambda: BilinearNetwork([[1, 2]], [[1, 1]], [1.0]), "U must hold -1 and 1"),
        (lambda: BilinearNetwork([[1, 1]], [[1, 1]], [1.0, 2.0]), "alpha must have shape"),
        (lambda: flip_signs(random_network(2, 3, rng=0), [[1.0, 2.0]], [1.0]), r"X must have shape \(n, 3\)"),
        (lambda: reduce_levels(PolynomialNetwork([[0.0]], [1.0]), 2), "weights must lie in"),
        (lambda: PolynomialNetwork([[0.5]], [1.0]), "weights must be integers"),
        (lambda: compensated_rounding([[1.0]], [1.0], np.ones((9, 1)), np.ones((9, 1)), max_memory=8), "max_memory must be"),
        (lambda: krivine_covariance([[2.0]], [[0.1]]), "unit diagonal"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_column_of_targets_is_a_vector_of_them():
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((12, 4)), rng.standard_normal(12)
    network, U = random_network(5, 4, rng=0), rng.standard_normal((5, 4))
    calls = (
        lambda y: objective(network, X, y, beta=0.1),
        lambda y: flip_signs(network, X, y).network.alpha,
        lambda y: fit_scale(network, X, y).alpha,
        lambda y: refit(network, X, y, beta=0.1).alpha,
        lambda y: best_of_few(X, y, 2, beta=0.1)[1],
        lambda y: post_training_quantization(X, y, 5, n_steps=20, rng=0).objective,
        lambda y: straight_through_network(X, y, 5, n_steps=20, rng=0).objective,
        lambda y: compensated_rounding(X, y, U, U).objective,
    )
    for call in calls:
        np.testing.assert_array_equal(call(y), call(y[:, None]))
    with pytest.raises(ValueError, match=r"y must have shape \(12,\) to match X of shape \(12, 4\), got \(12, 2\)"):
        objective(network, X, np.ones((12, 2)), beta=0.1)
