"""Networks of least norm and deep ReLU networks (the review's section 2.4): problems, methods and workloads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optathlon.spec import Context, Method, Scale, Workload
from optathlon.suites.convex_networks.problem import Answer

Array = NDArray[np.float64]
Rng = np.random.Generator

REVIEW = "D. H. Lina and Y. Yang, Literature review for neural network training and convex optimization"
EVERY = 20  # steps between two points of a trace


def _outputs(X: Array, layers: tuple[Any, ...], relu: bool) -> Array:
    for W in layers[:-1]:
        X = np.maximum(X @ W, 0) if relu else X @ W
    return X @ layers[-1]


@dataclass(frozen=True)
class LeastNormFit:
    """``1/2 sum_l ||W_l||^2`` over networks that fit Y, layers (W_1, ..., W_L).

    Attributes
    ----------
    X, Y : ndarray
        (n_samples, n_features) and (n_samples, n_outputs).
    depth : int
        Number of layers.
    relu : bool
        Whether a ReLU follows every layer but the last.
    optimum : float
        The least: of a semidefinite program for two linear layers, of a formula otherwise.
    """

    X: Array
    Y: Array
    depth: int
    relu: bool
    optimum: float

    @property
    def scale(self) -> float:
        """The optimum."""
        return self.optimum

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return half the squared norm; infinite where the network misses the labels by more than 1e-6 of their norm."""
        missed = np.linalg.norm(_outputs(self.X, layers, self.relu) - self.Y)
        return 0.5 * sum(float((W**2).sum()) for W in layers) if missed <= 1e-6 * np.linalg.norm(self.Y) else float("inf")


