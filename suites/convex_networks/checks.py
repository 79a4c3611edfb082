"""The checks of this suite's claims beside those of `optathlon.judge.claims`."""

from __future__ import annotations

from scipy.stats import binomtest

from optathlon.judge.claims import Check, Evidence, MissingEvidence
from optathlon.spec import Ruling, Verdict

SLIDES, REVIEW = "Convex optimization for neural networks", "Literature review"


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
