"""How the predictions depend on the symmetric matrix M, and the Newton matrices that follow from it.

``forward(M)`` gives the predictions, ``adjoint(v) = sum_i v_i dyhat_i/dM`` their transpose. A Newton step needs
``forward(P adjoint(.) G + N adjoint(.) H)``, H and G the inverses of the dual slacks; rows of rank one make it Hadamard
products of Gram matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk, dtrmm
from scipy.linalg.lapack import dlauum, dpotrf, dpotrs, dtrtri

Array = NDArray[np.float64]
Solve = Callable[[Array], Array]

_RAISED = (0.0, 1e-14, 1e-12, 1e-10)  # of the diagonal of a Newton matrix


class NotPositiveDefinite(ArithmeticError):
    """A Cholesky factorisation broke down."""


class Measurements(Protocol):
    """Linear map of symmetric matrices to predictions."""

    @property
    def size(self) -> int:
        """Number of predictions."""
        ...

    def forward(self, M: Array) -> Array:
        """Return the predictions of a symmetric matrix."""
        ...

    def adjoint(self, v: Array) -> Array:
        """Return the matrix S with <S, M> = v'forward(M)."""
        ...

    def slopes(self, P: Array, G: Array) -> Array:
        """Return d forward(P diag(mu) G) / d mu, shape (size, d)."""
        ...

    def newton(self, D: Array, P: Array, G: Array, N: Array, H: Array) -> Solve:
        """Return the solver with diag(D) + forward(P adjoint(.) G + N adjoint(.) H)."""
        ...


def cholesky(A: Array) -> Array:
    """Return the lower factor of a symmetric matrix, or raise `NotPositiveDefinite`."""
    factor, info = dpotrf(A, lower=1, clean=1)
    if info:
        raise NotPositiveDefinite
    return factor


class Samples:
    """Predictions x_i'Mx_i, and behind them, where given, one weighted sum of further samples.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Samples.
    total : ndarray, shape (d, d), optional
        The matrix T of one further prediction <T, M>.
    """

    def __init__(self, X: Array, total: Array | None = None) -> None:
        self.X, self.total = X, total

    @property
    def size(self) -> int:
        """Number of predictions."""
        return len(self.X) + (self.total is not None)

    def forward(self, M: Array) -> Array:
        """Return the predictions of a symmetric matrix."""
        alone = np.einsum("ij,ij->i", self.X @ M, self.X)
        return alone if self.total is None else np.append(alone, np.vdot(self.total, M))

    def adjoint(self, v: Array) -> Array:
        """Return sum_i v_i x_i x_i'."""
        if self.total is None:
            return self.X.T @ (v[:, None] * self.X)
        return self.X.T @ (v[:-1, None] * self.X) + v[-1] * self.total

    def slopes(self, P: Array, G: Array) -> Array:
        """Return (XP) o (XG), the column of diagonal entry j."""
        alone = (self.X @ P) * (self.X @ G)
        if self.total is None:
            return alone
        return np.vstack([alone, np.einsum("ij,ij->j", P, self.total @ G)])

    def newton(self, D: Array, P: Array, G: Array, N: Array, H: Array) -> Solve:
        """Factor diag(D) + (XPX') o (XGX') + (XNX') o (XHX'), its diagonal raised a little where rounding makes it indefinite.

        A raised diagonal bends the direction, not the feasibility of where it leads.
        """
        for raised in _RAISED:
            matrix = self._newton_matrix(P, G, N, H)
            diagonal = matrix.ravel(order="K")[:: self.size + 1]
            diagonal += D
            diagonal *= 1 + raised
            factor, info = dpotrf(matrix, lower=1, overwrite_a=1, clean=0)
            if not info:
                return lambda right, factor=factor: dpotrs(factor, right, lower=1)[0]
        raise NotPositiveDefinite

    def _newton_matrix(self, P: Array, G: Array, N: Array, H: Array) -> Array:
        """Return the lower triangle of the Hadamard products, in Fortran's order."""
        matrix = self._hadamard(P, G)
        matrix += self._hadamard(N, H)
        if self.total is None:
            return matrix
        alone, n = matrix, len(self.X)
        matrix = np.empty((n + 1, n + 1), order="F")
        matrix[:n, :n] = alone
        product = P @ self.total @ G + N @ self.total @ H
        matrix[n, :n] = np.einsum("ij,ij->i", self.X @ product, self.X)
        matrix[n, n] = np.vdot(product, self.total)
        return matrix

    def _hadamard(self, P: Array, G: Array) -> Array:
        """Return the lower triangle of (XPX') o (XGX'): a product with its own transpose costs half."""
        if not len(self.X):  # BLAS refuses
            return np.zeros((0, 0), order="F")
        gram = dsyrk(1.0, self.X @ cholesky(P), lower=1)
        gram *= dsyrk(1.0, self.X @ cholesky(G), lower=1)
        return gram


