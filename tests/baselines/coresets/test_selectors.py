"""The selectors against exhaustive search, their definitions and each other."""

from __future__ import annotations

from functools import partial
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from optathlon.baselines.coresets import (
    Coreset,
    FactoredGradients,
    craig,
    facility_location,
    factored_gradients,
    full,
    glister,
    grad_match,
    matching_error,
    nonnegative_omp,
    per_batch,
    per_class,
    random_subset,
    weighted_glister,
)
from optathlon.baselines.coresets.groups import class_shares

SELECTORS = {
    "craig": craig,
    "glister": glister,
    "glister-one-round": partial(glister, rounds=1),
    "grad-match": grad_match,
    "grad-match-no-ridge": partial(grad_match, ridge=0.0),
    "random": partial(random_subset, rng=0),
    "weighted-glister": weighted_glister,
    "weighted-glister-cosine": partial(weighted_glister, similarity="cosine"),
}
every_selector = pytest.mark.parametrize("select", SELECTORS.values(), ids=SELECTORS.keys())


def classifier(seed: int, n: int = 60, classes: int = 4, width: int = 6) -> tuple[FactoredGradients, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    features = rng.normal(size=(n, width)) + np.eye(classes, width)[labels]
    return factored_gradients(features @ rng.normal(size=(width, classes)), labels, features), labels


def explicit(pair: FactoredGradients) -> np.ndarray:
    return np.einsum("ic,id->icd", pair.residuals, pair.features).reshape(pair.n, -1)


@every_selector
@pytest.mark.parametrize("k", [1, 2, 17, 60])
def test_a_coreset_is_a_weighted_subset(select, k):
    for gradients in (classifier(0)[0], explicit(classifier(0)[0]), explicit(classifier(0)[0]).astype(np.float32)):
        copy = np.array(gradients[0])
        coreset = select(gradients, k)
        assert 1 <= len(coreset) <= k
        assert coreset.indices.min() >= 0
        assert coreset.indices.max() < 60
        assert coreset.weights.sum() > 0
        np.testing.assert_array_equal(np.array(gradients[0]), copy)
        again = select(gradients, k)
        np.testing.assert_array_equal(again.indices, coreset.indices)
        np.testing.assert_array_equal(again.weights, coreset.weights)


@every_selector
@pytest.mark.parametrize(
    ("gradients", "k", "message"),
    [
        (np.ones((5, 2)), 6, "between 1 and the number of points, 5"),
        (np.ones((5, 2)), 0, "between 1"),
        (np.ones((5, 2)), -2, "between 1"),
        (np.ones((5, 2)), 2.0, "integer"),
        (np.array([[1.0, np.nan]]), 1, "finite"),
        (np.empty((0, 2)), 1, "non-empty"),
        ((np.ones((3, 2)), np.ones((2, 2))), 1, "one row a sample"),
    ],
)
def test_bad_input_is_refused(select, gradients, k, message):
    with pytest.raises(ValueError, match=message):
        select(gradients, k)


@every_selector
def test_all_zero_gradients_still_give_something_to_train_on(select):
    coreset = select(np.zeros((12, 3)), 4)
    assert len(coreset.normalised()) >= 1


@every_selector
def test_two_samples_and_one(select):
    assert len(select(np.array([[1.0, 2.0]]), 1)) == 1
    assert len(select(np.array([[1.0, 2.0], [2.0, 1.0]]), 1)) == 1


def test_random_subset_and_full():
    coreset = random_subset(1000, 100, rng=np.random.default_rng(3))
    assert len(np.unique(coreset.indices)) == 100
    np.testing.assert_array_equal(coreset.weights, 10.0)
    counts = sum(np.bincount(random_subset(10, 3, rng=np.random.default_rng(seed)).indices, minlength=10) for seed in range(2000))
    assert np.abs(counts - 600).max() < 5 * np.sqrt(2000 * 0.3 * 0.7)  # uniform
    everything = full(np.ones((7, 2)), 3)
    np.testing.assert_array_equal(everything.indices, np.arange(7))
    assert matching_error(np.random.default_rng(0).normal(size=(7, 2)), everything) == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="number of points"):
        full(0)


