"""asv's door to the suite `slow_to_fast`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "plane-smoke": (
        "random-start",
        "half-space-start",
        "bias-0.02",
        "bias-0.1",
        "momentum",
        "adam",
    ),
    "tilted-smoke": (
        "gradient-descent",
    ),
    "digits-smoke": (
        "sgd",
    ),
    "condition-smoke": (
        "half-space",
        "hull",
        "combination",
        "facets",
    ),
}


class SlowToFast(_SuiteCells):
    suite, version, seeds = "slow_to_fast", "1", 5
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
