"""Regression with weights in {-1, +1}: relaxations, gradient methods and exact search."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from optathlon.baselines.binary_regression.bop import bop
from optathlon.baselines.binary_regression.box_relaxation import BoxResult, box_relaxation
from optathlon.baselines.binary_regression.conditions import (
    Condition,
    general_condition,
    low_noise_condition,
    robust_condition,
    robust_multipliers,
    saddle_multipliers,
)
from optathlon.baselines.binary_regression.detectors import (
    PropagationResult,
    TreeResult,
    expectation_propagation,
    k_best,
)
from optathlon.baselines.binary_regression.diagonal_sdp import DiagonalSDP, solve_diagonal_sdp
from optathlon.baselines.binary_regression.exact import ExactResult, exact
from optathlon.baselines.binary_regression.lattice import ReducedBasis, lattice_reduction, lll, nearest_plane
from optathlon.baselines.binary_regression.least_squares import least_squares
from optathlon.baselines.binary_regression.local_search import FlipResult, annealing, flip_descent
from optathlon.baselines.binary_regression.logistic import (
    LogisticResult,
    logistic_box,
    logistic_condition,
    logistic_exact,
    logistic_loss,
    logistic_maximin,
)
from optathlon.baselines.binary_regression.maximin import MaximinResult, maximin
from optathlon.baselines.binary_regression.message_passing import (
    MessagePassingResult,
    message_passing,
    state_evolution,
)
from optathlon.baselines.binary_regression.ordinal import (
    OrdinalResult,
    level_bits,
    levels_of,
    nearest_level,
    ordinal_condition,
    ordinal_lattice,
    ordinal_least_squares,
    ordinal_maximin,
)
from optathlon.baselines.binary_regression.semidefinite_relaxation import (
    Certificate,
    SemidefiniteResult,
    certificate,
    semidefinite_relaxation,
)
from optathlon.baselines.binary_regression.straight_through import straight_through
from optathlon.baselines.binary_regression.tabu import tabu_search

if TYPE_CHECKING:
    from optathlon.baselines.binary_regression.estimators import BinaryLeastSquares
    from optathlon.baselines.binary_regression.network_models import (
        GainBias,
        convolutional_network,
        hidden_layer_network,
        linear_network,
    )
    from optathlon.baselines.binary_regression.network_optimizers import (
        BopOptimizer,
        MaximinOptimizer,
        StraightThroughOptimizer,
    )
    from optathlon.baselines.binary_regression.networks import (
        TrainedNetwork,
        binary_copy,
        binary_shares,
        predict_classes,
        refresh_normalisation,
        split_parameters,
        train_network,
    )

# The networks need torch, the estimator scikit-learn: imported when one of these names is first used.
_LAZY = {
    "BinaryLeastSquares": "optathlon.baselines.binary_regression.estimators",
    "GainBias": "optathlon.baselines.binary_regression.network_models",
    "convolutional_network": "optathlon.baselines.binary_regression.network_models",
    "hidden_layer_network": "optathlon.baselines.binary_regression.network_models",
    "linear_network": "optathlon.baselines.binary_regression.network_models",
    "BopOptimizer": "optathlon.baselines.binary_regression.network_optimizers",
    "MaximinOptimizer": "optathlon.baselines.binary_regression.network_optimizers",
    "StraightThroughOptimizer": "optathlon.baselines.binary_regression.network_optimizers",
    "TrainedNetwork": "optathlon.baselines.binary_regression.networks",
    "binary_copy": "optathlon.baselines.binary_regression.networks",
    "binary_shares": "optathlon.baselines.binary_regression.networks",
    "predict_classes": "optathlon.baselines.binary_regression.networks",
    "refresh_normalisation": "optathlon.baselines.binary_regression.networks",
    "split_parameters": "optathlon.baselines.binary_regression.networks",
    "train_network": "optathlon.baselines.binary_regression.networks",
}

__all__ = [
    "BinaryLeastSquares",
    "BopOptimizer",
    "BoxResult",
    "Certificate",
    "Condition",
    "DiagonalSDP",
    "ExactResult",
    "FlipResult",
    "GainBias",
    "LogisticResult",
    "MaximinOptimizer",
    "MaximinResult",
    "MessagePassingResult",
    "OrdinalResult",
    "PropagationResult",
    "ReducedBasis",
    "SemidefiniteResult",
    "StraightThroughOptimizer",
    "TrainedNetwork",
    "TreeResult",
    "annealing",
    "binary_copy",
    "binary_shares",
    "bop",
    "box_relaxation",
    "certificate",
    "convolutional_network",
    "exact",
    "expectation_propagation",
    "flip_descent",
    "general_condition",
    "hidden_layer_network",
    "k_best",
    "lattice_reduction",
    "least_squares",
    "level_bits",
    "levels_of",
    "linear_network",
    "lll",
    "logistic_box",
    "logistic_condition",
    "logistic_exact",
    "logistic_loss",
    "logistic_maximin",
    "low_noise_condition",
    "maximin",
    "message_passing",
    "nearest_level",
    "nearest_plane",
    "ordinal_condition",
    "ordinal_lattice",
    "ordinal_least_squares",
    "ordinal_maximin",
    "predict_classes",
    "refresh_normalisation",
    "robust_condition",
    "robust_multipliers",
    "saddle_multipliers",
    "semidefinite_relaxation",
    "solve_diagonal_sdp",
    "split_parameters",
    "state_evolution",
    "straight_through",
    "tabu_search",
    "train_network",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
