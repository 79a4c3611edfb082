"""Classes on planes and a network of quantised ReLUs that learns to tell them apart: the problem of section 3.7.1."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.coarse_gradients._checks import (
    check_array,
    check_bits,
    check_choice,
    check_count,
    check_number,
    check_rng,
)
from optathlon.baselines.coarse_gradients.quantizer import ESTIMATORS

Floats = NDArray[np.float64]


def two_planes(
    angle: float, *, noise: float = 0.0, rng: int | np.random.Generator | None = None
) -> tuple[Floats, NDArray[np.int64], Floats]:
    r"""Make the two classes of section 3.7.1: 880 points each, on planes of R^4 that meet at an angle.

    The planes are spanned by e1 and sin(theta) e2 + cos(theta) e3, and by e3 and e4; on each, radii 1, 1.1, ..., 2 and 80 equally
    spaced directions.

    Parameters
    ----------
    angle : float
        theta in degrees, in (0, 90].
    noise : float
        Standard deviation of what is added to each coordinate.
    rng : int, numpy.random.Generator, optional
        Source of the noise.

    Returns
    -------
    X : ndarray, shape (1760, 4)
        Points.
    y : ndarray of int64, shape (1760,)
        Classes 0 and 1.
    bases : ndarray, shape (2, 4, 2)
        An orthonormal basis of each plane, in columns.

    Raises
    ------
    ValueError
        When the angle or the noise is out of range.

    References
    ----------
    Long, thesis, section 3.7.1.
    """
    angle, noise = check_number("angle", angle, above=0), check_number("noise", noise, least=0)
    if angle > 90:
        raise ValueError(f"angle must lie in (0, 90] degrees, got {angle:g}")
    sine, cosine = (1.0, 0.0) if angle == 90 else (math.sin(math.radians(angle)), math.cos(math.radians(angle)))
    bases = np.zeros((2, 4, 2))
    bases[0, 0, 0], bases[0, 1, 1], bases[0, 2, 1] = 1.0, sine, cosine
    bases[1, 2, 0], bases[1, 3, 1] = 1.0, 1.0
    radii, directions = np.arange(10, 21) / 10, np.arange(1, 81) * np.pi / 40
    circle = np.column_stack((np.cos(directions), np.sin(directions)))
    disc = (radii[:, None, None] * circle).reshape(-1, 2)
    X = np.concatenate([disc @ basis.T for basis in bases])
    if noise:
        X += noise * check_rng(rng).standard_normal(X.shape)
    return X, np.repeat(np.arange(2), len(disc)), bases


@dataclass(frozen=True, eq=False)
class PlaneRuns:
    """Where the runs of `train_on_planes` ended.

    Attributes
    ----------
    W : ndarray, shape (runs, k, d)
        Weights at the end.
    n_steps : ndarray of int64, shape (runs,)
        Steps made: those until the loss was zero, where it converged.
    objective : ndarray, shape (runs,)
        Mean hinge loss at `W`.
    converged : ndarray of bool, shape (runs,)
        Whether the loss is exactly zero, every margin at least 1, at finite weights.
    """

    W: Floats
    n_steps: NDArray[np.int64]
    objective: Floats
    converged: NDArray[np.bool_]


def train_on_planes(
    X: ArrayLike,
    y: ArrayLike,
    W: ArrayLike,
    V: ArrayLike,
    *,
    bits: int = 4,
    estimator: str = "relu",
    learning_rate: float = 1.0,
    max_steps: int = 20_000,
    callback: Callable[[int, Floats], object] | None = None,
) -> PlaneRuns:
    r"""Lower the mean hinge loss of a quantised two-layer network by its coarse gradient, until it is zero.

    .. math::
        \ell(W; x, y) = \max\{0, 1 - (o_y - \max_{i \ne y} o_i)\}, \quad o_i = \sum_j v_{ij} \sigma(w_j^\top x), \quad
        \sigma(h) = \min(\max(\lceil h \rceil, 0), 2^b - 1)

    and :math:`W \leftarrow W - \eta \, E[-(v_{yj} - v_{\xi j}) 1[\ell > 0] g'(w_j^\top x) x]`, xi the strongest rival of y.

    Parameters
    ----------
    X : array_like, shape (n, d)
        Points.
    y : array_like of int, shape (n,)
        Their classes, from 0 to n_classes - 1.
    W : array_like, shape (runs, k, d) or (k, d)
        Weights at the start, one run or several.
    V : array_like, shape (n_classes, k)
        Second layer, fixed: each neuron votes for one class, each class has a neuron, all votes are in (0, 1) (Assumption 3.1).
    bits : int
        Bit-width of the activation.
    estimator : str
        One of `ESTIMATORS`.
    learning_rate : float
        eta.
    max_steps : int
        Steps at most, of each run; 0 only evaluates the loss.
    callback : callable, optional
        ``callback(step, W)`` with a copy of the weights (runs, k, d) after each step, from 0; runs that have ended stand still.

    Returns
    -------
    PlaneRuns
        End, steps and loss of each run.

    Raises
    ------
    ValueError
        When shapes do not fit, a number is not finite, or a setting is out of range.

    References
    ----------
    Long, thesis, equations 3.1, 3.2, 3.4 and 3.5.
    """
    from optathlon.baselines.coarse_gradients import _engine

    X, V = check_array("X", X, 2), check_array("V", V, 2)
    start = check_array("W", W, np.ndim(W) if np.ndim(W) == 2 else 3)
    W = start.reshape(-1, *start.shape[-2:])
    classes, votes = _voters(V)
    labels = _labels(y, len(X), len(V))
    if W.shape[1:] != (V.shape[1], X.shape[1]):
        raise ValueError(
            f"W must have shape (runs, {V.shape[1]}, {X.shape[1]}), as V {V.shape} and X {X.shape} require, got {W.shape}"
        )
    top, code = float(2 ** check_bits(bits) - 1), ESTIMATORS.index(check_choice("estimator", estimator, ESTIMATORS))
    learning_rate = check_number("learning_rate", learning_rate, above=0)
    max_steps = check_count("max_steps", max_steps, least=0)
    points, runs = np.ascontiguousarray(X.T), len(W)
    n_steps, objective = np.zeros(runs, np.int64), np.full(runs, np.inf)

    def advance(run: int, steps: int) -> None:
        made, objective[run] = _engine.descend(points, labels, classes, votes, W[run], code, top, learning_rate, steps)
        n_steps[run] += made

    if callback is None:
        for run in range(runs):
            advance(run, max_steps)
    else:
        for run in range(runs):
            advance(run, 0)
        callback(0, W.copy())
        for step in range(1, max_steps + 1):
            if not (objective > 0).any():
                break
            for run in np.flatnonzero(objective > 0):
                advance(int(run), 1)
            callback(step, W.copy())
    return PlaneRuns(W, n_steps, objective, (objective == 0) & np.isfinite(W).all(axis=(1, 2)))


def component_norms(W: ArrayLike, bases: ArrayLike) -> Floats:
    """Return how long each neuron's component in each plane is, in the decomposition of R^d into the planes and the rest.

    Parameters
    ----------
    W : array_like, shape (..., k, d)
        Weights.
    bases : array_like, shape (n_classes, d, s)
        A basis of each plane; all together are linearly independent.

    Returns
    -------
    ndarray, shape (..., k, n_classes)
        Norms of w_{j,i} of section 3.3: the planes need not be orthogonal.

    Raises
    ------
    ValueError
        When shapes do not fit or the planes are not independent.

    References
    ----------
    Long, thesis, section 3.3 and Lemma 3.5.
    """
    bases = check_array("bases", bases, 3)
    W = check_array("W", W, max(2, np.ndim(W)))
    n_classes, d, s = bases.shape
    if W.shape[-1] != d:
        raise ValueError(f"W must have {d} weights a neuron, as the planes of shape {bases.shape} do, got {W.shape[-1]}")
    together = bases.transpose(1, 0, 2).reshape(d, n_classes * s)
    if np.linalg.matrix_rank(together) < n_classes * s:
        raise ValueError(f"bases must be linearly independent, got {n_classes} planes of dimension {s} in R^{d} that are not")
    coordinates = (W @ np.linalg.pinv(together).T).reshape(*W.shape[:-1], n_classes, s)
    return np.linalg.norm(np.einsum("...is,ids->...id", coordinates, bases), axis=-1)


def _voters(V: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the class and the vote of each neuron."""
    voting = V != 0
    if len(V) < 2 or (V < 0).any() or (V >= 1).any() or (voting.sum(axis=0) != 1).any() or not voting.any(axis=1).all():
        raise ValueError(
            "V must have two rows or more, one number in (0, 1) in each column, zeros else, no row of zeros (Assumption 3.1), "
            f"got shape {V.shape} with {np.count_nonzero(voting)} non-zero entries from {V.min():g} to {V.max():g}"
        )
    return voting.argmax(axis=0), V.max(axis=0)


def _labels(y: ArrayLike, n: int, n_classes: int) -> NDArray[np.int64]:
    labels = np.asarray(y)
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise ValueError(f"y must hold {n} integers, one for each point, got shape {labels.shape} of dtype {labels.dtype}")
    if labels.min() < 0 or labels.max() >= n_classes:
        raise ValueError(f"y must lie in 0 to {n_classes - 1}, for V has {n_classes} rows, got {labels.min()} to {labels.max()}")
    return labels.astype(np.int64)
