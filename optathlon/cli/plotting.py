"""`optathlon plot`: pictures of the records, as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optathlon.cli.boards import narrow
from optathlon.cli.common import RESULTS, MethodNames, Results, SuiteNames, UsageError, WorkloadNames, choose, suite_names
from optathlon.cli.reading import read_groups, read_trust

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from optathlon.judge import Row
    from optathlon.store import Group

plot_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Draw traces, Pareto fronts, performance profiles and the history."
)

PANELS = 24  # workloads that one picture holds
_ENDINGS = (".png", ".svg", ".pdf")

Output = Annotated[Path, typer.Option("--output", "-o", help="The picture: a .png, .svg or .pdf file.")]
Metric = Annotated[str | None, typer.Option("--metric", help="The metric drawn; the one that ranks by default.")]


@plot_app.command()
def trace(
    output: Output,
    names: SuiteNames = None,
    results: Results = RESULTS,
    workload: WorkloadNames = None,
    method: MethodNames = None,
    metric: Metric = None,
) -> None:
    """Draw a score along the run, each seed thin and their median bold."""
    from optathlon.show import plots
    from optathlon.store import current

    _require_ending(output)
    groups = current(_of_suites(read_groups(results), names))
    workloads = choose(workload or (), sorted({group.cell.workload for group in groups}), "workload")
    groups = [group for group in groups if group.cell.workload in workloads]
    methods = choose(method or (), sorted({group.cell.method for group in groups}), "method")
    groups = [group for group in groups if group.cell.method in methods]
    if metric is not None:
        choose([metric], sorted({name for group in groups for name in group.cell.traced}), "traced metric")
        groups = [group for group in groups if metric in group.cell.traced]
    _require_panels({plots.trace_panel(group) for group in groups if any(run.get("trace") for run in group.runs)})
    _save(plots.trace(groups, metric=metric), output)


@plot_app.command()
def pareto(
    output: Output,
    names: SuiteNames = None,
    results: Results = RESULTS,
    workload: WorkloadNames = None,
    method: MethodNames = None,
    metric: Metric = None,
) -> None:
    """Draw scores against seconds, with the Pareto front."""
    from optathlon.show import plots

    _require_ending(output)
    rows = narrow(_rows(results, names), workload or (), method or (), [metric] if metric else ())
    _require_panels({(row.suite, row.workload, row.scale, row.device, row.machine) for row in rows})
    _save(plots.pareto(rows), output)


@plot_app.command()
def profile(
    output: Output,
    names: SuiteNames = None,
    results: Results = RESULTS,
    workload: WorkloadNames = None,
    method: MethodNames = None,
) -> None:
    """Draw performance profiles of the time to target; the fastest is that of all methods, also where some are drawn."""
    from optathlon.show import plots

    _require_ending(output)
    rows = narrow(_rows(results, names), workload or (), (), ())
    _save(plots.profiles(rows, {row.method for row in narrow(rows, (), method or (), ())}), output)


@plot_app.command()
def history(
    output: Output,
    commits: Annotated[list[str], typer.Option("--commit", "-c", help="A commit with recorded results; give them oldest first.")],
    names: SuiteNames = None,
    results: Results = RESULTS,
    workload: WorkloadNames = None,
    method: MethodNames = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="The metric drawn, or seconds; the one that ranks by default.")
    ] = None,
) -> None:
    """Draw values over commits, a line per method."""
    from optathlon import judge
    from optathlon.show import plots
    from optathlon.store import load_revision

    _require_ending(output)
    metrics = [metric] if metric not in (None, "seconds") else []
    points = []
    for commit in commits:
        rows = judge.build(_of_suites(load_revision(commit, results), names))
        points.append((commit, narrow(rows, workload or (), method or (), metrics)))
    _require_panels({plots.history_panel(row, metric) for _, rows in points for row in plots.history_rows(rows, metric)})
    _save(plots.history(points, metric=metric), output)


def _rows(results: Path, names: list[str] | None) -> list[Row]:
    from optathlon import judge

    return judge.build(_of_suites(read_groups(results), names), read_trust(results, here=True))


def _of_suites(groups: list[Group], names: list[str] | None) -> list[Group]:
    if not names:
        return groups
    chosen = set(choose(names, suite_names(), "suite"))
    return [group for group in groups if group.cell.suite in chosen]


def _require_ending(output: Path) -> None:
    if output.suffix not in _ENDINGS:
        raise UsageError(f"--output must end in {', '.join(_ENDINGS[:-1])} or {_ENDINGS[-1]}, got {str(output)!r}")


def _require_panels(panels: set[tuple[str, ...]]) -> None:
    if len(panels) > PANELS:
        raise UsageError(f"a picture holds at most {PANELS} workloads, these are {len(panels)}; narrow them with --workload")


def _save(figure: Figure, output: Path) -> None:
    """Write the picture; the same records give the same file, for no date is in it."""
    dates = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    figure.savefig(output, dpi=150, metadata=dates[output.suffix])
    typer.echo(output)
