"""A cell's process and the guardian above it, which outlives it by a moment and leaves nothing behind.

The pool forks a guardian, the guardian forks the cell. All that the cell starts, daemons included, falls to the guardian when its
own parent ends; when the cell has ended, or the run itself is gone, the guardian ends what is left and says so. Both speak to the
pool through one pipe, a line each time, behind a word that the method was never told.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import resource
import select
import signal
import stat
import sys
import time
import traceback
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import orjson

Send = Callable[[dict[str, Any]], None]
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_FIRST_LOOK, _LOOKS = 0.05, 0.25  # seconds until the first look at a cell's memory, and between looks
_MOMENT = 0.2  # seconds in which a block of shared memory that its owner is making or removing becomes used or is gone
_ROUNDS = 2000  # of ending what is left: what forks as fast as it is ended would go on for ever
_libc = ctypes.CDLL(None, use_errno=True)


class Process(NamedTuple):
    """A started cell as the pool sees it: its guardian's pid and descriptor, the ends of two pipes, and the word of its lines."""

    pid: int
    descriptor: int
    pipe: int
    output: int
    word: bytes


class _Stop(BaseException):
    """The guardian was told to stop."""


def end_with_parent(number: int = signal.SIGTERM) -> None:
    """Have the kernel send this process a signal when the process that started it ends, however that happens."""
    _libc.prctl(_PR_SET_PDEATHSIG, number)


def require_kernel() -> None:
    """Raise OSError in a sentence where this system cannot run cells in processes of their own."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        raise OSError(f"cells need process descriptors (Linux 5.3 or newer, pidfd_open): {error}") from None
    for standard in (0, 1, 2):  # a pipe must not get a number that the cell's output takes
        try:
            os.fstat(standard)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def start(task: Callable[[Send], None], memory: int) -> Process:
    """Fork a guardian and below it a process that runs ``task(send)`` with `memory` bytes beyond what it inherits."""
    read_end, write_end = os.pipe()
    output, output_end = os.pipe()
    word = os.urandom(16).hex().encode()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        os.close(output)
        _guard(task, memory, parent, (write_end, output_end), word)
    os.close(write_end)
    os.close(output_end)
    for pipe in (read_end, output):
        os.set_blocking(pipe, False)
    return Process(pid, os.pidfd_open(pid), read_end, output, word)


def stop(process: Process, *, at_once: bool = False) -> None:
    """Tell a guardian to end its cell and all below it; `at_once` ends guardian and all, should it not listen."""
    below = descendants(process.pid)
    if at_once:
        _kill(process.pid, *below)
    else:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)


def adopt() -> None:
    """Let this process be the one to which what outlives its guardian falls."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_strays(guardians: Collection[int]) -> None:
    """End everything below this process that is no guardian's: for a process that has no other children of its own."""
    for pid in descendants(os.getpid()):
        if _parent_of(pid) == os.getpid() and pid not in guardians:
            _kill(pid, *descendants(pid))
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _parent_of(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def descendants(pid: int) -> list[int]:
    """Return the children of a process, theirs, and so on, whatever session they have moved to."""
    found = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as children:
                for child in map(int, children.read().split()):
                    found += [child, *descendants(child)]
    return found


def _guard(task: Callable[[Send], None], memory: int, parent: int, pipes: tuple[int, int], word: bytes) -> NoReturn:
    """Fork the cell, wait for it, end what it leaves, and report: the life of a guardian."""
    end: dict[str, Any] = {}
    cell, shared = 0, None
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _raise_stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD))
        os.setsid()
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        end_with_parent()
        if os.getppid() != parent:
            raise _Stop
        _let_go(pipes)
        shared = _shared_blocks()
        cell = os.fork()
        if cell == 0:
            _live(task, memory, os.getppid(), pipes, word)
        end = _watch(cell, memory)
    except _Stop:
        end = {"stopped": os.getppid() != parent}
    except BaseException as error:
        end = {"fault": f"{type(error).__name__}: {error}"}
    with contextlib.suppress(BaseException):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        end["strays"] = _end_all()
        if shared is not None and (left := sorted(_left_behind(shared))):
            end["shared"] = left[:5]
        _sender(pipes[0], word)({"end": end})
    os._exit(0)


