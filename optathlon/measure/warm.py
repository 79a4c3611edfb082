"""First-use costs, paid in the parent before a cell is forked: imports, compilation, the start of CUDA."""

from __future__ import annotations

import importlib
import sys
from functools import cache

from optathlon.measure.plan import digest_of
from optathlon.measure.seeds import stream
from optathlon.spec import Method
from optathlon.threads import fix_threads


@cache
def load_modules(method: Method) -> None:
    """Import what the method's code imports and fix the thread pools: what a forked cell finds done."""
    for name in digest_of(method.run).modules:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # an optional peer, or a name that is no module: the method itself will say what it misses
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
    if method.warm_up is not None:
        method.warm_up()
