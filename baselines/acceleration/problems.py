"""Non-convex functions with known constants or known saddles, as oracles with exact Hessian products."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np
from scipy.special import expit

from optathlon.baselines.acceleration._checks import check_count, check_matrix, check_point, check_positive
from optathlon.baselines.acceleration.oracle import Problem

__all__ = ["estimate_smoothness", "hard_chain", "matrix_factorization", "phase_retrieval", "robust_regression", "tanh_network"]

_CHAIN_CURVATURE, _CHAIN_THIRD = 180.0, 314.07  # largest |second| and |third| derivative of Upsilon, r = 1
_ROBUST_THIRD = 4.669  # largest |third| derivative of t^2 / (1 + t^2)


def hard_chain(d: int, mu: float) -> Problem:
    """Return the function on which the gradient finds one coordinate after the other, from x0 = 0.

    sqrt(mu)/2 (x_1 - 1)^2 + 1/2 sum_i (x_i - x_{i+1})^2 + mu sum_i Upsilon(x_i), with
    Upsilon(t) = 120 int_1^t s^2 (s - 1) / (1 + s^2) ds. Its only stationary point is (1, ..., 1), where f = 0.

    Parameters
    ----------
    d : int
        Length of the chain.
    mu : float
        Conditioning: L1 = 4 + sqrt(mu) + 180 mu, L2 = 314.07 mu.

    References
    ----------
    Carmon, Duchi, Hinder, Sidford, Lower bounds for finding stationary points II (2021), section 4, with r = 1.
    """
    d, mu = check_count("d", d), check_positive("mu", mu)
    root = math.sqrt(mu)

    def objective(x: np.ndarray) -> float:
        # s^2 (s - 1) / (1 + s^2) = s - 1 - s / (1 + s^2) + 1 / (1 + s^2)
        bumps = (x - 1) ** 2 / 2 - np.log((1 + x**2) / 2) / 2 + np.arctan(x) - math.pi / 4
        return float(root / 2 * (x[0] - 1) ** 2 + np.sum(np.diff(x) ** 2) / 2 + 120 * mu * np.sum(bumps))

    def gradient(x: np.ndarray) -> np.ndarray:
        squares = x * x
        g = 120 * mu * squares * (x - 1) / (1 + squares)
        _add_chain(g, x[1:] - x[:-1])
        g[0] += root * (x[0] - 1)
        return g

    def hessian_product(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        product = 120 * mu * (1 + (x**2 - 1 - 2 * x) / (1 + x**2) ** 2) * v
        _add_chain(product, v[1:] - v[:-1])
        product[0] += root * v[0]
        return product

    return Problem(
        objective, gradient, hessian_product, L1=4 + root + _CHAIN_CURVATURE * mu, L2=_CHAIN_THIRD * mu, lower_bound=0.0
    )


def _add_chain(g: np.ndarray, steps: np.ndarray) -> None:
    """Add the gradient of half the sum of squared steps."""
    g[:-1] -= steps
    g[1:] += steps


def robust_regression(A: np.ndarray, b: np.ndarray) -> Problem:
    """Return regression under the loss that saturates: mean of r^2 / (1 + r^2) over the residuals r = A x - b.

    Parameters
    ----------
    A : array (n, d)
        One sample a row. L1 = 2 |A|^2 / n and L2 = 4.669 |A|^2 max_i |a_i| / n.
    b : array (n,)
        Targets.

    References
    ----------
    Carmon, Duchi, Hinder, Sidford, Convex until proven guilty (2017), section 5.
    """
    A, b = check_matrix("A", A), _targets("b", b, np.shape(A)[0])
    n, norm, longest = len(A), np.linalg.norm(A, 2), np.linalg.norm(A, axis=1).max()
    if norm == 0:
        raise ValueError("A must have an entry that is not zero")

    def objective(x: np.ndarray) -> float:
        squares = (A @ x - b) ** 2
        return float(np.mean(squares / (1 + squares)))

    def gradient(x: np.ndarray) -> np.ndarray:
        r = A @ x - b
        return A.T @ (2 * r / (1 + r**2) ** 2) / n

    def hessian_product(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        squares = (A @ x - b) ** 2
        return A.T @ ((2 - 6 * squares) / (1 + squares) ** 3 * (A @ v)) / n

    L1 = float(2 * norm**2 / n)
    return Problem(objective, gradient, hessian_product, L1=L1, L2=float(_ROBUST_THIRD * norm**2 * longest / n), lower_bound=0.0)


def phase_retrieval(A: np.ndarray, b: np.ndarray) -> Problem:
    """Return phase retrieval: 1/4 the mean of ((A x)^2 - b)^2.

    A polynomial of degree four: there are no global constants (`estimate_smoothness` gives those of a path).

    Parameters
    ----------
    A : array (n, d)
        One measurement a row.
    b : array (n,)
        Squared amplitudes.
    """
    A, b = check_matrix("A", A), _targets("b", b, np.shape(A)[0])
    n = len(A)

    def objective(x: np.ndarray) -> float:
        return float(np.mean(((A @ x) ** 2 - b) ** 2) / 4)

    def gradient(x: np.ndarray) -> np.ndarray:
        a = A @ x
        return A.T @ ((a**2 - b) * a) / n

    def hessian_product(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        return A.T @ ((3 * (A @ x) ** 2 - b) * (A @ v)) / n

    return Problem(objective, gradient, hessian_product, lower_bound=0.0)


def matrix_factorization(M: np.ndarray, rank: int) -> Problem:
    """Return symmetric factorisation: 1/4 |U U' - M|_F^2 over U (n, rank), flattened row by row.

    U = 0 is a strict saddle whose smallest eigenvalue is minus the largest of M, wherever that is positive. On the
    sublevel set of f(0), where |U|^2 <= R^2 = |M|_2 + |M|_F, the constants are L1 = 3 R^2 and L2 = 6 R.

    Parameters
    ----------
    M : array (n, n)
        Symmetric.
    rank : int
        Columns of U.
    """
    M, rank = check_matrix("M", M), check_count("rank", rank)
    if M.shape[0] != M.shape[1] or not np.allclose(M, M.T, rtol=1e-10, atol=1e-12 * np.abs(M).max()):
        raise ValueError(f"M must be symmetric, got shape {M.shape} or a matrix unlike its transpose")
    radius2 = float(np.linalg.norm(M, 2) + np.linalg.norm(M))
    if radius2 == 0:
        raise ValueError("M must have an entry that is not zero")

    def matrix(x: np.ndarray) -> np.ndarray:
        return x.reshape(len(M), rank)

    def objective(x: np.ndarray) -> float:
        U = matrix(x)
        return float(np.sum((U @ U.T - M) ** 2) / 4)

    def gradient(x: np.ndarray) -> np.ndarray:
        U = matrix(x)
        return ((U @ U.T - M) @ U).ravel()

    def hessian_product(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        U, V = matrix(x), matrix(v)
        return ((U @ V.T + V @ U.T) @ U + (U @ U.T - M) @ V).ravel()

    return Problem(objective, gradient, hessian_product, L1=3 * radius2, L2=6 * math.sqrt(radius2), lower_bound=0.0)


def tanh_network(X: np.ndarray, y: np.ndarray, *, width: int = 8, penalty: float = 1e-4) -> Problem:
    """Return the training of one hidden layer: mean log(1 + exp(-y N(x))) + penalty/2 |weights|^2.

    N(x) = w' tanh(W x + b) + c, with the weights laid out as W row by row, b, w, c: d = width (p + 2) + 1. No constants are
    given (`estimate_smoothness` gives those of a path).

    Parameters
    ----------
    X : array (n, p)
        Samples.
    y : array (n,)
        Labels -1 and 1.
    width : int
        Hidden units.
    penalty : float
        Weight of the squared norm.
    """
    X, y = check_matrix("X", X), _targets("y", y, np.shape(X)[0])
    if not np.isin(y, (-1, 1)).all():
        raise ValueError("y must hold -1 and 1 only")
    width, penalty = check_count("width", width), check_positive("penalty", penalty)
    n, p = X.shape
    cuts = np.cumsum([width * p, width, width])

    def parts(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        W, b, w, c = np.split(x, cuts)
        return W.reshape(width, p), b, w, c

    def forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return hidden values (n, width), output weights, and margins (n,)."""
        W, b, w, c = parts(x)
        hidden = np.tanh(X @ W.T + b)
        return hidden, w, y * (hidden @ w + c)

    def objective(x: np.ndarray) -> float:
        return float(np.mean(np.logaddexp(0, -forward(x)[2])) + penalty / 2 * (x @ x))

    def gradient(x: np.ndarray) -> np.ndarray:
        hidden, w, margins = forward(x)
        r = -y * expit(-margins) / n
        D = np.outer(r, w) * (1 - hidden**2)
        return np.concatenate([(D.T @ X).ravel(), D.sum(axis=0), hidden.T @ r, [r.sum()]]) + penalty * x

    def hessian_product(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        hidden, w, margins = forward(x)
        V, vb, vw, vc = parts(v)
        slope = 1 - hidden**2
        r = -y * expit(-margins) / n
        # the derivative of each quantity of `gradient` along v
        moved = slope * (X @ V.T + vb)
        dr = expit(margins) * expit(-margins) / n * (moved @ w + hidden @ vw + vc)
        dD = (np.outer(dr, w) + np.outer(r, vw)) * slope - 2 * np.outer(r, w) * hidden * moved
        return np.concatenate([(dD.T @ X).ravel(), dD.sum(axis=0), moved.T @ r + hidden.T @ dr, [dr.sum()]]) + penalty * v

    def dense_hessian(x: np.ndarray) -> np.ndarray:
        hidden, w, margins = forward(x)
        slope = 1 - hidden**2
        r, s = -y * expit(-margins) / n, expit(margins) * expit(-margins) / n
        inputs = np.column_stack([X, np.ones(n)])
        # J' diag(s) J with the slopes J of N, then the second derivatives of N, unit by unit
        J = np.hstack([((slope * w)[:, :, None] * X[:, None, :]).reshape(n, -1), slope * w, hidden, np.ones((n, 1))])
        H = (J * s[:, None]).T @ J
        for k in range(width):
            own = np.append(np.arange(k * p, (k + 1) * p), width * p + k)
            H[np.ix_(own, own)] -= (inputs * (2 * w[k] * r * hidden[:, k] * slope[:, k])[:, None]).T @ inputs
            mixed = inputs.T @ (r * slope[:, k])
            H[own, width * (p + 1) + k] += mixed
            H[width * (p + 1) + k, own] += mixed
        H[np.diag_indices_from(H)] += penalty
        return (H + H.T) / 2

    return Problem(objective, gradient, hessian_product, lower_bound=0.0, dense_hessian=dense_hessian)


def estimate_smoothness(problem: Problem, points: Iterable[np.ndarray], *, margin: float = 1.3) -> tuple[float, float]:
    """Return L1 and L2 as seen along a path, times a margin: estimates, not bounds.

    Parameters
    ----------
    problem : Problem
        Its Hessian is made dense at every point.
    points : iterable of arrays (d,)
        At least two points, in order.
    margin : float
        Factor on the largest Hessian and on the largest change of it per distance.
    """
    hessians = [(check_point("points", x), problem.hessian(np.asarray(x))) for x in points]
    moves = [(float(np.linalg.norm(H - G, 2)), float(np.linalg.norm(x - z))) for (z, G), (x, H) in itertools.pairwise(hessians)]
    changes = [change / distance for change, distance in moves if distance > 0 and change > 0]
    if not changes:
        raise ValueError(f"points must hold two that differ in their Hessian, got {len(hessians)} points")
    return margin * max(float(np.linalg.norm(H, 2)) for _, H in hessians), margin * max(changes)


def _targets(name: str, values: np.ndarray, n: int) -> np.ndarray:
    b = check_point(name, values)
    if len(b) != n:
        raise ValueError(f"{name} must have shape ({n},), one entry per row, got {b.shape}")
    return b
