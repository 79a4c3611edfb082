"""Coresets for training: weighted subsets of the data whose gradient stands for the whole gradient.

A selector takes per-sample gradients, as an (n, d) array or as the factors of last-layer gradients, and a size k, and
returns a `Coreset`. `per_class` and `per_batch` run any selector class by class or on whole batches. What needs torch
loads it on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from optathlon.baselines.coresets.coreset import Coreset, matching_error
from optathlon.baselines.coresets.craig import craig
from optathlon.baselines.coresets.difficulty import ForgettingEvents, el2n, grand, hardest
from optathlon.baselines.coresets.facility_location import facility_location
from optathlon.baselines.coresets.glister import glister
from optathlon.baselines.coresets.grad_match import grad_match
from optathlon.baselines.coresets.gradients import FactoredGradients, factored_gradients
from optathlon.baselines.coresets.groups import per_batch, per_class
from optathlon.baselines.coresets.herding import herding
from optathlon.baselines.coresets.importance import importance_sampling
from optathlon.baselines.coresets.incremental import IncrementalResult, incremental_gradient, logistic_objective
from optathlon.baselines.coresets.k_centre import k_centre
from optathlon.baselines.coresets.moderate import moderate
from optathlon.baselines.coresets.nonnegative_omp import nonnegative_omp
from optathlon.baselines.coresets.subset import full, random_subset, repeated_subsets
from optathlon.baselines.coresets.weighted_glister import weighted_glister

if TYPE_CHECKING:
    from optathlon.baselines.coresets.layer_gradients import all_layer_gradients, last_layer_gradients
    from optathlon.baselines.coresets.networks import lenet, small_lenet
    from optathlon.baselines.coresets.proxy import Proxy, train_proxy
    from optathlon.baselines.coresets.training import TrainedModel, train_on_coresets

_LAZY = {
    "all_layer_gradients": "optathlon.baselines.coresets.layer_gradients",
    "last_layer_gradients": "optathlon.baselines.coresets.layer_gradients",
    "lenet": "optathlon.baselines.coresets.networks",
    "small_lenet": "optathlon.baselines.coresets.networks",
    "Proxy": "optathlon.baselines.coresets.proxy",
    "train_proxy": "optathlon.baselines.coresets.proxy",
    "TrainedModel": "optathlon.baselines.coresets.training",
    "train_on_coresets": "optathlon.baselines.coresets.training",
}

__all__ = [
    "Coreset",
    "FactoredGradients",
    "ForgettingEvents",
    "IncrementalResult",
    "Proxy",
    "TrainedModel",
    "all_layer_gradients",
    "craig",
    "el2n",
    "facility_location",
    "factored_gradients",
    "full",
    "glister",
    "grad_match",
    "grand",
    "hardest",
    "herding",
    "importance_sampling",
    "incremental_gradient",
    "k_centre",
    "last_layer_gradients",
    "lenet",
    "logistic_objective",
    "matching_error",
    "moderate",
    "nonnegative_omp",
    "per_batch",
    "per_class",
    "random_subset",
    "repeated_subsets",
    "small_lenet",
    "train_on_coresets",
    "train_proxy",
    "weighted_glister",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
