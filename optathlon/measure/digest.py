"""The code behind a function, read without importing it: for a cell's key, and to import what it needs before the clock starts.

A function of a suite is followed name by name through the modules of its package; a module of `baselines` that it reaches counts
as a whole, with all that this module imports of ours. Comments, docstrings and layout do not count.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from importlib.util import find_spec, resolve_name
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

import numpy as np

LIBRARY = "optathlon.baselines"
SUITES = "optathlon.suites"
HARNESS = "optathlon"
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Code(NamedTuple):
    """The digest of a function's code, and the modules that running it imports (ours and others')."""

    digest: str
    modules: tuple[str, ...]


class _Module(NamedTuple):
    """A parsed module: its definitions, the names that it imports as (module, attribute or None), and its normalised source."""

    name: str
    definitions: dict[str, str]
    nodes: dict[str, list[ast.AST]]
    imports: dict[str, tuple[str, str | None]]
    tree: ast.Module
    source: str


def code_of(function: Callable[..., Any], *, library: bool = True) -> Code:
    """Return the digest of the code that `function` reaches, and the modules to import before it is timed.

    Without `library`, the code of `baselines` is left out: an edit of a method that a metric happens to use as its yardstick
    must not run every other method again.
    """
    walk = _Walk(library)
    walk.value(function)
    text = "\n".join(f"{name}\n{source}" for name, source in sorted(walk.sources.items()))
    return Code(hashlib.sha256(text.encode()).hexdigest(), tuple(sorted(walk.modules)))


class _Walk:
    """Collects the sources reachable from a function."""

    def __init__(self, library: bool) -> None:
        self.library = library
        self.sources: dict[str, str] = {}
        self.modules: set[str] = set()

    def value(self, value: Any) -> None:
        """Follow a callable: a function by its module and name, a partial or a closure also by what it holds."""
        if isinstance(value, partial):
            self.value(value.func)
            self.held((value.args, value.keywords))
            return
        owner = getattr(value, "__self__", None if hasattr(value, "__qualname__") else value)  # bound method, callable object
        if owner is not None and not isinstance(owner, ModuleType):
            self.held(vars(owner) if hasattr(owner, "__dict__") else None)
        self.held(getattr(value, "__kwdefaults__", None))
        function = getattr(value, "__wrapped__", value)
        name = getattr(function, "__qualname__", type(function).__qualname__)
        module = getattr(function, "__module__", type(function).__module__)
        self.held([cell.cell_contents for cell in getattr(function, "__closure__", None) or ()])
        self.held(getattr(function, "__defaults__", None))
        parsed = _parse_loaded(module)
        if parsed is None:
            self.sources[f"{module}:{name}"] = _bytecode(getattr(function, "__code__", None))
        elif name.startswith("<lambda>"):
            self.sources[f"{module}:{name}:{_bytecode(function.__code__)}"] = ""
            for used in function.__code__.co_names:
                self.name(parsed, used)
        else:
            self.name(parsed, name.split(".")[0])

    def held(self, value: Any) -> None:
        """Follow what a closure, a partial or an object carries."""
        if callable(value):
            self.value(value)
        elif isinstance(value, dict):
            for pair in value.items():
                self.held(pair)
        elif isinstance(value, tuple | list):
            for item in value:
                self.held(item)
        elif isinstance(value, set | frozenset):
            self.held(sorted(value, key=repr))
        elif isinstance(value, np.ndarray):
            self._holds(f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}")
        elif value is None or isinstance(value, str | bytes | int | float | complex):
            self._holds(repr(value))
        else:
            self._holds(type(value).__qualname__)
            self.held(getattr(value, "__dict__", None))

    def _holds(self, text: str) -> None:
        self.sources[f"held:{len(self.sources):04d}"] = text

    def name(self, module: _Module, name: str) -> None:
        """Follow a name of a module to its definition or through its import."""
        if name in module.definitions:
            address = f"{module.name}:{name}"
            if address not in self.sources:
                self.sources[address] = module.definitions[name]
                for node in module.nodes[name]:
                    self.node(module, node)
        elif name in module.imports:
            self.imported(*module.imports[name])

    def node(self, module: _Module, node: ast.AST) -> None:
        """Follow every name used, and every import made, inside a definition."""
        local = dict(_imports(node, module.name))
        for target in local.values():
            self.imported(*target)
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id not in local:
                self.name(module, part.id)

    def imported(self, target: str, attribute: str | None) -> None:
        """Follow an import of `attribute` from module `target` (or of the module itself)."""
        top = target.split(".")[0]
        path = _path(target)
        in_library = _within(target, LIBRARY)
        if path is None or (top == HARNESS and not in_library and not _within(target, SUITES)):
            if top not in sys.stdlib_module_names:
                self.modules.add(target)
            return
        if in_library and not self.library:
            return
        if attribute == "*":
            attribute = None
        if attribute is not None and _path(f"{target}.{attribute}") is not None:
            return self.imported(f"{target}.{attribute}", None)
        module = _parse(target, path)
        self.modules.add(target)
        if attribute is not None and (path.name == "__init__.py" or not in_library):
            self.name(module, attribute)
        else:
            self.whole(module)

    def whole(self, module: _Module) -> None:
        """Take a module with all that it imports of ours."""
        if module.name in self.sources:
            return
        self.sources[module.name] = module.source
        for _, target in _imports(module.tree, module.name):
            self.imported(*target)


def _bytecode(code: CodeType | None) -> str:
    """Return what a function without a source file does: for code typed at a prompt, and lambdas."""
    if code is None:
        return ""
    constants = [_bytecode(held) if isinstance(held, CodeType) else repr(held) for held in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@cache
def _root(top: str) -> Path | None:
    """Return the file of a top-level package or module if it is ours: not of the standard library nor of site-packages."""
    loaded = sys.modules.get(top)
    origin = getattr(loaded, "__file__", None) or getattr(find_spec(top) if loaded is None else None, "origin", None)
    ours = top == HARNESS or (origin and "site-packages" not in origin and top not in sys.stdlib_module_names)
    return Path(origin) if origin and ours else None


@cache
def _path(name: str) -> Path | None:
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


def _parse_loaded(name: str) -> _Module | None:
    file = getattr(sys.modules.get(name), "__file__", None)
    return _parse(name, Path(file)) if file else None


@cache
def _parse(name: str, path: Path) -> _Module:
    tree = ast.parse(path.read_bytes())
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            node.module, node.level = resolve_name("." * node.level + (node.module or ""), package), 0
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    nodes: dict[str, list[ast.AST]] = {}
    for node in _statements(tree):
        for defined in _defines(node):
            nodes.setdefault(defined, []).append(node)
    imports = dict(_imports(tree, name))
    for node in nodes.get("_LAZY", ()):  # a package's literal map of lazy exports
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            lazy = ast.literal_eval(node.value)
            imports.update({export: (target, export) for export, target in lazy.items()})
    definitions = {key: "\n".join(ast.dump(node) for node in group) for key, group in nodes.items()}
    return _Module(name, definitions, nodes, imports, tree, ast.dump(tree))


def _statements(block: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements of a module, also those under an if, for, with or try."""
    for node in ast.iter_child_nodes(block):
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, ast.If | ast.For | ast.While | ast.With | ast.Try | ast.ExceptHandler):
            yield from _statements(node)


def _defines(node: ast.AST) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)]
    if isinstance(node, ast.AnnAssign | ast.AugAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _imports(tree: ast.AST, name: str) -> list[tuple[str, tuple[str, str | None]]]:
    """Return (local name, (module, attribute)) of every import anywhere in a tree, those for type checkers aside."""
    found: list[tuple[str, tuple[str, str | None]]] = []
    hidden = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.asname or alias.name.split(".")[0], (alias.name, None)) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != name:
            found += [(alias.asname or alias.name, (node.module, alias.name)) for alias in node.names]
    return found
