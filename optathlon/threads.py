"""The thread pools of the numerical libraries, fixed before they start: this module imports neither the house nor numpy."""

from __future__ import annotations

import os

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def threads() -> int:
    """Return how many BLAS and torch threads a cell gets: ``OPTATHLON_THREADS``, by default 1."""
    text = os.environ.get("OPTATHLON_THREADS", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) >= 1):
        raise ValueError(f"OPTATHLON_THREADS must be a whole number from 1 to 9999, got {text[:40]!r}")
    return int(text)


def fix_threads(count: int | None = None) -> None:
    """Fix the thread pools of every numerical library, loaded already or later, to `count`, by default `threads`.

    An idle OpenBLAS thread spins, which costs up to 25 times the CPU seconds on a busy machine, and torch's own setting does not
    reach numpy's pool.
    """
    import sys

    count = count or threads()
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(count)
    if "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits

        threadpool_limits(limits=count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)
