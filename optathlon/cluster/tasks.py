"""What the driver calls in a worker's process: functions that pass JSON on to the nursery and back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

import orjson


class Nurse:
    """A worker's end of its nursery: one question at a time.

    It must be made in the main thread, for the nursery ends with the thread that has started it.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        command = [sys.executable, "-m", "optathlon.cluster.nursery", *paths]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lock = threading.Lock()
        self.run = ""

    def ask(self, question: bytes) -> list[dict[str, Any]]:
        """Return the answers to a question; where the nursery has died, this process ends, and its keeper starts another."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self.lock:
            self.run = orjson.loads(question).get("run", "")
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write(question + b"\n")
                self.process.stdin.flush()
            answers = []
            for line in self.process.stdout:
                answers.append(orjson.loads(line))
                if "end" in answers[-1]:
                    self.run = ""
                    return answers
        os._exit(1)

    def stop(self, run: str) -> None:
        """End the cell that runs, if it is of that run."""
        if run and self.run == run:
            self.process.send_signal(signal.SIGUSR1)


nurse: Nurse | None = None  # of this process, set by the worker before it listens


def measure(question: bytes) -> bytes:
    """Run a cell (a task's body)."""
    assert nurse is not None, "this dask worker was not started by optathlon worker"
    return orjson.dumps(nurse.ask(question))


async def ask(question: bytes) -> bytes:
    """Answer a question about this worker, beside its loop."""
    if nurse is None:
        return b""
    return orjson.dumps(await asyncio.to_thread(nurse.ask, question))


def stop(run: str) -> None:
    """End what runs here for a driver that gives up."""
    if nurse is not None:
        nurse.stop(run)
