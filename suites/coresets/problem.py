"""Image classification on real pictures: what a problem holds, and what makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from optathlon import data

if TYPE_CHECKING:
    from torch import Tensor, nn

Make = Callable[[np.random.Generator, str], "Classification"]

# Mean and standard deviation of the training pixels, per channel.
_PIXELS = {
    "mnist": ((0.1307,), (0.3081,)),
    "fashion_mnist": ((0.2860,), (0.3530,)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar10_subset": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
}


@dataclass(frozen=True)
class Schedule:
    """How a model is trained, whatever selects.

    Attributes
    ----------
    epochs, reselect_every, warm_start : int
        Passes over the subset, epochs between selections, and passes over everything for the methods that start warm.
    fraction : float
        Share of the samples in a coreset.
    batch_size, learning_rate
        Of stochastic gradient descent with Nesterov momentum 0.9, weight decay 5e-4 and a cosine schedule.
    observe_every : int
        Epochs between points of the trace.
    norms : bool
        Whether the norms of all layers' gradients are compared with those of the last layer's.
    passes : float, optional
        Compute for every strategy, in passes over all the data: each gets the epochs that fill it, and a schedule of its own.
    selection_passes : mapping of str to float
        What one selection costs, in such passes.
    """

    epochs: int = 40
    reselect_every: int = 5
    warm_start: int = 4
    fraction: float = 0.1
    batch_size: int = 20
    learning_rate: float = 0.01
    observe_every: int = 1
    norms: bool = False
    passes: float | None = None
    selection_passes: Mapping[str, float] = field(default_factory=dict)

    def epochs_for(self, selector: str = "", *, share: float | None = None, warm_start: int = 0) -> int:
        """Return the epochs for a strategy: those of the schedule, or as many as fill the passes with its selections.

        Parameters
        ----------
        selector : str
            Key of `selection_passes`; without one, the strategy selects at no cost.
        share : float, optional
            Share of the data in an epoch; that of a coreset by default.
        warm_start : int
            Epochs on all data before the first selection.
        """
        if self.passes is None:
            return self.epochs
        share, cost = self.fraction if share is None else share, self.selection_passes[selector] if selector else 0.0
        left, epochs = self.passes - warm_start, warm_start
        while True:
            block = min(self.reselect_every, int((left - cost) / share + 1e-9))
            if block <= 0:
                return max(1, epochs)
            left, epochs = left - cost - block * share, epochs + block


@dataclass(frozen=True)
class Classification:
    """Pictures to classify, and a network to start from.

    Attributes
    ----------
    inputs, test_inputs : Tensor, shapes (n, channels, height, width) and (m, ...)
        Normalised pixels.
    labels, test_labels : Tensor of int64, shapes (n,) and (m,)
        Classes.
    model : torch.nn.Module
        The network at its start, the same for every method.
    schedule : Schedule
        How it is trained.
    """

    inputs: Tensor
    labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor
    model: nn.Module
    schedule: Schedule

    @property
    def k(self) -> int:
        """Size of a coreset."""
        return max(1, int(self.schedule.fraction * len(self.labels)))


def digits(n_train: int, n_test: int, schedule: Schedule) -> Make:
    """Return the generator of random splits of scikit-learn's 1,797 digits of 8 x 8, for the small LeNet."""

    def make(rng: np.random.Generator, device: str) -> Classification:
        from optathlon.baselines.coresets import small_lenet

        arrays = data.load("digits")
        order = rng.permutation(len(arrays["y"]))[: n_train + n_test]
        images, labels = arrays["X"][order].reshape(-1, 8, 8) / 16 - 0.3, arrays["y"][order]
        parts = (images[:n_train], labels[:n_train]), (images[n_train:], labels[n_train:])
        return _problem(*parts, small_lenet(_seed(rng)), schedule, device)

    return make


def noisy(make: Make, share: float) -> Make:
    """Return the generator of the same with a share of the training labels drawn at random; the test labels stay true."""

    def make_noisy(rng: np.random.Generator, device: str) -> Classification:
        import torch

        problem = make(rng, device)
        labels, n = problem.labels.clone(), len(problem.labels)
        wrong = torch.from_numpy(rng.permutation(n)[: int(share * n)]).to(device)
        labels[wrong] = torch.from_numpy(rng.integers(10, size=len(wrong))).to(device)
        return replace(problem, labels=labels)

    return make_noisy


def imbalanced(make: Make, share: float) -> Make:
    """Return the generator of the same with a share of the training samples of the classes 5 to 9; the test set stays even."""

    def make_imbalanced(rng: np.random.Generator, device: str) -> Classification:
        import torch

        problem = make(rng, device)
        labels = problem.labels.cpu().numpy()
        kept = [rng.permutation(np.flatnonzero(labels == name)) for name in range(10)]
        kept = [members if name < 5 else members[: max(1, int(share * len(members)))] for name, members in enumerate(kept)]
        rows = torch.from_numpy(np.sort(np.concatenate(kept))).to(device)
        return replace(problem, inputs=problem.inputs[rows], labels=problem.labels[rows])

    return make_imbalanced


def grey_pictures(name: str, n_train: int, schedule: Schedule) -> Make:
    """Return the generator of the first `n_train` images of MNIST or Fashion-MNIST, for LeNet; the seed draws the network."""

    def make(rng: np.random.Generator, device: str) -> Classification:
        from optathlon.baselines.coresets import lenet

        return _problem(*_parts(name, n_train), lenet(_seed(rng)), schedule, device)

    return make


def colour_pictures(name: str, n_train: int, schedule: Schedule) -> Make:
    """Return the generator of the first `n_train` images of CIFAR-10, for ResNet-18; the seed draws the network."""

    def make(rng: np.random.Generator, device: str) -> Classification:
        return _problem(*_parts(name, n_train), resnet18(_seed(rng)), schedule, device)

    return make


def resnet18(seed: int) -> nn.Module:
    """Return torchvision's ResNet-18 for 32 x 32 images: first convolution 3 x 3 with stride 1, no pooling after it."""
    import torch
    from torch import nn

    from optathlon.data import import_torchvision

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = import_torchvision().models.resnet18(num_classes=10)
        model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        model.maxpool = nn.Identity()
    return model.to(memory_format=torch.channels_last)  # as a CPU likes it


def _parts(name: str, n_train: int) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return (images, labels) for training and test, normalised, channels first."""
    arrays = data.load(name)
    mean, deviation = (np.array(value, np.float32) for value in _PIXELS[name])

    def normalised(images: np.ndarray) -> np.ndarray:
        channels = images.reshape(*images.shape[:3], -1)
        return ((channels / np.float32(255) - mean) / deviation).transpose(0, 3, 1, 2)

    train = normalised(arrays["train_images"][:n_train]), arrays["train_labels"][:n_train]
    return train, (normalised(arrays["test_images"]), arrays["test_labels"])


def _problem(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    model: nn.Module,
    schedule: Schedule,
    device: str,
) -> Classification:
    import torch

    def tensors(images: np.ndarray, labels: np.ndarray) -> tuple[Tensor, Tensor]:
        images = np.ascontiguousarray(images if images.ndim == 4 else images[:, None], np.float32)
        return torch.from_numpy(images).to(device), torch.from_numpy(labels.astype(np.int64)).to(device)

    return Classification(*tensors(*train), *tensors(*test), model.to(device), schedule)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))
