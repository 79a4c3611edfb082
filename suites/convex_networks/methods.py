"""The methods of the leaderboard: adapters around `optathlon.baselines.convex_networks`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from optathlon.baselines.convex_networks import (
    convexnn,
    deep_linear,
    enumerate_patterns,
    fit_neurons,
    frank_wolfe,
    growing_batch,
    polynomial_program,
    pooled_program,
    quadratic_program,
    relu_program,
    sample_patterns,
    three_layer_program,
    train_linear,
    train_network,
    train_subnetworks,
    two_layer_linear,
    vector_program,
    wasserstein_generator,
)
from optathlon.baselines.convex_networks.nonconvex import Optimizer
from optathlon.spec import Context, Method
from optathlon.suites.convex_networks.deep import DEEP_METHODS
from optathlon.suites.convex_networks.problem import (
    Answer,
    LinearFit,
    Moments,
    PlantedNeurons,
    PolynomialFit,
    ReluFit,
    ThreeLayerFit,
    VariationFit,
    Vote,
)
from optathlon.suites.convex_networks.variants import VARIANT_METHODS

SLIDES = "M. Pilanci, Convex optimization for neural networks (slides)"
PILANCI_ERGEN = "M. Pilanci and T. Ergen (2020), Neural networks are convex regularizers, Theorem 1"
REVIEW = "D. H. Lina and Y. Yang, Literature review for neural network training and convex optimization"

EVERY = 20  # steps between two points of a trace


def run_convex(problem: ReluFit, context: Context, solver: str, tol: float) -> Answer:
    """Solve the program over the problem's patterns."""

    def watch(step: int, network: Any) -> None:
        context.observe(step, Answer((network.W1, network.w2)))

    watcher = watch if solver in ("ssnal", "admm") else None
    X, y = problem.samples.X, problem.samples.y
    result = relu_program(X, y, problem.beta, patterns=problem.patterns, solver=solver, tol=tol, callback=watcher)
    return Answer((result.W1, result.w2), result.dual_bound)


def run_convex_enumerated(problem: ReluFit, context: Context, tol: float) -> Answer:
    """List the patterns and solve the program over them, all inside the clock."""
    X, y = problem.samples.X, problem.samples.y
    with context.section("patterns"):
        patterns = enumerate_patterns(X)
    result = relu_program(X, y, problem.beta, patterns=patterns, tol=tol)
    return Answer((result.W1, result.w2), result.dual_bound)


def run_convex_sampled(problem: ReluFit, context: Context, tol: float) -> Answer:
    """Sample as many patterns as the problem has and solve the program over them, all inside the clock."""
    X, y = problem.samples.X, problem.samples.y
    with context.section("patterns"):
        patterns = sample_patterns(X, problem.patterns.shape[1], context.rng)
    result = relu_program(X, y, problem.beta, patterns=patterns, tol=tol)
    return Answer((result.W1, result.w2))  # its bound holds for its own patterns only


def warm_up(solver: str = "ssnal") -> None:
    """Compile the kernels, or import the solver, on three samples."""
    X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    relu_program(X, np.array([1.0, -1.0, 0.5]), 0.1, patterns=np.array([[1, 0], [0, 1], [1, 1]]), solver=solver)


def run_pooled(problem: ReluFit, context: Context, **settings: Any) -> Answer:
    """Solve the program over the patterns of networks that L-BFGS trained."""
    result = pooled_program(problem.samples.X, problem.samples.y, problem.beta, rng=context.rng, **settings)
    # Its bound holds for the pooled patterns only, which are not those of the problem.
    return Answer((result.W1, result.w2))


def run_descent(problem: ReluFit | PolynomialFit, context: Context, **settings: Any) -> Answer:
    """Train a network by descent."""

    def watch(step: int, network: Any) -> None:
        if step % EVERY == 0:
            context.observe(step, Answer((network.W1, network.w2)))

    coefficients = getattr(problem, "coefficients", None)
    X, y, beta = problem.samples.X, problem.samples.y, problem.beta
    network = train_network(X, y, beta, coefficients=coefficients, rng=context.rng, callback=watch, **settings)
    return Answer((network.W1, network.w2))


