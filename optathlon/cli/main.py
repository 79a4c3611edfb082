"""The command line as a whole: one application, one way to end."""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from collections import UserDict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from optathlon import __version__
from optathlon.cli.common import SUITE_PATHS, Ended, UsageError
from optathlon.spec import NeedsData
from optathlon.spec.text import clean
from optathlon.threads import fix_threads

# Each command and where its code is: a module of this room, and a function or an application of more commands.
_COMMANDS = {
    "list": "listing:list_suites",
    "run": "running:run",
    "worker": "workers:worker",
    "leaderboard": "boards:leaderboard",
    "claims": "boards:claims",
    "verify": "checking:verify",
    "submission": "submitting:submission",
    "compare": "checking:compare",
    "publish": "publishing:publish",
    "serve": "publishing:serve",
    "tables": "publishing:tables",
    "pack": "packing:pack",
    "machine": "machine:machine",
    "data": "data:data_app",
    "plot": "plotting:plot_app",
}


class _Commands(UserDict[str, Any]):
    """Commands by name; one is imported when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        module, attribute = super().__getitem__(name).split(":")
        found = getattr(importlib.import_module(f"optathlon.cli.{module}"), attribute)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
            alone.command(name)(found)
            found = alone
        command = typer.main.get_command(found)
        command.name = name
        return command


class _Group(TyperGroup):
    """The commands of Optathlon: half a board's seconds would be the imports of the others."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Commands(_COMMANDS)


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Benchmark suites of optimisation methods from machine-learning papers, with a leaderboard that anybody can reproduce.",
    epilog="Start with [bold]optathlon list[/], then [bold]run binary_regression[/] and [bold]leaderboard[/].",
)
_TYPER_USAGE_ERROR = 2


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    suite: Annotated[
        list[Path] | None, typer.Option("--suite", help="A file, or a folder with a suite.py, whose SUITE is added.")
    ] = None,
) -> None:
    """Options of every command."""
    SUITE_PATHS[:] = suite or []


def main() -> None:
    """Run the command line; usage errors and bad input end with exit code 1 and a sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        gc.set_threshold(100_000, 50, 100)  # records are millions of small objects without a cycle
        fix_threads()  # before numpy is imported and starts its pool
        app()
    except Ended as end:
        sys.exit(end.code)
    except SystemExit as end:
        sys.exit(1 if end.code == _TYPER_USAGE_ERROR else end.code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (UsageError, NeedsData, ValueError, OSError) as error:
        typer.secho(f"error: {clean(str(error))}", err=True, fg="red")
        sys.exit(1)
