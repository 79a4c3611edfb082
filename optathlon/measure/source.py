"""Our modules as they stand on disk, parsed without importing them: what each defines, imports, and does when it is imported."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import NamedTuple

HARNESS = "optathlon"
_PLUGINS = ("optathlon.suites", "optathlon.methods")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Target = tuple[str, str | None]  # a module, and one of its names or None for itself


class Module(NamedTuple):
    """A parsed module.

    Attributes
    ----------
    name, source : str
        Its name, and its code without comments, docstrings and layout.
    tree : ast.Module
        The same as a tree.
    nodes : dict
        Each name that it defines to the statements at its top that do so.
    imports : dict
        Each name that it imports to what that may be; ``"*"`` to the modules whose every name it takes.
    effects : list
        Statements at its top that do something when it is imported: calls, assignments to what is not its own, decorators.
    deferred : dict
        Each function and class at its top to what is imported inside it and nowhere else in the module.
    """

    name: str
    source: str
    tree: ast.Module
    nodes: dict[str, list[ast.stmt]]
    imports: dict[str, list[Target]]
    effects: list[ast.stmt]
    deferred: dict[str, set[Target]]


@cache
def _root(top: str) -> Path | None:
    """Return the file of a top-level package or module if it is ours: of this checkout, or of a plug-in."""
    loaded = sys.modules.get(top)
    origin = getattr(loaded, "__file__", None) or getattr(find_spec(top) if loaded is None else None, "origin", None)
    ours = top in (HARNESS, *_plugins()) or (origin and "site-packages" not in origin and top not in sys.stdlib_module_names)
    return Path(origin) if origin and ours else None


@cache
def _plugins() -> frozenset[str]:
    """Return the top-level packages that offer suites or methods: what they run is theirs, and no library's."""
    return frozenset(entry.value.split(":")[0].split(".")[0] for group in _PLUGINS for entry in entry_points(group=group))


@cache
def path_of(name: str) -> Path | None:
    """Return the source file of a module of ours, without importing it."""
    top, *rest = name.split(".")
    root = _root(top)
    if root is None or not rest:
        return root
    base = root.parent.joinpath(*rest)
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def parse_loaded(name: str) -> Module | None:
    """Return a module that is imported already, whosever it is; None where it has no source file."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return parse(name, Path(file)) if file and file.endswith(".py") else None


@cache
def parse(name: str, path: Path) -> Module:
    """Read and parse a module."""
    tree = ast.parse(path.read_bytes())
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            node.module, node.level = resolve_name("." * node.level + (node.module or ""), package), 0
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    nodes: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        for defined in dict.fromkeys(_defines(statement)):
            nodes.setdefault(defined, []).append(statement)
    imports = imports_of(tree, name)
    for node in nodes.get("_LAZY", ()):  # a package's literal map of lazy exports
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            for export, target in ast.literal_eval(node.value).items():
                imports.setdefault(export, []).append((target, export))
    effects = [node for node in tree.body if not _is_typing_only(node) and _acts(node, nodes, imports)]
    return Module(name, ast.dump(tree), tree, nodes, imports, effects, _deferred(tree, name))


def imports_of(tree: ast.AST, name: str) -> dict[str, list[Target]]:
    """Return what every import anywhere in a tree of module `name` brings, by its local name, those for type checkers aside."""
    found: dict[str, list[Target]] = {}
    hidden = {id(part) for node in ast.walk(tree) if _is_typing_only(node) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.setdefault(alias.asname or alias.name.split(".")[0], []).append((alias.name, None))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != name:
            for alias in node.names:
                found.setdefault(alias.asname or alias.name, []).append((node.module, alias.name))
        elif isinstance(node, ast.Call) and (literal := _imported_by_call(node, name)):
            found.setdefault("()", []).append((literal, None))
    return found


def mentioned(tree: ast.AST) -> set[str]:
    """Return every name that a tree uses, asks an object for, or imports."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update(alias.name.rpartition(".")[2] for alias in node.names)
    return found


def _deferred(tree: ast.Module, name: str) -> dict[str, set[Target]]:
    inside = {node.name: node for node in tree.body if isinstance(node, _DOCUMENTED[1:])}
    outside = ast.Module([node for node in tree.body if node not in inside.values()], [])
    at_once = {target for targets in imports_of(outside, name).values() for target in targets}
    return {
        holder: {target for targets in imports_of(node, name).values() for target in targets} - at_once
        for holder, node in inside.items()
    }


def own_statements(statement: ast.stmt) -> Iterator[ast.stmt]:
    """Yield a statement and those inside its blocks that run with it: not the bodies of functions and classes."""
    yield statement
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    for child in ast.iter_child_nodes(statement):
        inner = child.body if isinstance(child, ast.ExceptHandler | ast.match_case) else [child]
        for node in inner:
            if isinstance(node, ast.stmt):
                yield from own_statements(node)


def _is_typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _imported_by_call(call: ast.Call, name: str) -> str:
    """Return the module of ``import_module("literal")`` and its kin, empty for every other call."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    first = call.args[0] if call.args else None
    if function not in ("import_module", "__import__") or not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return ""
    return resolve_name(first.value, name.rpartition(".")[0]) if first.value.startswith(".") else first.value


def _defines(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top of a module binds or changes, whatever block they stand in."""
    for node in own_statements(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            continue
        inner = {id(name) for loop in ast.walk(node) if isinstance(loop, ast.comprehension) for name in ast.walk(loop.target)}
        for part in _without_functions(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store) and id(part) not in inner:
                yield part.id
            elif isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store) and (base := _base(part)):
                yield base
            elif isinstance(part, ast.MatchAs | ast.MatchStar) and part.name:
                yield part.name


def _without_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree, leaving out what only runs when a function is called."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*_FUNCTIONS, ast.ClassDef)):
            yield from _without_functions(child)


def _base(node: ast.AST) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _acts(statement: ast.stmt, nodes: dict[str, list[ast.stmt]], imports: dict[str, list[Target]]) -> bool:
    """Return whether a statement may change something that no name of its module leads to."""
    for node in own_statements(statement):
        if isinstance(node, ast.Expr) and any(isinstance(part, ast.Call) for part in _without_functions(node)):
            return True
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(_base(target) in imports for target in targets if isinstance(target, ast.Subscript | ast.Attribute)):
                return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [_base(part.func if isinstance(part, ast.Call) else part) for part in node.decorator_list]
            if any(name in nodes or _is_ours(imports.get(name, ())) for name in names if name):
                return True
    return False


def _is_ours(targets: object) -> bool:
    return any(path_of(target) is not None for target, _ in targets)  # type: ignore[attr-defined]
