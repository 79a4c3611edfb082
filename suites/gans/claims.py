"""What the paper says happens, and how records decide it."""

from __future__ import annotations

from optathlon.spec import Claim

CLAIMS: tuple[Claim, ...] = ()