def run_lifted(problem: PolynomialFit, context: Context, tol: float) -> Answer:
    """Solve the semidefinite program of the activation."""
    X, y, beta = problem.samples.X, problem.samples.y, problem.beta
    if problem.coefficients == (1.0, 0.0, 0.0):
        network = quadratic_program(X, y, beta, tol=tol)
    else:
        network = polynomial_program(X, y, beta, coefficients=problem.coefficients, tol=tol)
    return Answer((network.W1, network.w2), network.dual_bound)


def run_vector(problem: ReluFit, context: Context, tol: float) -> Answer:
    """Generate neurons pattern by pattern for several outputs."""
    result = vector_program(problem.samples.X, problem.samples.y, problem.beta, patterns=problem.patterns, tol=tol)
    return Answer((result.W1, result.W2), result.dual_bound)


def run_three_layer(problem: ThreeLayerFit, context: Context) -> Answer:
    """Solve the program over all masks with every (pattern, sign) pair in one tuple."""
    result = three_layer_program(problem.samples.X, problem.samples.y, problem.beta)
    return Answer((result.W1, result.w2, tuple(result.w3)), result.dual_bound)


def run_subnetworks(problem: ThreeLayerFit, context: Context, **settings: Any) -> Answer:
    """Train parallel three-layer networks by descent."""

    def watch(step: int, network: Any) -> None:
        if step % EVERY == 0:
            context.observe(step, Answer((tuple(network.W1), tuple(network.w2), tuple(network.w3))))

    X, y = problem.samples.X, problem.samples.y
    network = train_subnetworks(X, y, problem.beta, rng=context.rng, callback=watch, **settings)
    return Answer((tuple(network.W1), tuple(network.w2), tuple(network.w3)))


def run_duality(problem: LinearFit, context: Context) -> Answer:
    """Write down the optimal layers."""
    X, Y, beta = problem.samples.X, problem.samples.y, problem.beta
    network = two_layer_linear(X, Y, beta) if problem.depth == 2 else deep_linear(X, Y, beta, problem.depth)
    return Answer(network.weights, network.dual_bound)


def run_linear_descent(problem: LinearFit, context: Context, **settings: Any) -> Answer:
    """Train a linear network by descent."""

    def watch(step: int, network: Any) -> None:
        if step % EVERY == 0:
            context.observe(step, Answer(network.weights))

    X, y = problem.samples.X, problem.samples.y
    network = train_linear(X, y, problem.beta, depth=problem.depth, rng=context.rng, callback=watch, **settings)
    return Answer(network.weights)


def run_frank_wolfe(problem: VariationFit, context: Context, fraction: float | None = None, **settings: Any) -> Answer:
    """Frank-Wolfe, with batches of fraction (t+1)^2 samples where a fraction is given."""

    def watch(step: int, network: tuple[Any, Any]) -> None:
        context.observe(step, Answer(network))

    batch = None if fraction is None else growing_batch(fraction)
    result = frank_wolfe(problem.A, problem.y, problem.delta, batch=batch, rng=context.rng, callback=watch, **settings)
    return Answer((result.W1, result.w2), gaps=result.gaps)


def run_convexnn(problem: Vote, context: Context, **settings: Any) -> Answer:
    """Boost linear classifiers."""
    result = convexnn(problem.samples.X, problem.samples.y, problem.penalty, rng=context.rng, **settings)
    return Answer((result.V, result.w))


def run_neurons(problem: PlantedNeurons, context: Context, **settings: Any) -> Answer:
    """Fit planted neurons."""

    def watch(step: int, W: Any) -> None:
        if step % EVERY == 0:
            context.observe(step, Answer((W,)))

    result = fit_neurons(problem.A, problem.y, n_neurons=problem.planted.shape[1], rng=context.rng, callback=watch, **settings)
    return Answer((result.W,))


