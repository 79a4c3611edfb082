"""Random features: maps whose inner products approximate a kernel, and the learners built on them."""

from baselines.random_features.box_least_squares import BoxSolution, box_least_squares
from baselines.random_features.fastfood import Fastfood
from baselines.random_features.fourier import NormalizedRandomFeatures, RandomFourierFeatures
from baselines.random_features.hadamard import fast_walsh_hadamard
from baselines.random_features.kernel import gaussian_kernel, kernel_variance, median_gamma
from baselines.random_features.kitchen_sinks import (
    WeightedRandomKitchenSinks,
    WeightedRandomKitchenSinksClassifier,
    WeightedRandomKitchenSinksRegressor,
)
from baselines.random_features.leverage import (
    LeverageScoreRandomFeatures,
    effective_dimension,
    ridge_leverage_scores,
)
from baselines.random_features.orthogonal import OrthogonalRandomFeatures

__all__ = [
    "BoxSolution",
    "Fastfood",
    "LeverageScoreRandomFeatures",
    "NormalizedRandomFeatures",
    "OrthogonalRandomFeatures",
    "RandomFourierFeatures",
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
]
