"""Run one cell: make the instance, time the method, score the answer. The one place with a clock."""

from __future__ import annotations

import gc
import hashlib
import importlib
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from optathlon import data, environment
from optathlon.digest import Code, code_of
from optathlon.spec import (
    Cell,
    Context,
    Diverged,
    Method,
    Metric,
    MetricInfo,
    NeedsData,
    RunRecord,
    Status,
    Suite,
    TracePoint,
    Workload,
)

TRACE_POINTS = 120  # twice what a plot shows; records stay small
EXHIBIT_BYTES = 64 * 1024
_REASON_LINES = 12


def takes_part(workload: Workload, method: Method) -> bool:
    """Return whether a workload invites a method."""
    return any(fnmatchcase(method.name, pattern) for pattern in workload.methods)


@cache
def _code(function: Callable[..., Any], library: bool = True) -> Code:
    return code_of(function, library=library)


def _checksum(name: str) -> str:
    """Return the checksum of a data set, "absent" where it is not on this machine."""
    absent = data.dataset(name).files and data.find(name) is None
    return "absent" if absent else data.checksum(name)


def plan_cell(
    suite: Suite,
    workload: Workload,
    method: Method,
    device: str = "cpu",
    *,
    machine: str | None = None,
) -> Cell:
    """Return the address and conditions of a cell, its key included, without running anything.

    Parameters
    ----------
    suite, workload, method, device
        The address.
    machine : str, optional
        Name of this machine, by default made from its processor.
    """
    checksums = {name: _checksum(name) for name in workload.data}
    conditions = environment.describe(device, machine)
    code = _code(method.run).digest
    metrics = suite.metrics_of(workload)
    decisive = {
        "suite": [suite.name, suite.version],
        "workload": [workload.name, workload.scale, workload.target, _code(workload.make, False).digest],
        "method": [method.name, dict(method.settings), code],
        "metrics": [[m.name, _code(m.function, False).digest, *(["traced"] if m.traced else [])] for m in metrics],
        **({"exhibit": _code(suite.exhibit, False).digest} if suite.exhibit else {}),
        "device": [device, conditions.gpu, conditions.machine, conditions.threads],
        "versions": dict(conditions.versions),
        "data": checksums,
    }
    return Cell(
        suite=suite.name,
        suite_version=suite.version,
        workload=workload.name,
        scale=workload.scale,
        method=method.name,
        settings=method.settings,
        device=device,
        metrics=tuple(_info(metric) for metric in metrics),
        reference_method=suite.reference_method,
        target=workload.target,
        exact=workload.exact,
        code=code,
        data=checksums,
        environment=conditions,
        key=hashlib.sha256(orjson.dumps(decisive, option=orjson.OPT_SORT_KEYS)).hexdigest(),
    )


def _info(metric: Metric) -> MetricInfo:
    return MetricInfo(**{field.name: getattr(metric, field.name) for field in fields(MetricInfo)})


@cache
def load_modules(method: Method) -> None:
    """Import what the method's code imports and fix the thread pools: what a forked cell finds done."""
    for name in _code(method.run).modules:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # an optional peer, or a name that is no module: the method itself will say what it misses
    environment.fix_threads(1)  # a pool started here would be dead in a fork
    _stream(0, 0)  # numpy loads its random module at first use


@cache
def prepare(method: Method, device: str) -> None:
    """Pay first-use costs in this process: imports, the method's warm-up, and the start of CUDA where it is used."""
    load_modules(method)
    if device == "cuda":
        torch = sys.modules["torch"]
        square = torch.ones(64, 64, device=device)
        (square @ square).sum().item()
    if method.warm_up is not None:
        method.warm_up()


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
        _synchronise(self.device)
        self._started = (time.perf_counter(), time.process_time())

    def stop(self) -> None:
        """Let it stand; nothing happens where it stands already."""
        if self._started is None:
            return
        _synchronise(self.device)
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
            self.points.append(_trace_point(step, self.clock.seconds, scores))
            self.publish(self.points[-1])
            if len(self.points) >= TRACE_POINTS:
                self.points = self.points[::2]
                self._stride *= 2
        self._seen += 1
        self.clock.start()


