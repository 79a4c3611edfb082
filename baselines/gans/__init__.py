"""Optimisers and training of two-player games: optimism, negative momentum, extragradient and consensus.

Wherever players stand in a row the generator comes first: networks, optimisers, parameters and losses.
"""

from optathlon.baselines.gans.extra_adam import ExtraAdam
from optathlon.baselines.gans.extragradient import ExtraGradient
from optathlon.baselines.gans.lookahead import Lookahead
from optathlon.baselines.gans.negative_momentum import NegativeMomentumAdam, NegativeMomentumSGD
from optathlon.baselines.gans.optimistic_adam import OptimisticAdam
from optathlon.baselines.gans.optimistic_gradient import OptimisticGradient
from optathlon.baselines.gans.scores import (
    ModeCoverage,
    classes_covered,
    frechet_distance,
    inception_score,
    mode_coverage,
)
from optathlon.baselines.gans.training import GanRun, train_gan
from optathlon.baselines.gans.vector_field import consensus, simultaneous, symplectic
from optathlon.baselines.gans.windowed_optimism import WindowedOptimism

__all__ = [
    "ExtraAdam",
    "ExtraGradient",
    "GanRun",
    "Lookahead",
    "ModeCoverage",
    "NegativeMomentumAdam",
    "NegativeMomentumSGD",
    "OptimisticAdam",
    "OptimisticGradient",
    "WindowedOptimism",
    "classes_covered",
    "consensus",
    "frechet_distance",
    "inception_score",
    "mode_coverage",
    "simultaneous",
    "symplectic",
    "train_gan",
]
