"""Run one cell: make the instance, time the method, score the answer. The one place with a clock."""

from __future__ import annotations

import errno
import gc
import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson

from optathlon.measure import environment
from optathlon.measure.clock import Clock, Tracer, compilations, living_children_seconds, thin, trace_point
from optathlon.measure.fingerprint import changed, fingerprint, replaced, scoring_tools
from optathlon.measure.memory import peak_memory, reset_peak_memory
from optathlon.measure.plan import plan_cell
from optathlon.measure.seeds import stream
from optathlon.measure.warm import LIBRARIES, prepare
from optathlon.spec import Cell, Context, Diverged, Method, Metric, NeedsData, RunRecord, Status, Suite, TracePoint, Workload
from optathlon.spec.text import clean
from optathlon.store.encoding import check_exhibits
from optathlon.threads import fix_threads, threads

EXHIBIT_BYTES = 64 * 1024
_REASON_LINES = 12
_FIRST_USE = "{} while the clock ran: a first use that the method's warm_up should pay for"
_HOME = os.getpid()  # a fork of it ends with its cell and need not thaw


def run_cell(
    suite: Suite,
    workload: Workload,
    method: Method,
    device: str,
    seed: int,
    *,
    cell: Cell | None = None,
    publish: Callable[[TracePoint], None] = lambda point: None,
    begin: Callable[[], None] = lambda: None,
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
    begin : callable
        Is called when the instance is there and the method's turn has come.
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
        if threads() > 1:
            fix_threads()
        problem = workload.make(stream(seed, 0), device)
        begin()
        measured, answer = _measure(suite.metrics_of(workload), workload, problem, method, device, seed, keep)
        return _ended(_exhibited(suite, problem, answer, _derived(suite, replace(record, **measured))))
    except NeedsData as missing:
        return failed(Status.NEEDS_DATA, str(missing))
    except (Diverged, FloatingPointError) as error:
        return failed(Status.DIVERGED, str(error))
    except MemoryError as error:
        return failed(Status.OUT_OF_MEMORY, f"MemoryError: {error}")
    except (Exception, SystemExit) as error:
        status = Status.OUT_OF_MEMORY if _is_memory_error(error) else Status.ERROR
        return failed(status, traceback.format_exc())


def _measure(
    metrics: Sequence[Metric],
    workload: Workload,
    problem: Any,
    method: Method,
    device: str,
    seed: int,
    publish: Callable[[TracePoint], None],
) -> tuple[dict[str, Any], Any]:
    """Return the measured fields of a record, and the answer.

    Raises `Diverged` for an answer that is not finite, and ValueError where the method has changed the problem in place or the
    functions that metrics use: what scores it must be what every other method was given.
    """
    target = workload.target
    shown = problem if workload.public is None or method.yardstick else workload.public(problem)
    before, tools = fingerprint(problem), scoring_tools(metric.function for metric in metrics)
    traced = [metric for metric in metrics if metric is metrics[0] or metric.traced]
    clock = Clock(device)
    tracer = Tracer(clock, lambda answer: [float(metric.function(problem, answer)) for metric in traced], publish, target)
    rng = stream(seed, 1)
    context = Context(rng=rng, seed=int(rng.integers(2**31)), device=device, observe=tracer.observe, section=clock.section)
    gc.freeze()  # the method's collections look at its own objects only, however many a grown process holds
    known = len(sys.modules)
    baseline, others = reset_peak_memory(device), living_children_seconds()
    with compilations() as compiled:
        clock.start()
        try:
            answer = method.run(shown, context, **method.settings)
        finally:
            clock.stop()
            if os.getpid() == _HOME:
                gc.unfreeze()
    clock.cpu_seconds += max(0.0, living_children_seconds() - others)  # what lived before has worked for others, too
    memory = peak_memory(baseline, device)
    if bent := replaced(tools):
        raise ValueError(f"{method.name} has replaced functions by which answers are scored: {', '.join(bent[:3])}")
    if bent := changed(before, problem):
        raise ValueError(f"{method.name} has changed its problem in place: {', '.join(bent[:3])}")
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
        points = (
            [*points, trace_point(int(points[-1][0]) + 1, clock.seconds, last, target)] if np.isfinite(last).all() else points
        )
    measured = {
        "scores": scores,
        "seconds": clock.seconds,
        "cpu_seconds": clock.cpu_seconds,
        "sections": clock.sections,
        "trace": tuple(points),
        "reason": _first_use(sum(compiled), known),
        **memory,
    }
    return measured, answer


def _first_use(compiled: float, known: int) -> str:
    """Return what a record must say of seconds that hold a first use, empty where they do not."""
    # Looking at the names alone would write to their pages, which a forked cell shares with its parent.
    new = list(sys.modules)[known:] if len(sys.modules) > known else []
    imported = Counter(name.split(".")[0] for name in new)
    said = [f"numba compiled for {compiled:.2f} s"] if compiled else []
    said += [f"{imported[library]} modules of {library} were imported" for library in sorted(LIBRARIES & imported.keys())]
    return _FIRST_USE.format(" and ".join(said)) if said else ""


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
        check_exhibits(exhibits)
        size = len(orjson.dumps(exhibits))
        if size > EXHIBIT_BYTES:
            raise ValueError(f"exhibits must be at most {EXHIBIT_BYTES} bytes as JSON, got {size}")
    except Exception:
        return replace(record, reason=_tail(f"no exhibits:\n{traceback.format_exc()}"))
    return replace(record, exhibits=exhibits)


def _ended(record: RunRecord) -> RunRecord:
    return replace(record, finished=datetime.now(UTC).isoformat(timespec="milliseconds"))


def _missing_device(method: Method, device: str) -> str:
    if device not in method.devices:
        return f"{method.name} runs on {' and '.join(method.devices)} only"
    if device == "cuda" and not environment.gpu_model():
        return "torch finds no CUDA device on this machine"
    return ""


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


def _is_memory_error(error: BaseException) -> bool:
    """Return whether memory was refused in another way than by MemoryError: by torch, or by the system itself."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error)
    signs = ("not enough memory", "can't allocate memory", "out of memory")
    return isinstance(error, RuntimeError) and any(sign in text for sign in signs)


def _tail(text: str) -> str:
    """Return the last lines of a text: what a reader of the board needs."""
    lines = "\n".join(text.strip().splitlines()[-_REASON_LINES:])[-2000:]
    return clean(lines)
