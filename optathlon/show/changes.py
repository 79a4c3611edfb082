"""A comparison of two commits as JSON and Markdown."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from optathlon.judge.comparing import LEVEL, Comparison, Thresholds, Verdict
from optathlon.spec.text import clean


def to_json(comparisons: Sequence[Comparison]) -> str:
    """Return the comparisons as a JSON list, for scripts."""
    return json.dumps([asdict(one) for one in comparisons], indent=1)


def to_markdown(comparisons: Sequence[Comparison], thresholds: Thresholds, *, everything: bool = False) -> str:
    """Return the changes, or every comparison, as a Markdown table under a count of the verdicts and the thresholds."""
    counts = Counter(one.verdict for one in comparisons)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    if not summary:
        return "**nothing to compare: the two have no machine and no cell in common**\n"
    shown = [one for one in comparisons if everything or one.verdict is not Verdict.WITHIN_NOISE]
    limits = (
        f"False discovery rate {LEVEL:.0%} over {len(comparisons)} comparisons; seconds count from a factor of "
        f"{thresholds.seconds_factor:g} and {thresholds.floor:g} s."
    )
    lines = [f"**{summary}**", "", limits]
    if shown:
        lines += [
            "",
            "| verdict | suite | workload | method | device | metric | base | head | change (99 %) | seeds | |",
            "|---|---|---|---|---|---|---:|---:|---:|---:|---|",
            *(_line(one) for one in shown),
        ]
    return "\n".join(lines) + "\n"


def _line(one: Comparison) -> str:
    interval = "" if one.low is None or one.high is None else f"[{one.low:.3g}, {one.high:.3g}]{' ×' if one.relative else ''}"
    mark = f"**{one.verdict}**" if one.verdict in (Verdict.REGRESSED, Verdict.GONE) else str(one.verdict)
    arrow = {"lower": "↓", "higher": "↑"}[one.better]
    device = f"{one.device} ({one.machine})"
    metric = one.metric if one.metric == "status" else f"{one.metric} {arrow}"
    figures = ["" if value is None else f"{value:.4g}" for value in (one.base, one.head)]
    fields = (mark, one.suite, one.workload, one.method, device, metric, *figures, interval, str(one.seeds or ""))
    return f"| {' | '.join(fields)} | {_text(one.note)} |"


def _text(text: str) -> str:
    """Return text that cannot break a table or carry markup."""
    return html.escape(clean(" ".join(text.split())), quote=False).replace("|", "\\|").replace("`", "'")[:300]
