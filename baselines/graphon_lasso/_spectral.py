"""The problem after U and Lambda are eliminated, and what a point of it proves.

With C = L*(S) + alpha the costs of the edges, e_2 <= .. <= e_p the eigenvalues of L w on the complement of the constant
vector, problem (1) of the paper, minimised over U and Lambda as in its sections 4.2 and 4.3, is

    h(w) = c'w + sum_i min_l [ -log l + beta/2 (e_i - l)^2 + gamma/2 (l - mu_i)^2 ],   w >= 0,
    grad h = c - L*(Z),   Z = U diag(z) U',   z_i = beta (lam_i - e_i) = 1/lam_i - gamma s_i,   s_i = lam_i - mu_i.

The cost of eigenvalues, k(lam) = sum_i -log lam_i + gamma/2 (lam_i - mu_i)^2 with both ascending, is not convex as a function of
Lambda where gamma > 0, but its conjugate has a closed form, for a product of sums is largest where both are in one order. So for
any symmetric Z on that complement with L*(Z) <= c, z_1 >= z_2 >= .. its eigenvalues, against mu_2 <= mu_3 <= ..,

    h(w) >= -|Z|^2 / (2 beta) + sum_i min_l [ z_i l - log l + gamma/2 (l - mu_i)^2 ].

The largest of these bounds is the minimum of the relaxation in which k is replaced by its convex envelope, the best there is for
Lambda alone. Where gamma = 0 it meets h at the minimum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optathlon.baselines.graphon_lasso._checks import Array
from optathlon.baselines.graphon_lasso._pooling import drawn, pooled
from optathlon.baselines.graphon_lasso.laplacian import adjoint_of, laplacian_of

_TIED = 1e-10  # of the largest eigenvalue: closer ones have no eigenvectors of their own
_ROUNDING = 8 * float(np.finfo(np.float64).eps)


class Point(NamedTuple):
    """h and its gradient at w; all eigenvalues ascending, without that of the constant vector."""

    W: Array
    """Weights as a matrix, (p, p)."""
    e: Array
    """Eigenvalues of L w, (p - 1,)."""
    U: Array
    """Eigenvectors, (p, p - 1)."""
    lam: Array
    """Eigenvalues of the copy Lambda."""
    z: Array
    """Eigenvalues of Z, beta (lam - e)."""
    value: float
    gradient: Array
    """c - L*(Z) as a matrix."""


@dataclass
class Model:
    """An instance, with a count of the work done on it and the best bound met."""

    C: Array
    """Costs c = L*(S) + alpha as a matrix, (p, p)."""
    mu: Array
    """Prior eigenvalues mu_2 .. mu_p, (p - 1,)."""
    beta: float
    gamma: float
    edges: NDArray[np.bool_]
    """Pairs that may have a weight, (p, p)."""
    n_eigh: int = 0
    bound: float = -np.inf
    start: Array = field(init=False)
    """All weights equal, at the minimum along that line where lam = e."""
    cost: float = field(init=False)
    """Mean size of a cost, the unit of the gradient."""

    def __post_init__(self) -> None:
        p, n_edges = len(self.C), np.count_nonzero(self.edges)
        total = float(self.C[self.edges].sum()) / 2
        degree = n_edges / p
        # The derivative times w, with e = (p / (p - 1)) degree w: a w^2 + b w = p - 1.
        e = degree * p / (p - 1)
        a, b = self.gamma * e**2 * (p - 1), total - self.gamma * e * float(self.mu.sum())
        root = np.sqrt(b * b + 4 * a * (p - 1))
        weight = 2 * (p - 1) / (b + root) if b > 0 else (root - b) / (2 * a)
        self.start = np.where(self.edges, weight, 0.0)
        self.cost = float(np.abs(self.C[self.edges]).mean()) or 1.0

    def at(self, W: Array, *, relaxed: bool = False) -> Point:
        """Evaluate h, or its convex relaxation."""
        e, U = self.eigh(laplacian_of(W))
        lam, z, cost = inner(e, self.mu, self.beta, self.gamma, relaxed)
        value = float((self.C * W).sum()) / 2 + float((cost + self.beta / 2 * (e - lam) ** 2).sum())
        return Point(W, e, U, lam, z, value, self.C - adjoint_of((U * z) @ U.T))

    def eigh(self, A: Array) -> tuple[Array, Array]:
        """Decompose a symmetric matrix on the complement of the constant vector.

        A reflection takes that vector to the first axis, so that the eigenvectors are orthogonal to it whatever A is.
        """
        self.n_eigh += 1
        p = len(A)
        v = np.full(p, p**-0.5)
        v[0] -= 1.0
        v /= np.linalg.norm(v)
        Av = A @ v
        reflected = A - 2 * (np.outer(v, Av) + np.outer(Av, v)) + 4 * (v @ Av) * np.outer(v, v)
        e, V = np.linalg.eigh(reflected[1:, 1:])
        U = -2 * np.outer(v, v[1:] @ V)
        U[1:] += V
        return e, U

    def kkt(self, point: Point) -> float:
        """Return the largest violation of min(w, c - L*(Z)) = 0, in units of the flat start and the mean cost.

        Where eigenvalues are equal and their z are not, it is the largest over all choices of their eigenvectors.
        """
        weight = float(self.start.max())
        gradients = [point.gradient]
        tied = np.diff(point.e) <= _TIED * max(float(point.e[-1]), weight)
        if self.gamma > 0 and tied.any():
            first = np.flatnonzero(np.append(True, ~tied))
            counts = np.diff(np.append(first, len(point.z)))
            for extreme in (np.minimum, np.maximum):
                spread = np.repeat(extreme.reduceat(point.z, first), counts)
                gradients.append(self.C - adjoint_of((point.U * spread) @ point.U.T))
        return max(float(np.abs(np.minimum(point.W / weight, G / self.cost))[self.edges].max()) for G in gradients)

    def raise_bound(self, point: Point) -> float:
        """Return the best bound so far, with the one that the multipliers of a point prove."""
        self.bound = max(self.bound, dual_bound(self, point.z, self.C - point.gradient))
        return self.bound

    def gap(self, value: float) -> float:
        """Return how far a value is above the best bound, relative to max(1, |value|)."""
        return (value - self.bound) / max(1.0, abs(value))


def inner(e: Array, mu: Array, weight: float, gamma: float, relaxed: bool) -> tuple[Array, Array, Array]:
    """Minimise ``-log l + weight/2 (e - l)^2 + gamma/2 (l - mu)^2`` (equation 5), or its relaxation.

    Returns lam, z = weight (lam - e), and the cost ``-log l + gamma/2 (l - mu)^2``, term by term.
    """
    if relaxed and gamma > 0:
        y, atoms = pooled(e, mu, weight, gamma)
        return e - y / weight, -y, gamma / 2 * (atoms - mu) ** 2 - np.log(atoms)
    lam = positive_root((weight * e + gamma * mu) / (weight + gamma), 1 / (weight + gamma))
    if gamma == 0:
        return lam, 1 / lam, -np.log(lam)
    return lam, 1 / lam - gamma * (lam - mu), gamma / 2 * (lam - mu) ** 2 - np.log(lam)


def positive_root(d: Array, q: float) -> Array:
    """Return the positive root of ``l^2 - d l - q`` without cancellation."""
    root = np.sqrt(d * d + 4 * q)
    return np.where(d > 0, (d + root) / 2, 2 * q / (root - np.minimum(d, 0)))


def dual_bound(model: Model, z: Array, LZ: Array) -> float:
    """Return the bound of Z, made feasible by a factor or by a shift, the better of the two.

    `z` are the eigenvalues of Z in any order, `LZ` is L*(Z) as a matrix. The bound is lowered by what rounding can have added.
    """
    used, costs = LZ[model.edges], model.C[model.edges]
    p, z = len(model.C), -np.sort(-z)
    over = np.maximum(used - costs, 0.0)
    margin = _ROUNDING * p * float(np.abs(z).max())
    candidates = [z - float(over.max(initial=0.0)) / 2 - margin]
    if costs.min(initial=1.0) > 0:
        candidates.append(z / float((used / costs).max(initial=1.0)) - margin)
    best = -np.inf
    for feasible in candidates:
        if model.gamma == 0 and feasible.min() <= 0:  # no bound: -log falls for ever
            continue
        lam = drawn(-feasible, model.mu, model.gamma) if model.gamma > 0 else 1 / feasible
        terms = (feasible * lam, -np.log(lam), model.gamma / 2 * (lam - model.mu) ** 2, -(feasible**2) / (2 * model.beta))
        size = sum(float(np.abs(term).sum()) for term in terms)
        best = max(best, sum(float(np.sum(term)) for term in terms) - _ROUNDING * p * size)
    return best
