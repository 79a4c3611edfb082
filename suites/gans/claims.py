"""What the paper says happens, and how records decide it.

The published Inception Scores are on ImageNet's classes, on which real digits themselves score low; without those weights only
the order of methods can be compared, on the score of a classifier trained on the digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from optathlon.judge.claims import Check, Evidence, all_of, difference_within, every_run, mean_within, ratio_within
from optathlon.spec import Claim, Ruling, Scale, Status, Verdict
from optathlon.suites.gans.game_claims import GAME_CLAIMS, THEORY_CLAIMS

GAN = ("digits-gan", "mnist*-gan")
DCGAN = ("mnist14-dcgan", "mnist28-dcgan")
WGAN = ("mnist14-wgan", "mnist28-wgan")
CONSENSUS = ("mnist14-dcgan", "mnist28-dcgan-100")
FAILED = 1.5  # an Inception Score of a generator that makes one picture, or none
TIE = 0.05  # shares of a score by which near ties may differ

Pair = tuple[str, str]  # a method and the workload that it ran on


def across(metric: str, first: Pair, second: Pair, *, at_least: float = -math.inf, at_most: float = math.inf) -> Check:
    """Claim that mean(first) - mean(second) lies in [at_least, at_most], paired by seed though the workloads differ."""

    def check(evidence: Evidence) -> Verdict:
        sides = [evidence.runs(method, workload) for method, workload in (first, second)]
        names = [f"{runs[0].cell.method}+{runs[0].cell.workload}" for runs in sides]
        renamed = tuple(
            replace(run, cell=replace(run.cell, workload="both", method=name))
            for runs, name in zip(sides, names, strict=True)
            for run in runs
        )
        return difference_within(metric, *names, at_least=at_least, at_most=at_most)(Evidence(renamed))

    return check


def on_every_seed(metric: str, method: str, other: str, workloads: Sequence[str], *, at_least: float = 0.0) -> Check:
    """Claim that a method exceeds another by this much on every seed; contradicted if on none, undecided with one seed."""

    def check(evidence: Evidence) -> Verdict:
        mine, others = (evidence.scores(metric, name, workloads) for name in (method, other))
        differences = [mine[key] - others[key] for key in sorted(mine.keys() & others.keys())]
        hits = sum(difference >= at_least for difference in differences)
        ruling = Ruling.REPRODUCED if hits == len(differences) else Ruling.INCONCLUSIVE if hits else Ruling.CONTRADICTED
        by_seed = ", ".join(f"{difference:+.3g}" for difference in differences)
        measured = f"{metric}, {method} minus {other} by seed: {by_seed}"
        return Verdict(ruling=ruling if len(differences) > 1 else Ruling.INCONCLUSIVE, measured=measured)

    return check


def mean_unless_diverged(evidence: Evidence, metric: str, method: str, workloads: Sequence[str]) -> float:
    """Return the mean of a metric, minus infinity where a run diverged: such a rate is not the best one."""
    if any(run.status is Status.DIVERGED for run in evidence.runs(method, workloads)):
        return -math.inf
    return evidence.mean(metric, method, workloads)


def at_best_rates(metric: str, first: str, second: str, workloads: Sequence[str]) -> Check:
    """Claim that on every seed a method at the best rate of its sweep is above another at the best of its own."""

    def best(evidence: Evidence, method: str) -> str:
        sweep = (method, *(f"{method}-x{factor}" for factor in ("0.3", "3", "10")))
        return max(sweep, key=lambda name: mean_unless_diverged(evidence, metric, name, workloads))

    def check(evidence: Evidence) -> Verdict:
        return on_every_seed(metric, best(evidence, first), best(evidence, second), workloads)(evidence)

    return check


def explained_by_step(metric: str, workloads: Sequence[str], *, at_least: float) -> Check:
    """Claim that Adam at three times its rate makes up this share of what negative momentum gains over Adam, seed by seed."""

    def check(evidence: Evidence) -> Verdict:
        base, longer, negative = (evidence.scores(metric, name, workloads) for name in ("adam", "adam-x3", "adam-nm"))
        seeds = sorted(base.keys() & longer.keys() & negative.keys())
        gains = [(longer[seed] - base[seed], negative[seed] - base[seed]) for seed in seeds]
        if not gains or min(gain for _, gain in gains) <= 0:
            return Verdict(ruling=Ruling.INCONCLUSIVE, measured="negative momentum gains nothing on some seed")
        shares = [step / gain for step, gain in gains]
        hits = sum(share >= at_least for share in shares)
        ruling = {len(shares): Ruling.REPRODUCED, 0: Ruling.CONTRADICTED}.get(hits, Ruling.INCONCLUSIVE)
        return Verdict(ruling=ruling, measured="shares by seed " + ", ".join(f"{share:.2f}" for share in shares))

    return check


def misses_the_ring(method: str, most: int) -> Check:
    """Claim that a method covers at most this many modes of the ring; players that diverged cover none."""

    def check(evidence: Evidence) -> Verdict:
        runs = evidence.runs(method, "ring-*")
        diverged = sum(run.status is Status.DIVERGED for run in runs)
        rest = Evidence(tuple(run for run in runs if run.status is not Status.DIVERGED))
        covered = [0.0] * diverged + (list(rest.scores("modes-covered", method).values()) if rest.records else [])
        ruling = Ruling.REPRODUCED if max(covered) <= most else Ruling.CONTRADICTED
        return Verdict(
            ruling=ruling, measured=f"{method}: at most {max(covered):.0f} modes, {diverged} of {len(runs)} runs diverged"
        )

    return check


def versus_adam(method: str, workloads: Sequence[str], *, at_least: float = -math.inf, at_most: float = math.inf) -> Check:
    """Claim that a method's Inception Score minus Adam's lies in [at_least, at_most]."""
    return difference_within("inception-score", method, "adam", at_least=at_least, at_most=at_most, workloads=workloads)


def near_tie(method: str) -> Check:
    """Claim that a method's Inception Score on the DCGAN is within a twentieth of Adam's."""
    return ratio_within("inception-score", method, "adam", at_least=1 - TIE, at_most=1 + TIE, workloads=DCGAN)


def fails(method: str, workloads: Sequence[str]) -> Check:
    """Claim that a method's generator makes no recognisable digits."""
    return every_run("inception-score", method, at_most=FAILED, workloads=workloads)


