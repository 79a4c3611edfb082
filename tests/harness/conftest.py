from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import toy_suite
from data_folders import REAL

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


@pytest.fixture
def own_data_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an empty cache and no data folder."""
    monkeypatch.setenv("OPTATHLON_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPTATHLON_DATA", raising=False)


@pytest.fixture
def boston(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a writable data folder that holds boston, with a modification time long ago."""
    folder = tmp_path / "data"
    (folder / "tabular").mkdir(parents=True)
    shutil.copyfile(REAL / "tabular/boston.csv", folder / "tabular/boston.csv")
    os.utime(folder / "tabular/boston.csv", (1_000_000_000, 1_000_000_000))
    monkeypatch.setenv("OPTATHLON_DATA", str(folder))
    return folder / "tabular/boston.csv"
