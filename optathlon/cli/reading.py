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
    from optathlon.store import Group


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


def judge_groups(groups: Sequence[Group], names: Sequence[str] = ()) -> list[Judgement]:
    """Return the verdicts on the claims of the suites whose names match, from the newest groups."""
    from optathlon.judge import judge
    from optathlon.store import newest, to_records

    suites = load_suites(names)
    wanted = {suite.name for suite in suites}
    records = [record for group in newest(groups) if group.cell.suite in wanted for record in to_records(group)]
    return [judgement for suite in suites for judgement in judge(suite, records)]
