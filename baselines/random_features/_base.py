"""What every random feature map shares: the checks of `fit` and the names of the columns."""

from __future__ import annotations

from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from optathlon.baselines.random_features._checks import check_choice, check_count, check_memory, check_phases
from optathlon.baselines.random_features.kernel import resolve_gamma

FLOATS = (np.float64, np.float32)
FEATURES = ("cos", "cos-sin")


def validated(estimator: Any, X: ArrayLike, *, reset: bool = True) -> np.ndarray:
    """Return X as scikit-learn wants it: a dense finite matrix of floats, with the columns of `fit` unless `reset`."""
    return np.asarray(validate_data(estimator, cast(Any, X), dtype=FLOATS, reset=reset))


def validated_pair(
    estimator: Any, X: ArrayLike, y: ArrayLike, *, y_numeric: bool = False, multi_output: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return X as `validated` does, and targets with one value per row, or several where `multi_output`."""
    X, y = validate_data(estimator, cast(Any, X), cast(Any, y), dtype=FLOATS, y_numeric=y_numeric, multi_output=multi_output)
    return np.asarray(X), np.asarray(y) if multi_output else column_or_1d(y, warn=True)


def validated_weights(sample_weight: ArrayLike | None, X: np.ndarray) -> np.ndarray | None:
    """Return the weights of the rows in float64; None where there are none."""
    if sample_weight is None:
        return None
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not 0 < weights.sum() < np.inf:
        raise ValueError(f"sample_weight must have a positive, finite sum, got {weights.sum()}")
    return weights


class RandomFeatureMap(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A random map z with z(x)'z(y) close to a Gaussian kernel; subclasses draw the frequencies and apply them.

    The constructor of a subclass stores at least ``n_components``, ``gamma`` and ``random_state``.
    """

    n_components: int
    gamma: float | str
    random_state: Any
    features = "cos"

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Draw the random numbers for data with as many columns as X.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_features)
            Training data, dense and finite; float32 stays float32.
        y : ignored
            There for scikit-learn's pipelines.

        Returns
        -------
        self
            The fitted map.

        Raises
        ------
        ValueError
            If X is not a finite, dense matrix or a parameter is out of its range.
        """
        X = validated(self, X)
        n_components = check_count("n_components", self.n_components)
        check_choice("features", self.features, FEATURES)
        self.gamma_ = resolve_gamma(self.gamma, X)
        check_phases(X, self.gamma_)
        n_frequencies = n_components - n_components // 2 if self.features == "cos-sin" else n_components
        self._draw(X, n_frequencies, check_random_state(self.random_state))
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Map data to random features.

        Parameters
        ----------
        X : array_like, shape (n_samples, n_features)
            Data with as many columns as at `fit`.

        Returns
        -------
        ndarray, shape (n_samples, n_components)
            The features, in the dtype of X (float32 or float64).

        Raises
        ------
        ValueError
            If X is not a finite, dense matrix with the columns of `fit`, or the features do not fit into memory.
        """
        return self._map(self._validated(X))

    def _draw_offsets(self, n_frequencies: int, rng: np.random.RandomState) -> np.ndarray:
        """Draw the phases: uniform for cosines; none for pairs, save for a last cosine that lacks its sine."""
        offsets = rng.uniform(0.0, 2.0 * np.pi, n_frequencies)
        if self.features == "cos-sin":
            offsets[: self.n_components // 2] = 0.0
        return offsets

    def _draw(self, X: np.ndarray, n_frequencies: int, rng: np.random.RandomState) -> None:
        raise NotImplementedError

    def _map(self, X: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _validated(self, X: ArrayLike) -> np.ndarray:
        check_is_fitted(self)
        X = validated(self, X, reset=False)
        check_phases(X, self.gamma_)
        check_memory("the features", len(X) * self.n_components, X.itemsize)
        return X

    @property
    def _n_features_out(self) -> int:
        return self.n_components

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that float32 is kept."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
