"""The graphon-aided graphical lasso with scikit-learn's interface of covariance estimators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from optathlon.baselines.graphon_lasso._checks import Array
from optathlon.baselines.graphon_lasso.solve import GraphonLassoResult, Solver, graphon_lasso


class GraphonLasso(BaseEstimator):
    """Estimate a Gaussian graphical model whose precision matrix is a graph Laplacian.

    Parameters
    ----------
    mu : array_like, shape (n_features,), optional
        Prior eigenvalues; needed where gamma > 0.
    alpha, beta, gamma : float
        As for `graphon_lasso`.
    solver : str, optional
        As for `graphon_lasso`.
    tol : float
        As for `graphon_lasso`.
    max_steps : int, optional
        As for `graphon_lasso`.
    assume_centered : bool
        Whether the data have mean 0; otherwise their mean is taken off.

    Attributes
    ----------
    precision_ : ndarray, shape (n_features, n_features)
        The estimated Laplacian.
    covariance_ : ndarray, shape (n_features, n_features)
        Its pseudo-inverse.
    location_ : ndarray, shape (n_features,)
        Mean of the training data, or zeros.
    weights_ : ndarray, shape (n_features (n_features - 1) / 2,)
        Edge weights, in the order of `laplacian`.
    gap_ : float
        Certified gap of the objective; see `graphon_lasso`.
    converged_ : bool
        Whether the tolerance was met.
    result_ : GraphonLassoResult
        The whole answer of `graphon_lasso`.
    """

    def __init__(
        self,
        mu: ArrayLike | None = None,
        *,
        alpha: float = 0.0,
        beta: float = 10.0,
        gamma: float = 0.0,
        solver: Solver | None = None,
        tol: float = 1e-6,
        max_steps: int | None = None,
        assume_centered: bool = False,
    ) -> None:
        self.mu = mu
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.solver: Solver | None = solver
        self.tol = tol
        self.max_steps = max_steps
        self.assume_centered = assume_centered

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Estimate from data X, shape (n_samples, n_features); y is ignored.

        Raises
        ------
        ValueError
            If X is not finite with at least two columns, or `graphon_lasso` refuses its covariance.
        """
        X = self._validated(X, reset=True)
        if len(X) == 1 and self.alpha == self.gamma == 0:
            raise ValueError("X must have more than 1 sample where alpha and gamma are 0: one bounds no weight; raise alpha")
        self.location_ = np.zeros(X.shape[1]) if self.assume_centered else X.mean(axis=0)
        return self._keep(self._solve(_covariance(X, self.location_)))

    def path(self, X: ArrayLike, alphas: Sequence[float]) -> list[GraphonLassoResult]:
        """Estimate for several alphas, each started from the last one's weights; in the order given.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_features)
            Training data.
        alphas : sequence of float
            Weights of the l1 norm.

        Returns
        -------
        list of GraphonLassoResult
            One per alpha. The estimator itself is not fitted.
        """
        X = self._validated(X, reset=True)
        S = _covariance(X, np.zeros(X.shape[1]) if self.assume_centered else X.mean(axis=0))
        results: list[GraphonLassoResult] = []
        for alpha in alphas:
            results.append(self._solve(S, alpha=alpha, start=results[-1].w if results else None))
        return results

    def score(self, X_test: ArrayLike, y: Any = None) -> float:
        """Return the mean log-likelihood of data, on the space where they vary: that of signals which sum to 0.

        It is minus infinity where the estimated graph is not connected. y is ignored.
        """
        check_is_fitted(self)
        X = self._validated(X_test, reset=False)
        S, p = _covariance(X, self.location_), X.shape[1]
        # Shifted by 11'/p, whose eigenvector is constant, the determinant is that of the other eigenvalues.
        sign, logdet = np.linalg.slogdet(self.precision_ + 1 / p)
        if sign <= 0 or not self._connected():
            return -math.inf
        return float(logdet - (S * self.precision_).sum() - (p - 1) * math.log(2 * math.pi)) / 2

    def get_precision(self) -> Array:
        """Return the estimated Laplacian."""
        check_is_fitted(self)
        return self.precision_

    def _connected(self) -> bool:
        from optathlon.baselines.graphon_lasso.graphons import is_connected

        return is_connected(self.weights_)

    def _validated(self, X: ArrayLike, *, reset: bool) -> Array:
        least = 2 if reset else 1
        return np.asarray(validate_data(self, cast(Any, X), dtype=np.float64, reset=reset, ensure_min_features=least))

    def _solve(self, S: Array, **changed: Any) -> GraphonLassoResult:
        settings = {name: getattr(self, name) for name in ("alpha", "beta", "gamma", "solver", "tol", "max_steps")}
        return graphon_lasso(S, self.mu, **(settings | changed))

    def _keep(self, result: GraphonLassoResult) -> Self:
        self.result_, self.weights_, self.precision_ = result, result.w, result.precision
        self.covariance_ = np.linalg.pinv(result.precision, hermitian=True)
        self.gap_, self.converged_ = result.gap, result.converged
        return self


def _covariance(X: Array, location: Array) -> Array:
    centred = X - location
    return centred.T @ centred / len(X)
