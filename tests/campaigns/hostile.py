"""Hostile methods, warm-ups and exhibits: each costs its own cell and nothing else, and leaves nothing behind."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import campaign
import hostile_methods as hostile

from optathlon import store
from optathlon.cli.execute import execute
from optathlon.measure import Job, plan_cell, pool
from optathlon.measure.seeds import stream
from optathlon.spec import Status, Suite

TIMEOUT, MEMORY = 1.0, 2**27
_CLOCK = time.perf_counter
pool.PREPARE_SECONDS = 1.0


def attack(suite: Suite, allowed: frozenset[Status] = frozenset(Status)) -> None:
    """Run the attack before and after a good method, as the command line does; the good one must not notice."""
    workload, folder = suite.workloads[0], Path.cwd()
    mask = os.umask(0o022)
    os.umask(mask)
    plan = []
    for name in ("attack", "good"):
        cell = plan_cell(suite, workload, suite.method(name), machine="here")
        plan.append([Job(suite, workload, suite.method(name), cell, 0, TIMEOUT, MEMORY)])
    with tempfile.TemporaryDirectory() as results:
        start = time.monotonic()
        execute(plan, Path(results), parallel=1, force=False)
        assert time.monotonic() - start < 20
        groups = list(store.scan(Path(results)))
        assert not [group for group in groups if isinstance(group, store.RecordError)]
        found = {record.cell.method: record for group in groups for record in store.to_records(group)}  # type: ignore[arg-type]
    assert found["good"].status is Status.OK, found["good"]
    assert found["good"].scores == {"value": 0.5}
    assert found["attack"].status in allowed, found["attack"]
    assert found["attack"].scores.get("value", 0.0) >= 0.0, "a forged score was believed"
    assert found["attack"].reason.isprintable() or all(c.isprintable() or c in "\n\t" for c in found["attack"].reason)
    assert len(found["attack"].reason) < 10_000
    assert Path.cwd() == folder
    assert os.umask(mask) == mask
    assert time.perf_counter is _CLOCK
    stream(0, 0).normal()
    Path("/dev/shm/optathlon-left").unlink(missing_ok=True)


def trials(count: int, seed: int) -> Iterator[campaign.Trial]:
    """Yield `count` of the attacks, spread evenly over all."""
    bad = frozenset(Status) - {Status.OK}
    every: list[campaign.Trial] = [
        *((f"method {name}", partial(attack, hostile.suite_of(run))) for name, run in hostile.ATTACKS.items()),
        *(
            (f"warm-up {name}", partial(attack, hostile.suite_of(lambda problem, context: 1.0, warm_up), bad))
            for name, warm_up in hostile.WARM_UPS.items()
        ),
        *(
            (f"exhibit {name}", partial(attack, hostile.suite_of(lambda p, c: 1.0, exhibit=lambda p, a, s=shown: {"x": s})))
            for name, shown in hostile.EXHIBITS.items()
        ),
    ]
    yield from every[:: max(1, len(every) // count)]


if __name__ == "__main__":
    campaign.main("hostile", trials, default=200)
