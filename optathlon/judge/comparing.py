"""Two sets of records, a verdict for each method and workload: regressed, improved or within noise; pure.

asv's own ``compare`` and ``continuous`` know no direction (a drop in accuracy is an improvement to them), and no spread of a
score. Here each metric brings its direction, and the same seeds of both commits are paired.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from optathlon.judge.evidence import BESIDE, load_of
from optathlon.judge.intervals import lattice_step, mean_interval, spread
from optathlon.judge.ranking import false_discovery
from optathlon.spec import Better, Cell, MetricInfo, Status
from optathlon.store import Group

# Of the changes that a gate reports, at most this share is expected to be false (Benjamini and Hochberg over all comparisons).
LEVEL = 0.01
# Below this share of the value a difference is rounding.
ROUNDING = 1e-9
# Positive values that span more than this factor are judged on logarithms, where a mean says something; what lies below the floor
# is rounding in a quantity of order one.
HEAVY_TAIL, LOG_FLOOR = 1e3, 1e-12
_NOT_RUN = (Status.NEEDS_DATA, Status.NEEDS_DEVICE)


@dataclass(frozen=True)
class Thresholds:
    """What counts as noticeable.

    Attributes
    ----------
    seconds_factor : float
        Seconds of one commit differ by up to this factor between two runs, by load and memory layout, which no spread over seeds
        shows.
    floor : float
        Seconds below which no difference matters.
    """

    seconds_factor: float = 1.5
    floor: float = 5e-4

    def __post_init__(self) -> None:
        if not (self.seconds_factor >= 1 and self.floor >= 0):
            raise ValueError(
                f"seconds_factor must be at least 1 and floor not negative, got {self.seconds_factor} and {self.floor}"
            )


class Verdict(StrEnum):
    """What became of a number, from the gravest."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    GONE = "gone"
    NEW = "new"
    WITHIN_NOISE = "within noise"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One metric of one cell, base against head.

    Attributes
    ----------
    suite, workload, method, device, machine : str
        The cell.
    metric, better : str
        The metric and its direction; ``"status"`` where a run failed on one side.
    base, head : float or None
        Means over the paired seeds.
    low, high : float or None
        Interval of head - base, or of head / base where `relative`; together they cover 99 % of what the gate reports.
    p : float
        Of no change beyond what is allowed, before the correction for many comparisons.
    seeds : int
        How many seeds are paired.
    verdict : Verdict
        The verdict.
    note : str
        What else there is to say.
    """

    suite: str
    workload: str
    method: str
    device: str
    machine: str
    metric: str
    better: Better
    base: float | None = None
    head: float | None = None
    low: float | None = None
    high: float | None = None
    relative: bool = False
    p: float = 1.0
    seeds: int = 0
    verdict: Verdict
    note: str = ""


class _Test(NamedTuple):
    """A number of a cell before it is known how many others are judged with it."""

    row: Comparison
    values: np.ndarray  # one per paired seed: head - base, or log(head / base)
    allowed: float
    worse: int  # the sign of a change for the worse
    exact: bool = False
    muted: str = ""  # why it cannot be a change, whatever the test says
    scores: np.ndarray = np.empty((2, 0))  # base and head, where they may lie on a lattice
    step: float = 0.0  # of that lattice


def compare_groups(
    base: Iterable[Group], head: Iterable[Group], thresholds: Thresholds | Mapping[str, Thresholds] = Thresholds()
) -> list[Comparison]:
    """Compare every cell that either side has, within one machine, the gravest change first.

    Parameters
    ----------
    base, head : iterable of Group
        The records of both commits.
    thresholds : Thresholds or mapping
        What counts as noticeable, for all suites or by suite.

    References
    ----------
    Benjamini and Hochberg 1995 for the changes; Benjamini and Yekutieli, *False discovery rate-adjusted multiple confidence
    intervals*, 2005, for their intervals.
    """
    before, after = ({_address(group): group for group in side} for side in (base, head))
    found: list[Comparison | _Test] = []
    for address in sorted(before.keys() | after.keys()):
        limits = thresholds.get(address[1], Thresholds()) if isinstance(thresholds, Mapping) else thresholds
        found += _cell(before.get(address), after.get(address), limits)
    judged = iter(_judge(_on_lattices([one for one in found if isinstance(one, _Test)])))
    rows = [next(judged) if isinstance(one, _Test) else one for one in found]
    order = list(Verdict)
    return sorted(rows, key=lambda row: order.index(row.verdict))


def circumstances(base: Iterable[Group], head: Iterable[Group]) -> list[str]:
    """Return what differs between the two sides but their code, a sentence each: Python, versions and kernels, by machine."""
    before, after = _facts(base), _facts(head)
    machines = {machine for machine, _ in before} & {machine for machine, _ in after}
    changed = [key for key in sorted(before.keys() | after.keys()) if key[0] in machines and before.get(key) != after.get(key)]
    old, new = ([" and ".join(sorted(side.get(key, ()))) or "none" for key in changed] for side in (before, after))
    return [f"{name} on {machine}: {a}, then {b}" for (machine, name), a, b in zip(changed, old, new, strict=True)]


def _facts(groups: Iterable[Group]) -> dict[tuple[str, str], set[str]]:
    """Return the values of each machine's Python, versions and kernels."""
    found: dict[tuple[str, str], set[str]] = {}
    for group in groups:
        environment = group.cell.environment
        for name, value in {"Python": environment.python, **environment.versions, **environment.kernels}.items():
            found.setdefault((environment.place, name), set()).add(value)
    return found


