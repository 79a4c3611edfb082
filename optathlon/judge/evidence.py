"""The evidence of one suite at one scale on one machine, as a claim's check sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property

import numpy as np

from optathlon.judge.intervals import unit_of
from optathlon.spec import QUIET, RunRecord, Status

Patterns = str | Sequence[str]
RUN_FIELDS = {"seconds": "s", "cpu_seconds": "s", "peak_memory": "B", "gpu_memory": "B"}
ABSENT = (Status.NEEDS_DATA, Status.NEEDS_DEVICE)
BESIDE = 2.0  # at least so many times slower may a run be beside another one


def is_busy(jobs: int | None, busy: float | None) -> bool:
    """Return whether a run shared its machine: other cells beside it, or a probe that took longer than on the quiet machine."""
    return (jobs or 1) > 1 or (busy or 1.0) > QUIET


def load_of(jobs: int | None, busy: float | None) -> float:
    """Return how many times slower than when quiet the machine of a run was, by its probe; 1 where it was quiet."""
    return max(busy or 1.0, BESIDE if (jobs or 1) > 1 else 1.0) if is_busy(jobs, busy) else 1.0


class MissingEvidence(Exception):
    """The records do not hold what a check needs; the message says what."""


class FailedRuns(Exception):
    """Runs that a check needs ended in a failure; the message says which."""


@dataclass(frozen=True)
class Evidence:
    """The records of one suite, one scale, one machine and one device, as a claim's check sees them.

    Attributes
    ----------
    records : tuple of RunRecord
        All of them, failures included.
    declared : mapping
        Workload to the methods that take part in it, as the suite declares them at this scale: a claim that names a workload is
        not tested where its runs are missing. Without it, what was run is all there is.
    elsewhere : frozenset of str
        Workloads of the other scales: a claim that names the reduced and the published ones is tested on those of this scale.
    """

    records: tuple[RunRecord, ...]
    declared: Mapping[str, frozenset[str]] | None = field(default=None, hash=False)
    elsewhere: frozenset[str] = frozenset()

    @cached_property
    def _units(self) -> dict[str, str]:
        return {}

    @cached_property
    def _by_method(self) -> dict[str, list[RunRecord]]:
        found: dict[str, list[RunRecord]] = {}
        for record in self.records:
            found.setdefault(record.cell.method, []).append(record)
        return found

    def workloads(self, patterns: Patterns, *methods: str) -> list[str]:
        """Return the workloads that match, and in which all `methods` take part.

        Raises
        ------
        MissingEvidence
            If none does, a name that is no pattern is not among them, or a method has no run on one of them.
        """
        patterns = (patterns,) if isinstance(patterns, str) else tuple(patterns)
        ran = {method: {r.cell.workload for r in self._by_method.get(method, ()) if r.status not in ABSENT} for method in methods}
        known = self.declared
        if known is None:
            known = {name: frozenset(m for m in methods if name in ran[m]) for runs in ran.values() for name in runs}
        named = [
            name
            for name, invited in known.items()
            if invited.issuperset(methods) and any(fnmatchcase(name, pattern) for pattern in patterns)
        ]
        names = {*named, *self.elsewhere}
        missing = [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in names)]
        if missing or not named:
            raise MissingEvidence(f"no run of {' and '.join(methods)} on {' or '.join(missing or patterns)}")
        for name in named:
            lacking = [method for method in methods if name not in ran[method]]
            if lacking:
                raise MissingEvidence(f"no run of {' and '.join(lacking)} on {name}")
        return sorted(named)

    def runs(self, method: str, workloads: Patterns = "*") -> list[RunRecord]:
        """Return the runs of `method` on the workloads whose names match, whatever their status; MissingEvidence if none."""
        names = set(self.workloads(workloads, method))
        return [record for record in self._by_method[method] if record.cell.workload in names]

    def scores(self, metric: str, method: str, workloads: Patterns = "*") -> dict[tuple[str, int], float]:
        """Return the values of a metric, or of a run's field such as ``"seconds"``, by (workload, seed).

        Seconds of a busy machine count only where there are no others.

        Raises
        ------
        MissingEvidence
            If no run, or no run with that metric, is there.
        FailedRuns
            If a run failed: a mean over the survivors would flatter the method.
        """
        values: dict[tuple[str, int], float] = {}
        calm: dict[tuple[str, int], float] = {}
        for run in self.runs(method, workloads):
            if run.status in ABSENT:
                continue
            if run.status is not Status.OK:
                raise FailedRuns(f"{method} on {run.cell.workload}, seed {run.seed}: {run.status}")
            value = getattr(run, metric) if metric in RUN_FIELDS else run.scores.get(metric)
            if value is not None:
                values[run.cell.workload, run.seed] = float(value)
                if not is_busy(run.jobs, run.busy):
                    calm[run.cell.workload, run.seed] = float(value)
        if not values:
            raise MissingEvidence(f"no {metric} of {method} on {workloads}")
        return calm if calm and self.unit(metric) == "s" else values

    def load(self, method: str, workloads: Patterns) -> float:
        """Return how many times slower than when quiet the machine was under the runs whose seconds count, by its probe."""
        runs = [run for run in self.runs(method, workloads) if run.status is Status.OK]
        if any(not is_busy(run.jobs, run.busy) for run in runs):
            return 1.0
        return float(np.median([load_of(run.jobs, run.busy) for run in runs]))

    def unit(self, metric: str) -> str:
        """Return the unit of a metric, as far as the scores bear it out, or of a run's field."""
        if metric not in RUN_FIELDS and metric not in self._units:
            unit = next((info.unit for record in self.records for info in record.cell.metrics if info.name == metric), "")
            self._units[metric] = unit_of(
                unit, [np.array([r.scores[metric] for r in self.records if r.scores.get(metric) is not None], dtype=float)]
            )
        return RUN_FIELDS.get(metric) or self._units[metric]

    def trials(self, workloads: Patterns = "*") -> int:
        """Return how many independent trials each run of the workloads averages, at least."""
        patterns = (workloads,) if isinstance(workloads, str) else tuple(workloads)
        found = [r.cell.trials for r in self.records if any(fnmatchcase(r.cell.workload, pattern) for pattern in patterns)]
        return min(found, default=1)

    def mean(self, metric: str, method: str, workloads: Patterns = "*") -> float:
        """Return the mean over workloads and seeds."""
        return float(np.mean(list(self.scores(metric, method, workloads).values())))
