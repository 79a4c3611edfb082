"""Optimisers and training of two-player games: optimism, negative momentum, extragradient and consensus."""

from optathlon.baselines.gans.extragradient import ExtraGradient
from optathlon.baselines.gans.negative_momentum import NegativeMomentumAdam, NegativeMomentumSGD
from optathlon.baselines.gans.optimistic_adam import OptimisticAdam
from optathlon.baselines.gans.optimistic_gradient import OptimisticGradient
from optathlon.baselines.gans.vector_field import consensus, simultaneous

__all__ = [
    "ExtraGradient",
    "NegativeMomentumAdam",
    "NegativeMomentumSGD",
    "OptimisticAdam",
    "OptimisticGradient",
    "consensus",
    "simultaneous",
]
