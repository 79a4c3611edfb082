"""Teachers, vectors to project and pictures to classify: what a problem holds, and what makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from optathlon import data

if TYPE_CHECKING:
    from torch import Tensor, nn

Make = Callable[[np.random.Generator, str], Any]
Network = Literal["perceptron", "lenet5", "vgg11", "resnet20"]


@dataclass(frozen=True)
class Teachers:
    """The teacher problem, many times over.

    Attributes
    ----------
    w_star, start : ndarray, shape (n_runs, n)
        Teachers, and the first real-valued weights.
    n_steps, n_recorded : int
        Steps, and how many of the last ones are recorded.
    eta : float
        Step size.
    v_norms : ndarray, shape (n_runs,)
        Norm of the second layer of each run.
    """

    w_star: NDArray[np.float64]
    start: NDArray[np.float64]
    n_steps: int
    n_recorded: int
    eta: float
    v_norms: NDArray[np.float64]


@dataclass(frozen=True)
class Vector:
    """Numbers to project on quantised ones; y has shape (n,)."""

    y: NDArray[np.float32]


@dataclass(frozen=True)
class Schedule:
    """How a network is trained, whatever quantises it: epochs, rate, its schedule, pictures shifted, and recorded last steps."""

    n_epochs: int
    learning_rate: float = 0.1
    schedule: str = "cosine"
    augment: bool = False
    n_recorded: int = 200


@dataclass(frozen=True)
class Classification:
    """Pictures to classify, and two networks of the same first weights: with real and with quantised activations.

    Attributes
    ----------
    X, y, X_test, y_test : Tensor
        Normalised pixels and classes.
    model, quantised_model : torch.nn.Module
        The starts, with ReLU and with activations of 4 bits.
    schedule : Schedule
        How they are trained.
    """

    X: Tensor
    y: Tensor
    X_test: Tensor
    y_test: Tensor
    model: nn.Module
    quantised_model: nn.Module
    schedule: Schedule


def teachers(n: int, n_runs: int, n_steps: int) -> Make:
    """Return the generator of normal teachers and starts, with steps in which y moves by w* - w / |w|."""

    def make(rng: np.random.Generator, device: str) -> Teachers:
        w_star, start = rng.standard_normal((2, n_runs, n))
        return Teachers(w_star, start, n_steps, 100, 2 * np.sqrt(2 * np.pi), np.ones(n_runs))

    return make


def figure_teachers(n_runs: int) -> Make:
    """Return the generator of Fig. 4.3's problems: m = 4, n = 8, all normal, 200 steps at rate 0.1."""

    def make(rng: np.random.Generator, device: str) -> Teachers:
        w_star, start = rng.standard_normal((2, n_runs, 8))
        return Teachers(w_star, start, 200, 100, 0.1, np.linalg.norm(rng.standard_normal((n_runs, 4)), axis=1))

    return make


def example(n_runs: int, n_steps: int, *, free: bool = False) -> Make:
    """Return the generator of Example 4.1's starts, or of normal starts of the same teacher."""

    def make(rng: np.random.Generator, device: str) -> Teachers:
        from optathlon.baselines.quantized_training import example_start

        w_star, start, eta = example_start(n_runs, rng=rng)
        if free:
            start = rng.standard_normal((n_runs, 4))
        return Teachers(np.tile(w_star, (n_runs, 1)), start, n_steps, n_steps, eta, np.ones(n_runs))

    return make


def vector(kind: str, n: int) -> Make:
    """Return the generator of n numbers: normal, Laplace, or Student's t with 3 degrees of freedom."""

    def make(rng: np.random.Generator, device: str) -> Vector:
        draw = {"normal": rng.standard_normal, "laplace": lambda n: rng.laplace(size=n), "t3": lambda n: rng.standard_t(3, n)}
        return Vector(draw[kind](n).astype(np.float32))

    return make


def digits(n_train: int, n_test: int, schedule: Schedule) -> Make:
    """Return the generator of random splits of scikit-learn's digits, for a perceptron of two hidden layers of 128."""

    def make(rng: np.random.Generator, device: str) -> Classification:
        arrays = data.load("digits")
        order = rng.permutation(len(arrays["y"]))[: n_train + n_test]
        images, labels = (arrays["X"][order].astype(np.float32) / 16 - 0.3) / 0.38, arrays["y"][order]
        parts = (images[:n_train], labels[:n_train], images[n_train:], labels[n_train:])
        return _classification(parts, "perceptron", 1.0, "relu", schedule, rng, device)

    return make


def pictures(
    name: str, network: Network, n_train: int, schedule: Schedule, *, width: float = 1.0, estimator: str = "relu"
) -> Make:
    """Return the generator of the first images of MNIST or CIFAR-10, or of its subset; the seed draws network and order.

    The estimator is that of the activations of 4 bits.
    """

    def make(rng: np.random.Generator, device: str) -> Classification:
        arrays = data.load(name)

        def normalised(images: NDArray[np.uint8]) -> NDArray[np.float32]:
            pixels = images.reshape(*images.shape[:3], -1).transpose(0, 3, 1, 2).astype(np.float32) / 255
            mean, deviation = (0.1307, 0.3081) if name == "mnist" else (0.47, 0.25)
            return ((pixels - mean) / deviation).astype(np.float32)

        parts = (
            normalised(arrays["train_images"][:n_train]),
            arrays["train_labels"][:n_train],
            normalised(arrays["test_images"]),
            arrays["test_labels"],
        )
        return _classification(parts, network, width, estimator, schedule, rng, device)

    return make


def _classification(
    parts: tuple[NDArray[Any], ...],
    network: Network,
    width: float,
    estimator: str,
    schedule: Schedule,
    rng: np.random.Generator,
    device: str,
) -> Classification:
    import torch

    from optathlon.baselines import coarse_gradients

    X, y, X_test, y_test = (torch.from_numpy(np.ascontiguousarray(part)).to(device) for part in parts)
    seed = int(rng.integers(2**31))

    def start(activation: Callable[[], nn.Module]) -> nn.Module:
        if network == "perceptron":
            return coarse_gradients.perceptron((X.shape[1], 128, 128, 10), activation, seed=seed).to(device)
        return getattr(coarse_gradients, network)(activation, width=width, seed=seed).to(device)

    return Classification(
        X, y.long(), X_test, y_test.long(),
        start(torch.nn.ReLU), start(lambda: coarse_gradients.QuantizedReLU(4, estimator)), schedule,
    )  # fmt: skip
