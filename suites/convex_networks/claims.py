"""What the slides and the review say happens, and how records decide it."""

from __future__ import annotations

from scipy.stats import binomtest

from optathlon.judge.claims import (
    Check,
    Evidence,
    MissingEvidence,
    all_of,
    difference_within,
    every_run,
    mean_within,
    ratio_within,
)
from optathlon.spec import Claim, Ruling, Scale, Verdict

SLIDES, REVIEW = "Convex optimization for neural networks", "Literature review"

TOYS = "toy-*"
SAMPLED = ("planted-*", "breast-cancer", "digits-odd", "ecg-*", "mnist-*", "cifar-*")
CLASSES = ("breast-cancer", "digits-odd", "mnist-*", "cifar-*")
LINEAR = "linear-*"
DEEP = ("linear-depth3-*", "linear-depth4-*")
FEW_SAMPLES = ("neurons-20x20-m1", "neurons-10x50-m1", "neurons-20x40-m3")


def never_below(method: str, others: tuple[str, ...], workloads: tuple[str, ...] | str, slack: float = 1e-6) -> Check:
    """Claim that no run of `others` ends below `method` on the same instance, by more than `slack` of the optimum."""

    def check(evidence: Evidence) -> Verdict:
        ours = evidence.scores("objective-gap", method, workloads)
        margins = {
            (other, key): value - ours[key]
            for other in others
            for key, value in evidence.scores("objective-gap", other, workloads).items()
            if key in ours
        }
        if not margins:
            raise MissingEvidence(f"no instance that {method} and {', '.join(others)} share")
        below = sum(margin < -slack for margin in margins.values())
        (closest, (workload, seed)), least = min(margins.items(), key=lambda item: item[1])
        return Verdict(
            ruling=Ruling.CONTRADICTED if below else Ruling.REPRODUCED,
            measured=f"{below} of {len(margins)} runs below {method}; closest {closest} on {workload}, seed {seed}: {least:+.3g}",
        )

    return check


