"""Scores against their closed forms, scipy, and the scale that real data sets."""

import functools
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from optathlon.baselines.gans.scores import (
    classes_covered,
    classify,
    frechet_distance,
    inception_score,
    mode_coverage,
    train_classifier,
)


@pytest.mark.parametrize("n_classes", [2, 10, 37])
def test_certain_and_uniform_classes_score_their_number(n_classes):
    assert inception_score(np.tile(np.eye(n_classes), (7, 1))) == pytest.approx(n_classes, abs=1e-9)


@pytest.mark.parametrize("row", [[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
def test_constant_predictions_score_one(row):
    assert inception_score(np.tile(row, (50, 1))) == pytest.approx(1.0, abs=1e-12)


@given(st.integers(0, 1000), st.integers(2, 12), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_score_is_the_exponential_of_the_mutual_information(seed, n_classes, n):
    p = np.random.default_rng(seed).dirichlet(np.full(n_classes, 0.3), size=n)
    marginal = p.mean(axis=0)
    expected = np.exp(np.mean([sum(q * np.log(q / m) for q, m in zip(row, marginal, strict=True) if q > 0) for row in p]))
    assert inception_score(p) == pytest.approx(expected, rel=1e-9)
    assert 1 - 1e-9 <= inception_score(p) <= n_classes + 1e-9


def test_float32_tensors_of_a_network_are_accepted():
    logits = torch.randn(100, 10, generator=torch.Generator().manual_seed(0))
    assert inception_score(logits.softmax(1)) == pytest.approx(inception_score(logits.double().softmax(1).numpy()), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_rows_that_miss_a_sum_of_one_by_rounding_are_mended(dtype):
    logits = torch.randn(50, 200, generator=torch.Generator().manual_seed(0)).to(dtype)
    mended = logits.softmax(1).double().numpy()
    mended /= mended.sum(axis=1, keepdims=True)
    assert inception_score(logits.softmax(1)) == pytest.approx(inception_score(mended), rel=1e-12)
    assert inception_score(np.eye(10) * (1 + 9e-5)) == pytest.approx(10, abs=1e-9)


@pytest.mark.parametrize(
    "convert",
    [
        lambda p: p[::-1, ::-1].copy()[::-1, ::-1],
        lambda p: p.astype(">f8"),
        lambda p: p.astype(object),
        lambda p: p.astype(np.longdouble),
        pd.DataFrame,
        np.ndarray.tolist,
        lambda p: np.lib.stride_tricks.as_strided(p, writeable=False),
        lambda p: torch.tensor(p, requires_grad=True),
    ],
    ids=["negative strides", "big-endian", "object", "longdouble", "frame", "list", "read-only", "with gradient"],
)
@pytest.mark.filterwarnings("error")
def test_ordinary_arrays_of_every_kind_score_the_same(convert):
    p = np.random.default_rng(0).dirichlet(np.ones(3), size=20)
    given = convert(p.copy())
    assert inception_score(given) == inception_score(p)
    assert frechet_distance(given, p[:9]) == frechet_distance(p, p[:9])
    assert mode_coverage(given, p[:2], 0.1) == mode_coverage(p, p[:2], 0.1)
    assert classes_covered(given, np.float32(0.1)) == classes_covered(p, 0.1)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16])
def test_one_hot_rows_of_any_type_are_distributions(dtype):
    assert inception_score(np.eye(4, dtype=dtype)) == inception_score(torch.from_numpy(np.eye(4, dtype=dtype))) == 4.0


@pytest.mark.parametrize("d", [1, 3, 20])
def test_frechet_distance_equals_scipys_matrix_root(d):
    rng = np.random.default_rng(d)
    a = rng.standard_normal((50, d)) @ rng.standard_normal((d, d))
    b = rng.standard_normal((70, d)) + 0.5
    first, second = np.atleast_2d(np.cov(a.T)), np.atleast_2d(np.cov(b.T))
    cross = np.real(scipy.linalg.sqrtm(first @ second))
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(first + second - 2 * cross)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("exponent", [-400, -40, 330, 500])
def test_frechet_distance_scales_with_the_square_and_without_rounding(d, exponent):
    a, b = np.random.default_rng(d).standard_normal((2, 30, d))
    expected = float(np.ldexp(frechet_distance(a, b), 2 * exponent))
    assert frechet_distance(np.ldexp(a, exponent), np.ldexp(b, exponent)) == expected


def test_frechet_distance_of_one_column_is_that_of_means_and_deviations():
    a, b = np.array([[0.0], [1e150]]), np.array([[0.0], [1.0]])
    assert frechet_distance(a, b) == pytest.approx(1e300 * (0.5**2 + 0.5), rel=1e-12)  # mean .5, variance .5 beside 0


def test_frechet_distance_of_degenerate_samples():
    constant = np.ones((10, 4))
    rng = np.random.default_rng(0)
    assert frechet_distance(constant, constant) == 0.0
    assert frechet_distance(constant, constant + 2) == pytest.approx(16.0)
    few = rng.standard_normal((3, 8))  # rank two: the roots of the vanishing eigenvalues must not be NaN
    assert frechet_distance(few, few) == pytest.approx(0.0, abs=1e-6)


def test_classes_and_modes_covered():
    p = np.eye(4)[[0] * 90 + [1] * 9 + [2]]
    assert classes_covered(p, share=0.01) == 3
    assert classes_covered(p, share=0.05) == 2
    centres = [[0.0, 0.0], [10.0, 0.0]]
    coverage = mode_coverage([[0.1, 0.0], [0.0, 0.2], [5.0, 0.0], [10.0, 0.1]], centres, 0.1, share=0.25)
    assert coverage == (2, 0.75)
    assert mode_coverage(np.full((5, 2), 50.0), centres, 0.1) == (0, 0.0)


@pytest.mark.parametrize(("offset", "sd"), [(1e4, 1e-4), (1e6, 1e-2)])
def test_modes_far_from_the_origin_are_counted_as_near_it(offset, sd):
    rng = np.random.default_rng(0)
    centres = offset + np.array([[0.0, 0.0], [1.0, 0.0]])
    samples = centres[rng.integers(2, size=200)] + sd * rng.standard_normal((200, 2))
    nearest = np.linalg.norm(samples[:, None] - centres, axis=2).min(axis=1)
    assert mode_coverage(samples, centres, sd) == (2, np.mean(nearest <= 3 * sd))


@pytest.mark.parametrize(
    ("score", "arguments", "message"),
    [
        (inception_score, ([[0.5, np.nan]],), "must be finite, got 1 NaN"),
        (inception_score, ([[0.5, 0.6]],), "must be distributions"),
        (inception_score, ([[1.5, -0.5]],), "must be distributions"),
        (inception_score, (np.zeros((0, 3)),), r"must have shape \(n, d\)"),
        (inception_score, ([0.5, 0.5],), r"must have shape \(n, d\)"),
        (frechet_distance, (np.ones((1, 2)), np.ones((5, 2))), "at least 2 rows"),
        (frechet_distance, (np.ones((5, 2)), np.ones((5, 3))), r"reference must have shape \(n, 2\)"),
        (frechet_distance, (np.full((5, 2), np.inf), np.ones((5, 2))), "features must be finite"),
        (frechet_distance, ([[0.0], [1e160]], [[0.0], [1.0]]), r"finite squared distance, got entries of up to 1e\+160"),
        (frechet_distance, ([[0.0, 0.0], [1e200, 0.0]], np.eye(2)), "finite squared distance"),
        (inception_score, ("abc",), "probabilities must be an array of real numbers, got str"),
        (inception_score, ([["0.5", "0.5"]],), "probabilities must be an array of real numbers, got list"),
        (inception_score, ([[0.5, 0.5], [1.0]],), "probabilities must be an array of real numbers, got list"),
        (inception_score, (None,), r"probabilities must have shape \(n, d\)"),
        (inception_score, (np.eye(2) * 1j,), "probabilities must hold real numbers, got torch.complex128"),
        (inception_score, (torch.full((3, 2), 0.51, dtype=torch.bfloat16),), "must be distributions"),
        (mode_coverage, (np.full((3, 2), np.nan), np.ones((1, 2)), 0.1), "samples must be finite"),
        (mode_coverage, (np.ones((3, 2)), np.ones((1, 2)), 0.0), "sd must be"),
        (classes_covered, (np.eye(3), -1.0), "share must be"),
        (classes_covered, (np.eye(3), 2), r"share must be a number in \(0, 1\], got 2"),
        (functools.partial(mode_coverage, share=5), (np.eye(3), np.eye(3), 0.1), r"share must be a number in \(0, 1\], got 5"),
    ],
)
def test_bad_samples_are_refused(score, arguments, message):
    with pytest.raises(ValueError, match=message):
        score(*arguments)


@pytest.fixture(scope="module")
def digits():
    images = torch.from_numpy(load_digits().images).float()[:, None] / 8 - 1
    labels = torch.from_numpy(load_digits().target)
    classifier = train_classifier(images[:1300], labels[:1300], n_epochs=15, batch_size=32, rng=0)
    return images, labels, classifier


def test_classifier_learns_digits_and_sets_the_ends_of_the_scale(digits):
    images, labels, classifier = digits
    probabilities, features = classify(classifier, images[1300:])
    assert (probabilities.argmax(1) == labels[1300:]).float().mean() > 0.93
    real = inception_score(probabilities)
    noise = torch.rand(500, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    noise_probabilities, noise_features = classify(classifier, noise)
    assert 7.5 < real < 10
    assert inception_score(noise_probabilities) < 3
    near = frechet_distance(features, classify(classifier, images[:1300])[1])
    assert frechet_distance(noise_features, classify(classifier, images[:1300])[1]) > 5 * near


def test_classifier_is_the_same_for_the_same_seed_and_leaves_the_global_generator_alone():
    images = torch.from_numpy(load_digits().images[:200]).float()[:, None] / 8 - 1
    labels = load_digits().target[:200]
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first = train_classifier(images, labels, n_epochs=1, rng=torch.Generator().manual_seed(5))
    assert torch.equal(torch.rand(1), expected)
    sizes = {"n_epochs": np.int64(1), "batch_size": np.int64(64)}
    second = train_classifier(images, labels[::-1].copy()[::-1], **sizes, rng=torch.Generator().manual_seed(5))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_bad_images_and_labels_are_refused(digits):
    images, labels, classifier = digits
    with pytest.raises(ValueError, match=r"\(n, 1, 8, 8\)"):
        classify(classifier, torch.zeros(3, 1, 14, 14))
    with pytest.raises(ValueError, match="images must be finite"):
        classify(classifier, torch.full((3, 1, 8, 8), torch.nan))
    with pytest.raises(ValueError, match="labels must be"):
        train_classifier(images, labels[:5])


@pytest.mark.slow
def test_real_mnist_scores_between_9_3_and_9_7():
    folder = Path(os.environ.get("OPTATHLON_DATA", "../shared/data"))
    if not (folder / "MNIST/raw").is_dir():
        pytest.skip("needs MNIST in OPTATHLON_DATA")
    os.environ.setdefault("OPTATHLON_DATA", str(folder))
    from optathlon import data

    mnist = data.load("mnist")
    images, test = (torch.from_numpy(mnist[name]).float()[:, None] / 127.5 - 1 for name in ("train_images", "test_images"))
    torch.set_num_threads(1)
    classifier = train_classifier(images, mnist["train_labels"], n_epochs=2, rng=0)
    probabilities, _ = classify(classifier, test)
    assert np.mean(probabilities.argmax(1).numpy() == mnist["test_labels"]) > 0.985
    assert 9.3 <= inception_score(probabilities) <= 9.7
