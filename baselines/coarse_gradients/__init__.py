"""Coarse gradients: quantised activations whose vanishing derivative is replaced by that of a straight-through estimator."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optathlon.baselines.coarse_gradients.activation import QuantizedReLU
    from optathlon.baselines.coarse_gradients.networks import lenet5, perceptron, resnet20, vgg11, weight_norm
    from optathlon.baselines.coarse_gradients.planes import PlaneRuns, component_norms, train_on_planes, two_planes
    from optathlon.baselines.coarse_gradients.quantizer import ESTIMATORS, kmeans_step, slope
    from optathlon.baselines.coarse_gradients.rivals import LearnedClip, LearnedStep
    from optathlon.baselines.coarse_gradients.teacher import SampledGradient, coarse_gradient, sampled_gradient, teacher_loss
    from optathlon.baselines.coarse_gradients.training import TrainedNetwork, accuracy, train

_HOME = {
    "activation": ("QuantizedReLU",),
    "networks": ("lenet5", "perceptron", "resnet20", "vgg11", "weight_norm"),
    "planes": ("PlaneRuns", "component_norms", "train_on_planes", "two_planes"),
    "quantizer": ("ESTIMATORS", "kmeans_step", "slope"),
    "rivals": ("LearnedClip", "LearnedStep"),
    "teacher": ("SampledGradient", "coarse_gradient", "sampled_gradient", "teacher_loss"),
    "training": ("TrainedNetwork", "accuracy", "train"),
}
# torch and numba are imported by what needs them.
_LAZY = {name: f"optathlon.baselines.coarse_gradients.{module}" for module, names in _HOME.items() for name in names}

__all__ = [
    "ESTIMATORS",
    "LearnedClip",
    "LearnedStep",
    "PlaneRuns",
    "QuantizedReLU",
    "SampledGradient",
    "TrainedNetwork",
    "accuracy",
    "coarse_gradient",
    "component_norms",
    "kmeans_step",
    "lenet5",
    "perceptron",
    "resnet20",
    "sampled_gradient",
    "slope",
    "teacher_loss",
    "train",
    "train_on_planes",
    "two_planes",
    "vgg11",
    "weight_norm",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return __all__
