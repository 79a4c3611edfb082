"""Acceleration of non-convex minimisation: oracles that count, the methods with proofs, their rivals, and a practical answer."""

from optathlon.baselines.acceleration.carmon import (
    accelerated_nonconvex,
    almost_convex_agd,
    estimate_hessian_lipschitz,
    negative_curvature_descent,
)
from optathlon.baselines.acceleration.cubic import cubic_newton, cubic_step
from optathlon.baselines.acceleration.first_order import adaptive, gradient_descent, heavy_ball, nesterov
from optathlon.baselines.acceleration.guilty import convex_until_guilty
from optathlon.baselines.acceleration.lanczos import Curvature, lanczos_steps, smallest_curvature
from optathlon.baselines.acceleration.minimize import METHODS, Result, minimize
from optathlon.baselines.acceleration.oracle import Oracle, Problem
from optathlon.baselines.acceleration.perturbed import perturbed_agd
from optathlon.baselines.acceleration.polyak import DeepLinear, Training, WideReLU, deep_linear, momenta, polyak, wide_relu
from optathlon.baselines.acceleration.practical import second_order
from optathlon.baselines.acceleration.problems import (
    estimate_smoothness,
    hard_chain,
    matrix_factorization,
    phase_retrieval,
    robust_regression,
    tanh_network,
)
from optathlon.baselines.acceleration.restarted import restarted_agd
from optathlon.baselines.acceleration.rivals import lbfgs, newton_cg, trust_krylov

__all__ = [
    "METHODS", "Curvature", "DeepLinear", "Oracle", "Problem", "Result", "Training", "WideReLU", "accelerated_nonconvex",
    "adaptive", "almost_convex_agd", "convex_until_guilty", "cubic_newton", "cubic_step", "deep_linear",
    "estimate_hessian_lipschitz", "estimate_smoothness", "gradient_descent", "hard_chain", "heavy_ball", "lanczos_steps",
    "lbfgs", "matrix_factorization", "minimize", "momenta", "negative_curvature_descent", "nesterov", "newton_cg",
    "perturbed_agd", "phase_retrieval", "polyak", "restarted_agd", "robust_regression", "second_order", "smallest_curvature",
    "tanh_network", "trust_krylov", "wide_relu",
]  # fmt: skip