TABLE_1_CLAIMS = (
    Claim(
        id="table-1-gan",
        source="Table 1, GAN",
        statement="With Adam, the vanilla GAN scores below the DCGAN.",
        reported="1.878 against 2.412",
        check=across("inception-score", ("adam", "mnist*-gan"), ("adam", "mnist*-dcgan"), at_most=0.0),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="table-1-gan-oadam",
        source="Table 1, GAN + OAdam",
        statement="On the vanilla GAN, OAdam scores above Adam.",
        reported="3.085 against 1.878",
        check=versus_adam("oadam", GAN, at_least=0.0),
    ),
    Claim(
        id="table-1-gan-adamnm",
        source="Table 1, GAN + AdamNM",
        statement="On the vanilla GAN, Adam with negative momentum scores above Adam, and above OAdam.",
        reported="3.148 against 1.878 and 3.085",
        check=all_of(
            on_every_seed("inception-score", "adam-nm", "adam", GAN),
            on_every_seed("inception-score", "adam-nm", "oadam", GAN),
        ),
    ),
    Claim(
        id="table-1-gan-sgd",
        source="Table 1, GAN + SGD",
        statement="On the vanilla GAN, gradient descent with momentum .9 scores above Adam.",
        reported="2.691 against 1.878",
        check=versus_adam("sgd", GAN, at_least=0.0),
    ),
    Claim(
        id="table-1-gan-sgdnm",
        source="Table 1, GAN + SGDNM; section 7",
        statement="On the vanilla GAN, gradient descent with negative momentum scores below Adam.",
        reported="1.547 against 1.878",
        check=versus_adam("sgd-nm", GAN, at_most=0.0),
    ),
    Claim(
        id="table-1-dcgan",
        source="Table 1, DCGAN",
        statement="With Adam, the DCGAN scores above the WGAN.",
        reported="2.412 against 2.355",
        check=across("inception-score", ("adam", "mnist*-dcgan"), ("adam", "mnist*-wgan"), at_least=0.0),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="table-1-dcgan-oadam",
        source="Table 1, DCGAN + OAdam",
        statement="On the DCGAN, OAdam and Adam nearly tie.",
        reported="2.453 against 2.412",
        check=near_tie("oadam"),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="table-1-dcgan-adamnm",
        source="Table 1, DCGAN + AdamNM",
        statement="On the DCGAN, Adam with negative momentum and Adam nearly tie.",
        reported="2.427 against 2.412",
        check=near_tie("adam-nm"),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="table-1-dcgan-sgd",
        source="Table 1, DCGAN + SGD",
        statement="On the DCGAN, gradient descent with momentum .9 scores a little below Adam: at least four fifths of it.",
        reported="2.208 against 2.412",
        check=ratio_within("inception-score", "sgd", "adam", at_least=0.8, at_most=1.0, workloads=DCGAN),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="table-1-dcgan-sgdnm",
        source="Table 1, DCGAN + SGDNM",
        statement="On the DCGAN, gradient descent with negative momentum makes no reasonable images.",
        reported="1.100",
        check=fails("sgd-nm", DCGAN),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="table-1-wgan",
        source="Table 1, WGAN",
        statement="With Adam, the WGAN scores above the vanilla GAN.",
        reported="2.355 against 1.878",
        check=across("inception-score", ("adam", "mnist*-wgan"), ("adam", "mnist*-gan"), at_least=0.0),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="table-1-wgan-oadam",
        source="Table 1, WGAN + OAdam",
        statement="On the WGAN, OAdam scores below Adam.",
        reported="2.026 against 2.355",
        check=versus_adam("oadam", WGAN, at_most=0.0),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="table-1-wgan-adamnm",
        source="Table 1, WGAN + AdamNM",
        statement="On the WGAN, Adam with negative momentum scores above Adam.",
        reported="2.459 against 2.355",
        check=versus_adam("adam-nm", WGAN, at_least=0.0),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="table-1-wgan-sgd",
        source="Table 1, WGAN + SGD; section 6.1.3",
        statement="Gradient descent with momentum cannot train the WGAN.",
        reported="1.007",
        check=fails("sgd", WGAN),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="table-1-wgan-sgdnm",
        source="Table 1, WGAN + SGDNM; section 6.1.3",
        statement="Gradient descent with negative momentum cannot train the WGAN.",
        reported="1.018",
        check=fails("sgd-nm", WGAN),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="table-1-values",
        source="Table 1, first column",
        statement="On ImageNet's classes, the vanilla GAN scores 1.9 with Adam, 3.1 with OAdam and 3.1 with AdamNM.",
        reported="1.878, 3.085, 3.148",
        check=all_of(
            mean_within("imagenet-inception-score", "adam", at_least=1.78, at_most=1.98, workloads="mnist28-gan"),
            mean_within("imagenet-inception-score", "oadam", at_least=2.98, at_most=3.18, workloads="mnist28-gan"),
            mean_within("imagenet-inception-score", "adam-nm", at_least=3.05, at_most=3.25, workloads="mnist28-gan"),
        ),
        scale=Scale.PAPER,
    ),
)

