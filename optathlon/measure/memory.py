"""Peak memory of a cell, on the host and on the GPU."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

_libc = ctypes.CDLL(None)


def reset_peak_memory(device: str) -> int:
    """Give back what lies free in the heap, start the high-water marks anew, and return the resident bytes now.

    Free heap that the instance left behind would take the method's arrays without a trace.
    """
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
    if device == "cuda":
        sys.modules["torch"].cuda.reset_peak_memory_stats()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return -1  # not Linux, or not allowed: no peak is better than a wrong one
    return _resident("VmRSS")


def peak_memory(baseline: int, device: str) -> dict[str, int | None]:
    """Return the highest resident bytes above `baseline` and the highest allocation on the GPU, None where unknown."""
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
