"""QUANT on the teacher problem, where its coarse gradient has a closed form: the recurrence of Algorithm 1 with equation 4.4."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.quantized_training._checks import (
    check_count,
    check_number,
    check_rng,
    check_teachers,
    check_vectors,
    check_weights,
)
from optathlon.baselines.quantized_training._kernels import recur
from optathlon.baselines.quantized_training.theory import optimum

_FARTHEST = 1e300


@dataclass(frozen=True, eq=False)
class Recurrence:
    """Runs of QUANT; the leading axis numbers the runs. Shares are of the iterates 1 ... n_steps.

    Attributes
    ----------
    auxiliary : ndarray, shape (n_runs, n)
        The last real-valued weights y.
    optimum_share : ndarray, shape (n_runs,)
        Share of the iterates at the optimum.
    cone_shares : ndarray, shape (n_runs, n)
        Share of the iterates at z_j in column j - 1: the signs of the j largest entries of the teacher.
    wrong_sign_shares : ndarray, shape (n_runs, n)
        Share of the iterates in which a coordinate has the opposite sign of the teacher's.
    last_change : ndarray of int, shape (n_runs,)
        The last iterate that differs from the one before it; 0 in a run that never moved.
    last_outside : ndarray of int, shape (n_runs,)
        The last iterate that is none of the z_j, which Lemma 4.12 says there is for ternary weights; 0 where all are.
    changed : ndarray of bool, shape (n_runs, n)
        Which coordinates moved within the recorded iterates.
    signs : ndarray of int8, shape (n_runs, n_recorded, n)
        The last iterates' signs.
    """

    auxiliary: NDArray[np.float64]
    optimum_share: NDArray[np.float64]
    cone_shares: NDArray[np.float64]
    wrong_sign_shares: NDArray[np.float64]
    last_change: NDArray[np.int64]
    last_outside: NDArray[np.int64]
    changed: NDArray[np.bool_]
    signs: NDArray[np.int8]


def quant_recurrence(
    w_star: ArrayLike,
    start: ArrayLike,
    *,
    weights: str,
    n_steps: int,
    eta: float | ArrayLike = 0.1,
    v_norm: float | ArrayLike = 1.0,
    n_recorded: int = 0,
) -> Recurrence:
    r"""Run :math:`y^t = y^{t-1} - \eta_t \tilde\nabla f(w^{t-1}), \; w^t = proj_Q(y^t)` for many teachers.

    .. math:: \tilde\nabla f(w) = \frac{|v|^2}{2\sqrt{2\pi}} (w / |w| - w^*)

    Parameters
    ----------
    w_star : array_like, shape (n,) or (n_runs, n)
        Teachers, none zero; only their directions matter.
    start : array_like, shape (n,) or (n_runs, n)
        First real-valued weights.
    weights : {"binary", "ternary"}
        The quantised weights Q.
    n_steps : int
        Number of steps.
    eta : float or array_like, shape (n_steps,)
        Step size, or one for each step; above 0.
    v_norm : float or array_like, shape (n_runs,)
        Norm of the second layer v of each run, above 0; together with eta it decides how fast y moves.
    n_recorded : int
        How many of the last iterates to return.

    Returns
    -------
    Recurrence
        Where the runs have been.

    Raises
    ------
    ValueError
        When an argument has the wrong shape or range.

    References
    ----------
    Long, thesis, Algorithm 1 and Lemma 4.2.
    """
    teachers, y = check_teachers(w_star), np.atleast_2d(check_vectors("start", start, 1, 2))
    if y.shape != teachers.shape:
        raise ValueError(f"start must have the shape of w_star, {teachers.shape}, got {y.shape}")
    ternary = check_weights(weights) == "ternary"
    n_steps, n_recorded = check_count("n_steps", n_steps), check_count("n_recorded", n_recorded, least=0)
    if n_recorded > n_steps:
        raise ValueError(f"n_recorded must be at most the number of steps, {n_steps}, got {n_recorded}")
    n_runs, n = y.shape
    rates, norms = _positive("eta", eta, n_steps), _positive("v_norm", v_norm, n_runs)
    # In logarithms, for the farthest that y can move may itself be beyond the numbers.
    farthest = math.log(n_steps) + math.log(rates.max()) + 2 * math.log(norms.max())
    if max(farthest, math.log(max(np.abs(y).max(), 1))) > math.log(_FARTHEST):
        raise ValueError(
            f"start and the sum of the steps eta v_norm^2 must be at most {_FARTHEST:g}, got starts up to {np.abs(y).max():g}, "
            f"{n_steps} steps of up to {rates.max():g} and norms up to {norms.max():g}"
        )
    sizes = norms**2 / (2 * math.sqrt(2 * math.pi))
    ranks = np.argsort(np.argsort(-np.abs(teachers), axis=1, kind="stable"), axis=1, kind="stable")
    shares, wrong = np.zeros((n_runs, n), np.int64), np.zeros((n_runs, n), np.int64)
    last, changed = np.zeros((n_runs, 2), np.int64), np.zeros((n_runs, n), np.bool_)
    recorded = np.zeros((n_runs, n_recorded, n), np.int8)
    for run in range(n_runs):
        recur(
            y[run], teachers[run], rates * sizes[run], ternary, ranks[run],
            shares[run], wrong[run], last[run], changed[run], recorded[run],
        )  # fmt: skip
    best = np.count_nonzero(optimum(teachers, weights), axis=1) - 1
    at_best = shares[np.arange(n_runs), best]
    return Recurrence(y, at_best / n_steps, shares / n_steps, wrong / n_steps, last[:, 0], last[:, 1], changed, recorded)


def example_start(
    n_runs: int, *, rng: int | np.random.Generator | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    r"""Return teacher, random starts and step size of Example 4.1, in which the optimum is never visited.

    .. math:: w^* = (1/6, 1/6, 1/6, \sqrt{11/12}), \quad
              y^0 \in (-\lambda, 0) \times (0, \lambda) \times (\lambda, 2\lambda) \times (0, \infty)

    Parameters
    ----------
    n_runs : int
        Number of starts.
    rng : int, numpy.random.Generator, optional
        Source of the starts.

    Returns
    -------
    w_star : ndarray, shape (4,)
        The teacher.
    start : ndarray, shape (n_runs, 4)
        Starts, for a second layer of norm 1.
    eta : float
        Step size for which lambda is 1.

    Raises
    ------
    ValueError
        When a number is out of range.

    References
    ----------
    Long, thesis, Example 4.1.
    """
    w_star = np.array([1 / 6, 1 / 6, 1 / 6, math.sqrt(11 / 12)])
    # Away from the ends of the intervals, so that a thousand roundings of y change no sign.
    inside = check_rng(rng).uniform(1e-6, 1 - 1e-6, (check_count("n_runs", n_runs), 4))
    return w_star, inside + np.array([-1.0, 0.0, 1.0, 0.0]), 6 * math.sqrt(2 * math.pi)


def _positive(name: str, value: float | ArrayLike, length: int) -> NDArray[np.float64]:
    numbers = check_vectors(name, value, 0, 1)
    if numbers.ndim and len(numbers) != length:
        raise ValueError(f"{name} must be one number or {length} of them, got {len(numbers)}")
    check_number(name, float(numbers.min()), above=0)
    return np.array(np.broadcast_to(numbers, length))
