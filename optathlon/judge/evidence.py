"""The evidence of one suite at one scale on one machine, as a claim's check sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from optathlon.spec import RunRecord, Status

Patterns = str | Sequence[str]
RUN_FIELDS = ("seconds", "cpu_seconds", "peak_memory", "gpu_memory")


class MissingEvidence(Exception):
    """The records do not hold what a check needs; the message says what."""


class FailedRuns(Exception):
    """Runs that a check needs ended in a failure; the message says which."""


@dataclass(frozen=True)
class Evidence:
    """The records of one suite, one scale and one machine, as a claim's check sees them.

    Attributes
    ----------
    records : tuple of RunRecord
        All of them, failures included.
    """

    records: tuple[RunRecord, ...]

    def runs(self, method: str, workloads: Patterns = "*") -> list[RunRecord]:
        """Return the runs of `method` on the workloads whose names match, whatever their status; MissingEvidence if none."""
        patterns = (workloads,) if isinstance(workloads, str) else tuple(workloads)
        found = [
            record
            for record in self.records
            if record.cell.method == method and any(fnmatchcase(record.cell.workload, pattern) for pattern in patterns)
        ]
        if not found:
            raise MissingEvidence(f"no run of {method} on {' or '.join(patterns)}")
        return found

    def scores(self, metric: str, method: str, workloads: Patterns = "*") -> dict[tuple[str, int], float]:
        """Return the values of a metric, or of a run's field such as ``"seconds"``, by (workload, seed).

        Raises
        ------
        MissingEvidence
            If no run, or no run with that metric, is there.
        FailedRuns
            If a run failed: a mean over the survivors would flatter the method.
        """
        values = {}
        for run in self.runs(method, workloads):
            if run.status in (Status.NEEDS_DATA, Status.NEEDS_DEVICE):
                continue
            if run.status is not Status.OK:
                raise FailedRuns(f"{method} on {run.cell.workload}, seed {run.seed}: {run.status}")
            value = getattr(run, metric) if metric in RUN_FIELDS else run.scores.get(metric)
            if value is not None:
                values[run.cell.workload, run.seed] = float(value)
        if not values:
            raise MissingEvidence(f"no {metric} of {method} on {workloads}")
        return values

    def mean(self, metric: str, method: str, workloads: Patterns = "*") -> float:
        """Return the mean over workloads and seeds."""
        return float(np.mean(list(self.scores(metric, method, workloads).values())))
