"""The instances: two classes on planes, the teacher's gradient at a point, and pictures with a network to train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from optathlon import data

if TYPE_CHECKING:
    from torch import Tensor

Make = Callable[[np.random.Generator, str], Any]
Floats = NDArray[np.float64]
Network = Literal["lenet5", "vgg11", "resnet20", "perceptron"]


@dataclass(frozen=True, eq=False)
class Planes:
    """Two classes on planes of R^4, and where networks start.

    Attributes
    ----------
    X : ndarray, shape (1760, 4)
        Points.
    y : ndarray of int64, shape (1760,)
        Classes.
    bases : ndarray, shape (2, 4, 2)
        Bases of the planes.
    W : ndarray, shape (runs, 24, 4)
        Standard Gaussian starts.
    V : ndarray, shape (2, 24)
        Second layer: twelve neurons a class, votes of 1/2.
    max_steps : int
        Where a run that does not reach zero loss is stopped.
    watched : bool
        Whether each step is looked at, for Lemma 3.5.
    """

    X: Floats
    y: NDArray[np.int64]
    bases: Floats
    W: Floats
    V: Floats
    max_steps: int
    watched: bool


@dataclass(frozen=True, eq=False)
class Teacher:
    """A point, a teacher and a second layer; the right gradient and loss are known in closed form."""

    w: Floats
    w_star: Floats
    v: Floats
    n_samples: int


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How a network is trained, whatever its activation; see `optathlon.baselines.coarse_gradients.train`."""

    n_epochs: int
    learning_rate: float = 0.1
    batch_size: int = 64
    schedule: str = "cosine"
    milestones: tuple[int, ...] = ()
    augment: bool = False


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures to classify: normalised pixels (n, channels, height, width), classes, and which network learns them how."""

    X: Tensor
    y: Tensor
    X_test: Tensor
    y_test: Tensor
    network: Network
    width: float
    seed: int
    schedule: Schedule


def planes(angle: float, runs: int, *, noise: float = 0.0, max_steps: int = 6000, watched: bool = False) -> Make:
    """Return the generator of starts, and of the noise where there is some."""

    def make(rng: np.random.Generator, device: str) -> Planes:
        from optathlon.baselines.coarse_gradients import two_planes

        W = rng.standard_normal((runs, 24, 4))
        V = np.zeros((2, 24))
        V[0, :12] = V[1, 12:] = 0.5
        return Planes(*two_planes(angle, noise=noise, rng=rng), W, V, max_steps, watched)

    return make


def teacher(m: int, n: int, n_samples: int) -> Make:
    """Return the generator of a random point, teacher and second layer."""

    def make(rng: np.random.Generator, device: str) -> Teacher:
        return Teacher(rng.standard_normal(n), rng.standard_normal(n), rng.standard_normal(m), n_samples)

    return make


def digits(n_train: int, schedule: Schedule) -> Make:
    """Return the generator of random splits of scikit-learn's 1,797 digits, for a perceptron of 64-64-32-10."""

    def make(rng: np.random.Generator, device: str) -> Pictures:
        arrays = data.load("digits")
        images, labels = arrays["X"].reshape(-1, 1, 8, 8) / 16, arrays["y"]
        order = rng.permutation(len(labels))
        train, test = ((images[rows], labels[rows]) for rows in (order[:n_train], order[n_train:]))
        return _pictures(train, test, "perceptron", 1.0, schedule, rng, device)

    return make


def pictures(name: str, network: Network, schedule: Schedule, *, width: float = 1.0) -> Make:
    """Return the generator of a data set's own split; the seed draws the network."""

    def make(rng: np.random.Generator, device: str) -> Pictures:
        arrays = data.load(name)
        train, test = ((_channels_first(arrays[f"{part}_images"]), arrays[f"{part}_labels"]) for part in ("train", "test"))
        return _pictures(train, test, network, width, schedule, rng, device)

    return make


def _channels_first(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return images.reshape(*images.shape[:3], -1).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)


def _pictures(
    train: tuple[NDArray[Any], NDArray[Any]],
    test: tuple[NDArray[Any], NDArray[Any]],
    network: Network,
    width: float,
    schedule: Schedule,
    rng: np.random.Generator,
    device: str,
) -> Pictures:
    """Normalise (images, labels) by the training pixels of each channel."""
    import torch

    mean, deviation = (train[0].mean(axis=(0, 2, 3), keepdims=True), train[0].std(axis=(0, 2, 3), keepdims=True))

    def tensors(pixels: NDArray[Any], classes: NDArray[Any]) -> tuple[Tensor, Tensor]:
        normalised = torch.from_numpy(np.ascontiguousarray((pixels - mean) / deviation, np.float32))
        return (
            normalised.contiguous(memory_format=torch.channels_last).to(device),
            torch.from_numpy(classes.astype(np.int64)).to(device),
        )

    return Pictures(*tensors(*train), *tensors(*test), network, width, int(rng.integers(2**31)), schedule)
