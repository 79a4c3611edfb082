"""What the slides and the review say happens, and how records decide it."""

from __future__ import annotations

from optathlon.judge.claims import all_of, decided_on, difference_within, every_run, mean_within, ratio_within
from optathlon.spec import Claim, Scale
from optathlon.suites.convex_networks.algorithm_claims import ALGORITHM_CLAIMS
from optathlon.suites.convex_networks.checks import REVIEW, SLIDES, never_below, sooner
from optathlon.suites.convex_networks.deep_claims import DEEP_CLAIMS
from optathlon.suites.convex_networks.variant_claims import VARIANT_CLAIMS

TOYS = "toy-*"
SAMPLED = ("planted-*", "breast-cancer", "digits-odd", "ecg-*", "mnist-*", "cifar-*")
CLASSES = ("breast-cancer", "digits-odd", "mnist-*", "cifar-*")
DESCENT = ("sgd-8", "sgd-50", "adam-8", "adam-50", "lbfgs-8", "lbfgs-50")
WIDE = ("sgd-50", "adam-50", "lbfgs-50")

TOY_CLAIMS = decided_on(
    "exact toys of 3 to 8 samples, beta 0.001 with 2 seeds and 0.1 with 3; SGD 6000 steps at rate 0.015, Adam 2000 at 0.03, "
    "L-BFGS 1000; scale small",
    Claim(
        id="strong-duality",
        source=f"{SLIDES}, Theorem and Deriving the convex program",
        statement="With every arrangement the network recovered from the convex program attains the dual bound (to 1e-6).",
        reported="p_convex = p_non-convex",
        check=all_of(
            every_run("certified-gap", "convex-ssnal", at_most=1e-6, at_least=-1e-9, workloads=TOYS),
            every_run("objective-gap", "convex-ssnal", at_most=1e-6, at_least=-1e-9, workloads=TOYS),
        ),
    ),
    Claim(
        id="no-network-below",
        source=f"{SLIDES}, Figure 1",
        statement="With every arrangement no trained network of any width ends below the convex optimum.",
        check=never_below("convex-ssnal", DESCENT, TOYS),
    ),
    Claim(
        id="global-with-all-arrangements",
        source=f"{SLIDES}, Numerical results",
        statement="The convex formulation returns the globally optimal network: with every arrangement enumerated.",
        check=all_of(
            every_run("objective-gap", "convex-ssnal", at_most=1e-6, workloads=TOYS),
            never_below("convex-ssnal", DESCENT, TOYS),
        ),
    ),
    Claim(
        id="convex-faster-than-lbfgs",
        source=f"{SLIDES}, Numerical results, against a second-order method",
        statement="With every arrangement the convex solver is in most runs done before L-BFGS of 50 neurons is within 1 % of "
        "it.",
        check=sooner("convex-ssnal", "lbfgs-50", TOYS),
    ),
    Claim(
        id="enumeration-included-faster-than-adam",
        source=f"{SLIDES}, Numerical results, with the arrangements listed inside the clock",
        statement="In most runs listing every arrangement and solving takes less time than Adam of 50 neurons to within 1 % of "
        "the answer.",
        check=sooner("convex-enumerated", "adam-50", TOYS),
    ),
)

START_CLAIMS = decided_on(
    "5 points on a line, beta 0.1, 36 initialisations; SGD 6000 steps at rate 0.015, Adam 2000 at 0.03; scale small",
    Claim(
        id="sgd-stuck-with-few-neurons",
        source=f"{SLIDES}, Figure 1 (m = 8)",
        statement="SGD with 8 neurons ends over 1 % above the optimum from at least a tenth of the initialisations.",
        check=mean_within("reached-optimum", "sgd-8", at_most=0.9, workloads="starts-*"),
        basis="fitted",
    ),
    Claim(
        id="sgd-arrives-with-many-neurons",
        source=f"{SLIDES}, Figure 1 (many neurons)",
        statement="SGD with 50 neurons comes within 1 % of the optimum (in at least nine runs of ten).",
        check=mean_within("reached-optimum", "sgd-50", at_least=0.9, workloads="starts-*"),
        basis="fitted",
    ),
    Claim(
        id="more-neurons-arrive-more-often",
        source=f"{SLIDES}, Figure 1",
        statement="SGD with 50 neurons comes within 1 % of the optimum more often than with 8.",
        check=difference_within("reached-optimum", "sgd-50", "sgd-8", at_least=0.0, workloads="starts-*"),
    ),
    Claim(
        id="adam-arrives-with-many-neurons",
        source=f"{SLIDES}, Figure 1 (many neurons)",
        statement="The same with Adam: 50 neurons come within 1 % of the optimum (in at least nine runs of ten).",
        check=mean_within("reached-optimum", "adam-50", at_least=0.9, workloads="starts-*"),
        basis="fitted",
    ),
)

