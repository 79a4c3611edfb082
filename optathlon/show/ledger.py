"""Claims in few words: their count, and one figure of each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from optathlon.judge import Judgement
from optathlon.spec import Ruling

_COMPARED = re.compile(r"(?:ratio|difference) \S+(?: \[[^\]]*\])?")
_INTERVAL = re.compile(r"[-+.\w]+ \[[^\]]*\]|in \[[^\]]*\]")


def count(judgements: Sequence[Judgement]) -> str:
    """Count the rulings, those on bounds that the paper states and those on bounds fitted to results apart."""
    parts = []
    for basis, words in (("stated", "stated by the paper"), ("fitted", "fitted after a look at results")):
        own = [one.verdict.ruling for one in judgements if one.claim.basis == basis]
        if own:
            rulings = ", ".join(f"{own.count(ruling)} {ruling}" for ruling in Ruling if ruling in own)
            parts.append(f"{len(own)} {words}: {rulings}")
    return "; ".join(parts)


def figure(measured: str) -> str:
    """Return the figure that decided, out of all that a verdict tells: a comparison, else a value with its interval, else all."""
    text = " ".join(measured.split())
    found = _COMPARED.search(text) or _INTERVAL.search(text)
    return found[0].rstrip(",;") if found else text
