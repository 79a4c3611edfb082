"""Weighted sums of random kitchen sinks: random features, fixed, and weights in a box."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from optathlon.baselines.random_features._base import validated, validated_pair
from optathlon.baselines.random_features._checks import check_choice, check_count, check_memory, check_positive
from optathlon.baselines.random_features.box_constrained import box_weights
from optathlon.baselines.random_features.fourier import phased_features
from optathlon.baselines.random_features.kernel import resolve_gamma


class _KitchenSinks(BaseEstimator):
    """Random features and the box-constrained weights of one or several targets."""

    random_weights_: np.ndarray
    random_offset_: np.ndarray
    coef_: np.ndarray

    def __init__(
        self,
        n_components: int = 100,
        *,
        gamma: float | str = 1.0,
        bound: float = 100.0,
        features: Literal["cos", "stump"] = "cos",
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.gamma = gamma
        self.bound = bound
        self.features = features
        self.random_state = random_state

    def _fit_weights(self, X: np.ndarray, targets: np.ndarray) -> None:
        """Draw the features (step 1), and weigh them for each column of the targets (step 3)."""
        k = check_count("n_components", self.n_components)
        bound = check_positive("bound", self.bound)
        check_choice("features", self.features, ("cos", "stump"))
        check_memory("the features and their Gram matrix", (len(X) + X.shape[1] + 3 * k) * k, 8)
        self.gamma_ = resolve_gamma(self.gamma, X)
        rng = check_random_state(self.random_state)
        if self.features == "cos":
            weights, offsets = rng.standard_normal((X.shape[1], k)), rng.uniform(0.0, 2.0 * np.pi, k)
            self.random_weights_ = (math.sqrt(2.0 * self.gamma_) * weights).astype(X.dtype, copy=False)
        else:
            self.random_weights_ = rng.randint(X.shape[1], size=k)
            low, high = X.min(axis=0)[self.random_weights_], X.max(axis=0)[self.random_weights_]
            offsets = low + (high - low) * rng.random_sample(k)
        self.random_offset_ = offsets.astype(X.dtype, copy=False)
        solutions = box_weights(self._features(X), targets, bound / k)
        self.coef_ = np.array([solution.coefficients for solution in solutions])
        self.gap_ = max(solution.gap for solution in solutions)
        self.converged_ = all(solution.converged for solution in solutions)

    def _features(self, X: np.ndarray) -> np.ndarray:
        if self.features == "cos":
            return phased_features(X @ self.random_weights_.astype(X.dtype, copy=False), self.random_offset_, 1.0)
        return np.where(X[:, self.random_weights_] > self.random_offset_, X.dtype.type(1), X.dtype.type(-1))

    def _values(self, X: ArrayLike) -> np.ndarray:
        """Return the weighted sums, shape (n_samples, n_targets)."""
        check_is_fitted(self)
        X = validated(self, X, reset=False)
        return self._features(X) @ self.coef_.T.astype(X.dtype, copy=False)


class WeightedRandomKitchenSinksRegressor(RegressorMixin, _KitchenSinks):
    r"""Least squares over K random features with weights in a box.

    .. math::
        \min_{|\alpha_i| \le C/K} \; \frac{1}{2n} \sum_j \Bigl( \sum_{i \le K} \alpha_i \varphi(x_j; w_i) - y_j + \bar y
        \Bigr)^2

    Parameters
    ----------
    n_components : int
        Number K of features.
    gamma : float or "median"
        Scale of the frequencies of the cosines, w ~ N(0, 2 gamma I); ``"median"`` takes that of `median_gamma`.
    bound : float
        The C of the bound C / K on each weight.
    features : {"cos", "stump"}
        :math:`\varphi(x; w, b) = \cos(w^\top x + b)`, or the sign of one feature above a uniform threshold.
    random_state : int, RandomState or None
        Source of the random numbers.

    Attributes
    ----------
    coef_ : ndarray, shape (1, n_components)
        The weights.
    intercept_ : float
        Mean of the training targets.
    gap_ : float
        Upper bound on how far the objective is above its minimum.
    converged_ : bool
        Whether the gap met the tolerance of `box_least_squares`.

    References
    ----------
    Rahimi, Recht. *Weighted sums of random kitchen sinks*. NIPS 2008, algorithm 1; the survey, equation (10), prints
    C p(w) for C / K, which is zero to every digit in more than a few dimensions.
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the weights to targets y, shape (n_samples,)."""
        X, y = validated_pair(self, X, y, y_numeric=True)
        targets = y.astype(np.float64)
        self.intercept_ = float(targets.mean())
        self._fit_weights(X, targets[:, None] - self.intercept_)
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return predictions, shape (n_samples,)."""
        return self._values(X)[:, 0] + self.intercept_


class WeightedRandomKitchenSinksClassifier(ClassifierMixin, _KitchenSinks):
    r"""Classifier by least squares over K random features with weights in a box, one class against the rest.

    .. math::
        \min_{|\alpha_i| \le C/K} \; \frac{1}{2n} \sum_j \Bigl( \sum_{i \le K} \alpha_i \varphi(x_j; w_i) - y_j \Bigr)^2,
        \qquad y_j = \pm 1

    Parameters
    ----------
    n_components : int
        Number K of features.
    gamma : float or "median"
        Scale of the frequencies of the cosines, w ~ N(0, 2 gamma I); ``"median"`` takes that of `median_gamma`.
    bound : float
        The C of the bound C / K on each weight.
    features : {"cos", "stump"}
        :math:`\varphi(x; w, b) = \cos(w^\top x + b)`, or the sign of one feature above a uniform threshold.
    random_state : int, RandomState or None
        Source of the random numbers.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    coef_ : ndarray, shape (1 or n_classes, n_components)
        The weights.
    gap_ : float
        Upper bound on how far an objective is above its minimum, the largest over the classes.
    converged_ : bool
        Whether all gaps met the tolerance of `box_least_squares`.

    References
    ----------
    Rahimi, Recht. *Weighted sums of random kitchen sinks*. NIPS 2008, algorithm 1; the survey, equation (10), prints
    C p(w) for C / K, which is zero to every digit in more than a few dimensions.
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the weights to labels y, shape (n_samples,)."""
        X, y = validated_pair(self, X, y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(f"y must hold at least two classes, got one class: {self.classes_[0]!r}")
        positive = np.arange(n_classes) if n_classes > 2 else np.array([1])
        self._fit_weights(X, np.where(labels[:, None] == positive, 1.0, -1.0))
        return self

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return the weighted sums: (n_samples,) for two classes, (n_samples, n_classes) for more."""
        values = self._values(X)
        return values[:, 0] if len(self.classes_) == 2 else values

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return labels, shape (n_samples,)."""
        values = self._values(X)
        winner = values.argmax(axis=1) if len(self.classes_) > 2 else (values[:, 0] > 0).astype(np.intp)
        return self.classes_[winner]


WeightedRandomKitchenSinks = WeightedRandomKitchenSinksClassifier
"""The classifier, which is the learner of the paper."""
