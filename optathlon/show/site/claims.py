"""The ledger as cards: each claim with its figures on one axis, the runs behind it, and the command that decides it again."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from optathlon.judge import Judgement
from optathlon.show.site.text import short
from optathlon.spec import Figure, Ruling

ORDER = (Ruling.CONTRADICTED, Ruling.REPRODUCED, Ruling.INCONCLUSIVE, Ruling.REDUCED, Ruling.NOT_TESTED)
KINDS = {
    Ruling.REPRODUCED: ("reproduced", "✓"),
    Ruling.CONTRADICTED: ("contradicted", "✗"),
    Ruling.INCONCLUSIVE: ("inconclusive", "?"),
    Ruling.REDUCED: ("reduced", "–"),
    Ruling.NOT_TESTED: ("not-tested", "–"),
}
WIDTH, LEFT, RIGHT, LINE = 320, 10, 310, 22
DRAWN = 12  # figures of one claim that are drawn
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)(?: ?(?:±|\+-) ?\d+(?:\.\d+)?)?( ?%)?")


@dataclass(frozen=True)
class Mark:
    """One figure on the axis: pixel positions, and the words for who does not see it."""

    y: int
    value: float
    low: float
    high: float
    words: str


@dataclass(frozen=True)
class Axis:
    """The figures of a claim on one axis: bounds shaded, the reported number as a line."""

    height: int
    marks: tuple[Mark, ...]
    allowed: tuple[float, float] | None
    reported: float | None
    ends: tuple[str, str]
    left_out: int

    @property
    def words(self) -> str:
        """What the picture says, for a screen reader."""
        return "; ".join(mark.words for mark in self.marks)


def card(one: Judgement) -> dict[str, Any]:
    """Return what a page shows of a claim."""
    kind, sign = KINDS[one.verdict.ruling]
    claim = one.claim
    return {
        "id": claim.id,
        "kind": kind,
        "sign": sign,
        "ruling": str(one.verdict.ruling),
        "source": claim.source,
        "statement": claim.statement,
        "reported": claim.reported,
        "basis": claim.basis,
        "reduced": claim.reduced,
        "measured": short(one.verdict.measured),
        "scale": one.scale,
        "smallest": str(claim.scale),
        "machine": one.place,
        "axis": axis(one.verdict.figures, reported_number(claim.reported)),
        "runs": runs_address(one),
        "command": f"optathlon run {one.suite} --scale {one.scale or claim.scale} && optathlon claims {one.suite}",
    }


def count(judgements: Iterable[Judgement]) -> dict[str, int]:
    """Return how many claims have each ruling, by its kind, in the order of the ledger."""
    rulings = [one.verdict.ruling for one in judgements]
    return {KINDS[ruling][0]: rulings.count(ruling) for ruling in Ruling}


def reported_number(text: str) -> float | None:
    """Return the paper's number where the text is one number and nothing else, with its unit of percent taken away."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    return float(found[1]) / (100 if found[2] else 1)


def runs_address(one: Judgement) -> str:
    """Return the query of the page of runs that shows the records behind a verdict; empty where nothing was tested."""
    if not one.scale:
        return ""
    methods = sorted({name for figure in one.verdict.figures for name in figure.methods})
    workloads = sorted({name for figure in one.verdict.figures for name in figure.workloads})
    query = {"suite": one.suite, "scale": one.scale, "machine": one.machine}
    exact = {name: "|".join(f"={value}" for value in values) for name, values in (("method", methods), ("workload", workloads))}
    return urlencode(query | {name: value for name, value in exact.items() if value})


def axis(figures: Sequence[Figure], reported: float | None) -> Axis | None:
    """Return the picture of figures of one kind; None where there is none, or where they differ in kind.

    The reported number is drawn beside means alone: a ratio or a difference of ours is not what the paper's number says.
    """
    figures = [figure for figure in figures if math.isfinite(figure.value)]
    if not figures or len({figure.what for figure in figures}) > 1:
        return None
    if figures[0].what.startswith(("ratio of", "difference of", "share of")):
        reported = None
    bounds = {(figure.at_least, figure.at_most) for figure in figures}
    shown = figures[:DRAWN]
    low, high = _range(shown, reported)
    place = _Scale(low, high)
    allowed = None
    if len(bounds) == 1:
        at_least, at_most = bounds.pop()
        allowed = (place(at_least), place(at_most))
    marks = tuple(
        Mark(
            LINE * index + LINE // 2 + 2,
            place(figure.value),
            place(figure.low if math.isfinite(figure.low) else figure.value),
            place(figure.high if math.isfinite(figure.high) else figure.value),
            _words(figure),
        )
        for index, figure in enumerate(shown)
    )
    at = None if reported is None else place(reported)
    return Axis(LINE * len(shown) + 22, marks, allowed, at, (f"{low:.3g}", f"{high:.3g}"), len(figures) - len(shown))


class _Scale:
    """From a number to its place on the axis, held at its ends."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __call__(self, value: float) -> float:
        share = 0.0 if value == -math.inf else 1.0 if value == math.inf else (value - self.low) / (self.high - self.low)
        return round(LEFT + (RIGHT - LEFT) * min(1.0, max(0.0, share)), 1)


def _range(figures: Sequence[Figure], reported: float | None) -> tuple[float, float]:
    """Return an axis that holds values, intervals, finite bounds and the reported number, with a margin."""
    numbers = [x for f in figures for x in (f.value, f.low, f.high, f.at_least, f.at_most) if math.isfinite(x)]
    numbers += [] if reported is None else [reported]
    low, high = min(numbers), max(numbers)
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return low - margin, high + margin


def _words(figure: Figure) -> str:
    spread = f" [{figure.low:.4g}, {figure.high:.4g}]" if math.isfinite(figure.low) and figure.low != figure.high else ""
    where = f" on {figure.workloads[0]}" if len(figure.workloads) == 1 else ""
    return f"{' against '.join(figure.methods)}{where}: {figure.what} {figure.value:.4g}{spread}"
