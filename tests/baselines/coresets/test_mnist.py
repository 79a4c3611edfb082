"""Selection and training on the real MNIST: the figures that the method promises. Skipped where the data is absent."""

from __future__ import annotations

import gc
import gzip
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from optathlon.baselines.coresets import (
    Coreset,
    craig,
    full,
    grad_match,
    last_layer_gradients,
    lenet,
    matching_error,
    per_batch,
    per_class,
    random_subset,
    train_on_coresets,
)
from optathlon.baselines.coresets.nonnegative_omp import pursue

FOLDER = Path(os.environ.get("OPTATHLON_DATA", Path(__file__).parents[4] / "shared" / "data")) / "MNIST" / "raw"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="MNIST is absent: set OPTATHLON_DATA"),
]


def load(prefix: str) -> tuple[torch.Tensor, torch.Tensor]:
    def read(kind: str, offset: int) -> np.ndarray:
        return np.frombuffer(gzip.decompress((FOLDER / f"{prefix}-{kind}-ubyte.gz").read_bytes()), np.uint8, offset=offset)

    images = (read("images-idx3", 16).reshape(-1, 1, 28, 28) / np.float32(255) - 0.1307) / 0.3081
    return torch.tensor(images, dtype=torch.float32), torch.tensor(read("labels-idx1", 8), dtype=torch.int64)


@pytest.fixture(scope="module")
def train() -> tuple[torch.Tensor, torch.Tensor]:
    torch.set_num_threads(1)
    return load("train")


@pytest.fixture(scope="module")
def state(train):
    """Gradients of all 60,000 images after five epochs on one random tenth."""
    trained = train_on_coresets(lenet(0), *train, lambda _: random_subset(60_000, 6000), n_epochs=5)
    return last_layer_gradients(trained.model, *train), train[1].numpy()


def test_matching_errors_of_a_tenth(state):
    gradients, labels = state

    def error(coreset: Coreset) -> float:
        assert len(coreset) <= 6000
        return matching_error(gradients, coreset, scaled=True)

    match = error(per_class(partial(grad_match, ridge=0.0), gradients, 6000, labels=labels))
    near = error(per_class(craig, gradients, 6000, labels=labels))
    random = np.median([error(random_subset(60_000, 6000, rng=np.random.default_rng(seed))) for seed in range(5)])
    # Over networks from eight seeds .0021 to .0036, .0102 to .0184 and .43 to .74; .0052 for the first on another processor.
    assert match <= 0.01
    assert near <= 0.05
    assert 0.2 <= random <= 1.2
    assert match < near < random / 5
    assert error(per_class(grad_match, gradients, 6000, labels=labels)) <= 0.06
    assert error(per_batch(partial(grad_match, ridge=0.0), gradients, 6000)) <= 0.03


def test_pursuit_on_one_class_uses_the_support_it_is_given(state):
    gradients, labels = state
    threes = gradients.take(np.flatnonzero(labels == 3))
    target = threes.combine(np.ones(threes.n))
    errors = []
    for k in (50, 100, 150, 200):
        coreset = pursue(threes, target, k, 0.0, 0.0)
        assert len(coreset) == k
        errors.append(matching_error(threes, coreset))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01  # .0016 to .0029 over networks from eight seeds


def test_accuracy_after_twenty_epochs_on_a_tenth_of_ten_thousand(train):
    inputs, labels = train[0][:10_000], train[1][:10_000]
    test_inputs, test_labels = load("t10k")

    def accuracy(name: str, seed: int) -> float:
        rng = np.random.default_rng(seed)

        def select(model: torch.nn.Module) -> Coreset:
            if name == "random":
                return random_subset(10_000, 1000, rng=rng)
            gradients = last_layer_gradients(model, inputs, labels)
            return per_class({"grad-match": grad_match, "craig": craig}[name], gradients, 1000, labels=labels.numpy())

        trained = train_on_coresets(lenet(seed), inputs, labels, select, n_epochs=20, rng=seed)
        with torch.inference_mode():
            return float((trained.model(test_inputs).argmax(1) == test_labels).float().mean())

    for seed in (0, 2):  # on 2, CRAIG's heaviest points once broke the training
        match, random = accuracy("grad-match", seed), accuracy("random", seed)
        assert match >= 0.965
        assert match >= random + 0.012
        assert accuracy("craig", seed) >= 0.945


def peak_of(work: Callable[[], object]) -> int:
    """Return how far the resident memory rises above its level before, in bytes."""

    def resident(field: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))

    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    except OSError:
        pytest.skip("this system does not let a process reset its peak memory")
    before = resident("VmRSS")
    work()
    return resident("VmHWM") - before


@pytest.mark.parametrize("select", [partial(grad_match, ridge=0.0), craig], ids=["grad-match", "craig"])
def test_peak_memory_of_a_selection_does_not_grow_with_the_network(train, select):
    inputs, labels = train

    def model(width: int) -> torch.nn.Module:
        return torch.nn.Sequential(
            torch.nn.MaxPool2d(2),
            torch.nn.Flatten(),
            *(torch.nn.Linear(196, width), torch.nn.ReLU()),
            *(torch.nn.Linear(width, 84), torch.nn.ReLU()),
            torch.nn.Linear(84, 10),
        )

    def selection(network: torch.nn.Module) -> None:
        per_class(select, last_layer_gradients(network, inputs, labels), 6000, labels=labels.numpy())

    selection(model(8))  # compiles, and fills the allocator's caches
    narrow, wide = (peak_of(partial(selection, model(width))) for width in (100, 10_000))  # 29,000 and 2.8 million parameters
    assert narrow <= 1.2e9
    assert wide <= 1.2e9
    assert wide <= narrow + 1e8


def test_full_coreset_matches_everything(state):
    assert matching_error(state[0], full(60_000)) < 1e-4
