"""The command line: run suites, render the leaderboard and the verdicts, verify, compare, manage data."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optathlon import __version__
from optathlon.cli_common import (
    RESULTS,
    Ended,
    Machine,
    MethodNames,
    Results,
    SuiteNames,
    UsageError,
    WorkloadNames,
    choose,
    json_text,
    load_suites,
    print_json,
    suite_names,
)
from optathlon.cli_data import data_app
from optathlon.environment import fix_threads
from optathlon.spec import NeedsData, Scale

if TYPE_CHECKING:
    from optathlon.claims import Judgement
    from optathlon.isolation import Job
    from optathlon.records import Group
    from optathlon.spec import Suite

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Benchmark suites of optimisation methods from machine-learning papers, with a leaderboard that anybody can reproduce.",
    epilog="Start with [bold]optathlon list[/], then [bold]run binary_regression[/] and [bold]leaderboard[/].",
)
app.add_typer(data_app, name="data")

_UNITS = {"": 2**20, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30}
_TYPER_USAGE_ERROR = 2


# list


@app.command("list")
def list_suites(
    names: SuiteNames = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """List the suites with their workloads, methods, metrics and claims."""
    suites = load_suites(names or ())
    if json:
        print_json([_describe(suite) for suite in suites])
        return
    for suite in suites:
        typer.secho(f"{suite.name} (version {suite.version}): {suite.title}", bold=True)
        typer.echo(f"  {suite.source}")
        for workload in suite.workloads:
            typer.echo(f"  {workload.scale:<7}{workload.name:<34}{workload.description}")
        typer.echo(f"  methods: {', '.join(method.name for method in suite.methods)}")
        typer.echo(f"  metrics: {', '.join(f'{metric.name} ({metric.better} is better)' for metric in suite.metrics)}")
        typer.echo(f"  claims:  {len(suite.claims)} (optathlon claims {suite.name})\n")


def _describe(suite: Suite) -> dict[str, Any]:
    return {
        "name": suite.name,
        "version": suite.version,
        "title": suite.title,
        "source": suite.source,
        "reference_method": suite.reference_method,
        "workloads": [
            {
                "name": w.name,
                "scale": str(w.scale),
                "seeds": w.seeds,
                "budget": w.budget,
                "memory": w.memory,
                "target": w.target,
                "data": list(w.data),
                "description": w.description,
            }
            for w in suite.workloads
        ],
        "methods": [
            {"name": m.name, "settings": dict(m.settings), "reference": m.reference, "devices": list(m.devices)}
            for m in suite.methods
        ],
        "metrics": [{"name": m.name, "unit": m.unit, "better": m.better} for m in suite.metrics],
        "claims": [
            {"id": c.id, "source": c.source, "statement": c.statement, "reported": c.reported, "scale": str(c.scale)}
            for c in suite.claims
        ],
    }


# run


def _bytes(text: str) -> int:
    """Read ``"4GiB"``, ``"512MB"`` or a number of MiB."""
    digits = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = text.strip()[len(digits) :].lower()
    try:
        amount = float(digits) * _UNITS[unit]
    except (KeyError, ValueError):
        raise UsageError(f"--memory must be a size such as 512MiB or 4GiB (a bare number is MiB), got {text!r}") from None
    if amount <= 0 or amount == float("inf"):
        raise UsageError(f"--memory must be positive and finite, got {text!r}")
    return int(amount)


@app.command()
def run(
    names: Annotated[list[str], typer.Argument(help="Suites, globs accepted ('*' for all).", autocompletion=suite_names)],
    scale: Annotated[Scale, typer.Option(help="Which workloads.")] = Scale.SMALL,
    workload: WorkloadNames = None,
    method: MethodNames = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Instances per workload; each workload's own number by default.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Cells at a time; seconds are only comparable at 1.")] = 1,
    timeout: Annotated[float | None, typer.Option(help="Seconds per cell instead of the workload's budget.")] = None,
    memory: Annotated[str | None, typer.Option(help="Memory per cell, such as 4GiB; a bare number is MiB.")] = None,
    results: Results = RESULTS,
    machine: Machine = None,
    force: Annotated[bool, typer.Option("--force", help="Measure again what is already recorded.")] = False,
) -> None:
    """Run suites and record every cell; what is recorded under the same code, data, versions and machine is not run again.

    Exit code 0 when all cells ended ok, 2 when one did not, 1 for a usage error.
    """
    from optathlon import console

    if device not in ("cpu", "cuda"):
        raise UsageError(f"--device must be cpu or cuda, got {device!r}")
    if timeout is not None and not 0 < timeout < float("inf"):
        raise UsageError(f"--timeout must be a positive number of seconds, got {timeout}")
    limit = None if memory is None else _bytes(memory)
    suites = load_suites(names)
    plan = [
        cell
        for suite in suites
        for cell in _plan(suite, scale, workload or (), method or (), device, machine, seeds, timeout, limit)
    ]
    workloads = [entry.name for suite in suites for entry in suite.workloads if entry.scale is scale]
    choose(workload or (), workloads, f"workload at scale {scale}")
    choose(method or (), [entry.name for suite in suites for entry in suite.methods], "method")
    if not plan:
        raise UsageError(f"no cell to run: no method chosen runs on {device} on a workload of scale {scale}")
    try:
        failed = console.execute(plan, results, parallel=jobs, force=force)
    except KeyboardInterrupt:
        typer.echo("stopped; finished cells are recorded, and the same command goes on from there", err=True)
        raise Ended(130) from None
    if failed:
        raise Ended(2)


def _plan(
    suite: Suite,
    scale: Scale,
    workloads: Sequence[str],
    methods: Sequence[str],
    device: str,
    machine: str | None,
    seeds: int | None,
    timeout: float | None,
    memory: int | None,
) -> list[list[Job]]:
    """Return the jobs of each cell that takes part, one per seed."""
    from optathlon.isolation import Job
    from optathlon.running import plan_cell, takes_part

    plan = []
    for workload in suite.workloads:
        if workload.scale is not scale or (workloads and not any(fnmatchcase(workload.name, p) for p in workloads)):
            continue
        for method in suite.methods:
            if not takes_part(workload, method) or device not in method.devices:
                continue
            if methods and not any(fnmatchcase(method.name, pattern) for pattern in methods):
                continue
            cell = plan_cell(suite, workload, method, device, machine=machine)
            limits = (timeout or workload.budget, memory or workload.memory)
            plan.append([Job(suite, workload, method, cell, seed, *limits) for seed in range(seeds or workload.seeds)])
    return plan


# leaderboard, claims


def _read(results: Path) -> list[Group]:
    """Return every group that can be trusted; say on stderr which files are refused."""
    return list(_stream(results))


def _stream(results: Path) -> Iterable[Group]:
    from optathlon.records import RecordError, scan

    if not (results / "records").is_dir():
        raise UsageError(f"no records under {results}; run a suite first, for example: optathlon run binary_regression")
    for group in scan(results):
        if isinstance(group, RecordError):
            typer.secho(f"refused: {group}", err=True, fg="red")
        else:
            yield group


def _judge(groups: Sequence[Group], names: Sequence[str] = ()) -> list[Judgement]:
    from optathlon.claims import judge
    from optathlon.records import newest, to_records

    suites = load_suites(names)
    wanted = {suite.name for suite in suites}
    records = [record for group in newest(groups) if group.cell.suite in wanted for record in to_records(group)]
    return [judgement for suite in suites for judgement in judge(suite, records)]


@app.command()
def leaderboard(
    names: SuiteNames = None,
    results: Results = RESULTS,
    format: Annotated[
        str | None, typer.Option("--format", help="md, csv, json or latex; tables on a terminal by default.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 when the tables in the results folder differ from the records.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write LEADERBOARD.md and leaderboard.csv into the results folder.")
    ] = False,
    scale: Annotated[Scale | None, typer.Option(help="Only this scale.")] = None,
    machine: Machine = None,
) -> None:
    """Show who wins where, with ties and intervals, and which claims hold."""
    from optathlon import console
    from optathlon import leaderboard as boards

    renderers = {"csv": boards.to_csv, "json": lambda rows: json_text(boards.to_dicts(rows)), "latex": boards.to_latex}
    if format not in (None, "md", *renderers):
        raise UsageError(f"--format must be md, csv, json or latex, got {format!r}")
    chosen = set(choose(names or (), suite_names(), "suite")) if names else None
    groups = (
        group
        for group in _stream(results)
        if (chosen is None or group.cell.suite in chosen)
        and (scale is None or group.cell.scale is scale)
        and (machine is None or group.cell.environment.machine == machine)
    )
    if format in renderers and not (check or write):
        typer.echo(renderers[format](boards.build(groups)), nl=False)
        return
    if (check or write) and (names or scale or machine):
        raise UsageError("--check and --write are for the whole table; leave out suites, --scale and --machine")
    kept = list(groups)
    rows, judgements = boards.build(kept), _judge(kept, names or ())
    if check or write:
        _check_or_write(results, rows, judgements, write=write)
    elif format == "md":
        typer.echo(boards.to_markdown(rows, judgements), nl=False)
    else:
        console.show_leaderboard(rows, judgements)


def _check_or_write(results: Path, rows: list[Any], judgements: list[Judgement], *, write: bool) -> None:
    from optathlon import leaderboard as boards

    tables = {"LEADERBOARD.md": boards.to_markdown(rows, judgements), "leaderboard.csv": boards.to_csv(rows)}
    stale = []
    for name, text in tables.items():
        path = results / name
        if write:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
    for path in stale:
        typer.secho(f"{path} differs from the records; run: optathlon leaderboard --write", err=True, fg="red")
    if stale:
        raise Ended(1)


@app.command()
def claims(
    names: SuiteNames = None,
    results: Results = RESULTS,
    format: Annotated[str | None, typer.Option("--format", help="md or json; a table on a terminal by default.")] = None,
) -> None:
    """Show every claim with its verdict: reproduced, contradicted, inconclusive or not tested."""
    from optathlon import console
    from optathlon.leaderboard import claims_markdown

    if format not in (None, "md", "json"):
        raise UsageError(f"--format must be md or json, got {format!r}")
    groups = _read(results) if (results / "records").is_dir() else []
    judgements = _judge(groups, names or ())
    if format == "json":
        print_json(
            [
                {
                    "suite": one.suite,
                    "id": one.claim.id,
                    "source": one.claim.source,
                    "statement": one.claim.statement,
                    "reported": one.claim.reported,
                    "verdict": str(one.verdict.ruling),
                    "measured": one.verdict.measured,
                    "scale": one.scale,
                    "machine": one.machine,
                }
                for one in judgements
            ]
        )
    elif format == "md":
        typer.echo(claims_markdown(judgements))
    else:
        console.show_claims(judgements)


# verify, compare, publish


@app.command()
def verify(
    names: SuiteNames = None,
    results: Results = RESULTS,
    workload: WorkloadNames = None,
    method: MethodNames = None,
    scale: Annotated[Scale | None, typer.Option(help="Only records of this scale.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="At most so many recorded seeds per cell.")] = None,
    machine: Machine = None,
) -> None:
    """Run recorded cells again and compare: exactly on the same machine and versions, within the recorded interval elsewhere.

    Exit code 0 when every one agrees, 1 with a table of the differences otherwise.
    """
    from optathlon import console
    from optathlon.records import RecordError, newest, scan
    from optathlon.verifying import refused, verify_group

    suites = {suite.name: suite for suite in load_suites(names or ())}
    faulty = [refused(entry) for entry in scan(results) if isinstance(entry, RecordError)]
    groups = [
        group
        for group in newest(_stream(results))
        if group.cell.suite in suites
        and (scale is None or group.cell.scale is scale)
        and (not workload or any(fnmatchcase(group.cell.workload, pattern) for pattern in workload))
        and (not method or any(fnmatchcase(group.cell.method, pattern) for pattern in method))
    ]
    if not groups and not faulty:
        raise UsageError("no record matches; see optathlon leaderboard for what there is")
    findings = faulty + [finding for group in groups for finding in verify_group(suites[group.cell.suite], group, machine, seeds)]
    console.show_findings(findings)
    if any(not finding.agrees for finding in findings):
        raise Ended(1)


@app.command()
def compare(
    base: Annotated[str, typer.Argument(help="Commit to compare against.")],
    head: Annotated[str, typer.Argument(help="Commit that is judged.")],
    results: Results = RESULTS,
    machine: Machine = None,
    format: Annotated[str, typer.Option("--format", help="md or json.")] = "md",
) -> None:
    """Compare two commits that asv has run: regressed, improved or within noise, per workload, method and metric.

    Exit code 1 on a regression. Unlike asv's own compare it knows each metric's direction and uses the spread over seeds.
    """
    from optathlon import comparing

    if format not in ("md", "json"):
        raise UsageError(f"--format must be md or json, got {format!r}")
    changes = comparing.compare(results, base, head, machine)
    typer.echo(comparing.to_json(changes) if format == "json" else comparing.to_markdown(changes))
    if any(change.verdict == "regressed" for change in changes):
        raise Ended(1)


@app.command()
def publish(
    results: Results = RESULTS,
    target: Annotated[Path, typer.Option("--html", help="Folder of the site.")] = Path("html"),
) -> None:
    """Write the site: asv's history with the leaderboard beside it."""
    from optathlon import leaderboard as boards
    from optathlon.publishing import publish

    groups = _read(results)
    typer.echo(publish(results.resolve().parent, target, boards.build(groups), _judge(groups)))


# entry


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Options of every command."""


def main() -> None:
    """Run the command line; usage errors and bad input end with exit code 1 and a sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        fix_threads()  # before numpy is imported and starts its pool
        app()
    except Ended as end:
        sys.exit(end.code)
    except SystemExit as end:
        sys.exit(1 if end.code == _TYPER_USAGE_ERROR else end.code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (UsageError, NeedsData, ValueError, OSError) as error:
        typer.secho(f"error: {error}", err=True, fg="red")
        sys.exit(1)
