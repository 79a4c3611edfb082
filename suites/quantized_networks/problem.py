"""Training problems of sign networks: planted, noisy, tiny, and tables; and the statements that need weights instead of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from optathlon import data

Array = NDArray[np.float64]
Rng = np.random.Generator
Kind = Literal["paper", "noise", "hinge"]

NEURONS = 10
PAPER_BETA = 1e-4


@dataclass(frozen=True)
class Training:
    """min loss(f(X), y) + beta d sum |alpha_j|.

    Attributes
    ----------
    X, X_test : ndarray, shapes (n, d), (n_test, d)
        Samples.
    y, y_test : ndarray
        Targets, or labels -1 and 1.
    beta : float
        Regularisation.
    loss : {"squared", "hinge"}
        Sum over samples.
    labels : bool
        Whether y are labels, which have an accuracy, whatever the loss.
    exact : bool
        Whether answers are measured against the exact optimum, which scoring then solves.
    traced : bool
        Whether solvers of the relaxation show each pair on their way.
    """

    X: Array
    y: Array
    X_test: Array
    y_test: Array
    beta: float
    loss: str = "squared"
    labels: bool = False
    exact: bool = False
    traced: bool = False


@dataclass(frozen=True)
class Weights:
    """A network of integer weights in {-M, ..., M} with activation a t^2 + b t + c, and samples (Theorem 1).

    Attributes
    ----------
    X : ndarray, shape (n, d)
        Samples.
    weights : ndarray, shape (m, d)
        First layer.
    alpha : ndarray, shape (m,)
        Second layer.
    M : int
        Largest weight.
    activation : tuple
        (a, b, c).
    """

    X: Array
    weights: Array
    alpha: Array
    M: int
    activation: tuple[float, float, float]


@dataclass(frozen=True)
class Answer:
    """What a method found; what it has not is None.

    Attributes
    ----------
    network : BilinearNetwork, optional
        Signs and second layer.
    relaxation : SdpBound, optional
        Solution of (19) or (22).
    objective : float, optional
        Of the regularised training problem, at `network` or else at the relaxation.
    bound : float, optional
        Proved lower bound of the same problem.
    residual : float, optional
        Relative error of a rewritten network (Theorem 1).
    """

    network: Any = None
    relaxation: Any = None
    objective: float | None = None
    bound: float | None = None
    residual: float | None = None


def planted(
    n: int,
    d: int,
    kind: Literal["paper", "noise", "hinge"],
    *,
    theta: float = 0.1,
    exact: bool = False,
    instance: int | None = None,
    traced: bool = False,
) -> Callable[[Rng, str], Training]:
    """Return the maker of planted problems: standard normal samples, ten sign neurons with alpha = |N(0, 1)|.

    "paper": y = f(x), beta 1e-4 (Fig. 1). "noise": f at unit standard deviation and noise of half that. "hinge": the signs of
    these. The latter two have beta = theta times 2 |sum_i v_i x_i x_i'|, v = -loss'(0). `instance` fixes the samples, so that
    seeds differ in the methods' draws alone; instance 0 is the one whose optimum the page prints.
    """

    def make(rng: Rng, device: str) -> Training:
        draw = rng if instance is None else np.random.default_rng(instance)
        X, X_test = draw.standard_normal((n, d)), draw.standard_normal((n, d))
        U, V = draw.choice([-1.0, 1.0], (d, NEURONS)), draw.choice([-1.0, 1.0], (d, NEURONS))
        alpha = np.abs(draw.standard_normal(NEURONS))
        y, y_test = (((Z @ U) * (Z @ V)) @ alpha for Z in (X, X_test))
        if kind == "paper":
            return Training(X, y, X_test, y_test, PAPER_BETA, exact=exact, traced=traced)
        unit = y.std()
        y, y_test = y / unit + 0.5 * draw.standard_normal(n), y_test / unit + 0.5 * draw.standard_normal(n)
        if kind == "hinge":
            y, y_test = np.where(y >= 0, 1.0, -1.0), np.where(y_test >= 0, 1.0, -1.0)
        slope = 2 * y if kind == "noise" else y
        beta = theta * 2 * float(np.linalg.norm(X.T @ (slope[:, None] * X), 2))
        loss = "hinge" if kind == "hinge" else "squared"
        return Training(X, y, X_test, y_test, beta, loss, labels=kind == "hinge", exact=exact, traced=traced)

    return make


def table(name: str, loss: str, beta: float, n_train: float) -> Callable[[Rng, str], Training]:
    """Return the maker of random splits of a data set with two classes, in a share `n_train` of training rows.

    Columns of text become the rank of their value among the values sorted as text. Columns are standardised by the training
    rows, and constant ones dropped; ionosphere is left in its own units.
    """

    def make(rng: Rng, device: str) -> Training:
        arrays = data.load(name)
        X = arrays["X"]
        if X.dtype.kind == "U":
            X = np.stack([np.unique(column, return_inverse=True)[1] for column in X.T], axis=1).astype(np.float64)
        order = rng.permutation(len(X))
        cut = round(n_train * len(X))
        train, test = order[:cut], order[cut:]
        X = X[:, X[train].std(axis=0) > 0]
        if name != "ionosphere":
            X = (X - X[train].mean(axis=0)) / X[train].std(axis=0)
        y = np.where(arrays["y"] == 1, 1.0, -1.0)
        return Training(X[train], y[train], X[test], y[test], beta, loss, labels=True)

    return make


def multilevel(M: int) -> Callable[[Rng, str], Weights]:
    """Return the maker of networks of M + 1 levels: 7 neurons, 4 features, 40 samples, a general activation."""

    def make(rng: Rng, device: str) -> Weights:
        weights = rng.choice(np.arange(-M, M + 1, 2.0), (7, 4))
        return Weights(rng.standard_normal((40, 4)), weights, rng.standard_normal(7), M, (0.3, -1.2, 0.7))

    return make


def difference_of_squares(rng: Rng, device: str) -> Weights:
    """Return samples in the plane, on which (x1 + x2)(x1 - x2) is to be written with squares of signed sums."""
    return Weights(rng.standard_normal((40, 2)), np.array([[1.0, 1.0], [1.0, -1.0]]), np.ones(2), 1, (1.0, 0.0, 0.0))
