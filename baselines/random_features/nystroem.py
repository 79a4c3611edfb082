"""Nystroem features whose landmarks are drawn by their ridge leverage."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from optathlon.baselines.random_features._base import validated
from optathlon.baselines.random_features._checks import check_count, check_memory, check_positive
from optathlon.baselines.random_features.kernel import gaussian_kernel, resolve_gamma


class LeverageNystroem(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Nystroem features of the Gaussian kernel, with landmarks L drawn in proportion to approximate ridge leverage scores.

    .. math::
        z(x) = K_{LL}^{-1/2} k_L(x), \qquad
        \ell_i = \frac{1}{n \lambda} \bigl( k_{ii} - k_S(x_i)^\top (K_{SS} + |S| \lambda I)^{-1} k_S(x_i) \bigr)

    S is a uniform sample as large as L: where it explains a point well, the point is no good landmark.

    Parameters
    ----------
    n_components : int
        Number of landmarks; all points where there are fewer.
    gamma : float, "median" or "scale"
        Inverse squared width of the kernel, or the rule `median_gamma` or `scale_gamma`.
    regularization : float
        The :math:`\lambda` of the ridge regression that the features are for (mean squared loss).
    random_state : int, RandomState or None
        Source of the random numbers.

    Attributes
    ----------
    components_ : ndarray, shape (n_landmarks, n_features)
        The landmarks.
    normalization_ : ndarray, shape (n_landmarks, n_landmarks)
        The inverse root of their kernel matrix.
    leverage_scores_ : ndarray, shape (n_samples,)
        Approximate scores of the training points.
    gamma_ : float
        The inverse squared width used.

    References
    ----------
    Musco, Musco. *Recursive sampling for the Nystrom method*. NIPS 2017, equation (3) and one level of algorithm 2.
    Alaoui, Mahoney. *Fast randomized kernel ridge regression with statistical guarantees*. NIPS 2015.
    """

    def __init__(
        self,
        n_components: int = 100,
        *,
        gamma: float | str = 1.0,
        regularization: float = 1e-3,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.gamma = gamma
        self.regularization = regularization
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Draw the landmarks from X, shape (n_samples, n_features).

        Raises
        ------
        ValueError
            If X is not a finite, dense matrix or a parameter is out of its range.
        """
        X = validated(self, X)
        m = min(check_count("n_components", self.n_components), len(X))
        regularization = check_positive("regularization", self.regularization)
        check_memory("the kernel between points and landmarks", 2 * len(X) * m, 8)
        self.gamma_ = resolve_gamma(self.gamma, X)
        rng = check_random_state(self.random_state)
        pilot = X[rng.choice(len(X), m, replace=False)]
        K = gaussian_kernel(pilot, gamma=self.gamma_).astype(np.float64)
        K[np.diag_indices_from(K)] += m * regularization
        L = scipy.linalg.cholesky(K, lower=True)
        explained = scipy.linalg.solve_triangular(L, gaussian_kernel(pilot, X, gamma=self.gamma_).astype(np.float64), lower=True)
        left = np.maximum(1.0 - np.einsum("ij,ij->j", explained, explained), np.finfo(np.float64).tiny)
        self.leverage_scores_ = np.minimum(left / (len(X) * regularization), 1.0)
        chosen = rng.choice(len(X), m, replace=False, p=self.leverage_scores_ / self.leverage_scores_.sum())
        self.components_ = X[chosen]
        U, S, V = np.linalg.svd(gaussian_kernel(self.components_, gamma=self.gamma_).astype(np.float64))
        self.normalization_ = (U / np.sqrt(np.maximum(S, 1e-12)) @ V).astype(X.dtype, copy=False)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Map data (n_samples, n_features) to features (n_samples, n_landmarks)."""
        check_is_fitted(self)
        X = validated(self, X, reset=False)
        K = gaussian_kernel(X, self.components_.astype(X.dtype, copy=False), gamma=self.gamma_)
        return K @ self.normalization_.astype(X.dtype, copy=False).T

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that float32 is kept."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