@pytest.mark.parametrize("seed", range(8))
def test_craig_against_exhaustive_search(seed):
    rows = explicit(classifier(seed, n=11)[0])
    distance = np.linalg.norm(rows[:, None] - rows, axis=2)
    coreset = craig(rows, 3)
    reached = distance.max() * 11 - distance[:, coreset.indices].min(axis=1).sum()
    best = max(distance.max() * 11 - distance[:, list(chosen)].min(axis=1).sum() for chosen in combinations(range(11), 3))
    assert reached >= (1 - 1 / np.e) * best
    nearest = distance[:, coreset.indices].argmin(axis=1)
    np.testing.assert_array_equal(coreset.weights, np.bincount(nearest, minlength=3))


def test_craig_strategies_and_forms_reach_one_value():
    pair = classifier(1, n=300)[0]
    rows = explicit(pair)
    distance = np.linalg.norm(rows[:, None] - rows, axis=2)
    values = [
        distance[:, craig(gradients, 40, strategy=strategy).indices].min(axis=1).sum()
        for strategy in ("lazy", "batched", "naive")
        for gradients in (pair, rows)
    ]
    np.testing.assert_allclose(values, values[0], rtol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_one_round_of_glister_is_the_exact_maximiser(seed):
    pair = classifier(seed, n=12)[0]
    rows = explicit(pair)
    total = rows.sum(axis=0)
    best = max(rows[list(chosen)].sum(axis=0) @ total for chosen in combinations(range(12), 4))
    for gradients in (pair, rows):
        coreset = glister(gradients, 4, rounds=1)
        assert rows[coreset.indices].sum(axis=0) @ total == pytest.approx(best)
        np.testing.assert_array_equal(coreset.weights, 3.0)


@pytest.mark.parametrize("rounds", [2, 5, 20])
def test_glister_rounds_against_autograd(rounds):
    """Each round takes the largest inner products with the gradient at the moved last layer, here from autograd in float64."""
    rng = np.random.default_rng(2)
    features, labels = torch.tensor(rng.normal(size=(50, 5))), torch.tensor(rng.integers(3, size=50))
    layer = torch.tensor(rng.normal(size=(3, 5)), requires_grad=True)

    def total_gradient(weight: torch.Tensor) -> torch.Tensor:
        weight = weight.detach().requires_grad_()
        loss = nn.functional.cross_entropy(features @ weight.T, labels, reduction="sum")
        return torch.autograd.grad(loss, weight)[0]

    logits = features @ layer.T
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    rows = torch.stack([torch.autograd.grad(loss, layer, retain_graph=True)[0] for loss in losses])
    expected: list[int] = []
    for turn in range(rounds):
        moved = layer.detach() - 0.05 * rows[expected].sum(dim=0)
        scores = (rows * total_gradient(moved)).sum(dim=(1, 2)).numpy()
        scores[expected] = -np.inf
        count = 20 * (turn + 1) // rounds - 20 * turn // rounds
        expected += np.argsort(-scores)[:count].tolist()
    pair = factored_gradients(logits.detach().numpy(), labels.numpy(), features.numpy(), bias=False)
    np.testing.assert_array_equal(glister(pair, 20, rounds=rounds, step=0.05).indices, expected)


def test_balanced_glister_gives_every_class_its_share():
    pair, labels = classifier(3, n=90)
    coreset = glister(pair, 30, labels=labels)
    assert len(np.unique(coreset.indices)) == 30
    shares = dict(class_shares(labels, 30))
    assert {c: int((labels[coreset.indices] == c).sum()) for c in shares} == shares


def test_glister_refuses_rounds_that_it_cannot_evaluate():
    pair = classifier(4)[0]
    with pytest.raises(ValueError, match="rounds must be 1"):
        glister(explicit(pair), 10, rounds=2)
    with pytest.raises(ValueError, match="rounds must be 1"):
        glister((np.ones((5, 2)), np.ones((5, 2))), 2, rounds=2)
    for rounds in (-1, 0, False):
        with pytest.raises(ValueError, match="rounds must be an integer of at least 1"):
            glister(pair, 10, rounds=rounds)
    with pytest.raises(ValueError, match="labels"):
        glister(pair, 10, labels=np.zeros(3, int))


def test_weighted_glister_is_facility_location_on_products():
    rows = explicit(classifier(5)[0])
    products = rows @ rows.T
    norms = np.linalg.norm(rows, axis=1)
    for found, similarity in (
        (weighted_glister(rows, 9), products),
        (weighted_glister(rows, 9, similarity="cosine"), products / norms / norms[:, None]),
    ):
        expected = facility_location(similarity, 9)
        value = similarity[:, expected.indices].max(axis=1).sum()
        assert similarity[:, found.indices].max(axis=1).sum() == pytest.approx(value, rel=1e-9)
        assert found.weights.sum() == 60
    with pytest.raises(ValueError, match="similarity"):
        weighted_glister(rows, 3, similarity="euclid")  # type: ignore[arg-type]


@settings(max_examples=50, deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8), share=st.floats(0, 1))
def test_class_shares_are_proportional(sizes, share):
    labels = np.repeat(np.arange(len(sizes)) * 3, sizes)
    k = len(sizes) + int(share * (len(labels) - len(sizes)))
    shares = dict(class_shares(labels, k))
    assert sum(shares.values()) == k
    exact = {3 * place: k * size / len(labels) for place, size in enumerate(sizes)}
    rare = sum(value < 1 for value in exact.values())
    for place, size in enumerate(sizes):
        assert 1 <= shares[3 * place] <= size
        assert -1 - rare < shares[3 * place] - exact[3 * place] < 1


