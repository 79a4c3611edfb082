"""The command line as a whole: one application, one way to end."""

from __future__ import annotations

import gc
import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from optathlon import __version__
from optathlon.cli.boards import claims, leaderboard
from optathlon.cli.checking import compare, verify
from optathlon.cli.common import SUITE_PATHS, Ended, UsageError
from optathlon.cli.data import data_app
from optathlon.cli.listing import list_suites
from optathlon.cli.machine import machine
from optathlon.cli.packing import pack
from optathlon.cli.plotting import plot_app
from optathlon.cli.publishing import publish, serve, tables
from optathlon.cli.running import run
from optathlon.cli.submitting import submission
from optathlon.cli.workers import worker
from optathlon.spec import NeedsData
from optathlon.spec.text import clean
from optathlon.threads import fix_threads

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Benchmark suites of optimisation methods from machine-learning papers, with a leaderboard that anybody can reproduce.",
    epilog="Start with [bold]optathlon list[/], then [bold]run binary_regression[/] and [bold]leaderboard[/].",
)
app.command("list")(list_suites)
for command in (run, worker, leaderboard, claims, verify, submission, compare, publish, serve, tables, pack, machine):
    app.command()(command)
app.add_typer(data_app, name="data")
app.add_typer(plot_app, name="plot")
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
