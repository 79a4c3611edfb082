"""What the review says of deeper networks and of single algorithms, and how records decide it."""

from __future__ import annotations

from optathlon.judge.claims import all_of, decided_on, difference_within, every_run, mean_within, proportion_within
from optathlon.spec import Claim, Scale
from optathlon.suites.convex_networks.checks import REVIEW, SLIDES, never_below

LINEAR = "linear-*"
DEEP = ("linear-depth3-*", "linear-depth4-*")
FEW, MANY = "neurons-10x50-m1", "neurons-100x20-m1"


def near(error: float) -> bool:
    """Tell whether a planted neuron was found."""
    return error <= 1e-3


THREE_LAYER_CLAIMS = decided_on(
    "5 samples in the plane, beta 0.02, 36 seeds; SGD 4000 steps at rate 0.3, Adam 2000 at 0.03; scale medium",
    Claim(
        id="three-layer-duality",
        source=f"{REVIEW}, Theorem 5",
        statement="The networks recovered from the three-layer program attain its dual bound (to 1e-6).",
        check=every_run("objective-gap", "convex-three-layer", at_most=1e-6, at_least=-1e-9, workloads="three-layer-*"),
    ),
    Claim(
        id="three-layer-k2-stuck",
        source=f"{REVIEW}, section 2.5.1 (K = 2)",
        statement="SGD on 2 three-layer subnetworks ends more than 1 % above the optimum (in at least half the runs).",
        reported="stuck in local minima",
        check=mean_within("reached-optimum", "sgd-k2", at_most=0.5, workloads="three-layer-*"),
        basis="fitted",
    ),
    Claim(
        id="three-layer-k5-between",
        source=f"{REVIEW}, section 2.5.1 (K = 5)",
        statement="Descent (Adam) on 5 subnetworks ends nearer to the optimum than on 2.",
        check=difference_within("objective-gap", "adam-k5", "adam-k2", at_most=0.0, workloads="three-layer-*"),
    ),
    Claim(
        id="three-layer-k15-arrives",
        source=f"{REVIEW}, section 2.5.1 (K = 15)",
        statement="SGD on 15 subnetworks comes within 1 % of the optimum (in at least nine runs of ten).",
        reported="converges to the optimum",
        check=mean_within("reached-optimum", "sgd-k15", at_least=0.9, workloads="three-layer-*"),
        basis="fitted",
    ),
    Claim(
        id="three-layer-k15-helps",
        source=f"{REVIEW}, section 2.5.1 (K = 15)",
        statement="Descent (Adam) on 15 subnetworks comes within 1 % of the optimum more often than on 2.",
        check=difference_within("reached-optimum", "adam-k15", "adam-k2", at_least=0.0, workloads="three-layer-*"),
    ),
)

LINEAR_CLAIMS = decided_on(
    "30 samples, 6 features, 5 outputs, 2 to 4 layers, 2 seeds each; 4000 steps at rate 0.03; scale small",
    Claim(
        id="linear-duality",
        source=f"{REVIEW}, section 2.4.7 (Figure 4)",
        statement="Every run of Adam on a two-layer linear network comes to the value of the closed form (to 1e-4).",
        check=every_run("objective-gap", "adam-linear", at_most=1e-4, workloads="linear-depth2-*"),
    ),
    Claim(
        id="deep-linear-duality",
        source=f"{REVIEW}, section 2.4.7 (Figure 4)",
        statement="Every run of Adam on a linear network of 3 or 4 layers comes to the value of the closed form (to 1e-4).",
        check=every_run("objective-gap", "adam-linear", at_most=1e-4, workloads=DEEP),
    ),
    Claim(
        id="linear-never-below",
        source=f"{REVIEW}, Theorems 1 and 2",
        statement="No trained linear network ends below the closed form.",
        check=never_below("convex-duality", ("sgd-linear", "adam-linear"), LINEAR),
    ),
    Claim(
        id="deep-linear-rank",
        source=f"{REVIEW}, section 2.4.7",
        statement="The rank of deep linear networks depends on beta: all five directions, or fewer at ten times the penalty.",
        check=all_of(
            every_run("rank", "convex-duality", at_least=5, workloads="linear-depth3-share0.01"),
            every_run("rank", "convex-duality", at_most=4, workloads="linear-depth3-share0.1"),
        ),
    ),
    Claim(
        id="deep-linear-norms",
        source=f"{REVIEW}, section 2.4.7",
        statement="The layers of a trained deep linear network have one Frobenius norm (to 1e-3).",
        check=every_run("norm-spread", "adam-linear", at_most=1e-3, workloads=DEEP),
    ),
)

