"""asv's door to the suite `coresets`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "digits-200": (
        "random",
        "full",
        "full-fifth",
        "craig",
        "craig-sample",
        "craig-batch",
        "glister",
        "glister-balanced",
        "glister-greedy",
        "grad-match",
        "grad-match-no-ridge",
        "grad-match-sample",
        "grad-match-batch",
        "grad-match-warm",
        "rs2",
        "craig-stochastic",
        "importance",
        "k-centre",
        "herding",
        "moderate",
        "el2n",
        "grand",
        "grad-match-all-layers",
        "weighted-glister",
        "weighted-glister-cosine",
        "forgetting",
        "proxy-grad-match",
        "own-grad-match",
        "random-once",
    ),
    "convex-smoke": (
        "incremental-all-2",
        "incremental-all-40",
        "incremental-craig-2",
        "incremental-craig-40",
        "incremental-random-2",
        "incremental-random-40",
    ),
}


class Coresets(_SuiteCells):
    suite, version, seeds = "coresets", "2", 5
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
