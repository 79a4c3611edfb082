"""The two-layer ReLU program as scikit-learn estimators."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks.relu_certificate import ReluProgramResult
from optathlon.baselines.convex_networks.relu_feasible import largest_beta
from optathlon.baselines.convex_networks.relu_patterns import choose_patterns
from optathlon.baselines.convex_networks.relu_program import relu_program

Array = NDArray[np.float64]

_ROUNDING = 1e-12  # of |Z| |y|: what is left of a Z'y that vanishes; of the beta itself: by what the solver may find it larger

_validated: Any = validate_data  # annotated in scikit-learn by its defaults, as taking words


class Path(NamedTuple):
    """Networks along falling weight decay.

    Attributes
    ----------
    betas : ndarray, (n_betas,)
        Weight decays as shares of the one from which on the network is zero.
    n_neurons : ndarray, (n_betas,)
        Neurons of each network.
    results : tuple of ReluProgramResult
        The networks on the scaled data.
    """

    betas: Array
    n_neurons: NDArray[np.intp]
    results: tuple[ReluProgramResult, ...]


class _ConvexReLU(BaseEstimator):
    """What regressor and classifier share: the program on centred and scaled data with a column of ones."""

    def __init__(
        self,
        beta: float = 0.01,
        *,
        fit_intercept: bool = True,
        scale: bool = True,
        tol: float = 1e-6,
        max_steps: int | None = None,
        warm_start: bool = False,
        random_state: Any = None,
    ) -> None:
        self.beta = beta
        self.fit_intercept = fit_intercept
        self.scale = scale
        self.tol = tol
        self.max_steps = max_steps
        self.warm_start = warm_start
        self.random_state = random_state

    def _prepare(self, X: Array) -> Array:
        """Learn the shift and the scale of the features and return the data of the program."""
        self._shift = X.mean(axis=0) if self.scale else np.zeros(X.shape[1])
        spread = (X - self._shift).std(axis=0) if self.scale else np.ones(X.shape[1])
        # A constant column, up to the rounding of its mean, stays as it is.
        constant = spread <= 10 * np.finfo(float).eps * np.abs(self._shift)
        self._spread = np.where(constant, 1.0, spread)
        return self._inputs(X)

    def _inputs(self, X: Array) -> Array:
        Z = (X - self._shift) / self._spread
        return np.column_stack([Z, np.ones(len(Z))]) if self.fit_intercept else Z

    def _patterns(self, Z: Array, y: Array) -> NDArray[np.int8]:
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        beta = _checks.positive(self.beta, "beta") * _useful_beta(Z, y, np.ones((len(Z), 1)))
        return choose_patterns(Z, y, beta, np.random.default_rng(seed))[0]

    def _solve(
        self, Z: Array, y: Array, patterns: NDArray[np.int8], share: float, start: ReluProgramResult | None
    ) -> ReluProgramResult:
        beta = _checks.positive(share, "beta") * _useful_beta(Z, y, patterns)
        return relu_program(Z, y, beta, patterns=patterns, tol=self.tol, max_steps=self.max_steps, start=start)

    def _train(self, Z: Array, targets: list[Array]) -> None:
        """Solve one program per target, from the last networks where that is asked and they were trained on the same data."""
        data = hashlib.sha256(np.column_stack([Z, *targets]).tobytes()).hexdigest()
        before = self.results_ if self.warm_start and getattr(self, "_trained_on", None) == data else None
        results = []
        for k, y in enumerate(targets):
            own = before[k] if before is not None else None
            patterns = own.patterns if own is not None else self._patterns(Z, y)
            results.append(self._solve(Z, y, patterns, self.beta, own))
        self.results_, self._trained_on = tuple(results), data
        self.gap_ = max(result.gap for result in results)
        self.converged_ = all(result.converged for result in results)
        self.n_iter_ = max(1, *(result.n_steps for result in results))

    def _decide(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        Z = self._inputs(_validated(self, X, reset=False, dtype=np.float64))
        return np.column_stack([result.predict(Z) for result in self.results_])


def _useful_beta(Z: Array, y: Array, patterns: NDArray[Any]) -> float:
    """Return the beta from which on the network is zero; one beyond it where no feature tells anything of y but by rounding."""
    largest, size = largest_beta(Z, y, patterns), float(np.linalg.norm(Z) * np.linalg.norm(y))
    return largest * (1 + _ROUNDING) if largest > _ROUNDING * size else size or 1.0


class ConvexReLURegressor(RegressorMixin, _ConvexReLU):
    """Two-layer ReLU network with weight decay, trained to a certified gap; see :func:`relu_program`.

    Parameters
    ----------
    beta : float
        Weight decay as a share of the one from which on the network is zero.
    fit_intercept : bool
        Give every neuron a bias, and the network the mean of y.
    scale : bool
        Centre the features and divide them by their standard deviations; y is always divided by its own.
    tol : float
        Certified relative gap at which to stop.
    max_steps : int, optional
        Outer steps of the solver at most.
    warm_start : bool
        Begin `fit` at the last network, over its patterns, where it was trained on the same data.
    random_state : int, RandomState or None
        Source of the networks whose patterns are pooled where they are too many to enumerate.

    Attributes
    ----------
    results_ : tuple of ReluProgramResult
        The network on the scaled data.
    gap_ : float
        Its certified relative gap over the networks with its patterns.
    converged_ : bool
        Whether the gap is at most `tol`.
    n_iter_ : int
        Outer steps of the solver.
    n_features_in_ : int
        Features seen.
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> ConvexReLURegressor:
        """Train on X, (n_samples, n_features), and y, (n_samples,)."""
        Z, target = self._data(X, y)
        self._train(Z, [target])
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the outputs on X, (n_samples,)."""
        return self._decide(X)[:, 0] * self._unit + self._offset

    def path(self, X: ArrayLike, y: ArrayLike, betas: ArrayLike | None = None) -> Path:
        """Train along falling weight decays, each from the last; by default 20 from 1 down to 0.001 of the largest useful one.

        The estimator stays as it is, fitted or not.
        """
        fresh: Any = clone(self)
        Z, target = fresh._data(X, y)
        shares = np.logspace(0, -3, 20) if betas is None else _checks.finite_array(betas, "betas", 1)
        patterns, results, last = self._patterns(Z, target), [], None
        for share in shares:
            last = self._solve(Z, target, patterns, float(share), last)
            results.append(last)
        return Path(shares, np.array([len(result.w2) for result in results]), tuple(results))

    def _data(self, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
        features, target = _validated(self, X, y, dtype=np.float64, y_numeric=True)
        features, target = _checks.samples(features), _checks.labels(target, len(features))
        self._offset = float(target.mean()) if self.fit_intercept else 0.0
        self._unit = float(np.sqrt(np.mean((target - self._offset) ** 2))) or 1.0
        return self._prepare(features), (target - self._offset) / self._unit


class ConvexReLUClassifier(ClassifierMixin, _ConvexReLU):
    """Two-layer ReLU networks fitted to labels -1 and +1 by least squares, one per class (one in all for two classes).

    Parameters and attributes are those of :class:`ConvexReLURegressor`, and besides them

    Attributes
    ----------
    classes_ : ndarray
        The labels.
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> ConvexReLUClassifier:
        """Train on X, (n_samples, n_features), and labels y, (n_samples,)."""
        features, labels = _validated(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, number = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y must hold at least two classes, got 1 class: {self.classes_[0]!r}")
        wanted = range(len(self.classes_)) if len(self.classes_) > 2 else [1]
        Z = self._prepare(_checks.samples(features))
        self._train(Z, [np.where(number == k, 1.0, -1.0) for k in wanted])
        return self

    def decision_function(self, X: ArrayLike) -> Array:
        """Return the networks' outputs, (n_samples,) for two classes, else (n_samples, n_classes)."""
        outputs = self._decide(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the labels, (n_samples,)."""
        outputs = self._decide(X)
        chosen = (outputs[:, 0] > 0).astype(int) if outputs.shape[1] == 1 else outputs.argmax(axis=1)
        return self.classes_[chosen]
