"""Which suites there are, ours and anybody's: found by entry points, files and folders, imported when they are asked for.

A package offers suites under the entry-point group ``optathlon.suites`` (name: the suite's, value: a `Suite`), and methods for a
suite of somebody else under ``optathlon.methods`` (value: an `Extension` or several). ``OPTATHLON_SUITES`` lists files or folders
of suites that nobody has packaged. What cannot be loaded costs itself alone, with its reason.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optathlon.spec import Extension, Suite

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

SUITES, METHODS = "optathlon.suites", "optathlon.methods"
PATHS = "OPTATHLON_SUITES"
OURS = "optathlon"


class Unloadable(Exception):
    """A suite or an extension that cannot be had; the message says which, from where, and why."""


@dataclass(frozen=True)
class Source:
    """Where a suite comes from: an entry point of a package, or a file."""

    name: str
    origin: str
    entry: EntryPoint | Path

    def load(self) -> Suite:
        """Import the declaration; Unloadable with the reason where that fails."""
        try:
            suite = _load_file(self.entry) if isinstance(self.entry, Path) else self.entry.load()
        except (Exception, SystemExit) as error:
            raise Unloadable(f"suite {self.name} of {self.origin}: {_reason(error)}") from error
        if not isinstance(suite, Suite):
            raise Unloadable(f"suite {self.name} of {self.origin}: SUITE must be a Suite, got {type(suite).__name__}")
        if not isinstance(self.entry, Path) and suite.name != self.name:
            raise Unloadable(f"suite {self.name} of {self.origin}: it calls itself {suite.name}")
        from optathlon.data import register  # not before it is needed: numpy comes along

        try:
            register(suite.datasets)
        except ValueError as error:
            raise Unloadable(f"suite {self.name} of {self.origin}: {error}") from error
        return suite


class Registry:
    """The suites by name, the paths of the command line among them.

    Attributes
    ----------
    sources : dict
        Name to `Source`, ours first.
    refused : list of str
        What cannot be had, a sentence each: names taken twice, and from `load` on what failed to import.
    """

    def __init__(self, paths: Iterable[str | Path] = ()) -> None:
        self.refused: list[str] = []
        self.sources: dict[str, Source] = {}
        self._loaded: dict[str, Suite] = {}
        self._extensions: list[tuple[str, Extension]] | None = None
        self._register(_packaged())
        listed = [part for part in os.environ.get(PATHS, "").split(os.pathsep) if part]
        for path in dict.fromkeys(Path(part) for part in (*listed, *paths)):
            self._add_file(path)

    def _register(self, sources: list[Source]) -> None:
        """Take packaged suites; of a name that two packages give, ours stays and foreign ones are refused, with both origins."""
        for name in sorted({source.name for source in sources}):
            same = [source for source in sources if source.name == name]
            ours = [source for source in same if source.origin == OURS]
            kept = ours or same
            if len(same) > 1:
                self.refused.append(f"suite {name} is offered by {' and by '.join(source.origin for source in same)}")
            if len(kept) == 1:
                self.sources[name] = kept[0]

    def _add_file(self, path: Path) -> None:
        """Take the suite of a file or folder; its name is what it declares."""
        found = Source(path.name, str(path), path)
        try:
            suite = found.load()
        except Unloadable as error:
            self.refused.append(str(error))
            return
        if suite.name in self.sources:
            self.refused.append(f"suite {suite.name} is offered by {self.sources[suite.name].origin} and by {path}")
            return
        self.sources[suite.name] = Source(suite.name, str(path), path)
        self._loaded[suite.name] = suite

    def names(self) -> list[str]:
        """Return the names of all suites."""
        return list(self.sources)

    def origin(self, name: str) -> str:
        """Return the package or path that a suite comes from."""
        return self.sources[name].origin

    def load(self, name: str) -> Suite:
        """Return a suite with the methods that extensions add to it.

        Raises
        ------
        Unloadable
            It fails to import.
        """
        if name not in self._loaded:
            self._loaded[name] = self.sources[name].load()
        return self._extended(self._loaded[name])

    def load_all(self, names: Iterable[str]) -> list[Suite]:
        """Return the suites that load; the reasons of the others are in `refused`."""
        suites = []
        for name in names:
            try:
                suites.append(self.load(name))
            except Unloadable as error:
                self.refused.append(str(error))
        return suites

    def _extended(self, suite: Suite) -> Suite:
        if self._extensions is None:
            self._extensions = self._load_extensions()
        for origin, extension in self._extensions:
            if extension.suite != suite.name:
                continue
            try:
                suite = replace(suite, methods=(*suite.methods, *extension.methods))
            except ValueError as error:
                self.refused.append(f"methods of {origin}: {error}")
        return suite

    def _load_extensions(self) -> list[tuple[str, Extension]]:
        found = []
        for entry in _entry_points(METHODS):
            origin = _origin(entry)
            try:
                value: Any = entry.load()
                extensions = [value] if isinstance(value, Extension) else list(value)
                if not all(isinstance(extension, Extension) for extension in extensions):
                    raise TypeError(f"must be an Extension or a list of them, got {value!r}")
            except (Exception, SystemExit) as error:
                self.refused.append(f"methods {entry.name} of {origin}: {_reason(error)}")
                continue
            found += [(f"{entry.name} of {origin}", extension) for extension in extensions]
        return found


def _packaged() -> list[Source]:
    return [Source(entry.name, _origin(entry), entry) for entry in _entry_points(SUITES)]


def _entry_points(group: str) -> EntryPoints:
    from importlib.metadata import entry_points  # not before it is needed: it imports email and sockets

    return entry_points(group=group)


def _origin(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value


def _load_file(path: Path) -> Any:
    """Import ``suite.py`` or a folder that holds one, under a name of its own, and return its ``SUITE``."""
    path = path.resolve()
    file = path / "suite.py" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist")
    package = f"optathlon_local_{path.stem if path.stem != 'suite' else path.parent.name}"
    folder = str(file.parent)
    if path.is_dir():
        _import(package, file.parent / "__init__.py", folder)
    if folder not in sys.path:
        sys.path.append(folder)  # last: its neighbours are found, and hide nobody's module
    return _import(f"{package}.suite" if path.is_dir() else package, file).SUITE


def _import(name: str, file: Path, package: str | None = None) -> Any:
    if not file.is_file():  # a folder without __init__.py is a package all the same
        spec = importlib.util.spec_from_loader(name, loader=None, is_package=True)
        assert spec is not None
        spec.submodule_search_locations = [package or str(file.parent)]
    else:
        spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[package] if package else None)
    if spec is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        if spec.loader is not None:
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
