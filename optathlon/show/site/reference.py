"""What other tools write beside our pages, each in a process of its own: asv's pages, and pdoc's reference of the library."""

from __future__ import annotations

import ast
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from optathlon.show.site.api import LIBRARY, OFFERED, library_modules
from optathlon.show.site.writer import Folder

TEMPLATES = Path(__file__).parent / "templates" / "api"
TIMEOUT = 600


@dataclass
class Process:
    """A tool at work, and what is left to do when it has ended."""

    name: str
    command: subprocess.Popen[str]
    output: IO[str]
    finish: Callable[[], None]

    def wait(self) -> str:
        """Wait until it has ended; return an empty text, or a sentence that says how it failed."""
        try:
            code = self.command.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.command.kill()
            code = self.command.wait()
        self.output.seek(0)
        text = self.output.read()
        self.output.close()
        if code:
            return f"{self.name} failed: {text[-1000:]}"
        self.finish()
        return ""


def start_asv(repository: Path, folder: Folder) -> Process | None:
    """Start ``asv publish`` into ``asv/``; None where asv has no results here."""
    if not (repository / "results" / "asv" / "benchmarks.json").is_file():
        return None
    place = (folder.target / "asv").resolve()  # asv empties it first
    command = [sys.executable, "-m", "asv", "publish", "--no-pull", "--html-dir", str(place)]
    return _start("asv", command, repository, lambda: folder.adopt("asv"))


def start_api(folder: Folder) -> Process | None:
    """Start pdoc into ``api/``; None where it is not installed."""
    if importlib.util.find_spec("pdoc") is None:
        return None
    place = folder.target / "api"
    shutil.rmtree(place, ignore_errors=True)

    def finish() -> None:
        folder.adopt("api")
        names = sorted(str(path.relative_to(place)) for path in place.rglob("*.html"))
        if not names:
            raise ValueError("pdoc wrote nothing")

    return _start("api", [sys.executable, "-m", "optathlon.show.site.api", str(place.resolve())], Path.cwd(), finish)


def modules() -> list[tuple[str, list[dict[str, str]]]]:
    """Return the documented modules by group: name, address below ``api/``, and the first line of what each says of itself."""
    library = [_module(name) for name in library_modules()]
    packages = [one for one in library if one["name"].count(".") == LIBRARY.count(".") + 1]
    return [("The methods", packages), ("The harness", [_module(name) for name in OFFERED])]


def _module(name: str) -> dict[str, str]:
    spec = importlib.util.find_spec(name)
    path = Path(spec.origin) if spec and spec.origin else None
    text = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "") if path else ""
    return {"name": name, "address": f"{name.replace('.', '/')}.html", "summary": text.split("\n\n")[0]}


def _start(name: str, command: list[str], cwd: Path, finish: Callable[[], None]) -> Process:
    output = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 (closed in `wait`)
    started = subprocess.Popen(command, cwd=cwd, stdout=output, stderr=subprocess.STDOUT, text=True)
    return Process(name, started, output, finish)