SPEED_CLAIMS = decided_on(
    "toys with 2 and 3 seeds, 100 samples in 10 dimensions with 2; SGD 6000 steps at rate 0.015, Adam 2000 at 0.03; scale small",
    Claim(
        id="convex-faster-than-sgd",
        source=f"{SLIDES}, Numerical results: quadratic activation, the red cross",
        statement="In most runs the convex solver is done before SGD of 50 neurons is within 1 % of what the solver reaches: on "
        "the toys, and "
        "with quadratic and polynomial activation.",
        check=all_of(
            sooner("convex-ssnal", "sgd-50", TOYS),
            sooner("convex-lifted", "sgd-50", ("quadratic-*", "polynomial-*")),
        ),
    ),
    Claim(
        id="convex-faster-than-adam",
        source=f"{SLIDES}, Numerical results: convex SGD against SGD and Adam",
        statement="In most runs the convex solver is done before Adam of 50 neurons is within 1 % of what the solver reaches: on "
        "the toys, and "
        "with quadratic and polynomial activation.",
        check=all_of(
            sooner("convex-ssnal", "adam-50", TOYS),
            sooner("convex-lifted", "adam-50", ("quadratic-*", "polynomial-*")),
        ),
    ),
    Claim(
        id="lifted-optimum-below-descent",
        source=f"{SLIDES}, Numerical results: quadratic and polynomial activation",
        statement="For quadratic and polynomial activation no trained network ends below the convex optimum.",
        check=never_below("convex-lifted", WIDE, ("quadratic-*", "polynomial-*")),
    ),
    Claim(
        id="few-lifted-neurons",
        source=f"{SLIDES}, Polynomial activation networks",
        statement="Neural decomposition gives at most 2 (d + 1) neurons (d = 10).",
        reported="22",
        check=every_run("neurons", "convex-lifted", at_most=22, workloads=("quadratic-*", "polynomial-*")),
    ),
    Claim(
        id="vector-optimum-below-descent",
        source=f"{REVIEW}, section 2.4.6 (vector outputs)",
        statement="With several outputs and every arrangement no trained network ends below the convex optimum.",
        check=never_below("convex-vector", WIDE, "vector-*"),
    ),
)

SAMPLED_CLAIMS = decided_on(
    "50 to 200 sampled arrangements; small: planted neurons with 2 seeds; medium: breast cancer, digits and ECG with 3, MNIST "
    "and CIFAR-10 at 2000 samples with 2",
    Claim(
        id="global-with-sampled-arrangements",
        source=f"{SLIDES}, Approximating the convex program",
        statement="The convex formulation returns the globally optimal network: with arrangements sampled from a Gaussian.",
        check=never_below("convex-ssnal", WIDE, SAMPLED),
    ),
    Claim(
        id="pooled-arrangements-beat-descent",
        source="Our recipe for sampled arrangements",
        statement="The program over the arrangements of five trained networks ends at or below every single run of descent on 50 "
        "neurons.",
        check=never_below("convex-pooled", WIDE, SAMPLED),
    ),
    Claim(
        id="sampled-convex-faster-than-adam",
        source=f"{SLIDES}, Numerical results",
        statement="With sampled arrangements the convex solver is in most runs done before Adam is within 1 % of it.",
        check=sooner("convex-ssnal", "adam-50", SAMPLED),
    ),
    Claim(
        id="sampled-convex-faster-than-lbfgs",
        source=f"{SLIDES}, Numerical results",
        statement="With sampled arrangements the convex solver is in most runs done before L-BFGS is within 1 % of it.",
        check=sooner("convex-ssnal", "lbfgs-50", SAMPLED),
    ),
    Claim(
        id="sampled-convex-faster-than-sgd",
        source=f"{SLIDES}, Numerical results",
        statement="With sampled arrangements the convex solver is in most runs done before SGD is within 1 % of what the solver "
        "reaches.",
        check=sooner("convex-ssnal", "sgd-50", SAMPLED),
    ),
    Claim(
        id="sampled-test-error-below-sgd",
        source=f"{REVIEW}, section 2.5.1 and conclusion; {SLIDES}, Figures 3 and 4",
        statement="Networks of the convex program (sampled arrangements) err less on test data than those of SGD.",
        check=difference_within("test-error", "convex-ssnal", "sgd-50", at_most=0.0, workloads=CLASSES),
    ),
    Claim(
        id="pooled-test-error-below-sgd",
        source=f"{REVIEW}, section 2.5.1 and conclusion; {SLIDES}, Figures 3 and 4",
        statement="Networks of the convex program (pooled arrangements) err less on test data than those of SGD.",
        check=difference_within("test-error", "convex-pooled", "sgd-50", at_most=0.0, workloads=CLASSES),
    ),
)

ECG_CLAIMS = decided_on(
    "2000 windows with 3 seeds at scale medium, 20,000 at paper",
    Claim(
        id="ecg-error-below-sgd",
        source=f"{SLIDES}, Signal prediction: training and test accuracy",
        statement="The convex program predicts an electrocardiogram from windows of 15 samples better than SGD does.",
        check=ratio_within("test-error", "convex-pooled", "sgd-50", at_most=1.0, workloads="ecg-*"),
        scale=Scale.MEDIUM,
    ),
)

ADAPTIVE_CLAIMS = decided_on(
    "100 sampled arrangements; digits (odd or even) and 2000 windows of the electrocardiogram, 3 seeds each, scale medium",
    *(
        Claim(
            id=f"sampling-included-faster-than-{name}",
            source=f"{SLIDES}, Numerical results, with the arrangements sampled inside the clock",
            statement=f"In most runs sampling the arrangements and solving takes less time than {name} of 50 neurons to within "
            "1 % of the answer.",
            check=sooner("convex-sampled", f"{name}-50", ("digits-odd", "ecg-2000")),
            scale=Scale.MEDIUM,
        )
        for name in ("adam", "adagrad", "rmsprop", "lbfgs")
    ),
)

CLAIMS = (
    *TOY_CLAIMS,
    *START_CLAIMS,
    *SPEED_CLAIMS,
    *SAMPLED_CLAIMS,
    *ECG_CLAIMS,
    *ADAPTIVE_CLAIMS,
    *ALGORITHM_CLAIMS,
    *VARIANT_CLAIMS,
    *DEEP_CLAIMS,
)
