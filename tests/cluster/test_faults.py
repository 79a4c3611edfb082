"""Whoever dies by kill -9: no cell is lost, none recorded twice, no finished one runs again, scores are the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

import pytest

pytest.importorskip("distributed")
LOCAL = ("--on", "local", "--workers", "2")


def _finish(process: subprocess.Popen[str], code: int = 0) -> str:
    _, said = process.communicate(timeout=300)
    assert process.returncode == code, said
    return said


def _whole(house: Any, alone: Any, kept: dict[str, int]) -> None:
    assert house.recorded() == alone
    assert len(alone) == len(house.ended()) == 16
    assert kept
    assert {cell: house.ended()[cell] for cell in kept} == kept  # what was finished before the kill has not run again


def _kept(house: Any) -> dict[str, int]:
    """Return how often each cell that is finished for good has run: once, but for one that was running at an earlier kill."""
    kept, ended = house.kept(), house.ended()
    return {cell: ended[cell] for cell in kept}
    assert not list((house.results / ".spool").glob("*"))


def test_a_worker_and_a_nursery_are_killed(house: Any, alone: Any) -> None:
    run = house.run(*LOCAL)
    house.until(lambda: len(house.ended()) >= 2)
    kept = _kept(house)
    os.kill(house.processes("cluster.worker")[0], signal.SIGKILL)
    house.until(lambda: len(house.ended()) >= 6)
    kept |= _kept(house)
    os.kill(house.processes("cluster.nursery")[0], signal.SIGKILL)
    said = _finish(run)
    _whole(house, alone, kept)
    assert "16 cells run" in said
    assert "is lost" in said
    assert house.processes() == []


def test_the_driver_is_killed_and_the_same_command_goes_on(house: Any, alone: Any) -> None:
    run = house.run(*LOCAL)
    house.until(lambda: len(house.ended()) >= 5)
    kept = _kept(house)
    run.kill()
    run.communicate()
    house.until(lambda: not house.processes())  # scheduler, workers, nurseries and cells end with it
    said = _finish(house.run(*LOCAL))
    assert "16 cells run" not in said
    _whole(house, alone, kept)


def test_the_scheduler_is_killed_and_the_same_command_goes_on(house: Any, alone: Any) -> None:
    run = house.run(*LOCAL)
    house.until(lambda: len(house.ended()) >= 5)
    kept = _kept(house)
    os.kill(house.processes("cluster.places")[0], signal.SIGKILL)
    assert "the same command goes on from there" in _finish(run, 1)
    assert house.processes() == []
    _finish(house.run(*LOCAL))
    _whole(house, alone, kept)


def test_an_interrupt_leaves_nothing_running(house: Any) -> None:
    run = house.run(*LOCAL)
    house.until(lambda: len(house.kept()) >= 2)
    run.send_signal(signal.SIGINT)
    assert "finished cells are recorded" in _finish(run, 130)
    assert house.processes() == []
    assert len(house.recorded()) >= 2
