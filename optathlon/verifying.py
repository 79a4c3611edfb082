"""Run recorded cells again and say whether they still give what was published."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from optathlon import scoring
from optathlon.isolation import Job, run_jobs
from optathlon.records import Group, RecordError, to_records
from optathlon.running import plan_cell
from optathlon.spec import Cell, Method, RunRecord, Status, Suite, Workload


class Finding(NamedTuple):
    """One comparison of a recorded number or status with a new one."""

    cell: str
    seed: str
    what: str
    recorded: str
    now: str
    rule: str
    agrees: bool


def refused(error: RecordError) -> Finding:
    """Return the finding for a file that cannot be trusted."""
    return Finding("", "", "file", str(error), "", "every record file must be readable", False)


def verify_group(suite: Suite, group: Group, machine: str | None = None, seeds: int | None = None) -> Iterator[Finding]:
    """Run the recorded seeds of a cell again and yield a finding per number.

    On the machine and versions of the record, on the CPU, every repeatable score must be the same to the last bit. Elsewhere
    the mean over the seeds run again must lie in the interval that the record's seeds span; a cell with one seed or free of
    chance must agree to 1e-6 relative.

    Parameters
    ----------
    suite : Suite
        The declaration as it is now.
    group : Group
        The record.
    machine : str, optional
        Name of this machine.
    seeds : int, optional
        At most so many of the recorded seeds.
    """
    old = group.cell
    address = f"{old.suite} {old.workload} {old.method} {old.device}"
    try:
        workload, method = suite.workload(old.workload), suite.method(old.method)
    except KeyError as gone:
        yield Finding(address, "", "declaration", "declared", str(gone.args[0]), "the cell must still be declared", False)
        return
    recorded = to_records(group)[:seeds]
    now = plan_cell(suite, workload, method, old.device, machine=machine)
    yield from _compare_declarations(address, old, now)
    jobs = [_job(suite, workload, method, now, record) for record in recorded]
    again = {record.seed: record for record in run_jobs(jobs)}
    exactly = _same_conditions(old, now)
    for record in recorded:
        new = again[record.seed]
        changed = "" if exactly or old.key == now.key else " (conditions differ)"
        yield Finding(
            address,
            str(record.seed),
            "status",
            str(record.status),
            f"{new.status}: {new.reason.splitlines()[-1]}" if new.reason else str(new.status),
            f"same status{changed}",
            new.status is record.status,
        )
    pairs = [(r, again[r.seed]) for r in recorded if r.status is Status.OK and again[r.seed].status is Status.OK]
    for metric in suite.metrics_of(workload):
        if metric.repeatable and any(metric.name in run.scores for pair in pairs for run in pair):
            yield from _compare_metric(address, metric.name, pairs, exactly, exact_cell=old.exact)


def _job(suite: Suite, workload: Workload, method: Method, cell: Cell, record: RunRecord) -> Job:
    """Return the job that repeats a run: under its limit where that ended it, else with room for ten times its seconds."""
    timeout, memory = max(workload.budget, 10 * (record.seconds or 0.0)), workload.memory
    if record.limit is not None and record.status is Status.TIMEOUT:
        timeout = record.limit
    elif record.limit is not None:
        memory = int(record.limit)
    return Job(suite, workload, method, cell, record.seed, timeout, memory)


def _compare_declarations(address: str, old: Cell, now: Cell) -> Iterator[Finding]:
    """Yield a finding for each declared field that the record tells otherwise: a score means nothing under another meaning."""
    for name in ("suite_version", "scale", "settings", "metrics", "target", "exact", "reference_method"):
        was, is_now = getattr(old, name), getattr(now, name)
        if was != is_now:
            yield Finding(address, "", name, str(was), str(is_now), "the declaration must be the recorded one", False)


def _same_conditions(old: Cell, now: Cell) -> bool:
    """Return whether the promise of bitwise equality holds: same machine, versions and threads, on the CPU."""
    here, there = now.environment, old.environment
    same = (here.machine, here.cpu, here.versions, here.threads) == (there.machine, there.cpu, there.versions, there.threads)
    return same and old.device == "cpu"


def _compare_metric(
    address: str, metric: str, pairs: list[tuple[RunRecord, RunRecord]], exactly: bool, *, exact_cell: bool
) -> Iterator[Finding]:
    if exactly:
        for old, new in pairs:
            if metric in old.scores or metric in new.scores:
                was, now = old.scores.get(metric, math.nan), new.scores.get(metric, math.nan)
                yield Finding(address, str(old.seed), metric, repr(was), repr(now), "equal to the last bit", was == now)
        return
    was = [old.scores[metric] for old, _ in pairs if metric in old.scores]
    now = [new.scores[metric] for old, new in pairs if metric in old.scores and metric in new.scores]
    if len(was) != len(now):
        yield Finding(address, "all", metric, f"{len(was)} values", f"{len(now)} values", "as many values", False)
        return
    interval = scoring.mean_interval(was)
    mean = sum(now) / len(now)
    if len(was) == 1 or exact_cell:
        agrees = math.isclose(mean, interval.mean, rel_tol=1e-6, abs_tol=1e-12)
        rule = "1e-6 relative"
    else:
        agrees = interval.low <= mean <= interval.high or math.isclose(mean, interval.mean, rel_tol=1e-6)
        rule = f"in [{interval.low:.6g}, {interval.high:.6g}]"
    yield Finding(address, "all", metric, f"{interval.mean:.6g}", f"{mean:.6g}", rule, agrees)
