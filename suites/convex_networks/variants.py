"""Other losses and layers, the regularisation path, and counts of patterns: problems, methods and workloads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optathlon.spec import Context, Method, Scale, Workload
from optathlon.suites.convex_networks.problem import Answer, ReluFit, Samples

Array = NDArray[np.float64]
Rng = np.random.Generator

SLIDES = "M. Pilanci, Convex optimization for neural networks (slides)"
EVERY = 20  # steps between two points of a trace


@dataclass(frozen=True)
class ClassifierFit(ReluFit):
    """``sum_i l(y_i f(x_i)) + beta/2 (||W1||^2 + ||w2||^2)``, layers (W1, w2); l is the logistic loss or the hinge."""

    loss: str

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the training objective."""
        from optathlon.baselines.convex_networks import classification_objective

        W1, w2 = layers
        return classification_objective(self.samples.X, self.samples.y, self.beta, W1, w2, loss=self.loss)


@dataclass(frozen=True)
class BatchNormFit:
    """``1/2 ||f(X) - y||^2 + beta/2 (||gamma||^2 + ||alpha||^2 + ||w2||^2)``, layers (W1, gamma, alpha, w2).

    Attributes
    ----------
    X, y : ndarray
        (n_samples, n_features) and (n_samples,).
    beta : float
        Decay of gamma, alpha and w2.
    optimum : float
        Certified lower bound over networks of any width.
    """

    X: Array
    y: Array
    beta: float
    optimum: float

    @property
    def scale(self) -> float:
        """The optimum."""
        return self.optimum

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the training objective, normalised by the training data."""
        W1, gamma, alpha, w2 = layers
        raw = (self.X - self.X.mean(axis=0)) @ W1
        normal = raw / np.linalg.norm(raw, axis=0)
        residual = np.maximum(normal * gamma + alpha / np.sqrt(len(self.y)), 0) @ w2 - self.y
        decay = sum(float(part @ part) for part in (gamma, alpha, w2))
        return 0.5 * float(residual @ residual) + 0.5 * self.beta * decay


@dataclass(frozen=True)
class ConvolutionFit:
    """``1/2 ||f - y||^2 + beta/2 (||W1||^2 + ||w2||^2)``, ``f(x) = sum_j w2_j sum_k (x_k'w_j)_+``, layers (W1, w2).

    Attributes
    ----------
    patches, y : ndarray
        (n_samples, n_patches, patch_size) and (n_samples,).
    beta : float
        Weight decay.
    optimum : float
        Certified lower bound over networks of any number of filters.
    """

    patches: Array
    y: Array
    beta: float
    optimum: float

    @property
    def scale(self) -> float:
        """The optimum."""
        return self.optimum

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return the training objective."""
        W1, w2 = layers
        residual = np.maximum(self.patches @ W1, 0).sum(axis=1) @ w2 - self.y
        return 0.5 * float(residual @ residual) + 0.5 * self.beta * float((W1**2).sum() + (w2**2).sum())


@dataclass(frozen=True)
class Arrangement:
    """Data whose activation patterns are counted, against Cover's number.

    Attributes
    ----------
    X : ndarray, (n_samples, n_features)
        The data.
    """

    X: Array

    scale = 1.0
    optimum = 0.0

    def covers(self) -> int:
        """Return ``2 sum_{k<r} C(n - 1, k)`` for rank r: Cover's number for rows in general position."""
        n, rank = len(self.X), int(np.linalg.matrix_rank(self.X))
        return 2 * sum(comb(n - 1, k) for k in range(rank))

    def objective(self, layers: tuple[Any, ...]) -> float:
        """Return how far the number of patterns is below Cover's, as a share of it; -1 where a pattern is listed twice."""
        (patterns,) = layers
        distinct = np.unique(patterns, axis=1).shape[1]
        return 1 - distinct / self.covers() if distinct == patterns.shape[1] else -1.0


def _exact(
    X: Array, y: Array, beta: float, loss: str, patterns: NDArray[np.int8], complete: bool, test: Samples | None
) -> object:
    from optathlon.baselines.convex_networks import relu_classification_program

    samples = test or Samples(X, y, np.empty((0, X.shape[1])), np.empty(0), classes=True)
    bound = relu_classification_program(X, y, beta, loss=loss, patterns=patterns, tol=1e-6).dual_bound
    return ClassifierFit(samples, beta, patterns, complete, bound, loss)


def classifier_toy(n_samples: int, beta: float, loss: str) -> Callable[[Rng, str], object]:
    """Return Gaussian samples in the plane with random labels, every arrangement enumerated."""

    def make(rng: Rng, device: str) -> object:
        from optathlon.baselines.convex_networks import enumerate_patterns

        X, y = rng.standard_normal((n_samples, 2)), rng.choice([-1.0, 1.0], n_samples)
        return _exact(X, y, beta, loss, enumerate_patterns(X), True, None)

    return make


def breast_cancer(n_train: int, beta: float, n_patterns: int, loss: str) -> Callable[[Rng, str], object]:
    """Return the tumours of `instances.breast_cancer` with a loss for classes."""

    def make(rng: Rng, device: str) -> object:
        from optathlon.suites.convex_networks import instances

        fit = instances.breast_cancer(n_train, 1.0, n_patterns)(rng, device)
        assert isinstance(fit, ReluFit)
        return _exact(fit.samples.X, fit.samples.y, beta, loss, fit.patterns, False, fit.samples)

    return make


def batch_norm_toy(n_samples: int, beta: float) -> Callable[[Rng, str], BatchNormFit]:
    """Return Gaussian samples in the plane with Gaussian labels."""

    def make(rng: Rng, device: str) -> BatchNormFit:
        from optathlon.baselines.convex_networks import batch_norm_program

        X, y = rng.standard_normal((n_samples, 2)), rng.standard_normal(n_samples)
        return BatchNormFit(X, y, beta, batch_norm_program(X, y, beta).dual_bound)

    return make


def convolution_toy(n_samples: int, n_patches: int, size: int, beta: float) -> Callable[[Rng, str], ConvolutionFit]:
    """Return Gaussian patches with Gaussian labels."""

    def make(rng: Rng, device: str) -> ConvolutionFit:
        from optathlon.baselines.convex_networks import convolutional_program

        patches, y = rng.standard_normal((n_samples, n_patches, size)), rng.standard_normal(n_samples)
        return ConvolutionFit(patches, y, beta, convolutional_program(patches, y, beta).dual_bound)

    return make


def path_point(n_samples: int, n_features: int, share: float) -> Callable[[Rng, str], ReluFit]:
    """Return Gaussian data and labels, every arrangement enumerated; beta is `share` of where the zero network is optimal."""

    def make(rng: Rng, device: str) -> ReluFit:
        from optathlon.baselines.convex_networks import enumerate_patterns, largest_beta, relu_program

        X, y = rng.standard_normal((n_samples, n_features)), rng.standard_normal(n_samples)
        patterns = enumerate_patterns(X)
        beta = share * largest_beta(X, y, patterns)
        bound = relu_program(X, y, beta, patterns=patterns, tol=1e-9).dual_bound
        samples = Samples(X, y, np.empty((0, n_features)), np.empty(0), classes=False)
        return ReluFit(samples, beta, patterns, True, bound)

    return make


def arrangement(n_samples: int, n_features: int, *, whole_numbers: bool = False) -> Callable[[Rng, str], Arrangement]:
    """Return Gaussian rows, which are in general position, or rows of whole numbers from -1 to 1, which are not."""

    def make(rng: Rng, device: str) -> Arrangement:
        if whole_numbers:
            return Arrangement(rng.integers(-1, 2, (n_samples, n_features)).astype(np.float64))
        return Arrangement(rng.standard_normal((n_samples, n_features)))

    return make


def run_classifier(problem: ClassifierFit, context: Context, tol: float) -> Answer:
    """Solve the program of the loss over the problem's patterns."""
    from optathlon.baselines.convex_networks import relu_classification_program

    X, y = problem.samples.X, problem.samples.y
    result = relu_classification_program(X, y, problem.beta, loss=problem.loss, patterns=problem.patterns, tol=tol)
    return Answer((result.W1, result.w2), result.dual_bound)


def run_batch_norm(problem: BatchNormFit, context: Context) -> Answer:
    """Solve the program on whitened data."""
    from optathlon.baselines.convex_networks import batch_norm_program

    result = batch_norm_program(problem.X, problem.y, problem.beta)
    return Answer((result.W1, result.gamma, result.alpha, result.w2), result.dual_bound)


def run_convolution(problem: ConvolutionFit, context: Context) -> Answer:
    """Solve the program over the patterns of all patches."""
    from optathlon.baselines.convex_networks import convolutional_program

    result = convolutional_program(problem.patches, problem.y, problem.beta)
    return Answer((result.W1, result.w2), result.dual_bound)


def run_enumeration(problem: Arrangement, context: Context) -> Answer:
    """List every pattern."""
    from optathlon.baselines.convex_networks import enumerate_patterns

    return Answer((enumerate_patterns(problem.X),))


def run_variant(problem: ClassifierFit | BatchNormFit | ConvolutionFit, context: Context, **settings: Any) -> Answer:
    """Train the same network by descent."""
    from optathlon.baselines.convex_networks import train_batch_norm, train_classifier, train_convolutional

    def watch(step: int, layers: tuple[Array, ...]) -> None:
        if step % EVERY == 0:
            context.observe(step, Answer(layers))

    shared = {"rng": context.rng, "callback": watch, **settings}
    if isinstance(problem, ClassifierFit):
        X, y = problem.samples.X, problem.samples.y
        return Answer(train_classifier(X, y, problem.beta, loss=problem.loss, **shared).layers)
    if isinstance(problem, BatchNormFit):
        return Answer(train_batch_norm(problem.X, problem.y, problem.beta, **shared).layers)
    return Answer(train_convolutional(problem.patches, problem.y, problem.beta, **shared).layers)


def _descent(optimizer: str, **settings: Any) -> Method:
    return Method(
        name=f"variant-{optimizer}-50",
        run=run_variant,
        settings={"optimizer": optimizer, "n_neurons": 50, "initialisation": "gaussian", **settings},
        reference="the same objective by back-propagation",
    )


def _warm_up() -> None:
    from optathlon.baselines.convex_networks import relu_program

    X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    relu_program(X, np.array([1.0, -1.0, 0.5]), 0.1, patterns=np.array([[1, 0], [0, 1], [1, 1]]))


ERGEN = "T. Ergen and M. Pilanci (2020), Neural networks are convex regularizers, for convex losses"

VARIANT_METHODS = (
    Method(name="convex-classifier", run=run_classifier, settings={"tol": 1e-5}, reference=ERGEN, warm_up=_warm_up),
    Method(
        name="convex-batch-norm",
        run=run_batch_norm,
        reference="T. Ergen et al. (2022), Demystifying batch normalization in ReLU networks, Theorem 3.1",
        warm_up=_warm_up,
    ),
    Method(
        name="convex-convolution",
        run=run_convolution,
        reference=f"{SLIDES}, Convolutional hyperplane arrangements; T. Ergen and M. Pilanci (2021)",
        warm_up=_warm_up,
    ),
    Method(name="enumeration", run=run_enumeration, reference="T. M. Cover (1965), Theorem 1", warm_up=_warm_up),
    _descent("adam", n_steps=2000, step=0.03),
    _descent("lbfgs", n_steps=1000),
)

DESCENT = ("variant-adam-50", "variant-lbfgs-50")
PATH = (0.01, 0.1, 0.5)


def _toy(name: str, make: Callable[[Rng, str], object], method: str, description: str, scale: Scale = Scale.SMALL) -> Workload:
    return Workload(
        name=name,
        make=make,
        scale=scale,
        seeds=1 if scale is Scale.SMOKE else 2,
        budget=30.0,
        target=1e-2,
        methods=(method, *DESCENT),
        description=description,
    )


def _count(name: str, make: Callable[[Rng, str], Arrangement], description: str, scale: Scale = Scale.SMALL) -> Workload:
    return Workload(name=name, make=make, scale=scale, seeds=3, budget=30.0, methods=("enumeration",), description=description)


VARIANT_WORKLOADS = (
    _toy("smoke-logistic", classifier_toy(5, 0.1, "logistic"), "convex-classifier", "five samples in the plane", Scale.SMOKE),
    _toy("smoke-batch-norm", batch_norm_toy(5, 0.1), "convex-batch-norm", "five samples in the plane", Scale.SMOKE),
    _toy("smoke-convolution", convolution_toy(3, 2, 2, 0.1), "convex-convolution", "three samples of two patches", Scale.SMOKE),
    _count("smoke-count", arrangement(5, 2), "five rows in the plane", Scale.SMOKE),
    *(
        _toy(
            f"{loss}-8x2",
            classifier_toy(8, 0.1, loss),
            "convex-classifier",
            f"8 samples in the plane, {loss} loss, beta 0.1, exact",
        )
        for loss in ("logistic", "hinge")
    ),
    _toy("batch-norm-7x2", batch_norm_toy(7, 0.1), "convex-batch-norm", "7 samples in the plane, batch normalisation, exact"),
    _toy("convolution-5x2x2", convolution_toy(5, 2, 2, 0.1), "convex-convolution", "5 samples of 2 patches of size 2, exact"),
    *(
        Workload(
            name=f"path-10x2-share{share:g}",
            make=path_point(10, 2, share),
            scale=Scale.SMALL,
            seeds=12,
            budget=30.0,
            methods=("convex-ssnal",),
            description=f"10 samples in the plane, every arrangement, beta {share:g} of where the network vanishes",
        )
        for share in PATH
    ),
    _count("count-12x3", arrangement(12, 3), "12 Gaussian rows in 3 dimensions, in general position"),
    _count("count-whole-12x3", arrangement(12, 3, whole_numbers=True), "12 rows of -1, 0 and 1, not in general position"),
    Workload(
        name="logistic-breast-cancer",
        make=breast_cancer(400, 2.0, 100, "logistic"),
        scale=Scale.MEDIUM,
        seeds=3,
        budget=120.0,
        target=0.0,
        data=("breast_cancer",),
        methods=("convex-classifier", *DESCENT),
        description="400 training and 169 test samples, logistic loss, beta 2, 100 sampled arrangements",
    ),
)
