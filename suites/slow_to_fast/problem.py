"""The thesis's planes, weight vectors for the geometric condition, and pictures: what a problem holds, and what makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optathlon import data
from optathlon.baselines.slow_to_fast import plane_grid, random_start, two_planes

if TYPE_CHECKING:
    from torch import Tensor, nn

Make = Callable[[np.random.Generator, str], Any]


@dataclass(frozen=True)
class Planes:
    """Points in planes, and a batch of starts.

    Attributes
    ----------
    X : ndarray, shape (n, d)
        Points: one plane alone in its own coordinates (d = 2), or two planes (d = 4).
    y : ndarray, shape (n,)
        Labels, +1 or -1.
    starts : ndarray, shape (n_runs, n_neurons, d)
        Standard normal weights; the half-space start folds them.
    max_steps : int
        Steps after which a run is given up.
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    starts: NDArray[np.float64]
    max_steps: int


@dataclass(frozen=True)
class Vectors:
    """Sets of weight vectors whose geometric condition is asked.

    Attributes
    ----------
    sets : ndarray, shape (n_sets, k, d)
        Standard normal vectors; with `patterns`, a single set.
    patterns : bool
        Whether all choices of signs of the set are counted.
    """

    sets: NDArray[np.float64]
    patterns: bool


@dataclass(frozen=True)
class Pictures:
    """Pictures to classify, and the network's start.

    Attributes
    ----------
    X, y : Tensor, shapes (n, 1, size, size) and (n,)
        Normalised images and classes.
    model : torch.nn.Module
        The start.
    n_steps, batch_size : int
        Of plain stochastic gradient descent at rate 0.01.
    """

    X: Tensor
    y: Tensor
    model: nn.Module
    n_steps: int
    batch_size: int


def plane(n_neurons: int, n_runs: int, *, max_steps: int = 20_000) -> Make:
    """Return the generator of starts on the thesis's one plane (Table 2.1)."""

    def make(rng: np.random.Generator, device: str) -> Planes:
        X = plane_grid()
        return Planes(X, np.ones(len(X)), random_start(n_neurons, n_runs, rng=rng), max_steps)

    return make


def tilted(angle: float, n_runs: int, *, noise: float = 0.0, max_steps: int = 6000) -> Make:
    """Return the generator of starts of eight neurons on two planes with an angle between them (Fig. 2.3)."""

    def make(rng: np.random.Generator, device: str) -> Planes:
        X, y = two_planes(angle, noise=noise, rng=rng)
        return Planes(X, y, random_start(8, n_runs, dimension=4, rng=rng), max_steps)

    return make


def vectors(k: int, d: int, n_sets: int, *, patterns: bool = False) -> Make:
    """Return the generator of sets of k normal vectors in d dimensions."""

    def make(rng: np.random.Generator, device: str) -> Vectors:
        return Vectors(rng.standard_normal((n_sets, k, d)), patterns)

    return make


def digits(n_train: int, n_steps: int, batch_size: int) -> Make:
    """Return the generator of scikit-learn's digits, each pixel doubled, for the same network."""

    def make(rng: np.random.Generator, device: str) -> Pictures:
        arrays = data.load("digits")
        order = rng.permutation(len(arrays["y"]))[:n_train]
        images = np.kron(arrays["X"][order].reshape(-1, 1, 8, 8) / 16 - 0.3, np.ones((2, 2)))
        return _pictures(images, arrays["y"][order], n_steps, batch_size, rng, device)

    return make


def mnist(n_steps: int, batch_size: int = 1000) -> Make:
    """Return the generator of the thesis's LeNet on MNIST; the seed draws network and order."""

    def make(rng: np.random.Generator, device: str) -> Pictures:
        arrays = data.load("mnist")
        images = (arrays["train_images"].reshape(-1, 1, 28, 28).astype(np.float32) / 255 - 0.1307) / 0.3081
        return _pictures(images, arrays["train_labels"], n_steps, batch_size, rng, device)

    return make


def _pictures(
    images: NDArray[Any], labels: NDArray[Any], n_steps: int, batch_size: int, rng: np.random.Generator, device: str
) -> Pictures:
    import torch

    from optathlon.baselines.slow_to_fast import simplified_lenet

    model = simplified_lenet(size=images.shape[-1], seed=int(rng.integers(2**31))).to(device)
    X, y = torch.from_numpy(images.astype(np.float32)), torch.from_numpy(labels.astype(np.int64))
    return Pictures(X.to(device), y.to(device), model, n_steps, batch_size)