def run_thresholding(problem: Moments, context: Context) -> Answer:
    """Threshold the singular values: the generator for a quadratic discriminator."""
    return Answer((wasserstein_generator(problem.X, problem.beta).G,))


CONVEX_RELU = (
    Method(
        name="convex-ssnal",
        run=run_convex,
        settings={"solver": "ssnal", "tol": 1e-6},
        description="semismooth-Newton augmented Lagrangian",
        reference=PILANCI_ERGEN,
        warm_up=warm_up,
    ),
    Method(
        name="convex-admm",
        run=run_convex,
        settings={"solver": "admm", "tol": 1e-3},
        description="alternating direction method of multipliers",
        reference=PILANCI_ERGEN,
        warm_up=warm_up,
    ),
    Method(
        name="convex-clarabel",
        run=run_convex,
        settings={"solver": "clarabel", "tol": 1e-6},
        description="interior point (Clarabel through cvxpy)",
        reference=f"{SLIDES}, Figure 1",
        warm_up=partial(warm_up, "clarabel"),
    ),
    Method(
        name="convex-scs",
        run=run_convex,
        settings={"solver": "scs", "tol": 1e-4},
        description="operator splitting (SCS through cvxpy)",
        reference=f"{SLIDES}, numerical results",
        warm_up=partial(warm_up, "scs"),
    ),
    Method(
        name="convex-enumerated",
        run=run_convex_enumerated,
        settings={"tol": 1e-6},
        description="convex-ssnal with the enumeration of the patterns inside the clock",
        reference=PILANCI_ERGEN,
        warm_up=warm_up,
    ),
    Method(
        name="convex-sampled",
        run=run_convex_sampled,
        settings={"tol": 1e-6},
        description="convex-ssnal over patterns that are sampled inside the clock",
        reference=f"{SLIDES}, Approximating the convex program",
        warm_up=warm_up,
    ),
    Method(
        name="convex-pooled",
        run=run_pooled,
        settings={"n_networks": 5, "n_neurons": 50, "n_steps": 500, "tol": 1e-7},
        reference=f"{PILANCI_ERGEN}, over the patterns of trained networks",
        warm_up=warm_up,
    ),
)

SGD = {"n_steps": 6000, "step": 0.015, "batch_size": 50}
ADAM = {"n_steps": 2000, "step": 0.03, "batch_size": 1000}


def _trained(name: str, optimizer: Optimizer, n_neurons: int, **settings: Any) -> Method:
    return Method(
        name=name,
        run=run_descent,
        settings={"optimizer": optimizer, "n_neurons": n_neurons, "initialisation": "gaussian", **settings},
        reference=f"{SLIDES}, Figures 1 to 4 (SGD, Adam); same objective, weight decay in the gradient",
    )


DESCENT = (
    _trained("sgd-8", "sgd", 8, **SGD),
    _trained("sgd-50", "sgd", 50, **SGD),
    _trained("adam-8", "adam", 8, **ADAM),
    _trained("adam-50", "adam", 50, **ADAM),
    _trained("adam-50-balanced", "adam", 50, initialisation="balanced", **ADAM),
    _trained("adam-50-small", "adam", 50, initialisation="small", **ADAM),
    _trained("adagrad-50", "adagrad", 50, n_steps=2000, step=0.1, batch_size=1000),
    _trained("rmsprop-50", "rmsprop", 50, n_steps=2000, step=0.01, batch_size=1000),
    _trained("lbfgs-8", "lbfgs", 8, n_steps=1000),
    _trained("lbfgs-50", "lbfgs", 50, n_steps=1000),
)

LONG, SHORT = {"n_steps": 4000, "step": 0.03}, {"n_steps": 2000, "step": 0.03}
STEEP = {"n_steps": 4000, "step": 0.3}


def _parallel(name: str, optimizer: Optimizer, n_subnetworks: int, **settings: Any) -> Method:
    return Method(
        name=name,
        run=run_subnetworks,
        settings={"optimizer": optimizer, "n_subnetworks": n_subnetworks, "width": 3, **settings},
        reference=f"{REVIEW}, equation 38 and section 2.5.1",
    )


