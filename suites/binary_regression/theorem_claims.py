"""What the paper's theorems say, in our words, and how records decide it."""

from __future__ import annotations

from optathlon.judge.claims import all_of, decided_on, every_run, mean_within
from optathlon.spec import Claim, Scale

CONDITION_8 = "30 weights, 60 samples, 4 seeds of 20 trials that meet condition (8), scale small"
SCALED = "30 weights, 60 samples, columns' scales from 1 to 0.1, 10,000 steps, 3 seeds of 20 trials, scale small"
TIGHT = "30 weights, 60 samples, noise of sigma 0.3, the first of 20 trials of 10 seeds, scale medium"
ROBUST = "30 weights, 200 samples, GDA 10,000 steps from normal weights, 6 seeds of 10 trials at scale small, 10 of 75 at medium"

THEOREM_CLAIMS = (
    *decided_on(
        CONDITION_8,
        *(
            Claim(
                id=f"theorem3.1-recovery-{name}",
                source="Theorem III.1",
                statement=f"Where condition (8) holds, {name} recovers w* exactly, from normal weights in 10,000 steps.",
                reported="all",
                check=every_run("bit-error-rate", f"maximin-{name}-random", at_most=0.0, workloads="condition8-30x60"),
            )
            for name in ("gda", "ogda", "extragradient", "adam")
        ),
        Claim(
            id="theorem3.1-no-gap",
            source="Theorem III.1",
            statement="Where condition (8) holds there is no duality gap: the semidefinite bound is met by w*.",
            reported="p* = d*",
            check=every_run("tightness", "semidefinite-relaxation", at_least=1.0, workloads="condition8-30x60"),
        ),
        Claim(
            id="theorem3.1-saddle",
            source="Theorem III.1, with the sign of eq. 2",
            statement="Where condition (8) holds, extragradient ends within 1e-8 of w* and of z* = +diag(w*) X'e.",
            check=all_of(
                every_run("binary-distance", "maximin-extragradient", at_most=1e-8, workloads="condition8-30x60"),
                every_run("dual-error", "maximin-extragradient", at_most=1e-8, workloads="condition8-30x60"),
            ),
        ),
        Claim(
            id="theorem3.1-printed-sign",
            source="Theorem III.1, as printed",
            statement="The dual variables of that saddle point are z* = -diag(w*) X'e.",
            reported="-diag(w*) X'e",
            check=every_run("dual-error-as-printed", "maximin-extragradient", at_most=1e-2, workloads="condition8-30x60"),
        ),
    ),
    *decided_on(
        SCALED,
        *(
            Claim(
                id=f"corollary2.4-{name}-{kind}",
                source="Corollary II.4 and Theorem III.1",
                statement=f"Where condition (8) holds and the columns' scales run from 1 to 0.1, {name} from random weights "
                f"recovers w* exactly, {what}.",
                check=every_run("bit-error-rate", f"maximin-{name}-{kind}", at_most=0.0, workloads="scaled-30x60"),
                basis="stated" if kind == "random" else "fitted",
            )
            for kind, what in (
                ("random", "all z with one step size"),
                ("columns", "each z with a short step in proportion to its column"),
            )
            for name in ("gda", "ogda", "extragradient")
        ),
        Claim(
            id="corollary2.4-slow-ascent",
            source="Corollary II.4 (GDA-infinity)",
            statement="Ten times slower ascent keeps extragradient from the wrong limit points: exact recovery.",
            check=every_run("bit-error-rate", "maximin-extragradient-slow", at_most=0.0, workloads="scaled-30x60"),
        ),
        Claim(
            id="corollary2.4-fast-ascent",
            source="Corollary II.4 (GDA-infinity)",
            statement="Four times faster ascent keeps extragradient from them too: exact recovery.",
            check=every_run("bit-error-rate", "maximin-extragradient-fast", at_most=0.0, workloads="scaled-30x60"),
        ),
    ),
    *decided_on(
        TIGHT,
        *(
            Claim(
                id=f"tight-{method}",
                source=source,
                statement=f"Where the semidefinite relaxation is tight, {what} ends at the global optimum (gap at most 1e-4).",
                check=every_run("objective-gap", method, at_most=1e-4, workloads="tight-30x60"),
                scale=Scale.MEDIUM,
            )
            for method, source, what in (
                ("maximin-gda", "Section II and Fig. 1", "MAXIMIN by GDA, averaged,"),
                ("maximin-extragradient", "Section II and Fig. 1", "MAXIMIN by extragradient"),
                ("message-passing", "not in the paper", "approximate message passing"),
                ("tabu", "not in the paper", "tabu search"),
            )
        ),
    ),
    Claim(
        id="theorem4.1-no-gap",
        source="Theorem IV.1",
        statement="Where conditions (11) to (13) hold the Huber loss has no duality gap: d*, the optimum in the box, is "
        "p* (10 weights, 100 samples, 5 seeds of 20 trials, scale small).",
        reported="p* = d*",
        check=mean_within("huber-duality-gap", "box-relaxation-huber", at_most=1e-6, workloads="robust-10x100"),
    ),
    Claim(
        id="theorem3.2-any-noise",
        source="Theorem III.2",
        statement="For standard Gaussian features p* = d* with high probability, whatever the noise: at sigma 3 "
        "(30 weights, 60 samples, 10 seeds of 20 trials, scale small).",
        reported="probability 1 - 13 n sqrt(2/pi) exp(-m/8) = 0.828 at n = 30, m = 60",
        check=mean_within("tightness", "semidefinite-relaxation", at_least=0.828, workloads="standard-30x60-sigma3"),
    ),
    *decided_on(
        ROBUST,
        Claim(
            id="theorem4.2-outliers",
            source="Theorem IV.2",
            statement="With 30 % of the samples off by 100 and no other noise, robust MAXIMIN recovers w* with probability at "
            "least 0.995.",
            reported="1 - 5 n sqrt(m/pi) exp(-m/16) = 0.995 at n = 30, m = 200",
            check=mean_within("recovered", "maximin-l1-random", at_least=0.995, workloads="outliers-30x200*"),
        ),
    ),
)
