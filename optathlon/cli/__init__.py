"""The command line, a file per command group; with `optathlon.api` the only room that loads suites."""

from optathlon.cli.main import main

__all__ = ["main"]
