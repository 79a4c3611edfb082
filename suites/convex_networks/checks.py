"""The checks of this suite's claims beside those of `optathlon.judge.claims`."""

from __future__ import annotations

from statistics import median

from optathlon.judge.claims import Check, Evidence, MissingEvidence
from optathlon.judge.intervals import proportion_interval
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
    """Claim that `method` mostly finishes before `other` is within `level` of it, by the traces' seconds.

    The exact interval of the share of all runs decides, and no workload may say the contrary: unlike ones do not make up for each
    other.
    """

    def check(evidence: Evidence) -> Verdict:
        ours_at = evidence.scores("objective-gap", method, workloads)
        evidence.scores("objective-gap", other, workloads)  # as above: where a run of either failed, nobody was sooner
        finished = {(run.cell.workload, run.seed): run.seconds for run in evidence.runs(method, workloads)}
        ratios: dict[str, list[float]] = {}
        for run in evidence.runs(other, workloads):
            at = run.cell.workload, run.seed
            seconds = finished.get(at)
            if at not in ours_at or not seconds or not run.trace:
                continue
            arrived = next((when for _, when, gap in run.trace if gap <= ours_at[at] + level), float("inf"))
            ratios.setdefault(run.cell.workload, []).append(arrived / seconds)
        if not ratios:
            raise MissingEvidence(f"no traces of {other} beside {method}")
        every = sorted(ratio for some in ratios.values() for ratio in some)
        wins = sum(ratio > 1 for ratio in every)
        denials = sum(sum(ratio > 1 for ratio in some) * 2 < len(some) for some in ratios.values())
        share = proportion_interval(wins, len(every))
        ruling = Ruling.CONTRADICTED if share.high < 0.5 else Ruling.INCONCLUSIVE
        if share.low >= 0.5 and not denials:
            ruling = Ruling.REPRODUCED
        arrivals = sum(ratio < float("inf") for ratio in every)
        measured = (
            f"{method} first in {wins} of {len(every)}, mostly so on {len(ratios) - denials} of {len(ratios)} workloads; "
            f"{other} arrives in {arrivals}, median ratio {median(every):.3g}"
        )
        return Verdict(ruling=ruling, measured=measured)

    return check