SUBNETWORKS = (
    _parallel("sgd-k2", "sgd", 2, **STEEP),
    _parallel("sgd-k5", "sgd", 5, **STEEP),
    _parallel("sgd-k15", "sgd", 15, **STEEP),
    _parallel("adam-k2", "adam", 2, **SHORT),
    _parallel("adam-k5", "adam", 5, **SHORT),
    _parallel("adam-k15", "adam", 15, **SHORT),
)

OTHERS = (
    Method(
        name="convex-lifted",
        run=run_lifted,
        settings={"tol": 1e-9},
        description="alternating direction method on the lifted program",
        reference="B. Bartan and M. Pilanci (2021), Neural spectrahedra and semidefinite lifts",
    ),
    Method(
        name="convex-vector",
        run=run_vector,
        settings={"tol": 1e-6},
        description="column generation",
        reference="A. Sahiner, T. Ergen, J. Pauly and M. Pilanci (2021), Vector-output ReLU neural network problems",
    ),
    Method(
        name="convex-three-layer",
        run=run_three_layer,
        description="interior point (Clarabel) over all patterns and masks, all pairs in one tuple",
        reference=f"{REVIEW}, Theorem 5 (T. Ergen and M. Pilanci 2021)",
    ),
    *SUBNETWORKS,
    Method(
        name="convex-duality",
        run=run_duality,
        reference=f"{REVIEW}, section 2.4 (T. Ergen and M. Pilanci 2020)",
    ),
    Method(
        name="sgd-linear",
        run=run_linear_descent,
        settings={"optimizer": "sgd", **LONG},
        reference=f"{REVIEW}, section 2.4.7",
    ),
    Method(
        name="adam-linear",
        run=run_linear_descent,
        settings={"optimizer": "adam", **LONG},
        reference=f"{REVIEW}, section 2.4.7",
    ),
    Method(
        name="frank-wolfe",
        run=run_frank_wolfe,
        settings={"step": "open-loop", "n_steps": 300, "n_starts": 24},
        reference=f"{REVIEW}, Algorithm 2 (A. d'Aspremont and M. Pilanci 2020)",
    ),
    Method(
        name="frank-wolfe-line-search",
        run=run_frank_wolfe,
        settings={"step": "line-search", "n_steps": 300, "n_starts": 24},
        reference=f"{REVIEW}, Algorithm 2 (A. d'Aspremont and M. Pilanci 2020)",
    ),
    Method(
        name="frank-wolfe-stochastic",
        run=run_frank_wolfe,
        settings={"step": "open-loop", "n_steps": 300, "n_starts": 24, "fraction": 0.5},
        reference=f"{REVIEW}, section 2.2 (A. d'Aspremont and M. Pilanci 2020)",
    ),
    Method(
        name="convexnn-exact",
        run=run_convexnn,
        settings={"oracle": "exact"},
        reference=f"{REVIEW}, Algorithm 1 (Y. Bengio et al. 2006)",
    ),
    Method(
        name="convexnn-approximate",
        run=run_convexnn,
        settings={"oracle": "approximate", "n_bags": 30},
        reference=f"{REVIEW}, Algorithm 1 (Y. Bengio et al. 2006)",
    ),
    Method(
        name="neuron-gradient",
        run=run_neurons,
        settings={"modified": False, "n_steps": 3000},
        reference=f"{REVIEW}, equations 16 and 20 (T. Ergen and M. Pilanci 2019)",
    ),
    Method(
        name="neuron-modified-gradient",
        run=run_neurons,
        settings={"modified": True, "n_steps": 3000},
        reference=f"{REVIEW}, equation 21 (T. Ergen and M. Pilanci 2019)",
    ),
    Method(
        name="singular-value-thresholding",
        run=run_thresholding,
        reference=f"{SLIDES}, Convex GANs (A. Sahiner et al. 2022)",
    ),
)

METHODS = (*CONVEX_RELU, *DESCENT, *OTHERS, *VARIANT_METHODS, *DEEP_METHODS)
