"""Whether a cell that was run again still gives what was published."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from optathlon.judge.intervals import mean_interval
from optathlon.spec import Cell, RunRecord, Status, Suite
from optathlon.store import RecordError


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
) -> Iterator[Finding]:
    """Compare recorded runs with the same seeds run again and yield a finding per number.

    With the kernels and versions of the record, on the CPU, every repeatable score must be the same to the last bit. Elsewhere
    the mean over the seeds run again must lie in the interval that the record's seeds span; a cell with one seed or free of
    chance must agree to 1e-6 relative.

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
    for metric in suite.metrics_of(suite.workload(old.workload)):
        if metric.repeatable and any(metric.name in run.scores for pair in pairs for run in pair):
            yield from _compare_metric(address, metric.name, pairs, exactly, exact_cell=old.exact)


def _compare_declarations(address: str, old: Cell, now: Cell) -> Iterator[Finding]:
    """Yield a finding for each declared field that the record tells otherwise: a score means nothing under another meaning."""
    for name in ("suite_version", "scale", "settings", "metrics", "target", "exact", "reference_method"):
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
    address: str, metric: str, pairs: list[tuple[RunRecord, RunRecord]], exactly: bool, *, exact_cell: bool
) -> Iterator[Finding]:
    if exactly:
        for old, new in pairs:
            if metric in old.scores or metric in new.scores:
                was, now = old.scores.get(metric, math.nan), new.scores.get(metric, math.nan)
                yield Finding(address, str(old.seed), metric, repr(was), repr(now), "equal to the last bit", was == now)
        return
    was = [old.scores[metric] for old, _ in pairs if metric in old.scores]
    now = [new.scores[metric] for old, new in pairs if metric in old.scores and metric in new.scores]
    if len(was) != len(now):
        yield Finding(address, "all", metric, f"{len(was)} values", f"{len(now)} values", "as many values", False)
        return
    interval = mean_interval(was)
    mean = sum(now) / len(now)
    if len(was) == 1 or exact_cell:
        agrees = math.isclose(mean, interval.mean, rel_tol=1e-6, abs_tol=1e-12)
        rule = "1e-6 relative"
    else:
        agrees = interval.low <= mean <= interval.high or math.isclose(mean, interval.mean, rel_tol=1e-6)
        rule = f"in [{interval.low:.6g}, {interval.high:.6g}]"
    yield Finding(address, "all", metric, f"{interval.mean:.6g}", f"{mean:.6g}", rule, agrees)
