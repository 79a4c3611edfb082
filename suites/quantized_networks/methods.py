"""The methods of the leaderboard: adapters around `optathlon.baselines.quantized_networks`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from optathlon.spec import Context, Diverged, Method
from optathlon.suites.quantized_networks.problem import Answer, Training, Weights

PAPER = "Bartan, Pilanci, Training Quantized Neural Networks to Global Optimality via Semidefinite Programming"

WIDTHS = (10, 30, 100, 300)
ON_CURVES = ("smoke-planted", "planted-*", "paper-planted*")
ON_OPTIMA = ("smoke-exact", "tiny-*", "exact-*", "paper-exact-*")
ON_TABLES = ("smoke-table", "table-*")
EVERYWHERE = (*ON_CURVES, *ON_OPTIMA, *ON_TABLES, "size-*")


def run_sdp(problem: Training, context: Context, *, form: str, solver: str | None, tol: float) -> Answer:
    """Solve a relaxation."""

    def seen(step: int, pair: tuple[float, float]) -> None:
        context.observe(step, Answer(objective=pair[0], bound=pair[1]))

    bound = _bound(problem, context, form, solver=solver, tol=tol, callback=seen if problem.traced else None)
    return Answer(relaxation=bound, objective=bound.objective, bound=bound.bound)


def run_exact(problem: Training, context: Context, *, pricing: str, tol: float) -> Answer:
    """Find the global optimum by column generation."""
    from optathlon.baselines.quantized_networks import exact_optimum

    found = exact_optimum(problem.X, problem.y, beta=problem.beta, loss=problem.loss, pricing=pricing, tol=tol, rng=context.rng)  # pyright: ignore[reportArgumentType]
    return Answer(network=found.network, objective=found.objective, bound=found.bound)


def run_enumeration(problem: Training, context: Context, *, m: int) -> Answer:
    """Find the best network of at most m neurons among all."""
    from optathlon.baselines.quantized_networks import best_of_few

    network, objective = best_of_few(problem.X, problem.y, m, beta=problem.beta)
    return Answer(network=network, objective=objective)


def run_algorithm_1(problem: Training, context: Context, *, m: int, form: str, weights: str, flips: bool) -> Answer:
    """Round the relaxation to m neurons; then flip signs, where asked."""
    from optathlon.baselines.quantized_networks import flip_signs, sample_network

    bound = _bound(problem, context, form)
    own: dict[str, Any] = {"X": problem.X, "y": problem.y, "beta": problem.beta} if weights == "own" else {}
    network = sample_network(bound, m, rng=context.rng, weights=weights, **own)  # pyright: ignore[reportArgumentType]
    if flips:
        network = flip_signs(network, problem.X, problem.y).network
    return _trained(problem, network, bound)


def run_random_flips(problem: Training, context: Context, *, m: int) -> Answer:
    """Flip signs of a random network."""
    from optathlon.baselines.quantized_networks import flip_signs, random_network

    start = random_network(m, problem.X.shape[1], rng=context.rng)
    return _trained(problem, flip_signs(start, problem.X, problem.y).network)


def run_post_training(
    problem: Training, context: Context, *, m: int, learning_rate: float, n_steps: int, rounding: str, flips: bool
) -> Answer:
    """Train by gradients and round; then flip signs, where asked."""
    from optathlon.baselines.quantized_networks import compensated_rounding, flip_signs, post_training_quantization

    trained = post_training_quantization(problem.X, problem.y, m, learning_rate=learning_rate, n_steps=n_steps, rng=context.rng)
    if not trained.converged:
        raise Diverged("no weight stayed finite, whatever the step size")
    if rounding == "compensated" and trained.float_U is not None and trained.float_V is not None:
        trained = compensated_rounding(problem.X, problem.y, trained.float_U, trained.float_V)
    network = flip_signs(trained.network, problem.X, problem.y).network if flips else trained.network
    return _trained(problem, network)


def run_straight_through(problem: Training, context: Context, *, m: int, learning_rate: float, n_steps: int) -> Answer:
    """Train through the signs; best iterate on the training samples."""
    from optathlon.baselines.quantized_networks import straight_through_network

    trained = straight_through_network(problem.X, problem.y, m, learning_rate=learning_rate, n_steps=n_steps, rng=context.rng)
    return _trained(problem, trained.network)


def run_reduction(problem: Weights, context: Context) -> Answer:
    """Rewrite integer weights as signs (Theorem 1)."""
    from optathlon.baselines.quantized_networks import PolynomialNetwork, lift_samples, predict_lifted, reduce_levels

    a, b, c = problem.activation
    network = PolynomialNetwork(problem.weights, problem.alpha, a, b, c)
    reduced = reduce_levels(network, problem.M + 1)
    lifted = predict_lifted(reduced, lift_samples(problem.X, problem.M + 1, a=a, b=b, c=c))
    return _compared(network.predict(problem.X), lifted)


def run_converse(problem: Weights, context: Context, *, levels: str) -> Answer:
    """Write a bilinear neuron with squares: of signed sums by least squares, or of levels -1, 0, 1 by (7)."""
    from optathlon.baselines.quantized_networks import BilinearNetwork, expand_bilinear

    first, second = problem.weights[0], problem.weights[-1]
    first, second = np.where(first >= 0, 1.0, -1.0), np.where(second >= 0, 1.0, -1.0)
    network = BilinearNetwork(first[None], second[None], np.ones(1))
    wanted = network.predict(problem.X)
    if levels == "three":
        return _compared(wanted, expand_bilinear(network).predict(problem.X))
    d = problem.X.shape[1]
    signs = 1.0 - 2.0 * ((np.arange(2 ** (d - 1))[:, None] >> np.arange(d)) & 1)
    columns = (problem.X @ signs.T) ** 2
    return _compared(wanted, columns @ np.linalg.lstsq(columns, wanted, rcond=None)[0])


def _bound(problem: Training, context: Context, form: str, **settings: Any) -> Any:
    from optathlon.baselines.quantized_networks import sdp_bound

    return sdp_bound(problem.X, problem.y, beta=problem.beta, loss=problem.loss, form=form, rng=context.rng, **settings)  # pyright: ignore[reportArgumentType]


def _trained(problem: Training, network: Any, relaxation: Any = None) -> Answer:
    from optathlon.baselines.quantized_networks import objective

    value = objective(network, problem.X, problem.y, beta=problem.beta, loss=problem.loss)
    return Answer(network=network, relaxation=relaxation, objective=value, bound=relaxation.bound if relaxation else None)


def _compared(wanted: Any, given: Any) -> Answer:
    return Answer(residual=float(np.linalg.norm(given - wanted) / np.linalg.norm(wanted)))


def _compile() -> None:
    from optathlon.baselines.quantized_networks import exact_optimum, flip_signs, random_network, sdp_bound

    X = np.random.default_rng(0).standard_normal((40, 3))
    flip_signs(random_network(2, 3, rng=0), X, X[:, 0])
    sdp_bound(X, X[:, 0], beta=0.1)
    exact_optimum(X, X[:, 0], beta=0.1)


def _import(solver: str) -> None:
    from optathlon.baselines.quantized_networks import sdp_bound

    X = np.eye(4)[:, :2]
    sdp_bound(X, X[:, 0], beta=0.1, solver=solver)


_SHARED = {"form": "bilinear-printed", "weights": "shared", "flips": False}

RELAXATIONS = tuple(
    Method(
        name=name,
        run=run_sdp,
        settings={"form": form, "solver": solver, "tol": tol},
        workloads=workloads,
        reference=f"{PAPER}, {equation}",
        warm_up=partial(_import, solver) if solver else _compile,
    )
    for name, form, solver, tol, equation, workloads in (
        (
            "sdp",
            "bilinear",
            None,
            1e-6,
            "(22) with 2 beta d rho",
            EVERYWHERE,
        ),
        ("sdp-printed", "bilinear-printed", None, 1e-6, "(22)", (*ON_OPTIMA, *ON_CURVES)),
        ("sdp-quadratic", "quadratic", None, 1e-6, "(19)", ON_OPTIMA),
        ("sdp-scs", "bilinear", "scs", 1e-4, "(22) by cvxpy and SCS", ("smoke-exact", "size-100x*", "size-*-noise")),
        ("sdp-clarabel", "bilinear", "clarabel", 1e-6, "(22) by cvxpy and Clarabel", ("smoke-exact", "size-100x20*")),
    )
)

OPTIMA = (
    Method(
        name="exact",
        run=run_exact,
        settings={"pricing": "exact", "tol": 1e-6},
        workloads=ON_OPTIMA,
        reference="column generation over all sign neurons, exact pricing",
        yardstick=True,
        warm_up=_compile,
    ),
    Method(
        name="column-generation",
        run=run_exact,
        settings={"pricing": "heuristic", "tol": 1e-6},
        workloads=ON_OPTIMA,
        reference="column generation over sign neurons found by local search",
        warm_up=_compile,
    ),
)

ENUMERATED = tuple(
    method
    for m, workloads in ((1, ("tiny-*",)), (2, ("tiny-*",)), (3, ("tiny-*",)), (4, ("tiny-*x3", "tiny-*x4")), (6, ("tiny-*x3",)))
    for method in Method.grid(
        "enumeration",
        run_enumeration,
        grid={"m": (m,)},
        workloads=("smoke-exact", *workloads),
        reference="every support of m neurons and every choice of signs",
        yardstick=True,
    )
)

SAMPLERS = (
    *Method.grid(
        "algorithm-1",
        run_algorithm_1,
        settings=_SHARED,
        grid={"m": (*WIDTHS, 1000, 3000, 20000)},
        workloads=ON_CURVES,
        reference=f"{PAPER}, Algorithm 1",
        warm_up=_compile,
    ),
    *Method.grid(
        "algorithm-1-limit",
        run_algorithm_1,
        settings=_SHARED,
        grid={"m": (1000, 100000)},
        workloads=ON_OPTIMA,
        reference=f"{PAPER}, Algorithm 1",
        warm_up=_compile,
    ),
    *Method.grid(
        "algorithm-1-corrected",
        run_algorithm_1,
        settings=_SHARED | {"form": "bilinear"},
        grid={"m": (1000,)},
        workloads=ON_OPTIMA,
        reference=f"{PAPER}, Algorithm 1 on (22) with 2 beta d rho",
        warm_up=_compile,
    ),
    *Method.grid(
        "own-alpha",
        run_algorithm_1,
        settings={"form": "bilinear", "weights": "own", "flips": False},
        grid={"m": (100, 1000)},
        workloads=ON_OPTIMA,
        reference=f"{PAPER}, Algorithm 1 on (22) with 2 beta d rho, then a lasso over the second layer",
        warm_up=_compile,
    ),
    *Method.grid(
        "algorithm-1-flips",
        run_algorithm_1,
        settings=_SHARED | {"flips": True},
        grid={"m": WIDTHS},
        workloads=ON_CURVES,
        reference=f"{PAPER}, Algorithm 1, then flips of single signs",
        warm_up=_compile,
    ),
    *Method.grid(
        "random-flips",
        run_random_flips,
        grid={"m": WIDTHS},
        workloads=ON_CURVES,
        reference="flips of single signs of a random network",
        warm_up=_compile,
    ),
)

TRAINERS = (
    *Method.grid(
        "ptq",
        run_post_training,
        settings={"learning_rate": 1e-3, "n_steps": 1500, "rounding": "sign", "flips": False},
        grid={"m": (*WIDTHS, 1000)},
        workloads=ON_CURVES,
        reference=f"{PAPER}, Section 5.1",
    ),
    *Method.grid(
        "ptq-flips",
        run_post_training,
        settings={"learning_rate": 1e-3, "n_steps": 1500, "rounding": "sign", "flips": True},
        grid={"m": WIDTHS},
        workloads=ON_CURVES,
        reference=f"{PAPER}, Section 5.1, then flips of single signs",
        warm_up=_compile,
    ),
    *Method.grid(
        "ptq-compensated",
        run_post_training,
        settings={"learning_rate": 1e-3, "n_steps": 1500, "rounding": "compensated", "flips": False},
        grid={"m": (10, 30, 100)},
        workloads=ON_CURVES,
        reference="Frantar et al., GPTQ, Algorithm 1",
    ),
    *Method.grid(
        "straight-through",
        run_straight_through,
        settings={"learning_rate": 0.02, "n_steps": 1000},
        grid={"m": WIDTHS},
        workloads=ON_CURVES,
        reference="Bengio et al., Estimating or propagating gradients through stochastic neurons, 2013",
    ),
)

CLASSIFIERS = tuple(
    method
    for m, tables in ((50, ON_TABLES), (250, ON_TABLES), (2500, ("smoke-table", "table-ionosphere-*")))
    for method in (
        *Method.grid(
            "classifier-sdp",
            run_algorithm_1,
            settings=_SHARED,
            grid={"m": (m,)},
            workloads=tables,
            reference=f"{PAPER}, Section 5.2",
            warm_up=_compile,
        ),
        *Method.grid(
            "classifier-ptq",
            run_post_training,
            settings={"learning_rate": 3e-3, "n_steps": 1500, "rounding": "sign", "flips": False},
            grid={"m": (m,)},
            workloads=tables,
            reference=f"{PAPER}, Section 5.2",
        ),
    )
) + Method.grid(
    "classifier-random-flips",
    run_random_flips,
    grid={"m": (50,)},
    workloads=ON_TABLES,
    reference="flips of single signs of a random network",
    warm_up=_compile,
)

THEOREMS = (
    Method(
        name="levels-to-signs",
        run=run_reduction,
        workloads=("smoke-levels", "levels-*"),
        reference=f"{PAPER}, Theorem 1",
    ),
    Method(
        name="product-by-signs",
        run=run_converse,
        settings={"levels": "two"},
        workloads=("smoke-product", "product"),
        reference=f"{PAPER}, Theorem 1, conversely",
    ),
    Method(
        name="product-by-three-levels",
        run=run_converse,
        settings={"levels": "three"},
        workloads=("smoke-product", "product"),
        reference=f"{PAPER}, (7)",
    ),
)

METHODS = (*RELAXATIONS, *OPTIMA, *ENUMERATED, *SAMPLERS, *TRAINERS, *CLASSIFIERS, *THEOREMS)
