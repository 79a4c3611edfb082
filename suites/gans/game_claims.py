"""What the paper says of games with known answers and of local games, and how records decide it."""

from __future__ import annotations

import math

from optathlon.judge.claims import Check, Evidence, all_of, decided_on, difference_within, ends_with, every_run, mean_within
from optathlon.spec import Claim, Ruling, Status, Verdict

EXACT = 1e-6


def radius(method: str, value: float) -> Check:
    """Claim that the exact step matrix of a method on the bilinear game has this spectral radius."""
    return mean_within("spectral-radius", method, at_least=value - EXACT, at_most=value + EXACT, workloads="bilinear", exact=True)


def converges(method: str) -> Check:
    """Claim that the step matrix contracts on the bilinear game; players that escaped contradict it."""

    def check(evidence: Evidence) -> Verdict:
        escaped = [run for run in evidence.runs(method, "bilinear") if run.status is Status.DIVERGED]
        if escaped:
            return Verdict(ruling=Ruling.CONTRADICTED, measured=f"{method}: {escaped[0].reason}")
        return every_run("spectral-radius", method, at_most=1 - EXACT, workloads="bilinear")(evidence)

    return check


def diverges(method: str) -> Check:
    """Claim that a method's players escape on the bilinear game."""
    return ends_with(method, Status.DIVERGED, workloads="bilinear")


def no_counterexample(method: str, workload: str = "theory") -> Check:
    """Claim that a statement holds on every game tried."""
    return every_run("gap", method, at_most=0.0, workloads=workload)


GAME_CLAIMS = decided_on(
    "bilinear game from (1, 1), 1000 iterations, free of chance; with curvature 5 games of 5 + 5 variables, 200 iterations; "
    "scale small",
    Claim(
        id="simultaneous-steps-diverge",
        source="Sections 2.2 and 5",
        statement="Simultaneous gradient steps spiral away from the equilibrium of the bilinear game, by sqrt(1 + eta^2) a step.",
        reported="1.0049876 at eta = .1",
        check=radius("gda-0.1", math.sqrt(1.01)),
    ),
    Claim(
        id="alternating-steps-cycle",
        source="Section 2.2",
        statement="Alternating gradient steps neither converge nor diverge on the bilinear game: they cycle.",
        reported="1",
        check=radius("gda-alternating-0.5", 1.0),
    ),
    Claim(
        id="optimism-ends-the-cycles",
        source="Section 3",
        statement="Optimism removes the cycles of the bilinear game.",
        reported="sqrt(1/2) at eta = .5",
        check=radius("ogda-0.5", math.sqrt(0.5)),
    ),
    Claim(
        id="optimism-last-iterate",
        source="Section 3",
        statement="The last iterate of optimistic steps converges at the rate 1/T or faster.",
        reported="O(1/T)",
        check=mean_within("gap", "ogda-0.5", at_most=1 / 1000, workloads="bilinear", exact=True),
    ),
    Claim(
        id="optimism-by-a-window",
        source="Section 3: an average of a window of previous gradients",
        statement="Predicting by the mean of five gradients ends the cycles of the bilinear game too: at eta = .1 it converges.",
        check=converges("window5-0.1"),
    ),
    Claim(
        id="optimism-by-a-window-at-long-steps",
        source="Section 3: either the previous gradient or an average of a window",
        statement="At eta = .5, where the previous gradient makes the bilinear game converge, the mean of two does so too.",
        check=converges("window2-0.5"),
    ),
    Claim(
        id="optimism-has-an-edge",
        source="Theory behind section 3",
        statement="Optimistic steps diverge on the bilinear game from eta = 1/sqrt(3) = .577 on: at .6 they do.",
        reported="escape",
        check=diverges("ogda-0.6"),
    ),
    Claim(
        id="extragradient-converges",
        source="Theory behind section 3",
        statement="Extragradient converges on the bilinear game.",
        reported=".9013878 at eta = .5",
        check=radius("extragradient-0.5", math.sqrt(0.8125)),
    ),
    Claim(
        id="consensus-converges",
        source="Section 5",
        statement="Consensus with gamma = 1 converges on the bilinear game.",
        reported="sqrt(1/2) at eta = .5",
        check=radius("consensus-1-0.5", math.sqrt(0.5)),
    ),
    Claim(
        id="consensus-at-the-papers-gamma",
        source="Section 6.1.4",
        statement="The paper's gamma of .01 is enough to make the bilinear game converge at eta = .1.",
        check=converges("consensus-0.01-0.1"),
    ),
    Claim(
        id="negative-momentum-alternating",
        source="Sections 4 and 7",
        statement="In simple games negative momentum makes alternating steps converge, and positive momentum makes them diverge.",
        reported=".96254 at eta = .5, beta = -.5",
        check=all_of(
            radius("momentum-0.5-alternating-0.5", 0.9625437),
            converges("momentum-0.1-alternating-0.5"),
            diverges("positive-momentum-alternating-0.1"),
        ),
    ),
    Claim(
        id="negative-momentum-simultaneous",
        source="Section 4, the iteration F",
        statement="In simple games negative momentum makes simultaneous steps, as the paper prints them, converge.",
        check=all_of(converges("momentum-0.5-simultaneous-0.5"), converges("momentum-0.9-simultaneous-0.5")),
    ),
    Claim(
        id="negative-momentum-with-curvature",
        source="Section 4",
        statement="With some curvature, negative momentum lowers the spectral radius of simultaneous steps.",
        check=difference_within(
            "spectral-radius", "momentum-0.5-simultaneous-0.5", "gda-0.5", at_most=0.0, workloads="quadratic"
        ),
    ),
    Claim(
        id="optimistic-adam-inherits",
        source="Section 7",
        statement="Adam's optimistic variant inherits the convergence of optimism on the bilinear game, with beta1 = .5.",
        check=mean_within("gap", "game-oadam", at_most=0.01, workloads="bilinear", exact=True),
        basis="fitted",
    ),
    Claim(
        id="optimistic-adam-without-momentum",
        source="Theory behind section 3",
        statement="Optimistic Adam without momentum comes closer to the equilibrium of the bilinear game than with beta1 = .5.",
        check=difference_within("gap", "game-oadam-beta1-0", "game-oadam", at_most=-0.1, workloads="bilinear", exact=True),
        basis="fitted",
    ),
)

