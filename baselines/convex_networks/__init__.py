"""Convex formulations of neural networks: global optima with certificates, and the descent methods they are held against."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from optathlon.baselines.convex_networks.arrangements import (
    count_arrangements,
    enumerate_patterns,
    pool_patterns,
    sample_patterns,
)
from optathlon.baselines.convex_networks.batch_norm import BatchNormNetwork, batch_norm_program
from optathlon.baselines.convex_networks.convex_gan import ThresholdedGenerator, linear_generator, wasserstein_generator
from optathlon.baselines.convex_networks.convexnn import SignNetwork, convexnn
from optathlon.baselines.convex_networks.convolutional import ConvolutionalNetwork, convolutional_program
from optathlon.baselines.convex_networks.deep_relu import DeepReluNetwork, bottleneck_relu, orthonormal_relu, rank_one_relu
from optathlon.baselines.convex_networks.deep_training import fit_labels, train_deep_relu
from optathlon.baselines.convex_networks.frank_wolfe import FrankWolfeNetwork, frank_wolfe, growing_batch
from optathlon.baselines.convex_networks.linear_networks import LinearNetwork, deep_linear, two_layer_linear
from optathlon.baselines.convex_networks.minimum_norm import MinimumNormNetwork, minimum_norm_linear
from optathlon.baselines.convex_networks.modified_gradient import FittedNeurons, convex_surrogate, fit_neurons
from optathlon.baselines.convex_networks.networks import TrainedLinear, TrainedNetwork, TrainedSubnetworks
from optathlon.baselines.convex_networks.nonconvex import train_linear, train_network, train_subnetworks
from optathlon.baselines.convex_networks.polynomial import (
    RELU_APPROXIMATION,
    PolynomialNetwork,
    neural_decomposition,
    polynomial_program,
    quadratic_program,
)
from optathlon.baselines.convex_networks.relu_certificate import (
    ReluCertificate,
    ReluNetwork,
    network_objective,
    verify_certificate,
)
from optathlon.baselines.convex_networks.relu_feasible import largest_beta
from optathlon.baselines.convex_networks.relu_losses import classification_objective, relu_classification_program
from optathlon.baselines.convex_networks.relu_pooling import pooled_program
from optathlon.baselines.convex_networks.relu_program import ReluProgramResult, relu_program
from optathlon.baselines.convex_networks.three_layer import ThreeLayerNetwork, three_layer_program
from optathlon.baselines.convex_networks.variants import train_batch_norm, train_classifier, train_convolutional
from optathlon.baselines.convex_networks.vector_output import VectorNetwork, vector_program

if TYPE_CHECKING:
    from optathlon.baselines.convex_networks.estimators import ConvexReLUClassifier, ConvexReLURegressor

__all__ = [
    "RELU_APPROXIMATION",
    "BatchNormNetwork",
    "ConvexReLUClassifier",
    "ConvexReLURegressor",
    "ConvolutionalNetwork",
    "DeepReluNetwork",
    "FittedNeurons",
    "FrankWolfeNetwork",
    "LinearNetwork",
    "MinimumNormNetwork",
    "PolynomialNetwork",
    "ReluCertificate",
    "ReluNetwork",
    "ReluProgramResult",
    "SignNetwork",
    "ThreeLayerNetwork",
    "ThresholdedGenerator",
    "TrainedLinear",
    "TrainedNetwork",
    "TrainedSubnetworks",
    "VectorNetwork",
    "batch_norm_program",
    "bottleneck_relu",
    "classification_objective",
    "convex_surrogate",
    "convexnn",
    "convolutional_program",
    "count_arrangements",
    "deep_linear",
    "enumerate_patterns",
    "fit_labels",
    "fit_neurons",
    "frank_wolfe",
    "growing_batch",
    "largest_beta",
    "linear_generator",
    "minimum_norm_linear",
    "network_objective",
    "neural_decomposition",
    "orthonormal_relu",
    "polynomial_program",
    "pool_patterns",
    "pooled_program",
    "quadratic_program",
    "rank_one_relu",
    "relu_classification_program",
    "relu_program",
    "sample_patterns",
    "three_layer_program",
    "train_batch_norm",
    "train_classifier",
    "train_convolutional",
    "train_deep_relu",
    "train_linear",
    "train_network",
    "train_subnetworks",
    "two_layer_linear",
    "vector_program",
    "verify_certificate",
    "wasserstein_generator",
]


def __getattr__(name: str) -> Any:
    # The estimators need scikit-learn, which is imported when one of them is first used.
    if name not in ("ConvexReLUClassifier", "ConvexReLURegressor"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("optathlon.baselines.convex_networks.estimators"), name)