def _let_go(pipes: Collection[int]) -> None:
    """Point every other pipe and socket of the caller to nowhere: what a cell writes there would reach the caller's own peers.

    They stay open, for an object of the caller that is collected here would close what has its number by then.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):
            kind = os.fstat(descriptor).st_mode
            if descriptor > 2 and descriptor not in pipes and (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
                os.dup2(nowhere, descriptor, inheritable=False)


def _raise_stop(number: int, frame: object) -> None:
    raise _Stop


def _live(task: Callable[[Send], None], memory: int, guardian: int, pipes: tuple[int, int], word: bytes) -> NoReturn:
    """Run the task in the cell's process and leave, whatever happens, without running the parent's exit handlers."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 0)
        end_with_parent(signal.SIGKILL)
        if os.getppid() != guardian:
            return  # type: ignore[misc]
        faulthandler.disable()  # a caller's would write to the caller's own output
        pipe, output = pipes
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        hard = _limit_memory(memory)
        send = _sender(pipe, word)

        def send_freely(message: dict[str, Any]) -> None:
            if "run" in message:
                resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))  # the report itself needs memory
            send(message)

        task(send_freely)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _limit_memory(memory: int) -> int:
    """Allow this process so many bytes beyond what it has inherited; return the hard limit.

    Private writable memory of each process is what the kernel counts here: address space would count torch's libraries, and CUDA
    reserves more than there is. Memory that processes share is counted by the guardian's looks.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = _status("self", "VmData") + memory
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return hard


def _watch(cell: int, memory: int) -> dict[str, Any]:
    """Wait for the cell to end, looking at its memory now and then; return how it ended and the most it held with its children.

    What it held without any is its own to tell: only that knows what was the method's, and what the instance's or a metric's.
    """
    descriptor = os.pidfd_open(cell)
    start, most, wait = _status(cell, "RssAnon", "RssShmem"), 0, _FIRST_LOOK
    while not select.select([descriptor], [], [], wait)[0]:
        wait = _LOOKS
        children = descendants(cell)
        held = _status(cell, "RssAnon", "RssShmem") + sum(map(_proportional, children)) - start  # what is shared by its share
        most = max(most, held) if children else most
        if held > memory:
            _kill(cell)
            os.waitpid(cell, 0)
            return {"status": 0, "over": held, "held": most}
    _, status = os.waitpid(cell, 0)
    return {"status": status, "held": most}


def _proportional(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _status(pid: int | str, *fields: str) -> int:
    """Return the bytes that a process's status gives under these names, in all."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", "rb", buffering=0) as status:
        lines = status.read(1 << 16).decode().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(fields))
    return 0


def _end_all() -> int:
    """End everything below this process and return how many processes that were."""
    ended = set()
    for _ in range(_ROUNDS):
        below = descendants(os.getpid())
        if not below:
            break
        ended |= set(below)
        _kill(*below)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue
            time.sleep(0.001)
    return len(ended)


def _kill(*pids: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _shared_blocks() -> set[str]:
    """Return this user's blocks of shared memory that outlive a process."""
    blocks = set()
    with contextlib.suppress(OSError), os.scandir("/dev/shm") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.stat(follow_symlinks=False).st_uid == os.getuid():
                    blocks.add(entry.name)
    return blocks


def _left_behind(before: set[str]) -> set[str]:
    """Return the blocks that are new and that nobody uses, now and a moment later: others make and remove theirs all the time."""
    left = _unused(_shared_blocks() - before)
    if left:
        time.sleep(_MOMENT)
        left = _unused(left & _shared_blocks())
    return left


def _unused(blocks: set[str]) -> set[str]:
    """Return the blocks that no process has mapped: the others are not this cell's, whose processes have all ended."""
    left = set(blocks)
    for maps in Path("/proc").glob("[0-9]*/maps") if blocks else ():
        with contextlib.suppress(OSError):
            text = maps.read_text(errors="replace")
            left -= {name for name in left if f"/dev/shm/{name}" in text}
    return left


def _sender(pipe: int, word: bytes) -> Send:
    def send(message: dict[str, Any]) -> None:
        data = memoryview(word + orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")
        while data:
            data = data[os.write(pipe, data) :]

    return send
