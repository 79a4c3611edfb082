"""Losses of the predictions, as an interior point sees them: value and conjugate, curvature, and the pairs of their own.

With D the curvature, a Newton step solves D dv + d yhat = target - yhat.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Datafit(Protocol):
    """What an interior point asks of a loss."""

    @property
    def n_pairs(self) -> int:
        """Number of complementary pairs of its own."""
        ...

    def slope(self) -> Array: ...
    def start(self, spread: Callable[[Array], float], largest: float) -> Array: ...
    def centre(self, v: Array, tau: float) -> None: ...
    def loss(self, fitted: Array) -> float: ...
    def value(self, v: Array) -> float: ...
    def best_multiple(self, fitted: Array, price: float) -> float: ...
    def curvature(self, v: Array) -> Array: ...
    def target(self, v: Array, tau: float, affine: Array | None) -> Array: ...
    def product(self, v: Array) -> float: ...
    def product_ahead(self, v: Array, dv: Array, primal: float, dual: float) -> float: ...
    def length_primal(self, v: Array, dv: Array, tau: float, affine: Array | None) -> float: ...
    def length_dual(self, v: Array, dv: Array) -> float: ...
    def move(self, v: Array, dv: Array, primal: float, tau: float, affine: Array | None) -> None: ...


class Squares:
    """|yhat - y|^2 + constant; conjugate value v'y - |v|^2/4 + constant."""

    n_pairs = 0

    def __init__(self, y: Array, constant: float = 0.0) -> None:
        self.y, self.constant = y, constant

    def slope(self) -> Array:
        """Return -loss'(0)."""
        return 2 * self.y

    def start(self, spread: Callable[[Array], float], largest: float) -> Array:
        """Return v = 0, strictly feasible."""
        return np.zeros_like(self.y)

    def centre(self, v: Array, tau: float) -> None:
        """Nothing to centre."""

    def loss(self, fitted: Array) -> float:
        """Return the loss of predictions."""
        return float(np.sum((fitted - self.y) ** 2)) + self.constant

    def value(self, v: Array) -> float:
        """Return min over yhat of loss + v'yhat, summed without cancellation."""
        return float(v @ (self.y - 0.25 * v)) + self.constant

    def best_multiple(self, fitted: Array, price: float) -> float:
        """Return argmin over s >= 0 of loss(s fitted) + s price."""
        square = float(fitted @ fitted)
        if square <= 0:
            return 0.0
        return max(1.0 + (float(fitted @ (self.y - fitted)) - 0.5 * price) / square, 0.0)

    def curvature(self, v: Array) -> Array:
        """Return 1/2."""
        return np.full(len(v), 0.5)

    def target(self, v: Array, tau: float, affine: Array | None) -> Array:
        """Return y - v/2."""
        return self.y - 0.5 * v

    def product(self, v: Array) -> float:
        """No pairs."""
        return 0.0

    def product_ahead(self, v: Array, dv: Array, primal: float, dual: float) -> float:
        """No pairs."""
        return 0.0

    def length_primal(self, v: Array, dv: Array, tau: float, affine: Array | None) -> float:
        """No limit."""
        return np.inf

    def length_dual(self, v: Array, dv: Array) -> float:
        """No limit."""
        return np.inf

    def move(self, v: Array, dv: Array, primal: float, tau: float, affine: Array | None) -> None:
        """Nothing moves."""


