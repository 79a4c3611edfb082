"""Who may take part in a run, and who is refused before anything is handed out."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import optathlon
from optathlon.cli import common

pytest.importorskip("distributed")
SUITE = Path(__file__).with_name("counted_suite.py")


def _ended(process: Any) -> tuple[int, str]:
    _, said = process.communicate(timeout=300)
    return process.returncode, said


def _worker(house: Any, address: str, suite: Path = SUITE, machine: str = "one") -> Any:
    return house.start("worker", address, "--slots", "1", suite=suite, OPTATHLON_MACHINE=machine)


def test_workers_of_a_scheduler_that_is_there(house: Any, alone: Any, tmp_path: Path) -> None:
    address = house.scheduler()
    _worker(house, address)
    house.until(lambda: house.processes("cluster.nursery"))
    code, said = _ended(house.run("--on", address, "--device", "cuda"))
    assert code == 1
    assert "none of them with the tag cuda" in said
    _worker(house, address, machine="two")
    house.until(lambda: len(house.processes("cluster.nursery")) == 2)
    code, said = _ended(house.run("--on", address, "--machine", "two"))
    assert code == 0, said
    assert house.recorded() == alone
    assert {path.name for path in (house.results / "records").iterdir()} == {"two"}
    code, said = _ended(house.run("--on", address))
    assert code == 1
    assert "one (1 slots), two (1 slots)" in said
    other = tmp_path / "counted_suite.py"
    other.write_text(SUITE.read_text().replace('version="1"', 'version="2"'))
    _worker(house, address, suite=other)
    house.until(lambda: len(house.processes("cluster.nursery")) == 3)
    code, said = _ended(house.run("--on", address, "--machine", "one"))
    assert code == 1
    assert "suites counted 2-" in said
    assert "instead of counted 1-" in said
    assert sum(house.ended().values()) == 16  # nothing was handed out for what was refused


def test_a_worker_with_other_code_is_refused_with_both_digests(house: Any, tmp_path: Path) -> None:
    package = tmp_path / "other" / "optathlon"
    shutil.copytree(Path(optathlon.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__", "assets"))
    with (package / "judge" / "profiles.py").open("a") as file:
        file.write("# another line\n")
    address = house.scheduler()
    house.start("worker", address, "--slots", "1", PYTHONPATH=str(package.parent), OPTATHLON_MACHINE="one")
    house.until(lambda: house.processes("cluster.nursery"))
    code, said = _ended(house.run("--on", address))
    assert code == 1
    digests = re.search(r"code ([0-9a-f]{16}) instead of ([0-9a-f]{16})", said)
    assert digests is not None, said
    assert digests[1] != digests[2]
    assert not house.ended()


def test_without_the_extra_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(common.UsageError, match=r"pip install 'optathlon\[cluster\]'"):
        common.cluster_room("driver")