@every_selector
def test_per_class_is_the_selector_on_each_class(select):
    pair, labels = classifier(6, n=80)
    labels = np.where(labels == 2, 1, labels)  # class 2 is missing
    coreset = per_class(select, pair, 20, labels=labels)
    for name, share in class_shares(labels, 20):
        members = np.flatnonzero(labels == name)
        alone = select(pair.take(members), share)
        mine = np.isin(coreset.indices, members)
        np.testing.assert_array_equal(coreset.indices[mine], members[alone.indices])
        np.testing.assert_array_equal(coreset.weights[mine], alone.weights)
    assert set(labels[coreset.indices]) == {0, 1, 3}


def test_per_class_keeps_every_class_and_says_where_it_cannot():
    labels = np.array([0] * 990 + [1] * 9 + [2])
    gradients = np.random.default_rng(0).normal(size=(1000, 3))
    for k in (3, 10, 500):
        chosen = per_class(partial(random_subset, rng=0), gradients, k, labels=labels)
        assert len(chosen) == k
        assert set(labels[chosen.indices]) == {0, 1, 2}
    assert set(labels[glister(gradients, 10, labels=labels).indices]) == {0, 1, 2}
    for select in (partial(per_class, craig), glister):
        with pytest.raises(ValueError, match=r"k must be at least the number of classes present, 3, .* got 2"):
            select(gradients, 2, labels=labels)


@pytest.mark.parametrize(("n", "batch_size"), [(997, 20), (41, 20), (40, 20)])
def test_all_points_are_all_batches(n, batch_size):
    coreset = per_batch(partial(random_subset, rng=3), np.ones((n, 2)), n, batch_size=batch_size, rng=1)
    assert sorted(coreset.indices.tolist()) == list(range(n))


@every_selector
def test_per_batch_takes_whole_batches(select):
    pair = classifier(8, n=53)[0]
    coreset = per_batch(select, pair, 25, batch_size=10, rng=np.random.default_rng(1))
    order = np.random.default_rng(1).permutation(53)
    batches = [set(order[start : start + 10].tolist()) for start in range(0, 53, 10)]
    chosen = set(coreset.indices.tolist())
    inside = [batch for batch in batches if batch <= chosen]
    assert set().union(*inside) == chosen
    assert 1 <= len(inside) <= 2
    for batch in inside:
        assert len({w for i, w in zip(coreset.indices.tolist(), coreset.weights, strict=True) if i in batch}) == 1


def test_per_batch_matches_sums_of_batches():
    pair = classifier(9, n=200)[0]
    coreset = per_batch(partial(grad_match, ridge=0.0, tol=0.0), pair, 100, batch_size=10, rng=0)
    order = np.random.default_rng(0).permutation(200).reshape(20, 10)
    sums = explicit(pair)[order].sum(axis=1)
    expected = nonnegative_omp(sums, sums.sum(axis=0), 10)
    np.testing.assert_array_equal(coreset.indices, order[expected.indices].ravel())
    np.testing.assert_allclose(coreset.weights, np.repeat(expected.weights, 10))


def test_groups_refuse_what_they_cannot_divide():
    pair, labels = classifier(10)
    with pytest.raises(ValueError, match="labels must be 60 integers"):
        per_class(craig, pair, 10, labels=labels[:-1])
    with pytest.raises(ValueError, match="labels must be 60 integers"):
        per_class(craig, pair, 10, labels=labels.astype(float))
    with pytest.raises(ValueError, match="at least one batch"):
        per_batch(craig, pair, 10, batch_size=20)
    for batch_size in (0, 61):
        with pytest.raises(ValueError, match="batch_size must be"):
            per_batch(craig, pair, 10, batch_size=batch_size)
    for group in (partial(per_class, labels=labels), partial(per_batch, batch_size=5)):
        for answer, message in ((None, "got NoneType"), (full(61), "below the number of points")):
            with pytest.raises(ValueError, match=f"what select returns must .*{message}"):
                group(lambda gradients, k, answer=answer: answer, pair, 10)
    for k in (0, -1, 61):
        with pytest.raises(ValueError, match="between 1 and the number of points, 60"):
            per_class(craig, pair, k, labels=labels)


