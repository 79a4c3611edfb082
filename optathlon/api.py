"""The Python interface, for notebooks: run suites, load records, and ask `Results` for frames and figures.

>>> import optathlon as opt
>>> results = opt.run("binary_regression", scale="smoke", methods=["maximin-*", "least-squares"])
>>> results.leaderboard()
>>> results.plot("pareto").savefig("pareto.png")
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from optathlon.data import register
from optathlon.registry import Registry
from optathlon.spec import Method, Scale, Suite

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from optathlon.judge import Judgement, Row
    from optathlon.store import Group, Trust

Plot = Literal["trace", "pareto", "profile"]


class Results:
    """Records, and what can be asked of them; a selection of them is `Results` again.

    Ranks and verdicts are those among all methods and workloads of the suites, scales and machines selected, also where some of
    them are left out of sight.

    Attributes
    ----------
    refused : tuple of str
        Record files that cannot be trusted, with the reason.
    """

    def __init__(
        self, groups: Sequence[Group], refused: Sequence[str] = (), suites: Sequence[Suite] = (), trust: Trust | None = None
    ) -> None:
        from optathlon.store import EVERYTHING

        self._groups = tuple(groups)
        self._judged = self._groups  # with these, what is selected decides verdicts
        self._beside = self._groups  # and with these it is ranked: other scales may tell what is superseded
        self._suites = {suite.name: suite for suite in suites}
        self.refused = tuple(refused)
        self._trust = trust or EVERYTHING

    def select(
        self, *, suite: str = "*", workload: str = "*", method: str = "*", scale: str = "*", machine: str = "*"
    ) -> Results:
        """Return the records whose names match; globs accepted."""

        def among(groups: Sequence[Group], **wanted: str) -> list[Group]:
            return [
                group
                for group in groups
                if all(fnmatchcase(str(getattr(group.cell, field)), pattern) for field, pattern in wanted.items())
                and any(fnmatchcase(name, machine) for name in (group.cell.environment.machine, group.cell.environment.place))
            ]

        kept = among(self._groups, suite=suite, workload=workload, method=method, scale=scale)
        chosen = Results(kept, self.refused, list(self._suites.values()), self._trust)
        chosen._judged = tuple(among(self._judged, suite=suite, scale=scale))
        chosen._beside = tuple(among(self._beside, suite=suite))
        return chosen

    def rows(self) -> list[Row]:
        """Return the rows of the board, ranked among all methods."""
        cells = [group.cell for group in self._groups]
        kept = {(c.suite, c.workload, str(c.scale), c.device, c.environment.place, c.method) for c in cells}
        return [
            row for row in self._all_rows() if (row.suite, row.workload, row.scale, row.device, row.machine, row.method) in kept
        ]

    def _all_rows(self) -> list[Row]:
        """Return the rows of the suites and scales selected, those out of sight too."""
        from optathlon.judge import build

        suites, scales = {group.cell.suite for group in self._groups}, {str(group.cell.scale) for group in self._judged}
        rows = build([group for group in self._beside if group.cell.suite in suites], self._trust)
        return [row for row in rows if row.scale in scales]

    def leaderboard(self, *, every_metric: bool = False) -> pd.DataFrame:
        """Return the board, a row per workload and method by the metric that ranks (or by every metric), best first."""
        from optathlon.judge import boards, first_metric, to_frame

        rows = self.rows()
        return to_frame(rows if every_metric else [row for _, board in boards(rows) for row in first_metric(board)])

    def runs(self) -> pd.DataFrame:
        """Return a row per run: address, seed, status, every score, seconds, memory, commit."""
        import pandas as pd

        plain = ("seed", "status", "seconds", "cpu_seconds", "peak_memory", "reason", "commit", "finished")
        return pd.DataFrame(
            [
                _address(group) | {name: run.get(name) for name in plain} | _scores(group, run)
                for group in self._groups
                for run in group.runs
            ]
        )

    def traces(self) -> pd.DataFrame:
        """Return a row per point of a trace: address, seed, step, seconds and the traced metrics."""
        import pandas as pd

        return pd.DataFrame(
            [
                _address(group) | {"seed": run["seed"]} | dict(zip(("step", "seconds", *group.cell.traced), point, strict=True))
                for group in self._groups
                for run in group.runs
                for point in run.get("trace", ())
            ]
        )

    def claims(self) -> pd.DataFrame:
        """Return a row per claim of the suites that are here, with its verdict."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "suite": one.suite,
                    "claim": one.claim.id,
                    "source": one.claim.source,
                    "statement": one.claim.statement,
                    "reported": one.claim.reported,
                    "basis": one.claim.basis,
                    "verdict": str(one.verdict.ruling),
                    "measured": one.verdict.measured,
                    "scale": one.scale,
                    "machine": one.machine,
                }
                for one in self._judgements()
            ]
        )

    def plot(self, kind: Plot = "pareto", **selection: str) -> Figure:
        """Return a matplotlib figure.

        Parameters
        ----------
        kind : {"trace", "pareto", "profile"}
            The score along the run, scores against seconds, or performance profiles of the time to target.
        **selection
            Of `select`.
        """
        from optathlon.show import plots
        from optathlon.store import current

        chosen = self.select(**selection) if selection else self
        if kind == "trace":
            counted = set(map(id, current(chosen._beside)))
            return plots.trace([group for group in chosen._groups if id(group) in counted])
        if kind == "pareto":
            return plots.pareto(chosen.rows())
        if kind != "profile":
            raise ValueError(f"kind must be 'trace', 'pareto' or 'profile', got {kind!r}")
        cells = [group.cell for group in chosen._groups]
        workloads = {(cell.suite, cell.workload) for cell in cells}
        rows = [row for row in chosen._all_rows() if (row.suite, row.workload) in workloads]
        return plots.profiles(rows, {cell.method for cell in cells})

    def _judgements(self) -> list[Judgement]:
        from optathlon.judge import judge
        from optathlon.store import newest, to_records

        names = dict.fromkeys(group.cell.suite for group in self._groups)
        declared = Registry()
        others = [name for name in declared.names() if name in names and name not in self._suites]
        known = self._suites | {suite.name: suite for suite in declared.load_all(others)}
        records = [record for group in self._trust.kept(newest(self._judged)) for record in to_records(group)]
        return [one for name in names if name in known for one in judge(known[name], records)]

    def __len__(self) -> int:
        return sum(len(group.runs) for group in self._groups)

    def __repr__(self) -> str:
        suites = ", ".join(dict.fromkeys(group.cell.suite for group in self._groups)) or "nothing"
        return f"<Results: {len(self)} runs of {len(self._groups)} cells of {suites}>"

    def _repr_html_(self) -> str:
        shown = ["workload", "rank", "method", "metric", "value", "low", "high", "seconds", "status", "note"]
        board = self.leaderboard()
        return f"<p>{len(self)} runs</p>" + (board[shown].to_html(index=False, na_rep="", escape=True) if len(board) else "")


