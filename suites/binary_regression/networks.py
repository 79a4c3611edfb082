"""Table II and Fig. 4: networks with weights in {-1, +1} on MNIST, and on scikit-learn's digits in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optathlon import data
from optathlon.spec import Context, Diverged, Method, Metric, Scale, Workload

if TYPE_CHECKING:
    from torch import nn

SOURCE = "Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, Section V-D"

# How often along a run the weights are looked at, for Fig. 4.
_LOOKS = 50


# The problem


@dataclass(frozen=True)
class Classification:
    """Images to classify, and the network that is to do it.

    Attributes
    ----------
    X_train, X_test : ndarray of float32, shape (n_samples, 1, height, width)
        Images, standardised by the mean and standard deviation of all training pixels.
    y_train, y_test : ndarray of int64, shape (n_samples,)
        Classes, 0 to 9.
    architecture : str
        ``"linear"``, ``"hidden-layer"`` or ``"convolutional"``.
    n_epochs, batch_size : int
        The budget, the same for every method.
    """

    X_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    X_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    architecture: str
    n_epochs: int
    batch_size: int


@dataclass(frozen=True)
class NetworkAnswer:
    """A trained network.

    Attributes
    ----------
    module : torch.nn.Module
        The network, its weights exactly -1 or +1 (but for the real-valued reference).
    shares : ndarray, shape (n_looks, 1 + n_tensors)
        Along the run: the share of the run gone, and for each weight tensor the share of its entries within 0.1 of -1 or +1.
    """

    module: nn.Module
    shares: NDArray[np.float64]


def digits(
    architecture: str, n_epochs: int, n_train: int = 1257, n_test: int = 540
) -> Callable[[np.random.Generator, str], Classification]:
    """Return the maker of a problem from scikit-learn's digits, split at random."""

    def make(rng: np.random.Generator, device: str) -> Classification:
        arrays = data.load("digits")
        order = rng.permutation(len(arrays["y"]))
        train, test = order[:n_train], order[len(order) - n_test :]
        images, labels = arrays["X"].reshape(-1, 8, 8), arrays["y"]
        return _standardised(images[train], labels[train], images[test], labels[test], architecture, n_epochs, batch_size=32)

    return make


def mnist(architecture: str, n_epochs: int, n_train: int = 60_000) -> Callable[[np.random.Generator, str], Classification]:
    """Return the maker of a problem from MNIST's own split, or from a random part of the training images."""

    def make(rng: np.random.Generator, device: str) -> Classification:
        arrays = data.load("mnist")
        images, labels = arrays["train_images"], arrays["train_labels"]
        rows = np.sort(rng.permutation(len(labels))[:n_train])
        return _standardised(
            images[rows], labels[rows], arrays["test_images"], arrays["test_labels"], architecture, n_epochs, batch_size=128
        )

    return make


def _standardised(
    X_train: NDArray,
    y_train: NDArray,
    X_test: NDArray,
    y_test: NDArray,
    architecture: str,
    n_epochs: int,
    batch_size: int,
) -> Classification:
    mean, deviation = X_train.mean(), X_train.std()
    X_train, X_test = (((X - mean) / deviation).astype(np.float32)[:, None] for X in (X_train, X_test))
    return Classification(X_train, y_train, X_test, y_test, architecture, n_epochs, batch_size)


_DIGITS = {"data": ("digits",), "budget": 60.0}
_MNIST = {"data": ("mnist",), "budget": 300.0}
TABLE_METHODS = ("network-real", "network-straight-through", "network-bop", "network-maximin")

