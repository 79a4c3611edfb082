"""What the paper says happens, and how records decide it.

The published Inception Scores are on ImageNet's classes, on which real digits themselves score low; without those weights only
the order of methods can be compared, on the score of a classifier trained on the digits.
"""

from __future__ import annotations

import math

import numpy as np

from optathlon.judge.claims import (
    Check,
    Evidence,
    MissingEvidence,
    all_of,
    decided_on,
    difference_within,
    every_run,
    judge_value,
    ratio_within,
)
from optathlon.judge.evidence import Patterns
from optathlon.judge.intervals import ratio_interval
from optathlon.spec import Claim, Ruling, Scale, Status, Verdict
from optathlon.suites.gans.game_claims import GAME_CLAIMS, LIMITING_CLAIMS, THEORY_CLAIMS
from optathlon.suites.gans.table_claims import TABLE_CLAIMS, versus_adam


def mean_unless_diverged(evidence: Evidence, metric: str, method: str, workloads: Patterns) -> float:
    """Return the mean of a metric, minus infinity where a run diverged: such a rate is not the best one."""
    if any(run.status is Status.DIVERGED for run in evidence.runs(method, workloads)):
        return -math.inf
    return evidence.mean(metric, method, workloads)


def at_best_rates(metric: str, first: str, second: str, workloads: Patterns) -> Check:
    """Claim that a method at the best rate of its sweep is above another at the best of its own."""

    def best(evidence: Evidence, method: str) -> str:
        sweep = (method, *(f"{method}-x{factor}" for factor in ("0.3", "3", "10")))
        return max(sweep, key=lambda name: mean_unless_diverged(evidence, metric, name, workloads))

    def check(evidence: Evidence) -> Verdict:
        return difference_within(metric, best(evidence, first), best(evidence, second), at_least=0.0, workloads=workloads)(
            evidence
        )

    return check


def explained_by_step(metric: str, workloads: Patterns, *, at_least: float) -> Check:
    """Claim that Adam at three times its rate makes up this share of what negative momentum gains over Adam, on the mean."""

    def check(evidence: Evidence) -> Verdict:
        base, longer, negative = (evidence.scores(metric, name, workloads) for name in ("adam", "adam-x3", "adam-nm"))
        seeds = sorted(base.keys() & longer.keys() & negative.keys())
        if not seeds:
            raise MissingEvidence("Adam, Adam at three times its rate and AdamNM share no seed")
        steps, gains = (np.array([side[seed] - base[seed] for seed in seeds]) for side in (longer, negative))
        if gains.mean() <= 0:
            return Verdict(ruling=Ruling.INCONCLUSIVE, measured=f"negative momentum gains nothing: {gains.mean():.3g}")
        share, low, high = ratio_interval(steps, gains)
        return Verdict(
            ruling=judge_value(share, low, high, at_least=at_least),
            measured=f"share {share:.3g} [{low:.3g}, {high:.3g}], n={len(seeds)}",
        )

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


RING_CLAIMS = decided_on(
    "8 Gaussians; 64-64 networks, 1500 steps, 3 seeds at scale small; 128-128, 2500 steps, 5 seeds at medium",
    Claim(
        id="consensus-covers-the-ring",
        source="Against section 7; Mescheder et al., section 6",
        statement="On the ring of eight Gaussians consensus covers at least 7 modes with a good share of .6 on every seed.",
        check=all_of(
            every_run("modes-covered", "consensus-0.1", at_least=7, workloads="ring-*"),
            every_run("high-quality-share", "consensus-0.1", at_least=0.6, workloads="ring-*"),
        ),
        basis="fitted",
    ),
    Claim(
        id="regulariser-not-play",
        source="Section 5",
        statement="On the ring the regulariser helps: consensus is closer to the goal than Adam in simultaneous play.",
        check=difference_within("gap", "consensus-0.1", "adam-simultaneous", at_most=0.0, workloads=("ring-small", "ring-8")),
    ),
    Claim(
        id="sgd-misses-the-ring",
        source="Section 7",
        statement="Gradient descent, with positive or negative momentum, covers at most 2 of 8 modes of the ring.",
        check=all_of(misses_the_ring("sgd", 2), misses_the_ring("sgd-nm", 2)),
        basis="fitted",
    ),
)

GRID_CLAIMS = decided_on(
    "25 Gaussians, 128-128 networks, 2500 steps, 5 seeds, scale medium",
    Claim(
        id="consensus-covers-the-grid",
        source="Against section 7; beside the ring",
        statement="On the 5 x 5 grid too consensus covers seven eighths of the modes, 22, with a good share of .6 on every seed.",
        check=all_of(
            every_run("modes-covered", "consensus-0.1", at_least=22, workloads="grid-25"),
            every_run("high-quality-share", "consensus-0.1", at_least=0.6, workloads="grid-25"),
        ),
        scale=Scale.MEDIUM,
        basis="fitted",
    ),
)

