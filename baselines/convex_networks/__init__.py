"""Convex formulations of neural networks: global optima with certificates, and the descent methods they are held against."""

from baselines.convex_networks.arrangements import (
    count_arrangements,
    enumerate_patterns,
    pool_patterns,
    sample_patterns,
)
from baselines.convex_networks.relu_certificate import (
    ReluCertificate,
    ReluNetwork,
    network_objective,
    verify_certificate,
)
from baselines.convex_networks.relu_pooling import pooled_program
from baselines.convex_networks.relu_program import ReluProgramResult, relu_program

__all__ = [
    "ReluCertificate",
    "ReluNetwork",
    "ReluProgramResult",
    "count_arrangements",
    "enumerate_patterns",
    "network_objective",
    "pool_patterns",
    "pooled_program",
    "relu_program",
    "sample_patterns",
    "verify_certificate",
]
