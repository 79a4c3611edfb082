"""Riemannian Newton steps for min <Q, VV'> over matrices V with unit rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_blas_funcs, get_lapack_funcs

Array = NDArray[Any]

_CG_STEPS = 250
_LEAST_SHIFT = 1e-6  # of the diagonal of S, by which its inverse is kept finite; more in single precision
_CG_TOL = 0.1
_ACCEPT = 0.05  # share of the predicted decrease that a step must bring


class Iterate(NamedTuple):
    """A factor with what one product with Q tells of it.

    Attributes
    ----------
    V : ndarray, shape (N, k)
        Factor with rows of length one.
    QV : ndarray, shape (N, k)
        Product with Q.
    dual : ndarray, shape (N,)
        lam_i = -(QV)_i . V_i: the multipliers of |V_i| = 1, for which (Q + diag(lam)) V is the Riemannian gradient.
    value : float
        <Q, VV'> = -sum(lam).
    """

    V: Array
    QV: Array
    dual: Array
    value: float


def at(Q: Array, V: Array) -> Iterate:
    """Evaluate the factor `V`."""
    QV = Q @ V
    dual = -row_dots(QV, V)
    return Iterate(V, QV, dual, -float(dual.sum(dtype=np.float64)))


def row_dots(A: Array, B: Array) -> Array:
    """Return the inner products of the rows of `A` with those of `B`."""
    return np.einsum("ij,ij->i", A, B)


def unit_rows(V: Array) -> Array:
    """Scale the rows of `V` to length one; a zero row becomes the first unit vector."""
    length = np.sqrt(row_dots(V, V))
    if not length.all():
        V = V.copy()
        V[length == 0, 0] = 1.0
        length = np.where(length == 0, V.dtype.type(1), length)
    return V / length[:, None]


def jacobi_scale(Q: Array, dual: Array) -> Array:
    """Return 1/sqrt(S_ii), S = Q + diag(dual), as a column; small or negative S_ii are lifted."""
    diagonal = Q.diagonal() + dual
    floor = max(0.05 * float(np.abs(diagonal).mean()), np.finfo(np.float32).tiny)
    return (1 / np.sqrt(np.maximum(diagonal, floor)))[:, None]


class Inverse(NamedTuple):
    """Approximate inverses of S = Q + diag(dual).

    Attributes
    ----------
    everywhere : callable
        Applies the inverse of S to the columns of a matrix; None where only its diagonal is at hand.
    tangent : callable
        Applies the inverse of the Riemannian Hessian, S between matrices whose rows are orthogonal to those of V.
    """

    everywhere: Callable[[Array], Array] | None
    tangent: Callable[[Array], Array]


def diagonal_inverse(Q: Array, point: Iterate) -> Inverse:
    """Invert the diagonal of S."""
    square = jacobi_scale(Q, point.dual).astype(Q.dtype) ** 2
    return Inverse(None, lambda R: square * R)


def full_inverse(Q: Array, point: Iterate, lowest: float) -> Inverse:
    """Invert S, shifted by a little to be positive definite; `lowest` estimates its lowest eigenvalue.

    D = M (R - diag(mu) V) with M = S^-1 has rows orthogonal to those of V for (M o VV') mu = diag(M R V'): two Cholesky
    factorisations, after which conjugate gradients need one or two steps however S is conditioned.
    """
    potri, potrs = get_lapack_funcs(("potri", "potrs"), (Q,))
    symm: Any = get_blas_funcs("symm", (Q,))
    scale, V = (a.astype(Q.dtype) for a in (jacobi_scale(Q, point.dual), point.V))
    shift = max(_LEAST_SHIFT, 8 * float(np.finfo(Q.dtype).eps), -2 * lowest * float(np.median(scale)) ** 2)
    # From here on arrays are in Fortran's order, and only their upper triangle counts. M is that of S scaled to diagonal 1.
    S = (scale * Q).T
    S *= scale
    S.flat[:: len(S) + 1] = (Q.diagonal() + point.dual) * scale[:, 0] ** 2
    M = potri(_shifted_factor(S, shift), lower=0, overwrite_c=1)[0]
    both = scale * V
    both = M * (both @ both.T).T
    hadamard = _shifted_factor(both, float(np.finfo(Q.dtype).eps) * float(both.diagonal().max()))

    def everywhere(B: Array) -> Array:
        return scale * symm(1.0, M, scale * B)

    def tangent(R: Array) -> Array:
        D = everywhere(R)
        return D - everywhere(potrs(hadamard, row_dots(D, V), lower=0)[0][:, None] * V)

    return Inverse(everywhere, tangent)


def _shifted_factor(A: Array, shift: float) -> Array:
    """Factorise `A`, its diagonal raised by `shift` or as many times four of it as it takes."""
    (potrf,) = get_lapack_funcs(("potrf",), (A,))
    diagonal = A.diagonal().copy()
    while True:
        A.flat[:: len(A) + 1] = diagonal + A.dtype.type(shift)
        factor, failed = potrf(A, lower=0, clean=0)
        if not failed:
            return factor
        shift *= 4


class Step(NamedTuple):
    """What a Newton step leads to.

    Attributes
    ----------
    point : Iterate
        The old one if the step brings nothing.
    radius : float
        That of the next step.
    predicted : float
        The decrease that the model promised.
    n_products : int
        Products with the Hessian.
    """

    point: Iterate
    radius: float
    predicted: float
    n_products: int


def newton_step(Q: Array, Q_fast: Array, point: Iterate, radius: float, inverse: Inverse) -> Step:
    """Take one trust-region Newton step.

    `Q_fast` may hold Q in single precision: only the inner products of conjugate gradients use it, while values, gradients and
    multipliers stay in double precision, without which rounding would decide the last steps.
    """
    gradient = point.QV + point.dual[:, None] * point.V
    step, curvature, at_boundary, n_products = _steihaug(Q_fast, point, inverse, gradient, radius)
    predicted = -2 * float(np.vdot(gradient, step)) - curvature
    trial = at(Q, unit_rows(point.V + step))
    quality = (point.value - trial.value) / predicted if predicted > 0 else -1.0
    if quality < 0.25:
        radius *= 0.25
    elif quality > 0.75 and at_boundary:
        radius *= 2
    return Step(trial if quality > _ACCEPT else point, radius, predicted, n_products)


def _steihaug(
    Q: Array, point: Iterate, inverse: Inverse, gradient: Array, radius: float
) -> tuple[NDArray[np.float64], float, bool, int]:
    """Minimise the Newton model in the trust region by preconditioned conjugate gradients (Steihaug 1983).

    Lengths are those of the preconditioner's metric, in which they follow by recurrence (Conn, Gould and Toint, Trust-Region
    Methods, 2000, eq. 7.5.5 to 7.5.7). Returns the step, its curvature <step, H step> with the Riemannian Hessian H[D] = P(QD +
    diag(lam) D), P the projection that removes from each row its component along V_i, whether the boundary was reached, and the
    number of products with H.
    """
    V, dual = (a.astype(Q.dtype, copy=False) for a in (point.V, point.dual[:, None]))
    residual = -gradient.astype(Q.dtype)
    direction = solved = inverse.tangent(residual)
    step, image = np.zeros_like(residual), np.zeros_like(residual)
    norm = first_norm = _dot(residual, solved)
    ss, sd, dd = 0.0, 0.0, norm  # products of step and direction in the metric
    at_boundary, n_products = False, 0
    while n_products < _CG_STEPS and norm > max(_CG_TOL**2 * first_norm, 0.0):
        product = Q @ direction + dual * direction
        product -= row_dots(product, V)[:, None] * V
        n_products += 1
        curvature = _dot(direction, product)
        length = norm / curvature if curvature > 0 else np.inf
        if not np.isfinite(length) or ss + 2 * length * sd + length**2 * dd >= radius**2:
            length = (np.sqrt(sd**2 + dd * (radius**2 - ss)) - sd) / dd
            at_boundary = True
        step += length * direction
        image += length * product
        if at_boundary:
            break
        residual -= length * product
        solved = inverse.tangent(residual)
        norm, old_norm = _dot(residual, solved), norm
        again = norm / old_norm
        direction = solved + again * direction
        ss, sd, dd = ss + 2 * length * sd + length**2 * dd, again * (sd + length * dd), norm + again**2 * dd
    return step.astype(np.float64), _dot(step, image), at_boundary, n_products


def _dot(a: Array, b: Array) -> float:
    return float(np.vdot(a, b))
