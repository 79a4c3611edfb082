"""Random features: maps whose inner products approximate a kernel, and the learners built on them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from optathlon.baselines.random_features.kernel import gaussian_kernel, kernel_variance, median_gamma, scale_gamma

if TYPE_CHECKING:
    from optathlon.baselines.random_features.box_constrained import BoxSolution, box_least_squares
    from optathlon.baselines.random_features.fastfood import Fastfood
    from optathlon.baselines.random_features.fourier import NormalizedRandomFeatures, RandomFourierFeatures
    from optathlon.baselines.random_features.hadamard import fast_walsh_hadamard
    from optathlon.baselines.random_features.kitchen_sinks import (
        WeightedRandomKitchenSinks,
        WeightedRandomKitchenSinksClassifier,
        WeightedRandomKitchenSinksRegressor,
    )
    from optathlon.baselines.random_features.leverage import LeverageScoreRandomFeatures
    from optathlon.baselines.random_features.nystroem import LeverageNystroem
    from optathlon.baselines.random_features.orthogonal import OrthogonalRandomFeatures
    from optathlon.baselines.random_features.quasi import QuasiRandomFeatures
    from optathlon.baselines.random_features.ridge_leverage import effective_dimension, ridge_leverage_scores
    from optathlon.baselines.random_features.structured import StructuredOrthogonalRandomFeatures

# scikit-learn and numba are imported by what needs them.
_LAZY = {
    "BoxSolution": "optathlon.baselines.random_features.box_constrained",
    "box_least_squares": "optathlon.baselines.random_features.box_constrained",
    "Fastfood": "optathlon.baselines.random_features.fastfood",
    "NormalizedRandomFeatures": "optathlon.baselines.random_features.fourier",
    "QuasiRandomFeatures": "optathlon.baselines.random_features.quasi",
    "StructuredOrthogonalRandomFeatures": "optathlon.baselines.random_features.structured",
    "LeverageNystroem": "optathlon.baselines.random_features.nystroem",
    "RandomFourierFeatures": "optathlon.baselines.random_features.fourier",
    "fast_walsh_hadamard": "optathlon.baselines.random_features.hadamard",
    "WeightedRandomKitchenSinks": "optathlon.baselines.random_features.kitchen_sinks",
    "WeightedRandomKitchenSinksClassifier": "optathlon.baselines.random_features.kitchen_sinks",
    "WeightedRandomKitchenSinksRegressor": "optathlon.baselines.random_features.kitchen_sinks",
    "LeverageScoreRandomFeatures": "optathlon.baselines.random_features.leverage",
    "OrthogonalRandomFeatures": "optathlon.baselines.random_features.orthogonal",
    "effective_dimension": "optathlon.baselines.random_features.ridge_leverage",
    "ridge_leverage_scores": "optathlon.baselines.random_features.ridge_leverage",
}

__all__ = [
    "BoxSolution",
    "Fastfood",
    "LeverageNystroem",
    "LeverageScoreRandomFeatures",
    "NormalizedRandomFeatures",
    "OrthogonalRandomFeatures",
    "QuasiRandomFeatures",
    "RandomFourierFeatures",
    "StructuredOrthogonalRandomFeatures",
    "WeightedRandomKitchenSinks",
    "WeightedRandomKitchenSinksClassifier",
    "WeightedRandomKitchenSinksRegressor",
    "box_least_squares",
    "effective_dimension",
    "fast_walsh_hadamard",
    "gaussian_kernel",
    "kernel_variance",
    "median_gamma",
    "ridge_leverage_scores",
    "scale_gamma",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return __all__
