"""Cells in processes of their own: forked from a warm parent, with a time and a memory limit, so that a fault costs one cell.

The parent has imported what the methods need, so a fork costs milliseconds where a fresh interpreter costs seconds. It waits on
the child's pipe and on its process descriptor with one selector, and kills the whole session of the child when the time is over.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from optathlon.measure import busy, environment
from optathlon.measure.cell import run_cell
from optathlon.measure.clock import thin
from optathlon.measure.warm import load_modules, prepare
from optathlon.spec import Cell, Method, RunRecord, Status, Suite, TracePoint, Workload

_PR_SET_PDEATHSIG = 1
_LAST_LOOK = 1.0  # seconds since the last look at the machine after which a run looks once more at its end
_STDERR_TAIL = 2000
_CHUNKS = 64
_libc = ctypes.CDLL(None, use_errno=True)


class Job(NamedTuple):
    """One cell to run, with its limits in seconds and bytes."""

    suite: Suite
    workload: Workload
    method: Method
    cell: Cell
    seed: int
    timeout: float
    memory: int


@dataclass
class _Child:
    """A running cell: its process, what it has said so far, and when it must be over."""

    job: Job
    pid: int
    process: int  # process descriptor: readable when the process has ended
    pipe: int
    stderr: int  # pipe of its standard output and error, of which the tail is kept
    deadline: float
    busy: float  # the worst look at the machine since it began
    received: bytearray = field(default_factory=bytearray)
    said: bytearray = field(default_factory=bytearray)
    open_pipes: set[int] = field(default_factory=set)
    killed: bool = False


def run_jobs(jobs: Iterable[Job], *, parallel: int = 1) -> Iterator[RunRecord]:
    """Run cells, at most `parallel` at a time, and yield each record as its cell ends.

    Raises nothing for a fault of a cell: its record says what happened. Where the caller stops early, running cells are killed.
    """
    waiting = list(jobs)[::-1]
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
                    refused = _prepare(job)
                    if refused is not None:
                        yield refused
                        continue
                    child = _start(job)
                    running[child.process] = child
                    for readable in (child.process, *child.open_pipes):
                        selector.register(readable, selectors.EVENT_READ, child)
                if not running:
                    return
                for child in _wait(selector, running):
                    for registered in (child.process, *child.open_pipes):
                        selector.unregister(registered)
                    del running[child.process]
                    if not running and not waiting and busy.due(0, _LAST_LOOK):
                        _look({child.process: child})
                    yield replace(_finish(child), jobs=parallel, busy=child.busy, load=busy.load())
        finally:
            for child in running.values():
                _kill(child)
                _finish(child)


def _look(running: dict[int, _Child]) -> None:
    ratio = busy.look()
    for child in running.values():
        child.busy = max(child.busy, ratio)


def _prepare(job: Job) -> RunRecord | None:
    """Warm the parent up for a method; return a failed record where that itself fails.

    CUDA cannot be used in a fork of a process that has started it, so cells on the GPU warm up on their own.
    """
    try:
        if job.cell.device == "cuda":
            load_modules(job.method)
        else:
            prepare(job.method, job.cell.device)
    except (Exception, SystemExit) as error:
        return _failed(job, Status.ERROR, f"warm-up of {job.method.name}: {type(error).__name__}: {error}")
    _prepared.add((job.method, job.cell.device))
    return None


_prepared: set[tuple[Method, str]] = set()


def _is_prepared(job: Job) -> bool:
    return (job.method, job.cell.device) in _prepared


def _start(job: Job) -> _Child:
    read_end, write_end = os.pipe()
    stderr, stderr_end = os.pipe()
    environment.commit()  # known before the fork, so that no child asks git again
    gc.freeze()  # keeps the collector of the child off the parent's pages
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        os.close(stderr)
        _child_main(job, parent, write_end, stderr_end)
    os.close(write_end)
    os.close(stderr_end)
    for pipe in (read_end, stderr):
        os.set_blocking(pipe, False)
    deadline = time.monotonic() + job.timeout
    return _Child(job, pid, os.pidfd_open(pid), read_end, stderr, deadline, busy.latest(), open_pipes={read_end, stderr})


def _child_main(job: Job, parent: int, pipe: int, stderr: int) -> None:
    """Run the cell in the child and leave, whatever happens, without running the parent's exit handlers."""
    code = 1
    try:
        os.setsid()
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a killed run takes its cells along
        if os.getppid() != parent:
            return
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.dup2(stderr, 1)
        os.dup2(stderr, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        hard = _limit_memory(job)
        record = run_cell(
            job.suite,
            job.workload,
            job.method,
            job.cell.device,
            job.seed,
            cell=job.cell,
            publish=lambda point: _send(pipe, {"point": point}),
        )
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
        run = {name: getattr(record, name) for name in RunRecord.__dataclass_fields__ if name != "cell"}
        _send(pipe, {"run": run})
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _limit_memory(job: Job) -> int:
    """Allow the child `job.memory` bytes beyond what it has inherited; return the hard limit.

    Private writable memory of each process is what counts: address space would count torch's libraries, and CUDA reserves more
    than there is. Memory that processes share is not counted.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData"):
            inherited = int(line.split()[1]) * 1024
            limit = inherited + job.memory
            resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    return hard


def _send(pipe: int, message: dict[str, Any]) -> None:
    data = memoryview(orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")
    while data:
        data = data[os.write(pipe, data) :]


def _wait(selector: selectors.BaseSelector, running: dict[int, _Child]) -> list[_Child]:
    """Wait for output, an end or a deadline; return the children that have ended."""
    now = time.monotonic()
    pending = [child.deadline - now for child in running.values() if not child.killed]
    events = selector.select(max(0.0, min([*pending, busy.EVERY])))
    ended = []
    for key, _ in events:
        child: _Child = key.data
        if key.fd == child.process:
            ended.append(child)
        elif not _drain(child, key.fd):  # closed by the child: would be readable for ever
            selector.unregister(key.fd)
            child.open_pipes.discard(key.fd)
    now = time.monotonic()
    for child in running.values():
        if not child.killed and child not in ended and now >= child.deadline:
            _kill(child)
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
        if pipe == child.pipe:
            child.received += chunk
        else:
            child.said = (child.said + chunk)[-_STDERR_TAIL:]
    return True


def _kill(child: _Child) -> None:
    child.killed = True
    strays = _descendants(child.pid)
    for kill, target in ((os.killpg, child.pid), *((os.kill, pid) for pid in (child.pid, *strays))):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(target, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    """Return the children of a process, theirs, and so on, whatever session they have moved to."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                found += [child, *_descendants(child)]
    return found


def _finish(child: _Child) -> RunRecord:
    """Reap an ended child, clear what it left behind, and read its record or work out why there is none."""
    _, status = os.waitpid(child.pid, 0)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)  # grandchildren
    for pipe in (child.pipe, child.stderr):
        _drain(child, pipe)
        os.close(pipe)
    os.close(child.process)
    stderr = child.said.decode(errors="replace").strip()
    points, run = _parse(child.received)
    if run is not None and not child.killed:
        return _decode(child.job, run, stderr)
    return replace(_explain(child, status, stderr), trace=thin(points))


