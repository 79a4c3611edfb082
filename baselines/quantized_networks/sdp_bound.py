"""Semidefinite relaxations of networks with weights in {-1, +1}: (19) and (22), with a bound that is proved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.quantized_networks import _checks
from optathlon.baselines.quantized_networks._relaxation import Relaxation, Solved, certify, solve_interior, solve_low_rank

Array = NDArray[np.float64]

Form = Literal["bilinear", "bilinear-printed", "quadratic"]
FORMS = ("quadratic", "bilinear", "bilinear-printed")
SOLVERS = ("interior-point", "low-rank", "scs", "clarabel")


@dataclass(frozen=True, eq=False)
class SdpBound:
    """Answer of `sdp_bound`; with targets of shape (n, C), arrays have a leading axis C, and numbers are sums over outputs.

    Attributes
    ----------
    objective : float
        Loss and regulariser of the relaxation at `P` and `N`.
    bound : float
        Value of a dual point whose feasibility a Cholesky factorisation proved: no network has a lower objective.
    gap : float
        (objective - bound) / objective; 0 where both are 0.
    converged : bool
        Whether `gap` is at most `tol`.
    Z : ndarray, shape (d, d)
        (P - N) / 2: predictions are 2 x'Zx.
    rho : float or ndarray, shape (C,)
        The diagonal of [[V, Z], [Z, V]], V = (P + N) / 2; for "quadratic" (rho_1 + rho_2) / 2.
    P, N : ndarray, shape (d, d)
        V + Z and V - Z, positive semidefinite.
    dual : ndarray, shape (n,)
        v of the bound -loss*(-v).
    mu : ndarray, shape (d,) or (2d,)
        Diagonals with diag(mu) - S and diag(mu) + S positive semidefinite, S = sum_i v_i x_i x_i'; two of them for "quadratic".
    n_steps : int
        Newton or L-BFGS steps.
    form, loss, solver : str
        What was solved, and by what; the interior point where it had to finish what the low-rank method began.
    """

    objective: float
    bound: float
    gap: float
    converged: bool
    Z: Array
    rho: float | Array
    P: Array
    N: Array
    dual: Array
    mu: Array
    n_steps: int
    form: str
    loss: str
    solver: str

    def predict(self, X: ArrayLike) -> Array:
        """Return 2 x'Zx, shape (n,) or (n, C)."""
        samples = _checks.check_real("X", X)
        if samples.ndim != 2 or samples.shape[1] != self.Z.shape[-1]:
            raise ValueError(f"X must have shape (n, {self.Z.shape[-1]}), got {samples.shape}")
        if self.Z.ndim == 3:
            return np.stack([2 * np.einsum("ij,ij->i", samples @ Z, samples) for Z in self.Z], axis=1)
        return 2 * np.einsum("ij,ij->i", samples @ self.Z, samples)


