"""`optathlon publish` and `tables`: the site, and the tables in the suites' READMEs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from optathlon.cli.common import RESULTS, Ended, Results, SuiteNames, UsageError, choose, registry, suite_names
from optathlon.cli.reading import judge_groups, read_groups


def publish(
    results: Results = RESULTS,
    target: Annotated[Path, typer.Option("--html", help="Folder of the site.")] = Path("html"),
) -> None:
    """Write the site: asv's history with the leaderboard beside it."""
    from optathlon import judge
    from optathlon.show.site import publish as write_site

    groups = read_groups(results)
    typer.echo(write_site(results.resolve().parent, target, judge.build(groups), judge_groups(groups)))


def tables(
    names: SuiteNames = None,
    results: Results = RESULTS,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a README differs from the records.")] = False,
) -> None:
    """Write boards and claims in the suites' READMEs, from <!-- board:WORKLOAD --> or <!-- claims --> to <!-- end -->."""
    from optathlon import judge
    from optathlon.show import readmes
    from optathlon.store import replace_text

    groups = read_groups(results)
    rows, judgements = judge.build(groups), judge_groups(groups, names or ())
    stale = []
    for name in choose(names or (), suite_names(), "suite"):
        for path in sorted(_folder(name).glob("*.md")):
            before = path.read_text(encoding="utf-8")
            try:
                own = [one for one in judgements if one.suite == name]
                after = readmes.fill(before, [row for row in rows if row.suite == name], own)
            except ValueError as error:
                raise UsageError(f"{path}: {error}") from None
            if before == after:
                continue
            stale.append(path)
            if not check:
                replace_text(path, after)
    for path in stale:
        typer.secho(f"{path} {'differs from the records; run: optathlon tables' if check else 'written'}", err=True)
    if stale and check:
        raise Ended(1)


def _folder(suite: str) -> Path:
    """Return the folder of a suite: that of the module which declares it."""
    entry = registry().sources[suite].entry
    if isinstance(entry, Path):
        return entry if entry.is_dir() else entry.parent
    registry().load(suite)
    return Path(sys.modules[entry.module].__file__ or "").resolve().parent
