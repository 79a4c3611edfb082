"""Libraries of other people, taken from npm as they are: `python -m optathlon.show.site.vendor [--check]`.

`vendor/lock.json` names every file with the package and version it comes from, its licence, and its checksum. Without
``--check`` the packages are fetched again at the locked versions and the files written; with it, nothing is fetched: exit 1
where a file is missing, changed or not in the lock. The files are never edited.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).parent / "vendor"


def lock(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Return the locked files by name, in the order in which a page loads them."""
    return orjson.loads((folder / "lock.json").read_bytes())


def faults(folder: Path = FOLDER) -> list[str]:
    """Return a sentence for each file that is not the one in the lock."""
    locked = lock(folder)
    found = {path.name for path in folder.iterdir() if path.suffix in (".js", ".css", ".txt")}
    wrong = [f"{name} is not in the lock" for name in sorted(found - set(locked))]
    for name, entry in locked.items():
        path = folder / name
        if not path.is_file():
            wrong.append(f"{name} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
            wrong.append(f"{name} is not the file of {entry['package']} {entry['version']}")
    return wrong


def fetch(folder: Path = FOLDER) -> None:
    """Fetch every locked package from npm at its version, write its file and the checksum that it has."""
    locked = lock(folder)
    with tempfile.TemporaryDirectory() as scratch:
        for name, entry in locked.items():
            (folder / name).write_bytes(_file_of(entry, Path(scratch)))
            entry["sha256"] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "lock.json").write_bytes(orjson.dumps(locked, option=orjson.OPT_INDENT_2) + b"\n")


def _file_of(entry: Mapping[str, Any], scratch: Path) -> bytes:
    """Return the bytes of one file of a package."""
    wanted = f"{entry['package']}@{entry['version']}"
    command = ["npm", "pack", "--silent", "--pack-destination", str(scratch), wanted]
    archive = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout.split()[-1]
    with tarfile.open(scratch / archive) as packed:
        member = packed.extractfile(f"package/{entry['path']}")
        if member is None:
            raise ValueError(f"{wanted} has no {entry['path']}")
        return member.read()


def main(arguments: list[str]) -> int:
    """Check or fetch the files of a folder, this package's by default."""
    folders = [Path(argument) for argument in arguments if not argument.startswith("--")] or [FOLDER]
    for folder in folders:
        if "--check" not in arguments:
            fetch(folder)
        for fault in faults(folder):
            print(f"{folder}: {fault}", file=sys.stderr)
    return int(any(faults(folder) for folder in folders))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
