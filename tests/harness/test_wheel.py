"""What is installed: one top-level name, which imports, lists and runs from a wheel, whatever lies beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]


def pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=True, capture_output=True, text=True, timeout=900)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel of a clone, so that no build folder of the checkout is touched or taken."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    listed = subprocess.run(["git", "-C", str(REPO), "ls-files", "-z"], capture_output=True, check=True).stdout.split(b"\0")
    for name in (os.fsdecode(entry) for entry in listed if entry and not entry.startswith(b"results/")):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (REPO / name).is_symlink():
            target.symlink_to(os.readlink(REPO / name))
        elif (REPO / name).is_file():
            target.write_bytes((REPO / name).read_bytes())
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def fresh(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it in an environment of its own that sees the libraries of this one; return its interpreter."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    libraries = [sysconfig.get_paths()["purelib"], *(path for path in sys.path if path.endswith("site-packages"))]
    (site / "libraries.pth").write_text("\n".join(dict.fromkeys(libraries)) + "\n")
    pip("install", "--no-deps", "--target", str(site), str(wheel))
    return folder / "bin" / "python"


def run(python: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(python), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, cwd=folder, env=environment)


def test_the_wheel_adds_one_top_level_name(wheel: Path) -> None:
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"optathlon"}
    inside = zipfile.ZipFile(wheel).namelist()
    assert "optathlon/baselines/gans/__init__.py" in inside
    assert "optathlon/suites/gans/suite.py" in inside


def test_it_lists_and_runs_beside_folders_of_the_same_names(fresh: Path, tmp_path: Path) -> None:
    for name in ("suites", "baselines", "benchmarks"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('not ours')\n")
    where = run(fresh, "-c", "import optathlon; print(optathlon.__file__)", folder=tmp_path).stdout
    assert str(fresh.parents[1]) in where
    listed = run(fresh, "-m", "optathlon", "list", folder=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "binary_regression" in listed.stdout
    smoke = ("run", "binary_regression", "--scale", "smoke", "-w", "gaussian-6x12", "-m", "least-squares", "--seeds", "1")
    ended = run(fresh, "-m", "optathlon", *smoke, "--results", str(tmp_path / "results"), folder=tmp_path)
    assert ended.returncode == 0, ended.stderr


def test_a_file_called_numpy_in_the_folder_hides_nothing(fresh: Path, tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise RuntimeError('not numpy')\n")
    ended = run(fresh, "-m", "optathlon", "list", "gans", folder=tmp_path)
    assert "gans (version" in ended.stdout, ended.stderr
    assert "refused" not in ended.stderr
