"""Regression with signed weights as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from optathlon.baselines.binary_regression._checks import check_choice, check_count, check_regression
from optathlon.baselines.binary_regression.box_relaxation import box_relaxation
from optathlon.baselines.binary_regression.least_squares import least_squares
from optathlon.baselines.binary_regression.local_search import flip_descent
from optathlon.baselines.binary_regression.maximin import maximin
from optathlon.baselines.binary_regression.message_passing import message_passing
from optathlon.baselines.binary_regression.semidefinite_relaxation import certificate, semidefinite_relaxation

Array = NDArray[np.float64]

_validated: Any = validate_data  # annotated in scikit-learn by its defaults, as taking words

METHODS = ("maximin", "semidefinite", "box", "message-passing", "least-squares")


class BinaryLeastSquares(RegressorMixin, BaseEstimator):
    """Least squares with a sign for each standardised feature and one scale for all of them.

    y = intercept + size * sum_i w_i (x_i - mean_i) / sd_i with w_i in {-1, +1}: alternates between the signs, by `method`, and
    the size, in closed form, from the signs of the correlations, as long as that lowers the objective.

    Parameters
    ----------
    method : {"maximin", "semidefinite", "box", "message-passing", "least-squares"}
        What finds the signs.
    polish : bool
        Flip single signs as long as that lowers the objective.
    fit_intercept : bool
        Centre features and y.
    standardize : bool
        Divide the features by their standard deviations.
    max_iter : int
        Alternations at most.
    random_state : int, RandomState or None
        Source of the semidefinite relaxation's first factor.

    Attributes
    ----------
    signs_ : ndarray, (n_features,)
        w.
    size_ : float
        The scale, at least 0.
    coef_ : ndarray, (n_features,)
        size_ * w_i / sd_i.
    intercept_ : float
    objective_ : float
        Sum of squared residuals.
    gap_ : float
        Proved relative gap of the signs at this size: (objective_ - bound) / objective_.
    n_iter_ : int
        Alternations made.
    n_features_in_ : int
        Features seen.
    """

    def __init__(
        self,
        method: str = "maximin",
        *,
        polish: bool = True,
        fit_intercept: bool = True,
        standardize: bool = True,
        max_iter: int = 5,
        random_state: Any = None,
    ) -> None:
        self.method = method
        self.polish = polish
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> BinaryLeastSquares:
        """Find signs and size from X, (n_samples, n_features), and y, (n_samples,)."""
        check_choice("method", self.method, METHODS)
        check_count("max_iter", self.max_iter, 0)
        features, target = check_regression(*_validated(self, X, y, dtype=np.float64, y_numeric=True))
        n_features = features.shape[1]
        mean, offset = (features.mean(axis=0), float(target.mean())) if self.fit_intercept else (np.zeros(n_features), 0.0)
        centred, target = features - mean, target - offset
        spread = centred.std(axis=0) if self.standardize else np.ones(n_features)
        spread = np.where(spread > 10 * np.finfo(float).eps * np.abs(mean), spread, 1.0)
        Z = centred / spread
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        w = np.where(Z.T @ target >= 0, 1.0, -1.0)
        size, best = _scale(Z, target, w)
        if self.polish and size > 0:
            w = flip_descent(size * Z, target, w).w
            size, best = _scale(Z, target, w)
        self.n_iter_ = 0
        while self.n_iter_ < self.max_iter and size > 0:
            self.n_iter_ += 1
            trial = self._signs(size * Z, target, seed)
            trial_size, objective = _scale(Z, target, trial)
            if objective >= best * (1 - 1e-12):
                break
            w, size, best = trial, trial_size, objective
        self.signs_, self.size_, self.objective_ = w, size, best
        self.coef_ = size * w / spread
        self.intercept_ = offset - float(self.coef_ @ mean)
        bound = certificate(size * Z, target, np.append(w, 1.0)).bound if size > 0 else self.objective_
        self.gap_ = (self.objective_ - bound) / self.objective_ if self.objective_ > 0 else 0.0
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs on X, (n_samples,)."""
        check_is_fitted(self)
        return _validated(self, X, reset=False, dtype=np.float64) @ self.coef_ + self.intercept_

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags: equal weights may fit poorly."""
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags

    def _signs(self, X: Array, y: Array, seed: int) -> Array:
        if self.method == "semidefinite":
            w = semidefinite_relaxation(X, y, rng=seed).w
        elif self.method == "least-squares":
            w = least_squares(X, y)
        else:
            w = {"maximin": maximin, "box": box_relaxation, "message-passing": message_passing}[self.method](X, y).w
        return flip_descent(X, y, w).w if self.polish else w


def _scale(Z: Array, y: Array, w: Array) -> tuple[float, float]:
    """Return the non-negative scale of Z w that fits y best, and the squared error that is left."""
    signal = Z @ w
    square = float(signal @ signal)
    size = max(float(signal @ y), 0.0) / square if square > 0 else 0.0
    return size, float(np.sum((size * signal - y) ** 2))