def _parse(received: bytearray) -> tuple[list[TracePoint], dict[str, Any] | None]:
    """Return the trace points and the run that a child has sent; a torn last line is dropped."""
    points: list[TracePoint] = []
    run = None
    for line in received.split(b"\n"):
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(message, dict) and "point" in message:
            points.append(tuple(message["point"]))
        elif isinstance(message, dict):
            run = message.get("run")
    return points, run


def _decode(job: Job, run: dict[str, Any], stderr: str) -> RunRecord:
    status = Status(run["status"])
    reason = run["reason"]
    if status is not Status.OK and stderr:
        reason = f"{reason}\nstderr:\n{stderr}"
    trace = tuple(tuple(point) for point in run["trace"])
    limit = job.memory if status is Status.OUT_OF_MEMORY else None
    return RunRecord(cell=job.cell, **run | {"status": status, "reason": reason, "trace": trace, "limit": limit})


def _explain(child: _Child, status: int, stderr: str) -> RunRecord:
    """Return the record of a child that left none."""
    job = child.job
    tail = f"\nstderr:\n{stderr}" if stderr else ""
    if child.killed:
        return replace(_failed(job, Status.TIMEOUT, f"stopped after {job.timeout:g} s{tail}"), limit=job.timeout)
    if "bad_alloc" in stderr or "MemoryError" in stderr:
        reason = f"beyond the limit of {job.memory / 2**20:.0f} MiB{tail}"
        return replace(_failed(job, Status.OUT_OF_MEMORY, reason), limit=job.memory)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return _failed(job, Status.CRASHED, f"killed by signal {number} ({signal.Signals(number).name}){tail}")
    return _failed(job, Status.CRASHED, f"ended with exit code {os.waitstatus_to_exitcode(status)} before its record{tail}")


def _failed(job: Job, status: Status, reason: str) -> RunRecord:
    commit, dirty = environment.commit()
    finished = datetime.now(UTC).isoformat(timespec="milliseconds")
    return RunRecord(cell=job.cell, seed=job.seed, status=status, reason=reason, commit=commit, dirty=dirty, finished=finished)
