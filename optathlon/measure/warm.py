"""First-use costs, paid in the parent before a cell is forked: imports, compilation, the start of CUDA."""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import random
import signal
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from optathlon import data
from optathlon.measure.plan import digest_of
from optathlon.measure.seeds import stream
from optathlon.spec import Method, Suite, Workload
from optathlon.threads import fix_threads

# Imported without trying them out: a process that they end could not have been started.
LIBRARIES = frozenset({
    "PIL", "clarabel", "cvxpy", "llvmlite", "matplotlib", "numba", "numpy", "orjson", "pandas", "scipy", "scs", "sklearn",
    "torch", "torchmetrics", "torchvision",
})  # fmt: skip


def load_libraries(suite: Suite, workload: Workload, method: Method) -> None:
    """Import the libraries, known to all, of a cell: those of its method, its instance, its metrics and its data sets.

    Embedded data sets are read as well: each cell would read them again.
    """
    others = (workload.make, workload.public, suite.exhibit, *(metric.function for metric in suite.metrics_of(workload)))
    for code in (digest_of(method.run), *(digest_of(other, False) for other in others if other is not None)):
        for name in filter(_is_known, code.modules):
            _load(name)
    for name in workload.data:
        for library in filter(_is_known, data.dataset(name).libraries):
            _load(library)
        if data.dataset(name).kind == "embedded":
            with contextlib.suppress(Exception):  # the cell itself will say what is wrong with it
                data.load(name)


def is_risky(method: Method) -> bool:
    """Return whether preparing a method runs code that nobody here has run before: its warm-up, or modules not loaded yet."""
    unknown = any(name not in sys.modules and not _is_known(name) for name in digest_of(method.run).modules)
    return unknown or method.warm_up is not None


def _is_known(name: str) -> bool:
    top = name.split(".")[0]
    return top in LIBRARIES or top in sys.stdlib_module_names


def _load(name: str) -> None:
    if name in sys.modules:
        return
    with contextlib.suppress(ImportError):
        importlib.import_module(name)  # an optional peer, or a name that is no module: the method itself will say what it misses


@cache
def load_modules(method: Method) -> None:
    """Import what the method's code imports and fix the thread pools: what a forked cell finds done."""
    for name in digest_of(method.run).modules:
        _load(name)
    fix_threads(1)  # a pool started here would be dead in a fork
    stream(0, 0)  # numpy loads its random module at first use


@cache
def prepare(method: Method, device: str) -> None:
    """Pay first-use costs in this process: imports, the method's warm-up, and the start of CUDA where it is used."""
    load_modules(method)
    if device == "cuda":
        torch = sys.modules["torch"]
        square = torch.ones(64, 64, device=device)
        (square @ square).sum().item()
    if method.warm_up is None:
        return
    try:
        method.warm_up()
    except (EOFError, pickle.UnpicklingError):
        if not _forget_kernels(method):
            raise
        method.warm_up()


def _forget_kernels(method: Method) -> bool:
    """Remove the indexes of numba's caches that a method may have met torn; return whether there were any."""
    modules = [sys.modules.get(name) for name in (method.run.__module__, *digest_of(method.run).modules)]
    files = [Path(module.__file__) for module in modules if module is not None and getattr(module, "__file__", None)]  # type: ignore[arg-type]
    indexes = [index for file in files for index in (file.parent / "__pycache__").glob(f"{file.stem}.*.nbi")]
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        indexes += Path(given).rglob("*.nbi")
    for index in indexes:
        index.unlink(missing_ok=True)
    return bool(indexes)


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Put back what a warm-up may change for everybody: folder, environment, mask, clocks, random states, signals, output."""
    try:
        folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        folder = None  # somebody has removed it
    environ, mask = dict(os.environ), os.umask(0o022)
    os.umask(mask)
    clock, python, numpy = dict(vars(time)), random.getstate(), np.random.get_state()  # noqa: NPY002
    torch = sys.modules.get("torch")
    seed = torch.random.get_rng_state() if torch is not None else None
    output, path = (sys.stdout, sys.stderr), list(sys.path)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM)
    handlers = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # not in the main thread, where nobody can have set any
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in handlers.items():
                signal.signal(number, handler)
        if folder is not None:
            os.fchdir(folder)
            os.close(folder)
        os.umask(mask)
        if dict(os.environ) != environ:
            os.environ.clear()
            os.environ.update(environ)
        time.__dict__.update(clock)
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if torch is not None and seed is not None:
            torch.random.set_rng_state(seed)
        sys.stdout, sys.stderr = output
        sys.path[:] = path
