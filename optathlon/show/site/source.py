"""What the code says of a method: the functions of the library that its adapter calls, their formulas, and where they stand.

Found without importing anything: names in the adapter's code, looked up in the sources of `optathlon.baselines`.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from optathlon.spec import Method

LIBRARY = "optathlon.baselines"
_DEEPEST = 3
_FORMULA = re.compile(r"^( *)\.\. math::(.*(?:\n(?:\1 +\S.*| *(?=\n)))*)", re.MULTILINE)


@dataclass(frozen=True)
class Piece:
    """A public function or class of the library: its package, name and place, and the parts of its docstring."""

    package: str
    name: str
    path: str
    line: int
    summary: str
    formulas: tuple[str, ...]
    references: str

    @property
    def reference(self) -> str:
        """The address of its entry in the API reference."""
        module = self.path.removeprefix("baselines/").removesuffix(".py")
        place = module.removesuffix("/__init__") if not Path(module).name.startswith("_") or module.endswith("__init__") else ""
        return f"optathlon/baselines/{place}.html#{self.name}" if place else f"{self.package.replace('.', '/')}.html#{self.name}"


@cache
def library() -> dict[str, tuple[Piece, ...]]:
    """Return the public functions and classes of the library by name; names may stand in several packages."""
    spec = importlib.util.find_spec(LIBRARY)
    found: dict[str, list[Piece]] = {}
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).rglob("*.py")):
            for piece in _pieces(path, Path(folder)):
                found.setdefault(piece.name, []).append(piece)
    return {name: tuple(pieces) for name, pieces in found.items()}


def _pieces(path: Path, root: Path) -> Iterator[Piece]:
    """Yield what a module offers: what its ``__all__`` names, and of a private module what its package's does."""
    relative = path.relative_to(root)
    package = ".".join((LIBRARY, *relative.parent.parts))
    private = path.name.startswith("_") and path.name != "__init__.py"
    offered = _offered(path.with_name("__init__.py") if private else path)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if node.name not in (offered or ()) and (private or offered is not None):
                continue
            text = ast.get_docstring(node) or ""
            place = f"baselines/{relative.as_posix()}"
            yield Piece(package, node.name, place, node.lineno, text.split("\n\n")[0], formulas(text), _section(text))


@cache
def _offered(path: Path) -> frozenset[str] | None:
    """Return the names in a module's ``__all__``, None where it has none that can be read without running it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else ():
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            try:
                return frozenset(ast.literal_eval(node.value))
            except ValueError:
                return None
    return None


def formulas(docstring: str) -> tuple[str, ...]:
    """Return the displayed formulas of a docstring as LaTeX."""
    return tuple(" ".join(found[2].split()) for found in _FORMULA.finditer(docstring))


def _section(docstring: str) -> str:
    """Return the text of the section References."""
    found = re.search(r"^References\n-+\n(.*?)(?:\n\n\S.*\n-+\n|\Z)", docstring, re.MULTILINE | re.DOTALL)
    return " ".join(re.sub(r"^ *(\.\. \[\d+\]|\[\d+\]_?|-) *", "", found[1], flags=re.MULTILINE).split()) if found else ""


def pieces_of(method: Method) -> list[Piece]:
    """Return the functions of the library that a method's adapter calls, directly or through helpers of its suite."""
    function = inspect.unwrap(method.run)
    if not isinstance(function, FunctionType):
        return []
    words: set[str] = set()
    packages: set[str] = set()
    _walk(function, words, packages, set(), 0)
    words |= {str(value).replace("-", "_") for value in method.settings.values() if isinstance(value, str)}
    known = library()
    found = {piece for word in words for piece in known.get(word, ()) if any(_within(piece.package, p) for p in packages)}
    return sorted(found, key=lambda piece: (piece.package, piece.name))


def _within(package: str, other: str) -> bool:
    return package == other or (other.startswith(package + ".") and package != LIBRARY)


def _walk(function: FunctionType, words: set[str], packages: set[str], seen: set[Any], depth: int) -> None:
    """Collect the names that a function uses, and the packages of the library that they come from."""
    if function in seen or depth > _DEEPEST:
        return
    seen.add(function)
    names = set(_names(function.__code__))
    packages |= {name for name in names if name.startswith(LIBRARY)}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    closed = {name: cell.cell_contents for name, cell in cells if _filled(cell)}
    for name in names | set(closed):
        value = closed.get(name, function.__globals__.get(name))
        module = value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", "") or "")
        if module.startswith(LIBRARY):
            packages.add(module)
            words.add(str(getattr(value, "__name__", name)))
        elif isinstance(value, FunctionType) and module.split(".")[:3] == function.__module__.split(".")[:3]:
            _walk(value, words, packages, seen, depth + 1)
    if packages:
        words |= names


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def line_of(function: Any) -> tuple[str, int] | None:
    """Return the file and the line of a function, None where it has none."""
    try:
        code = inspect.unwrap(function).__code__
        return code.co_filename, code.co_firstlineno
    except AttributeError:
        return None
