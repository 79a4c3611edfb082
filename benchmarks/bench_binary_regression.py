"""asv's door to the suite `binary_regression`."""

from optathlon.asv_adapter import DEVICES, cells, require_measured_commit
from optathlon.asv_adapter import SuiteCells as _SuiteCells


class BinaryRegression(_SuiteCells):
    suite, version = "binary_regression", "1"
    params = (cells({"gaussian-6x12": ("least-squares", "straight-through", "maximin-gda")}), DEVICES)

    def setup_cache(self):
        require_measured_commit()
