"""Boards of a million made-up runs and more, as files that `store.save` would have left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from optathlon import store
from optathlon.spec import Cell, Environment, MetricInfo, Scale
from optathlon.store import Group, files

METRICS = (MetricInfo(name="error", unit="1", better="lower"), MetricInfo(name="time", unit="s", better="lower"))
ENVIRONMENT = Environment(machine="here", cpu="", gpu="", os="", python="3", versions={}, threads=1)


def groups(boards: int, methods: int = 20, seeds: int = 20) -> Iterator[Group]:
    """Yield the groups of boards in the order of their paths: each method is a tenth of the noise behind the one before it."""
    rng = np.random.default_rng(0)
    for board in range(boards):
        instance = rng.normal(size=seeds)
        for method in range(methods):
            cell = Cell(
                suite="large", suite_version="1", workload=f"w{board:07d}", scale=Scale.SMALL, method=f"m{method:02d}",
                metrics=METRICS, reference_method="m00", environment=ENVIRONMENT, key=f"{board * methods + method:064d}",
            )  # fmt: skip
            errors = (instance + 0.1 * method + rng.normal(size=seeds)).tolist()
            seconds = rng.exponential(size=seeds).tolist()
            yield Group(cell, [_run(seed, errors[seed], seconds[seed]) for seed in range(seeds)], 1)


def _run(seed: int, error: float, seconds: float) -> dict[str, object]:
    return {
        "seed": seed, "status": "ok", "scores": {"error": error, "time": seconds}, "seconds": seconds, "cpu_seconds": seconds,
        "peak_memory": 1 << 20, "jobs": 1, "busy": 1.01, "commit": "0" * 40, "finished": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip


def write(results: Path, boards: int, methods: int = 20, seeds: int = 20) -> None:
    """Write the groups as JSON files."""
    for group in groups(boards, methods, seeds):
        path = store.path_of(results, group.cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        files._write(path, group.cell, group.runs)
