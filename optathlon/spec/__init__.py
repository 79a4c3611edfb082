"""What is declared and what is recorded: suites with their workloads, methods, metrics and claims; cells, runs and verdicts.

The lowest room: frozen dataclasses that check themselves, no arithmetic, no file, no clock. Everybody else speaks in these nouns.
"""

from optathlon.spec.claim import Claim, Figure, Ruling, Verdict
from optathlon.spec.method import Context, Method
from optathlon.spec.records import QUIET, Better, Cell, Environment, MetricInfo, RunRecord, TracePoint
from optathlon.spec.scale import Diverged, NeedsData, Scale, Status
from optathlon.spec.suite import Extension, Metric, Suite, Workload

__all__ = [
    "QUIET", "Better", "Cell", "Claim", "Context", "Diverged", "Environment", "Extension", "Figure", "Method", "Metric",
    "MetricInfo", "NeedsData", "Ruling", "RunRecord", "Scale", "Status", "Suite", "TracePoint", "Verdict", "Workload",
]  # fmt: skip
