"""asv's door to the suite `convex_networks`; written by `python -m benchmarks._doors`."""

from optathlon.asv.adapter import DEVICES, cells
from optathlon.asv.adapter import SuiteCells as _SuiteCells

CELLS = {
    "smoke-relu": (
        "convex-ssnal",
        "convex-admm",
        "convex-clarabel",
        "convex-scs",
        "convex-enumerated",
        "convex-pooled",
        "sgd-8",
        "sgd-50",
        "adam-8",
        "adam-50",
        "adam-50-balanced",
        "adam-50-small",
        "adagrad-50",
        "rmsprop-50",
        "lbfgs-8",
        "lbfgs-50",
    ),
    "smoke-sampled": (
        "convex-sampled",
    ),
    "smoke-vector": (
        "convex-vector",
    ),
    "smoke-polynomial": (
        "convex-lifted",
    ),
    "smoke-three-layer": (
        "convex-three-layer",
        "sgd-k2",
        "sgd-k5",
        "sgd-k15",
        "adam-k2",
        "adam-k5",
        "adam-k15",
    ),
    "smoke-linear": (
        "convex-duality",
        "sgd-linear",
        "adam-linear",
    ),
    "smoke-frank-wolfe": (
        "frank-wolfe",
        "frank-wolfe-line-search",
        "frank-wolfe-stochastic",
    ),
    "smoke-moon": (
        "convexnn-exact",
        "convexnn-approximate",
    ),
    "smoke-neuron": (
        "neuron-gradient",
        "neuron-modified-gradient",
    ),
    "smoke-moments": (
        "singular-value-thresholding",
    ),
    "smoke-logistic": (
        "convex-classifier",
        "variant-adam-50",
        "variant-lbfgs-50",
    ),
    "smoke-batch-norm": (
        "convex-batch-norm",
        "variant-adam-50",
        "variant-lbfgs-50",
    ),
    "smoke-convolution": (
        "convex-convolution",
        "variant-adam-50",
        "variant-lbfgs-50",
    ),
    "smoke-count": (
        "enumeration",
    ),
    "smoke-least-norm": (
        "least-norm",
        "interpolating-lbfgs",
    ),
    "smoke-one-hot": (
        "one-path",
        "one-path-printed",
        "bottleneck",
        "deep-adam",
        "deep-lbfgs",
    ),
}


class ConvexNetworks(_SuiteCells):
    suite, version, seeds = "convex_networks", "3", 5
    params = (cells(CELLS), DEVICES)

    def setup_cache(self):
        self.solve()
