"""How an answer is scored."""

from __future__ import annotations

from typing import Any

import numpy as np

from optathlon.spec import Metric
from optathlon.suites.quantized_networks.problem import Training

NOT_HERE = float("nan")

_OPTIMA: dict[int, tuple[Any, float]] = {}


def optimum_of(problem: Training) -> float:
    """Return p_b*, proved to 1e-6, once per problem."""
    known = _OPTIMA.get(id(problem))
    if known is None or known[0] is not problem:
        from optathlon.baselines.quantized_networks import exact_optimum

        found = exact_optimum(problem.X, problem.y, beta=problem.beta, loss=problem.loss, pricing="exact")  # pyright: ignore[reportArgumentType]
        _OPTIMA.clear()
        _OPTIMA[id(problem)] = known = (problem, found.objective if found.converged else NOT_HERE)
    return known[1]


def train_loss(problem: Any, answer: Any) -> float:
    """Return the loss on the training samples over that of f = 0; of the relaxation where there is no network."""
    return _relative_loss(problem, answer, "X", "y")


def test_loss(problem: Any, answer: Any) -> float:
    """Return the same on the test samples."""
    return _relative_loss(problem, answer, "X_test", "y_test")


def train_accuracy(problem: Any, answer: Any) -> float:
    """Return the share of training labels that are met."""
    return _accuracy(problem, answer, "X", "y")


def test_accuracy(problem: Any, answer: Any) -> float:
    """Return the share of test labels that are met."""
    return _accuracy(problem, answer, "X_test", "y_test")


def optimum_ratio(problem: Any, answer: Any) -> float:
    """Return the objective over the exact optimum of bilinear networks of any width."""
    if not isinstance(problem, Training) or not problem.exact or answer.objective is None:
        return NOT_HERE
    optimum = optimum_of(problem)
    return answer.objective / optimum if optimum > 0 else NOT_HERE


def bound_ratio(problem: Any, answer: Any) -> float:
    """Return the relaxation's proved bound over that optimum."""
    if not isinstance(problem, Training) or not problem.exact or answer.bound is None or answer.network is not None:
        return NOT_HERE
    optimum = optimum_of(problem)
    return answer.bound / optimum if optimum > 0 else NOT_HERE


def proved_gap(problem: Any, answer: Any) -> float:
    """Return (objective - bound) / objective of a method that bounds the problem it solves."""
    if not isinstance(problem, Training) or answer.bound is None or answer.objective is None or answer.objective <= 0:
        return NOT_HERE
    if answer.network is not None and answer.relaxation is not None:
        return NOT_HERE  # a rounding: its bound belongs to the relaxation
    return (answer.objective - answer.bound) / answer.objective


def excess_over_bound(problem: Any, answer: Any) -> float:
    """Return how far a sampled network's objective is above its relaxation's bound, over the bound; negative would refute it."""
    if answer.network is None or answer.relaxation is None:
        return NOT_HERE
    return answer.objective / answer.relaxation.bound - 1 if answer.relaxation.bound > 0 else NOT_HERE


def bits(problem: Any, answer: Any) -> float:
    """Return the bits of a network: a sign a weight, 64 for each different alpha."""
    return float(answer.network.bits) if answer.network is not None else NOT_HERE


def krivine_error(problem: Any, answer: Any) -> float:
    """Return the largest |arcsin Q_12 - gamma Z / rho| of step 2 in closed form, and of its diagonal from 1."""
    if answer.relaxation is None or answer.network is None or answer.relaxation.rho <= 0:
        return NOT_HERE
    from optathlon.baselines.quantized_networks import GAMMA, krivine_covariance

    bound = answer.relaxation
    V, Z = 0.5 * (bound.P + bound.N) / bound.rho, bound.Z / bound.rho
    Q = krivine_covariance(V, Z)
    error = np.abs(np.arcsin(Q[: len(Z), len(Z) :]) - GAMMA * Z).max()
    return float(max(error, np.abs(np.diagonal(Q) - 1).max(), -np.linalg.eigvalsh(Q)[0]))


def concentration(problem: Any, answer: Any) -> float:
    """Return |mean uv' - (2 gamma / pi) Z / rho|_2 sqrt(m / d), which (25) says to be of order one."""
    if answer.relaxation is None or answer.network is None or answer.relaxation.rho <= 0:
        return NOT_HERE
    from optathlon.baselines.quantized_networks import GAMMA

    network, bound = answer.network, answer.relaxation
    if len(np.unique(network.alpha)) != 1 or network.alpha[0] != bound.rho * np.pi / (GAMMA * len(network.alpha)):
        return NOT_HERE  # not what Algorithm 1 sampled
    m, d = network.U.shape
    error = network.U.T @ network.V / m - 2 * GAMMA / np.pi * bound.Z / bound.rho
    return float(np.linalg.norm(error, 2) * np.sqrt(m / d))


def residual(problem: Any, answer: Any) -> float:
    """Return the relative error of a rewritten network."""
    return NOT_HERE if answer.residual is None else answer.residual


def _predictions(answer: Any, X: Any) -> Any:
    if answer.network is not None:
        return answer.network.predict(X)
    return None if answer.relaxation is None else answer.relaxation.predict(X)


def _relative_loss(problem: Any, answer: Any, samples: str, targets: str) -> float:
    if not isinstance(problem, Training):
        return NOT_HERE
    X, y = getattr(problem, samples), getattr(problem, targets)
    fitted = _predictions(answer, X)
    if problem.loss == "squared":
        return float(np.sum((fitted - y) ** 2) / np.sum(y**2))
    return float(np.mean(np.maximum(1 - y * fitted, 0.0)))


def _accuracy(problem: Any, answer: Any, samples: str, targets: str) -> float:
    if not isinstance(problem, Training) or not problem.labels:
        return NOT_HERE
    fitted = _predictions(answer, getattr(problem, samples))
    return float(np.mean(np.where(fitted >= 0, 1.0, -1.0) == getattr(problem, targets)))


METRICS = (
    Metric(name="train-loss", unit="of f = 0", better="lower", evaluate=train_loss),
    Metric(name="test-loss", unit="of f = 0", better="lower", evaluate=test_loss),
    Metric(name="optimum-ratio", unit="of p_b*", better="lower", evaluate=optimum_ratio),
    Metric(name="bound-ratio", unit="of p_b*", better="higher", evaluate=bound_ratio),
    Metric(name="proved-gap", unit="ratio", better="lower", evaluate=proved_gap, tolerance=1e-6),
    Metric(name="excess-over-bound", unit="ratio", better="lower", evaluate=excess_over_bound),
    Metric(name="train-accuracy", unit="fraction", better="higher", evaluate=train_accuracy),
    Metric(name="test-accuracy", unit="fraction", better="higher", evaluate=test_accuracy),
    Metric(name="bits", unit="bit", better="lower", evaluate=bits),
    Metric(name="krivine-error", unit="radian", better="lower", evaluate=krivine_error),
    Metric(name="concentration", unit="ratio", better="lower", evaluate=concentration),
    Metric(name="residual", unit="ratio", better="lower", evaluate=residual),
)
