"""A comparison of two commits as JSON and Markdown."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from optathlon.judge.comparing import LEVEL, Comparison, Thresholds, Verdict
from optathlon.spec.text import clean


def to_json(comparisons: Sequence[Comparison]) -> str:
    """Return the comparisons as a JSON list, for scripts."""
    return json.dumps([asdict(one) for one in comparisons], indent=1)


def to_markdown(
    comparisons: Sequence[Comparison],
    thresholds: Mapping[str, Thresholds],
    circumstances: Sequence[str] = (),
    *,
    everything: bool = False,
) -> str:
    """Return the changes, or every comparison, as a Markdown table.

    Parameters
    ----------
    comparisons : sequence of Comparison
        What was compared.
    thresholds : mapping
        What counted as noticeable, by suite.
    circumstances : sequence of str
        What else differs between the two sides.
    everything : bool
        Also what is within noise.
    """
    counts = Counter(one.verdict for one in comparisons)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    if not summary:
        return "**nothing to compare: the two have no machine and no cell in common**\n"
    shown = [one for one in comparisons if everything or one.verdict is not Verdict.WITHIN_NOISE]
    lines = [f"**{summary}**", "", f"False discovery rate {LEVEL:.0%} over {len(comparisons)} comparisons. {_limits(thresholds)}"]
    if circumstances:
        lines += ["", "Not only the code differs:", "", *(f"- {_text(sentence)}" for sentence in circumstances)]
    if shown:
        lines += [
            "",
            "| verdict | suite | workload | method | device | metric | base | head | change (99 %) | seeds | |",
            "|---|---|---|---|---|---|---:|---:|---:|---:|---|",
            *(_line(one) for one in shown),
        ]
    return "\n".join(lines) + "\n"


def _limits(thresholds: Mapping[str, Thresholds]) -> str:
    """Return from where seconds count, once where it is the same in all suites."""
    texts = {name: f"a factor of {one.seconds_factor:g} and {one.floor:g} s" for name, one in thresholds.items()}
    if len(set(texts.values())) == 1:
        return f"Seconds count from {next(iter(texts.values()))}."
    return f"Seconds count from {'; '.join(f'{text} ({name})' for name, text in texts.items())}."


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