NETWORK_WORKLOADS = (
    Workload(
        name="digits-smoke",
        metric="test-error",
        make=digits("hidden-layer", n_epochs=2, n_train=128, n_test=64),
        scale=Scale.SMOKE,
        seeds=1,
        methods=("network-*",),
        description="hidden layer of 128, 128 of scikit-learn's digits, 2 epochs",
        **_DIGITS,
    ),
    Workload(
        name="digits-linear",
        metric="test-error",
        make=digits("linear", n_epochs=20),
        scale=Scale.SMALL,
        seeds=5,
        methods=TABLE_METHODS[1:],
        description="linear classifier of scikit-learn's digits, in the place of Table II, column 1",
        **_DIGITS,
    ),
    Workload(
        name="digits-hidden-layer",
        metric="test-error",
        make=digits("hidden-layer", n_epochs=20),
        scale=Scale.MEDIUM,
        seeds=5,
        methods=TABLE_METHODS,
        description="one hidden layer of 128 on scikit-learn's digits, in the place of Table II, column 2",
        **_DIGITS,
    ),
    Workload(
        name="mnist-convolutional-20000",
        metric="test-error",
        make=mnist("convolutional", n_epochs=3, n_train=20_000),
        scale=Scale.MEDIUM,
        seeds=2,
        methods=TABLE_METHODS,
        description="the CNN of Table II, column 3, and Fig. 4, on 20,000 images, 3 epochs",
        **_MNIST,
    ),
    Workload(
        name="mnist-linear",
        metric="test-error",
        make=mnist("linear", n_epochs=8),
        scale=Scale.PAPER,
        seeds=5,
        methods=("network-*",),
        description="linear classifier of MNIST, 8 epochs (Table II, column 1)",
        **_MNIST,
    ),
    Workload(
        name="mnist-hidden-layer",
        metric="test-error",
        make=mnist("hidden-layer", n_epochs=10),
        scale=Scale.PAPER,
        seeds=3,
        methods=TABLE_METHODS,
        description="one hidden layer of 128 on MNIST, 10 epochs (Table II, column 2)",
        **_MNIST,
    ),
    Workload(
        name="mnist-convolutional",
        metric="test-error",
        make=mnist("convolutional", n_epochs=10),
        scale=Scale.PAPER,
        seeds=3,
        methods=TABLE_METHODS,
        description="32C3-MP2-64C3-MP2-128C3-3x128FC on MNIST, 10 epochs (Table II, column 3, and Fig. 4)",
        data=("mnist",),
        budget=3600.0,
    ),
)


# The methods


def _network(problem: Classification, rng: np.random.Generator, device: str) -> nn.Module:
    """Return the network of the problem with its first weights."""
    from optathlon.baselines.binary_regression import convolutional_network, hidden_layer_network, linear_network

    size = problem.X_train.shape[-1]
    if problem.architecture == "convolutional":
        return convolutional_network(size, 10, rng=rng).to(device)
    build = {"linear": linear_network, "hidden-layer": hidden_layer_network}[problem.architecture]
    return build(size * size, 10, rng=rng).to(device)


