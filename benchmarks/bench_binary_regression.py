"""asv's door to the suite `binary_regression`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "gaussian-6x12": (
        "least-squares",
        "box-relaxation",
        "box-flips",
        "straight-through",
        "straight-through-average",
        "bop",
        "bop-average",
        "semidefinite-relaxation",
        "semidefinite-randomized",
        "exact",
        "maximin-gda",
        "maximin-gda-last",
        "maximin-ogda",
        "maximin-ogda-average",
        "maximin-extragradient",
        "maximin-extragradient-average",
        "maximin-adam",
        "maximin-adam-average",
        "maximin-l1",
        "maximin-adam-l1",
        "maximin-gda-random",
        "maximin-ogda-random",
        "maximin-extragradient-random",
        "maximin-adam-random",
        "maximin-l1-random",
        "maximin-gda-columns",
        "maximin-ogda-columns",
        "maximin-extragradient-columns",
        "maximin-extragradient-slow",
        "maximin-extragradient-fast",
        "least-deviations",
        "box-relaxation-l1",
        "straight-through-l1",
        "message-passing",
        "expectation-propagation",
        "k-best",
        "lattice-reduction",
        "annealing",
        "tabu",
        "tuned-straight-through",
        "tuned-bop",
        "tuned-maximin-gda",
    ),
    "robust-5x40": (
        "box-relaxation-huber",
    ),
    "diabetes-smoke": (
        "least-squares",
        "semidefinite-relaxation",
        "maximin-gda",
        "maximin-l1",
    ),
    "logistic-4x40": (
        "logistic-regression",
        "logistic-box",
        "logistic-maximin",
        "logistic-exact",
    ),
    "levels-4x12": (
        "semidefinite-relaxation",
        "maximin-gda",
        "k-best",
        "ordinal-least-squares",
        "ordinal-lattice",
        "ordinal-maximin",
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
    "digits-tuned-smoke": (
        "tuned-network-straight-through",
        "tuned-network-bop",
        "tuned-network-maximin",
    ),
}


class BinaryRegression(_SuiteCells):
    suite, version, seeds = "binary_regression", "3", 5
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
