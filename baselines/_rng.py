"""Sources of random numbers: what `numpy.random.default_rng` takes, everywhere."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import torch

Rng: TypeAlias = int | np.integer | np.random.Generator | None
"""A seed, a generator, or None for fresh random numbers."""

TorchRng: TypeAlias = "Rng | torch.Generator"
"""The same for what draws with torch on the CPU, or a generator of torch's."""


def numpy_generator(name: str, value: Any) -> np.random.Generator:
    """Return the generator itself, one of a seed, or one of fresh random numbers for None; refuse anything else."""
    if value is None or isinstance(value, np.random.Generator):
        return np.random.default_rng(value)
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < 0:
        raise ValueError(f"{name} must be an integer of at least 0, a numpy.random.Generator or None, got {value!r}")
    return np.random.default_rng(int(value))


def torch_generator(name: str, value: Any) -> torch.Generator:
    """Return the CPU generator itself, one of a seed, one seeded by numpy's, or one of fresh random numbers for None."""
    import torch

    if isinstance(value, torch.Generator) and value.device.type == "cpu":
        return value
    generator = torch.Generator()
    if value is None:
        generator.seed()
        return generator
    if isinstance(value, np.random.Generator):
        return generator.manual_seed(int(value.integers(2**63)))
    if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= int(value) < 2**63:
        raise ValueError(
            f"{name} must be an integer from 0 to 2^63 - 1, a torch.Generator on the CPU, a numpy.random.Generator or None, "
            f"got {value!r}"
        )
    return generator.manual_seed(int(value))