TABLE_2_CLAIMS = (
    Claim(
        id="table-2-early",
        source="Table 2, early stopping",
        statement="Half-way, consensus with gamma = .01 on the DCGAN scores no worse than Adam half-way, but for a twentieth.",
        reported="2.453 (2.412 for Adam at the end)",
        check=ratio_within("inception-score-at-half", "consensus-0.01", "adam", at_least=1 - TIE, workloads=CONSENSUS),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="table-2-final",
        source="Table 2, final; section 7",
        statement="At the end, consensus with gamma = .01 on the DCGAN has collapsed to one image.",
        reported="1.202",
        check=fails("consensus-0.01", CONSENSUS),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="consensus-below-adam-at-the-end",
        source="Table 2 against Table 1",
        statement="At the end, consensus with gamma = .01 on the DCGAN scores below Adam.",
        reported="1.202 against 2.412",
        check=versus_adam("consensus-0.01", CONSENSUS, at_most=0.0),
        scale=Scale.MEDIUM,
    ),
)

SECTION_7_CLAIMS = (
    Claim(
        id="oadam-converges-faster",
        source="Section 7",
        statement="OAdam converges a bit faster than Adam on the vanilla GAN: half-way it scores higher.",
        check=difference_within("inception-score-at-half", "oadam", "adam", at_least=0.0, workloads=GAN),
    ),
    Claim(
        id="negative-momentum-smooths",
        source="Section 7, Figure 8",
        statement="With negative momentum in Adam the vanilla GAN's generator loss is smoother.",
        check=ratio_within("loss-roughness", "adam-nm", "adam", at_most=1.0, workloads=GAN),
    ),
    Claim(
        id="consensus-smooths",
        source="Section 7, Figure 9",
        statement="With consensus the DCGAN's generator loss is smoother than with Adam.",
        check=ratio_within("loss-roughness", "consensus-0.01", "adam", at_most=1.0, workloads=CONSENSUS),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="consensus-covers-the-ring",
        source="Against section 7; Mescheder et al., section 6",
        statement="On the ring of eight Gaussians consensus covers at least 7 modes with a good share of .6 on every seed.",
        check=all_of(
            every_run("modes-covered", "consensus-0.1", at_least=7, workloads="ring-*"),
            every_run("high-quality-share", "consensus-0.1", at_least=0.6, workloads="ring-*"),
        ),
    ),
    Claim(
        id="regulariser-not-play",
        source="Section 5",
        statement="On the ring the regulariser helps: consensus is closer to the goal than Adam in simultaneous play.",
        check=on_every_seed("gap", "adam-simultaneous", "consensus-0.1", ("ring-small", "ring-8")),
    ),
    Claim(
        id="sgd-misses-the-ring",
        source="Section 7",
        statement="Gradient descent, with positive or negative momentum, covers at most 2 of 8 modes of the ring.",
        check=all_of(misses_the_ring("sgd", 2), misses_the_ring("sgd-nm", 2)),
    ),
)

