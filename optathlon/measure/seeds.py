"""One seed, independent streams."""

from __future__ import annotations

import numpy as np


def stream(seed: int, branch: int) -> np.random.Generator:
    """Return an independent stream of the seed: branch 0 makes the instance, branch 1 drives the method."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(branch,)))
