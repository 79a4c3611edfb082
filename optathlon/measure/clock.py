"""The clock of a cell and the trace that it times; the clock stands still while the harness looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
        self._started = (time.perf_counter(), time.process_time())

    def stop(self) -> None:
        """Let it stand; nothing happens where it stands already."""
        if self._started is None:
            return
        synchronise(self.device)
        wall, cpu = self._started
        self.seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu
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


class Tracer:
    """A thinned trace of the traced metrics; when it is full, every second point goes and the stride doubles."""

    def __init__(self, clock: Clock, scores: Callable[[Any], list[float]], publish: Callable[[TracePoint], None]) -> None:
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
            self.points.append(trace_point(step, self.clock.seconds, scores))
            self.publish(self.points[-1])
            if len(self.points) >= TRACE_POINTS:
                self.points = self.points[::2]
                self._stride *= 2
        self._seen += 1
        self.clock.start()


def trace_point(step: int, seconds: float, scores: Sequence[float]) -> TracePoint:
    """Return a point with the digits that a curve needs; the scores themselves keep all of theirs."""
    return int(step), float(f"{seconds:.5g}"), *(float(f"{score:.6g}") for score in scores)


def thin(points: Sequence[TracePoint]) -> tuple[TracePoint, ...]:
    """Return at most `TRACE_POINTS` of the points, evenly, the first among them."""
    stride = -(-len(points) // TRACE_POINTS) or 1
    return tuple(points[::stride])


def synchronise(device: str) -> None:
    """Wait for the device, so that what was started is what is timed."""
    if device == "cuda":
        sys.modules["torch"].cuda.synchronize()
