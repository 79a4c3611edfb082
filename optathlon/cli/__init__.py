"""The command line, a file per command group; with `optathlon.api` the only room that loads suites."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an interrupt at any moment, imports included, ends it quietly."""
    try:
        from optathlon.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


__all__ = ["main"]