def _on_lattices(tests: Sequence[_Test]) -> list[_Test]:
    """Return the tests with the step of the lattice on which the scores of a workload, all its methods, lie.

    Where no score of the suite's metric varies from seed to seed, chance has no part in it and no lattice is needed.
    """
    together: dict[tuple[str, ...], list[np.ndarray]] = {}
    varying: set[tuple[str, str]] = set()
    for test in tests:
        together.setdefault((test.row.suite, test.row.workload, test.row.metric), []).append(test.scores.ravel())
        if test.scores.size and np.ptp(test.scores, axis=1).any():
            varying.add((test.row.suite, test.row.metric))
    steps = {at: float(lattice_step(np.concatenate(scores))) for at, scores in together.items() if at[::2] in varying}
    return [
        one._replace(step=steps.get((one.row.suite, one.row.workload, one.row.metric), 0.0)) if one.scores.size else one
        for one in tests
    ]


def _judge(tests: Sequence[_Test]) -> list[Comparison]:
    """Return the verdicts at a false discovery rate of `LEVEL` over all tests."""
    raw = np.array([_p_value(test) for test in tests])
    changed = false_discovery(raw) <= LEVEL
    share = max(1, int(changed.sum())) / max(1, len(tests))
    rows = []
    for test, p, is_change in zip(tests, raw, changed, strict=True):
        low, high = _interval(test, 1 - LEVEL * share)
        bounds = tuple(_exp(bound) for bound in (low, high)) if test.row.relative else (low, high)
        verdict = Verdict.WITHIN_NOISE
        if is_change and not test.muted:
            verdict = Verdict.REGRESSED if np.sign(test.values.mean()) == test.worse else Verdict.IMPROVED
        rows.append(
            replace(
                test.row,
                low=bounds[0] if math.isfinite(low) else None,
                high=bounds[1] if math.isfinite(bounds[1]) else None,
                p=float(p),
                verdict=verdict,
                note=test.muted or ("one seed tells nothing" if len(test.values) == 1 and not test.exact else ""),
            )
        )
    return rows


def _exp(x: float) -> float:
    return math.exp(x) if x < math.log(np.finfo(float).max) else math.inf


def _p_value(test: _Test) -> float:
    """Return the two-sided p value that the mean differs by no more than what is allowed."""
    from scipy.special import stdtr

    n, mean = len(test.values), float(test.values.mean())
    beyond = abs(mean) - test.allowed
    if test.exact:
        return 0.0 if beyond > 0 else 1.0
    if n == 1 or beyond <= 0:
        return 1.0
    alike = test.step == 0 and np.ptp(test.values) == 0  # nothing varies from seed to seed: no chance
    if not alike and np.isin(test.values, (-1.0, 0.0, 1.0)).all():  # of 0 and 1: the exact test of the discordant seeds
        from scipy.special import bdtr

        up, down = int((test.values > 0).sum()), int((test.values < 0).sum())
        return float(min(1.0, 2 * bdtr(min(up, down), up + down, 0.5)))
    error = max(float(spread(test.values)), test.step / math.sqrt(12)) / math.sqrt(n)
    return 0.0 if error == 0 else float(2 * stdtr(n - 1, -beyond / error))


