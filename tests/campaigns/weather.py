"""Bad weather: clocks that jump, disks that are full or read-only, closed descriptors, no home, a run beside a run."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import campaign

SMOKE = ("run", "binary_regression", "--scale", "smoke", "-w", "gaussian-6x12", "-m", "least-squares", "--machine", "here")
Finished = subprocess.CompletedProcess


def optathlon(
    folder: Path, *arguments: str, before: tuple[str, ...] = (), setup: Callable[[], None] | None = None, **environment: str
) -> Finished[str]:
    """Run the command line on a results folder."""
    return subprocess.run(
        [*before, sys.executable, "-m", "optathlon", *arguments, "--results", str(folder / "results")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | environment,
        preexec_fn=setup,
    )


def require(ended: Finished[str], code: int = 0, words: str = "") -> None:
    """Require an exit code, words, and no traceback."""
    said = ended.stdout + ended.stderr
    assert "Traceback" not in said, said
    assert ended.returncode == code, said
    assert words in said, said


def rows(folder: Path) -> list[dict[str, object]]:
    """Return the board."""
    return json.loads(optathlon(folder, "leaderboard", "--format", "json").stdout)


def good(folder: Path) -> None:
    """Require that the folder can be run and read as ever."""
    require(optathlon(folder, *SMOKE), words="all ok")
    assert {row["method"] for row in rows(folder)} == {"least-squares"}


def clock(folder: Path, first: str, second: str) -> None:
    """Measure under one clock and again under another: the later measurement counts, whatever its clock said."""
    require(optathlon(folder, *SMOKE, before=("faketime", "-f", first)))
    ended = optathlon(folder, *SMOKE, before=("faketime", "-f", second), OPTATHLON_THREADS="2")
    require(ended)
    from optathlon import store

    groups = [group for group in store.scan(folder / "results") if isinstance(group, store.Group)]
    assert {group.cell.environment.threads for group in store.newest(groups)} == {2}


def future(folder: Path) -> None:
    """Measure under a clock far ahead: those records are refused with a reason, and measured again."""
    require(optathlon(folder, *SMOKE, before=("faketime", "-f", "+400d")))
    require(optathlon(folder, "leaderboard"), words="future")
    good(folder)


def full(folder: Path) -> None:
    """Write on a disk that is full, then with room again."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    ended = optathlon(folder, *SMOKE, setup=limit)
    assert "Traceback" not in ended.stderr, ended.stderr
    good(folder)
    assert not list(folder.rglob(".*.json.*"))


def unwritable(folder: Path) -> None:
    """Write into a file where a folder should be."""
    (folder / "results").write_text("")
    ended = optathlon(folder, *SMOKE)
    require(ended, code=1)
    (folder / "results").unlink()
    good(folder)


def closed(folder: Path, *descriptors: int) -> None:
    """Start with standard descriptors closed."""

    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    optathlon(folder, *SMOKE, setup=close)
    from optathlon import store

    groups = list(store.scan(folder / "results"))
    assert groups
    for group in groups:
        assert isinstance(group, store.Group)
        assert {run["status"] for run in group.runs} == {"ok"}, group.runs


def homeless(folder: Path) -> None:
    """Run without a home, a cache or a name."""
    nowhere = {"HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent", "OPTATHLON_CACHE": "/proc/none"}
    require(optathlon(folder, *SMOKE, **nowhere))


def few_descriptors(folder: Path) -> None:
    """Run with 64 descriptors."""
    require(optathlon(folder, *SMOKE, "--jobs", "2", setup=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))))


def side_by_side(folder: Path) -> None:
    """Run the same command three times at once."""
    command = [sys.executable, "-m", "optathlon", *SMOKE, "--seeds", "10", "--results", str(folder / "results")]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for run in runs:
        _, said = run.communicate(timeout=120)
        assert run.returncode == 0, said
    from optathlon import store

    (group,) = store.scan(folder / "results")
    assert isinstance(group, store.Group)
    assert len(group.runs) == 10


def odd_files(folder: Path) -> None:
    """Look at records among a FIFO, a link to /dev/zero, a link to itself and a folder."""
    good(folder)
    (path,) = (folder / "results" / "records").rglob("*.json")
    os.mkfifo(path.with_name("fifo.json"))
    path.with_name("zero.json").symlink_to("/dev/zero")
    path.with_name("ring.json").symlink_to("ring.json")
    path.with_name("folder.json").mkdir()
    require(optathlon(folder, "leaderboard"), words="regular file")
    good(folder)


def usage(folder: Path, words: str, *arguments: str, **environment: str) -> None:
    """Ask for what cannot be."""
    require(optathlon(folder, *SMOKE, *arguments, **environment), code=1, words=words)
    assert not (folder / "results").exists()


def _in_folder(act: Callable[..., None], *arguments: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        act(Path(folder), *arguments)


def trials(count: int, seed: int) -> Iterator[campaign.Trial]:
    """Yield each kind of weather once, `count` at most."""
    every: list[tuple[str, Callable[[], None]]] = [
        ("full disk", partial(_in_folder, full)),
        ("odd files", partial(_in_folder, odd_files)),
        ("all descriptors closed", partial(_in_folder, closed, 0, 1, 2)),
        ("side by side", partial(_in_folder, side_by_side)),
        ("few descriptors", partial(_in_folder, few_descriptors)),
        ("no home", partial(_in_folder, homeless)),
        ("no folder to write", partial(_in_folder, unwritable)),
        ("input closed", partial(_in_folder, closed, 0)),
        ("output closed", partial(_in_folder, closed, 1)),
        ("memory beyond all", partial(_in_folder, usage, "--memory", "--memory", "1e30GiB")),
        ("threads beyond all", partial(_in_folder, partial(usage, OPTATHLON_THREADS="9" * 20), "OPTATHLON_THREADS")),
    ]
    if shutil.which("faketime"):
        every[1:1] = [
            ("clock back", partial(_in_folder, clock, "+0d", "-400d")),
            ("clock back and forward", partial(_in_folder, clock, "-400d", "-800d")),
            ("clock ahead", partial(_in_folder, future)),
        ]
    yield from every[:count]


if __name__ == "__main__":
    campaign.main("weather", trials, default=100)
