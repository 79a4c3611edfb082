"""Records as the commands read them: every refused file is said, none is silent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from optathlon.cli.common import (
    UsageError,
    load_suites,
)

if TYPE_CHECKING:
    from optathlon.judge import Judgement
    from optathlon.store import Group, Trust


def read_groups(results: Path) -> list[Group]:
    """Return every group that can be trusted; say on stderr which files are refused."""
    return list(stream_groups(results))


def stream_groups(results: Path) -> Iterable[Group]:
    """Yield the groups that can be trusted, a file at a time; say on stderr which are refused."""
    from optathlon.store import RecordError, scan

    if not (results / "records").is_dir():
        raise UsageError(f"no records under {results}; run a suite first, for example: optathlon run binary_regression")
    for group in scan(results):
        if isinstance(group, RecordError):
            typer.secho(f"refused: {group}", err=True, fg="red")
        else:
            yield group


def read_trust(results: Path, *, here: bool = False) -> Trust:
    """Return which records are claimed or verified; `here`, what this machine has measured is its reader's own."""
    from optathlon.measure import environment
    from optathlon.store import load_trust

    trust = load_trust(results)
    return trust.on(environment.machine_name()) if here and trust.machines is not None else trust


def judge_groups(groups: Sequence[Group], names: Sequence[str] = (), trust: Trust | None = None) -> list[Judgement]:
    """Return the verdicts on the claims of the suites whose names match, from the newest groups that are more than claimed."""
    from optathlon.judge import judge
    from optathlon.store import newest, to_records

    suites = load_suites(names)
    wanted = {suite.name for suite in suites}
    kept = newest(groups) if trust is None else trust.kept(newest(groups))
    records = [record for group in kept if group.cell.suite in wanted for record in to_records(group)]
    return [judgement for suite in suites for judgement in judge(suite, records)]
