"""What the commands share: exit codes, the choice of suites and names, options, and JSON."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from optathlon.registry import Registry

if TYPE_CHECKING:
    from optathlon.spec import Suite


# Files and folders of suites, from the option --suite of the command line.
SUITE_PATHS: list[Path] = []


class Ended(Exception):
    """A command's own verdict as an exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class UsageError(Exception):
    """Something asked for does not exist or cannot be; the command ends with exit code 1."""


@cache
def registry() -> Registry:
    """Return the suites that this command can see: packaged ones, and those of ``--suite`` and ``OPTATHLON_SUITES``."""
    return Registry(SUITE_PATHS)


def suite_names(incomplete: str = "") -> list[str]:
    """Return the names of suites that start with a text."""
    return [name for name in registry().names() if name.startswith(incomplete)]


def names_in_suites(kind: str) -> Callable[[typer.Context, str], list[str]]:
    """Return the completion of names of a kind (``"workloads"``, ``"methods"``) over the suites on the line, all by default."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        names = {entry.name for suite in load_suites(ctx.params.get("names") or ()) for entry in getattr(suite, kind)}
        return sorted(name for name in names if name.startswith(incomplete))

    return complete


def choose(patterns: Sequence[str], names: Iterable[str], kind: str) -> list[str]:
    """Return the names that match any pattern, all without patterns; a pattern that matches nothing is a usage error."""
    names = list(dict.fromkeys(names))
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            near = difflib.get_close_matches(pattern, names, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names) or 'none'}"
            raise UsageError(f"no {kind} matches {pattern!r}; {hint}")
    return [name for name in names if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)]


def load_suites(patterns: Sequence[str]) -> list[Suite]:
    """Return the suites whose names match any pattern, all without patterns."""
    known = registry()
    suites = known.load_all(choose(patterns, known.names(), "suite"))
    for sentence in known.refused:
        typer.secho(f"refused: {sentence}", err=True, fg="red")
    known.refused.clear()  # said once
    return suites


def cluster_room(name: str) -> Any:
    """Return a module of `optathlon.cluster`; a usage error that says what to install where dask is missing."""
    if importlib.util.find_spec("distributed") is None:
        raise UsageError("--on and worker need dask.distributed; install it with: pip install 'optathlon[cluster]'")
    return importlib.import_module(f"optathlon.cluster.{name}")


Results = Annotated[Path, typer.Option("--results", help="Folder of records and tables.", envvar="OPTATHLON_RESULTS")]
SuiteNames = Annotated[
    list[str] | None, typer.Argument(help="Suites, globs accepted; all by default.", autocompletion=suite_names)
]
WorkloadNames = Annotated[
    list[str] | None,
    typer.Option("--workload", "-w", help="Workloads, globs accepted.", autocompletion=names_in_suites("workloads")),
]
MethodNames = Annotated[
    list[str] | None, typer.Option("--method", "-m", help="Methods, globs accepted.", autocompletion=names_in_suites("methods"))
]
Machine = Annotated[
    str | None, typer.Option("--machine", help="Name of this machine in the records.", envvar="OPTATHLON_MACHINE")
]
ShownMachine = Annotated[str | None, typer.Option("--machine", help="Only records of this machine.")]
RESULTS = Path("results")


def json_text(value: Any) -> str:
    """Return indented JSON with a newline at its end."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n"


def print_json(value: Any) -> None:
    """Print JSON for scripts."""
    typer.echo(json_text(value), nl=False)
