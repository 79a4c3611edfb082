"""asv's door to the suite `slow_to_fast`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "plane-smoke": (
        "random-start",
        "half-space-start",
    ),
    "tilted-smoke": (
        "gradient-descent",
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
