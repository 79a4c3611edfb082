"""Pure statistics over records: ranks, intervals, the rows of a board, verdicts on claims, comparisons of two commits.

No clock, no file, no run: the same records always give the same judgement.
"""

from optathlon.judge.board import Row, boards, build, first_metric, to_dicts, to_frame
from optathlon.judge.comparing import Comparison, Thresholds, circumstances, compare_groups
from optathlon.judge.evidence import FailedRuns, MissingEvidence
from optathlon.judge.ledger import Judgement, judge
from optathlon.judge.summary import Overall, profile, summary
from optathlon.judge.verifying import Finding, findings_beyond_scores, findings_of, refused

__all__ = [
    "Comparison", "FailedRuns", "Finding", "Judgement", "MissingEvidence", "Overall", "Row", "Thresholds", "boards", "build",
    "circumstances", "compare_groups", "findings_beyond_scores", "findings_of", "first_metric", "judge", "profile", "refused",
    "summary", "to_dicts", "to_frame",
]  # fmt: skip
