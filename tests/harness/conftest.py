from __future__ import annotations

from collections.abc import Callable

import pytest
import toy_suite

from optathlon.measure import Job, plan_cell, run_jobs
from optathlon.spec import RunRecord


@pytest.fixture
def run_toy() -> Callable[..., RunRecord]:
    """Run one method of the toy suite in isolation."""

    def run(method: str, *, workload: str = "vector", seed: int = 0, timeout: float = 10.0, memory: int = 2**29) -> RunRecord:
        suite = toy_suite.SUITE
        entries = suite.workload(workload), suite.method(method)
        cell = plan_cell(suite, *entries, machine="here")
        (record,) = run_jobs([Job(suite, *entries, cell, seed, timeout, memory)])
        return record

    return run
