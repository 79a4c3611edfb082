"""Benchmark suites of optimisation methods from machine-learning papers, with a leaderboard that anybody can reproduce.

`suites`, `run`, `load` and `try_method` are for notebooks (see `optathlon.api`); the command is ``optathlon``; the methods are a
library of their own, `optathlon.baselines`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optathlon.api import Results, load, run, suites, try_method

__version__ = "0.1.0"
__all__ = ["Results", "load", "run", "suites", "try_method"]


def __getattr__(name: str) -> Any:
    """Import the interface when it is first asked for: the command and the library do without pandas."""
    if name in __all__:
        from optathlon import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Package(ModuleType):
    """Keeps the function: importing `optathlon.suites.NAME` would bind the package `suites` over the function of that name."""

    @property
    def suites(self) -> Any:
        from optathlon import api

        return api.suites

    @suites.setter
    def suites(self, package: ModuleType) -> None:
        """Leave the function where it is; the package is imported by its full name."""


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return __all__
