"""Two-layer networks of signs: semidefinite bounds, exact optima, Algorithm 1 and what it is compared with."""

from optathlon.baselines.quantized_networks.enumeration import best_of_few
from optathlon.baselines.quantized_networks.exact_optimum import ExactOptimum, exact_optimum
from optathlon.baselines.quantized_networks.flips import Trained, fit_scale, flip_signs, random_network
from optathlon.baselines.quantized_networks.gradient_training import (
    compensated_rounding,
    post_training_quantization,
    straight_through_network,
)
from optathlon.baselines.quantized_networks.networks import (
    BilinearNetwork,
    PolynomialNetwork,
    expand_bilinear,
    lift_samples,
    objective,
    predict_lifted,
    reduce_levels,
    total_loss,
)
from optathlon.baselines.quantized_networks.sampling import GAMMA, krivine_covariance, refit, sample_network
from optathlon.baselines.quantized_networks.sdp_bound import SdpBound, sdp_bound

__all__ = [
    "GAMMA",
    "BilinearNetwork",
    "ExactOptimum",
    "PolynomialNetwork",
    "SdpBound",
    "Trained",
    "best_of_few",
    "compensated_rounding",
    "exact_optimum",
    "expand_bilinear",
    "fit_scale",
    "flip_signs",
    "krivine_covariance",
    "lift_samples",
    "objective",
    "post_training_quantization",
    "predict_lifted",
    "random_network",
    "reduce_levels",
    "refit",
    "sample_network",
    "sdp_bound",
    "straight_through_network",
    "total_loss",
]
