"""Records to verdicts: every claim of a suite, decided at the largest scale whose records allow it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from optathlon.judge.evidence import Evidence, FailedRuns, MissingEvidence
from optathlon.spec import Claim, Ruling, RunRecord, Scale, Suite, Verdict


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A claim with its verdict, and the scale, machine and device whose records decided it (empty when not tested)."""

    suite: str
    claim: Claim
    verdict: Verdict
    scale: str
    machine: str
    device: str = ""

    @property
    def place(self) -> str:
        """The machine, with the device where that is not the CPU."""
        return self.machine if self.device in ("", "cpu") else f"{self.machine}, {self.device}"


def judge(suite: Suite, records: Iterable[RunRecord]) -> list[Judgement]:
    """Rule on every claim of a suite.

    A claim is decided at the largest scale, from its own on, whose records allow it; among machines and their devices, by those
    with most records at that scale. Scales, machines and devices are never mixed in one verdict. A claim is tested only where
    every workload that it names, of those declared at that scale, was run. Runs with less than the paper's budget rule nothing:
    their figure stands beside "not tested at the paper's budget".
    """
    groups: dict[tuple[Scale, str, str], list[RunRecord]] = {}
    for record in records:
        if record.cell.suite == suite.name and record.cell.suite_version == suite.version:
            cell = record.cell
            groups.setdefault((cell.scale, cell.environment.place, cell.device), []).append(record)
    ranked = sorted(groups, key=lambda group: (-group[0].order, -len(groups[group]), *group[1:]))
    evidence = {group: Evidence(tuple(groups[group]), *declared_at(suite, group[0])) for group in ranked}
    return [_judge_claim(suite.name, claim, evidence) for claim in suite.claims]


def declared_at(suite: Suite, scale: Scale) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Return the workloads of a scale with the methods that take part in each, and the names of the workloads of other scales."""
    here = [workload for workload in suite.workloads if workload.scale is scale]
    declared = {w.name: frozenset(m.name for m in suite.methods if w.invites(m)) for w in here}
    return declared, frozenset(w.name for w in suite.workloads if w.scale is not scale)


def _judge_claim(suite: str, claim: Claim, evidence: Mapping[tuple[Scale, str, str], Evidence]) -> Judgement:
    reason = f"needs a run at scale {claim.scale}"
    for (scale, place, device), group in evidence.items():
        if scale.order < claim.scale.order:
            continue
        try:
            verdict = claim.check(group)
        except (MissingEvidence, KeyError) as missing:
            reason = f"at scale {scale}: {missing}"
            continue
        except FailedRuns as failed:
            verdict = Verdict(ruling=Ruling.INCONCLUSIVE, measured=f"a run that it needs failed: {failed}")
        except Exception as error:  # one faulty check must not take the board with it
            verdict = Verdict(ruling=Ruling.INCONCLUSIVE, measured=f"the check failed: {type(error).__name__}: {error}")
        if claim.reduced and verdict.ruling is not Ruling.NOT_TESTED:
            measured = f"with {claim.reduced}, where it would be {verdict.ruling}: {verdict.measured}"
            verdict = Verdict(ruling=Ruling.REDUCED, measured=measured, figures=verdict.figures)
        if verdict.ruling is not Ruling.NOT_TESTED:
            return Judgement(suite=suite, claim=claim, verdict=verdict, scale=str(scale), machine=place, device=device)
    return Judgement(suite=suite, claim=claim, verdict=Verdict(ruling=Ruling.NOT_TESTED, measured=reason), scale="", machine="")
