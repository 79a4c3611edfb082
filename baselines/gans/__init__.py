"""Optimisers and training of two-player games: optimism, negative momentum, extragradient and consensus."""

from baselines.gans.extragradient import ExtraGradient
from baselines.gans.negative_momentum import NegativeMomentumAdam, NegativeMomentumSGD
from baselines.gans.optimistic_adam import OptimisticAdam
from baselines.gans.optimistic_gradient import OptimisticGradient
from baselines.gans.vector_field import consensus, simultaneous

__all__ = [
    "ExtraGradient",
    "NegativeMomentumAdam",
    "NegativeMomentumSGD",
    "OptimisticAdam",
    "OptimisticGradient",
    "consensus",
    "simultaneous",
]
