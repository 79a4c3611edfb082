"""Large boards: however they are read, their rows are those of `judge.build`; what is kept of them is never stale."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_packs import same, write
from test_records import cell_of

from optathlon import judge, store
from optathlon.judge import large, ranking
from optathlon.judge.blocks import Table
from optathlon.show import sheet
from optathlon.spec import Cell, MetricInfo, Scale
from optathlon.store import RecordError, Trust
from optathlon.store.verified import address_text

pytest.importorskip("pyarrow")
METRICS = (
    (MetricInfo(name="norm", unit="1", better="lower"), MetricInfo(name="hits", unit="fraction", better="higher", traced=True)),
    (MetricInfo(name="norm", unit="1", better="lower", tolerance=0.5),),
    (MetricInfo(name="hits", unit="fraction", better="higher"), MetricInfo(name="norm", unit="1", better="lower")),
)
METHODS = ("m", "m-1", "m.2", "gda", "z9")  # in another order than their files: '-' and '.' stand before '@'
STATUSES = ("crashed", "timeout", "needs-data", "diverged")


def run_of(rng: np.random.Generator, cell: Cell, seed: int, *, odd: float) -> dict[str, Any]:
    """Return a run with many ties; `odd` is the share of what is missing, failed, huge, dirty or of another type."""

    def now() -> bool:
        return bool(rng.random() < odd)

    score = {"norm": float(rng.integers(-3, 4)) / 2, "hits": float(rng.integers(0, 3)) / 2}
    if rng.random() < 0.5:
        score["norm"] += float(rng.normal())
    scores: dict[str, Any] = {metric.name: score[metric.name] for metric in cell.metrics}
    run: dict[str, Any] = {"seed": seed, "status": "ok", "scores": scores, "seconds": float(rng.integers(1, 4)), "jobs": 1}
    if now():
        run |= {"status": str(rng.choice(STATUSES)), "scores": {}, "reason": 'it ☃ failed, "badly"'}
    if now() and len(scores) > 1:
        scores.pop(cell.metrics[1].name)
    if now() and scores:
        scores[cell.metrics[0].name] = int(rng.integers(0, 2)) if rng.random() < 0.5 else float(rng.choice([1.7e308, -1.7e308]))
    if now():
        run["trace"] = [[0, 0.25, *(0.5 for _ in cell.traced)], [1, 0.75, *(2.0 for _ in cell.traced)]]
    for name, value in {"cpu_seconds": 0.5, "peak_memory": 1 << 20, "busy": 1.0, "finished": "2026-01-01T00:00:00+00:00"}.items():
        if not now():
            run[name] = value
    if now():
        run |= {"dirty": True, "jobs": 2, "busy": 3.0}
    if now():
        run.pop("seconds")
    return run


def fill(results: Path, rng: np.random.Generator, *, odd: float) -> list[Cell]:
    """Write boards of all kinds: most are alike, some are not."""
    cells = []
    base = cell_of()
    for suite, version in (("one", "1"), ("old", "0.9"), ("old", "1")):
        for place in ("here", "here+portable", "away", "away+portable"):
            machine, _, arithmetic = place.partition("+")
            environment = replace(base.environment, machine=machine, arithmetic=arithmetic or "native")
            metrics = METRICS[int(rng.integers(len(METRICS)))]
            declared = replace(
                base, suite=suite, suite_version=version, environment=environment, metrics=metrics,
                reference_method=str(rng.choice([*METHODS, "", "nobody"])), target=None if rng.random() < 0.5 else 0.5,
                exact=bool(rng.random() < 0.2), trials=int(rng.integers(1, 4)), device=str(rng.choice(["cpu", "cuda"])),
                scale=[Scale.SMOKE, Scale.PAPER][int(rng.integers(2))],
            )  # fmt: skip
            yardstick = str(rng.choice([*METHODS, *[""] * 5]))
            for workload in ("w", "w-2", "x")[: int(rng.integers(1, 4))]:
                n_seeds = int(rng.integers(1, 6))
                for method in METHODS:
                    strange = rng.random() < odd
                    seeds = [s for s in range(n_seeds) if not (strange and rng.random() < 0.5)]
                    cell = replace(
                        declared, workload=workload, method=method, yardstick=method == yardstick,
                        settings={"step": 1.0, "named": method}, key=f"{rng.integers(10**12):064d}",
                        exact=declared.exact != (strange and rng.random() < 0.2),
                    )  # fmt: skip
                    write(results, cell, [run_of(rng, cell, seed, odd=odd if strange else 0.0) for seed in seeds])
                    if strange and rng.random() < 0.3:  # superseded, or superseding
                        again = replace(cell, key=f"{rng.integers(10**12):064d}")
                        write(results, again, [run_of(rng, again, s, odd=0.1) for s in seeds], int(rng.integers(0, 3)))
                    cells.append(cell)
    if rng.random() < odd:
        cell = replace(cells[0], method="liar", metrics=tuple(replace(one, better="lower") for one in cells[0].metrics))
        write(results, cell, [run_of(rng, cell, 0, odd=0.0)])
    return cells


def rows_of(found: store.Sources, trust: Trust) -> tuple[list[Any], str, set[type]]:
    """Return rows as values, their CSV as boards come, and which kinds of boards there were."""
    rows: list[Any] = []
    parts, kinds = [], set()
    for part in large.plan(found, trust).tables():
        kinds.add(type(part))
        parts += sheet.csv_of_boards(part) if isinstance(part, Table) else [sheet.csv_lines(part.listed)]
        rows += part.rows()
    return [list(row.values()) for row in judge.to_dicts(rows)], sheet.HEADER + "".join(parts), kinds


@pytest.mark.parametrize("odd", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # sums of huge scores overflow
def test_rows_are_those_of_build_however_they_are_read(tmp_path: Path, seed: int, odd: float) -> None:
    rng = np.random.default_rng(seed)
    cells = fill(tmp_path, rng, odd=odd)
    chosen = [cells[i] for i in rng.choice(len(cells), 3)]
    trusts = [store.EVERYTHING]
    if odd:
        verified = {(address_text(cell), cell.key): set(range(int(rng.integers(6)))) for cell in chosen}
        trusts += [Trust(frozenset({"here"})), Trust(None, verified), Trust(frozenset({"away"}), verified)]
    store.pack(tmp_path)
    alone = tmp_path / "alone"  # where files without runs are missing: no pack holds them
    shutil.copytree(tmp_path / "packs", alone / "packs")
    for trust in trusts:
        for results in (tmp_path, alone):
            groups = [one for one in store.scan(results, packs=results is alone) if not isinstance(one, RecordError)]
            expected = judge.build(groups, trust)
            values, text = [list(row.values()) for row in judge.to_dicts(expected)], sheet.to_csv(expected)
            assert len(values) > 50
            for packs in (False, True)[results is alone :]:
                rows, csv, kinds = rows_of(store.sources(results, packs=packs), trust)
                assert same(rows, values)
                assert csv == text
                assert Table in kinds or odd == 0.5 or trust.verified


@pytest.fixture(scope="module")
def scores() -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.normal(size=(400, 8, 12)) + 0.3 * np.arange(12) * (rng.random((400, 1, 1)) < 0.7)


@pytest.mark.parametrize("kind", ["normal", "rounded", "equal", "outlier", "binary"])
@pytest.mark.parametrize("tolerance", [0.0, 0.25])
def test_quick_decisions_are_those_of_the_p_values_and_of_double_precision(
    scores: np.ndarray, monkeypatch: pytest.MonkeyPatch, kind: str, tolerance: float
) -> None:
    made = {
        "normal": scores,
        "rounded": scores.round(0),
        "equal": np.repeat(scores[..., :1], 12, axis=2),
        "outlier": np.where(np.arange(12) == 3, 1e6 * scores, scores),
        "binary": (scores > 0).astype(float),
    }[kind]
    unit = "fraction" if kind == "binary" else "1"
    quick, standings = ranking.judge_boards(made, "lower", tolerance=tolerance, unit=unit)
    plain, plainly = _plain(made, tolerance, unit, monkeypatch)
    for one, other in zip(quick, plain, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(standings, plainly, strict=True):
        np.testing.assert_array_equal(one, other)


def _plain(made: np.ndarray, tolerance: float, unit: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Judge with p values of every pair, and with resamples in double precision alone."""
    with monkeypatch.context() as patch:

        def discovered(cost: Any, better_by: Any, margin: Any, errors: Any, unit: str) -> Any:
            with np.errstate(divide="ignore", invalid="ignore"):
                t = np.nan_to_num(np.maximum(np.abs(better_by) - margin, 0.0) / errors, nan=0.0, posinf=np.inf)
            p = ranking._p_values(t, cost.shape[1] - 1)
            if unit == "fraction":
                for board, one in enumerate(cost):
                    p[board] = ranking._sign_test(one)
            return ranking.false_discovery(p) <= ranking.LEVEL

        patch.setattr(ranking, "_discovered", discovered)
        weights = ranking._weights(made.shape[1])[0]
        patch.setattr(ranking, "_weights", lambda n: (weights, np.full((3, n, ranking.RESAMPLES), np.nan, dtype=np.float32)))
        return ranking.judge_boards(made, "lower", tolerance=tolerance, unit=unit)
