"""Mutated records through every renderer: a bad file is one refused file, said in a line, and the good ones are shown."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import campaign

from optathlon import judge, store
from optathlon.cli.common import json_text
from optathlon.show import changes, console, latex, sheet, tables
from optathlon.spec import Cell, Environment, MetricInfo, RunRecord, Scale, Status

BATCH = 20
EVIL: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, -1e308, 10**400, 2**63, "", "x" * 100_000, "\x1b[31mred", "\u202eevil", "=1+1", "@SUM(1)",
    "<script>", "../../etc/passwd", "a|b`c`", "\\input{x}", "zzzz", "9999-01-01T00:00:00", [], {}, [[]], {"a": {}}, [None],
    "\ud800", "nan",
)  # fmt: skip


def record(method: str, seed: int, score: float, machine: str = "here") -> RunRecord:
    """Return a good record with everything that one can hold."""
    cell = Cell(
        suite="large",
        suite_version="1",
        workload="w",
        scale=Scale.SMALL,
        method=method,
        settings={"rate": 0.1, "kind": "plain"},
        metrics=(
            MetricInfo(name="error", unit="1", better="lower"),
            MetricInfo(name="loss", unit="1", better="lower", traced=True),
        ),
        reference_method="good",
        target=0.5,
        environment=Environment(machine=machine, cpu="c", gpu="", os="o", python="3", versions={"numpy": "2"}, threads=1),
        key=method.encode().hex().ljust(64, "0")[:64],
    )
    return RunRecord(
        cell=cell,
        seed=seed,
        status=Status.OK,
        scores={"error": score, "loss": score},
        seconds=0.1,
        cpu_seconds=0.1,
        peak_memory=10,
        sections={"inner": 0.05},
        trace=((0, 0.0, 1.0, 1.0), (1, 0.1, score, score)),
        exhibits={"curve": [1.0, 2.0], "picture.png": "aGFsbG8="},
        finished="2026-01-01T00:00:00.000+00:00",
        commit="c" * 40,
    )


def mutated(rng: random.Random, text: str) -> bytes:
    """Return a record file with one to three faults: in its bytes, or in its values."""
    if rng.random() < 0.3:
        data = bytearray(text.encode())
        for _ in range(rng.randrange(1, 4)):
            kind, at = rng.randrange(4), rng.randrange(len(data))
            if kind == 0:
                data[at] = rng.randrange(256)
            elif kind == 1:
                del data[at : at + rng.randrange(1, 50)]
            elif kind == 2:
                data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 10)))
            else:
                data[at:at] = b"[" * rng.choice((10, 1000, 100_000))
        return bytes(data)
    document = json.loads(text)
    for _ in range(rng.randrange(1, 4)):
        _spoil(rng, document)
    return json.dumps(document).encode()


def _spoil(rng: random.Random, document: Any) -> None:
    """Change, remove or add one value somewhere in a document."""
    node = document
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and rng.random() < 0.8:
            node = node[key]
            continue
        choice = rng.randrange(5)
        if choice == 0:
            del node[key]
        elif choice == 1 and isinstance(node, dict):
            node[rng.choice(("__class__", "x", "\x1b[0m", "seed"))] = copy.deepcopy(rng.choice(EVIL))
        elif choice == 2:
            deep: Any = 0
            for _ in range(rng.choice((5, 100, 900))):
                deep = [deep] if rng.random() < 0.5 else {"a": deep}
            node[key] = deep
        else:
            node[key] = copy.deepcopy(rng.choice(EVIL))
        return


def render(results: Path) -> str:
    """Put every readable record through every renderer, and return what they gave."""
    groups = [group for group in store.scan(results) if isinstance(group, store.Group)]
    rows = judge.build(groups)
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        console.show_leaderboard(rows, [])
    for group in store.newest(groups):
        store.to_records(group)
    found = judge.compare_groups(groups, groups)
    texts = (sheet.to_csv(rows), tables.to_markdown(rows), json_text(judge.to_dicts(rows)), latex.to_latex(rows))
    return "\n".join((*texts, changes.to_json(found), screen.getvalue()))


def batch(seed: int) -> None:
    """Mutate a batch of files, render them among good ones, and save another run into each."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        for s in range(3):
            store.save(results, record("good", s, 0.5 + s / 10))
        paths = []
        for number in range(BATCH):
            one = record(f"m{number}", 0, 0.5)
            store.save(results, one)
            path = store.path_of(results, one.cell)
            path.write_bytes(mutated(rng, path.read_text()))
            paths.append(path)
        refused = [str(error) for error in store.scan(results) if isinstance(error, store.RecordError)]
        for line in refused:
            assert line.isprintable(), line
            assert len(line.replace(folder, "")) <= 200, len(line)
        text = render(results)
        assert "good" in text
        assert not any(ord(c) < 32 and c not in "\n\r\t" for c in text), "a control character was let through"
        assert "\u202e" not in text
        assert "\n=" not in text
        assert ",=" not in text
        assert ",@" not in text
        for number, path in enumerate(paths):
            store.save(results, record(f"m{number}", 1, 0.4))
            assert isinstance(store.read(path), store.Group)


def trials(count: int, seed: int) -> Iterator[campaign.Trial]:
    """Yield `count` mutated files, in batches."""
    for number in range(-(-count // BATCH)):
        yield f"batch {number} of seed {seed}", partial(batch, 1_000_000 * seed + number)


if __name__ == "__main__":
    campaign.main("records (batches of 20)", trials, default=5000)
