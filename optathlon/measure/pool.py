"""Cells in processes of their own: forked from a warm parent, with a time and a memory limit, so that a fault costs one cell.

The parent has imported what the methods need, so a fork costs milliseconds where a fresh interpreter costs seconds. It waits on
each cell's pipes and on its guardian's process descriptor with one selector, and has the guardian end the cell when its time is
over. What warms the parent up is tried in such a process first.
"""

from __future__ import annotations

import gc
import os
import selectors
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from optathlon.measure import busy, environment, guardian, warm
from optathlon.measure.cell import run_cell
from optathlon.measure.guardian import Process, Send
from optathlon.measure.job import Job
from optathlon.measure.report import failed, parse, record_of
from optathlon.spec import RunRecord, Status
from optathlon.threads import fix_threads

_LAST_LOOK = 1.0  # seconds since the last look at the machine after which a run looks once more at its end
PREPARE_SECONDS = 300.0  # that imports, a compilation, and making an instance may take
_BEGUN = b'{"begun":'
_GRACE = 2.0  # seconds that a guardian gets to end its cell
_STDERR_TAIL = 2000
_REPORT_BYTES = 32 * 2**20  # what a cell may say: exhibits are 64 KiB, a trace is thinned
_CHUNKS = 64
_TOLD = ("cell", "seed", "limit", "commit", "dirty", "finished", "jobs", "busy", "load")  # fields that the parent knows itself


@dataclass
class _Child:
    """A running cell: its process, what it has said so far, and when it must be over."""

    job: Job
    process: Process
    deadline: float
    busy: float  # the worst look at the machine since it began
    begun: bool = False  # whether the instance is there, so that the method's time runs
    received: bytearray = field(default_factory=bytearray)
    said: bytearray = field(default_factory=bytearray)
    open_pipes: set[int] = field(default_factory=set)
    stopping: bool = False
    timed_out: bool = False


def run_jobs(
    jobs: Iterable[Job], *, parallel: int = 1, tell: Callable[[str], None] = lambda line: None, alone: bool = False
) -> Iterator[RunRecord]:
    """Run cells, at most `parallel` at a time, and yield each record as its cell ends.

    Raises nothing for a fault of a cell: its record says what happened. Where the caller stops early, running cells are killed.

    Parameters
    ----------
    jobs : iterable of Job
        The cells, run in this order. The limit of each holds from when its instance is there: what a cold cache makes numba
        compile for it is nobody's time.
    parallel : int
        Cells at a time.
    tell : callable
        ``tell(line)`` is told what takes long before the first cell of a method starts.
    alone : bool
        This process has no other children: whatever falls to it, because a cell has killed its guardian, is ended.
    """
    waiting = list(jobs)[::-1]
    if waiting:
        guardian.require_kernel()
    if alone:
        guardian.adopt()
    with selectors.DefaultSelector() as selector:
        running: dict[int, _Child] = {}
        try:
            while True:
                if (waiting or running) and busy.due(len(running)):
                    _look(running)
                while waiting and len(running) < parallel:
                    if running and not _is_prepared(waiting[-1]):
                        break  # nobody would keep the time of the others meanwhile
                    job = waiting.pop()
                    refused = _prepare(job, tell)
                    if refused is not None:
                        yield refused
                        continue
                    child = _start(job, _cell_task(job))
                    running[child.process.descriptor] = child
                    _register(selector, child)
                if not running:
                    return
                for child in _wait(selector, running):
                    _unregister(selector, child)
                    del running[child.process.descriptor]
                    if not running and not waiting and busy.due(0, _LAST_LOOK):
                        _look({0: child})
                    record = _finish(child)
                    if alone:
                        guardian.end_strays([other.process.pid for other in running.values()])
                    yield replace(record, jobs=parallel, busy=child.busy, load=busy.load())
        finally:
            for child in running.values():
                guardian.stop(child.process)
                _reap(child)
            gc.unfreeze()


def _look(running: dict[int, _Child]) -> None:
    ratio = busy.look()
    for child in running.values():
        child.busy = max(child.busy, ratio)


_prepared: dict[tuple[object, str], RunRecord | None] = {}  # method and device to the record of its failure


def _is_prepared(job: Job) -> bool:
    return (job.method, job.cell.device) in _prepared


def _prepare(job: Job, tell: Callable[[str], None]) -> RunRecord | None:
    """Warm the parent up for a method; return a failed record where that itself fails.

    Code of ours and of plug-ins is tried in a process of its own first, for an import or a warm-up may end, block or change the
    process it runs in. CUDA cannot be used in a fork of a process that has started it, so cells on the GPU warm up on their own.
    """
    warm.load_libraries(job.suite, job.workload, job.method)
    at = (job.method, job.cell.device)
    if at not in _prepared:
        refused = None
        if warm.is_risky(job.method):
            if job.method.warm_up is not None:
                tell(f"preparing {job.method.name} (compiling may take a minute)")
            refused = _try_out(job)
        if refused is None:
            try:
                with warm.unchanged():
                    warm.load_modules(job.method) if job.cell.device == "cuda" else warm.prepare(job.method, job.cell.device)
            except (Exception, SystemExit) as error:
                refused = failed(job, Status.ERROR, f"{type(error).__name__}: {error}")
            fix_threads(1)
        _prepared[at] = refused
    refused = _prepared[at]
    if refused is None:
        return None
    return replace(failed(job, refused.status, f"warm-up of {job.method.name}: {refused.reason}"), limit=refused.limit)


