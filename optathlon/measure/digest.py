"""The code behind a function, read without importing it: for a cell's key, and to import what it needs before the clock starts.

A function of a suite is followed name by name through the modules of its package; with a module come the statements that do
something when it is imported. A module of `baselines` that is reached counts as a whole, with all that it imports of ours, and so
does a module in which names cannot be followed. Comments, docstrings and layout do not count.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections.abc import Callable
from functools import partial
from types import CodeType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from optathlon.measure.source import HARNESS, Module, Target, imports_of, mentioned, parse, parse_loaded, path_of

LIBRARY = "optathlon.baselines"
SUITES = "optathlon.suites"
_ANY_NAME = frozenset({"globals", "vars", "eval", "exec"})  # whoever calls them may mean any name of the module


class Code(NamedTuple):
    """The digest of a function's code, and the modules that running it imports (ours and others')."""

    digest: str
    modules: tuple[str, ...]


def code_of(function: Callable[..., Any], *, library: bool = True) -> Code:
    """Return the digest of the code that `function` reaches, and the modules to import before it is timed.

    Without `library`, the code of `baselines` is left out: an edit of a method that a metric happens to use as its yardstick
    must not run every other method again.
    """
    walk = _Walk(library)
    walk.value(function)
    walk.load_what_is_mentioned()
    text = "\n".join(f"{name}\n{source}" for name, source in sorted(walk.sources.items()))
    return Code(hashlib.sha256(text.encode()).hexdigest(), tuple(sorted(walk.modules)))


class _Walk:
    """Collects the sources reachable from a function."""

    def __init__(self, library: bool) -> None:
        self.library = library
        self.sources: dict[str, str] = {}
        self.modules: set[str] = set()
        self.mentioned: set[str] = set()
        self.deferred: list[tuple[str, Target]] = []  # a function of a module that counts as a whole, and an import inside it
        self.entered: set[str] = set()
        self.holding: set[int] = set()
        self.kept: list[Any] = []  # what `holding` names stays alive, so that no other object gets its address

    def value(self, value: Any) -> None:
        """Follow a callable: a function by its module and name, a partial or a closure also by what it holds."""
        if isinstance(value, partial):
            self.value(value.func)
            self.held((value.args, value.keywords))
            return
        owner = getattr(value, "__self__", None if hasattr(value, "__qualname__") else value)  # bound method, callable object
        if owner is not None and not isinstance(owner, ModuleType):
            self.held(getattr(owner, "__dict__", None))
        self.held(getattr(value, "__kwdefaults__", None))
        function = getattr(value, "__wrapped__", value)
        name = getattr(function, "__qualname__", type(function).__qualname__)
        module = getattr(function, "__module__", None) or type(function).__module__
        self.held([cell.cell_contents for cell in getattr(function, "__closure__", None) or ()])
        self.held(getattr(function, "__defaults__", None))
        parsed = parse_loaded(module)
        if parsed is None:
            self.sources[f"{module}:{name}"] = _bytecode(getattr(function, "__code__", None))
            return
        self.enter(parsed)
        if name.startswith("<lambda>"):
            self.sources[f"{module}:{name}:{_bytecode(function.__code__)}"] = ""
            for used in _names(function.__code__):
                self.name(parsed, used)
        else:
            self.name(parsed, name.split(".")[0])

    def held(self, value: Any) -> None:
        """Follow what a closure, a partial or an object carries."""
        if value is None or isinstance(value, str | bytes | int | float | complex | np.generic | range | slice):
            self._holds(repr(value))
            return
        if id(value) in self.holding:
            return
        self.holding.add(id(value))
        self.kept.append(value)
        if isinstance(value, ModuleType):
            self.imported(value.__name__, None)
        elif callable(value):
            self.value(value)
        elif isinstance(value, dict):
            for pair in value.items():
                self.held(pair)
        elif isinstance(value, tuple | list):
            for item in value:
                self.held(item)
        elif isinstance(value, set | frozenset):
            self.held(sorted(value, key=repr))
        elif isinstance(value, np.ndarray) and value.dtype != object:
            self._holds(f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}")
        elif isinstance(value, np.ndarray):
            self.held(value.tolist())
        else:
            self._holds(type(value).__qualname__ if " at 0x" in repr(value) else repr(value))
            self.held(getattr(value, "__dict__", None))

    def _holds(self, text: str) -> None:
        self.sources[f"held:{len(self.sources):04d}"] = text

    def enter(self, module: Module) -> None:
        """Take what importing a module does beside defining names, there and in the modules of ours that it imports."""
        if module.name in self.entered:
            return
        self.entered.add(module.name)
        for number, node in enumerate(module.effects):
            self.sources[f"{module.name}:import:{number}"] = ast.dump(node)
            self.node(module, node)
        imported = [target for targets in module.imports.values() for target in targets]
        names = {module.name.rpartition(".")[0], *(name for name, _ in imported), *(f"{name}.{one}" for name, one in imported)}
        for name in sorted(names - {""}):
            path = path_of(name) if not _within(name, LIBRARY) and not _is_harness(name) else None
            if path is not None:
                self.enter(parse(name, path))

    def name(self, module: Module, name: str) -> None:
        """Follow a name of a module to its definitions and through its imports."""
        address = f"{module.name}:{name}"
        if name in module.nodes and address not in self.sources:
            self.sources[address] = "\n".join(ast.dump(node) for node in module.nodes[name])
            for node in module.nodes[name]:
                self.node(module, node)
        for target in module.imports.get(name, ()):
            self.imported(*target)
        if name not in module.nodes and name not in module.imports and not hasattr(builtins, name):
            for star, _ in module.imports.get("*", ()):
                self.imported(star, None)

    def node(self, module: Module, node: ast.AST) -> None:
        """Follow every name used, and every import made, inside a definition."""
        self.mentioned |= mentioned(node)
        local = imports_of(node, module.name)
        for targets in local.values():
            for target in targets:
                self.imported(*target)
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and part.id in _ANY_NAME and part.id not in module.nodes:
                self.whole(module)
            elif isinstance(part, ast.Name) and part.id not in local:
                self.name(module, part.id)

    def imported(self, target: str, attribute: str | None) -> None:
        """Follow an import of `attribute` from module `target` (or of the module itself)."""
        path = path_of(target)
        in_library = _within(target, LIBRARY)
        if path is None or _is_harness(target):
            self.modules.add(target if path is None else f"{target}.{attribute}")
            return
        if in_library and not self.library:
            return
        if attribute == "*":
            attribute = None
        if attribute is not None and path_of(f"{target}.{attribute}") is not None:
            return self.imported(f"{target}.{attribute}", None)
        module = parse(target, path)
        self.modules.add(target)
        if attribute is None or (in_library and path.name != "__init__.py"):
            self.whole(module)
        elif attribute in module.nodes or attribute in module.imports:
            if not in_library:
                self.enter(module)
            self.name(module, attribute)
        else:  # made when it is asked for, who knows how: a module counts as a whole, a package with all its modules
            self.whole(module)
            for sibling in sorted(path.parent.glob("*.py")) if path.name == "__init__.py" else ():
                if sibling != path:
                    self.whole(parse(f"{target}.{sibling.stem}", sibling))

    def whole(self, module: Module) -> None:
        """Take a module with all that it imports of ours."""
        if module.name in self.sources:
            return
        self.sources[module.name] = module.source
        self.mentioned |= mentioned(module.tree)
        later = [(holder, one) for holder, inside in module.deferred.items() for one in inside if not path_of(one[0])]
        self.deferred += later
        skipped = {target for _, target in later}
        for target in (target for targets in module.imports.values() for target in targets):
            if target not in skipped:
                self.imported(*target)

    def load_what_is_mentioned(self) -> None:
        """Add what others' modules the functions of whole modules import themselves, those that anything mentions.

        A module of numpy's generators that also knows torch's must not bring torch to a method that never asks for one.
        """
        for holder, target in self.deferred:
            if holder in self.mentioned:
                self.imported(*target)


def _names(code: CodeType) -> set[str]:
    """Return the global names and attributes that a code object uses, in what is nested inside it too."""
    inner = [held for held in code.co_consts if isinstance(held, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _bytecode(code: CodeType | None) -> str:
    """Return what a function without a source file does: for code typed at a prompt, and lambdas."""
    return "" if code is None else f"{code.co_code.hex()} {code.co_names} {[_constant(held) for held in code.co_consts]}"


def _constant(held: Any) -> str:
    """Return a constant of code as text that is the same in every process: the order of a set is not."""
    if isinstance(held, CodeType):
        return _bytecode(held)
    if isinstance(held, frozenset):
        return f"{{{', '.join(sorted(map(_constant, held)))}}}"
    if isinstance(held, tuple):
        return f"({', '.join(map(_constant, held))})"
    return repr(held)


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def _is_harness(name: str) -> bool:
    return name.split(".")[0] == HARNESS and not _within(name, LIBRARY) and not _within(name, SUITES)
