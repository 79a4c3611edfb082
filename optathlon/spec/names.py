"""Names: what may name a suite, a workload, a method, a metric, a machine."""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z0-9]+([._+-][a-z0-9]+)*")


def require_name(kind: str, name: str) -> None:
    """Raise ValueError unless `name` is safe in paths, tables and addresses."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{kind} name must be lower-case letters and digits joined by single '-', '.', '_' or '+', got {name!r}")
