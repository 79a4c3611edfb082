"""`optathlon worker`: one process a slot, each with a nursery of its own, kept alive for as long as there is a scheduler."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from optathlon.cluster import tasks
from optathlon.measure.guardian import end_with_parent

NO_SCHEDULER = 7  # exit code: nobody answered there
_QUICK = 5.0  # seconds: a slot that lives no longer has not worked
_PATIENCE = 5  # such lives in a row


def keep_slots(address: str, slots: int, *, gpu: bool, wait: float, paths: Sequence[str]) -> None:
    """Keep so many slots at work for a scheduler, starting anew those that die; return when there is no scheduler any more.

    Parameters
    ----------
    address : str
        The scheduler, ``tcp://host:port``.
    slots : int
        Cells at a time on this machine.
    gpu : bool
        Each slot has a GPU of its own, the n-th of those visible.
    wait : float
        Seconds to wait for the scheduler.
    paths : sequence of str
        Files and folders of suites that nobody has packaged.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    running = {number: _start(address, number, gpu, wait, paths) for number in range(slots)}
    born = dict.fromkeys(running, time.monotonic())
    failures = dict.fromkeys(running, 0)
    try:
        while running:
            time.sleep(0.2)
            for number, slot in list(running.items()):
                if (code := slot.poll()) is None:
                    continue
                failures[number] = failures[number] + 1 if time.monotonic() - born[number] < _QUICK else 0
                if code == NO_SCHEDULER or failures[number] >= _PATIENCE:
                    del running[number]
                else:
                    running[number], born[number] = _start(address, number, gpu, wait, paths), time.monotonic()
    finally:
        for slot in running.values():
            slot.terminate()
        for slot in running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                slot.wait(5)
            slot.kill()


def _start(address: str, number: int, gpu: bool, wait: float, paths: Sequence[str]) -> subprocess.Popen[bytes]:
    environ = dict(os.environ)
    if gpu:
        visible = environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        environ["CUDA_VISIBLE_DEVICES"] = visible[number] if number < len(visible) and visible[number] else str(number)
    tag = "cuda" if gpu else "cpu"
    command = [sys.executable, "-m", "optathlon.cluster.worker", address, str(number), tag, str(wait), *paths]
    return subprocess.Popen(command, env=environ)


async def _serve(address: str, number: str, tag: str, wait: float) -> int:
    from distributed import Worker

    name = f"{socket.gethostname()}-{os.environ.get('SLURMD_NODENAME', '')}-{number}-{os.getpid()}".replace("--", "-")
    options: dict[str, Any] = {"nthreads": 1, "resources": {tag: 1}, "memory_limit": 0, "dashboard": False}
    try:
        worker = await asyncio.wait_for(Worker(address, name=name, **options), wait)
    except (TimeoutError, OSError):
        return NO_SCHEDULER
    await worker.finished()
    return 0


def main() -> None:
    """Be one slot: start the nursery, listen, and leave nothing behind."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: whoever keeps this slot decides
    address, number, tag, wait, *paths = sys.argv[1:]
    tasks.nurse = tasks.Nurse(paths)

    def leave(*_: object) -> None:
        assert tasks.nurse is not None
        tasks.nurse.process.terminate()
        os._exit(0)

    async def serve() -> int:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leave)
        return await _serve(address, number, tag, float(wait))

    code = asyncio.run(serve())
    tasks.nurse.process.terminate()
    os._exit(code)


if __name__ == "__main__":
    main()
