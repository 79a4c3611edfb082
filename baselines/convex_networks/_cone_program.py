"""Group-sparse least squares over polyhedral cones, by interior point, with a certificate of its own."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy import sparse

Array = NDArray[np.float64]


class ConeSolution(NamedTuple):
    """Blocks w_1, ..., w_G as rows, their objective, and a lower bound of the optimum."""

    w: Array
    objective: float
    dual_bound: float


def group_cone_program(F: Array, y: Array, beta: float, block: int, B: sparse.csr_array | None = None) -> ConeSolution:
    """Solve ``min_w 1/2 ||F w - y||^2 + beta sum_g ||w_g||  subject to  B w >= 0``, the w_g of length `block`.

    The dual is ``max_v y'v - 1/2 ||v||^2`` over the v for which some ``lambda >= 0`` has
    ``||(F'v + B'lambda)_g|| <= beta`` for all g. The residual and the solver's lambda, scaled together until that
    holds, give a bound that needs no trust in the solver.
    """
    from scipy import sparse

    clarabel: Any = import_module("clarabel")
    n, columns = F.shape
    groups = columns // block
    B = sparse.csr_array((0, columns)) if B is None else B
    n_bounds = len(B.indptr) - 1
    # Variables: residual r, bounds t_g >= ||w_g||, w. Rows: r - F w = -y; B w >= 0; (t_g, w_g) in the second-order cone.
    A = sparse.vstack(
        [
            sparse.hstack([sparse.eye_array(n), sparse.csr_array((n, groups)), sparse.csr_array(-F)]),
            sparse.hstack([sparse.csr_array((n_bounds, n + groups)), -B]),
            sparse.hstack([sparse.csr_array((groups * (block + 1), n)), -_interleaved(groups, block)]),
        ]
    ).tocsc()
    P = sparse.diags_array(np.concatenate([np.ones(n), np.zeros(groups + columns)])).tocsc()
    q = np.concatenate([np.zeros(n), np.full(groups, beta), np.zeros(columns)])
    b = np.concatenate([-y, np.zeros(n_bounds + groups * (block + 1))])
    cones = [clarabel.ZeroConeT(n), clarabel.NonnegativeConeT(n_bounds)]
    cones = (cones if n_bounds else cones[:1]) + [clarabel.SecondOrderConeT(block + 1)] * groups
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    solution = clarabel.DefaultSolver(P, q, A, b, cones, settings).solve()
    w = np.array(solution.x)[n + groups :]
    multipliers = np.maximum(np.array(solution.z)[n : n + n_bounds], 0)
    residual = y - F @ w
    priced = (F.T @ residual + B.T @ multipliers).reshape(groups, block)
    w = w.reshape(groups, block)
    objective = 0.5 * float(residual @ residual) + beta * float(np.linalg.norm(w, axis=1).sum())
    reach, fit, squared = np.linalg.norm(priced, axis=1).max(), float(y @ residual), float(residual @ residual)
    scale = min(beta / max(reach, 1e-300), max(fit, 0.0) / max(squared, 1e-300))
    return ConeSolution(w, objective, max(0.0, scale * fit - 0.5 * scale**2 * squared))


def _interleaved(groups: int, block: int) -> sparse.csr_array:
    """Return the map from (t, w) to (t_1, w_1, t_2, w_2, ...)."""
    from scipy import sparse

    first = np.arange(groups)
    source = np.column_stack([first, groups + np.arange(groups * block).reshape(groups, block)]).ravel()
    size = groups * (block + 1)
    return sparse.csr_array((np.ones(size), (np.arange(size), source)), shape=(size, size))