def sooner(method: str, other: str, workloads: tuple[str, ...] | str, level: float = 1e-2) -> Check:
    """Claim that `method` mostly finishes before `other` is within `level` of it, by the traces' seconds; exact interval."""

    def check(evidence: Evidence) -> Verdict:
        finished = {(run.cell.workload, run.seed): run for run in evidence.runs(method, workloads) if run.seconds}
        wins, ratios = 0, []
        for run in evidence.runs(other, workloads):
            ours = finished.get((run.cell.workload, run.seed))
            if ours is None or ours.seconds is None or not run.trace:
                continue
            goal = ours.scores["objective-gap"] + level
            arrived = next((seconds for _, seconds, gap in run.trace if gap <= goal), float("inf"))
            ratios.append(arrived / ours.seconds)
            wins += arrived > ours.seconds
        if not ratios:
            raise MissingEvidence(f"no traces of {other} beside {method}")
        share = binomtest(wins, len(ratios)).proportion_ci(method="exact")
        ruling = Ruling.REPRODUCED if share.low >= 0.5 else Ruling.CONTRADICTED if share.high < 0.5 else Ruling.INCONCLUSIVE
        median = sorted(ratios)[len(ratios) // 2]
        arrivals = sum(ratio < float("inf") for ratio in ratios)
        measured = f"{method} first in {wins} of {len(ratios)}; {other} arrives in {arrivals}, median ratio {median:.3g}"
        return Verdict(ruling=ruling, measured=measured)

    return check


DESCENT = ("sgd-8", "sgd-50", "adam-8", "adam-50", "lbfgs-8", "lbfgs-50")
WIDE = ("sgd-50", "adam-50", "lbfgs-50")

CLAIMS = (
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
        id="sgd-stuck-with-few-neurons",
        source=f"{SLIDES}, Figure 1 (m = 8)",
        statement="SGD with 8 neurons ends over 1 % above the optimum from at least a tenth of the initialisations.",
        check=mean_within("reached-optimum", "sgd-8", at_most=0.9, workloads="toy-*-beta0.1"),
    ),
    Claim(
        id="sgd-arrives-with-many-neurons",
        source=f"{SLIDES}, Figure 1 (many neurons)",
        statement="SGD with 50 neurons comes within 1 % of the optimum (in at least nine runs of ten).",
        check=mean_within("reached-optimum", "sgd-50", at_least=0.9, workloads="toy-*-beta0.1"),
    ),
    Claim(
        id="more-neurons-arrive-more-often",
        source=f"{SLIDES}, Figure 1",
        statement="SGD with 50 neurons comes within 1 % of the optimum more often than with 8.",
        check=difference_within("reached-optimum", "sgd-50", "sgd-8", at_least=0.0, workloads="toy-*-beta0.1"),
    ),
    Claim(
        id="adam-arrives-with-many-neurons",
        source=f"{SLIDES}, Figure 1 (many neurons)",
        statement="The same with Adam: 50 neurons come within 1 % of the optimum (in at least nine runs of ten).",
        check=mean_within("reached-optimum", "adam-50", at_least=0.9, workloads="toy-*-beta0.1"),
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
        id="global-with-sampled-arrangements",
        source=f"{SLIDES}, Approximating the convex program",
        statement="The convex formulation returns the globally optimal network: with arrangements sampled from a Gaussian.",
        check=never_below("convex-ssnal", WIDE, SAMPLED),
    ),
    Claim(
        id="pooled-arrangements-beat-descent",
        source="Our recipe for sampled arrangements",
        statement="The program over the arrangements of five trained networks ends at or below every single run of descent.",
        check=never_below("convex-pooled", DESCENT, SAMPLED),
    ),
    Claim(
        id="convex-faster-than-sgd",
        source=f"{SLIDES}, Numerical results: quadratic activation, the red cross",
        statement="The convex solver is done before SGD of 50 neurons is within 1 % of what the solver reaches.",
        check=all_of(
            sooner("convex-ssnal", "sgd-50", TOYS),
            sooner("convex-lifted", "sgd-50", ("quadratic-*", "polynomial-*")),
        ),
    ),
    Claim(
        id="convex-faster-than-adam",
        source=f"{SLIDES}, Numerical results: convex SGD against SGD and Adam",
        statement="The convex solver is done before Adam of 50 neurons is within 1 % of what the solver reaches.",
        check=all_of(
            sooner("convex-ssnal", "adam-50", TOYS),
            sooner("convex-lifted", "adam-50", ("quadratic-*", "polynomial-*")),
        ),
    ),
    Claim(
        id="convex-faster-than-lbfgs",
        source=f"{SLIDES}, Numerical results, against a second-order method",
        statement="With every arrangement the convex solver is done before L-BFGS of 50 neurons is within 1 % of it.",
        check=sooner("convex-ssnal", "lbfgs-50", TOYS),
    ),
    Claim(
        id="enumeration-included-faster-than-adam",
        source=f"{SLIDES}, Numerical results, with the arrangements listed inside the clock",
        statement="Listing every arrangement and solving takes less time than Adam of 50 neurons to within 1 % of the answer.",
        check=sooner("convex-enumerated", "adam-50", TOYS),
    ),
    Claim(
        id="sampled-convex-faster-than-adam",
        source=f"{SLIDES}, Numerical results",
        statement="With sampled arrangements the convex solver is also done before Adam is within 1 % of it.",
        check=sooner("convex-ssnal", "adam-50", SAMPLED),
    ),
    Claim(
        id="sampled-convex-faster-than-lbfgs",
        source=f"{SLIDES}, Numerical results",
        statement="With sampled arrangements the convex solver is also done before L-BFGS is within 1 % of it.",
        check=sooner("convex-ssnal", "lbfgs-50", SAMPLED),
    ),
    Claim(
        id="sampled-convex-faster-than-sgd",
        source=f"{SLIDES}, Numerical results",
        statement="With sampled arrangements the convex solver is also done before SGD is within 1 % of what the solver reaches.",
        check=sooner("convex-ssnal", "sgd-50", SAMPLED),
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
    Claim(
        id="ecg-error-below-sgd",
        source=f"{SLIDES}, Signal prediction: training and test accuracy",
        statement="The convex program predicts an electrocardiogram from windows of 15 samples better than SGD does.",
        check=ratio_within("test-error", "convex-pooled", "sgd-50", at_most=1.0, workloads="ecg-*"),
        scale=Scale.MEDIUM,
    ),
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
    ),
    Claim(
        id="three-layer-k15-helps",
        source=f"{REVIEW}, section 2.5.1 (K = 15)",
        statement="Descent (Adam) on 15 subnetworks comes within 1 % of the optimum more often than on 2.",
        check=difference_within("reached-optimum", "adam-k15", "adam-k2", at_least=0.0, workloads="three-layer-*"),
    ),
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
        check=all_of(
            every_run("norm-spread", "convex-duality", at_most=1e-9, workloads=DEEP),
            every_run("norm-spread", "adam-linear", at_most=1e-3, workloads=DEEP),
        ),
    ),
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
        statement="After T steps the loss is at most 4 R^2 delta^2 / (T + 1) above the minimum.",
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
    Claim(
        id="convexnn-exact-error",
        source=f"{REVIEW}, section 2.1",
        statement="ConvexNN with the exact oracle errs on about 5.3 % of the double moon's test points (4.3 to 6.3 %).",
        reported="5.3 %",
        check=mean_within("test-error", "convexnn-exact", at_least=0.043, at_most=0.063, workloads="double-moon"),
    ),
    Claim(
        id="convexnn-approximate-error",
        source=f"{REVIEW}, section 2.1",
        statement="ConvexNN with the approximate oracle errs on about 3.68 % of the double moon's test points (2.7 to 4.7 %).",
        reported="3.68 %",
        check=mean_within("test-error", "convexnn-approximate", at_least=0.027, at_most=0.047, workloads="double-moon"),
    ),
    Claim(
        id="convexnn-approximate-errs-less",
        source=f"{REVIEW}, section 2.1",
        statement="The approximate oracle generalises better than the exact one, though its objective is no lower.",
        reported="3.68 % against 5.3 %",
        check=difference_within("test-error", "convexnn-approximate", "convexnn-exact", at_most=0.0, workloads="double-moon"),
    ),
    Claim(
        id="modified-gradient-few-samples",
        source=f"{REVIEW}, section 2.3.1",
        statement="With n <= d the modified gradient finds the planted neuron (in at least 95 % of the runs).",
        check=mean_within("reached-optimum", "neuron-modified-gradient", at_least=0.95, workloads=FEW_SAMPLES),
    ),
    Claim(
        id="plain-gradient-few-samples",
        source=f"{REVIEW}, section 2.3.1",
        statement="With n <= d plain gradient descent on one neuron fails in at least half the runs.",
        check=mean_within(
            "reached-optimum",
            "neuron-gradient",
            at_most=0.5,
            workloads=("neurons-20x20-m1", "neurons-10x50-m1"),
        ),
    ),
    Claim(
        id="plain-gradient-many-samples",
        source=f"{REVIEW}, section 2.3.1",
        statement="With n > d plain gradient descent on one neuron still succeeds.",
        check=mean_within("reached-optimum", "neuron-gradient", at_least=0.95, workloads="neurons-100x20-m1"),
    ),
    Claim(
        id="convex-gan",
        source=f"{SLIDES}, Convex GANs",
        statement="Thresholding the singular values matches the second moments to exactly beta with the least norm.",
        reported="|X'X - G'G| = beta",
        check=all_of(
            every_run("moment-excess", "singular-value-thresholding", at_least=1 - 1e-6, at_most=1 + 1e-6, workloads="moments-*"),
            every_run("objective-gap", "singular-value-thresholding", at_least=-1e-6, at_most=1e-6, workloads="moments-*"),
        ),
    ),
)
