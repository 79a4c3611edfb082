"""`optathlon verify` and `compare`: does it still hold, and what has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import typer

from optathlon.cli.common import (
    RESULTS,
    Ended,
    Machine,
    MethodNames,
    Results,
    ShownMachine,
    SuiteNames,
    UsageError,
    WorkloadNames,
    choose,
    load_suites,
)
from optathlon.cli.reading import stream_groups
from optathlon.spec import Scale, Status

if TYPE_CHECKING:
    from optathlon.judge import Finding
    from optathlon.measure import Job
    from optathlon.spec import Cell, Method, RunRecord, Suite, Workload
    from optathlon.store import Group

_Asked = TypeVar("_Asked")


def verify(
    names: SuiteNames = None,
    results: Results = RESULTS,
    workload: WorkloadNames = None,
    method: MethodNames = None,
    scale: Annotated[Scale | None, typer.Option(help="Only records of this scale.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="At most so many recorded seeds per cell.")] = None,
    machine: Machine = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Only so many runs, drawn by --salt; their seconds, traces and exhibits count too.")
    ] = None,
    salt: Annotated[str, typer.Option(help="Text, unknown when the records were made, that decides the draw.")] = "",
    factor: Annotated[float, typer.Option(min=1.0, help="How far ratios of seconds may lie apart, with --sample.")] = 2.0,
    write: Annotated[bool, typer.Option("--write", help="Add what agrees to results/verified.json, with --sample.")] = False,
) -> None:
    """Run recorded cells again and compare: to the last bit in the recorded arithmetic, within what chance explains elsewhere.

    Cells are started with the kernels of their record wherever this processor has them. With --sample, seconds are compared by
    their ratio to the suite's reference method, which is run beside each.

    Exit code 0 when every one agrees, 1 with a table of the differences otherwise.
    """
    from optathlon.judge import refused
    from optathlon.show import console
    from optathlon.store import RecordError, current, scan

    suites = {suite.name: suite for suite in load_suites(names or ())}
    faulty = [refused(entry) for entry in scan(results, packs=False) if isinstance(entry, RecordError)]
    groups = [
        group
        for group in current(stream_groups(results, packs=False))
        if group.cell.suite in suites
        and (scale is None or group.cell.scale is scale)
        and (not workload or any(fnmatchcase(group.cell.workload, pattern) for pattern in workload))
        and (not method or any(fnmatchcase(group.cell.method, pattern) for pattern in method))
    ]
    if not groups and not faulty:
        raise UsageError("no record matches; see optathlon leaderboard for what there is")
    if sample is not None:
        if not salt:
            raise UsageError("--sample needs --salt: a text that nobody knew when the records were made")
        findings = faulty + verify_sample(suites, groups, draw(groups, sample, salt), results, machine, factor, write=write)
    else:
        findings = faulty + list(verify_groups(((suites[group.cell.suite], group) for group in groups), machine, seeds))
    console.show_findings(findings)
    if any(not finding.agrees for finding in findings):
        raise Ended(1)


def compare(
    base: Annotated[str, typer.Argument(help="Commit to compare against.")],
    head: Annotated[str, typer.Argument(help="Commit that is judged.")],
    results: Results = RESULTS,
    machine: ShownMachine = None,
    format: Annotated[str, typer.Option("--format", help="md or json.")] = "md",
    everything: Annotated[bool, typer.Option("--all", help="Show what is within noise too.")] = False,
    seconds_factor: Annotated[
        list[str] | None, typer.Option(help="Seconds count from this factor on; SUITE=FACTOR for one suite. [default: 1.5]")
    ] = None,
    floor: Annotated[
        list[str] | None, typer.Option(help="Seconds below which no difference counts; SUITE=SECONDS for one. [default: 5e-4]")
    ] = None,
) -> None:
    """Compare two commits that asv has run: regressed, improved or within noise, per workload, method and metric.

    Exit code 1 on a regression, where a method or workload has vanished, and where nothing could be compared. Unlike asv's own
    compare it knows each metric's direction, uses the spread over seeds, and controls the false alarms over all comparisons.
    """
    from optathlon.judge import Thresholds, circumstances, compare_groups
    from optathlon.show import changes
    from optathlon.store import load_revision

    if format not in ("md", "json"):
        raise UsageError(f"--format must be md or json, got {format!r}")
    sides = [load_revision(revision, results, machine) for revision in (base, head)]
    suites = sorted({group.cell.suite for side in sides for group in side})
    factors = _by_suite("--seconds-factor", seconds_factor or (), suites, Thresholds.seconds_factor)
    floors = _by_suite("--floor", floor or (), suites, Thresholds.floor)
    thresholds = {suite: Thresholds(factors[suite], floors[suite]) for suite in suites}
    found = compare_groups(sides[0], sides[1], thresholds)
    differing = circumstances(sides[0], sides[1])
    if format == "json":
        typer.echo(changes.to_json(found))
    else:
        typer.echo(changes.to_markdown(found, thresholds, differing, everything=everything))
    machines = [{group.cell.environment.place for group in side} for side in sides]
    if not machines[0] & machines[1]:
        raise UsageError(f"nothing was compared: {base} was measured on {_listed(machines[0])}, {head} on {_listed(machines[1])}")
    if any(change.verdict in ("regressed", "gone") for change in found) or not found:
        raise Ended(1)


def _by_suite(option: str, given: Sequence[str], suites: Sequence[str], default: float) -> dict[str, float]:
    """Return a number for each suite from ``NUMBER`` (for all) and ``SUITE=NUMBER``, the later the stronger."""
    values = dict.fromkeys(suites, default)
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise UsageError(f"{option} must be a number or SUITE=NUMBER, got {text!r}") from None
        values |= dict.fromkeys(choose([name], suites, "suite with records") if name else suites, value)
    return values


def _listed(names: set[str]) -> str:
    return " and ".join(sorted(names)) or "no machine"


def verify_group(suite: Suite, group: Group, machine: str | None = None, seeds: int | None = None) -> list[Finding]:
    """Run the recorded seeds of a cell again and return a finding per number."""
    return list(verify_groups([(suite, group)], machine, seeds))


def verify_groups(
    recorded: Iterable[tuple[Suite, Group]], machine: str | None = None, seeds: int | None = None
) -> Iterator[Finding]:
    """Run the recorded seeds of many cells again, in their arithmetic where that is to be had, and yield a finding per number."""
    from optathlon.judge import findings_of
    from optathlon.measure import plan_cell
    from optathlon.store import to_records

    unknown: list[Finding] = []

    def planned() -> Iterator[tuple[tuple[Suite, Cell, list[RunRecord]], Cell, list[Job]]]:
        for suite, group in recorded:
            old = group.cell
            try:
                workload, method = suite.workload(old.workload), suite.method(old.method)
            except KeyError as gone:
                unknown.extend(findings_of(suite, old, (), None, {}, str(gone.args[0])))
                continue
            now = plan_cell(suite, workload, method, old.device, machine=machine)
            cell_runs = to_records(group)
            if runs := cell_runs[:seeds]:
                yield (suite, old, cell_runs), old, [_job(suite, workload, method, now, run) for run in runs]

    for (suite, old, cell_runs), new in _run_as_recorded(planned()):
        again = {run.seed: run for run in new}
        yield from findings_of(suite, old, cell_runs[: len(new)], new[0].cell, again, cell_runs=cell_runs)
    yield from unknown


def draw(groups: Sequence[Group], sample: int, salt: str) -> list[Group]:
    """Return the groups with only the runs drawn: those whose digest with the salt is smallest."""

    def ticket(group: Group, run: Mapping[str, Any]) -> str:
        return hashlib.sha256(f"{salt} {group.cell.key} {run['seed']}".encode()).hexdigest()

    tickets = sorted(ticket(group, run) for group in groups for run in group.runs)[:sample]
    last = tickets[-1] if tickets else ""
    drawn = [group._replace(runs=[run for run in group.runs if ticket(group, run) <= last]) for group in groups]
    return [group for group in drawn if group.runs]


def verify_sample(
    suites: Mapping[str, Suite],
    groups: Sequence[Group],
    drawn: Sequence[Group],
    results: Path,
    machine: str | None,
    factor: float,
    *,
    write: bool,
) -> list[Finding]:
    """Run the drawn runs again, each beside the reference method on the same instance, and return all findings.

    Each is run in its recorded arithmetic where this processor has it. Where the reference method takes no part or has no record,
    the first other with records stands for it, if there is one.
    """
    from optathlon.judge import findings_of
    from optathlon.measure import environment, plan_cell
    from optathlon.store import add_verified, to_records

    at = {(g.cell.environment.place, g.cell.suite, g.cell.workload, g.cell.method, g.cell.device): g for g in groups}
    findings: list[Finding] = []
    repeated: list[tuple[_Repeated, Cell, list[Job]]] = []
    for group in drawn:
        suite, old = suites[group.cell.suite], group.cell
        try:
            workload, method = suite.workload(old.workload), suite.method(old.method)
        except KeyError as gone:
            findings += findings_of(suite, old, (), None, {}, str(gone.args[0]))
            continue
        where = (old.environment.place, old.suite, old.workload)
        here = {address[3] for address in at if (*address[:3], address[4]) == (*where, old.device)}
        yardstick = _yardstick(suite, workload, method, old.device, here)
        runs = to_records(group)
        now, beside = (plan_cell(suite, workload, one, old.device, machine=machine) for one in (method, yardstick))
        published = at.get((*where, yardstick.name, old.device))
        then = {run.seed: run for run in to_records(published)} if published else {}
        jobs = []
        for run in runs:  # one after the other, so that both meet the same weather
            jobs += [_job(suite, workload, method, now, run)]
            jobs += [_job(suite, workload, yardstick, beside, then.get(run.seed, run))._replace(seed=run.seed)]
        cell_runs = to_records(at[(*where, method.name, old.device)])
        repeated.append((_Repeated(suite, old, runs, cell_runs, yardstick.name, then), old, jobs))
    agreed: list[tuple[Cell, list[int]]] = []
    for one, new in _run_as_recorded(repeated):
        own = list(_findings(one, new, factor))
        findings += own
        if all(finding.agrees for finding in own):
            agreed.append((one.old, [run.seed for run in one.runs]))
    if write and agreed:
        add_verified(results, agreed, machine or environment.machine_name(), environment.commit()[0])
    return findings


class _Repeated(NamedTuple):
    """Drawn and all runs of a recorded cell, and the method that is run beside each with its own recorded runs by seed."""

    suite: Suite
    old: Cell
    runs: list[RunRecord]
    cell_runs: list[RunRecord]
    yardstick: str
    then: dict[int, RunRecord]


def _yardstick(suite: Suite, workload: Workload, method: Method, device: str, recorded: Collection[str]) -> Method:
    """Return the method with whose seconds those of `method` are compared: itself where there is no other."""
    reference = suite.method(suite.reference_method)
    if workload.invites(reference) and device in reference.devices and reference.name in recorded:
        return reference
    others = (one for one in suite.methods if workload.invites(one) and one.name in recorded and one.name != method.name)
    return next(others, method)


def _run_as_recorded(wanted: Iterable[tuple[_Asked, Cell, list[Job]]]) -> Iterator[tuple[_Asked, list[RunRecord]]]:
    """Yield what was asked, of a recorded cell and the jobs that repeat it, with the new runs.

    Cells of another arithmetic than this process's come last, from one process of that arithmetic.
    """
    from optathlon.cli.pinned import run_under
    from optathlon.measure import arithmetic, run_jobs

    elsewhere: dict[tuple[tuple[str, str], ...], list[tuple[_Asked, list[Job]]]] = {}
    for asked, old, jobs in wanted:
        pins = arithmetic.pins_for(old.environment.kernels)
        if pins is None or pins == arithmetic.pins_here():
            yield asked, list(run_jobs(jobs))
        else:
            elsewhere.setdefault(tuple(sorted(pins.items())), []).append((asked, jobs))
    for pins, some in elsewhere.items():
        again = iter(run_under(dict(pins), [job for _, jobs in some for job in jobs]))
        for asked, jobs in some:
            yield asked, [next(again) for _ in jobs]


def _findings(one: _Repeated, new: list[RunRecord], factor: float) -> Iterator[Finding]:
    from optathlon.judge import findings_beyond_scores, findings_of

    again = {run.seed: run for run in new[::2]}
    reference = {run.seed: (one.then.get(run.seed), run) for run in new[1::2]}
    now = new[0].cell
    yield from findings_of(one.suite, one.old, one.runs, now, again, cell_runs=one.cell_runs)
    pairs = [(run, again[run.seed]) for run in one.runs if run.status is Status.OK and again[run.seed].status is Status.OK]
    yield from findings_beyond_scores(one.old, now, pairs, one.yardstick, reference, factor)


def _job(suite: Suite, workload: Workload, method: Method, cell: Cell, record: RunRecord) -> Job:
    """Return the job that repeats a run: under the declared limits, with room for ten times its seconds where it ended by itself.

    What a record says of the limit that ended it decides nothing: it could say anything.
    """
    from optathlon.measure import Job

    timeout = workload.budget if record.status is Status.TIMEOUT else max(workload.budget, 10 * (record.seconds or 0.0))
    return Job(suite, workload, method, cell, record.seed, timeout, workload.memory)