THEORY_CLAIMS = decided_on(
    "1000 random local games of 3 + 3 variables, 3 seeds, scale small",
    Claim(
        id="best-rate-bounds",
        source="Eqs. 2-4",
        statement="The best squared rate of gradient steps lies between its printed bounds, and the best step size too.",
        check=no_counterexample("theory-best-rate"),
    ),
    Claim(
        id="stable-step-bound",
        source="Section 5, bound on h",
        statement="Simultaneous steps converge locally below the printed step size of every eigenvalue, and not above.",
        check=no_counterexample("theory-stable-step"),
    ),
    Claim(
        id="stable-step-largest-eigenvalue",
        source="Section 5, bound on h",
        statement="It suffices to respect that step size for the largest eigenvalue, as the paper words it.",
        check=no_counterexample("theory-stable-step-largest"),
    ),
    Claim(
        id="momentum-interval",
        source="Section 4, interval I",
        statement="A small negative momentum shrinks an eigenvalue exactly when the step size lies in the printed interval.",
        check=no_counterexample("theory-momentum-interval"),
    ),
    Claim(
        id="best-momentum-negative",
        source="Section 4",
        statement="The best momentum of an eigenvalue that is not real is negative, with a step size above that of plain steps.",
        check=no_counterexample("theory-best-momentum"),
    ),
    Claim(
        id="momentum-expansion",
        source="Section 4, expansions of mu+ and mu-",
        statement="mu+ = 1 - eta lambda - beta eta lambda / (1 - eta lambda), mu- = beta / (1 - eta lambda), to O(beta^2).",
        check=no_counterexample("theory-momentum-expansion"),
    ),
    Claim(
        id="consensus-lowers-the-ratio",
        source="Section 5",
        statement="A larger gamma (0, 0.1, 1) lowers the largest ratio of imaginary to real part of the eigenvalues of M + gamma "
        "M'M.",
        check=no_counterexample("theory-consensus-ratio"),
    ),
)

LIMITING_CLAIMS = decided_on(
    "500 random local games of 3 + 3 variables, 3 seeds, scale small",
    Claim(
        id="one-limiting-eigenvalue",
        source="Section 4, condition 1",
        statement="With one limiting eigenvalue lambda_1 the best step size is Re(1 / lambda_1), in I(lambda_1), and a small "
        "negative momentum lowers the spectral radius there.",
        check=no_counterexample("theory-one-limiting", "theory-limiting"),
    ),
    Claim(
        id="several-limiting-eigenvalues",
        source="Section 4, condition 2",
        statement="With several limiting eigenvalues whose intervals I all hold the best step size, a small negative momentum "
        "lowers the spectral radius there.",
        check=no_counterexample("theory-several-limiting", "theory-limiting"),
    ),
    Claim(
        id="wide-argument-in-interval",
        source="Section 4, condition 2",
        statement="Where |arg lambda_1| > pi/4 the best step size lies in I(lambda_1).",
        check=no_counterexample("theory-wide-argument", "theory-limiting"),
    ),
    Claim(
        id="wide-argument-helps",
        source="Section 4, condition 2 as worded",
        statement="Where |arg lambda_1| > pi/4 a small negative momentum lowers the spectral radius at the best step size.",
        check=no_counterexample("theory-wide-argument-helps", "theory-limiting"),
    ),
)
