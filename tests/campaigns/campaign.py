"""What the campaigns share: trials that must not fail, counted and timed, and no process left behind.

Each is a script: ``python tests/campaigns/NAME.py [--trials N] [--seed S]``; `make campaigns` runs all, CI a few trials of each.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

MARK = "OPTATHLON_CAMPAIGN"
Trial = tuple[str, Callable[[], None]]


def main(name: str, trials: Callable[[int, int], Iterator[Trial]], default: int) -> None:
    """Run a campaign as a script: print its figures, and end with exit code 1 where a trial failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=default)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if MARK not in os.environ:  # every process below carries the mark from its start
        marked = os.environ | {MARK: f"{name}-{os.getpid()}", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], marked)
    start, failures, count = time.monotonic(), 0, 0
    for label, trial in trials(options.trials, options.seed):
        count += 1
        try:
            trial()
            require_nothing_left()
        except (Exception, SystemExit, KeyboardInterrupt):
            failures += 1
            print(f"{name}, {label}:\n{traceback.format_exc()}", file=sys.stderr)
            end_all(left())
    print(f"{name}: {count} trials, {failures} failures, {time.monotonic() - start:.0f} s", flush=True)
    sys.exit(1 if failures else 0)


def left() -> list[int]:
    """Return the processes of this campaign, itself aside, that are still alive."""
    mark = f"{MARK}={os.environ[MARK]}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if int(folder.name) != os.getpid() and state != "Z" and mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def require_nothing_left(seconds: float = 3.0) -> None:
    """Raise unless every process of this campaign but itself ends within a moment."""
    end = time.monotonic() + seconds
    while alive := left():
        if time.monotonic() > end:
            raise AssertionError(f"left behind: {[Path(f'/proc/{pid}/cmdline').read_bytes()[:80] for pid in alive]}")
        time.sleep(0.01)


def end_all(pids: list[int]) -> None:
    """Kill processes."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
