"""asv's door to the suite `binary_regression`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "gaussian-6x12": (
        "least-squares",
        "box-relaxation",
        "straight-through",
        "bop",
        "semidefinite-relaxation",
        "semidefinite-randomized",
        "exact",
        "maximin-gda",
        "maximin-ogda",
        "maximin-extragradient",
        "maximin-adam",
        "maximin-l1",
        "least-deviations",
        "box-relaxation-l1",
        "straight-through-l1",
    ),
    "diabetes-smoke": (
        "least-squares",
        "semidefinite-relaxation",
        "maximin-gda",
        "maximin-l1",
    ),
    "digits-smoke": (
        "network-real",
        "network-straight-through",
        "network-straight-through-constant",
        "network-bop",
        "network-bop-constant",
        "network-maximin",
        "network-maximin-wide",
        "network-no-dual",
        "network-no-dual-rounded",
    ),
}


class BinaryRegression(_SuiteCells):
    suite, version, seeds = "binary_regression", "1", 5
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
