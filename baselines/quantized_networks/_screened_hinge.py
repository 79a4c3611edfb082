"""The tied relaxation with a hinge and many samples: only samples near their margin keep a dual variable of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.quantized_networks._datafits import Hinges
from optathlon.baselines.quantized_networks._interior_point import Point, interior_point
from optathlon.baselines.quantized_networks._low_rank import smoothed_hinges
from optathlon.baselines.quantized_networks._measurements import Samples

Array = NDArray[np.float64]

_WIDTH = 0.1
_ROUNDS = 6


def screened_hinge(
    X: Array,
    y: Array,
    cost: float,
    k: int,
    *,
    tol: float,
    rng: np.random.Generator,
    callback: Callable[[int, Point], object] | None = None,
) -> Point:
    """Solve with one dual variable for all samples far below their margin, and none for those far above.

    What the small problem finds is feasible for the whole dual, so that its bound is proved; the loss is taken over all samples.
    Samples that were put on the wrong side of their margin are given their own variable, and the problem is solved again.
    """
    d = X.shape[1]
    P, N = smoothed_hinges(X, y, cost, k, rng=rng)
    margins = y * Samples(X).forward(P - N)
    own = np.abs(1 - margins) <= _WIDTH
    below = (margins < 1) & ~own
    best = Point(P, N, np.zeros_like(y), np.full(d, cost / d), np.inf, -np.inf, 0)
    for _ in range(_ROUNDS):
        grouped = int(below.sum())
        total = X[below].T @ (y[below, None] * X[below]) if grouped else None
        signs, weights = y[own], np.ones(int(own.sum()))
        if grouped:
            signs, weights = np.append(signs, 1.0), np.append(weights, float(grouped))

        def whole(point: Point, own: NDArray[np.bool_] = own, below: NDArray[np.bool_] = below) -> tuple[Point, Array]:
            """Return a point of the small problem as one of all samples, and their margins."""
            v = np.zeros_like(y)
            v[own] = point.v[: int(own.sum())]
            v[below] = y[below] * point.v[-1] if below.any() else 0.0
            margins = y * Samples(X).forward(point.P - point.N)
            price = cost * float((np.diagonal(point.P) + np.diagonal(point.N)).max())
            return point._replace(v=v, upper=float(np.maximum(1 - margins, 0.0).sum()) + price), margins

        def watch(step: int, point: Point, best: Point = best, whole: Callable[[Point], tuple[Point, Array]] = whole) -> None:
            if callback is not None:
                callback(best.steps + step, best.better(whole(point)[0], best.steps + step))

        point = interior_point(
            Samples(X[own], total),
            Hinges(signs, weights),
            cost,
            d,
            tied=True,
            tol=0.3 * tol,
            callback=watch if callback else None,
        )
        point, margins = whole(point)
        best = best.better(point, best.steps + point.steps)
        wrong = (below & (margins > 1 - 1e-9)) | (~own & ~below & (margins < 1 + 1e-9))
        if best.upper - best.lower <= tol * best.upper or not wrong.any():
            break
        own, below = own | wrong, below & ~wrong
    return best
