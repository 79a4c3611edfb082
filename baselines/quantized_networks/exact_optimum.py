"""The global optimum over all bilinear sign networks, by column generation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.quantized_networks import _checks
from optathlon.baselines.quantized_networks._column_program import Columns, solve_columns
from optathlon.baselines.quantized_networks._measurements import Samples
from optathlon.baselines.quantized_networks._pricing import price_exactly, price_heuristically
from optathlon.baselines.quantized_networks.networks import BilinearNetwork, total_loss
from optathlon.baselines.quantized_networks.sdp_bound import sdp_bound

Array = NDArray[np.float64]

MOST_EXACT_FEATURES = 20
_COLUMNS_PER_ROUND = 100
_UNIMPROVED = 1e-8  # heuristic pricing ends below this excess over the price


@dataclass(frozen=True, eq=False)
class ExactOptimum:
    """Answer of `exact_optimum`; with targets of shape (n, C), numbers are sums over outputs.

    Attributes
    ----------
    U, V : ndarray, shape (m, d)
        Signs of the neurons found to matter.
    alpha : ndarray, shape (m,) or (m, C)
        Their weights; of several outputs each neuron serves one.
    objective : float
        loss + beta d sum |alpha_j| of this network.
    bound : float
        Lower bound over all networks of any number of neurons.
    gap : float
        (objective - bound) / objective; 0 where both are 0.
    converged : bool
        Whether `gap` is at most `tol`.
    n_rounds : int
        Pricing rounds.
    pricing : str
        "exact": `bound` is a dual point scaled by the exact maximum; "heuristic": the relaxation's.
    """

    U: Array
    V: Array
    alpha: Array
    objective: float
    bound: float
    gap: float
    converged: bool
    n_rounds: int
    pricing: str

    @property
    def network(self) -> BilinearNetwork:
        """The network of one output."""
        return BilinearNetwork(self.U, self.V, self.alpha)

    def predict(self, X: ArrayLike) -> Array:
        """Return the predictions of each row of X, shape (n,) or (n, C)."""
        samples = _checks.check_real("X", X)
        if samples.ndim != 2 or samples.shape[1] != self.U.shape[1]:
            raise ValueError(f"X must have shape (n, {self.U.shape[1]}), got {samples.shape}")
        return ((samples @ self.U.T) * (samples @ self.V.T)) @ self.alpha


def exact_optimum(
    X: ArrayLike,
    y: ArrayLike,
    *,
    beta: float,
    loss: Literal["squared", "hinge"] = "squared",
    pricing: Literal["exact", "heuristic"] | None = None,
    tol: float = 1e-6,
    max_rounds: int = 500,
    rng: np.random.Generator | int | None = 0,
    callback: Callable[[int, tuple[float, float]], object] | None = None,
) -> ExactOptimum:
    r"""Solve (21) with as many neurons as it takes, a lasso or linear program over all 2^{2d} neurons.

    .. math:: p_b^* = \min_{u_j, v_j \in \{-1, 1\}^d, \alpha} \ell\Big(\sum_j \alpha_j (X u_j) \circ (X v_j), y\Big)
        + \beta d \sum_j |\alpha_j|

    Parameters
    ----------
    X : array_like, shape (n, d)
        Samples.
    y : array_like, shape (n,) or (n, C)
        Targets, or labels -1 and 1 for the hinge. Outputs of a loss that is a sum over them, with |alpha_j|_1 as the price of a
        neuron, are C problems.
    beta : float
        Regularisation.
    loss : {"squared", "hinge"}
        Sum over samples.
    pricing : {"exact", "heuristic"}, optional
        How max u'S v is solved: over all 2^(d-1) u, by default up to d = 20, or by local search from random starts.
    tol : float
        Wanted gap, relative to the objective.
    max_rounds : int
        Pricing rounds at most.
    rng : numpy.random.Generator or int, optional
        Of the heuristic's starts.
    callback : callable, optional
        ``callback(round, (objective, bound))``.

    Returns
    -------
    ExactOptimum
        At most n neurons are needed (Caratheodory), so p_b* holds for every m >= n.

    Raises
    ------
    ValueError
        For bad input, and for exact pricing beyond d = 20, with an estimate.

    Notes
    -----
    Master problem over the neurons found; its dual v gives S = sum_i v_i x_i x_i'; neurons with |u'Sv| > beta d join. Scaling v
    by beta d / max |u'Sv| makes it feasible for the whole problem, which proves the bound, less what rounding can have added.
    """
    features, targets = _checks.check_data(X, y, loss, outputs=True)
    beta, tol = _checks.check_positive("beta", beta), _checks.check_positive("tol", tol)
    max_rounds = _checks.check_count("max_rounds", max_rounds)
    generator = _checks.check_rng(rng)
    d = features.shape[1]
    if pricing is not None:
        _checks.check_choice("pricing", pricing, ("exact", "heuristic"))
    if pricing == "exact" and d > MOST_EXACT_FEATURES:
        raise ValueError(
            f"pricing must be 'heuristic' for more than {MOST_EXACT_FEATURES} features: with d = {d}, exact pricing visits "
            f"{2.0 ** (d - 1):.3g} sign vectors a round, about {2.0 ** (d - 1) * d / 1e9:.3g} s and {2.0 ** (d + 2):.3g} bytes"
        )
    exact = pricing != "heuristic" and d <= MOST_EXACT_FEATURES
    columns = [
        _one_output(features, column, beta, loss, exact, tol, max_rounds, generator, callback)
        for column in np.atleast_2d(targets.T)
    ]
    return columns[0] if targets.ndim == 1 else _joined(columns, tol)


def _one_output(
    features: Array,
    target: Array,
    beta: float,
    loss: Literal["squared", "hinge"],
    exact: bool,
    tol: float,
    max_rounds: int,
    generator: np.random.Generator,
    callback: Callable[[int, tuple[float, float]], object] | None,
) -> ExactOptimum:
    n, d = features.shape
    x_unit, y_unit = _rms(features), _rms(target) if loss == "squared" else 1.0
    scaled, aim = features / x_unit, target / y_unit
    price, unit = beta * d / y_unit / x_unit**2, y_unit**2
    bound = 0.0 if exact else sdp_bound(scaled, aim, beta=price / d, loss=loss, rng=generator).bound
    columns, U = np.empty((n, 0)), np.empty((0, d))
    V, known = U, set[bytes]()
    master = Columns(np.empty(0), (2 * aim if loss == "squared" else aim), total_loss(np.zeros(n), aim, loss), 0.0)
    best, rounds = master, 0
    for rounds in range(1, max_rounds + 1):
        S = Samples(scaled).adjoint(master.v)
        largest, found = price_exactly(S, _COLUMNS_PER_ROUND) if exact else price_heuristically(S, _COLUMNS_PER_ROUND, generator)
        if exact:
            rounded = (n + 2 * d + 8) * np.finfo(float).eps
            most = largest + rounded * float(np.abs(master.v) @ np.abs(scaled).sum(axis=1) ** 2)
            value = _scaled_value(master.v, aim, price / most if most > 0 else np.inf, loss)
            bound = max(bound, value - rounded * float(np.abs(master.v * aim).sum() + 0.25 * master.v @ master.v))
        if callback is not None:
            callback(rounds, (unit * best.objective, unit * bound))
        if best.objective - bound <= tol * best.objective or (not exact and largest <= price * (1 + _UNIMPROVED)):
            break
        partners = np.where(found @ S >= 0, 1.0, -1.0)
        fresh = [row for row, (u, v) in enumerate(zip(found, partners, strict=True)) if _is_new(u, v, known)]
        if not fresh:
            break
        U, V = np.vstack([U, found[fresh]]), np.vstack([V, partners[fresh]])
        columns = np.hstack([columns, (scaled @ found[fresh].T) * (scaled @ partners[fresh].T)])
        master = solve_columns(columns, aim, price, loss, tol=min(1e-9, 0.1 * tol))
        if master.objective < best.objective:
            best = master
    alpha = np.pad(best.alpha, (0, len(U) - len(best.alpha)))
    kept = np.abs(alpha) > 1e-6 * np.abs(alpha).max(initial=0.0)
    if kept.any() and not kept.all():
        polished = solve_columns(columns[:, kept], aim, price, loss, tol=min(1e-10, 0.1 * tol))
        if polished.objective <= best.objective * (1 + 0.1 * tol):
            best, alpha = polished, np.zeros(len(U))
            alpha[kept] = polished.alpha
    kept = alpha != 0
    objective = unit * best.objective
    gap = (best.objective - bound) / best.objective if best.objective > 0 else 0.0
    return ExactOptimum(
        U[kept], V[kept], alpha[kept] * (y_unit / x_unit**2), objective, unit * bound, gap, gap <= tol, rounds,
        "exact" if exact else "heuristic",
    )  # fmt: skip


def _joined(outputs: list[ExactOptimum], tol: float) -> ExactOptimum:
    """Return the networks of all outputs as one."""
    objective, bound = sum(one.objective for one in outputs), sum(one.bound for one in outputs)
    gap = (objective - bound) / objective if objective > 0 else 0.0
    U, V = np.vstack([one.U for one in outputs]), np.vstack([one.V for one in outputs])
    alpha = np.asarray(scipy.linalg.block_diag(*(one.alpha[:, None] for one in outputs)))
    n_rounds = sum(one.n_rounds for one in outputs)
    return ExactOptimum(U, V, alpha, objective, bound, gap, gap <= tol, n_rounds, outputs[0].pricing)


def _scaled_value(v: Array, y: Array, most: float, loss: str) -> float:
    """Return the best value of t v, 0 <= t <= most, and at most 1 where a hinge's dual would leave its box."""
    if loss == "hinge":
        return min(most, 1.0) * float(y @ v)
    square = float(v @ v)
    t = min(most, 2 * float(v @ y) / square) if square > 0 else 0.0
    return t * float(v @ (y - 0.25 * t * v))


def _is_new(u: Array, v: Array, known: set[bytes]) -> bool:
    """Tell whether a neuron has not been seen, up to the order of u and v and their signs; note it."""
    first, second = (u * u[0]).tobytes(), (v * v[0]).tobytes()
    key = min(first, second) + max(first, second)
    if key in known:
        return False
    known.add(key)
    return True


def _rms(values: Array) -> float:
    largest = float(np.abs(values).max(initial=0.0))
    return largest * float(np.sqrt(np.mean((values / largest) ** 2))) if largest > 0 else 1.0
