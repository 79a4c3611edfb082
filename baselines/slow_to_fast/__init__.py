"""Slow-to-fast training: a hidden layer of ReLU neurons that learns planes by gradient descent on the hinge loss."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from optathlon.baselines.slow_to_fast.geometric_condition import (
    STATEMENTS,
    condition_probability,
    count_sign_patterns,
    geometric_condition,
    projected_condition_share,
)
from optathlon.baselines.slow_to_fast.planes import RADII, figure_start, half_space_start, plane_grid, random_start, two_planes

if TYPE_CHECKING:
    from optathlon.baselines.slow_to_fast.network import OPTIMIZERS, train_network
    from optathlon.baselines.slow_to_fast.pictures import simplified_lenet, train_pictures
    from optathlon.baselines.slow_to_fast.plane import train_on_plane
    from optathlon.baselines.slow_to_fast.training import Audit, Training

_HOME = {
    "network": ("OPTIMIZERS", "train_network"),
    "pictures": ("simplified_lenet", "train_pictures"),
    "plane": ("train_on_plane",),
    "training": ("Audit", "Training"),
}
# numba and torch are imported by what needs them.
_LAZY = {name: f"optathlon.baselines.slow_to_fast.{module}" for module, names in _HOME.items() for name in names}

__all__ = [
    "OPTIMIZERS",
    "RADII",
    "STATEMENTS",
    "Audit",
    "Training",
    "condition_probability",
    "count_sign_patterns",
    "figure_start",
    "geometric_condition",
    "half_space_start",
    "plane_grid",
    "projected_condition_share",
    "random_start",
    "simplified_lenet",
    "train_network",
    "train_on_plane",
    "train_pictures",
    "two_planes",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
