"""The instances: functions to minimise from a start, and networks to train by momentum."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from optathlon import data
from optathlon.baselines.acceleration import (
    DeepLinear,
    Problem,
    WideReLU,
    deep_linear,
    estimate_smoothness,
    hard_chain,
    matrix_factorization,
    minimize,
    phase_retrieval,
    robust_regression,
    tanh_network,
    wide_relu,
)

# L1 and L2 of the networks: the largest that `estimate_smoothness` shows along whole paths of L-BFGS, seeds 0 to 2: cancer, width
# 8: 1.41, 1.47, 2.10 and 2.07, 4.22, 2.02; digits, width 4, by how many are left out: all 5.77, 9.81, 12.93 and 3.88, 5.40, 5.49,
# every third 6.08, 6.86, 4.62 and 2.83, 3.37, 3.29. Hundreds of dense Hessians, so they are kept.
CANCER, DIGITS = (2.1, 4.2), {1: (13.0, 5.5), 3: (6.9, 3.4)}

Make = Callable[[np.random.Generator, str], object]


@dataclass(frozen=True, eq=False)
class Descent:
    """A function, a start and what counts as done.

    Attributes
    ----------
    problem : Problem
        With L1 and L2, proved or estimated along a path of L-BFGS.
    x0 : numpy.ndarray (d,)
        Start.
    tol : float
        Gradient norm of a second-order point; its smallest eigenvalue is at least -2 sqrt(L2 tol).
    max_calls : int
        Gradients and Hessian products allowed.
    """

    problem: Problem
    x0: np.ndarray
    tol: float
    max_calls: int

    @property
    def curvature_tol(self) -> float:
        """2 sqrt(L2 tol), of Theorem 2.5."""
        assert self.problem.L2 is not None
        return 2 * math.sqrt(self.problem.L2 * self.tol)


@dataclass(frozen=True, eq=False)
class Momentum:
    """A network, and the constants of its theorem.

    Attributes
    ----------
    network : WideReLU or DeepLinear
        At its random start.
    step : float
        eta of the theorem.
    kappa : float
        Condition number of the theorem: kappa-hat for the ReLU network.
    max_steps : int
        Steps allowed.
    """

    network: WideReLU | DeepLinear
    step: float
    kappa: float
    max_steps: int = 20_000


def chain(d: int, mu: float, tol: float, max_calls: int) -> Make:
    """Return the hard chain of length d from 0."""
    return lambda rng, device: Descent(hard_chain(d, mu), np.zeros(d), tol, max_calls)


def robust(n: int, d: int, tol: float, max_calls: int) -> Make:
    """Return robust regression on n Gaussian samples with noise of deviation 3 and 30 % shifted targets, from 0."""

    def make(rng: np.random.Generator, device: str) -> Descent:
        A, z = rng.standard_normal((n, d)), 2 * rng.standard_normal(d)
        b = A @ z + 3 * rng.standard_normal(n) + (rng.random(n) < 0.3)
        return Descent(robust_regression(A, b), np.zeros(d), tol, max_calls)

    return make


def phase(n: int, d: int, tol: float, max_calls: int) -> Make:
    """Return phase retrieval from n Gaussian measurements of a vector of about unit length, from another such vector."""

    def make(rng: np.random.Generator, device: str) -> Descent:
        A, z, x0 = rng.standard_normal((n, d)), rng.standard_normal(d), rng.standard_normal(d)
        problem = phase_retrieval(A, (A @ z) ** 2 / d)
        return _with_constants(Descent(problem, x0 / math.sqrt(d), tol, max_calls))

    return make


def factorization(n: int, rank: int, noise: float, tol: float, max_calls: int) -> Make:
    """Return the factorisation of a matrix with eigenvalues from 2 down to 1, from within `noise` of the saddle at 0."""

    def make(rng: np.random.Generator, device: str) -> Descent:
        Q = np.linalg.qr(rng.standard_normal((n, n)))[0][:, :rank]
        problem = matrix_factorization(Q * np.linspace(2, 1, rank) @ Q.T, rank)
        return Descent(problem, noise * rng.standard_normal(n * rank), tol, max_calls)

    return make


def cancer(width: int, tol: float, max_calls: int) -> Make:
    """Return a tanh network on the standardised breast-cancer data, from small random weights."""

    def make(rng: np.random.Generator, device: str) -> Descent:
        X, y = _arrays("breast_cancer")
        return _network((X - X.mean(axis=0)) / X.std(axis=0), 2.0 * y - 1, width, tol, max_calls, rng, CANCER)

    return make


def digits(width: int, tol: float, max_calls: int, every: int = 1) -> Make:
    """Return a tanh network that tells odd digits from even ones, from small random weights, on every so-many-th digit."""

    def make(rng: np.random.Generator, device: str) -> Descent:
        X, y = (array[::every] for array in _arrays("digits"))
        return _network(X.reshape(len(X), -1) / X.max(), 2.0 * (y % 2) - 1, width, tol, max_calls, rng, DIGITS[every])

    return make


def wells(d: int, tol: float, max_calls: int) -> Make:
    """Return sum of x^4/4 - x^2/2 from near its saddle at 0; L1 = 11 and L2 = 12 hold where |x_i| <= 2."""
    problem = Problem(
        lambda x: float(np.sum(x**4 / 4 - x**2 / 2)),
        lambda x: x**3 - x,
        lambda x, v: (3 * x**2 - 1) * v,
        L1=11.0,
        L2=12.0,
        lower_bound=-d / 4,
    )
    return lambda rng, device: Descent(problem, 1e-3 * rng.standard_normal(d), tol, max_calls)


def relu(n: int, d: int, width: int, common: float = 0.0) -> Make:
    """Return the network of Theorem 3.1 on n unit samples; `common` is the weight of a direction that all share."""

    def make(rng: np.random.Generator, device: str) -> Momentum:
        X = rng.standard_normal((n, d)) + common * rng.standard_normal(d)
        network = wide_relu(X / np.linalg.norm(X, axis=1)[:, None], rng.standard_normal(n), width=width, rng=rng)
        largest, kappa = network.constants()
        return Momentum(network, 1 / largest, kappa)

    return make


def linear(depth: int, kappa: float, width: int = 128, d: int = 10, dy: int = 5) -> Make:
    """Return the network of Theorem 3.2 on d samples whose squared singular values fall from 1 to 1 / kappa."""

    def make(rng: np.random.Generator, device: str) -> Momentum:
        left, right = (np.linalg.qr(rng.standard_normal((d, d)))[0] for _ in range(2))
        X = left * np.sqrt(np.geomspace(1, 1 / kappa, d)) @ right
        network = deep_linear(X, rng.standard_normal((dy, d)) @ X, width=width, depth=depth, rng=rng)
        return Momentum(network, *network.constants())

    return make


def _arrays(name: str) -> tuple[np.ndarray, np.ndarray]:
    arrays = data.load(name)
    return arrays["X"].astype(float), arrays["y"].astype(float)


def _network(
    X: np.ndarray,
    y: np.ndarray,
    width: int,
    tol: float,
    max_calls: int,
    rng: np.random.Generator,
    constants: tuple[float, float],
) -> Descent:
    problem, d = tanh_network(X, y, width=width), width * (X.shape[1] + 2) + 1
    return Descent(replace(problem, L1=constants[0], L2=constants[1]), 0.3 * rng.standard_normal(d), tol, max_calls)


def _with_constants(descent: Descent) -> Descent:
    """Return the same with L1 and L2 as seen along the path of L-BFGS, times 1.3; at most 40 points of it."""
    path: list[np.ndarray] = []
    minimize("lbfgs", descent.problem, descent.x0, tol=descent.tol, max_calls=2000, callback=lambda _, x: path.append(x))
    L1, L2 = estimate_smoothness(descent.problem, path[:: math.ceil(len(path) / 40)])
    return replace(descent, problem=replace(descent.problem, L1=L1, L2=L2))
