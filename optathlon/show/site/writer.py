"""The folder of the site: what is written is listed, and what the last publishing wrote and this one did not is removed."""

from __future__ import annotations

import shutil
from pathlib import Path

LIST = "files.txt"


class Folder:
    """A folder that pages are written into; anything in it that is not the site's is left alone.

    Parameters
    ----------
    target : Path
        The folder; made where it is absent.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.written: set[str] = set()
        target.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write one file under its name from the folder's root."""
        path = self._path(name)
        path.write_bytes(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
        return path

    def copy(self, name: str, source: Path) -> None:
        """Copy one file."""
        shutil.copyfile(source, self._path(name))

    def adopt(self, name: str) -> None:
        """List every file below a folder that another tool has written."""
        self.written |= {str(path.relative_to(self.target)) for path in (self.target / name).rglob("*") if path.is_file()}

    def close(self) -> None:
        """Remove what an earlier publishing left and this one did not write, then list what is there now."""
        listed = self.target / LIST
        before = set(listed.read_text(encoding="utf-8").splitlines()) if listed.is_file() else set()
        for name in before - self.written:
            path = (self.target / name).resolve()
            if path.is_relative_to(self.target.resolve()):
                path.unlink(missing_ok=True)
        listed.write_text("\n".join(sorted(self.written)) + "\n", encoding="utf-8")

    def _path(self, name: str) -> Path:
        path = self.target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.written.add(name)
        return path
