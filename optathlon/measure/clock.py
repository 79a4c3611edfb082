"""The clock of a cell and the trace that it times; the clock stands still while the harness looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from os import sysconf
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter, process_time  # bound here: a method that replaces them in `time` changes nothing
from typing import Any

import numpy as np

from optathlon.spec import Diverged, TracePoint

TRACE_POINTS = 120  # twice what a plot shows; records stay small


class Clock:
    """Wall and CPU seconds of the method alone; it stands still while the harness looks."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self.sections: dict[str, float] = {}
        self._started: tuple[float, float] | None = None

    def start(self) -> None:
        """Let it run."""
        synchronise(self.device)
        self._started = (perf_counter(), cpu_seconds())

    def stop(self) -> None:
        """Let it stand; nothing happens where it stands already."""
        if self._started is None:
            return
        synchronise(self.device)
        wall, cpu = self._started
        self.seconds += perf_counter() - wall
        self.cpu_seconds += cpu_seconds() - cpu
        self._started = None

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Book the seconds inside the block under a name."""
        self.stop()
        before = self.seconds
        self.start()
        try:
            yield
        finally:
            self.stop()
            self.sections[name] = self.sections.get(name, 0.0) + self.seconds - before
            self.start()


@contextmanager
def compilations() -> Iterator[list[float]]:
    """Collect the seconds of what numba compiles inside the block: a first use that a warm-up should have paid for."""
    seconds: list[float] = []
    event = sys.modules.get("numba.core.event")
    with event.install_timer("numba:compile", seconds.append) if event else nullcontext():
        yield seconds


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    children = getrusage(RUSAGE_CHILDREN)
    return process_time() + children.ru_utime + children.ru_stime


def living_children_seconds() -> float:
    """Return the CPU seconds of the children that have not ended, and of theirs."""
    ticks = 0
    waiting = ["self"]
    while waiting:
        pid = waiting.pop()
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += (task / "children").read_text().split()
            if pid != "self":
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:15]))  # user and system, its own and of its ended children
    return ticks / sysconf("SC_CLK_TCK")


class Tracer:
    """A thinned trace of the traced metrics; when it is full, every second point goes and the stride doubles."""

    def __init__(
        self, clock: Clock, scores: Callable[[Any], list[float]], publish: Callable[[TracePoint], None], target: float | None
    ) -> None:
        self.target = target
        self.clock = clock
        self.scores = scores
        self.publish = publish
        self.points: list[TracePoint] = []
        self._stride = 1
        self._seen = 0

    def observe(self, step: int, answer: Any) -> None:
        """Score an intermediate answer with the clock stopped."""
        self.clock.stop()
        if self._seen % self._stride == 0:
            scores = self.scores(answer)
            for score in scores:
                if not np.isfinite(score):
                    raise Diverged(f"the score is {score} at step {step}")
            self.points.append(trace_point(step, self.clock.seconds, scores, self.target))
            self.publish(self.points[-1])
            if len(self.points) >= TRACE_POINTS:
                self.points = self.points[::2]
                self._stride *= 2
        self._seen += 1
        self.clock.start()


def trace_point(step: int, seconds: float, scores: Sequence[float], target: float | None) -> TracePoint:
    """Return a point with the digits that a curve needs; the first score keeps all its own where fewer would cross the target."""
    first, *others = (float(f"{score:.6g}") for score in scores)
    if target is not None and ((first <= target) != (scores[0] <= target) or (first >= target) != (scores[0] >= target)):
        first = float(scores[0])
    return int(step), float(f"{seconds:.5g}"), first, *others


def thin(points: Sequence[TracePoint]) -> tuple[TracePoint, ...]:
    """Return at most `TRACE_POINTS` of the points, evenly, the first among them."""
    stride = -(-len(points) // TRACE_POINTS) or 1
    return tuple(points[::stride])


def synchronise(device: str) -> None:
    """Wait for the device, so that what was started is what is timed."""
    if device == "cuda":
        sys.modules["torch"].cuda.synchronize()