class Hinges:
    """sum_i max(0, q_i - y_i yhat_i); dual v_i = y_i a_i with 0 <= a_i <= 1 and value q'a.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Signs.
    q : ndarray, shape (n,), optional
        Weights of the value, 1 by default; a prediction that sums n_k samples has q = n_k.

    Notes
    -----
    yhat y + over - under = q with over (1 - a) = under a = tau: `over` is the loss, `under` the surplus.
    """

    def __init__(self, y: Array, q: Array | None = None) -> None:
        self.y, self.q = y, np.ones(len(y)) if q is None else q
        self.over, self.under = np.ones(len(y)), np.ones(len(y))

    @property
    def n_pairs(self) -> int:
        """Two complementary pairs per prediction."""
        return 2 * len(self.y)

    def slope(self) -> Array:
        """Return a subgradient -loss'(0)."""
        return self.y

    def start(self, spread: Callable[[Array], float], largest: float) -> Array:
        """Return equal a whose matrix is at most `largest`."""
        full = spread(self.y)
        return self.y * min(0.5, largest / full if full > 0 else 0.5)

    def centre(self, v: Array, tau: float) -> None:
        """Put the pairs where their products are at least tau."""
        a = self.y * v
        self.over, self.under = np.maximum(tau / (1 - a), self.q), np.maximum(tau / a, self.q)

    def loss(self, fitted: Array) -> float:
        """Return the loss of predictions."""
        return float(np.maximum(self.q - self.y * fitted, 0.0).sum())

    def value(self, v: Array) -> float:
        """Return q'a."""
        return float(self.q @ (self.y * v))

    def best_multiple(self, fitted: Array, price: float) -> float:
        """Return the best s >= 0 of those at which a hinge bends, for sum max(0, q - s y yhat) + s price is convex there."""
        slope = self.y * fitted
        bends = np.where(slope > 0, self.q / np.where(slope > 0, slope, 1.0), np.inf)
        order = np.argsort(bends)
        # Right of all bends up to b, the slope is price - (sum of slopes that are still short of q).
        left = price - slope.sum() + np.concatenate([[0.0], np.cumsum(slope[order])])
        first = int(np.argmax(left >= 0)) if (left >= 0).any() else len(order)
        return 0.0 if first == 0 else float(bends[order[first - 1]]) if np.isfinite(bends[order[first - 1]]) else 1.0

    def curvature(self, v: Array) -> Array:
        """Return over / (1 - a) + under / a."""
        a = self.y * v
        return self.over / (1 - a) + self.under / a

    def _second(self, v: Array, affine: Array | None) -> tuple[Array, Array]:
        """Return the second-order errors of the two products after an affine step."""
        if affine is None:
            return np.zeros(len(v)), np.zeros(len(v))
        over, under = self._changes(v, affine, 0.0, None)
        da = self.y * affine
        return -over * da, under * da

    def target(self, v: Array, tau: float, affine: Array | None) -> Array:
        """Return y (q - over + under) at the pairs' new values, their part in dv aside."""
        a = self.y * v
        first, second = self._second(v, affine)
        return self.y * (self.q - (tau - first) / (1 - a) + (tau - second) / a)

    def _changes(self, v: Array, dv: Array, tau: float, affine: Array | None) -> tuple[Array, Array]:
        a, da = self.y * v, self.y * dv
        first, second = self._second(v, affine)
        over = (tau - first + self.over * da) / (1 - a) - self.over
        under = (tau - second - self.under * da) / a - self.under
        return over, under

    def product(self, v: Array) -> float:
        """Return the sum of the products of the pairs."""
        a = self.y * v
        return float(self.over @ (1 - a) + self.under @ a)

    def product_ahead(self, v: Array, dv: Array, primal: float, dual: float) -> float:
        """Return that sum after an affine step."""
        over, under = self._changes(v, dv, 0.0, None)
        a = self.y * (v + dual * dv)
        return float((self.over + primal * over) @ (1 - a) + (self.under + primal * under) @ a)

    def length_primal(self, v: Array, dv: Array, tau: float, affine: Array | None) -> float:
        """Return the step at which `over` or `under` meets zero."""
        over, under = self._changes(v, dv, tau, affine)
        return min(_to_zero(self.over, over), _to_zero(self.under, under))

    def length_dual(self, v: Array, dv: Array) -> float:
        """Return the step at which an a meets 0 or 1."""
        a, da = self.y * v, self.y * dv
        return min(_to_zero(a, da), _to_zero(1 - a, -da))

    def move(self, v: Array, dv: Array, primal: float, tau: float, affine: Array | None) -> None:
        """Step the pairs."""
        over, under = self._changes(v, dv, tau, affine)
        self.over, self.under = self.over + primal * over, self.under + primal * under


def _to_zero(values: Array, changes: Array) -> float:
    falling = changes < 0
    return float((-values[falling] / changes[falling]).min(initial=np.inf))