SYMPLECTIC_CLAIMS = decided_on(
    "8 Gaussians, 128-128 networks, 2500 steps, 5 seeds, rate 2e-3, scale medium",
    Claim(
        id="turn-not-pull",
        source="Beside section 5; Balduzzi et al. 2018",
        statement="On the ring the symplectic adjustment, which turns the field and does not pull, ends closer to the goal than "
        "Adam in simultaneous play.",
        check=difference_within("gap", "symplectic-1", "adam-simultaneous", at_most=0.0, workloads="ring-8"),
        scale=Scale.MEDIUM,
    ),
)

CONFOUND_CLAIMS = (
    *decided_on(
        "600 steps on 8 x 8 digits, 3 seeds, scale small; 2000 on 10,000 MNIST pictures at 14 x 14, 5 seeds, medium; rate 5e-4",
        Claim(
            id="confound-step-size",
            source="Not in the paper: its confound",
            statement="Adam at three times its rate makes up at least half of what negative momentum gains over Adam.",
            check=explained_by_step("inception-score", ("digits-gan", "mnist14-gan"), at_least=0.5),
            basis="fitted",
        ),
        Claim(
            id="optimism-lowers-the-distance",
            source="Section 7 and Table 1, by the Frechet distance",
            statement="On the vanilla GAN at the same rate "
            "OAdam's Frechet distance in the measuring classifier's features is below Adam's.",
            check=ratio_within("frechet-distance", "oadam", "adam", at_most=1.0, workloads=("digits-gan", "mnist14-gan")),
        ),
        Claim(
            id="negative-momentum-lowers-the-distance",
            source="Section 7 and Table 1, by the Frechet distance",
            statement="On the vanilla GAN at the same rate AdamNM's Frechet distance is below Adam's.",
            check=ratio_within("frechet-distance", "adam-nm", "adam", at_most=1.0, workloads=("digits-gan", "mnist14-gan")),
        ),
    ),
    *decided_on(
        "10,000 MNIST pictures at 14 x 14, 2000 steps (WGAN-GP 1000), rate 5e-4 and, for best rates, .3, 3 and 10 times that; 5 "
        "seeds, scale medium",
        Claim(
            id="negative-momentum-margin",
            source="Table 1, GAN + AdamNM",
            statement="On the vanilla GAN at the same rate Adam with negative momentum is above Adam by .7 classes.",
            reported="1.27 on ImageNet's classes",
            check=versus_adam("adam-nm", "mnist14-gan", at_least=0.7),
            scale=Scale.MEDIUM,
            basis="fitted",
        ),
        Claim(
            id="negative-momentum-at-best-rates",
            source="Not in the paper: its confound",
            statement="Each at the best rate of its sweep, Adam with negative momentum still scores above Adam on the vanilla "
            "GAN.",
            check=at_best_rates("inception-score", "adam-nm", "adam", "mnist14-gan"),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="optimism-at-best-rates",
            source="Not in the paper: its confound",
            statement="Each at the best rate of its sweep, OAdam still scores above Adam on the vanilla GAN.",
            check=at_best_rates("inception-score", "oadam", "adam", "mnist14-gan"),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="extra-adam-at-equal-gradients",
            source="Gidel et al. 2019a, section 7",
            statement="With as many gradients, half as many steps, Extra-Adam scores above Adam on the vanilla GAN.",
            check=versus_adam("extra-adam", "mnist14-gan", at_least=0.0),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="gradient-penalty-trains",
            source="Not in the paper: an additional row",
            statement="With a gradient penalty the WGAN trains: a score of at least 3.5 on every seed.",
            check=every_run("inception-score", "adam", at_least=3.5, workloads=("mnist14-wgan-gp", "mnist28-wgan-gp")),
            scale=Scale.MEDIUM,
            basis="fitted",
        ),
    ),
    *(
        Claim(
            id=f"{network}-{name}-at-best-rates",
            source=f"Table 1, {network.upper()} + {label}, with a rate sweep",
            statement=f"Each at the best of four rates (times .3, 1, 3, 10), {label} scores {relation} Adam on the "
            f"{network.upper()}: 10,000 MNIST pictures at 14 x 14, {budget} steps, 5 seeds, scale medium.",
            reported=reported,
            check=at_best_rates("inception-score", *((method, "adam") if relation == "above" else ("adam", method)), workload),
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
    *decided_on(
        "MNIST at 28 x 28, 10,000 held-out pictures, 3 seeds, scale paper",
        Claim(
            id="real-digits-scale",
            source="Not in the paper: the scale",
            statement="On the measuring classifier real MNIST test pictures score between 9.3 and 9.7 at 10,000 pictures.",
            check=every_run("inception-score", "real-images", at_least=9.3, at_most=9.7, workloads="mnist28-gan"),
            scale=Scale.PAPER,
            basis="fitted",
        ),
    ),
)

CLAIMS = (
    *GAME_CLAIMS,
    *THEORY_CLAIMS,
    *LIMITING_CLAIMS,
    *TABLE_CLAIMS,
    *RING_CLAIMS,
    *GRID_CLAIMS,
    *SYMPLECTIC_CLAIMS,
    *CONFOUND_CLAIMS,
)
