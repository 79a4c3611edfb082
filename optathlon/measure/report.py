"""What a cell said through its pipe, taken for a record only where it can be one; otherwise what must have happened."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from optathlon.measure import environment
from optathlon.measure.clock import thin
from optathlon.measure.job import Job
from optathlon.spec import RunRecord, Status, TracePoint
from optathlon.spec.text import clean
from optathlon.store.encoding import check_run, encode_run

# What a cell may say of itself; the rest of a record its parent knows better.
_TOLD = ("status", "scores", "seconds", "cpu_seconds", "peak_memory", "gpu_memory", "sections", "trace", "exhibits", "reason")


@dataclass
class Report:
    """The lines of one cell."""

    points: list[TracePoint] = field(default_factory=list)
    run: Any = None
    end: Mapping[str, Any] = field(default_factory=dict)
    begun: bool = False
    forged: bool = False


def parse(received: bytes | bytearray, word: bytes) -> Report:
    """Read the lines behind the word; a torn last line is dropped, any other line without it is somebody else's."""
    report = Report()
    for line in received.split(b"\n")[:-1]:
        try:
            message = orjson.loads(line[len(word) :]) if line.startswith(word) else None
        except (orjson.JSONDecodeError, RecursionError):
            message = None
        if not isinstance(message, dict):
            report.forged = True
        elif "point" in message:
            report.points.append(tuple(message["point"]))
        elif "begun" in message:
            report.forged, report.begun = report.forged or report.begun, True
        elif "end" in message:
            report.end = message["end"]
        else:
            report.run = message.get("run")
    return report


def record_of(job: Job, report: Report, said: str, *, timed_out: bool, status: int) -> RunRecord:
    """Return the record of an ended cell.

    Parameters
    ----------
    job : Job
        What was run: suite, method, seed and limits are taken from here alone.
    report : Report
        What it told.
    said : str
        The tail of its output.
    timed_out : bool
        Whether it was stopped at its limit.
    status : int
        How its guardian ended, as `os.waitpid` gives it.
    """
    if timed_out:
        return _without_run(job, report, said, status, timed_out=True)
    if report.forged:
        return failed(job, Status.CRASHED, f"something but the harness wrote to its pipe{_tail(said)}")
    if report.run is None:
        return _without_run(job, report, said, status)
    if not report.end:
        return failed(job, Status.CRASHED, f"its guardian was ended, so that nobody kept its limits{_tail(said)}")
    try:
        record = _believed(job, report.run, said)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        return failed(job, Status.CRASHED, f"its report is no record: {error}"[:500])
    notes = [f"left in /dev/shm: {', '.join(map(str, names))}"] if (names := report.end.get("shared")) else []
    held = report.end.get("held")
    if record.peak_memory is not None and isinstance(held, int) and held > record.peak_memory:
        record = replace(record, peak_memory=held)  # with its children, whose memory it does not see itself
    return replace(record, reason=clean("\n".join(filter(None, (record.reason, *notes)))))


def _believed(job: Job, run: Mapping[str, Any], said: str) -> RunRecord:
    """Return the record that a cell's own account makes, checked as the reader of its file will check it."""
    told = {name: run[name] for name in _TOLD}
    status = Status(told["status"])
    if status is not Status.OK:
        told["reason"] = f"{told['reason']}{_tail(said)}"
    trace = tuple(tuple(point) for point in told["trace"])
    limit = job.memory if status is Status.OUT_OF_MEMORY else None
    base = failed(job, status, "")
    record = replace(base, **told | {"status": status, "trace": trace, "limit": limit})
    check_run(job.cell, orjson.loads(orjson.dumps(encode_run(record))))
    return record


def _without_run(job: Job, report: Report, said: str, status: int, *, timed_out: bool = False) -> RunRecord:
    """Return the record of a cell that left none."""
    width = 2 + len(job.cell.traced)
    points = [point for point in report.points if len(point) == width and all(map(_is_finite, point))]
    return replace(_explain(job, report, said, status, timed_out), trace=thin(points))


def _explain(job: Job, report: Report, said: str, status: int, timed_out: bool) -> RunRecord:
    end = report.end
    if timed_out and not report.begun:  # not the method's fault: the next run tries again
        return failed(job, Status.CRASHED, f"stopped before the method had begun{_tail(said)}")
    if timed_out:
        return replace(failed(job, Status.TIMEOUT, f"stopped after {job.timeout:g} s{_tail(said)}"), limit=job.timeout)
    over = "over" in end or "bad_alloc" in said or "MemoryError" in said
    if over:
        reason = f"beyond the limit of {job.memory / 2**20:.0f} MiB{_tail(said)}"
        return replace(failed(job, Status.OUT_OF_MEMORY, reason), limit=job.memory)
    if end.get("stopped") is not None:
        what = "was told to stop" if not end["stopped"] else "was stopped, for the thread or process that had started it was gone"
        return failed(job, Status.CRASHED, f"{what}{_tail(said)}")
    if not isinstance(end.get("status"), int):
        return failed(job, Status.CRASHED, f"its guardian ended {how(status)}{_tail(said)}")
    return failed(job, Status.CRASHED, f"ended {how(end['status'])} before its record{_tail(said)}")


def how(status: int) -> str:
    """Return how a process ended, in words: real-time signals have numbers only."""
    if not os.WIFSIGNALED(status):
        return f"with exit code {os.waitstatus_to_exitcode(status)}"
    number = os.WTERMSIG(status)
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"SIGRTMIN+{number - signal.SIGRTMIN}" if signal.SIGRTMIN <= number <= signal.SIGRTMAX else "no name"
    return f"by signal {number} ({name})"


def failed(job: Job, status: Status, reason: str) -> RunRecord:
    """Return a record without scores."""
    commit, dirty = environment.commit()
    finished = datetime.now(UTC).isoformat(timespec="milliseconds")
    return RunRecord(
        cell=job.cell, seed=job.seed, status=status, reason=clean(reason), commit=commit, dirty=dirty, finished=finished
    )


def _tail(said: str) -> str:
    return f"\nstderr:\n{said}" if said else ""


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