def _interval(test: _Test, confidence: float) -> tuple[float, float]:
    if test.exact:
        return float(test.values.mean()), float(test.values.mean())
    _, low, high = mean_interval(test.values, confidence=confidence)
    return (-math.inf, math.inf) if math.isnan(low) else (low, high)


def _address(group: Group) -> tuple[str, ...]:
    cell = group.cell
    return cell.environment.place, cell.suite, cell.suite_version, cell.workload, cell.method, cell.device


def _cell(base: Group | None, head: Group | None, limits: Thresholds) -> list[Comparison | _Test]:
    """Compare one cell: its failures, then each metric, then its seconds."""
    group = head or base
    assert group is not None  # an address comes from one side at least
    cell = group.cell

    def row(
        metric: str, better: Better, verdict: Verdict = Verdict.WITHIN_NOISE, **figures: float | int | str | None
    ) -> Comparison:
        return Comparison(
            suite=cell.suite,
            workload=cell.workload,
            method=cell.method,
            device=cell.device,
            machine=cell.environment.place,
            metric=metric,
            better=better,
            verdict=verdict,
            **figures,  # type: ignore[arg-type]
        )

    before, after = (_by_seed(side) for side in (base, head))
    if not before or not after:
        return [row("status", "lower", Verdict.NEW if after else Verdict.GONE)] if before or after else []
    shared = sorted(before.keys() & after.keys())
    rows: list[Comparison | _Test] = []
    lost = [seed for seed in shared if before[seed]["status"] == Status.OK != after[seed]["status"]]
    won = [seed for seed in shared if before[seed]["status"] != Status.OK == after[seed]["status"]]
    if lost:
        rows.append(row("status", "lower", Verdict.REGRESSED, seeds=len(lost), note=_failure(after[lost[0]], lost[0])))
    elif won:
        note = f"no longer {_failure(before[won[0]], won[0])}"
        rows.append(row("status", "lower", Verdict.IMPROVED, seeds=len(won), note=note))
    if missing := sorted(before.keys() - after.keys()):
        rows.append(row("status", "lower", Verdict.GONE, seeds=len(missing), note=f"no run of seed {_listed(missing)}"))
    both = [seed for seed in shared if before[seed]["status"] == Status.OK == after[seed]["status"]]
    assert base is not None  # it has runs
    rows += [
        row(name, better, Verdict.GONE, note=note) for name, better, note in _lost_metrics(base.cell, cell, before, after, both)
    ]
    units = {metric.name: metric.unit for metric in base.cell.metrics}
    for metric in cell.metrics:
        if units.get(metric.name, metric.unit) != metric.unit:
            continue
        if metric.unit == "s" and cell.device == "cpu":
            continue  # wall seconds of a section: a busy machine moves them, and the CPU seconds below do not lie
        pairs = [
            (before[s]["scores"][metric.name], after[s]["scores"][metric.name])
            for s in both
            if metric.name in before[s].get("scores", {}) and metric.name in after[s].get("scores", {})
        ]
        if pairs and metric.unit == "s":
            rows.append(_seconds_test(row(metric.name, metric.better, **_means(pairs)), pairs, limits))
        elif pairs:
            rows.append(_score_test(row(metric.name, metric.better, **_means(pairs)), pairs, metric, cell.exact))
    clock = "cpu_seconds" if cell.device == "cpu" else "seconds"
    if pairs := [(before[s][clock], after[s][clock]) for s in both if clock in before[s] and clock in after[s]]:
        rows.append(_seconds_test(row(clock, "lower", **_means(pairs)), pairs, limits))
    waits = _waiting([before[s] for s in both], [after[s] for s in both], limits) if clock == "cpu_seconds" else None
    if waits is not None:
        rows.append(_seconds_test(row("seconds", "lower", **_means(waits[0])), *waits))
    return rows


def _waiting(
    base: Sequence[dict], head: Sequence[dict], limits: Thresholds
) -> tuple[list[tuple[float, float]], Thresholds] | None:
    """Return the wall seconds and their limits where they have changed otherwise than the CPU seconds.

    What waits for the disk, for another machine or for a lost thread takes no CPU. A machine that others use is allowed `BESIDE`,
    or its load where the probe tells of more: two runs of one commit differ by so much.
    """
    clocks = [
        (old["seconds"], new["seconds"], old["cpu_seconds"], new["cpu_seconds"])
        for old, new in zip(base, head, strict=True)
        if all(run.get(clock) is not None for run in (old, new) for clock in ("seconds", "cpu_seconds"))
    ]
    if not clocks:
        return None
    load = max(float(np.median([load_of(run.get("jobs"), run.get("busy")) for run in side])) for side in (base, head))
    wider = Thresholds(limits.seconds_factor * max(load, BESIDE), limits.floor)
    old_wall, new_wall, old_cpu, new_cpu = np.log(np.maximum(clocks, 1e-9)).T
    if abs(float(np.mean((new_wall - old_wall) - (new_cpu - old_cpu)))) <= math.log(wider.seconds_factor):
        return None
    return [(old, new) for old, new, *_ in clocks], wider


