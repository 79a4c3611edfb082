"""asv's door to the suite `acceleration`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "descent-smoke": (
        "gradient-descent",
        "heavy-ball-0.9",
        "heavy-ball-0.97-restart",
        "nesterov",
        "nesterov-restart",
        "adaptive",
        "carmon",
        "carmon-l2-0.1",
        "convex-until-guilty",
        "restarted-agd",
        "perturbed-agd",
        "cubic-newton",
        "lbfgs",
        "newton-cg",
        "trust-krylov",
        "second-order",
    ),
    "curvature-smoke": (
        "curvature-descent",
    ),
    "progress-smoke": (
        "almost-convex-agd",
    ),
    "relu-smoke": (
        "descent",
        "polyak-proved",
        "polyak-printed",
        "polyak-tuned",
        "descent-twice",
        "polyak-proved-twice",
    ),
    "linear-smoke": (
        "descent",
        "polyak-proved",
        "polyak-printed",
        "polyak-tuned",
    ),
}


class Acceleration(_SuiteCells):
    suite, version, seeds = "acceleration", "1", 5
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
