"""asv's door to the suite `random_features`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "gram-smoke": (
        "rff-cos",
        "rff-cos-sin",
        "rff-as-printed",
        "nrff",
        "orf-cos-sin",
        "orf-cos",
        "fastfood-cos",
        "fastfood-cos-sin",
        "fastfood-numpy",
        "fastfood-as-printed",
        "leverage-weighted",
        "leverage-unweighted",
        "leverage-unweighted-2000",
        "qmc-cos-sin",
        "sorf-cos-sin",
        "nystroem-leverage",
        "rbf-sampler",
        "nystroem",
    ),
    "ridge-smoke": (
        "rff-cos",
        "rff-cos-2x",
        "rff-cos-8x",
        "rff-cos-sin",
        "nrff",
        "orf-cos-sin",
        "fastfood-cos",
        "leverage-weighted",
        "leverage-unweighted",
        "qmc-cos-sin",
        "sorf-cos-sin",
        "nystroem-leverage",
        "nystroem",
        "polynomial-sketch",
        "exact",
        "sinks-cos",
    ),
    "sinks-smoke": (
        "rff-cos",
        "sinks-cos",
        "sinks-unbounded",
        "sinks-stump",
        "adaboost-50",
        "adaboost-200",
    ),
    "variance-smoke": (
        "rff-cos",
        "rff-cos-sin",
        "nrff",
        "orf-cos-sin",
        "orf-cos",
        "fastfood-cos",
        "fastfood-cos-sin",
    ),
    "scores-smoke": (
        "leverage-scores",
        "leverage-as-printed",
    ),
    "tuned-smoke": (
        "rff-tuned",
        "rff-laplacian-tuned",
        "rff-matern32-tuned",
        "orf-tuned",
        "nrff-tuned",
        "leverage-tuned",
        "nystroem-tuned",
        "exact-tuned",
        "sinks-tuned",
    ),
}


class RandomFeatures(_SuiteCells):
    suite, version, seeds = "random_features", "2", 5
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