def _try_out(job: Job) -> RunRecord | None:
    """Prepare a method in a process of its own under the cell's memory limit; return the record of its failure, or None."""

    def task(send: Send) -> None:
        warm.load_modules(job.method) if job.cell.device == "cuda" else warm.prepare(job.method, job.cell.device)
        send({"run": "prepared"})

    child = _start(job._replace(timeout=PREPARE_SECONDS), task)
    with selectors.DefaultSelector() as selector:
        _register(selector, child)
        while not _wait(selector, {child.process.descriptor: child}):
            continue
    status = _reap(child)
    report = parse(child.received, child.process.word)
    ended = report.end.get("status") == 0  # a guardian that was killed on the way says nothing
    if report.run == "prepared" and ended and not child.timed_out and not report.forged:
        return None
    said = child.said.decode(errors="replace").strip()
    report.run = None
    record = record_of(child.job, report, said, timed_out=child.timed_out, status=status)
    raised = record.status is Status.CRASHED and "exit code 1" in record.reason and "Traceback" in said
    return replace(record, status=Status.ERROR, reason=said.splitlines()[-1]) if raised else record


def _cell_task(job: Job) -> Callable[[Send], None]:
    def task(send: Send) -> None:
        record = run_cell(
            job.suite,
            job.workload,
            job.method,
            job.cell.device,
            job.seed,
            cell=job.cell,
            publish=lambda point: send({"point": point}),
            begin=lambda: send({"begun": True}),
        )
        run: dict[str, Any] = {name: getattr(record, name) for name in RunRecord.__dataclass_fields__ if name not in _TOLD}
        send({"run": run})

    return task


def _start(job: Job, task: Callable[[Send], None]) -> _Child:
    environment.commit()  # known before the fork, so that no child asks git again
    gc.freeze()  # keeps the collector of the child off the parent's pages
    process = guardian.start(task, job.memory)
    deadline = time.monotonic() + max(PREPARE_SECONDS, job.timeout)
    return _Child(job, process, deadline, busy.latest(), open_pipes={process.pipe, process.output})


def _register(selector: selectors.BaseSelector, child: _Child) -> None:
    for readable in (child.process.descriptor, *child.open_pipes):
        selector.register(readable, selectors.EVENT_READ, child)


def _unregister(selector: selectors.BaseSelector, child: _Child) -> None:
    for registered in (child.process.descriptor, *child.open_pipes):
        selector.unregister(registered)


def _wait(selector: selectors.BaseSelector, running: dict[int, _Child]) -> list[_Child]:
    """Wait for output, an end or a deadline; return the children that have ended."""
    now = time.monotonic()
    nearest = min(child.deadline - now for child in running.values())
    events = selector.select(max(0.0, min(nearest, busy.EVERY)))
    ended = []
    for key, _ in events:
        child: _Child = key.data
        if key.fd == child.process.descriptor:
            ended.append(child)
        elif not _drain(child, key.fd):  # closed by the child: would be readable for ever
            selector.unregister(key.fd)
            child.open_pipes.discard(key.fd)
    now = time.monotonic()
    for child in running.values():
        if not child.begun and not child.stopping and child.process.word + _BEGUN in child.received:
            child.begun, child.deadline = True, now + child.job.timeout
        if child not in ended and now >= child.deadline:
            guardian.stop(child.process, at_once=child.stopping)
            child.timed_out = child.timed_out or len(child.received) < _REPORT_BYTES
            child.stopping, child.deadline = True, now + _GRACE
    return ended


def _drain(child: _Child, pipe: int) -> bool:
    """Take what a pipe holds now; return whether its writing end is still open."""
    for _ in range(_CHUNKS):  # a flood must not keep the time of the other cells from being kept
        try:
            chunk = os.read(pipe, 1 << 16)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        if pipe != child.process.pipe:
            child.said = (child.said + chunk)[-_STDERR_TAIL:]
        elif len(child.received) < _REPORT_BYTES:
            child.received += chunk
            if len(child.received) >= _REPORT_BYTES:
                child.deadline = 0.0  # it will never be read
    return True


def _reap(child: _Child) -> int:
    """Wait for an ended guardian, take its last words, and return how it ended."""
    _, status = os.waitpid(child.process.pid, 0)
    for pipe in (child.process.pipe, child.process.output):
        _drain(child, pipe)
        os.close(pipe)
    os.close(child.process.descriptor)
    return status


def _finish(child: _Child) -> RunRecord:
    status = _reap(child)
    if len(child.received) >= _REPORT_BYTES:
        return failed(child.job, Status.CRASHED, f"said more than the {_REPORT_BYTES // 2**20} MiB that a cell may say")
    report = parse(child.received, child.process.word)
    report.begun = child.begun  # what began when it was told to stop has not had its time
    said = child.said.decode(errors="replace").strip()
    return record_of(child.job, report, said, timed_out=child.timed_out, status=status)
