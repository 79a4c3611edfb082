"""Training of quantised weights: exact projections, the recurrence of QUANT and its laws, an optimiser for torch modules."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optathlon.baselines.quantized_training.optimizer import BinaryRelax, QuantOptimizer, quantizable_weights
    from optathlon.baselines.quantized_training.projections import (
        mean_threshold_ternary,
        project_binary,
        project_ternary,
    )
    from optathlon.baselines.quantized_training.recurrence import Recurrence, example_start, quant_recurrence
    from optathlon.baselines.quantized_training.theory import (
        cone_coordinates,
        optimum,
        sufficient_condition,
        time_shares,
        wrong_sign_shares,
    )
    from optathlon.baselines.quantized_training.training import TrainedNetwork, train_quantized

_HOME = {
    "optimizer": ("BinaryRelax", "QuantOptimizer", "quantizable_weights"),
    "projections": ("mean_threshold_ternary", "project_binary", "project_ternary"),
    "recurrence": ("Recurrence", "example_start", "quant_recurrence"),
    "theory": ("cone_coordinates", "optimum", "sufficient_condition", "time_shares", "wrong_sign_shares"),
    "training": ("TrainedNetwork", "train_quantized"),
}
# numba and torch are imported by what needs them.
_LAZY = {name: f"optathlon.baselines.quantized_training.{module}" for module, names in _HOME.items() for name in names}

__all__ = [
    "BinaryRelax",
    "QuantOptimizer",
    "Recurrence",
    "TrainedNetwork",
    "cone_coordinates",
    "example_start",
    "mean_threshold_ternary",
    "optimum",
    "project_binary",
    "project_ternary",
    "quant_recurrence",
    "quantizable_weights",
    "sufficient_condition",
    "time_shares",
    "train_quantized",
    "wrong_sign_shares",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
