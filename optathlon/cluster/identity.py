"""What a worker is: its code, its suites and plug-ins, and the conditions under which it measures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from optathlon.measure.environment import describe
from optathlon.measure.versions import WHERE_USED
from optathlon.registry import METHODS, SUITES, Registry

OURS = ("code", "suites", "plugins")  # must be the driver's
ALIKE = ("python", "versions", "kernels", "threads", "arithmetic", "gpu")  # must be the same all over one class of machine


def identity(registry: Registry, suites: Iterable[str], device: str) -> dict[str, Any]:
    """Return what this process is, as JSON values: code and declarations, versions and conditions, and its class of machine."""
    conditions = describe(device, modules=WHERE_USED)
    return {
        "machine": conditions.machine,
        "python": conditions.python,
        "versions": dict(conditions.versions),
        "kernels": dict(conditions.kernels),
        "threads": conditions.threads,
        "arithmetic": conditions.arithmetic,
        "gpu": conditions.gpu,
        "code": _digest(Path(__file__).parents[1]),
        "suites": {name: _declared(registry, name) for name in suites},
        "plugins": _plugins(),
    }


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], fields: Iterable[str]) -> str:
    """Return in words where two identities differ, each with both values (digests shortened); empty where they agree."""
    found = []
    for field in fields:
        if ours[field] != theirs[field]:
            here, there = _told(ours[field], theirs[field]), _told(theirs[field], ours[field])
            found.append(f"{field} {there} instead of {here}")
    return "; ".join(found)


def _told(value: Any, other: Any) -> str:
    if isinstance(value, dict) and isinstance(other, dict):
        shown = {name: value.get(name, "absent") for name in sorted({*value, *other}) if value.get(name) != other.get(name)}
        return ", ".join(f"{name} {_told(part, None)}" for name, part in shown.items())
    return str(value)[:16] or "none"


def _declared(registry: Registry, name: str) -> str:
    """Return the version of a suite, and the digest of its file or folder where it is nobody's package."""
    if name not in registry.sources:
        return "absent"
    entry = registry.sources[name].entry
    version = registry.load(name).version
    return f"{version}-{_digest(entry)[:12]}" if isinstance(entry, Path) else version


def _plugins() -> dict[str, str]:
    """Return every package but ours that offers suites or methods, with its version and the digest of its code."""
    found: dict[str, str] = {}
    for entry in (*entry_points(group=SUITES), *entry_points(group=METHODS)):
        if entry.dist is None or entry.dist.name == "optathlon":
            continue
        spec = find_spec(entry.module.split(".")[0])
        path = Path(spec.origin) if spec is not None and spec.origin else None
        code = _digest(path.parent if path.name == "__init__.py" else path) if path is not None else "absent"
        found[f"{entry.dist.name}:{entry.group}:{entry.name}"] = f"{entry.dist.version}-{code[:12]}"
    return found


def _digest(path: Path) -> str:
    """Return the digest of a Python file or of all below a folder, links followed."""
    root = path.resolve()
    texts = {str(file.relative_to(root.parent)): file for file in [root] if file.is_file()} or dict(_sources(root, ""))
    parts = [[name, hashlib.sha256(texts[name].read_bytes()).hexdigest()] for name in sorted(texts)]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


def _sources(folder: Path, prefix: str) -> Iterable[tuple[str, Path]]:
    for entry in folder.iterdir():
        if entry.name.startswith((".", "__pycache__")):
            continue
        if entry.is_dir():
            yield from _sources(entry, f"{prefix}{entry.name}/")
        elif entry.suffix == ".py":
            yield f"{prefix}{entry.name}", entry
