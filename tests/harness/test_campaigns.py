"""A short version of each campaign; `make campaigns` runs them at length."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CAMPAIGNS = Path(__file__).parents[1] / "campaigns"


@pytest.mark.parametrize(("name", "trials"), [("hostile", 17), ("kills", 7), ("records", 200), ("datafiles", 60), ("weather", 3)])
def test_a_few_trials_of_each_campaign(name: str, trials: int) -> None:
    command = [sys.executable, str(CAMPAIGNS / f"{name}.py"), "--trials", str(trials), "--seed", "7"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert ended.returncode == 0, ended.stderr[-5000:]
    assert " 0 failures" in ended.stdout
