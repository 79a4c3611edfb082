"""Projected Newton steps by conjugate gradients, with the inverse of the Hessian on all edges as preconditioner."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optathlon.baselines.graphon_lasso._checks import Array
from optathlon.baselines.graphon_lasso._spectral import Model, Point
from optathlon.baselines.graphon_lasso.laplacian import adjoint_of, laplacian_of

_SUFFICIENT = 1e-4  # of the decrease that the gradient promises
_HALVINGS = 40
_SMALL = 1e-4  # a weight below this many units is as good as none
_CG_STEPS = 200
_FLATTEST = 1e-6  # of beta: the smallest curvature that the preconditioner believes


def newton_cg(
    model: Model, W: Array, finished: Callable[[Point], bool], max_steps: int, callback: Callable[[int, Array], None]
) -> Point:
    """Minimise h from W.

    Parameters
    ----------
    model : Model
        The instance.
    W : ndarray, shape (p, p)
        Where to start.
    finished : callable
        Whether a point is good enough.
    max_steps : int
        Most Newton steps.
    callback : callable
        ``callback(step, W)`` after each step.

    Returns
    -------
    Point
        The last point. It need not be `finished`.

    Notes
    -----
    The spectral part of h has the Hessian ``v -> L*(U (K o U' L v U) U')``, with the divided differences

        K_kl = (z_l - z_k) / (e_k - e_l),   K_kk = 1 / (lam_k^2 + 1/beta) + (a term with gamma on the diagonal),

    which is 1 / (lam_k lam_l + 1/beta) where gamma = 0. Without bounds it is inverted exactly: of r with the symmetric matrix
    R, the pairs of ``-U ((U' (-R/2) U) / K) U'``. Weights near 0 that the gradient pushes down are set to 0, and the
    remaining ones move (Bertsekas 1982). Where gamma > 0, h is not convex; conjugate gradients stop at negative curvature.
    """
    point = model.at(W)
    first = model.kkt(point)
    # At a minimum with gamma = 0, w_ij c_ij is the leverage of an edge, at most 1.
    unit = np.divide(1.0, model.C, out=np.zeros_like(model.C), where=model.edges) if model.gamma == 0 else model.start
    for step in range(1, max_steps + 1):
        if finished(point):
            break
        kkt = model.kkt(point)
        small = min(_SMALL, kkt) * unit
        idle = (small >= point.W) & (point.gradient > 0)
        free = model.edges & ~idle
        direction = np.where(free, _newton_direction(model, point, free, min(0.1, (kkt / first) ** 0.5)), -point.W)
        stepped = _search(model, point, direction) or _search(model, point, -point.gradient * unit / model.cost)
        if stepped is None:
            break
        point = stepped
        callback(step, point.W)
    return point


def _search(model: Model, point: Point, direction: Array) -> Point | None:
    """Halve the step until h falls enough; None where it never does."""
    length = 1.0
    for _ in range(_HALVINGS):
        W = np.maximum(point.W + length * direction, 0.0)
        promised = float((point.gradient * (W - point.W)).sum()) / 2
        stepped = model.at(W)
        if stepped.value <= point.value + _SUFFICIENT * promised and promised < 0:
            return stepped
        length /= 2
    return None


def _newton_direction(model: Model, point: Point, free: np.ndarray, accuracy: float) -> Array:
    """Solve the Newton system on the free weights by preconditioned conjugate gradients."""
    U, K = point.U, curvature(model, point)
    believed = np.maximum(np.abs(K), _FLATTEST * model.beta)

    def hessian(V: Array) -> Array:
        return np.where(free, adjoint_of(U @ (K * (U.T @ laplacian_of(V) @ U)) @ U.T), 0.0)

    def precondition(R: Array) -> Array:
        X = U @ ((U.T @ R @ U) / believed) @ U.T
        return np.where(free, (X + X.T) / 4, 0.0)

    x, r = np.zeros_like(point.W), np.where(free, -point.gradient, 0.0)
    d = y = precondition(r)
    size, product = float(np.linalg.norm(r)), float((r * y).sum())
    for step in range(_CG_STEPS):
        Hd = hessian(d)
        bend = float((d * Hd).sum())
        if bend <= 0:
            return d if step == 0 else x
        x, r = x + product / bend * d, r - product / bend * Hd
        if np.linalg.norm(r) <= accuracy * size:
            break
        y = precondition(r)
        product, previous = float((r * y).sum()), product
        d = y + product / previous * d
    return x


def curvature(model: Model, point: Point) -> Array:
    """Return K, shape (p - 1, p - 1)."""
    lam, beta, gamma = point.lam, model.beta, model.gamma
    smooth = 1 / (np.outer(lam, lam) + 1 / beta)
    if gamma == 0:
        return smooth
    s = lam - model.mu
    rise = (lam[:, None] - lam) / np.outer(lam, lam) + gamma * (s[:, None] - s)
    run = beta * (lam[:, None] - lam) + rise  # beta (e_k - e_l)
    apart = np.abs(run) > 1e-12 * beta * float(lam.max())
    K = np.divide(beta * rise, run, out=smooth, where=apart)
    K[np.diag_indices_from(K)] = beta * (1 - beta / (1 / lam**2 + beta + gamma))
    return K