@dataclass(frozen=True)
class OneHotFit:
    """``1/2 ||f(X) - Y||^2 + beta/2 sum_l ||W_l||^2``, f a deep ReLU network, ``XX' = I``, Y one-hot; layers (W_1, ..., W_L).

    Attributes
    ----------
    X, Y : ndarray
        (n_samples, n_features) and (n_samples, n_outputs).
    beta : float
        Weight decay.
    depth : int
        Number of layers.
    optimum : float
        Proved lower bound over networks of any width: the optimum for two layers, below it for more.
    """

    X: Array
    Y: Array
    beta: float
    depth: int
    optimum: float

    @property
    def scale(self) -> float:
        """The bound."""
        return self.optimum

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the training objective."""
        residual = _outputs(self.X, layers, relu=True) - self.Y
        return 0.5 * float((residual**2).sum()) + 0.5 * self.beta * sum(float((W**2).sum()) for W in layers)


def least_norm(n_samples: int, n_features: int, n_outputs: int, depth: int) -> Callable[[Rng, str], LeastNormFit]:
    """Return Gaussian data with more features than samples and Gaussian labels, for linear layers."""

    def make(rng: Rng, device: str) -> LeastNormFit:
        from optathlon.baselines.convex_networks import minimum_norm_linear

        X, Y = rng.standard_normal((n_samples, n_features)), rng.standard_normal((n_samples, n_outputs))
        optimum = _least_nuclear_norm(X, Y) if depth == 2 else minimum_norm_linear(X, Y, depth).dual_bound
        return LeastNormFit(X, Y, depth, False, optimum)

    return make


def rank_one(n_samples: int, n_features: int, depth: int) -> Callable[[Rng, str], LeastNormFit]:
    """Return ``X = c a'`` and ``Y = c v'`` with uniform c and Gaussian a and v, for ReLU layers."""

    def make(rng: Rng, device: str) -> LeastNormFit:
        c, a, v = rng.random(n_samples), rng.standard_normal(n_features), rng.standard_normal(1)
        length = abs(float(v[0])) / float(np.linalg.norm(a))
        return LeastNormFit(np.outer(c, a), np.outer(c, v), depth, True, depth / 2 * length ** (2 / depth))

    return make


def one_hot(n_classes: int, depth: int, beta: float) -> Callable[[Rng, str], OneHotFit]:
    """Return orthonormal rows in random directions of two more dimensions, one for each class."""

    def make(rng: Rng, device: str) -> OneHotFit:
        from optathlon.baselines.convex_networks import orthonormal_relu

        X = np.linalg.qr(rng.standard_normal((n_classes + 2, n_classes)))[0].T
        Y = np.eye(n_classes)
        return OneHotFit(X, Y, beta, depth, orthonormal_relu(X, Y, beta, depth).dual_bound)

    return make


def _least_nuclear_norm(X: Array, Y: Array) -> float:
    """Return the least nuclear norm of W with X W = Y, by Clarabel."""
    import cvxpy as cp

    W = cp.Variable((X.shape[1], Y.shape[1]))
    problem = cp.Problem(cp.Minimize(cp.normNuc(W)), [X @ W == Y])
    problem.solve(solver="CLARABEL", max_threads=1)  # a pool of threads does not survive a fork
    return float(problem.value)  # pyright: ignore[reportArgumentType]


def run_least_norm(problem: LeastNormFit, context: Context) -> Answer:
    """Write down the network of least norm."""
    from optathlon.baselines.convex_networks import minimum_norm_linear, rank_one_relu

    solve = rank_one_relu if problem.relu else minimum_norm_linear
    network = solve(problem.X, problem.Y, problem.depth)
    return Answer(network.weights, network.dual_bound)


def run_interpolating(problem: LeastNormFit, context: Context, **settings: Any) -> Answer:
    """Train with a small penalty, then make one layer fit."""
    from optathlon.baselines.convex_networks import fit_labels, train_deep_relu

    X, Y, relu = problem.X, problem.Y, problem.relu
    trained = train_deep_relu(X, Y, depth=problem.depth, relu=relu, rng=context.rng, **settings)
    return Answer(fit_labels(X, Y, trained.layers, relu=relu))


def run_one_path(problem: OneHotFit, context: Context, **settings: Any) -> Answer:
    """Write down one path for each class."""
    from optathlon.baselines.convex_networks import orthonormal_relu

    network = orthonormal_relu(problem.X, problem.Y, problem.beta, problem.depth, **settings)
    return Answer(network.weights, network.dual_bound)


def run_bottleneck(problem: OneHotFit, context: Context) -> Answer:
    """Write down a network with two neurons in most layers."""
    from optathlon.baselines.convex_networks import bottleneck_relu

    network = bottleneck_relu(problem.X, problem.Y, problem.beta, problem.depth)
    return Answer(network.weights, network.dual_bound)


def run_deep_descent(problem: OneHotFit, context: Context, **settings: Any) -> Answer:
    """Train a deep ReLU network by descent."""
    from optathlon.baselines.convex_networks import train_deep_relu

    def watch(step: int, layers: tuple[Array, ...]) -> None:
        if step % EVERY == 0:
            context.observe(step, Answer(layers))

    X, Y, beta, depth = problem.X, problem.Y, problem.beta, problem.depth
    return Answer(train_deep_relu(X, Y, beta, depth=depth, rng=context.rng, callback=watch, **settings).layers)


THEOREM_4 = f"{REVIEW}, Theorem 4 (T. Ergen and M. Pilanci 2020)"

DEEP_METHODS = (
    Method(
        name="least-norm",
        run=run_least_norm,
        description="closed form",
        reference=f"{REVIEW}, equations 25, 32, 34 and 36, Theorems 1 and 3",
    ),
    Method(
        name="interpolating-lbfgs",
        run=run_interpolating,
        settings={"optimizer": "lbfgs", "beta": 1e-3, "width": 8, "n_steps": 3000},
        description="trained with weight decay 1e-3, then one layer is changed so that it fits the labels",
        reference="the same objective by back-propagation",
    ),
    Method(name="one-path", run=run_one_path, description="sizes that weight decay chooses", reference=THEOREM_4),
    Method(
        name="one-path-printed",
        run=run_one_path,
        settings={"unit_layers": True},
        description="sizes as printed",
        reference=THEOREM_4,
    ),
    Method(
        name="bottleneck",
        run=run_bottleneck,
        description="an explicit network, two neurons wide but for its last hidden layer",
        reference="after A. Jacot (2023), Implicit bias of large depth networks",
    ),
    *(
        Method(
            name=f"deep-{optimizer}",
            run=run_deep_descent,
            settings={"optimizer": optimizer, "width": 20, **settings},
            reference=f"{REVIEW}, equation 37 by back-propagation",
        )
        for optimizer, settings in (("adam", {"n_steps": 3000, "step": 0.01}), ("lbfgs", {"n_steps": 3000}))
    ),
)

FITTING = ("least-norm", "interpolating-lbfgs")
PATHS = ("one-path", "one-path-printed", "deep-adam", "deep-lbfgs")


def _workload(
    name: str, make: Callable[[Rng, str], object], methods: tuple[str, ...], description: str, scale: Scale = Scale.MEDIUM
) -> Workload:
    seeds = 1 if scale is Scale.SMOKE else 3
    return Workload(name=name, make=make, scale=scale, seeds=seeds, budget=60.0, methods=methods, description=description)


DEEP_WORKLOADS = (
    _workload("smoke-least-norm", least_norm(3, 5, 2, 2), FITTING, "three samples in five dimensions, two outputs", Scale.SMOKE),
    _workload("smoke-one-hot", one_hot(3, 3, 0.01), (*PATHS, "bottleneck"), "three classes, three layers", Scale.SMOKE),
    *(
        _workload(
            f"least-norm-5x8-depth{depth}",
            least_norm(5, 8, 3, depth),
            FITTING,
            f"5 samples, 8 features, 3 outputs, {depth} linear layers",
        )
        for depth in (2, 3)
    ),
    _workload("least-norm-rank1-depth3", rank_one(8, 5, 3), FITTING, "8 samples on a ray of 5 dimensions, 3 ReLU layers"),
    *(
        _workload(
            f"one-hot-10-depth{depth}",
            one_hot(10, depth, 0.01),
            (*PATHS, "bottleneck") if depth > 2 else PATHS,
            f"10 classes of one sample, orthonormal rows, {depth} ReLU layers, beta 0.01; the bound is met by two layers only",
        )
        for depth in (2, 3, 8)
    ),
)