def suites() -> dict[str, Suite]:
    """Return the suites that load, by name: ours, those of other packages, and those that ``OPTATHLON_SUITES`` lists."""
    known = Registry()
    return {suite.name: suite for suite in known.load_all(known.names())}


def run(
    suite: str | Suite,
    *,
    scale: str = "small",
    workloads: Sequence[str] = ("*",),
    methods: Sequence[str] = ("*",),
    seeds: int | None = None,
    device: str = "cpu",
    jobs: int = 1,
    timeout: float | None = None,
    results: str | Path | None = None,
) -> Results:
    """Run a suite, each cell in a process of its own, and return what was measured.

    Parameters
    ----------
    suite : str or Suite
        Name of a suite, or one of your own.
    scale : str
        ``"smoke"``, ``"small"``, ``"medium"`` or ``"paper"``.
    workloads, methods : sequences of str
        Names, globs accepted.
    seeds : int, optional
        Instances per workload; each workload's own number by default.
    device : {"cpu", "cuda"}
        Where the methods run.
    jobs : int
        Cells at a time; seconds are only comparable at 1.
    timeout : float, optional
        Seconds per cell instead of the workload's budget.
    results : path, optional
        Folder in which to keep the records; what is recorded there under the same conditions is not run again, but for
        what failed and may be mended now, or was stopped by a lower limit. Without it they are kept in memory alone.

    Raises
    ------
    KeyError
        No suite has that name.
    ValueError
        No cell matches.
    """
    from optathlon import store
    from optathlon.measure import deserves_another_try, plan_jobs, run_jobs

    declared = _suite(suite)
    for kind, patterns in (("workloads", workloads), ("methods", methods)):
        if isinstance(patterns, str):
            raise ValueError(f"{kind} must be a sequence of names, got the text {patterns!r}")
    limits: dict[str, Any] = {"seeds": seeds, "device": device, "timeout": timeout}
    plan = [job for cell in plan_jobs(declared, Scale(scale), workloads=workloads, methods=methods, **limits) for job in cell]
    if not plan:
        raise ValueError(f"no cell of {declared.name} at scale {scale} matches workloads {workloads} and methods {methods}")
    folder = None if results is None else Path(results)
    kept = {} if folder is None else {job.cell.key: store.load_runs(folder, job.cell) for job in plan}
    known = [(job, kept.get(job.cell.key, {}).get(job.seed)) for job in plan]
    done = [run for job, run in known if run is not None and not deserves_another_try(run, job)]
    pending = [job for job, run in known if run is None or deserves_another_try(run, job)]
    for record in run_jobs(pending, parallel=jobs):
        if folder is not None and record.status not in store.ABSENT:  # what this machine lacks is no result
            store.save(folder, record)
        done.append(record)
    return Results(store.to_groups(done), suites=[declared])


