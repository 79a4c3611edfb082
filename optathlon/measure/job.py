"""One cell to run."""

from __future__ import annotations

from typing import NamedTuple

from optathlon.spec import Cell, Method, Suite, Workload


class Job(NamedTuple):
    """One cell to run, with its limits in seconds and bytes."""

    suite: Suite
    workload: Workload
    method: Method
    cell: Cell
    seed: int
    timeout: float
    memory: int
