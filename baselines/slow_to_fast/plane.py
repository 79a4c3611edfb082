"""Gradient descent on one plane of points: the simulations of Table 2.1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.slow_to_fast._checks import check_count, check_non_negative, check_positive, check_starts
from optathlon.baselines.slow_to_fast._kernels import descend_plane
from optathlon.baselines.slow_to_fast.planes import RADII, check_radii, directions
from optathlon.baselines.slow_to_fast.training import Audit, Training


def train_on_plane(
    weights: ArrayLike,
    *,
    n_positive: int | None = None,
    eta: float = 0.1,
    max_steps: int = 20_000,
    radii: ArrayLike = RADII,
    n_angles: int = 80,
    audit: bool = False,
    audit_radius: float = 0.22,
    callback: Callable[[int, NDArray[np.float64]], object] | None = None,
    callback_every: int = 10,
) -> Training:
    r"""Minimise the hinge loss of one class over a grid of its plane, for many starts, until every margin is at least 1.

    .. math:: l(W) = \frac1N \sum_x \max(0, 1 - f(W; x)), \quad
              f(W; x) = \sum_{j \le k} \max(0, \langle w_j, x\rangle) - \sum_{j > k} \max(0, \langle w_j, x\rangle)

    With f(W; r x) = r f(W; x) a step is made of angles: each neuron is active on an arc, outputs are prefix sums over arcs, and
    the points without a margin at an angle are those of the smallest radii. That costs O(angles + neurons).

    Parameters
    ----------
    weights : array_like, shape (n_runs, n_neurons, 2) or (n_neurons, 2)
        Starts.
    n_positive : int, optional
        Number k of neurons with a positive sign, the first ones; half of them by default.
    eta : float
        Step size.
    max_steps : int
        Steps after which a run is given up.
    radii, n_angles
        The grid, see `plane_grid`.
    audit : bool
        Gather what the lemmas speak of.
    audit_radius : float
        The radius r of Lemma 2.3.
    callback : callable, optional
        ``callback(step, weights)`` with a copy of all runs' weights, at the start and every `callback_every` steps.
    callback_every : int
        Steps between two calls.

    Returns
    -------
    Training
        Runs with steps to zero loss, norms, and when the geometric condition came.

    Raises
    ------
    ValueError
        When an argument has the wrong shape or range.

    References
    ----------
    Long, thesis, equations 2.3 and 2.7, Lemma 2.1, section 2.5.1.
    """
    W, n_positive = check_starts(weights, n_positive, 2)
    eta, max_steps = check_positive("eta", eta), check_count("max_steps", max_steps, least=0)
    r, u = check_radii(radii), directions(check_count("n_angles", n_angles, least=3))
    radius = check_non_negative("audit_radius", audit_radius)
    every = check_count("callback_every", callback_every) if callback is not None else max(max_steps, 1)
    n_runs = len(W)
    steps, converged = np.zeros(n_runs, np.int64), np.zeros(n_runs, np.bool_)
    objective, norms, increases = np.zeros(n_runs), np.zeros(n_runs), np.full(n_runs, -np.inf)
    phases = np.tile(np.array([-1, 0]), (n_runs, 1))
    audits = np.tile([np.inf, -np.inf, 0.0], (n_runs, 1)) if audit else np.empty((0, 3))
    until = 0 if callback is not None else max_steps
    while True:
        descend_plane(W, n_positive, u, r, eta, until, steps, converged, objective, norms, increases, phases, audits, radius)
        if callback is not None:
            callback(until, W.copy())
        if until >= max_steps or converged.all():
            break
        until = min(until + every, max_steps)
    found = Audit(*audits.T.copy()) if audit else None
    converged &= np.isfinite(W).all(axis=(1, 2))
    return Training(W, steps, converged, objective, norms, increases, *phases.T.copy(), audit=found)
