"""Time and peak memory of single solves under a second, with asv's own sampling."""

from optathlon.asv.adapter import Kernels as _Kernels
from optathlon.asv.adapter import require_measured_commit


class Solve(_Kernels):
    params = ("binary_regression/gaussian-6x12/least-squares", "binary_regression/gaussian-6x12/maximin-gda")

    def setup_cache(self):
        require_measured_commit()