class Reduced:
    """Predictions F svec(M) of a matrix F with fewer rows than there were samples.

    Parameters
    ----------
    F : ndarray, shape (size, p), p = d(d+1)/2
        Square and upper triangular, or any matrix of full row rank.
    triangular : bool
        Whether F is, and well conditioned: the Newton matrix is then made in the space of M, without products of its size.
    """

    def __init__(self, F: Array, d: int, *, triangular: bool) -> None:
        self.F, self.d = F, d
        self.rows, self.columns = np.triu_indices(d)
        self.weights = np.where(self.rows == self.columns, 1.0, np.sqrt(2.0))
        self.inverse = dtrtri(F, lower=0)[0] if triangular else None
        # The lower triangle of F^-1 F^-T / 2, in C's order.
        self.half_gram = 0.5 * np.tril(dlauum(self.inverse, lower=0)[0].T) if self.inverse is not None else None

    @property
    def size(self) -> int:
        """Number of predictions."""
        return len(self.F)

    def forward(self, M: Array) -> Array:
        """Return F svec(M)."""
        return self.F @ (M[self.rows, self.columns] * self.weights)

    def adjoint(self, v: Array) -> Array:
        """Return the matrix of F'v."""
        S = np.zeros((self.d, self.d))
        S[self.rows, self.columns] = S[self.columns, self.rows] = (v @ self.F) / self.weights
        return S

    def slopes(self, P: Array, G: Array) -> Array:
        """Return F applied to the symmetric parts of P_j G_j', column by column."""
        product = P[self.rows] * G[self.columns] + G[self.rows] * P[self.columns]
        product *= 0.5 * self.weights[:, None]
        return self.F @ product if self.inverse is None else dtrmm(1.0, self.F, product)

    def newton(self, D: Array, P: Array, G: Array, N: Array, H: Array) -> Solve:
        """Factor diag(D) + F T F', or D F^-1 F^-T + T, T the symmetric Kronecker products of (P, G) and (N, H)."""
        from optathlon.baselines.quantized_networks._kernels import symmetric_kronecker

        T = np.zeros((self.F.shape[1],) * 2)
        for left, right in ((P, G), (N, H)):
            symmetric_kronecker(np.ascontiguousarray(left), np.ascontiguousarray(right), self.rows, self.columns, T)
        if self.inverse is None:
            matrix = self.F @ (T + np.tril(T, -1).T) @ self.F.T
            matrix.ravel()[:: self.size + 1] += D
            factor = cholesky(matrix)
            return lambda right: dpotrs(factor, right, lower=1)[0]
        T += (2 * D[0]) * self.half_gram
        factor, info = dpotrf(T.T, lower=0, overwrite_a=1, clean=0)
        if info:
            raise NotPositiveDefinite
        inverse = self.inverse

        def solve(right: Array) -> Array:
            inner = dtrmm(1.0, inverse, right.reshape(len(right), -1))
            return dtrmm(1.0, inverse, dpotrs(factor, inner, lower=0)[0], trans_a=1).reshape(right.shape)

        return solve