def sdp_bound(
    X: ArrayLike,
    y: ArrayLike,
    *,
    beta: float,
    loss: Literal["squared", "hinge"] = "squared",
    form: Form = "bilinear",
    solver: Literal["interior-point", "low-rank", "scs", "clarabel"] | None = None,
    tol: float = 1e-6,
    max_memory: int = 4 * 2**30,
    rng: np.random.Generator | int | None = 0,
    callback: Callable[[int, tuple[float, float]], object] | None = None,
) -> SdpBound:
    r"""Bound the best network sum_j alpha_j (x'u_j)(x'v_j), u_j, v_j in {-1, 1}^d, from below.

    .. math:: \min_{Q \succeq 0, \rho} \ell(\hat y, y) + \kappa d \rho,\; \hat y_i = 2 x_i' Z x_i,\; Q_{jj} = \rho,\;
        Q = \begin{pmatrix} V & Z \\ Z' & W \end{pmatrix}

    Parameters
    ----------
    X : array_like, shape (n, d)
        Samples.
    y : array_like, shape (n,) or (n, C)
        Targets, or labels -1 and 1 for the hinge. Outputs of a loss that is a sum over them are C problems.
    beta : float
        Regularisation: the network pays beta d sum_j |alpha_j|.
    loss : {"squared", "hinge"}
        Sum of squares, or of max(0, 1 - y yhat).
    form : {"bilinear", "bilinear-printed", "quadratic"}
        (22) with kappa = 2 beta, which a network with rho = sum |alpha_j| / 2 attains; with kappa = beta as printed, half as
        much regulariser as that; or (19), for u_j = v_j: Q's blocks become two matrices with constant diagonals.
    solver : {"interior-point", "low-rank", "scs", "clarabel"}, optional
        By default the interior point, or the low-rank method where n and d make it quicker. The last two go through cvxpy, and
        their answers are then certified like any other.
    tol : float
        Wanted gap, relative to the objective.
    max_memory : int
        Bytes that a Schur complement may take.
    rng : numpy.random.Generator or int, optional
        Of the low-rank method's start.
    callback : callable, optional
        ``callback(step, (objective, bound))`` of the best pair so far.

    Returns
    -------
    SdpBound
        Objective, proved bound and both solutions.

    Raises
    ------
    ValueError
        For bad input, and for Schur complements beyond `max_memory`, with the estimate.

    References
    ----------
    Bartan, Pilanci, Training Quantized Neural Networks to Global Optimality via Semidefinite Programming, (19), (22).
    """
    features, targets = _checks.check_data(X, y, loss, outputs=True)
    _checks.check_choice("form", form, FORMS)
    if solver is not None:
        _checks.check_choice("solver", solver, SOLVERS)
    if solver == "low-rank" and form == "quadratic":
        raise ValueError("solver must be 'interior-point', 'scs' or 'clarabel' for form='quadratic', got 'low-rank'")
    beta, tol = _checks.check_positive("beta", beta), _checks.check_positive("tol", tol)
    max_memory = _checks.check_count("max_memory", max_memory)
    generator = _checks.check_rng(rng)
    columns = [
        _one_output(features, column, beta, loss, form, solver, tol, max_memory, generator, callback)
        for column in np.atleast_2d(targets.T)
    ]
    return columns[0] if targets.ndim == 1 else _joined(columns, tol)


def _one_output(
    X: Array,
    y: Array,
    beta: float,
    loss: str,
    form: str,
    solver: str | None,
    tol: float,
    max_memory: int,
    rng: np.random.Generator,
    callback: Callable[[int, tuple[float, float]], object] | None,
) -> SdpBound:
    problem = Relaxation.of(X, y, beta, loss, form)
    chosen = solver or ("low-rank" if problem.prefers_low_rank() else "interior-point")
    if chosen in ("scs", "clarabel"):
        from optathlon.baselines.quantized_networks._cvxpy_model import solve_by_cvxpy

        solved = solve_by_cvxpy(problem, chosen, tol)
    else:
        solved = Solved.nothing(problem)
        if chosen == "low-rank":
            solved = solve_low_rank(problem, tol, rng, callback)
        if not solved.gap <= tol and (chosen == "interior-point" or solver is None):
            chosen = "interior-point"
            solved = solved.better(solve_interior(problem, 0.5 * tol, max_memory, callback))
    return _result(problem, certify(problem, solved), tol, chosen)


def _result(problem: Relaxation, solved: Solved, tol: float, solver: str) -> SdpBound:
    objective, bound = problem.unit * solved.upper, problem.unit * solved.lower
    gap = solved.gap
    P, N = problem.in_units(solved.P), problem.in_units(solved.N)
    if problem.tied:
        rho = 0.5 * float((np.diagonal(P) + np.diagonal(N)).max())
        short = np.diag(rho - 0.5 * (np.diagonal(P) + np.diagonal(N)))
        P, N = P + short, N + short
    else:
        rho = 0.5 * float(P[0, 0] + N[0, 0])
    return SdpBound(
        objective, bound, gap, bool(gap <= tol), 0.5 * (P - N), rho, P, N, problem.dual_in_units(solved.v),
        problem.diagonal_in_units(solved.mu), solved.steps, problem.form, problem.loss, solver,
    )  # fmt: skip


def _joined(columns: list[SdpBound], tol: float) -> SdpBound:
    objective, bound = sum(one.objective for one in columns), sum(one.bound for one in columns)
    gap = (objective - bound) / objective if objective > 0 else 0.0
    stacked = {name: np.stack([getattr(one, name) for one in columns]) for name in ("Z", "P", "N", "dual", "mu")}
    return replace(
        columns[0], objective=objective, bound=bound, gap=gap, converged=gap <= tol,
        rho=np.array([one.rho for one in columns]), n_steps=sum(one.n_steps for one in columns), **stacked,
    )  # fmt: skip