def _lost_metrics(
    base: Cell, head: Cell, before: dict[int, dict], after: dict[int, dict], seeds: Sequence[int]
) -> Iterator[tuple[str, Better, str]]:
    """Yield the metrics that the head no longer has, of which it says the contrary, or that it counts in another unit."""
    now = {metric.name: metric for metric in head.metrics}
    for metric in base.metrics:
        lost = [s for s in seeds if metric.name in before[s].get("scores", {}) and metric.name not in after[s].get("scores", {})]
        if lost:
            yield metric.name, metric.better, f"no longer measured (seed {_listed(lost)})"
        elif now.get(metric.name, metric).better != metric.better:
            yield metric.name, metric.better, f"{metric.better} was better, now {now[metric.name].better}"
        elif now.get(metric.name, metric).unit != metric.unit:
            yield metric.name, metric.better, f"in {metric.unit}, now in {now[metric.name].unit}: not compared"


def _listed(seeds: Sequence[int]) -> str:
    """Return the first of some seeds, and how many more there are."""
    first = ", ".join(map(str, seeds[:3]))
    return f"{first} and {len(seeds) - 3} more" if len(seeds) > 3 else first


def _by_seed(group: Group | None) -> dict[int, dict]:
    """Return the runs that took place; what this machine could not run says nothing about a commit."""
    runs = group.runs if group is not None else []
    return {run["seed"]: run for run in runs if run["status"] not in _NOT_RUN}


def _failure(run: dict, seed: int) -> str:
    lines = run.get("reason", "").strip().splitlines()
    return f"{run['status']} (seed {seed})" + (f": {lines[-1]}" if lines else "")


def _score_test(row: Comparison, pairs: Sequence[tuple[float, float]], metric: MetricInfo, exact: bool) -> _Test:
    """Test the difference of a score, or its logarithm where it is heavy-tailed; the values themselves where free of chance."""
    base, head = np.array(pairs, dtype=float).T
    worse = 1 if metric.better == "lower" else -1
    smallest, largest = min(base.min(), head.min()), max(base.max(), head.max())
    if not exact and 0 < smallest < largest / HEAVY_TAIL:
        floor = max(metric.tolerance, LOG_FLOOR)
        values = np.log(np.maximum(head, floor) / np.maximum(base, floor))
        return _Test(replace(row, relative=True), values, ROUNDING, worse)
    size = max(float(np.abs(base).max()), float(np.abs(head).max()))
    with np.errstate(over="ignore"):
        difference = np.clip(head - base, -np.finfo(float).max, np.finfo(float).max)
    scores = np.stack([base, head])[:, : 0 if exact else None]
    return _Test(row, difference, max(metric.tolerance, ROUNDING * size), worse, exact, scores=scores)


def _seconds_test(row: Comparison, pairs: Sequence[tuple[float, float]], limits: Thresholds) -> _Test:
    """Test seconds by their ratio; a small factor or very few seconds are the machine's noise."""
    base, head = np.maximum(np.array(pairs, dtype=float).T, 1e-9)
    gap = abs(float(np.mean(head - base)))
    muted = "" if gap > limits.floor else f"both within the floor of {limits.floor:g} s"
    worse = 1 if row.better == "lower" else -1
    values = np.log(head / base)
    changes = bool(abs(values.mean()) > math.log(limits.seconds_factor))
    return _Test(replace(row, relative=True), values, math.log(limits.seconds_factor), worse, muted=muted if changes else "")


def _means(pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    base, head = np.array(pairs, dtype=float).T
    with np.errstate(over="ignore"):
        return {"base": _mean(base), "head": _mean(head), "seeds": len(pairs)}


def _mean(values: np.ndarray) -> float:
    """Return the mean; where their sum overflows, of their shares."""
    mean = float(values.mean())
    return mean if math.isfinite(mean) else float((values / len(values)).sum())