CONFOUND_CLAIMS = (
    Claim(
        id="confound-step-size",
        source="Not in the paper: its confound",
        statement="Adam at three times its rate makes up at least half of what negative momentum gains over Adam.",
        check=explained_by_step("inception-score", GAN, at_least=0.5),
    ),
    Claim(
        id="negative-momentum-margin",
        source="Table 1, GAN + AdamNM",
        statement="On the vanilla GAN at the same rate, Adam with negative momentum is above Adam by .7 classes on every seed.",
        reported="1.27 on ImageNet's classes",
        check=on_every_seed("inception-score", "adam-nm", "adam", GAN, at_least=0.7),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="negative-momentum-at-best-rates",
        source="Not in the paper: its confound",
        statement="Each at the best rate of its sweep, Adam with negative momentum still scores above Adam on the vanilla GAN.",
        check=at_best_rates("inception-score", "adam-nm", "adam", GAN),
    ),
    Claim(
        id="optimism-at-best-rates",
        source="Not in the paper: its confound",
        statement="Each at the best rate of its sweep, OAdam still scores above Adam on the vanilla GAN.",
        check=at_best_rates("inception-score", "oadam", "adam", GAN),
    ),
    *(
        Claim(
            id=f"{network}-{name}-at-best-rates",
            source=f"Table 1, {network.upper()} + {label}, with a rate sweep",
            statement=f"Each at the best of four rates (times .3, 1, 3, 10), {label} scores {relation} Adam on the "
            f"{network.upper()}, on every seed of 10,000 MNIST pictures at 14 x 14 after {budget} steps.",
            reported=reported,
            check=at_best_rates("inception-score", *((method, "adam") if relation == "above" else ("adam", method)), (workload,)),
            scale=Scale.MEDIUM,
        )
        for network, workload, budget, name, label, method, relation, reported in (
            ("dcgan", "mnist14-dcgan", 600, "oadam", "OAdam", "oadam", "above", "2.453 against 2.412"),
            ("dcgan", "mnist14-dcgan", 600, "adamnm", "AdamNM", "adam-nm", "above", "2.427 against 2.412"),
            ("dcgan", "mnist14-dcgan", 600, "sgd", "SGD", "sgd", "below", "2.208 against 2.412"),
            ("wgan", "mnist14-wgan", 800, "oadam", "OAdam", "oadam", "below", "2.026 against 2.355"),
            ("wgan", "mnist14-wgan", 800, "adamnm", "AdamNM", "adam-nm", "above", "2.459 against 2.355"),
            ("wgan", "mnist14-wgan", 800, "sgd", "SGD", "sgd", "below", "1.007 against 2.355"),
        )
    ),
    Claim(
        id="optimism-lowers-the-distance",
        source="Section 7 and Table 1, by the Frechet distance",
        statement="On the vanilla GAN at the same rate (1000 steps on the digits, 2000 on 10,000 MNIST pictures at 14 x 14) "
        "OAdam's Frechet distance in the measuring classifier's features is below Adam's.",
        check=ratio_within("frechet-distance", "oadam", "adam", at_most=1.0, workloads=GAN),
    ),
    Claim(
        id="negative-momentum-lowers-the-distance",
        source="Section 7 and Table 1, by the Frechet distance",
        statement="On the vanilla GAN at the same rate and budgets AdamNM's Frechet distance is below Adam's.",
        check=ratio_within("frechet-distance", "adam-nm", "adam", at_most=1.0, workloads=GAN),
    ),
    Claim(
        id="extra-adam-at-equal-gradients",
        source="Gidel et al. 2019a, section 7",
        statement="With as many gradients (half of 1000 steps on the digits), Extra-Adam scores above Adam on the vanilla GAN.",
        check=on_every_seed("inception-score", "extra-adam", "adam", ("digits-gan",)),
    ),
    Claim(
        id="gradient-penalty-trains",
        source="Not in the paper: an additional row",
        statement="With a gradient penalty the WGAN trains within the reduced budget: a score of at least 3.5 on every seed.",
        check=every_run("inception-score", "adam", at_least=3.5, workloads=("mnist14-wgan-gp", "mnist28-wgan-gp")),
        scale=Scale.MEDIUM,
    ),
    Claim(
        id="real-digits-scale",
        source="Not in the paper: the scale",
        statement="On the measuring classifier real MNIST test pictures score between 9.3 and 9.7 at 10,000 pictures.",
        check=every_run("inception-score", "real-images", at_least=9.3, at_most=9.7, workloads="mnist28-gan"),
        scale=Scale.PAPER,
    ),
)

CLAIMS = (*GAME_CLAIMS, *THEORY_CLAIMS, *TABLE_1_CLAIMS, *TABLE_2_CLAIMS, *SECTION_7_CLAIMS, *CONFOUND_CLAIMS)
