"""What the review's section 2.4 says of networks of least norm and of deep ReLU networks, and how records decide it."""

from __future__ import annotations

from optathlon.judge.claims import all_of, decided_on, every_run
from optathlon.spec import Claim, Scale
from optathlon.suites.convex_networks.checks import REVIEW, never_below

DESCENT = ("deep-adam", "deep-lbfgs")

DEEP_CLAIMS = (
    *decided_on(
        "5 samples, 8 features, 3 outputs, 2 and 3 layers; 8 samples of rank one, 3 layers; L-BFGS at weight decay 1e-3; 3 "
        "seeds, scale medium",
        Claim(
            id="least-norm-duality",
            source=f"{REVIEW}, equation 32",
            statement="The closed form fits with the least nuclear norm: that of a semidefinite program (to 1e-6), and its own "
            "dual proves it (to 1e-9).",
            check=all_of(
                every_run("objective-gap", "least-norm", at_least=-1e-6, at_most=1e-6, workloads="least-norm-5x8-depth2"),
                every_run("certified-gap", "least-norm", at_least=-1e-9, at_most=1e-9, workloads="least-norm-5x8-depth2"),
            ),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="least-norm-never-below",
            source=f"{REVIEW}, equations 32 and 34, Theorem 1",
            statement="No linear network of 2 or 3 layers that descent trains and that is then made to fit is smaller.",
            check=never_below("least-norm", ("interpolating-lbfgs",), "least-norm-5x8-*"),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="theorem3-rank-one",
            source=f"{REVIEW}, equation 36, Theorem 3",
            statement="On rank-one data one path of equal layers is the ReLU network of least norm: (L/2) (|v| / |a|)^(2/L), to "
            "1e-9, and none that descent finds is smaller.",
            check=all_of(
                every_run("objective-gap", "least-norm", at_least=-1e-9, at_most=1e-9, workloads="least-norm-rank1-*"),
                never_below("least-norm", ("interpolating-lbfgs",), "least-norm-rank1-*"),
            ),
            scale=Scale.MEDIUM,
        ),
    ),
    *decided_on(
        "10 classes of one sample, orthonormal rows, beta 0.01; Adam 3000 steps at rate 0.01, L-BFGS 3000, 20 neurons a layer; 3 "
        "seeds, scale medium",
        Claim(
            id="theorem4-two-layers",
            source=f"{REVIEW}, Theorem 4 (L = 2)",
            statement="With two layers one path for each class attains the proved bound (to 1e-9), and no trained network ends "
            "below.",
            check=all_of(
                every_run("objective-gap", "one-path", at_least=-1e-9, at_most=1e-9, workloads="one-hot-10-depth2"),
                never_below("one-path", DESCENT, "one-hot-10-depth2"),
            ),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="theorem4-three-layers",
            source=f"{REVIEW}, Theorem 4 (L = 3)",
            statement="With three layers no network, trained or with a bottleneck of two neurons, ends below one path for each "
            "class.",
            check=never_below("one-path", (*DESCENT, "bottleneck"), "one-hot-10-depth3"),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="theorem4-eight-layers",
            source=f"{REVIEW}, Theorem 4 (any L)",
            statement="With eight layers no network, trained or with a bottleneck of two neurons, ends below one path for each "
            "class.",
            check=never_below("one-path", (*DESCENT, "bottleneck"), "one-hot-10-depth8"),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="theorem4-sizes",
            source=f"{REVIEW}, Theorem 4, as printed",
            statement="The printed sizes, layers of length 1 but the last, minimise the objective: one path of balanced layers "
            "for each class is not below them (3 layers).",
            check=never_below("one-path-printed", ("one-path",), "one-hot-10-depth3"),
            scale=Scale.MEDIUM,
        ),
    ),
)
