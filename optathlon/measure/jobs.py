"""The cells that a run consists of, as jobs with their limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from optathlon.measure.job import Job
from optathlon.measure.plan import plan_cell
from optathlon.spec import RunRecord, Scale, Status, Suite
from optathlon.store import ABSENT


def plan_jobs(
    suite: Suite,
    scale: Scale,
    *,
    workloads: Sequence[str] = ("*",),
    methods: Sequence[str] = ("*",),
    device: str = "cpu",
    machine: str | None = None,
    seeds: int | None = None,
    timeout: float | None = None,
    memory: int | None = None,
) -> Iterator[list[Job]]:
    """Yield the jobs of each cell that takes part, one per seed.

    Parameters
    ----------
    suite, scale
        What is run.
    workloads, methods : sequences of str
        Names, globs accepted.
    device, machine : str
        Where, and under which name.
    seeds : int, optional
        Instances per workload; each workload's own number by default.
    timeout, memory : float, int, optional
        Seconds and bytes per cell instead of the workload's own.
    """
    for workload in suite.workloads:
        if workload.scale is not scale or not any(fnmatchcase(workload.name, pattern) for pattern in workloads):
            continue
        for method in suite.methods:
            chosen = any(fnmatchcase(method.name, pattern) for pattern in methods)
            if not (chosen and workload.invites(method) and device in method.devices):
                continue
            cell = plan_cell(suite, workload, method, device, machine=machine)
            limits = (timeout or workload.budget, memory or workload.memory)
            yield [Job(suite, workload, method, cell, seed, *limits) for seed in range(seeds or workload.seeds)]


def deserves_another_try(record: RunRecord, job: Job) -> bool:
    """Return whether a record was ended by a limit that is higher now, or by something that may be mended or here now."""
    if record.status in (*ABSENT, Status.ERROR, Status.CRASHED):
        return True  # once in each run
    now = {Status.TIMEOUT: job.timeout, Status.OUT_OF_MEMORY: job.memory}.get(record.status)
    return now is not None and record.limit is not None and now > record.limit
