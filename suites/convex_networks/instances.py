"""Generators and loaders of the problems; each returns ``make(rng, device)``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optathlon.suites.convex_networks.problem import (
    LinearFit,
    Moments,
    PlantedNeurons,
    PolynomialFit,
    ReluFit,
    Samples,
    ThreeLayerFit,
    VariationFit,
    Vote,
)

Array = NDArray[np.float64]
Make = Callable[[np.random.Generator, str], object]

RELU_POLYNOMIAL = (0.09, 0.5, 0.47)
QUADRATIC = (1.0, 0.0, 0.0)


def _without_test(X: Array, y: Array) -> Samples:
    return Samples(X, y, np.empty((0, X.shape[1])), np.empty((0, *y.shape[1:])), classes=False)


def _bound(samples: Samples, beta: float, patterns: NDArray[np.int8], tol: float) -> float:
    from optathlon.baselines.convex_networks import relu_program

    return relu_program(samples.X, samples.y, beta, patterns=patterns, tol=tol).dual_bound


def _toy(name: str) -> tuple[Array, Array]:
    """Return the data of an exact toy: the same for every seed."""
    if name == "line":  # one feature and a bias
        x = np.arange(-2.0, 3.0)
        return np.column_stack([x, np.ones(5)]), np.array([1.0, -1.0, 1.0, 1.0, -1.0])
    if name == "slides":  # the example with n = 3, d = 2
        return np.array([[2.0, 2.0], [3.0, 3.0], [1.0, 0.0]]), np.array([1.0, -1.0, 2.0])
    (n, d), (first, second) = {"gauss-8x2": ((8, 2), (1, 2)), "gauss-7x3": ((7, 3), (3, 4))}[name]
    return np.random.default_rng(first).standard_normal((n, d)), np.random.default_rng(second).standard_normal(n)


def exact_toy(name: str, beta: float) -> Make:
    """Return a toy with every arrangement enumerated; the seed only drives the methods (Figure 1 of the slides)."""

    def make(rng: np.random.Generator, device: str) -> ReluFit:
        from optathlon.baselines.convex_networks import enumerate_patterns

        samples = _without_test(*_toy(name))
        patterns = enumerate_patterns(samples.X)
        return ReluFit(samples, beta, patterns, True, _bound(samples, beta, patterns, 1e-9))

    return make


def vector_toy(n_outputs: int, beta: float) -> Make:
    """Return the 8 x 2 toy with Gaussian labels in several columns, every arrangement enumerated."""

    def make(rng: np.random.Generator, device: str) -> ReluFit:
        from optathlon.baselines.convex_networks import enumerate_patterns, vector_program

        X = _toy("gauss-8x2")[0]
        Y = np.random.default_rng(5).standard_normal((len(X), n_outputs))
        patterns = enumerate_patterns(X)
        optimum = vector_program(X, Y, beta, patterns=patterns, tol=1e-8).dual_bound
        return ReluFit(_without_test(X, Y), beta, patterns, True, optimum)

    return make


def _sampled(samples: Samples, beta: float, n_patterns: int, rng: np.random.Generator, *, certify: bool = True) -> ReluFit:
    from optathlon.baselines.convex_networks import sample_patterns

    patterns = sample_patterns(samples.X, n_patterns, rng)
    optimum = _bound(samples, beta, patterns, 1e-6) if certify else 0.0
    return ReluFit(samples, beta, patterns, False, optimum)


def planted_relu(n_samples: int, n_features: int, beta: float, n_patterns: int, n_neurons: int = 5) -> Make:
    """Return labels of planted ReLU neurons with 10 % noise, as many test samples, and sampled arrangements."""

    def make(rng: np.random.Generator, device: str) -> ReluFit:
        X = rng.standard_normal((2 * n_samples, n_features))
        W = rng.standard_normal((n_features, n_neurons)) / np.sqrt(n_features)
        y = np.maximum(X @ W, 0) @ rng.choice([-1.0, 1.0], n_neurons)
        y += 0.1 * y.std() * rng.standard_normal(2 * n_samples)
        n = n_samples
        return _sampled(Samples(X[:n], y[:n], X[n:], y[n:], classes=False), beta, n_patterns, rng)

    return make


def _split(X: Array, labels: Array, n_train: int, rng: np.random.Generator) -> Samples:
    """Return a random split with a bias column, features shifted and scaled by training statistics."""
    order = rng.permutation(len(X))
    X, labels = X[order], labels[order]
    mean, spread = X[:n_train].mean(axis=0), X[:n_train].std(axis=0)
    X = np.column_stack([(X - mean) / np.where(spread > 0, spread, 1.0), np.ones(len(X))])
    return Samples(X[:n_train], labels[:n_train], X[n_train:], labels[n_train:], classes=True)


def breast_cancer(n_train: int, beta: float, n_patterns: int) -> Make:
    """Return the Wisconsin tumours, benign (1) or malignant (-1)."""

    def make(rng: np.random.Generator, device: str) -> ReluFit:
        from optathlon import data

        arrays = data.load("breast_cancer")
        samples = _split(arrays["X"], np.where(arrays["y"] > 0, 1.0, -1.0), n_train, rng)
        return _sampled(samples, beta, n_patterns, rng)

    return make


def digits(n_train: int, beta: float, n_patterns: int) -> Make:
    """Return the 8 x 8 digits, odd (1) or even (-1), pixels in [-1/8, 1/8]."""

    def make(rng: np.random.Generator, device: str) -> ReluFit:
        from optathlon import data

        arrays = data.load("digits")
        X, labels = arrays["X"].reshape(len(arrays["y"]), -1), arrays["y"]
        order = rng.permutation(len(X))
        X = np.column_stack([X / 8 - 1, np.ones(len(X))])[order] / 8
        y = np.where(labels[order] % 2 == 1, 1.0, -1.0)
        samples = Samples(X[:n_train], y[:n_train], X[n_train:], y[n_train:], classes=True)
        return _sampled(samples, beta, n_patterns, rng)

    return make


def _pooled(images: Array, block: int) -> Array:
    """Return block means of images (n, side, side, ...), flat, in [-1, 1], with a bias column, rows of length about 1."""
    n, side = images.shape[:2]
    kept = side // block
    cut = images[:, : kept * block, : kept * block].reshape(n, kept, block, kept, block, -1).mean(axis=(2, 4))
    flat = np.column_stack([cut.reshape(n, -1) / 127.5 - 1, np.ones(n)])
    return flat / np.sqrt(flat.shape[1])


def images(
    name: str, positive: tuple[int, ...], block: int, beta: float, n_patterns: int, *, n_train: int | None, certify: bool = True
) -> Make:
    """Return images of two groups of classes, pixels averaged over blocks, a random part of them for training."""

    def make(rng: np.random.Generator, device: str) -> ReluFit:
        from optathlon import data

        arrays = data.load(name)
        rows = rng.permutation(len(arrays["train_labels"]))[:n_train]
        tests = np.arange(len(arrays["test_labels"]))[:5000]
        samples = Samples(
            _pooled(arrays["train_images"][rows].astype(float), block),
            np.where(np.isin(arrays["train_labels"][rows], positive), 1.0, -1.0),
            _pooled(arrays["test_images"][tests].astype(float), block),
            np.where(np.isin(arrays["test_labels"][tests], positive), 1.0, -1.0),
            classes=True,
        )
        return _sampled(samples, beta, n_patterns, rng, certify=certify)

    return make


def ecg(n_train: int, n_test: int, beta: float, n_patterns: int, window: int = 15) -> Make:
    """Return the electrocardiogram: the next sample from the last `window`; the test part follows the training part."""

    def make(rng: np.random.Generator, device: str) -> ReluFit:
        from optathlon import data

        signal = data.load("ecg")["millivolt"]
        start = int(rng.integers(len(signal) - n_train - n_test - window))
        signal = signal[start : start + n_train + n_test + window]
        signal = (signal - signal[:n_train].mean()) / signal[:n_train].std()
        windows = np.lib.stride_tricks.sliding_window_view(signal, window)[:-1]
        X, y = np.column_stack([windows, np.ones(len(windows))]), signal[window:]
        samples = Samples(X[:n_train], y[:n_train], X[n_train:], y[n_train:], classes=False)
        return _sampled(samples, beta, n_patterns, rng)

    return make


def planted_polynomial(n_samples: int, n_features: int, beta: float, coefficients: tuple[float, float, float]) -> Make:
    """Return labels of ten planted neurons with the activation that is trained, and as many test samples."""

    def make(rng: np.random.Generator, device: str) -> PolynomialFit:
        from optathlon.baselines.convex_networks import polynomial_program, quadratic_program

        X = rng.standard_normal((2 * n_samples, n_features))
        W = rng.standard_normal((n_features, 10))
        pre = X @ (W / np.linalg.norm(W, axis=0))
        a, b, c = coefficients
        y = ((a * pre + b) * pre + c) @ rng.choice([-1.0, 1.0], 10)
        n = n_samples
        if coefficients == QUADRATIC:
            optimum = quadratic_program(X[:n], y[:n], beta).dual_bound
        else:
            optimum = polynomial_program(X[:n], y[:n], beta, coefficients=coefficients).dual_bound
        return PolynomialFit(Samples(X[:n], y[:n], X[n:], y[n:], classes=False), beta, coefficients, optimum)

    return make


def three_layer_toy(instance: int, beta: float) -> Make:
    """Return five Gaussian samples in the plane; the seed only drives the methods."""

    def make(rng: np.random.Generator, device: str) -> ThreeLayerFit:
        from optathlon.baselines.convex_networks import three_layer_program

        data = np.random.default_rng(instance)
        X, y = data.standard_normal((5, 2)), data.standard_normal(5)
        return ThreeLayerFit(_without_test(X, y), beta, three_layer_program(X, y, beta).dual_bound)

    return make


def linear(n_samples: int, n_features: int, n_outputs: int, depth: int, share: float) -> Make:
    """Return Gaussian data, whitened for more than two layers; beta is `share` of ``sigma_max(X'Y)``."""

    def make(rng: np.random.Generator, device: str) -> LinearFit:
        from optathlon.baselines.convex_networks import deep_linear, two_layer_linear

        X = rng.standard_normal((n_samples, n_features))
        X = np.linalg.qr(X)[0] if depth > 2 else X
        Y = X @ rng.standard_normal((n_features, n_outputs)) + 0.1 * rng.standard_normal((n_samples, n_outputs))
        beta = share * float(np.linalg.norm(X.T @ Y, 2))
        solved = two_layer_linear(X, Y, beta) if depth == 2 else deep_linear(X, Y, beta, depth)
        return LinearFit(_without_test(X, Y), beta, depth, solved.dual_bound)

    return make


def planted_variation(n_samples: int, n_features: int, factor: float) -> Make:
    """Return labels of ten planted Gaussian neurons; delta is `factor` times their variation norm."""

    def make(rng: np.random.Generator, device: str) -> VariationFit:
        A, theta = rng.standard_normal((n_samples, n_features)), rng.standard_normal((n_features, 10))
        a = rng.standard_normal(10)
        delta = factor * float(np.abs(a) @ np.linalg.norm(theta, axis=0))
        return VariationFit(A, np.maximum(A @ theta, 0) @ a, delta)

    return make


def double_moon(n_train: int, penalty: float, noise: float = 0.2) -> Make:
    """Return two interleaved half circles with 2000 test samples."""

    def make(rng: np.random.Generator, device: str) -> Vote:
        from sklearn.datasets import make_moons

        from optathlon.baselines.convex_networks import convexnn

        seeds = rng.integers(2**31, size=2)

        def moons(n: int, seed: int) -> tuple[Array, Array]:
            X, y = make_moons(n, noise=noise, random_state=seed)
            return np.asarray(X, dtype=np.float64), 2.0 * np.asarray(y, dtype=np.float64) - 1

        samples = Samples(*moons(n_train, int(seeds[0])), *moons(2000, int(seeds[1])), classes=True)
        return Vote(samples, penalty, convexnn(samples.X, samples.y, penalty).objective)

    return make


def planted_neurons(n_samples: int, n_features: int, n_neurons: int) -> Make:
    """Return the sum of planted Gaussian ReLU neurons without noise."""

    def make(rng: np.random.Generator, device: str) -> PlantedNeurons:
        A, planted = rng.standard_normal((n_samples, n_features)), rng.standard_normal((n_features, n_neurons))
        return PlantedNeurons(A, np.maximum(A @ planted, 0).sum(axis=1), planted)

    return make


def digit_moments(share: float) -> Make:
    """Return the digits, 4 x 4 block means, as data of a generative network; beta is `share` of the largest eigenvalue of X'X."""

    def make(rng: np.random.Generator, device: str) -> Moments:
        from optathlon import data

        X = data.load("digits")["X"].reshape(-1, 4, 2, 4, 2).astype(float).mean(axis=(2, 4)).reshape(-1, 16) / 16
        moments = X.T @ X
        largest = float(np.linalg.eigvalsh(moments)[-1])
        return Moments(X, share * largest, largest * _least_norm(moments / largest, share))

    return make


def _least_norm(moments: Array, beta: float) -> float:
    """Return the least trace of a positive semidefinite Z with ``|moments - Z|_2 <= beta``, by Clarabel."""
    import cvxpy as cp

    d = len(moments)
    Z = cp.Variable((d, d), PSD=True)
    problem = cp.Problem(cp.Minimize(cp.trace(Z)), [moments - Z << beta * np.eye(d), Z - moments << beta * np.eye(d)])
    problem.solve(solver="CLARABEL", max_threads=1)  # a pool of threads does not survive a fork
    return float(problem.value)  # pyright: ignore[reportArgumentType]
