"""scipy's methods as rivals, through the same counted oracles: they end at the first gradient within tol that they evaluate."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize

from optathlon.baselines.acceleration.oracle import Oracle

__all__ = ["lbfgs", "newton_cg", "trust_krylov"]


def lbfgs(oracle: Oracle, x: np.ndarray, *, tol: float, rng: np.random.Generator, memory: int = 10) -> None:
    """Run scipy's L-BFGS-B without bounds.

    Parameters
    ----------
    oracle, x, tol, rng
        As in `minimize`.
    memory : int
        Pairs kept.
    """
    _run(oracle, x, tol, "L-BFGS-B", ftol=0.0, gtol=0.0, maxfun=oracle.max_calls + 1, maxcor=memory)


def newton_cg(oracle: Oracle, x: np.ndarray, *, tol: float, rng: np.random.Generator) -> None:
    """Run scipy's Newton-CG, a line search along truncated conjugate gradients.

    Parameters
    ----------
    oracle, x, tol, rng
        As in `minimize`.
    """
    _run(oracle, x, tol, "Newton-CG", xtol=0.0)


def trust_krylov(oracle: Oracle, x: np.ndarray, *, tol: float, rng: np.random.Generator) -> None:
    """Run scipy's trust-krylov, a trust region over Krylov spaces.

    Parameters
    ----------
    oracle, x, tol, rng
        As in `minimize`.
    """
    _run(oracle, x, tol, "trust-krylov", gtol=tol)


def _run(oracle: Oracle, x: np.ndarray, tol: float, method: str, **options: Any) -> None:
    """Run one of scipy's methods until `Oracle.stop_at` ends it, or until it gives up where it stands."""
    oracle.accept(x)
    oracle.stop_at = tol
    products = {} if method == "L-BFGS-B" else {"hessp": oracle.hessian_product}
    found = optimize.minimize(
        oracle.objective,
        x,
        method=method,
        jac=oracle.gradient,
        callback=oracle.accept,
        options={"maxiter": oracle.max_calls + 1, **options},
        **products,
    )
    oracle.accept(np.asarray(found.x))
