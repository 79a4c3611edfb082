"""Weighted sums of random kitchen sinks: random features, fixed, and weights in a box."""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from optathlon.baselines.random_features._base import validated, validated_pair, validated_weights
from optathlon.baselines.random_features._checks import check_choice, check_count, check_memory, check_phases, check_positive
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
        tol: float = 1e-6,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.gamma = gamma
        self.bound = bound
        self.features = features
        self.tol = tol
        self.random_state = random_state

    def _fit_weights(self, X: np.ndarray, targets: np.ndarray, shares: np.ndarray | None, units: np.ndarray) -> np.ndarray:
        """Draw the features (step 1), weigh them for each column of the targets, in its unit (step 3); return them for X."""
        k = check_count("n_components", self.n_components)
        bound, tol = check_positive("bound", self.bound), check_positive("tol", self.tol)
        check_choice("features", self.features, ("cos", "stump"))
        check_memory("the features and their Gram matrix", (len(X) + X.shape[1] + 3 * k) * k, 8)
        self._draw(X if shares is None else X[shares > 0], k)
        Z = self._features(X)
        weighed = (Z, targets) if shares is None else (Z * np.sqrt(shares)[:, None], targets * np.sqrt(shares)[:, None])
        solutions = box_weights(weighed[0], weighed[1] / units, bound / k, tol=tol)
        self.coef_ = np.array([unit * solution.coefficients for unit, solution in zip(units, solutions, strict=True)])
        self.gap_ = max(float(unit**2 * solution.gap) for unit, solution in zip(units, solutions, strict=True))
        self.converged_ = all(solution.converged for solution in solutions)
        if not self.converged_:
            warnings.warn(
                f"the weights stopped at a gap of {self.gap_:.3g}, above tol={tol:g} of the targets: rounding allows no less at "
                f"bound={bound:g}, or features are near copies of each other",
                ConvergenceWarning,
                stacklevel=3,
            )
        return Z

    def _draw(self, X: np.ndarray, k: int) -> None:
        self.gamma_ = resolve_gamma(self.gamma, X)
        rng = check_random_state(self.random_state)
        if self.features == "cos":
            check_phases(X, self.gamma_)
            weights, offsets = rng.standard_normal((X.shape[1], k)), rng.uniform(0.0, 2.0 * np.pi, k)
            self.random_weights_ = (math.sqrt(2.0 * self.gamma_) * weights).astype(X.dtype, copy=False)
        else:
            self.random_weights_ = rng.randint(X.shape[1], size=k)
            low, high = X.min(axis=0)[self.random_weights_], X.max(axis=0)[self.random_weights_]
            offsets = low + (high - low) * rng.random_sample(k)
        self.random_offset_ = offsets.astype(X.dtype, copy=False)

    def _features(self, X: np.ndarray) -> np.ndarray:
        if self.features == "cos":
            check_phases(X, self.gamma_)
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
        \min_{|\alpha_i| \le C s / K} \; \frac{1}{2n} \sum_j \Bigl( \sum_{i \le K} \alpha_i \varphi(x_j; w_i) - y_j + \bar y
        \Bigr)^2

    with s the standard deviation of the targets: y in other units has the same predictions in those units.

    Parameters
    ----------
    n_components : int
        Number K of features.
    gamma : float, "median" or "scale"
        Scale of the frequencies of the cosines, w ~ N(0, 2 gamma I), or the rule `median_gamma` or `scale_gamma`, which sees
        every row of positive weight once.
    bound : float
        The C of the bound C s / K on each weight.
    features : {"cos", "stump"}
        :math:`\varphi(x; w, b) = \cos(w^\top x + b)`, or the sign of one feature above a uniform threshold.
    tol : float
        Gap of the objective, as a fraction of half the targets' variance, at which to stop.
    random_state : int, RandomState or None
        Source of the random numbers.

    Attributes
    ----------
    coef_ : ndarray, shape (n_targets, n_components)
        The weights.
    intercept_ : ndarray, shape (n_targets,)
        Means of the training targets.
    gap_ : float
        Upper bound on how far the objective is above its minimum, the largest over the targets.
    converged_ : bool
        Whether all gaps met `tol`; a `ConvergenceWarning` says where not.

    References
    ----------
    Rahimi, Recht. *Weighted sums of random kitchen sinks*. NIPS 2008, algorithm 1; the survey, equation (10), prints
    C p(w) for C / K, which is zero to every digit in more than a few dimensions.
    """

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the weights to targets y, shape (n_samples,) or (n_samples, n_targets), rows weighed by `sample_weight`."""
        X, y = validated_pair(self, X, y, y_numeric=True, multi_output=True)
        shares = validated_weights(sample_weight, X)
        self._single = y.ndim == 1
        targets = y.astype(np.float64).reshape(len(y), -1)
        self.intercept_ = np.average(targets, axis=0, weights=shares)
        targets = targets - self.intercept_
        deviations = np.sqrt(np.average(targets**2, axis=0, weights=shares))
        self._fit_weights(X, targets, shares, np.where(deviations > 0, deviations, 1.0))
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return predictions in the shape of the targets, (n_samples,) or (n_samples, n_targets)."""
        values = self._values(X) + self.intercept_
        return values[:, 0] if self._single else values

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that there may be several targets."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class WeightedRandomKitchenSinksClassifier(ClassifierMixin, _KitchenSinks):
    r"""Classifier by least squares over K random features with weights in a box, one class against the rest.

    .. math::
        \min_{|\alpha_i| \le C/K} \; \frac{1}{2n} \sum_j \Bigl( \sum_{i \le K} \alpha_i \varphi(x_j; w_i) - y_j \Bigr)^2,
        \qquad y_j = \pm 1

    Probabilities are the softmax of the sums times one temperature, the likeliest for the training data: they keep the order
    of the sums, and are too sure of themselves where K is not small beside the number of samples.

    Parameters
    ----------
    n_components : int
        Number K of features.
    gamma : float, "median" or "scale"
        Scale of the frequencies of the cosines, w ~ N(0, 2 gamma I), or the rule `median_gamma` or `scale_gamma`, which sees
        every row of positive weight once.
    bound : float
        The C of the bound C / K on each weight.
    features : {"cos", "stump"}
        :math:`\varphi(x; w, b) = \cos(w^\top x + b)`, or the sign of one feature above a uniform threshold.
    tol : float
        Gap of the objective, as a fraction of the targets' 1/2, at which to stop.
    random_state : int, RandomState or None
        Source of the random numbers.

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    coef_ : ndarray, shape (1 or n_classes, n_components)
        The weights.
    temperature_ : float
        Factor of the sums in the softmax.
    gap_ : float
        Upper bound on how far an objective is above its minimum, the largest over the classes.
    converged_ : bool
        Whether all gaps met `tol`; a `ConvergenceWarning` says where not.

    References
    ----------
    Rahimi, Recht. *Weighted sums of random kitchen sinks*. NIPS 2008, algorithm 1; the survey, equation (10), prints
    C p(w) for C / K, which is zero to every digit in more than a few dimensions.
    Guo, Pleiss, Sun, Weinberger. *On calibration of modern neural networks*. ICML 2017, section 4.2 (the temperature).
    """

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the weights to labels y, shape (n_samples,), rows weighed by `sample_weight`."""
        X, y = validated_pair(self, X, y)
        shares = validated_weights(sample_weight, X)
        check_classification_targets(y)
        self.classes_ = np.unique(y if shares is None else y[shares > 0])
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(f"y must hold at least two classes, got one class: {self.classes_[0]!r}")
        positive = self.classes_ if n_classes > 2 else self.classes_[1:]
        targets = np.where(y[:, None] == positive, 1.0, -1.0)
        Z = self._fit_weights(X, targets, shares, np.ones(len(positive)))
        self.temperature_ = _temperature(_paired(Z @ self.coef_.T), _paired(targets) > 0, shares)
        return self

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return the weighted sums: (n_samples,) for two classes, (n_samples, n_classes) for more."""
        values = self._values(X)
        return values[:, 0] if len(self.classes_) == 2 else values

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return class probabilities, shape (n_samples, n_classes)."""
        values = _paired(self._values(X))
        return softmax(self.temperature_ * values, axis=1)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return labels, shape (n_samples,)."""
        winners = _paired(self._values(X)).argmax(axis=1)
        return self.classes_[winners]


def _paired(values: np.ndarray) -> np.ndarray:
    """Return one column a class: of two classes the second's sums stand alone, and the first's are their negatives."""
    return np.hstack([-values, values]) if values.shape[1] == 1 else values


def _temperature(values: np.ndarray, truth: np.ndarray, shares: np.ndarray | None) -> float:
    """Return the factor whose softmax makes the labels likeliest, each taken to be wrong once in n + 2 as in Platt's scaling."""
    n, n_classes = truth.shape
    total = n if shares is None else float(shares.sum())
    wanted = (total * truth + 1.0) / (total + n_classes)

    def loss(logarithm: float) -> float:
        return float(-np.average((wanted * log_softmax(math.exp(logarithm) * values, axis=1)).sum(axis=1), weights=shares))

    return math.exp(float(minimize_scalar(loss, bounds=(-7.0, 7.0), method="bounded").x))


WeightedRandomKitchenSinks = WeightedRandomKitchenSinksClassifier
"""The classifier, which is the learner of the paper."""
