"""Whether a cell that was run again still gives what was published."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from optathlon.judge.intervals import FRACTION, is_binary, spread, t_quantile
from optathlon.spec import Cell, RunRecord, Status, Suite
from optathlon.store import RecordError

DECLARED = (
    "suite_version",
    "scale",
    "settings",
    "metrics",
    "target",
    "exact",
    "trials",
    "yardstick",
    "reference_method",
)  # of a cell
_CONFIDENCE = 0.99  # a list of hundreds of numbers is read as a whole
_NO_MEMORY = 32  # MiB that an allocator, or a library's buffers, may take or leave
_NO_DIFFERENCE = 2e-3  # seconds that no clock of a busy machine tells apart


class Finding(NamedTuple):
    """One comparison of a recorded number or status with a new one."""

    cell: str
    seed: str
    what: str
    recorded: str
    now: str
    rule: str
    agrees: bool


def refused(error: RecordError) -> Finding:
    """Return the finding for a file that cannot be trusted."""
    return Finding("", "", "file", str(error), "", "every record file must be readable", False)


def findings_of(
    suite: Suite,
    old: Cell,
    recorded: Sequence[RunRecord],
    now: Cell | None,
    again: Mapping[int, RunRecord],
    gone: str = "",
    *,
    cell_runs: Sequence[RunRecord] = (),
) -> Iterator[Finding]:
    """Compare recorded runs with the same seeds run again and yield a finding per number.

    With the kernels and versions of the record, on the CPU, every repeatable score must be the same to the last bit. Elsewhere
    the mean over the seeds run again must lie where 99 of 100 means of so many runs lie, to judge by all the seeds of the record:
    a last bit that differs may send an iteration elsewhere. A cell with one seed or free of chance must agree to 1e-6 relative.

    Parameters
    ----------
    suite : Suite
        The declaration as it is now.
    old : Cell
        The recorded cell.
    recorded : sequence of RunRecord
        Its runs.
    now : Cell or None
        The cell as it is declared and measured now; None where it is no longer declared.
    again : mapping
        The new runs by seed.
    gone : str
        Why it is not declared.
    cell_runs : sequence of RunRecord
        All recorded runs of the cell, where `recorded` is a part of them.
    """
    address = f"{old.suite} {old.workload} {old.method} {old.device}"
    if now is None:
        yield Finding(address, "", "declaration", "declared", gone, "the cell must still be declared", False)
        return
    yield from _compare_declarations(address, old, now)
    exactly = _same_conditions(old, now)
    for record in recorded:
        new = again[record.seed]
        changed = "" if exactly or old.key == now.key else " (conditions differ)"
        yield Finding(
            address,
            str(record.seed),
            "status",
            str(record.status),
            f"{new.status}: {new.reason.splitlines()[-1]}" if new.reason else str(new.status),
            f"same status{changed}",
            new.status is record.status,
        )
    pairs = [(r, again[r.seed]) for r in recorded if r.status is Status.OK and again[r.seed].status is Status.OK]
    declared = {metric.name for metric in old.metrics}  # a metric that came later is nothing to compare
    ended = [run for run in cell_runs or recorded if run.status is Status.OK]
    workload = suite.workload(old.workload)
    for metric in suite.metrics_of(workload):
        if metric.repeatable and metric.name in declared and any(metric.name in run.scores for pair in pairs for run in pair):
            known = [run.scores[metric.name] for run in ended if metric.name in run.scores]
            trials = workload.trials if metric.unit == FRACTION else 0
            yield from _compare_metric(address, metric.name, pairs, exactly, () if old.exact else known, trials)


def findings_beyond_scores(
    old: Cell,
    now: Cell,
    pairs: Sequence[tuple[RunRecord, RunRecord]],
    yardstick: str,
    reference: Mapping[int, tuple[RunRecord | None, RunRecord]],
    factor: float,
) -> Iterator[Finding]:
    """Compare what a board shows besides scores: traces, exhibits, memory, and seconds by their ratio to a method beside it.

    Parameters
    ----------
    old, now : Cell
        The recorded cell and its declaration here.
    pairs : sequence of (RunRecord, RunRecord)
        Recorded and new runs of the same seeds.
    yardstick : str
        The method beside it, the suite's reference method where that takes part.
    reference : mapping
        Seed to that method's recorded run on the same machine (None where there is none) and its run beside the new one.
    factor : float
        How far the ratios, and memory, may lie apart.
    """
    address = f"{old.suite} {old.workload} {old.method} {old.device}"
    exactly = _same_conditions(old, now)
    for was, new in pairs:
        seed = str(was.seed)
        if exactly:
            before, after = _curve(was), _curve(new)
            yield Finding(address, seed, "trace", f"{len(before)} points", f"{len(after)} points", "the same", before == after)
            same = dict(was.exhibits) == dict(new.exhibits)
            yield Finding(address, seed, "exhibits", _names(was), _names(new), "the same", same)
        if was.peak_memory is not None:
            yield Finding(address, seed, *_memory(was.peak_memory, new.peak_memory, factor))
        if old.method == yardstick:
            continue
        then, beside = reference[was.seed]
        for clock in ("seconds", "cpu_seconds"):
            times = [getattr(run, clock) if run else None for run in (was, then, new, beside)]
            yield Finding(address, seed, *_ratios(clock.replace("cpu_", "CPU "), yardstick, times, factor))


def _memory(was: int, new: int | None, factor: float) -> tuple[str, str, str, str, bool]:
    known, found = was / 2**20, (new or 0) / 2**20
    close = (known <= factor * found and found <= factor * known) or abs(known - found) <= _NO_MEMORY
    return "peak memory", f"{known:.4g} MiB", f"{found:.4g} MiB", f"within a factor of {factor:g}, or {_NO_MEMORY} MiB", close


def _ratios(clock: str, yardstick: str, times: Sequence[float | None], factor: float) -> tuple[str, str, str, str, bool]:
    """Hold the ratio of two recorded times against that of two new ones; the second of each is the yardstick's."""
    was, then, new, beside = times
    if was is None or not (then and new and beside):
        return clock, str(was), str(new), f"{clock} of {yardstick} beside it, recorded and run", False
    machines = [then / beside]  # how much slower the recorded one is
    if abs(then - beside) <= _NO_DIFFERENCE:  # too little to tell them apart
        machines = [min(max(machines[0], 1 / factor), factor), 1.0]
    expected = [new * slower for slower in machines]
    close = any(1 / factor <= was / one <= factor or abs(one - was) <= _NO_DIFFERENCE for one in expected)
    rule = f"within a factor of {factor:g}, or {_NO_DIFFERENCE:g} s"
    return f"{clock} / {yardstick}", f"{was / then:.4g}", f"{new / beside:.4g}", rule, close


