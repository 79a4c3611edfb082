"""Installed versions of the libraries whose code a result may depend on, read without importing them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("numpy", "scipy", "torch", "cvxpy", "scs", "clarabel", "numba", "scikit-learn")
# Counted where a suite uses them: import name to distribution. `optathlon.data` gives torchvision by a function.
WHERE_USED = {
    "PIL": "pillow",
    "pandas": "pandas",
    "torchmetrics": "torchmetrics",
    "torchvision": "torchvision",
    "optathlon.data.import_torchvision": "torchvision",
}


def versions(modules: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of the numerical libraries, and of those in `WHERE_USED` that are among the imported modules."""
    used = {name for module in modules for name in (module, module.split(".")[0])}
    names = [*LIBRARIES, *(library for name, library in WHERE_USED.items() if name in used)]
    return {library: found for library in names if (found := _version(library))}


@cache
def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
