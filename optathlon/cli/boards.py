"""`optathlon leaderboard` and `claims`: what the records say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optathlon.cli.common import (
    RESULTS,
    Ended,
    MethodNames,
    Results,
    ShownMachine,
    SuiteNames,
    UsageError,
    WorkloadNames,
    choose,
    json_text,
    print_json,
    suite_names,
)
from optathlon.cli.reading import (
    judge_groups,
    read_groups,
    read_trust,
    remembered,
    stream_groups,
)
from optathlon.cli.streaming import stream_csv
from optathlon.spec import Scale

if TYPE_CHECKING:
    from optathlon.judge import Judgement, Row
    from optathlon.store import Group


def _completion(*words: str) -> Callable[[str], list[str]]:
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


MetricNames = Annotated[list[str] | None, typer.Option("--metric", help="Metrics, globs accepted; the first shown ranks.")]
Details = Annotated[bool, typer.Option("--details", help="On a terminal, every claim in full.")]


def leaderboard(
    names: SuiteNames = None,
    results: Results = RESULTS,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="md, csv, json or latex; tables on a terminal by default.",
            autocompletion=_completion("md", "csv", "json", "latex"),
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 when the tables in the results folder differ from the records.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write LEADERBOARD.md and leaderboard.csv into the results folder.")
    ] = False,
    scale: Annotated[Scale | None, typer.Option(help="Only this scale.")] = None,
    machine: ShownMachine = None,
    workload: WorkloadNames = None,
    method: MethodNames = None,
    metric: MetricNames = None,
    top: Annotated[int | None, typer.Option(min=1, help="Only so many methods of each board, the best ones.")] = None,
    details: Details = False,
    summary: Annotated[bool, typer.Option("--summary", help="On a terminal, only who wins where and the count.")] = False,
) -> None:
    """Show who wins where, with ties and intervals, and which claims hold (all workloads, methods and metrics decide these).

    Ranks, first places, mean ranks and profiles are those among all methods, also where a part of the board is shown.
    """
    if format not in (None, "md", "csv", "json", "latex"):
        raise UsageError(f"--format must be md, csv, json or latex, got {format!r}")
    narrowed = bool(workload or method or metric or top)
    if (check or write) and (names or scale or machine or narrowed):
        raise UsageError("--check and --write are for the whole table; leave out suites and the options that narrow it")
    if format == "csv" and not (check or write or narrowed):
        stream_csv(results, names or (), scale, machine)
        return
    from optathlon import judge
    from optathlon.show import console, sheet, tables
    from optathlon.show.latex import to_latex

    renderers = {"csv": sheet.to_csv, "json": lambda rows: json_text(judge.to_dicts(rows)), "latex": to_latex}
    seen: set[str] = set()
    groups = _wanted(results, names or (), scale, machine, seen, packs=not (check or write))
    bare = narrowed or (format in renderers and not (check or write))
    kept: list[Group] = []
    claiming = set() if bare else set(suite_names())
    trust = read_trust(results, here=not (check or write))
    with nullcontext() if check or write else remembered(results) as cache:
        rows = judge.build(_keeping(groups, claiming, scale, kept), trust, cache)
    rows = [row for row in rows if scale is None or row.scale == scale]
    if machine is not None:
        choose([machine], sorted(seen), "machine")
    whole, rows = rows, narrow(rows, workload or (), method or (), metric or (), top)
    if format in renderers and not (check or write):
        typer.echo(renderers[format](rows), nl=False)
        return
    judgements = [] if bare else judge_groups(kept, names or (), trust)
    if check or write:
        _check_or_write(results, rows, judgements, write=write)
    elif format == "md":
        typer.echo(tables.to_markdown(rows, judgements, whole), nl=False)
    else:
        console.show_leaderboard(rows, judgements, whole=whole, details=details, summary=summary)


def _keeping(groups: Iterable[Group], suites: set[str], scale: Scale | None, kept: list[Group]) -> Iterator[Group]:
    """Yield groups, and keep those of some suites and of a scale: verdicts need all of their runs, boards do not."""
    for group in groups:
        if group.cell.suite in suites and (scale is None or group.cell.scale is scale):
            kept.append(group)
        yield group


def _wanted(
    results: Path, names: Sequence[str], scale: Scale | None, machine: str | None, seen: set[str], *, packs: bool
) -> Iterator[Group]:
    """Yield the groups of the suites and the machine asked for, and note every machine that has some of the scale.

    Those of other scales may tell that a group is superseded.
    """
    chosen = set(choose(names, suite_names(), "suite")) if names else None
    for group in stream_groups(results, packs=packs):
        if chosen is None or group.cell.suite in chosen:
            if scale is None or group.cell.scale is scale:
                seen.add(group.cell.environment.place)
            if machine is None or machine in (group.cell.environment.machine, group.cell.environment.place):
                yield group


def narrow(
    rows: Sequence[Row], workloads: Sequence[str], methods: Sequence[str], metrics: Sequence[str], top: int | None = None
) -> list[Row]:
    """Return the rows whose names match, the best `top` of each board and metric; a name that nothing has is a usage error."""
    kept = list(rows)
    for kind, patterns in (("workload", workloads), ("method", methods), ("metric", metrics)):
        names = set(choose(patterns, sorted({getattr(row, kind) for row in kept}), kind))
        kept = [row for row in kept if getattr(row, kind) in names]
    if top is None:
        return kept
    counts: dict[tuple[str, ...], int] = {}
    best = []
    for row in kept:
        key = (row.suite, row.workload, row.scale, row.device, row.machine, row.metric)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= top:
            best.append(row)
    return best


def _check_or_write(results: Path, rows: list[Any], judgements: list[Judgement], *, write: bool) -> None:
    from optathlon.show.sheet import to_csv
    from optathlon.show.tables import to_markdown
    from optathlon.store import replace_text

    texts = {"LEADERBOARD.md": to_markdown(rows, judgements), "leaderboard.csv": to_csv(rows)}
    stale = []
    for name, text in texts.items():
        path = results / name
        if write:
            replace_text(path, text)
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
    for path in stale:
        typer.secho(f"{path} differs from the records; run: optathlon leaderboard --write", err=True, fg="red")
    if stale:
        raise Ended(1)


def claims(
    names: SuiteNames = None,
    results: Results = RESULTS,
    format: Annotated[
        str | None,
        typer.Option("--format", help="md or json; lines on a terminal by default.", autocompletion=_completion("md", "json")),
    ] = None,
    details: Details = False,
) -> None:
    """Show every claim with its verdict: reproduced, contradicted, inconclusive, not tested (at the paper's budget)."""
    from optathlon.show import console
    from optathlon.show.tables import claims_markdown
    from optathlon.store import holds_records

    if format not in (None, "md", "json"):
        raise UsageError(f"--format must be md or json, got {format!r}")
    groups = read_groups(results) if holds_records(results) else []
    judgements = judge_groups(groups, names or (), read_trust(results, here=True))
    if format == "json":
        print_json(
            [
                {
                    "suite": one.suite,
                    "id": one.claim.id,
                    "source": one.claim.source,
                    "statement": one.claim.statement,
                    "reported": one.claim.reported,
                    "basis": one.claim.basis,
                    "verdict": str(one.verdict.ruling),
                    "measured": one.verdict.measured,
                    "scale": one.scale,
                    "machine": one.machine,
                    "device": one.device,
                }
                for one in judgements
            ]
        )
    elif format == "md":
        typer.echo(claims_markdown(judgements))
    else:
        console.show_claims(judgements, details=details)
