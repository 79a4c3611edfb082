"""`optathlon publish`: write the site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optathlon.cli.common import (
    RESULTS,
    Results,
)
from optathlon.cli.reading import judge_groups, read_groups

if TYPE_CHECKING:
    pass


def publish(
    results: Results = RESULTS,
    target: Annotated[Path, typer.Option("--html", help="Folder of the site.")] = Path("html"),
) -> None:
    """Write the site: asv's history with the leaderboard beside it."""
    from optathlon import judge
    from optathlon.show.site import publish as write_site

    groups = read_groups(results)
    typer.echo(write_site(results.resolve().parent, target, judge.build(groups), judge_groups(groups)))
