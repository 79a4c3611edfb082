"""Processes of a named arithmetic: libraries choose their kernels when they are loaded, so each needs a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optathlon.cli.common import SUITE_PATHS, UsageError, registry

if TYPE_CHECKING:
    from optathlon.measure import Job
    from optathlon.spec import RunRecord


def restart_under(name: str) -> None:
    """Start this command anew in the arithmetic of that name, unless it is in it already; never returns then.

    Raises
    ------
    UsageError
        No arithmetic is called so, or this processor has it not.
    """
    from optathlon.measure import arithmetic

    known = {arithmetic.NATIVE: {}, arithmetic.PORTABLE: arithmetic.AVX2}
    if name not in known:
        raise UsageError(f"--arithmetic must be native or portable, got {name!r}")
    if arithmetic.name() == name:
        return
    if not arithmetic.kernels(known[name]):
        raise UsageError(f"--arithmetic {name} cannot be had on this processor")
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], arithmetic.environment_under(known[name]))


def run_under(pins: Mapping[str, str], jobs: Sequence[Job]) -> list[RunRecord]:
    """Run cells in a process of its own with these pins, one at a time, and return their records in the order of the jobs.

    The process finds suites as this command does, by name; it leaves its records in a folder that is read and removed.

    Raises
    ------
    ChildProcessError
        The process ended without a record of every job; the message holds what it said last.
    """
    from optathlon.measure import arithmetic
    from optathlon.store import RecordError, scan, to_records

    with tempfile.TemporaryDirectory() as folder:
        wanted = [
            {
                "suite": job.suite.name,
                "workload": job.workload.name,
                "method": job.method.name,
                "device": job.cell.device,
                "machine": job.cell.environment.machine,
                "seed": job.seed,
                "timeout": job.timeout,
                "memory": job.memory,
            }
            for job in jobs
        ]
        ended = subprocess.run(
            [sys.executable, "-m", "optathlon.cli.pinned", folder, *map(str, SUITE_PATHS)],
            input=json.dumps(wanted),
            env=arithmetic.environment_under(pins),
            text=True,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        found = {
            (record.cell.suite, record.cell.workload, record.cell.method, record.cell.device, record.seed): record
            for group in scan(Path(folder))
            if not isinstance(group, RecordError)
            for record in to_records(group)
        }
    try:
        return [found[job.suite.name, job.workload.name, job.method.name, job.cell.device, job.seed] for job in jobs]
    except KeyError as missing:
        last = ended.stderr.strip().splitlines()[-1:] or [f"exit code {ended.returncode}"]
        raise ChildProcessError(f"no record of {missing} from a process in another arithmetic: {last[0]}") from None


def _serve(folder: Path, wanted: Iterable[Mapping[str, object]]) -> None:
    """Run the jobs asked for and leave their records in a folder: the other side of `run_under`."""
    from optathlon.measure import Job, plan_cell, run_jobs
    from optathlon.store import save

    jobs = []
    for one in wanted:
        suite = registry().load(str(one["suite"]))
        workload, method = suite.workload(str(one["workload"])), suite.method(str(one["method"]))
        cell = plan_cell(suite, workload, method, str(one["device"]), machine=str(one["machine"]))
        jobs.append(Job(suite, workload, method, cell, int(one["seed"]), float(one["timeout"]), int(one["memory"])))  # type: ignore[call-overload, arg-type]
    for record in run_jobs(jobs):
        save(folder, record)


if __name__ == "__main__":
    from optathlon.threads import fix_threads

    fix_threads()
    SUITE_PATHS[:] = map(Path, sys.argv[2:])
    _serve(Path(sys.argv[1]), json.load(sys.stdin))
