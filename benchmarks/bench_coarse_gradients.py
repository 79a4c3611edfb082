"""asv's door to the suite `coarse_gradients`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "planes-smoke": (
        "planes-relu",
        "planes-reverse-exponential",
        "planes-log-tailed",
        "planes-clipped-relu",
    ),
    "teacher-smoke": (
        "sampled-residual",
        "sampled-loss",
    ),
    "digits-smoke": (
        "float",
        "relu-4bit",
        "reverse-exponential-4bit",
        "log-tailed-4bit",
        "clipped-relu-4bit",
        "identity-4bit",
        "relu-2bit",
        "reverse-exponential-2bit",
        "log-tailed-2bit",
        "clipped-relu-2bit",
        "identity-2bit",
        "relu-nearest-4bit",
        "relu-nearest-2bit",
        "pact-4bit",
        "pact-2bit",
        "lsq-4bit",
        "lsq-2bit",
    ),
}


class CoarseGradients(_SuiteCells):
    suite, version, seeds = "coarse_gradients", "1", 5
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
