"""The recipe "Add a method" of CONTRIBUTING.md, followed to the letter in a copy of the checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]

LIBRARY = """
def my_method(X, y, *, n_steps, rng=None, callback=None):
    \"\"\"Round the correlations.\"\"\"
    import numpy as np

    return np.where(np.einsum("...np,...n->...p", X, y) < 0, -1.0, 1.0)
"""


def recipe() -> tuple[str, str]:
    """Return the code of the recipe: the adapter, and the method."""
    section = (REPO / "CONTRIBUTING.md").read_text().split("## Add a method")[1]
    (block,) = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)[:1]
    adapter, _, method = textwrap.dedent(block).partition("\n\n\nMethod(")
    return adapter, "Method(" + method.rpartition(")")[0] + ")"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the checkout in which the recipe was followed, steps 1 and 3."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("optathlon", "baselines", "suites", "benchmarks"):
        shutil.copytree(REPO / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    library = folder / "baselines" / "binary_regression"
    (library / "my_method.py").write_text(LIBRARY)
    with (library / "__init__.py").open("a") as exports:
        exports.write("\nfrom optathlon.baselines.binary_regression.my_method import my_method\n")
    adapter, method = recipe()
    with (folder / "suites" / "binary_regression" / "methods.py").open("a") as methods:
        methods.write(f"\n\n{adapter}\n\n\nMETHODS = (*METHODS, {method})\n")
    return folder


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, cwd=copy, env=environment)


def test_the_door_is_stale_until_it_is_written(copy: Path) -> None:
    assert run(copy, "benchmarks._doors", "--check").returncode == 1
    written = run(copy, "benchmarks._doors")
    assert written.returncode == 0, written.stderr
    assert '"my-method"' in (copy / "benchmarks" / "bench_binary_regression.py").read_text()
    assert run(copy, "benchmarks._doors", "--check").returncode == 0


@pytest.mark.parametrize("scale", ["smoke", "small"])
def test_the_method_runs_on_the_workloads_that_it_names(copy: Path, tmp_path: Path, scale: str) -> None:
    results = ("--results", str(tmp_path))
    ended = run(
        copy, "optathlon", "run", "binary_regression", "--scale", scale, "--method", "my-method", "--seeds", "1", *results
    )
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(run(copy, "optathlon", "leaderboard", "--format", "json", *results).stdout)
    assert {row["method"] for row in rows} == {"my-method"}
    assert all(row["settings"] == {"n_steps": 500} for row in rows)
