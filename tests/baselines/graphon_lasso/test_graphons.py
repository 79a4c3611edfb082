"""Graphons against quadrature, samples against their law."""

import numpy as np
import pytest
from scipy.integrate import quad

from optathlon.baselines.graphon_lasso import (
    Graphon,
    constant,
    degree_spectrum,
    fitted_spectrum,
    graphon_spectrum,
    is_connected,
    laplacian,
    mean_of_squares,
    nearby,
    sample_graph,
    sample_signals,
    stochastic_block,
)

FAMILIES = (
    constant(0.4),
    stochastic_block([[0.9, 0.1], [0.1, 0.5]], [0.3, 0.7]),
    nearby(5.0),
    nearby(0.0),
    mean_of_squares(),
    Graphon("xy", lambda x, y: x * y),
)


@pytest.mark.parametrize("graphon", FAMILIES, ids=lambda graphon: graphon.name)
def test_degrees_are_integrals(graphon):
    for x in (0.0, 0.31, 0.77, 1.0):
        at = quad(lambda y: float(graphon.values(np.array(x), np.array(y))), 0, 1, points=[0.3])[0]  # noqa: B023
        assert float(graphon.degree(x)) == pytest.approx(at, abs=1e-6)


@pytest.mark.parametrize("graphon", FAMILIES[:5], ids=lambda graphon: graphon.name)
def test_edges_have_the_probabilities_of_the_graphon(graphon):
    rng = np.random.default_rng(0)
    count = expected = variance = 0.0
    for _ in range(60):
        w, latent = sample_graph(graphon, 25, rng)
        assert (np.diff(latent) >= 0).all()
        assert is_connected(w)
        P = np.broadcast_to(graphon.values(latent[:, None], latent), (25, 25))[np.triu_indices(25, 1)]
        count, expected, variance = count + w.sum(), expected + P.sum(), variance + (P * (1 - P)).sum()
    # Connected graphs have a few edges more than all; hence the two per mille.
    assert abs(count - expected) <= 4 * np.sqrt(variance) + 2e-3 * expected


def test_the_spectrum_is_p_times_the_degrees_and_near_that_of_a_large_graph():
    mu = graphon_spectrum(mean_of_squares(), 30)
    x = (np.arange(30) + 0.5) / 30
    np.testing.assert_allclose(mu[1:], 30 * (x**2 / 2 + 1 / 6)[1:])
    assert mu[0] == 0
    for graphon in FAMILIES:
        assert (np.diff(graphon_spectrum(graphon, 20)) >= 0).all()
    distances = []
    for p in (40, 320):
        w, latent = sample_graph(mean_of_squares(), p, 1)
        e = np.linalg.eigvalsh(laplacian(w)) / p
        distances.append(np.sqrt(np.mean((e - graphon_spectrum(mean_of_squares(), p, latent=latent) / p) ** 2)))
    assert distances[1] < 0.6 * distances[0]  # theorem 1: the distance goes to 0


def test_spectra_of_other_graphs():
    w = sample_graph(constant(0.5), 12, 0).w
    degrees = np.sort(np.diag(laplacian(w)))
    np.testing.assert_array_equal(degree_spectrum(w), [0.0, *degrees[1:]])
    x = (np.arange(12) + 0.5) / 12
    fitted = fitted_spectrum(w)
    np.testing.assert_allclose(fitted[1:], np.sort(np.maximum(np.polyval(np.polyfit(x, degrees, 2), x), 0))[1:])
    assert fitted[0] == 0


def test_signals_have_the_laplacian_as_precision():
    w = sample_graph(mean_of_squares(), 8, 3).w
    X = sample_signals(w, 200_000, 4)
    np.testing.assert_allclose(X.sum(axis=1), 0, atol=1e-10)
    expected = np.linalg.pinv(laplacian(w))
    np.testing.assert_allclose(X.T @ X / len(X), expected, atol=0.02 * np.abs(expected).max())


def test_the_seed_decides():
    first, second = (sample_graph(nearby(2.0), 15, 5) for _ in range(2))
    np.testing.assert_array_equal(first.w, second.w)
    np.testing.assert_array_equal(sample_signals(first.w, 3, 1), sample_signals(first.w, 3, np.random.default_rng(1)))
    assert (sample_graph(nearby(2.0), 15, 6).w != first.w).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sample_graph(constant(0.0), 5, 0), "graphon must give connected graphs of 5 nodes, got none in 1000 draws"),
        (lambda: sample_graph(constant(0.5), 1, 0), "n_nodes must be an integer of at least 2, got 1"),
        (lambda: sample_graph(Graphon("x", lambda x, y: x + 0 * y), 5, 0), r"graphon must be symmetric with values in \[0, 1\]"),
        (lambda: sample_graph(Graphon("2", lambda x, y: 2 + 0 * x * y), 5, 0), "graphon must be symmetric with values"),
        (lambda: sample_graph(Graphon("nan", lambda x, y: np.nan * x * y), 5, 0), "graphon must be symmetric with values"),
        (lambda: sample_graph(0.5, 5, 0), "graphon must be a Graphon, got 0.5"),
        (lambda: sample_graph(constant(0.5), 5, -1), "rng must be a non-negative integer, .* got -1"),
        (lambda: sample_graph(constant(0.5), 5, "x"), "rng must be a non-negative integer, .* got 'x'"),
        (lambda: constant(1.5), "probability must be at most 1, got 1.5"),
        (lambda: nearby(-1.0), "phi must be a finite number of at least 0, got -1.0"),
        (lambda: stochastic_block([[0.5, 0.1], [0.2, 0.5]]), "probabilities must be a symmetric matrix"),
        (lambda: stochastic_block([[0.5]], [0.9]), "shares must be 1 non-negative numbers that add up to 1"),
        (lambda: graphon_spectrum(constant(0.5), 5, latent=[0.1]), r"latent must be 5 numbers in \[0, 1\]"),
        (lambda: sample_signals([1.0, 0.0, 0.0], 5, 0), "w must be the weights of a connected graph, got one in several parts"),
        (lambda: sample_signals([1.0, -1.0, 1.0], 5, 0), "w must be non-negative, got -1"),
        (lambda: fitted_spectrum([1.0], degree=2), "degree must be below the number of nodes, 2, got 2"),
    ],
)
def test_inputs_are_refused_in_a_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
