"""Methods, warm-ups and exhibits that attack whoever runs them."""

from __future__ import annotations

import ctypes
import gc
import mmap
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from optathlon.spec import Context, Method, Metric, Scale, Suite, Workload

Attack = Callable[[Any, Context], Any]


def _after(act: Callable[[], Any]) -> Attack:
    """Return the method that acts, and answers as if nothing had happened if it still can."""

    def method(problem: Any, context: Context) -> Any:
        act()
        return problem

    return method


def _write_everywhere(data: bytes) -> None:
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, data)
        except OSError:
            continue


def _recurse(depth: int = 0) -> int:
    return _recurse(depth + 1) + 1


def _deep(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _spin() -> None:
    while True:
        pass


def _orphan(seconds: float = 60.0) -> None:
    """Leave a daemon: a double fork in a session of its own."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(0.01)
        os._exit(0)
    time.sleep(0.05)


def _fork_on() -> None:
    """Leave a process that forks and ends, again and again."""
    if os.fork() == 0:
        while True:
            if os.fork() != 0:
                os._exit(0)
            time.sleep(0.002)
    time.sleep(0.05)


def _ignore_and_sleep() -> None:
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    time.sleep(60)


def _shared(size: int) -> None:
    block = mmap.mmap(-1, size)
    for start in range(0, size, 4096):
        block[start] = 1
    time.sleep(60)


def _refused_mmap() -> None:
    mmap.mmap(-1, 2**40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def _threads_hold_locks() -> None:
    lock = threading.Lock()
    lock.acquire()
    threading.Thread(target=lock.acquire, daemon=False).start()


def _kill(number: int, whom: Callable[[], int] = os.getpid) -> Callable[[], None]:
    return lambda: os.kill(whom(), number)


def _raise(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def _answer(value: Any) -> Attack:
    return lambda problem, context: value


def _observe(step: Any, answer: Any) -> Attack:
    def method(problem: Any, context: Context) -> Any:
        context.observe(step, answer)
        return problem

    return method


def _flood(problem: Any, context: Context) -> Any:
    while True:
        os.write(2, b"x" * 65536)


def _limits_off() -> None:
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (hard, hard))
    held = [bytearray(2**24) for _ in range(64)]
    for block in held:
        block[::4096] = b"x" * len(block[::4096])
    time.sleep(60)


class _Hostile:
    """An answer whose every question is an attack."""

    def __getattr__(self, name: str) -> Any:
        raise SystemExit(f"{name} was asked for")

    def __float__(self) -> float:
        os._exit(7)

    def __len__(self) -> int:
        raise KeyboardInterrupt


ATTACKS: dict[str, Attack] = {
    "os-exit": _after(partial(os._exit, 0)),
    "os-exit-3": _after(partial(os._exit, 3)),
    "sys-exit": _after(partial(sys.exit, 0)),
    "sys-exit-text": _after(partial(sys.exit, "\x1b[31mred\u202e")),
    "abort": _after(os.abort),
    "segfault": _after(partial(ctypes.string_at, 0)),
    **{f"signal-{number}": _after(_kill(number)) for number in (1, 2, 3, 4, 6, 7, 8, 9, 11, 13, 14, 15, 24, 25, 31, 34, 40, 64)},
    "kill-the-guardian": _after(_kill(signal.SIGKILL, os.getppid)),
    "stop-the-guardian": _after(lambda: (os.kill(os.getppid(), signal.SIGSTOP), time.sleep(60))),
    "stop-oneself": _after(_kill(signal.SIGSTOP)),
    "term-the-guardian": _after(_kill(signal.SIGTERM, os.getppid)),
    "keyboard-interrupt": _after(_raise(KeyboardInterrupt())),
    "generator-exit": _after(_raise(GeneratorExit())),
    "base-exception": _after(_raise(BaseException("odd"))),
    "control-characters": _after(_raise(RuntimeError("\x1b[2J\x1b[31m\u202egnp.\x07 =1+1"))),
    "surrogates": _after(_raise(RuntimeError("\ud800\udfff"))),
    "nul": _after(_raise(RuntimeError("a\x00b"))),
    "long-reason": _after(_raise(RuntimeError("x" * 10**7))),
    "html": _after(_raise(RuntimeError("<script>alert(1)</script> | `x` [y](javascript:z)"))),
    "memory-error": _after(_raise(MemoryError("none"))),
    "recursion": _after(_recurse),
    "infinite-loop": _after(_spin),
    "ignores-all-signals": _after(_ignore_and_sleep),
    "a-daemon": _after(_orphan),
    "a-daemon-then-exit": _after(lambda: (_orphan(), os._exit(1))),
    "a-daemon-then-hang": _after(lambda: (_orphan(), time.sleep(60))),
    "a-daemon-then-kill-the-guardian": _after(lambda: (_orphan(), os.kill(os.getppid(), signal.SIGKILL), time.sleep(60))),
    "forks-on": _after(_fork_on),
    "a-child": _after(lambda: subprocess.Popen(["sleep", "61"], start_new_session=True)),
    "many-children": _after(lambda: [subprocess.Popen(["sleep", "61"]) for _ in range(20)]),
    "a-pool": _after(lambda: multiprocessing.get_context("fork").Pool(2)),
    "a-thread-that-waits": _after(_threads_hold_locks),
    "a-timer": _after(lambda: signal.setitimer(signal.ITIMER_REAL, 0.01)),
    "writes-to-every-descriptor": _after(partial(_write_everywhere, b'{"run": {"seed": 0}}\n{"point": 5}\n')),
    "forges-a-run": _after(partial(_write_everywhere, b'{"run": {"status": "ok", "scores": {"value": -1e9}}}\n')),
    "writes-half-a-line": _after(partial(_write_everywhere, b'{"run": ')),
    "floods-the-pipe": _after(lambda: [_write_everywhere(b"x" * 65536) for _ in range(40)]),
    "floods-stderr": _flood,
    "closes-every-descriptor": _after(partial(os.closerange, 0, 256)),
    "closes-standard-output": _after(partial(os.closerange, 0, 3)),
    "replaces-stdout": _after(lambda: setattr(sys, "stdout", None)),
    "many-descriptors": _after(lambda: [os.open(os.devnull, os.O_RDONLY) for _ in range(100_000)]),
    "allocates": _after(lambda: np.ones(10**10)),
    "allocates-bytes": _after(lambda: [bytearray(2**24) for _ in range(10**6)]),
    "shared-memory": _after(partial(_shared, 2**29)),
    "a-refused-mmap": _after(_refused_mmap),
    "lifts-its-limits": _after(_limits_off),
    "patches-the-clock": _after(lambda: setattr(time, "perf_counter", lambda: 0.0)),
    "seeds-everything": _after(lambda: (np.random.seed(0), setattr(np.random, "default_rng", None))),  # noqa: NPY002
    "patches-json": _after(lambda: setattr(sys.modules["orjson"], "dumps", lambda *a, **k: b"{}")),
    "clears-modules": _after(lambda: [sys.modules.pop(name) for name in list(sys.modules) if name.startswith("optathlon")]),
    "empties-collector": _after(lambda: (gc.disable(), gc.unfreeze())),
    "changes-folder": _after(lambda: os.chdir("/")),
    "deletes-its-folder": _after(lambda: (os.chdir(tempfile.mkdtemp()), shutil.rmtree(os.getcwd()))),
    "umask": _after(partial(os.umask, 0o777)),
    "answers-none": _answer(None),
    "answers-text": _answer("1.0"),
    "answers-nan": _answer(float("nan")),
    "answers-infinity": _answer(float("inf")),
    "answers-huge": _answer(10**400),
    "answers-complex": _answer(1j),
    "answers-deep": lambda problem, context: _deep(10_000),
    "answers-hostile": lambda problem, context: _Hostile(),
    "answers-a-generator": lambda problem, context: (x for x in (1.0,)),
    "answers-a-million": lambda problem, context: [0.0] * 10**6,
    "observes-nan": _observe(0, float("nan")),
    "observes-text": _observe("zero", 1.0),
    "observes-none": _observe(None, 1.0),
    "observes-huge": _observe(10**400, 1.0),
    "observes-for-ever": lambda problem, context: [context.observe(step, 1.0) for step in iter(int, 1)],
    "uses-the-wrong-device": lambda problem, context: context.rng.tensor("cuda"),
    "leaves-shared-memory": _after(lambda: open("/dev/shm/optathlon-left", "w").close()),
}

WARM_UPS: dict[str, Callable[[], Any]] = {
    "exits": partial(os._exit, 0),
    "segfaults": partial(ctypes.string_at, 0),
    "interrupts": _raise(KeyboardInterrupt()),
    "hangs": partial(time.sleep, 60),
    "raises": _raise(OSError("no compiler")),
    "kills-the-guardian": _kill(signal.SIGKILL, os.getppid),
    "allocates": lambda: np.ones(10**10),
}

EXHIBITS: dict[str, Any] = {
    "nan": [1.0, float("nan")],
    "infinity": [float("inf")],
    "none": None,
    "a-number": 1.0,
    "two-axes": np.ones((2, 2)),
    "a-mapping": {"a": 1.0},
    "texts": ["a", "b"],
    "deep": _deep(50),
}


def suite_of(run: Attack, warm_up: Callable[[], None] | None = None, exhibit: Any = None) -> Suite:
    """Return a suite of one method, with a good one beside it."""
    return Suite(
        name="hostile",
        version="1",
        title="",
        source="",
        workloads=(Workload(name="w", make=lambda rng, device: 1.0, scale=Scale.SMOKE, seeds=1, budget=2.0),),
        methods=(Method(name="attack", run=run, warm_up=warm_up), Method(name="good", run=lambda problem, context: 0.5)),
        metrics=(Metric(name="value", unit="1", better="lower", evaluate=lambda problem, answer: float(answer)),),
        reference_method="good",
        exhibit=exhibit,
    )
