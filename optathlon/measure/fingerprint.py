"""Whether a method has changed its problem in place, or the functions by which its answer is scored."""

from __future__ import annotations

import builtins
import math
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import getmro
from types import ModuleType
from typing import Any

import numpy as np

_DEEPEST = 6


def fingerprint(problem: Any) -> dict[str, int]:
    """Return the checksum of each array and tensor that a problem holds, by the way to it."""
    return {way: zlib.crc32(array.view(np.uint8).data) for way, array in _arrays(problem, "problem", set(), _DEEPEST)}


def changed(before: Mapping[str, int], problem: Any) -> list[str]:
    """Return the ways to arrays that are not what they were; what a problem has worked out since counts for nothing."""
    after = fingerprint(problem)
    return [way for way, checksum in before.items() if after.get(way) != checksum]


def scoring_tools(functions: Iterable[Callable[..., Any]]) -> dict[tuple[ModuleType, str], Any]:
    """Return every function that stands in the modules of metrics, in numpy's and in Python's own, by module and name."""
    names = {str(getattr(getattr(function, "func", function), "__module__", "")) for function in functions}
    modules = [builtins, math, np, np.linalg, *(sys.modules[name] for name in sorted(names) if name in sys.modules)]
    return {(module, name): value for module in modules for name, value in vars(module).items() if callable(value)}


def replaced(before: Mapping[tuple[ModuleType, str], Any]) -> list[str]:
    """Return the names under which another function stands now."""
    return [f"{module.__name__}.{name}" for (module, name), value in before.items() if vars(module).get(name) is not value]


def _arrays(value: Any, way: str, seen: set[int], depth: int) -> Iterator[tuple[str, np.ndarray]]:
    if depth < 0 or id(value) in seen or value is None or isinstance(value, str | bytes | int | float | complex | np.generic):
        return
    seen.add(id(value))
    torch = sys.modules.get("torch")
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            yield way, np.ascontiguousarray(value).reshape(-1)
    elif torch is not None and isinstance(value, torch.Tensor):
        if value.layout is torch.strided:
            flat = value.detach().to("cpu").contiguous().reshape(-1)
            yield way, (flat.resolve_conj().view(torch.uint8) if flat.numel() else flat.to(torch.uint8)).numpy()
    elif isinstance(value, Mapping):
        for name in list(value):
            yield from _arrays(value[name], f"{way}[{name!r}]", seen, depth - 1)
    elif isinstance(value, tuple | list):
        for index, part in enumerate(value):
            yield from _arrays(part, f"{way}[{index}]", seen, depth - 1)
    elif (not isinstance(value, type) and not callable(value)) or (torch is not None and isinstance(value, torch.nn.Module)):
        slots = [name for kind in getmro(type(value)) for name in getattr(kind, "__slots__", ())]
        held = dict(getattr(value, "__dict__", {})) | {
            name: getattr(value, name, None) for name in slots if isinstance(name, str)
        }
        for name, part in held.items():
            yield from _arrays(part, f"{way}.{name}", seen, depth - 1)
