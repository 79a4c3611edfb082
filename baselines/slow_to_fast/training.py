"""What a training run returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Audit:
    """What the lemmas of section 2.3 speak of, gathered along each run; shapes (n_runs,).

    Attributes
    ----------
    positive_growth : ndarray
        Smallest growth of a positive neuron's norm in one step; Lemma 2.3 says at least 0.
    negative_growth : ndarray
        Largest growth in one step of a negative neuron's norm that was above the radius; Lemma 2.3 says at most 0.
    losses_squared : ndarray
        Sum of the squared losses of the iterates with the geometric condition (Proposition 2.4); weight 1 each.
    """

    positive_growth: NDArray[np.float64]
    negative_growth: NDArray[np.float64]
    losses_squared: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Training:
    """Runs of gradient descent; the leading axis numbers the runs.

    Attributes
    ----------
    weights : ndarray, shape (n_runs, n_neurons, dimension)
        Last iterates.
    steps : ndarray of int, shape (n_runs,)
        Steps made: where a run converged, the number of the first iterate without loss.
    converged : ndarray of bool, shape (n_runs,)
        Whether every margin of the last iterate is at least 1, so that its loss is zero, the least there is.
    objective : ndarray, shape (n_runs,)
        Hinge loss of the last iterate.
    largest_norm : ndarray, shape (n_runs,)
        Largest Frobenius norm of an iterate.
    largest_increase : ndarray, shape (n_runs,)
        Largest increase of the loss in one step; negative where it always fell.
    condition_step : ndarray of int, shape (n_runs,), optional
        Number of the first iterate whose positive neurons satisfy the geometric condition, -1 where none did.
    slow_steps : ndarray of int, shape (n_runs,), optional
        How many steps were made from iterates without the condition (the first phase, T1).
    audit : Audit, optional
        Where it was asked for.
    """

    weights: NDArray[np.float64]
    steps: NDArray[np.int64]
    converged: NDArray[np.bool_]
    objective: NDArray[np.float64]
    largest_norm: NDArray[np.float64]
    largest_increase: NDArray[np.float64]
    condition_step: NDArray[np.int64] | None = None
    slow_steps: NDArray[np.int64] | None = None
    audit: Audit | None = None
