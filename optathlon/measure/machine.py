"""What this machine is: its processor, the cores and the GPU that may be used, and a name that says so."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

_NOISE = r"\((r|tm)\)|\b(cpu|processor|\d+(th|rd|nd|st) gen|core|\d+-core|with .*)\b|@.*"
# Part numbers of ARM's own cores, as /proc/cpuinfo gives them; others are named by their numbers.
_ARM_PARTS = {
    "0xd03": "cortex-a53", "0xd08": "cortex-a72", "0xd0b": "cortex-a76", "0xd0c": "neoverse-n1", "0xd40": "neoverse-v1",
    "0xd49": "neoverse-n2", "0xd4f": "neoverse-v2", "0xd8e": "neoverse-n3",
}  # fmt: skip


@cache
def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""


def _field(name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.+)$", _cpuinfo(), re.MULTILINE)
    return found[1].strip() if found else ""


def cpu_model() -> str:
    """Return the processor's model name; for ARM, which gives none, implementer and part."""
    if given := _field("model name"):
        return given
    if part := _field("CPU part"):
        return f"{_ARM_PARTS.get(part, 'arm')} ({_field('CPU implementer')} {part})"
    return platform.processor() or platform.machine()


def cpu_flags() -> str:
    """Return what the processor says it can do."""
    return _field("flags") or _field("Features")


def cpu_slug() -> str:
    """Return the processor's model as a part of a name, with family and model numbers where the words alone say no model."""
    if part := _field("CPU part"):
        return _ARM_PARTS.get(part) or f"arm-{_field('CPU implementer').removeprefix('0x')}-{part.removeprefix('0x')}"
    words = re.findall(r"[a-z0-9]+", re.sub(_NOISE, " ", cpu_model().lower()))
    if not any(re.search(r"\d", word) for word in words):
        words += [f"f{family}m{_field('model')}"] if (family := _field("cpu family")) else []
    return "-".join(words) or "unknown"


def cores() -> int:
    """Return how many cores this process may keep busy: by affinity, and by the quota of its cgroup, at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(Path("/sys/fs/cgroup"))
    return max(1, min(allowed, int(quota))) if quota else allowed


def _quota(root: Path) -> float | None:
    """Return the smallest CPU quota of this process's cgroup and those above it, in cores; None without one."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        base = root if not controllers else root / "cpu" if "cpu" in controllers.split(",") else None
        if base is None:
            continue
        inner = base / path.lstrip("/")
        for folder in (inner, *inner.parents):
            found += _quota_of(folder)
            if folder == base:
                break
    return min(found, default=None)


def _quota_of(folder: Path) -> list[float]:
    """Return the quota of one cgroup, version 2 or 1, as a list of one or none."""
    try:
        if (folder / "cpu.max").is_file():
            limit, period = (folder / "cpu.max").read_text().split()
        else:
            limit, period = ((folder / f"cpu.cfs_{part}_us").read_text().strip() for part in ("quota", "period"))
        return [int(limit) / int(period)] if limit not in ("max", "-1") else []
    except (OSError, ValueError):
        return []


@cache
def gpu_model() -> str:
    """Return the name of the GPU that torch uses, ``CUDA_VISIBLE_DEVICES`` honoured; empty where it finds none.

    A process of its own asks, for cells are forked, and CUDA cannot be used in a fork of a process that has started it.
    """
    if not any(Path("/dev").glob("nvidia*")) and not Path("/dev/dxg").exists():
        return ""
    program = "import torch\nif torch.cuda.is_available(): print(torch.cuda.get_device_name(0))"
    try:
        command = [sys.executable, "-P", "-c", program]
        said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, stdin=subprocess.DEVNULL).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.strip()


def name_of(processor: str, kernel: str, cores: int, gpu: str = "") -> str:
    """Return a machine's name from what it is made of, for example ``intel-i5-12400-haswell-6c``."""
    words = re.findall(r"[a-z0-9]+", f"{processor} {kernel} {cores}c {gpu}".lower())
    return "-".join(words)