def load(results: str | Path = "results") -> Results:
    """Return the records under a results folder, of each address the newest.

    Where the folder lists the project's own machines, what others have submitted is claimed until it is verified: it is shown
    and not ranked, and decides no verdict. What this machine has measured is yours.
    """
    from optathlon import store
    from optathlon.measure import environment

    folder = Path(results)
    if not store.holds_records(folder):
        raise FileNotFoundError(
            f"no records under {folder}; run a suite first, for example opt.run(..., results={str(folder)!r})"
        )
    found = list(store.scan(folder, say=lambda sentence: warnings.warn(sentence, stacklevel=3)))
    groups = [entry for entry in found if isinstance(entry, store.Group)]
    refused = [str(entry) for entry in found if isinstance(entry, store.RecordError)]
    return Results(store.newest(groups), refused, trust=store.load_trust(folder).on(environment.machine_name))


def try_method(
    function: Callable[..., Any],
    suite: str | Suite,
    workload: str,
    *,
    name: str | None = None,
    settings: dict[str, Any] | None = None,
    against: Sequence[str] = ("*",),
    seeds: int | None = None,
    results: str | Path | None = None,
) -> pd.DataFrame:
    """Run a function of your own on a workload and return its row among those of the other methods.

    Parameters
    ----------
    function : callable
        ``function(problem, context, **settings) -> answer``, as `Method.run`.
    suite, workload : str
        Where it takes part.
    name : str, optional
        Its name on the board; made of the function's by default.
    settings : dict, optional
        What it is called with.
    against : sequence of str
        The other methods, globs accepted.
    seeds, results
        Of `run`.
    """
    declared = _suite(suite)
    label = name or function.__name__.strip("<>_").lower().replace("_", "-") or "mine"
    method = Method(name=label, run=function, settings=settings or {}, reference="tried in a notebook", workloads=(workload,))
    others = tuple(entry for entry in declared.methods if entry.name != label)
    extended = replace(declared, methods=(*others, method))
    scale = str(extended.workload(workload).scale)
    found = run(extended, scale=scale, workloads=[workload], methods=[*against, label], seeds=seeds, results=results)
    return found.leaderboard()


def _suite(suite: str | Suite) -> Suite:
    if isinstance(suite, Suite):
        register(suite.datasets)
        return suite
    known = Registry()
    if suite not in known.names():
        raise KeyError(f"no suite is called {suite!r}; there are {', '.join(known.names())}")
    return known.load(suite)


def _scores(group: Group, run: dict[str, Any]) -> dict[str, float]:
    """Return the scores of a run in the order of the metrics, wherever it was read from."""
    scores = run.get("scores", {})
    return {metric.name: scores[metric.name] for metric in group.cell.metrics if metric.name in scores} | scores


def _address(group: Group) -> dict[str, Any]:
    cell = group.cell
    address = {name: getattr(cell, name) for name in ("suite", "workload", "method", "device")}
    return address | {"scale": str(cell.scale), "machine": cell.environment.place}
