"""Every record as columns: cells once, runs by the position of their cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from optathlon.show.site.columns import coded, numbers
from optathlon.show.site.text import short
from optathlon.store import Group

LONGEST_REASON = 200
_TEXTS = ("suite", "workload", "scale", "method", "device")


def run_data(groups: Sequence[Group]) -> dict[str, Any]:
    """Return what the page of all runs shows: `cells` and `runs`, each a dictionary of columns."""
    cells: dict[str, Any] = {name: coded(str(getattr(group.cell, name)) for group in groups) for name in _TEXTS}
    cells["machine"] = coded(group.cell.environment.place for group in groups)
    cells["arithmetic"] = coded(group.cell.environment.arithmetic for group in groups)
    cells["metric"] = coded(group.cell.metrics[0].name for group in groups)
    cells["settings"] = coded(orjson.dumps(dict(group.cell.settings), option=orjson.OPT_SORT_KEYS).decode() for group in groups)
    cells["key"] = [group.cell.key[:12] for group in groups]
    pairs = [(index, group, run) for index, group in enumerate(groups) for run in group.runs]
    runs: dict[str, Any] = {
        "cell": [index for index, _, _ in pairs],
        "seed": [run["seed"] for _, _, run in pairs],
        "status": coded(str(run["status"]) for _, _, run in pairs),
        "score": numbers(run.get("scores", {}).get(group.cell.metrics[0].name) for _, group, run in pairs),
        "seconds": numbers((run.get("seconds") for _, _, run in pairs), 6),
        "memory": numbers(run.get("peak_memory") for _, _, run in pairs),
        "commit": coded(run.get("commit", "")[:12] for _, _, run in pairs),
        "finished": coded(run.get("finished", "")[:16] for _, _, run in pairs),
        "reason": coded(short(run.get("reason", ""), LONGEST_REASON) for _, _, run in pairs),
    }
    return {"cells": cells, "runs": runs}
