"""The methods of the leaderboard: adapters around `optathlon.baselines.convex_networks`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from optathlon.baselines.convex_networks import (
    convexnn,
    deep_linear,
    fit_neurons,
    frank_wolfe,
    growing_batch,
    polynomial_program,
    pooled_program,
    quadratic_program,
    relu_program,
    three_layer_program,
    train_linear,
    train_network,
    train_subnetworks,
    two_layer_linear,
    vector_program,
    wasserstein_generator,
)
from optathlon.baselines.convex_networks.nonconvex import Optimiser
from optathlon.spec import Context, Method
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

SLIDES = "M. Pilanci, Convex optimization for neural networks (slides)"
PILANCI_ERGEN = "M. Pilanci and T. Ergen (2020), Neural networks are convex regularizers, Theorem 1"
REVIEW = "D. H. Lina and Y. Yang, Literature review for neural network training and convex optimization"

EVERY = 20  # steps between two points of a trace


def _convex(solver: str, tol: float) -> Callable[[ReluFit, Context], Answer]:
    def run(problem: ReluFit, context: Context) -> Answer:
        def watch(step: int, network: Any) -> None:
            context.observe(step, Answer((network.W1, network.w2)))

        watcher = watch if solver in ("ssnal", "admm") else None
        result = relu_program(
            problem.samples.X,
            problem.samples.y,
            problem.beta,
            patterns=problem.patterns,
            solver=solver,
            tol=tol,
            callback=watcher,
        )
        return Answer((result.W1, result.w2), result.dual_bound)

    return run


def warm_ssnal() -> None:
    """Compile the kernels on three samples."""
    X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    relu_program(X, np.array([1.0, -1.0, 0.5]), 0.1, patterns=np.array([[1, 0], [0, 1], [1, 1]]))


def run_pooled(problem: ReluFit, context: Context) -> Answer:
    """Solve the program over the patterns of five networks that L-BFGS trained."""
    result = pooled_program(problem.samples.X, problem.samples.y, problem.beta, rng=context.rng)
    # Its bound holds for the pooled patterns only, which are not those of the problem.
    return Answer((result.W1, result.w2))


def _descent(optimiser: Optimiser, n_neurons: int, **settings: Any) -> Callable[[ReluFit | PolynomialFit, Context], Answer]:
    def run(problem: ReluFit | PolynomialFit, context: Context) -> Answer:
        def watch(step: int, network: Any) -> None:
            if step % EVERY == 0:
                context.observe(step, Answer((network.W1, network.w2)))

        network = train_network(
            problem.samples.X, problem.samples.y, problem.beta, n_neurons=n_neurons, optimiser=optimiser,
            coefficients=getattr(problem, "coefficients", None), rng=context.rng, callback=watch, **settings,
        )  # fmt: skip
        return Answer((network.W1, network.w2))

    return run


def run_lifted(problem: PolynomialFit, context: Context) -> Answer:
    """Solve the semidefinite program of the activation."""
    X, y, beta = problem.samples.X, problem.samples.y, problem.beta
    if problem.coefficients == (1.0, 0.0, 0.0):
        network = quadratic_program(X, y, beta)
    else:
        network = polynomial_program(X, y, beta, coefficients=problem.coefficients)
    return Answer((network.W1, network.w2), network.dual_bound)


def run_vector(problem: ReluFit, context: Context) -> Answer:
    """Generate neurons pattern by pattern for several outputs."""
    result = vector_program(problem.samples.X, problem.samples.y, problem.beta, patterns=problem.patterns)
    return Answer((result.W1, result.W2), result.dual_bound)


def run_three_layer(problem: ThreeLayerFit, context: Context) -> Answer:
    """Solve the program over all masks with every (pattern, sign) pair in one tuple."""
    result = three_layer_program(problem.samples.X, problem.samples.y, problem.beta)
    return Answer((result.W1, result.w2, tuple(result.w3)), result.dual_bound)


def _subnetworks(optimiser: Optimiser, n_subnetworks: int, **settings: Any) -> Callable[[ThreeLayerFit, Context], Answer]:
    def run(problem: ThreeLayerFit, context: Context) -> Answer:
        def watch(step: int, network: Any) -> None:
            if step % EVERY == 0:
                context.observe(step, Answer((tuple(network.W1), tuple(network.w2), tuple(network.w3))))

        network = train_subnetworks(
            problem.samples.X, problem.samples.y, problem.beta, n_subnetworks=n_subnetworks, optimiser=optimiser,
            rng=context.rng, callback=watch, **settings,
        )  # fmt: skip
        return Answer((tuple(network.W1), tuple(network.w2), tuple(network.w3)))

    return run


def run_duality(problem: LinearFit, context: Context) -> Answer:
    """Write down the optimal layers."""
    X, Y, beta = problem.samples.X, problem.samples.y, problem.beta
    network = two_layer_linear(X, Y, beta) if problem.depth == 2 else deep_linear(X, Y, beta, problem.depth)
    return Answer(network.weights, network.dual_bound)


def _linear_descent(optimiser: Optimiser, **settings: Any) -> Callable[[LinearFit, Context], Answer]:
    def run(problem: LinearFit, context: Context) -> Answer:
        def watch(step: int, network: Any) -> None:
            if step % EVERY == 0:
                context.observe(step, Answer(network.weights))

        network = train_linear(
            problem.samples.X, problem.samples.y, problem.beta, depth=problem.depth, optimiser=optimiser,
            rng=context.rng, callback=watch, **settings,
        )  # fmt: skip
        return Answer(network.weights)

    return run


def _frank_wolfe(**settings: Any) -> Callable[[VariationFit, Context], Answer]:
    def run(problem: VariationFit, context: Context) -> Answer:
        def watch(step: int, network: tuple[Any, Any]) -> None:
            context.observe(step, Answer(network))

        result = frank_wolfe(problem.A, problem.y, problem.delta, n_steps=300, rng=context.rng, callback=watch, **settings)
        return Answer((result.W1, result.w2), gaps=result.gaps)

    return run


def run_stochastic_frank_wolfe(problem: VariationFit, context: Context) -> Answer:
    """Frank-Wolfe with growing batches."""
    return _frank_wolfe(batch=growing_batch(0.5))(problem, context)


def _convexnn(oracle: Literal["exact", "approximate"]) -> Callable[[Vote, Context], Answer]:
    def run(problem: Vote, context: Context) -> Answer:
        result = convexnn(problem.samples.X, problem.samples.y, problem.penalty, oracle=oracle, rng=context.rng)
        return Answer((result.V, result.w))

    return run


def _neurons(modified: bool) -> Callable[[PlantedNeurons, Context], Answer]:
    def run(problem: PlantedNeurons, context: Context) -> Answer:
        def watch(step: int, W: Any) -> None:
            if step % EVERY == 0:
                context.observe(step, Answer((W,)))

        result = fit_neurons(
            problem.A, problem.y, n_neurons=problem.n_neurons, modified=modified, rng=context.rng, callback=watch
        )
        return Answer((result.W,))

    return run


def run_thresholding(problem: Moments, context: Context) -> Answer:
    """Threshold the singular values."""
    return Answer((wasserstein_generator(problem.X, problem.beta).G,))


CONVEX_RELU = (
    Method(
        name="convex-ssnal",
        run=_convex("ssnal", 1e-6),
        settings={"solver": "semismooth-Newton augmented Lagrangian", "certified_gap": 1e-6},
        reference=PILANCI_ERGEN,
        warm_up=warm_ssnal,
    ),
    Method(
        name="convex-admm",
        run=_convex("admm", 1e-3),
        settings={"solver": "alternating direction method of multipliers", "certified_gap": 1e-3},
        reference=PILANCI_ERGEN,
        warm_up=warm_ssnal,
    ),
    Method(
        name="convex-clarabel",
        run=_convex("clarabel", 1e-6),
        settings={"solver": "interior point (Clarabel through cvxpy)"},
        reference=f"{SLIDES}, Figure 1",
        warm_up=warm_ssnal,
    ),
    Method(
        name="convex-scs",
        run=_convex("scs", 1e-4),
        settings={"solver": "operator splitting (SCS through cvxpy)"},
        reference=f"{SLIDES}, numerical results",
        warm_up=warm_ssnal,
    ),
    Method(
        name="convex-pooled",
        run=run_pooled,
        settings={"patterns": "of 5 networks of 50 neurons, 500 steps of L-BFGS each", "certified_gap": 1e-7},
        reference=f"{PILANCI_ERGEN}, over the patterns of trained networks",
        warm_up=warm_ssnal,
    ),
)

SGD = {"n_steps": 6000, "step": 0.015, "batch_size": 50}
ADAM = {"n_steps": 2000, "step": 0.03, "batch_size": 1000}


def _trained(name: str, optimiser: Optimiser, n_neurons: int, **settings: Any) -> Method:
    return Method(
        name=name,
        run=_descent(optimiser, n_neurons, **settings),
        settings={"n_neurons": n_neurons, "initialisation": "gaussian", **settings},
        reference=f"{SLIDES}, Figures 1 to 4 (SGD, Adam); same objective, weight decay in the gradient",
    )


DESCENT = (
    _trained("sgd-8", "sgd", 8, **SGD),
    _trained("sgd-50", "sgd", 50, **SGD),
    _trained("adam-8", "adam", 8, **ADAM),
    _trained("adam-50", "adam", 50, **ADAM),
    _trained("adam-50-balanced", "adam", 50, initialisation="balanced", **ADAM),
    _trained("adam-50-small", "adam", 50, initialisation="small", **ADAM),
    _trained("lbfgs-8", "lbfgs", 8, n_steps=1000),
    _trained("lbfgs-50", "lbfgs", 50, n_steps=1000),
)

LONG, SHORT = {"n_steps": 4000, "step": 0.03}, {"n_steps": 2000, "step": 0.03}
STEEP = {"n_steps": 4000, "step": 0.3}


def _parallel(name: str, optimiser: Optimiser, n_subnetworks: int, **settings: Any) -> Method:
    return Method(
        name=name,
        run=_subnetworks(optimiser, n_subnetworks, **settings),
        settings={"n_subnetworks": n_subnetworks, "width": 3, **settings},
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
        settings={"solver": "alternating direction method on the lifted program", "certified_gap": 1e-9},
        reference="B. Bartan and M. Pilanci (2021), Neural spectrahedra and semidefinite lifts",
    ),
    Method(
        name="convex-vector",
        run=run_vector,
        settings={"solver": "column generation", "certified_gap": 1e-6},
        reference="A. Sahiner, T. Ergen, J. Pauly and M. Pilanci (2021), Vector-output ReLU neural network problems",
    ),
    Method(
        name="convex-three-layer",
        run=run_three_layer,
        settings={"solver": "interior point (Clarabel)", "patterns": "all", "masks": "all", "tuples": "all pairs in one"},
        reference=f"{REVIEW}, Theorem 5 (T. Ergen and M. Pilanci 2021)",
    ),
    *SUBNETWORKS,
    Method(
        name="convex-duality",
        run=run_duality,
        settings={"depth": "the problem's"},
        reference=f"{REVIEW}, section 2.4 (T. Ergen and M. Pilanci 2020)",
    ),
    Method(
        name="sgd-linear",
        run=_linear_descent("sgd", **LONG),
        settings={"width": "n_features", **LONG},
        reference=f"{REVIEW}, section 2.4.7",
    ),
    Method(
        name="adam-linear",
        run=_linear_descent("adam", **LONG),
        settings={"width": "n_features", **LONG},
        reference=f"{REVIEW}, section 2.4.7",
    ),
    Method(
        name="frank-wolfe",
        run=_frank_wolfe(),
        settings={"step": "2/(t+1)", "n_steps": 300, "oracle": "24 random starts and earlier neurons"},
        reference=f"{REVIEW}, Algorithm 2 (A. d'Aspremont and M. Pilanci 2020)",
    ),
    Method(
        name="frank-wolfe-line-search",
        run=_frank_wolfe(step="line-search"),
        settings={"step": "exact line search", "n_steps": 300, "oracle": "24 random starts and earlier neurons"},
        reference=f"{REVIEW}, Algorithm 2 (A. d'Aspremont and M. Pilanci 2020)",
    ),
    Method(
        name="frank-wolfe-stochastic",
        run=run_stochastic_frank_wolfe,
        settings={"step": "2/(t+1)", "n_steps": 300, "batch": "0.5 (t+1)^2"},
        reference=f"{REVIEW}, section 2.2 (A. d'Aspremont and M. Pilanci 2020)",
    ),
    Method(
        name="convexnn-exact",
        run=_convexnn("exact"),
        settings={"oracle": "every line"},
        reference=f"{REVIEW}, Algorithm 1 (Y. Bengio et al. 2006)",
    ),
    Method(
        name="convexnn-approximate",
        run=_convexnn("approximate"),
        settings={"oracle": "best of 30 bagged logistic regressions"},
        reference=f"{REVIEW}, Algorithm 1 (Y. Bengio et al. 2006)",
    ),
    Method(
        name="neuron-gradient",
        run=_neurons(False),
        settings={"n_steps": 3000},
        reference=f"{REVIEW}, equations 16 and 20 (T. Ergen and M. Pilanci 2019)",
    ),
    Method(
        name="neuron-modified-gradient",
        run=_neurons(True),
        settings={"n_steps": 3000},
        reference=f"{REVIEW}, equation 21 (T. Ergen and M. Pilanci 2019)",
    ),
    Method(
        name="singular-value-thresholding",
        run=run_thresholding,
        settings={"discriminator": "quadratic"},
        reference=f"{SLIDES}, Convex GANs (A. Sahiner et al. 2022)",
    ),
)

METHODS = (*CONVEX_RELU, *DESCENT, *OTHERS)
