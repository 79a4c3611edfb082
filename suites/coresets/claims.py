"""What the paper says happens, and how records decide it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optathlon.judge.claims import (
    Check,
    Evidence,
    MissingEvidence,
    all_of,
    decided_on,
    difference_within,
    every_run,
    mean_within,
    mostly_below,
    ratio_within,
)
from optathlon.spec import Claim, Ruling, Scale, Verdict
from optathlon.suites.coresets.proxy import PROXY_CLAIMS

# Where every strategy runs by the same schedule: the published protocol, and what two cores do of it.
PUBLISHED = ("mnist", "fashion-mnist", "cifar10")
REDUCED = ("digits", "mnist-10000", "fashion-mnist-10000")
LESS = "40 epochs of 1,437 digits at scale small, 20 of 10,000 images of MNIST and Fashion-MNIST at medium, 6 seeds"
LAYERS = ("digits-layers", "mnist-2000")
EQUAL = ("digits-equal", "*-10000-equal")  # every strategy fills the same compute with epochs and a schedule of its own
SIXTY_THOUSAND = "mnist-60000"


COMPARED = ("random", "rs2", "craig", "glister", "grad-match")


def _below(metric: str, method: str, *others: str, workloads: tuple[str, ...]) -> Check:
    """Claim that a method's values are mostly below each of the others', on each data set."""
    return all_of(*(mostly_below(metric, method, other, workloads=workloads) for other in others))


def _faster(method: str, other: str, workloads: tuple[str, ...]) -> Check:
    """Claim that a method's selections take less time than the other's, on each data set."""
    return ratio_within("selection-seconds", method, other, at_most=1.0, workloads=workloads)


def _twice(name: str, *, check: Callable[[tuple[str, ...]], Check], **parts: Any) -> tuple[Claim, ...]:
    """Return a claim tested after the published epochs, and one whose reduced runs are shown beside and rule nothing."""
    what = "after 40 epochs of MNIST, Fashion-MNIST and CIFAR-10, scale paper"
    published = decided_on(what, Claim(id=name, check=check(PUBLISHED), scale=Scale.PAPER, **parts))
    return (*published, Claim(id=f"{name}-reduced", check=check(REDUCED), reduced=LESS, **parts))


def _lower_in_every_pair(metric: str, method: str, other: str, margin: float, workloads: tuple[str, ...]) -> Check:
    """Claim that a method is below another by a margin in each pair of equal workload and seed; one failure contradicts it."""

    def check(evidence: Evidence) -> Verdict:
        mine, theirs = (evidence.scores(metric, name, workloads) for name in (method, other))
        gaps = [theirs[key] - mine[key] for key in sorted(mine.keys() & theirs.keys())]
        if not gaps:
            raise MissingEvidence(f"{method} and {other} share no workload and seed")
        ruling = Ruling.REPRODUCED if min(gaps) >= margin else Ruling.CONTRADICTED
        figures = ", ".join(f"{gap:.4g}" for gap in gaps)
        return Verdict(ruling=ruling, measured=f"{metric}: {method} below {other} by {figures}")

    return check


LAYER_CLAIMS = decided_on(
    "small LeNet on 1,437 digits, 40 epochs, 6 seeds at scale small; LeNet on 2,000 MNIST images, 20 epochs, 6 seeds at medium; "
    "rate 0.05",
    Claim(
        id="last-layer-cheaper",
        source="Section 2.4 and Fig. 2",
        statement="Gradients of the last layer make a selection much cheaper than gradients of all layers",
        check=ratio_within("selection-seconds", "grad-match", "grad-match-all-layers", at_most=0.5, workloads=LAYERS),
        reported="all layers are not practical",
        basis="fitted",
    ),
    Claim(
        id="last-layer-more-stable",
        source="Section 2.4, Fig. 2 and Section 4",
        statement="Training on the last layer's coreset is more stable: its error rises less from epoch to epoch",
        check=_below("largest-rise", "grad-match", "grad-match-all-layers", workloads=LAYERS),
    ),
    Claim(
        id="last-layer-captures-the-norm",
        source="Section 2.4",
        statement="The norms of the last layer's gradients explain most of the variance of the norms of all layers' gradients",
        check=mean_within("norm-share", "grad-match", at_least=0.5, workloads=LAYERS),
        reported="mostly captured",
        basis="fitted",
    ),
    Claim(
        id="last-layer-takes-less-memory",
        source="Section 2.4",
        statement="A run with the last layer's gradients needs at most half the memory of one with all layers' gradients",
        check=ratio_within("peak-memory", "grad-match", "grad-match-all-layers", at_most=0.5, workloads="mnist-2000"),
        reported="requires much memory",
        scale=Scale.MEDIUM,
        basis="fitted",
    ),
)

EPOCH_CLAIMS = (
    *_twice(
        "grad-match-matches-better-than-craig",
        source="Section 2.3",
        statement="Without a ridge, GRAD-MATCH's coreset matches the whole gradient better than CRAIG's",
        check=lambda runs: _below("matching-error", "grad-match-no-ridge", "craig", workloads=runs),
        reported="its objective is bounded by CRAIG's",
    ),
    *_twice(
        "batches-cheaper",
        source="Section 2.4",
        statement="Matching the gradients of batches takes less time than matching class by class",
        check=lambda runs: _faster("grad-match-batch", "grad-match", workloads=runs),
    ),
    *_twice(
        "warm-start-stabilises",
        source="Section 2.4",
        statement="Epochs on all data before the first selection stabilise training: the error rises less from epoch to epoch",
        check=lambda runs: _below("largest-rise", "grad-match-warm", "grad-match", workloads=runs),
    ),
    *_twice(
        "full-trains-best",
        source="Section 3.1, Fig. 3",
        statement="Training on everything reaches the lowest training loss for the same number of epochs",
        check=lambda runs: _below("train-loss", "full", "random", "craig", "glister", "grad-match", workloads=runs),
        reported="best in terms of train metrics",
    ),
    *_twice(
        "grad-match-lowest-loss",
        source="Sections 3.1 and 4, Fig. 3",
        statement="GRAD-MATCH reaches the lowest training loss of the paper's coresets",
        check=lambda runs: _below("train-loss", "grad-match", "random", "craig", "glister", workloads=runs),
        reported="optimal in all experiments",
    ),
    *_twice(
        "grad-match-highest-training-accuracy",
        source="Sections 3.1 and 4, Fig. 3",
        statement="GRAD-MATCH reaches the highest training accuracy of the paper's coresets after equal epochs",
        check=lambda runs: _below("train-error", "grad-match", "random", "craig", "glister", workloads=runs),
        reported="optimal in all experiments",
    ),
    *_twice(
        "grad-match-lowest-error",
        source="Sections 3.1 and 4, Fig. 3",
        statement="GRAD-MATCH reaches the highest accuracy of the paper's coresets",
        check=lambda runs: _below("test-error", "grad-match", "random", "craig", "glister", workloads=runs),
        reported="optimal in all experiments (training accuracy)",
    ),
    *_twice(
        "craig-and-glister-similar",
        source="Section 3.1, Fig. 3",
        statement="CRAIG and GLISTER perform similarly: test errors within 0.01",
        check=lambda runs: difference_within("test-error", "craig", "glister", at_least=-0.01, at_most=0.01, workloads=runs),
        basis="fitted",
    ),
    *_twice(
        "craig-and-balanced-glister-similar",
        source="Section 3.1, with every class given its share",
        statement="CRAIG and class-balanced GLISTER perform similarly: test errors within 0.01",
        check=lambda runs: difference_within(
            "test-error", "craig", "glister-balanced", at_least=-0.01, at_most=0.01, workloads=runs
        ),
        basis="fitted",
    ),
    *_twice(
        "glister-selects-slowest",
        source="Section 3.1",
        statement="GLISTER by naive greedy takes at least twice as long to select as CRAIG and GRAD-MATCH",
        check=lambda runs: all_of(
            ratio_within("selection-seconds", "glister-greedy", "craig", at_least=2.0, workloads=runs),
            ratio_within("selection-seconds", "glister-greedy", "grad-match", at_least=2.0, workloads=runs),
        ),
        reported="significantly more",
        basis="fitted",
    ),
    *_twice(
        "glister-in-rounds-selects-slowest",
        source="Section 3.1, with GLISTER in ten rounds",
        statement="GLISTER in rounds still takes longer to select than CRAIG and GRAD-MATCH",
        check=lambda runs: all_of(_faster("craig", "glister", workloads=runs), _faster("grad-match", "glister", workloads=runs)),
    ),
    *_twice(
        "weights-improve-glister",
        source="Section 3.2, Fig. 4",
        statement="Weighted GLISTER reaches a lower test error than GLISTER",
        check=lambda runs: _below("test-error", "weighted-glister", "glister", workloads=runs),
        reported="the performance is improved",
    ),
    *_twice(
        "cosine-weights-improve-glister",
        source="Section 3.2, changed to cosines",
        statement="Weighted GLISTER on cosines reaches a lower test error than GLISTER",
        check=lambda runs: _below("test-error", "weighted-glister-cosine", "glister", workloads=runs),
    ),
    *_twice(
        "weighted-glister-selects-faster",
        source="Section 3.2",
        statement="Weighted GLISTER selects faster than GLISTER by naive greedy",
        check=lambda runs: _faster("weighted-glister", "glister-greedy", workloads=runs),
        reported="efficiency improved a lot",
    ),
    *_twice(
        "grad-match-above-weighted-glister",
        source="Section 3.2, Fig. 4",
        statement="Weighted GLISTER cannot outperform GRAD-MATCH: its test error is not lower",
        check=lambda runs: _below("test-error", "grad-match", "weighted-glister", "weighted-glister-cosine", workloads=runs),
    ),
    *decided_on(
        "1,437 digits, 40 epochs at rate 0.05, scale small; 10,000 MNIST images, 20 epochs at rate 0.01, medium; 6 seeds",
        Claim(
            id="classes-cheaper-than-points",
            source="Section 2.4",
            statement="Matching class by class takes less time than matching all points at once",
            check=_faster("grad-match", "grad-match-sample", workloads=("digits", "mnist-10000")),
        ),
    ),
    *decided_on(
        "10,000 MNIST images, 20 epochs at rate 0.01, 6 seeds, scale medium",
        Claim(
            id="classes-take-less-memory",
            source="Section 2.4",
            statement="Selecting class by class needs less memory than selecting among all points at once",
            check=all_of(
                _below("peak-memory", "grad-match", "grad-match-sample", workloads=("mnist-10000",)),
                _below("peak-memory", "craig", "craig-sample", workloads=("mnist-10000",)),
            ),
            scale=Scale.MEDIUM,
        ),
    ),
)

FOR_FIXED_TIME = "lower loss and higher accuracy for fixed training time"
EQUAL_LESS = (
    "4 passes over 10,000 images of MNIST and of Fashion-MNIST (6 over 1,437 digits) instead of 40 epochs of the whole sets"
)

EQUAL_CLAIMS = (
    *decided_on(
        "each strategy with the epochs, and the schedule, that fill with its selections 6 passes over the digits; 6 seeds, small",
        Claim(
            id="last-layer-lower-loss-at-equal-compute",
            source="Section 4, Fig. 2",
            statement="On the last layer GRAD-MATCH reaches a lower training loss than on all layers at equal compute",
            check=_below("train-loss", "grad-match", "grad-match-all-layers", workloads=("digits-equal",)),
            reported="much lower",
            reduced="6 passes over 1,437 digits instead of MNIST and Fashion-MNIST",
        ),
    ),
    *decided_on(
        "each strategy with the epochs, and the schedule, that fill with its selections 6 passes over 1,437 digits at scale "
        "small, 4 over 10,000 images of MNIST and of Fashion-MNIST at medium; 6 seeds",
        *(
            Claim(
                id=f"{method}-{best}-at-equal-compute",
                source="Section 4, with a schedule for every strategy",
                statement=f"At equal compute{says.format(error)}",
                check=_below(metric, method, *others, workloads=EQUAL),
                reported=reported,
                reduced=EQUAL_LESS,
            )
            for method, others, says, reported in (
                ("grad-match", ("random", "craig", "glister"), " GRAD-MATCH has the lowest {} of the paper's coresets", ""),
                ("full", ("grad-match",), ", training on everything has a lower {} than GRAD-MATCH", FOR_FIXED_TIME),
            )
            for best, metric, error in (("best", "test-error", "test error"), ("lowest-loss", "train-loss", "training loss"))
        ),
        Claim(
            id="equal-compute-is-equal-time",
            source="The comparison at equal compute itself",
            statement="At equal compute every strategy takes the seconds of training on everything, within a third",
            check=all_of(
                *(ratio_within("cpu_seconds", name, "full", at_least=0.67, at_most=1.5, workloads=EQUAL) for name in COMPARED)
            ),
            basis="fitted",
        ),
        Claim(
            id="fresh-subsets-tie-with-grad-match",
            source="Okanovic et al. 2024",
            statement="At equal compute RS2 errs within 0.01 of GRAD-MATCH",
            check=difference_within("test-error", "rs2", "grad-match", at_least=-0.01, at_most=0.01, workloads=EQUAL),
            basis="fitted",
        ),
    ),
)

RIVAL_CLAIMS = (
    *decided_on(
        "1,437 digits, 40 epochs at rate 0.05, 6 seeds, scale small",
        Claim(
            id="fresh-subsets-beat-random",
            source="Okanovic et al. 2024",
            statement="Random points that are others in every epoch (RS2) have a lower test error than random points renewed "
            "every "
            "five, after equal epochs",
            check=_below("test-error", "rs2", "random", workloads=("digits",)),
        ),
    ),
    *decided_on(
        "1,437 digits, or fewer where classes are cut, 40 epochs at rate 0.05, 6 seeds, scale medium",
        Claim(
            id="hardest-fail-under-noise",
            source="Paul et al. 2021, section 5",
            statement="With a fifth of the labels wrong, the largest errors (EL2N) train worse than random points",
            check=_below("test-error", "random", "el2n", workloads=("digits-noisy",)),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="moderate-survives-noise",
            source="Xia et al. 2023, section 4",
            statement="With a fifth of the labels wrong, moderate points train better than the largest errors and than random "
            "points",
            check=_below("test-error", "moderate", "el2n", "random", workloads=("digits-noisy",)),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="grad-match-survives-noise",
            source="Killamsetty et al. 2021",
            statement="With a fifth of the labels wrong, GRAD-MATCH trains better than random points",
            check=_below("test-error", "grad-match", "random", workloads=("digits-noisy",)),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="grad-match-survives-imbalance",
            source="Killamsetty et al. 2021, section 5",
            statement="With half of the classes cut to a tenth, GRAD-MATCH trains better than random points",
            check=_below("test-error", "grad-match", "random", workloads=("digits-imbalanced",)),
            scale=Scale.MEDIUM,
        ),
    ),
)

ACCEPTANCE_CLAIMS = decided_on(
    "LeNet, rate 0.01, 6 seeds for 10,000 images, 3 for 60,000",
    Claim(
        id="ten-thousand-images",
        source="Acceptance on 10,000 MNIST images, 20 epochs",
        statement="GRAD-MATCH errs at most 0.035, CRAIG at most 0.055, and random at least 0.012 more than GRAD-MATCH",
        check=all_of(
            every_run("test-error", "grad-match", at_most=0.035, workloads="mnist-10000"),
            every_run("test-error", "craig", at_most=0.055, workloads="mnist-10000"),
            _lower_in_every_pair("test-error", "grad-match", "random", 0.012, ("mnist-10000",)),
        ),
        scale=Scale.MEDIUM,
        basis="fitted",
    ),
    Claim(
        id="sixty-thousand-images",
        source="Acceptance on 60,000 MNIST images, 10 epochs",
        statement="GRAD-MATCH errs at most 0.015 on every seed",
        check=every_run("test-error", "grad-match", at_most=0.015, workloads=SIXTY_THOUSAND),
        scale=Scale.PAPER,
        basis="fitted",
    ),
)

CONVEX = ("convex-cancer",)
CONVEX_CLAIMS = decided_on(
    "logistic regression on 400 tumours, ridge 10, a tenth of the samples chosen once by their features, 6 seeds, scale small",
    Claim(
        id="incremental-gradients-end-in-the-ball",
        source="Section 1.3; Mirzasoleiman et al. 2020, Theorem 2",
        statement="After 40 gradients a sample, incremental gradients on CRAIG's coreset end within eps / mu of the optimum, eps "
        "the sum of all distances to the nearest chosen sample",
        reported="(near) optimal",
        check=every_run("distance-to-bound", "incremental-craig-40", at_most=1.0, workloads=CONVEX),
    ),
    Claim(
        id="incremental-craig-below-random",
        source="Section 2.2; Mirzasoleiman et al. 2020, section 5.1",
        statement="After as many gradients, CRAIG's coreset ends at a lower objective than random samples",
        check=_below("convex-gap", "incremental-craig-40", "incremental-random-40", workloads=CONVEX),
    ),
    Claim(
        id="incremental-craig-speeds-up",
        source="Section 1.3: the same convergence rates; Mirzasoleiman et al. 2020, section 5.1",
        statement="After 2 gradients a sample of the whole set, CRAIG's coreset is at a lower objective than all samples",
        reported="up to six times as fast",
        check=_below("convex-gap", "incremental-craig-2", "incremental-all-2", workloads=CONVEX),
    ),
)

CLAIMS = (*LAYER_CLAIMS, *EPOCH_CLAIMS, *EQUAL_CLAIMS, *RIVAL_CLAIMS, *CONVEX_CLAIMS, *ACCEPTANCE_CLAIMS, *PROXY_CLAIMS)
