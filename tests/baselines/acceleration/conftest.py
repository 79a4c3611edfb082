"""Problems of the tests: small, and with constants that hold."""

from types import SimpleNamespace

import numpy as np
import pytest

from optathlon.baselines.acceleration import Problem, matrix_factorization, phase_retrieval, robust_regression, tanh_network


def quadratic(eigenvalues):
    """Return 1/2 sum eigenvalues x^2, which has a saddle, a valley or a minimum at 0."""
    h = np.asarray(eigenvalues, dtype=float)
    return Problem(
        lambda x: float(h @ x**2 / 2),
        lambda x: h * x,
        lambda x, v: h * v,
        L1=float(np.abs(h).max()),
        L2=1.0,
        lower_bound=0.0 if (h >= 0).all() else None,
    )


def double_well(d):
    """Return sum x^4/4 - x^2/2: minima at (+-1, ...), a strict saddle at every other point of {-1, 0, 1}^d."""
    return Problem(
        lambda x: float(np.sum(x**4 / 4 - x**2 / 2)),
        lambda x: x**3 - x,
        lambda x, v: (3 * x**2 - 1) * v,
        L1=11.0,
        L2=12.0,
        lower_bound=-d / 4,
    )


def regression(rng, n=60, d=6):
    A = rng.standard_normal((n, d))
    return robust_regression(A, A @ rng.standard_normal(d) + rng.standard_normal(n))


def phase(rng, n=60, d=6):
    A = rng.standard_normal((n, d))
    return phase_retrieval(A, (A @ rng.standard_normal(d)) ** 2)


def factorization(rng, n=6, rank=2):
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0][:, :rank]
    return matrix_factorization(Q * np.linspace(2, 1, rank) @ Q.T, rank)


def network(rng, n=40, p=3):
    X = rng.standard_normal((n, p))
    return tanh_network(X, np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0), width=3)


@pytest.fixture
def instances() -> SimpleNamespace:
    return SimpleNamespace(
        quadratic=quadratic,
        double_well=double_well,
        regression=regression,
        phase=phase,
        factorization=factorization,
        network=network,
    )
