"""asv's door to the suite `quantized_networks`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "smoke-planted": (
        "sdp",
        "sdp-printed",
        "algorithm-1-m10",
        "algorithm-1-m30",
        "algorithm-1-m100",
        "algorithm-1-m300",
        "algorithm-1-m1000",
        "algorithm-1-m3000",
        "algorithm-1-m20000",
        "algorithm-1-flips-m10",
        "algorithm-1-flips-m30",
        "algorithm-1-flips-m100",
        "algorithm-1-flips-m300",
        "random-flips-m10",
        "random-flips-m30",
        "random-flips-m100",
        "random-flips-m300",
        "ptq-m10",
        "ptq-m30",
        "ptq-m100",
        "ptq-m300",
        "ptq-m1000",
        "ptq-flips-m10",
        "ptq-flips-m30",
        "ptq-flips-m100",
        "ptq-flips-m300",
        "ptq-compensated-m10",
        "ptq-compensated-m30",
        "ptq-compensated-m100",
        "straight-through-m10",
        "straight-through-m30",
        "straight-through-m100",
        "straight-through-m300",
    ),
    "smoke-exact": (
        "sdp",
        "sdp-printed",
        "sdp-quadratic",
        "sdp-scs",
        "sdp-clarabel",
        "exact",
        "column-generation",
        "enumeration-m1",
        "enumeration-m2",
        "enumeration-m3",
        "enumeration-m4",
        "enumeration-m6",
        "algorithm-1-limit-m1000",
        "algorithm-1-limit-m100000",
        "algorithm-1-corrected-m1000",
        "own-alpha-m100",
        "own-alpha-m1000",
    ),
    "smoke-table": (
        "sdp",
        "classifier-sdp-m50",
        "classifier-ptq-m50",
        "classifier-sdp-m250",
        "classifier-ptq-m250",
        "classifier-sdp-m2500",
        "classifier-ptq-m2500",
        "classifier-random-flips-m50",
    ),
    "smoke-levels": (
        "levels-to-signs",
    ),
    "smoke-product": (
        "product-by-signs",
        "product-by-three-levels",
    ),
}


class QuantizedNetworks(_SuiteCells):
    suite, version, seeds = "quantized_networks", "1", 5
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