@pytest.mark.parametrize("bad", [True, np.nan, -1, pytest.param(10**400, id="huge"), "1", None])
def test_numbers_that_are_no_step_are_refused(bad):
    with pytest.raises(ValueError, match="step must be a finite number of at least 0"):
        glister(np.ones((5, 2)), 2, step=bad)


@pytest.mark.parametrize(
    "select", [random_subset, partial(per_batch, random_subset, batch_size=1), partial(grad_match, padding=True, ridge=0.0)]
)
def test_rng_is_a_seed_a_generator_or_nothing(select):
    gradients = np.ones((50, 2))
    seeded, same = select(gradients, 20, rng=5), select(gradients, 20, rng=np.random.default_rng(5))
    if not isinstance(select, partial) or select.func is grad_match:  # what per_batch calls draws afresh here
        np.testing.assert_array_equal(seeded.indices, same.indices)
    assert any(not np.array_equal(select(gradients, 20).indices, select(gradients, 20, rng=None).indices) for _ in range(3))
    for bad in (-1, 0.5, "0", True):
        with pytest.raises(ValueError, match=r"rng must be an integer of at least 0, a numpy\.random\.Generator or None, got"):
            select(gradients, 20, rng=bad)


@pytest.mark.parametrize("select", [craig, weighted_glister])
def test_all_pairs_of_too_many_points_are_refused_with_the_estimate(select):
    gradients = np.broadcast_to(np.float32(1), (60_000, 2))
    with pytest.raises(ValueError, match=r"60000 x 60000 and take 13\.4 GiB.*per class or per batch"):
        select(gradients, 6000)


@pytest.mark.parametrize("seed", range(3))
def test_order_of_matching_errors(seed):
    """GRAD-MATCH is below CRAIG and random; per sample GRAD-MATCH needs 300 points for 200 dimensions."""
    pair, labels = classifier(seed, n=3000, classes=10, width=20)
    match = matching_error(pair, per_class(grad_match, pair, 300, labels=labels), scaled=True)
    near = matching_error(pair, per_class(craig, pair, 300, labels=labels), scaled=True)
    draws = [random_subset(pair, 300, rng=np.random.default_rng(draw)) for draw in range(5)]
    random = np.median([matching_error(pair, draw, scaled=True) for draw in draws])
    assert match < min(near, random)
    assert matching_error(pair, grad_match(pair, 300, ridge=0)) < 2e-3 < random / 50


@pytest.mark.parametrize(
    ("indices", "weights", "message"),
    [
        ([0, 1], [1.0], "one weight a point"),
        ([0, 0], [1.0, 1.0], "distinct"),
        ([0, 1], [1.0, -1.0], "not negative"),
        ([0, 1], [1.0, np.nan], "finite"),
        ([0.5, 1.7], [1.0, 1.0], "integers, got dtype float64"),
        ([True, False], [1.0, 1.0], "integers, got dtype bool"),
        ([-1, 0], [1.0, 1.0], "not be negative, got -1"),
    ],
)
def test_impossible_coresets_are_refused(indices, weights, message):
    with pytest.raises(ValueError, match=message):
        Coreset(np.array(indices), np.array(weights))


def test_normalised_weights_have_mean_one_over_positive_ones():
    coreset = Coreset(np.array([4, 2, 9]), np.array([3.0, 0.0, 1.0])).normalised()
    np.testing.assert_array_equal(coreset.indices, [4, 9])
    np.testing.assert_array_equal(coreset.weights, [1.5, 0.5])
    for weights, expected in (([1e308, 1e308], [1, 1]), ([1e-320, 3e-320], [0.5, 1.5]), ([1e-50, 1], [1])):
        np.testing.assert_array_equal(Coreset(np.arange(2), np.array(weights)).normalised().weights, expected)
    for empty in (Coreset(np.array([1, 2]), np.zeros(2)), Coreset(np.array([], int), np.array([]))):
        with pytest.raises(ValueError, match="nothing to train on"):
            empty.normalised()
