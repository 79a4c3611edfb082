"""asv's door to the suite `gans`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "bilinear-smoke": (
        "gda-0.1",
        "gda-0.5",
        "gda-alternating-0.5",
        "momentum-0.5-simultaneous-0.5",
        "momentum-0.9-simultaneous-0.5",
        "momentum-0.5-alternating-0.5",
        "momentum-0.1-alternating-0.5",
        "positive-momentum-alternating-0.1",
        "ogda-0.5",
        "ogda-0.6",
        "window5-0.1",
        "window2-0.5",
        "extragradient-0.5",
        "consensus-1-0.5",
        "consensus-0.01-0.1",
        "game-adam",
        "game-adam-nm",
        "game-adam-nm-alternating",
        "game-oadam",
        "game-oadam-beta1-0",
    ),
    "theory-smoke": (
        "theory-best-rate",
        "theory-stable-step",
        "theory-stable-step-largest",
        "theory-momentum-interval",
        "theory-best-momentum",
        "theory-momentum-expansion",
        "theory-one-limiting",
        "theory-several-limiting",
        "theory-wide-argument",
        "theory-wide-argument-helps",
        "theory-consensus-ratio",
    ),
    "ring-smoke": (
        "adam",
        "adam-x0.3",
        "adam-x3",
        "adam-x10",
        "oadam",
        "oadam-x0.3",
        "oadam-x3",
        "oadam-x10",
        "adam-nm",
        "adam-nm-x0.3",
        "adam-nm-x3",
        "adam-nm-x10",
        "sgd",
        "sgd-x0.3",
        "sgd-x3",
        "sgd-x10",
        "sgd-nm",
        "sgd-nm-x0.3",
        "sgd-nm-x3",
        "sgd-nm-x10",
        "consensus-0.01",
        "consensus-0.01-x0.3",
        "consensus-0.01-x3",
        "consensus-0.01-x10",
        "adam-simultaneous",
        "symplectic-1",
        "extra-adam",
        "extra-adam-x0.3",
        "extra-adam-x3",
        "extra-adam-x10",
        "lookahead-adam",
        "lookahead-adam-x0.3",
        "lookahead-adam-x3",
        "lookahead-adam-x10",
        "adam-r1",
        "adam-r1-x0.3",
        "adam-r1-x3",
        "adam-r1-x10",
        "consensus-0.1",
    ),
    "digits-smoke": (
        "adam",
        "real-images",
        "uniform-noise",
    ),
}


class Gans(_SuiteCells):
    suite, version, seeds = "gans", "2", 5
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
