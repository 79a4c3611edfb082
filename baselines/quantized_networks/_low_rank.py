"""Factored first-order methods for the tied relaxation with many samples: P = s UU', N = s VV' with unit rows [u_j, v_j]."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from optathlon.baselines.quantized_networks._gamma_dual import gamma_dual

Array = NDArray[np.float64]

_MEMORY = 20
_MOST_STEPS = 200  # where it has not converged by then, the interior point is quicker
_STEPS_PER_CERTIFICATE = 10
_HOPELESS = 0.5  # a gap after the first certificate from which on the interior point is quicker: exact fits
_SMOOTHINGS = (0.3, 0.1, 0.03, 0.01)
_SMOOTHED_STEPS = 80


class Factored(NamedTuple):
    """An answer of the square loss's first-order method, `P` and `N` with diag(P + N) constant; `upper` and `lower` as proved."""

    P: Array
    N: Array
    v: Array
    mu: Array
    upper: float
    lower: float
    steps: int


def first_factor(S: Array, k: int, rng: np.random.Generator) -> Array:
    """Return [U, V] of shape (d, 2k): the top and the bottom eigenvectors of S, and 5 % noise."""
    values, vectors = np.linalg.eigh(S)
    scale = np.sqrt(np.abs(values) / max(np.abs(values).max(initial=0.0), np.finfo(float).tiny))
    factor = np.hstack([vectors[:, -k:] * scale[-k:], vectors[:, :k] * scale[:k]])
    return factor + 0.05 * np.sqrt(np.mean(factor**2)) * rng.standard_normal(factor.shape)


def low_rank_squares(
    X: Array,
    y: Array,
    cost: float,
    k: int,
    *,
    tol: float,
    rng: np.random.Generator,
    callback: Callable[[int, Factored], object] | None = None,
) -> Factored:
    """Minimise |y - s q|^2 + cost s by L-BFGS, the scale s eliminated; certify every ten steps and stop at a proved gap `tol`."""
    d = X.shape[1]
    total = float(y @ y)
    best = Factored(np.eye(d), np.eye(d), np.zeros_like(y), np.full(d, cost / d), np.inf, -np.inf, 0)

    def parts(flat: Array) -> tuple[Array, Array, Array, Array]:
        raw = flat.reshape(d, 2 * k)
        lengths = np.sqrt(np.einsum("ij,ij->i", raw, raw))[:, None]
        W = raw / lengths
        XW = X @ W
        q = np.einsum("ij,ij->i", XW[:, :k], XW[:, :k]) - np.einsum("ij,ij->i", XW[:, k:], XW[:, k:])
        return lengths, W, XW, q

    def scale_of(q: Array) -> tuple[float, float]:
        h = float(q @ y) - 0.5 * cost
        return h, h / max(float(q @ q), np.finfo(float).tiny)

    def evaluate(flat: Array) -> tuple[float, Array]:
        lengths, W, XW, q = parts(flat)
        h, s = scale_of(q)
        slope = -2 * abs(s) * (y - s * q)  # of |y|^2 - h|h| / |q|^2: signed, else it stalls at s = 0
        XW *= (2 * slope)[:, None]
        gradient = X.T @ XW
        gradient[:, k:] *= -1
        gradient = (gradient - W * np.einsum("ij,ij->i", gradient, W)[:, None]) / lengths
        return total - h * abs(s), gradient.ravel()

    def certify(flat: Array, steps: int) -> Factored:
        _, W, _, q = parts(flat)
        s = max(scale_of(q)[1], 0.0)
        upper = float(np.sum((y - s * q) ** 2)) + cost * s
        v = 2 * (y - s * q)
        mu = gamma_dual(X.T @ (v[:, None] * X))
        size = float(mu.sum())
        t = min(cost / size, 2 * float(v @ y) / max(float(v @ v), np.finfo(float).tiny)) if size > 0 else 1.0
        lower = t * float(v @ (y - 0.25 * t * v))
        U, V = W[:, :k], W[:, k:]
        return Factored(s * U @ U.T, s * V @ V.T, t * v, mu * (cost / size if size > 0 else 1.0), upper, lower, steps)

    class _Ended(Exception):
        pass

    count = 0

    def watch(flat: Array) -> None:
        nonlocal count, best
        count += 1
        if count % _STEPS_PER_CERTIFICATE == 0:
            take(flat)
            gap = best.upper - best.lower
            if gap <= tol * abs(best.upper) or gap > _HOPELESS * abs(best.upper):
                raise _Ended

    def take(flat: Array) -> None:
        nonlocal best
        new = certify(flat, count)
        if new.upper < best.upper:
            best = best._replace(P=new.P, N=new.N, upper=new.upper)
        if new.lower > best.lower:
            best = best._replace(v=new.v, mu=new.mu, lower=new.lower)
        best = best._replace(steps=count)
        if callback is not None:
            callback(count, best)

    start = first_factor(X.T @ (y[:, None] * X), k, rng)
    try:
        answer = _lbfgs(evaluate, start.ravel(), _MOST_STEPS, watch)
        take(answer)
    except _Ended:
        pass
    return best


def smoothed_hinges(X: Array, y: Array, cost: float, k: int, *, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return P and N near the solution for the hinge, by L-BFGS on Huber-smoothed hinges of falling width."""
    d = X.shape[1]
    start = first_factor(X.T @ (y[:, None] * X), k, rng)
    flat = np.append(start.ravel(), np.sqrt(1.0 / d))
    for width in _SMOOTHINGS:

        def evaluate(flat: Array, width: float = width) -> tuple[float, Array]:
            raw, root = flat[:-1].reshape(d, 2 * k), flat[-1]
            lengths = np.sqrt(np.einsum("ij,ij->i", raw, raw))[:, None]
            W = raw / lengths
            XW = X @ W
            q = np.einsum("ij,ij->i", XW[:, :k], XW[:, :k]) - np.einsum("ij,ij->i", XW[:, k:], XW[:, k:])
            short = 1 - y * (root * root) * q
            inside = np.clip(short / width, 0.0, 1.0)  # derivative of the smoothed hinge
            value = float(np.sum(inside * (short - 0.5 * width * inside))) + cost * root * root
            slope = -y * inside
            XW *= (2 * root * root * slope)[:, None]
            gradient = X.T @ XW
            gradient[:, k:] *= -1
            gradient = (gradient - W * np.einsum("ij,ij->i", gradient, W)[:, None]) / lengths
            return value, np.append(gradient.ravel(), 2 * root * (float(slope @ q) + cost))

        flat = _lbfgs(evaluate, flat, _SMOOTHED_STEPS, None)
    raw, root = flat[:-1].reshape(d, 2 * k), flat[-1]
    W = root * raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return W[:, :k] @ W[:, :k].T, W[:, k:] @ W[:, k:].T


def _lbfgs(
    evaluate: Callable[[Array], tuple[float, Array]], start: Array, steps: int, watch: Callable[[Array], None] | None
) -> Array:
    options = {"maxcor": _MEMORY, "maxiter": steps, "maxfun": 4 * steps, "ftol": 0.0, "gtol": 0.0}
    return np.asarray(minimize(evaluate, start, jac=True, method="L-BFGS-B", callback=watch, options=options).x)