def run_network(problem: Classification, context: Context, method: str, settle: float = 0.1, **options: float) -> NetworkAnswer:
    """Train the problem's network by the named method; observe it, rounded, at the end of every epoch."""
    from optathlon.baselines.binary_regression import binary_copy, binary_shares, train_network

    steps_per_epoch = max(1, len(problem.y_train) // problem.batch_size)
    n_steps = problem.n_epochs * steps_per_epoch
    looks: list[list[float]] = []

    def watch(step: int, module: nn.Module) -> None:
        if step % max(1, n_steps // _LOOKS) == 0:
            looks.append([step / n_steps, *binary_shares(module).values()])
        if step % steps_per_epoch == 0 and step < n_steps and method != "real":
            context.observe(step, NetworkAnswer(binary_copy(module, problem.X_train[:2000]), np.array(looks)))

    trained = train_network(
        _network(problem, context.rng, context.device),
        problem.X_train,
        problem.y_train,
        method=method,
        n_epochs=problem.n_epochs,
        batch_size=problem.batch_size,
        settle=settle,
        rng=context.rng,
        callback=watch,
        options=options,
    )
    if trained.diverged_at is not None:
        raise Diverged(f"the loss is no longer finite at step {trained.diverged_at}")
    return NetworkAnswer(trained.module, np.array(looks))


def warm_up() -> None:
    """Let torch import what its optimisers load at first use."""
    from optathlon.baselines.binary_regression import linear_network, train_network

    train_network(linear_network(2, 2), np.eye(2), np.arange(2), n_epochs=1)


_SETTLED = {"settle": 0.1}
_network_method = partial(Method, devices=("cpu", "cuda"), warm_up=warm_up)

NETWORK_METHODS = (
    _network_method(
        name="network-real",
        run=run_network,
        settings={"method": "real", "lr": 3e-3, "final_lr": 1e-4},
        reference=f"{SOURCE} (real valued)",
    ),
    _network_method(
        name="network-straight-through",
        run=run_network,
        settings={"method": "straight-through", "lr": 1e-2, "final_lr": 1e-4, "spread": 0.1, **_SETTLED},
        reference=f"{SOURCE} (STE), step size tuned and falling",
    ),
    _network_method(
        name="network-straight-through-constant",
        run=run_network,
        settings={"method": "straight-through", "lr": 1e-2, "final_lr": 1e-2, "spread": 0.1, "settle": 0.0},
        reference=f"{SOURCE} (STE), step size constant",
    ),
    _network_method(
        name="network-bop",
        run=run_network,
        settings={"method": "bop", "lr": 1e-2, "final_lr": 1e-4, "threshold": 1e-6, **_SETTLED},
        reference="Helwegen et al., Latent Weights Do Not Exist, 2019, Algorithm 1, rate tuned and falling",
    ),
    _network_method(
        name="network-bop-constant",
        run=run_network,
        settings={"method": "bop", "lr": 1e-3, "final_lr": 1e-3, "threshold": 1e-5, "settle": 0.0},
        reference="Helwegen et al., Latent Weights Do Not Exist, 2019, Algorithm 1, rate constant",
    ),
    _network_method(
        name="network-maximin",
        run=run_network,
        settings={"method": "maximin", "lr": 0.1, "final_lr": 0.01, "dual": 300.0, "dual_growth": 1e4, "bound": 1.0, **_SETTLED},
        reference=f"{SOURCE}, eq. 16",
    ),
    _network_method(
        name="network-maximin-wide",
        run=run_network,
        settings={"method": "maximin", "lr": 0.1, "final_lr": 0.01, "dual": 300.0, "dual_growth": 1e4, "bound": 2.0, **_SETTLED},
        reference=f"{SOURCE}, eq. 16, weights in [-2, 2]",
    ),
    _network_method(
        name="network-no-dual",
        run=run_network,
        settings={"method": "maximin", "lr": 0.1, "final_lr": 0.01, "dual": 0.0, "bound": 1.0, **_SETTLED},
        reference="ablation: MAXIMIN without its dual",
    ),
    _network_method(
        name="network-no-dual-rounded",
        run=run_network,
        settings={"method": "maximin", "lr": 0.1, "final_lr": 0.01, "dual": 0.0, "bound": 1.0, "settle": 0.0},
        reference="ablation: MAXIMIN without its dual, only rounded at the end",
    ),
)


# The metrics


def test_error(problem: Classification, answer: NetworkAnswer) -> float:
    """Return the share of test images that are classified wrongly; NaN for other problems."""
    if not isinstance(problem, Classification):
        return float("nan")
    from optathlon.baselines.binary_regression import predict_classes

    return float(np.mean(predict_classes(answer.module, problem.X_test) != problem.y_test))


def layer_share(problem: Classification, answer: NetworkAnswer) -> float:
    """Return the share of weights within 0.1 of -1 or +1 in the least binary tensor, just before the weights are rounded."""
    if not isinstance(problem, Classification):
        return float("nan")
    return float(_unrounded(answer)[-1, 1:].min())


def layer_time(problem: Classification, answer: NetworkAnswer) -> float:
    """Return the share of the run after which nine tenths of the weights of every tensor are binary; NaN where it never is."""
    return float(np.max(_crossings(problem, answer)))


def layer_lag(problem: Classification, answer: NetworkAnswer) -> float:
    """Return the share of the run between the first and the last tensor of which nine tenths are binary."""
    return float(np.ptp(_crossings(problem, answer)))


def _unrounded(answer: NetworkAnswer, settle: float = 0.1) -> NDArray[np.float64]:
    """Return the looks before the weights were fixed at their signs."""
    return answer.shares[answer.shares[:, 0] < 1 - settle]


def _crossings(problem: Classification, answer: NetworkAnswer, level: float = 0.9) -> NDArray[np.float64]:
    """Return, for each weight tensor, the share of the run after which `level` of its weights are binary, or NaN.

    It does not apply to methods whose weights are binary from the first step on.
    """
    if not isinstance(problem, Classification) or np.all(answer.shares[0, 1:] == 1):
        return np.array([np.nan])
    looks = _unrounded(answer)
    reached = looks[:, 1:] >= level
    return np.where(reached.any(axis=0), looks[reached.argmax(axis=0), 0], np.nan)


NETWORK_METRICS = (
    Metric(name="test-error", unit="fraction", better="lower", evaluate=test_error),
    Metric(name="layer-share", unit="fraction", better="higher", evaluate=layer_share),
    Metric(name="layer-time", unit="share of the run", better="lower", evaluate=layer_time),
    Metric(name="layer-lag", unit="share of the run", better="lower", evaluate=layer_lag),
)
