"""asv's door to the suite `graphon_lasso`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "squares-12": (
        "convex",
        "convex-l1",
        "graphon",
        "graphon-strong",
        "graphon-latent",
        "other-graph",
        "constant-graphon",
        "fitted-graphon",
        "true-spectrum",
        "mm-convex",
        "mm-graphon",
        "top-k",
        "iht",
        "sklearn",
        "pseudo-inverse",
    ),
    "solve-12": (
        "convex",
        "graphon",
        "graphon-strong",
        "mm-convex",
        "mm-graphon",
        "admm-convex",
        "lbfgs-convex",
        "fista-convex",
        "lbfgs-graphon",
    ),
    "operator-12": (
        "operator-norm",
    ),
}


class GraphonLasso(_SuiteCells):
    suite, version, seeds = "graphon_lasso", "1", 5
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
