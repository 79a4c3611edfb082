"""Records as the commands read them: every refused file is said, none is silent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from optathlon.cli.common import (
    UsageError,
    load_suites,
)

if TYPE_CHECKING:
    from optathlon.judge import Judgement
    from optathlon.judge.remembered import RankCache
    from optathlon.store import Group, RecordError, Trust


def read_groups(results: Path, *, packs: bool = True) -> list[Group]:
    """Return every group that can be trusted; say on stderr which files are refused."""
    return list(stream_groups(results, packs=packs))


def stream_groups(results: Path, *, packs: bool = True) -> Iterable[Group]:
    """Yield the groups that can be trusted, a file at a time; say on stderr which are refused, and which packs are outdated."""
    from optathlon.store import RecordError, scan

    require_records(results)
    for group in scan(results, packs=packs, say=say):
        if isinstance(group, RecordError):
            say_refused(group)
        else:
            yield group


def say(sentence: str) -> None:
    """Say a sentence on stderr."""
    typer.secho(sentence, err=True, fg="yellow")


def say_refused(error: RecordError) -> None:
    """Say on stderr which file is refused."""
    typer.secho(f"refused: {error}", err=True, fg="red")


@contextmanager
def remembered(results: Path) -> Iterator[RankCache]:
    """Give the ranks that were worked out before, and keep those that were asked for."""
    from optathlon.judge.remembered import RankCache, code_digest
    from optathlon.store import recall, remember, remembered_at

    path = remembered_at(results, code_digest())
    cache = RankCache(recall(path))
    yield cache
    if cache.missed:
        remember(path, cache.used)


def require_records(results: Path) -> None:
    """Raise a usage error where there are neither records nor packs."""
    from optathlon.store import holds_records

    if not holds_records(results):
        raise UsageError(f"no records under {results}; run a suite first, for example: optathlon run binary_regression")


def read_trust(results: Path, *, here: bool = False) -> Trust:
    """Return which records are claimed or verified; `here`, what this machine has measured is its reader's own."""
    from optathlon.store import load_trust

    trust = load_trust(results)
    if not here or trust.machines is None:
        return trust
    from optathlon.measure import environment

    return trust.on(environment.machine_name)


def judge_groups(groups: Sequence[Group], names: Sequence[str], trust: Trust) -> list[Judgement]:
    """Return the verdicts on the claims of the suites whose names match, from the newest groups that are more than claimed."""
    from optathlon.judge import judge
    from optathlon.store import newest, to_records

    suites = load_suites(names)
    wanted = {suite.name for suite in suites}
    records = [record for group in trust.kept(newest(groups)) if group.cell.suite in wanted for record in to_records(group)]
    return [judgement for suite in suites for judgement in judge(suite, records)]
