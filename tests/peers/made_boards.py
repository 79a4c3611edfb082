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


def multiply(packed: Path, results: Path, times: int) -> None:
    """Write packs alone, a row group at a time: those of a folder, so often, with the same runs under other workloads' names."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for folder in (path.parent for path in packed.glob("packs/*/*/index.parquet")):
        target = results / folder.relative_to(packed)
        target.mkdir(parents=True)
        index = pq.read_table(folder / "index.parquet")
        runs = pq.ParquetFile(folder / "runs.parquet")
        schemas = {"index": index.schema, "runs": runs.schema_arrow, "apart": pq.read_schema(folder / "apart.parquet")}
        files = {
            name: pq.ParquetWriter(target / f"{name}.parquet", schema, compression="lz4", write_page_checksum=True)
            for name, schema in schemas.items()
        }
        at = index.schema.get_field_index("workload")
        for repetition in range(times):
            names = pa.array([f"r{repetition:04d}-{name}" for name in index["workload"].to_pylist()])
            files["index"].write_table(index.set_column(at, "workload", names))
            for number in range(runs.num_row_groups):
                table = runs.read_row_group(number)
                files["runs"].write_table(table, row_group_size=len(table))
        for file in files.values():
            file.close()
