"""Newton's method with cubic regularisation, every subproblem solved exactly from the dense Hessian."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq

from optathlon.baselines.acceleration.oracle import Oracle

__all__ = ["cubic_newton", "cubic_step"]


def cubic_newton(
    oracle: Oracle,
    x: np.ndarray,
    *,
    tol: float,
    rng: np.random.Generator,
    curvature_tol: float,
    L2: float | None = None,
) -> None:
    """Minimise the cubic model g's + s'Hs/2 + L2/6 |s|^3 at every step, saddles included; a Hessian costs d calls.

    Parameters
    ----------
    oracle, x, tol, rng, curvature_tol
        As in `minimize`.
    L2 : float, optional
        Lipschitz constant of the Hessian instead of the problem's.

    References
    ----------
    Nesterov, Polyak, Cubic regularization of Newton method and its global performance (2006), eq. 2.4 and section 5.
    """
    L2 = oracle.constant("L2", L2)
    while True:
        oracle.accept(x)
        g = oracle.gradient(x)
        H = np.array([oracle.hessian_product(x, e) for e in np.eye(len(x))])
        values, vectors = np.linalg.eigh((H + H.T) / 2)
        oracle.smallest_eigenvalue = float(values[0])
        if np.linalg.norm(g) <= tol and values[0] >= -curvature_tol:
            return
        x = x + vectors @ cubic_step(vectors.T @ g, values, L2)


def cubic_step(g: np.ndarray, values: np.ndarray, M: float) -> np.ndarray:
    """Return the global minimiser s of g's + sum values s^2 / 2 + M/6 |s|^3, in the eigenbasis.

    It solves (values + M r / 2) s = -g with r = |s| and values + M r / 2 >= 0. In the hard case, g orthogonal to the lowest
    eigenspace, the length that is missing is made up along that eigenspace.

    Parameters
    ----------
    g : array (d,)
        Gradient in the eigenbasis.
    values : array (d,)
        Eigenvalues, ascending.
    M : float
        Weight of the cubic term, above 0.
    """
    lowest = max(0.0, -2 * float(values[0]) / M)  # the least r that makes the shifted Hessian non-negative
    gaps = values - values[0] if lowest > 0 else values  # values + M lowest / 2, without cancellation
    size = float(np.linalg.norm(g))
    hard = gaps <= 1e-14 * float(np.abs(values).max())
    if np.linalg.norm(g[hard]) <= 1e-14 * size:
        inside = np.where(hard, 0.0, -g / np.where(hard, 1.0, gaps))
        if np.linalg.norm(inside) <= lowest:
            inside[0] = math.sqrt(lowest**2 - float(inside @ inside))
            return inside

    def excess(beyond: float) -> float:
        return float(np.linalg.norm(g / (gaps + M * beyond / 2))) - lowest - beyond

    upper = math.sqrt(2 * size / M)  # |g| / (M t / 2) <= t from here on
    lower = upper
    while excess(lower) <= 0 and lower > 1e-290:
        lower /= 8
    beyond = upper if lower == upper else float(brentq(excess, lower, upper, xtol=1e-300, rtol=1e-14))  # pyright: ignore[reportArgumentType]
    return -g / (gaps + M * beyond / 2)