def _curve(run: RunRecord) -> list[tuple[float, ...]]:
    """Return the points of a trace without their seconds."""
    return [(point[0], *point[2:]) for point in run.trace]


def _names(run: RunRecord) -> str:
    return ", ".join(sorted(run.exhibits)) or "none"


def _compare_declarations(address: str, old: Cell, now: Cell) -> Iterator[Finding]:
    """Yield a finding for each declared field that the record tells otherwise: a score means nothing under another meaning."""
    for name in DECLARED:
        was, is_now = getattr(old, name), getattr(now, name)
        if was != is_now:
            yield Finding(address, "", name, str(was), str(is_now), "the declaration must be the recorded one", False)


def _same_conditions(old: Cell, now: Cell) -> bool:
    """Return whether the promise of bitwise equality holds: same kernels, versions and threads, on the CPU.

    A record from before kernels were kept must come from the same machine.
    """
    here, there = now.environment, old.environment
    if old.device != "cpu" or (here.versions, here.threads) != (there.versions, there.threads):
        return False
    return here.kernels == there.kernels if there.kernels else (here.machine, here.cpu) == (there.machine, there.cpu)


def _compare_metric(
    address: str, metric: str, pairs: list[tuple[RunRecord, RunRecord]], exactly: bool, known: Sequence[float], trials: int
) -> Iterator[Finding]:
    """Compare one metric; `known` is what chance made of it in the record, empty for a cell free of chance.

    `trials` is how many of them each value of a fraction averages, 0 where it is none.
    """
    if exactly:
        for old, new in pairs:
            if metric in old.scores or metric in new.scores:
                was, now = old.scores.get(metric, math.nan), new.scores.get(metric, math.nan)
                yield Finding(address, str(old.seed), metric, repr(was), repr(now), "equal to the last bit", was == now)
        return
    was = [old.scores[metric] for old, _ in pairs if metric in old.scores]
    now = [new.scores[metric] for _, new in pairs if metric in new.scores]
    if any((metric in old.scores) != (metric in new.scores) for old, new in pairs):
        yield Finding(address, "all", metric, f"{len(was)} values", f"{len(now)} values", "values of the same seeds", False)
        return
    rule = "1e-6 relative"
    agrees = all(math.isclose(new, old, rel_tol=1e-6, abs_tol=1e-12) for old, new in zip(was, now, strict=True))
    mean = sum(now) / len(now)
    if not agrees and len(known) > 1:
        counted = trials or int(is_binary(np.array(now)))
        low, high = _where_means_lie(np.array(known), len(now), counted)
        rule = f"1e-6 relative, or in [{low:.6g}, {high:.6g}]"
        agrees = low <= mean <= high
    yield Finding(address, "all", metric, f"{sum(was) / len(was):.6g}", f"{mean:.6g}", rule, agrees)


def _where_means_lie(known: np.ndarray, n: int, trials: int) -> tuple[float, float]:
    """Return between what the mean of n further runs lies in 99 of 100 cases: Student's interval of a prediction.

    What is 0 or 1 in every known run is counted, if it can be (`trials` of a run is not 0): as many hits as Fisher's exact test
    does not tell from those known.
    """
    if is_binary(known) and (trials == 1 or (trials and np.ptp(known) == 0)):
        from scipy.stats import fisher_exact

        hits, all_known, all_new = round(float(known.sum()) * trials), len(known) * trials, n * trials
        tables = [[[hits, all_known - hits], [k, all_new - k]] for k in range(all_new + 1)]
        likely = [k / all_new for k, table in enumerate(tables) if fisher_exact(table)[1] >= 1 - _CONFIDENCE]  # type: ignore[operator]
        return likely[0], likely[-1]
    with np.errstate(over="ignore"):
        mean, deviation = float(known.mean()), float(spread(known)) * math.sqrt(1 / n + 1 / len(known))
    reach = t_quantile(len(known), _CONFIDENCE) * deviation
    return mean - reach, mean + reach
