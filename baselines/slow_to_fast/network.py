"""Gradient descent on points of any space, with a bias, with momentum or by Adam."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.slow_to_fast._checks import check_array, check_count, check_non_negative, check_positive, check_starts
from optathlon.baselines.slow_to_fast._kernels import descend_points
from optathlon.baselines.slow_to_fast.training import Training

OPTIMIZERS = ("gradient-descent", "momentum", "adam")
"""How a step is made of a gradient."""


def train_network(
    X: ArrayLike,
    y: ArrayLike,
    weights: ArrayLike,
    *,
    n_positive: int | None = None,
    bias: ArrayLike = 0.0,
    eta: float = 0.1,
    optimizer: str = "gradient-descent",
    decay: float = 0.9,
    max_steps: int = 20_000,
    callback: Callable[[int, NDArray[np.float64]], object] | None = None,
    callback_every: int = 10,
) -> Training:
    r"""Minimise the sum over classes of the mean hinge loss, for many starts, until every margin is at least 1.

    .. math:: l(W) = \sum_{c = \pm 1} \frac{1}{N_c} \sum_{x: y = c} \max(0, 1 - c f(W; x)), \quad
              f(W; x) = \sum_j \pm \max(0, \langle w_j, x\rangle - b_j)

    Parameters
    ----------
    X : array_like, shape (n, d)
        Points.
    y : array_like, shape (n,)
        Labels, +1 or -1; one class alone will do.
    weights : array_like, shape (n_runs, n_neurons, d) or (n_neurons, d)
        Starts.
    n_positive : int, optional
        Number of neurons with a positive sign, the first ones; half of them by default.
    bias : float or array_like, shape (n_neurons,)
        The b_j, at least 0, which are not trained.
    eta : float
        Step size.
    optimizer : {"gradient-descent", "momentum", "adam"}
        The thesis's, heavy ball, or Adam (second moments with .999).
    decay : float
        Of momentum, or of Adam's first moments; in [0, 1).
    max_steps : int
        Steps after which a run is given up.
    callback, callback_every
        ``callback(step, weights)`` with a copy of all runs' weights, at the start and every so many steps.

    Returns
    -------
    Training
        Runs with steps to zero loss and norms.

    Raises
    ------
    ValueError
        When an argument has the wrong shape or range.

    References
    ----------
    Long, thesis, equations 2.1 to 2.4 and 2.7; Theorem 2.1 (bias); Fig. 2.3.
    """
    points, labels = check_array("X", X, 2), check_array("y", y, 1)
    if len(labels) != len(points) or not np.isin(labels, (-1.0, 1.0)).all():
        raise ValueError(
            f"y must be +1 or -1 for each of the {len(points)} points, got {len(labels)} labels {np.unique(labels)[:4]}"
        )
    W, n_positive = check_starts(weights, n_positive, points.shape[1])
    n_runs, n_neurons, _ = W.shape
    b = _check_bias(bias, n_neurons)
    eta, max_steps = check_positive("eta", eta), check_count("max_steps", max_steps, least=0)
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {optimizer!r}")
    if check_non_negative("decay", decay) >= 1:
        raise ValueError(f"decay must be below 1, got {decay!r}")
    every = check_count("callback_every", callback_every) if callback is not None else max(max_steps, 1)
    sizes = {c: np.count_nonzero(labels == c) for c in (-1.0, 1.0)}
    shares = np.array([1.0 / sizes[c] for c in labels])
    steps, converged = np.zeros(n_runs, np.int64), np.zeros(n_runs, np.bool_)
    objective, norms, increases = np.zeros(n_runs), np.zeros(n_runs), np.full(n_runs, -np.inf)
    memory = np.zeros((n_runs, 2, *W.shape[1:]))
    kind = OPTIMIZERS.index(optimizer)
    columns = np.ascontiguousarray(points.T)
    until = 0 if callback is not None else max_steps
    while True:
        descend_points(
            W, n_positive, columns, labels, shares, b, kind, eta, float(decay), until,
            steps, converged, objective, norms, increases, memory,
        )  # fmt: skip
        if callback is not None:
            callback(until, W.copy())
        if until >= max_steps or converged.all():
            break
        until = min(until + every, max_steps)
    converged &= np.isfinite(W).all(axis=(1, 2))
    return Training(W, steps, converged, objective, norms, increases)


def _check_bias(bias: ArrayLike, n_neurons: int) -> NDArray[np.float64]:
    b = check_array("bias", bias, 0, 1)
    if b.ndim and len(b) != n_neurons:
        raise ValueError(f"bias must be one number or one for each of the {n_neurons} neurons, got {len(b)}")
    if b.min() < 0:
        raise ValueError(f"bias must be at least 0, got {b.min():g}")
    return np.array(np.broadcast_to(b, n_neurons))