def _trace_point(step: int, seconds: float, scores: Sequence[float]) -> TracePoint:
    """Return a point with the digits that a curve needs; the scores themselves keep all of theirs."""
    return int(step), float(f"{seconds:.5g}"), *(float(f"{score:.6g}") for score in scores)


def thin(points: Sequence[TracePoint]) -> tuple[TracePoint, ...]:
    """Return at most `TRACE_POINTS` of the points, evenly, the first among them."""
    stride = -(-len(points) // TRACE_POINTS) or 1
    return tuple(points[::stride])


def run_cell(
    suite: Suite,
    workload: Workload,
    method: Method,
    device: str,
    seed: int,
    *,
    cell: Cell | None = None,
    publish: Callable[[TracePoint], None] = lambda point: None,
) -> RunRecord:
    """Measure one cell in this process.

    Every failure that Python can see becomes a status; see `optathlon.isolation` for those that it cannot.

    Parameters
    ----------
    suite, workload, method, device, seed
        The address. The seed makes the instance, the same for every method, and the method's own randomness.
    cell : Cell, optional
        The planned cell, where the caller has it.
    publish : callable
        Gets each trace point as it is made.
    """
    cell = cell or plan_cell(suite, workload, method, device)
    commit, dirty = environment.commit()
    record = RunRecord(cell=cell, seed=seed, status=Status.OK, commit=commit, dirty=dirty)
    points: list[TracePoint] = []

    def keep(point: TracePoint) -> None:
        points.append(point)
        publish(point)

    def failed(status: Status, reason: str) -> RunRecord:
        return _ended(replace(record, status=status, reason=_tail(reason), trace=thin(points)))

    try:
        reason = _missing_device(method, device)
        if reason:
            return failed(Status.NEEDS_DEVICE, reason)
        prepare(method, device)
        if environment.threads() > 1:
            environment.fix_threads()
        problem = workload.make(_stream(seed, 0), device)
        measured, answer = _measure(suite.metrics_of(workload), problem, method, device, seed, keep)
        return _ended(_exhibited(suite, problem, answer, _derived(suite, replace(record, **measured))))
    except NeedsData as missing:
        return failed(Status.NEEDS_DATA, str(missing))
    except (Diverged, FloatingPointError) as error:
        return failed(Status.DIVERGED, str(error))
    except MemoryError as error:
        return failed(Status.OUT_OF_MEMORY, f"MemoryError: {error}")
    except (Exception, SystemExit) as error:
        status = Status.OUT_OF_MEMORY if _is_torch_memory_error(error) else Status.ERROR
        return failed(status, traceback.format_exc())


def _measure(
    metrics: Sequence[Metric],
    problem: Any,
    method: Method,
    device: str,
    seed: int,
    publish: Callable[[TracePoint], None],
) -> tuple[dict[str, Any], Any]:
    """Return the measured fields of a record, and the answer; raise `Diverged` for an answer that is not finite."""
    traced = [metric for metric in metrics if metric is metrics[0] or metric.traced]
    clock = Clock(device)
    tracer = Tracer(clock, lambda answer: [float(metric.function(problem, answer)) for metric in traced], publish)
    stream = _stream(seed, 1)
    context = Context(rng=stream, seed=int(stream.integers(2**31)), device=device, observe=tracer.observe, section=clock.section)
    gc.collect()
    baseline = _reset_peak_memory(device)
    clock.start()
    try:
        answer = method.run(problem, context)
    finally:
        clock.stop()
    memory = _peak_memory(baseline, device)
    if not _is_finite(answer):
        raise Diverged("the answer holds NaN or infinity")
    scores: dict[str, float] = {}
    for metric in metrics:
        if metric.evaluate is not None:
            value = float(metric.evaluate(problem, answer))
            if np.isfinite(value):
                scores[metric.name] = value
    if metrics[0].name not in scores:
        raise Diverged(f"{metrics[0].name} of the answer is not finite")
    points = tracer.points
    if points:
        last = [scores.get(metric.name, np.nan) for metric in traced]
        points = [*points, _trace_point(int(points[-1][0]) + 1, clock.seconds, last)] if np.isfinite(last).all() else points
    measured = {
        "scores": scores,
        "seconds": clock.seconds,
        "cpu_seconds": clock.cpu_seconds,
        "sections": clock.sections,
        "trace": tuple(points),
        **memory,
    }
    return measured, answer


def _derived(suite: Suite, record: RunRecord) -> RunRecord:
    """Add the metrics that come from the finished run."""
    derived = {m.name: float(m.derive(record)) for m in suite.metrics if m.derive is not None}
    return replace(record, scores={**record.scores, **{name: value for name, value in derived.items() if np.isfinite(value)}})


def _exhibited(suite: Suite, problem: Any, answer: Any, record: RunRecord) -> RunRecord:
    """Add what the suite shows of an answer; where that fails, the scores stay and the reason says so."""
    if suite.exhibit is None:
        return record
    try:
        exhibits = orjson.loads(orjson.dumps(dict(suite.exhibit(problem, answer)), option=orjson.OPT_SERIALIZE_NUMPY))
        size = len(orjson.dumps(exhibits))
        if size > EXHIBIT_BYTES:
            raise ValueError(f"exhibits must be at most {EXHIBIT_BYTES} bytes as JSON, got {size}")
    except Exception:
        return replace(record, reason=_tail(f"no exhibits:\n{traceback.format_exc()}"))
    return replace(record, exhibits=exhibits)


def _ended(record: RunRecord) -> RunRecord:
    return replace(record, finished=datetime.now(UTC).isoformat(timespec="milliseconds"))


def _stream(seed: int, branch: int) -> np.random.Generator:
    """Return an independent stream of the seed: branch 0 makes the instance, branch 1 drives the method."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(branch,)))


def _missing_device(method: Method, device: str) -> str:
    if device not in method.devices:
        return f"{method.name} runs on {' and '.join(method.devices)} only"
    if device == "cuda" and not environment.gpu_model():
        return "torch finds no CUDA device on this machine"
    return ""


def _synchronise(device: str) -> None:
    if device == "cuda":
        sys.modules["torch"].cuda.synchronize()


def _reset_peak_memory(device: str) -> int:
    """Start the high-water marks anew and return the resident bytes now."""
    if device == "cuda":
        sys.modules["torch"].cuda.reset_peak_memory_stats()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return -1  # not Linux, or not allowed: no peak is better than a wrong one
    return _resident("VmRSS")


def _peak_memory(baseline: int, device: str) -> dict[str, int | None]:
    peak = max(0, _resident("VmHWM") - baseline) if baseline >= 0 else None
    return {
        "peak_memory": peak,
        "gpu_memory": int(sys.modules["torch"].cuda.max_memory_allocated()) if device == "cuda" else None,
    }


def _resident(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return 0


def _is_finite(answer: Any, depth: int = 4) -> bool:
    """Return whether the arrays inside an answer are finite; lone numbers are left to the metrics."""
    if depth == 0 or answer is None or isinstance(answer, str | bytes | int | float):
        return True
    if isinstance(answer, np.ndarray):
        return answer.dtype.kind not in "fc" or bool(np.isfinite(answer).all())
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(answer, torch.Tensor):
        return not answer.is_floating_point() or bool(torch.isfinite(answer).all())
    if torch is not None and isinstance(answer, torch.nn.Module):
        return all(_is_finite(tensor) for tensor in answer.state_dict().values())
    if isinstance(answer, Mapping):
        return all(_is_finite(part, depth - 1) for part in answer.values())
    if isinstance(answer, tuple | list):
        return all(_is_finite(part, depth - 1) for part in answer)
    if is_dataclass(answer):
        return all(_is_finite(getattr(answer, field.name), depth - 1) for field in fields(answer))
    return True


def _is_torch_memory_error(error: BaseException) -> bool:
    text = str(error)
    signs = ("not enough memory", "can't allocate memory", "out of memory")
    return isinstance(error, RuntimeError) and any(sign in text for sign in signs)


def _tail(text: str) -> str:
    """Return the last lines of a text: what a reader of the board needs."""
    lines = "\n".join(text.strip().splitlines()[-_REASON_LINES:])[-2000:]
    return lines.encode("utf-8", "replace").decode()  # JSON knows no lone surrogates
