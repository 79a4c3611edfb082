"""Other people's suites and methods: by entry points, by files and folders, and what happens where they fail."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from optathlon.registry import Registry, Unloadable
from optathlon.spec import Suite

REPO = Path(__file__).parents[2]
EXAMPLE = REPO / "docs" / "plugins"


def optathlon(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "optathlon", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, env=os.environ | environment)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which pip has installed the example: on PYTHONPATH it is found like any package."""
    folder = tmp_path_factory.mktemp("site")
    source = shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("source") / "plugins")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*command, str(folder), str(source)], check=True, capture_output=True, text=True, timeout=900)
    return folder


def run_in(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return optathlon(*arguments, PYTHONPATH=str(installed))


def test_the_example_is_a_whole_package_of_under_eighty_lines() -> None:
    files = [EXAMPLE / "pyproject.toml", *(EXAMPLE / "optathlon_example").glob("*.py")]
    assert sum(len(path.read_text().splitlines()) for path in files) < 80


def test_its_suite_and_its_methods_run_and_are_ruled(installed: Path, tmp_path: Path) -> None:
    results = ("--results", str(tmp_path))
    methods = ("-m", "estimate-*", "-m", "matched-filter-*", "-m", "least-squares")
    ended = run_in(installed, "run", "coin", "binary_regression", "--scale", "smoke", *methods, *results)
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(run_in(installed, "leaderboard", "--format", "json", *results).stdout)
    assert {"matched-filter-power0.5", "matched-filter-power1", "estimate-statistic-mean"} <= {row["method"] for row in rows}
    settings = {row["method"]: row["settings"] for row in rows}
    assert settings["matched-filter-power0.5"] == {"power": 0.5}
    (claim,) = json.loads(run_in(installed, "claims", "coin", "--format", "json", *results).stdout)
    assert claim["verdict"] in ("reproduced", "inconclusive")


def test_an_edit_of_the_plug_in_measures_its_cells_again_and_no_others(installed: Path, tmp_path: Path) -> None:
    site = shutil.copytree(installed, tmp_path / "site")
    run = (
        "run",
        "binary_regression",
        "--scale",
        "smoke",
        "-m",
        "matched-filter-power1",
        "-m",
        "least-squares",
        "-w",
        "gaussian-6x12",
    )
    assert run_in(site, *run, "--results", str(tmp_path)).returncode == 0
    edited = site / "optathlon_example" / "methods.py"
    edited.write_text(edited.read_text().replace("< 0, -1.0, 1.0", "< 1e-9, -1.0, 1.0"))
    assert "2 cells run, 2 recorded before" in run_in(site, *run, "--results", str(tmp_path)).stderr


def test_a_plug_in_that_fails_costs_itself_and_says_why(installed: Path, tmp_path: Path) -> None:
    site = shutil.copytree(installed, tmp_path / "site")
    for name in ("methods", "suite"):
        (site / "optathlon_example" / f"{name}.py").write_text("import a_library_that_nobody_has\n")
    ended = run_in(site, "list")
    assert ended.returncode == 0
    assert "binary_regression" in ended.stdout
    assert "suite coin of optathlon-example: ModuleNotFoundError: No module named 'a_library_that_nobody_has'" in ended.stderr
    assert "methods matched_filter of optathlon-example" in ended.stderr


FILE = (EXAMPLE / "optathlon_example" / "suite.py").read_text()


def test_a_file_and_a_folder_are_suites_without_packaging(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(FILE)
    ended = optathlon("--suite", str(file), "run", "coin", "--scale", "smoke", "--results", str(tmp_path))
    assert ended.returncode == 0, ended.stderr
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "suite.py").write_text(FILE.replace('name="coin"', 'name="token"').replace("BIAS = 0.3", "from .bias import BIAS"))
    (folder / "bias.py").write_text("BIAS = 0.5\n")
    listed = optathlon("list", "token", "coin", OPTATHLON_SUITES=f"{folder}{os.pathsep}{file}")
    assert "token (version 1)" in listed.stdout
    assert "coin (version 1)" in listed.stdout


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise RuntimeError('no')", "RuntimeError: no"),
        ("SUITE = 5", "SUITE must be a Suite, got int"),
        ("x = 1", "AttributeError"),
        ("def broken(:", "SyntaxError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
    ],
)
def test_a_file_that_is_no_suite_is_refused_in_a_sentence(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(text)
    known = Registry([tmp_path / "broken.py", tmp_path / "absent.py"])
    assert len(known.refused) == 2
    assert reason in known.refused[0]
    assert "absent.py does not exist" in known.refused[1]
    assert "binary_regression" in known.names()


def test_a_name_taken_twice_is_refused_with_both_origins(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(FILE)
    (tmp_path / "c.py").write_text(FILE.replace('name="coin"', 'name="binary_regression"'))
    known = Registry([tmp_path / name for name in ("a.py", "b.py", "c.py")])
    assert known.origin("coin") == str(tmp_path / "a.py")
    assert known.refused == [
        f"suite coin is offered by {tmp_path / 'a.py'} and by {tmp_path / 'b.py'}",
        f"suite binary_regression is offered by optathlon and by {tmp_path / 'c.py'}",
    ]
    assert isinstance(known.load("binary_regression"), Suite)
    with pytest.raises(KeyError):
        known.load("nowhere")


OWN_DATA = """
from hashlib import sha256
from pathlib import Path
import numpy as np
from optathlon.data import DataFile, DataSet, load
HERE = Path(__file__).parent / "tosses.txt"
TOSSES = DataSet(
    name="tosses", kind="file", content="x (100,)", licence="CC0", source="a coin", citation="-",
    read=lambda folder: {"x": np.loadtxt(HERE)},
    files=(DataFile(path=str(HERE), sha256=sha256(HERE.read_bytes()).hexdigest(), size=HERE.stat().st_size),),
)
"""


def test_a_suite_brings_data_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "tosses.txt").write_text("\n".join("0110" * 25))
    text = OWN_DATA + FILE.replace(
        "return (rng.random((10, 10)) < BIAS).astype(float)", 'return load("tosses")["x"].reshape(10, 10)'
    )
    text = text.replace("scale=Scale.SMOKE, seeds=40", 'scale=Scale.SMOKE, seeds=2, data=("tosses",)').replace(
        'reference_method="estimate', 'datasets=(TOSSES,), reference_method="estimate'
    )
    (tmp_path / "suite.py").write_text(text)
    ended = optathlon("--suite", str(tmp_path / "suite.py"), "run", "coin", "--scale", "smoke", "--results", str(tmp_path))
    assert ended.returncode == 0, ended.stderr
    (record,) = (tmp_path / "records").rglob("estimate-statistic-mean*.json")
    assert '"tosses"' in record.read_text()


def test_a_suite_that_calls_itself_otherwise_is_not_loaded(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = shutil.copytree(installed, tmp_path / "site")
    monkeypatch.syspath_prepend(str(site))
    suite = site / "optathlon_example" / "suite.py"
    suite.write_text(suite.read_text().replace('name="coin"', 'name="token"'))
    with pytest.raises(Unloadable, match="it calls itself token"):
        Registry().load("coin")
    for name in [name for name in sys.modules if name.startswith("optathlon_example")]:
        del sys.modules[name]
