"""asv's door to the suite `quantized_training`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "teacher-smoke": (
        "recurrence-binary",
        "recurrence-ternary",
    ),
    "projection-smoke": (
        "project-ternary",
        "project-sort",
        "project-mean-threshold",
        "project-binary",
    ),
    "digits-200": (
        "float",
        "quant-binary",
        "quant-ternary",
        "mean-threshold",
        "binary-connect",
        "straight-through",
        "binary-relax",
        "ternary-relax",
    ),
}


class QuantizedTraining(_SuiteCells):
    suite, version, seeds = "quantized_training", "1", 5
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
