"""Graphon-aided graphical lasso: precision matrices that are graph Laplacians, with eigenvalues drawn to a graphon's degrees.

`graphon_lasso` returns with every answer a lower bound on the objective of all weights.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from optathlon.baselines.graphon_lasso.graphons import (
    Graphon,
    SampledGraph,
    constant,
    degree_spectrum,
    fitted_spectrum,
    graphon_spectrum,
    is_connected,
    mean_of_squares,
    nearby,
    sample_graph,
    sample_signals,
    stochastic_block,
)
from optathlon.baselines.graphon_lasso.laplacian import laplacian, laplacian_adjoint
from optathlon.baselines.graphon_lasso.solve import Certificate, GraphonLassoResult, certify, graphon_lasso
from optathlon.baselines.graphon_lasso.sparse import k_sparse

if TYPE_CHECKING:
    from optathlon.baselines.graphon_lasso.estimator import GraphonLasso

__all__ = [
    "Certificate",
    "Graphon",
    "GraphonLasso",
    "GraphonLassoResult",
    "SampledGraph",
    "certify",
    "constant",
    "degree_spectrum",
    "fitted_spectrum",
    "graphon_lasso",
    "graphon_spectrum",
    "is_connected",
    "k_sparse",
    "laplacian",
    "laplacian_adjoint",
    "mean_of_squares",
    "nearby",
    "sample_graph",
    "sample_signals",
    "stochastic_block",
]


def __getattr__(name: str) -> Any:
    if name != "GraphonLasso":  # scikit-learn is imported by it alone
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("optathlon.baselines.graphon_lasso.estimator").GraphonLasso