FRANK_WOLFE_CLAIMS = decided_on(
    "10 planted neurons, 20 x 25 and 25 x 20 samples and features, 300 steps, 2 seeds each, scale small",
    Claim(
        id="frank-wolfe-rate",
        source=f"{REVIEW}, section 2.2",
        statement="The least Frank-Wolfe gap falls at least as 1/T (log-log slope at most -0.9).",
        reported="1/T",
        check=every_run("gap-slope", "frank-wolfe", at_most=-0.9, workloads="frank-wolfe-*"),
    ),
    Claim(
        id="frank-wolfe-bound",
        source=f"{REVIEW}, section 2.2",
        statement="After T steps the loss is at most 4 R^2 delta^2 / (T + 1) above the minimum, R the longest output of the "
        "unit neurons that were taken (the review's R, a bound for all of them, is larger).",
        check=every_run("loss-to-bound", "frank-wolfe", at_most=1.0, workloads="frank-wolfe-*"),
    ),
    Claim(
        id="stochastic-frank-wolfe-rate",
        source=f"{REVIEW}, section 2.2 (stochastic)",
        statement="With batches of 0.5 (t+1)^2 samples the rate is that of full gradients.",
        check=all_of(
            every_run("gap-slope", "frank-wolfe-stochastic", at_most=-0.9, workloads="frank-wolfe-*"),
            every_run("loss-to-bound", "frank-wolfe-stochastic", at_most=1.0, workloads="frank-wolfe-*"),
        ),
    ),
)

MOON_CLAIMS = decided_on(
    "100 training and 2000 test points of two half circles with noise 0.2, 8 seeds, scale medium",
    Claim(
        id="convexnn-exact-error",
        source=f"{REVIEW}, section 2.1",
        statement="ConvexNN with the exact oracle errs on about 5.3 % of the double moon's test points (4.3 to 6.3 %).",
        reported="5.3 %",
        check=mean_within("test-error", "convexnn-exact", at_least=0.043, at_most=0.063, workloads="double-moon"),
        scale=Scale.MEDIUM,
        basis="fitted",
    ),
    Claim(
        id="convexnn-approximate-error",
        source=f"{REVIEW}, section 2.1",
        statement="ConvexNN with the approximate oracle errs on about 3.68 % of the double moon's test points (2.7 to 4.7 %).",
        reported="3.68 %",
        check=mean_within("test-error", "convexnn-approximate", at_least=0.027, at_most=0.047, workloads="double-moon"),
        scale=Scale.MEDIUM,
        basis="fitted",
    ),
    Claim(
        id="convexnn-approximate-errs-less",
        source=f"{REVIEW}, section 2.1",
        statement="The approximate oracle generalises better than the exact one, though its objective is no lower.",
        reported="3.68 % against 5.3 %",
        check=difference_within("test-error", "convexnn-approximate", "convexnn-exact", at_most=0.0, workloads="double-moon"),
        scale=Scale.MEDIUM,
    ),
)

NEURON_CLAIMS = decided_on(
    "10 samples in 50 dimensions and 100 in 20, one planted neuron, 3000 steps, 72 seeds, scale small",
    Claim(
        id="modified-gradient-few-samples",
        source=f"{REVIEW}, section 2.3.1",
        statement="With n < d the modified gradient drives the loss of one neuron to zero (1e-12) in at least 95 % of the runs.",
        check=mean_within("reached-optimum", "neuron-modified-gradient", at_least=0.95, workloads=FEW),
    ),
    Claim(
        id="modified-gradient-finds-the-neuron",
        source=f"{REVIEW}, section 2.3.1",
        statement="With n < d the modified gradient finds the planted neuron (to a thousandth of its length in 95 % of the "
        "runs).",
        check=proportion_within("neuron-error", "neuron-modified-gradient", near, at_least=0.95, workloads=FEW),
    ),
    Claim(
        id="plain-gradient-few-samples",
        source=f"{REVIEW}, section 2.3.1",
        statement="With n < d plain gradient descent on one neuron fails in at least half the runs.",
        check=mean_within(
            "reached-optimum",
            "neuron-gradient",
            at_most=0.5,
            workloads=FEW,
        ),
    ),
    Claim(
        id="plain-gradient-many-samples",
        source=f"{REVIEW}, section 2.3.1",
        statement="With n > d plain gradient descent on one neuron still drives the loss to zero (1e-12) in at least 95 % of the "
        "runs.",
        check=mean_within("reached-optimum", "neuron-gradient", at_least=0.95, workloads=MANY),
    ),
)

GAN_CLAIMS = decided_on(
    "digits at 4 x 4, beta 0.001 and 0.1 of the largest eigenvalue, scale small",
    Claim(
        id="convex-gan",
        source=f"{SLIDES}, Convex GANs",
        statement="Thresholding the singular values matches the second moments to exactly beta with the least norm: that of a "
        "semidefinite program, to 1e-6.",
        reported="|X'X - G'G| = beta",
        check=all_of(
            every_run("moment-excess", "singular-value-thresholding", at_least=1 - 1e-6, at_most=1 + 1e-6, workloads="moments-*"),
            every_run("objective-gap", "singular-value-thresholding", at_least=-1e-6, at_most=1e-6, workloads="moments-*"),
        ),
    ),
)

ALGORITHM_CLAIMS = (
    *(*THREE_LAYER_CLAIMS, *LINEAR_CLAIMS, *FRANK_WOLFE_CLAIMS),
    *(*MOON_CLAIMS, *NEURON_CLAIMS, *GAN_CLAIMS),
)
