"""What the survey says happens, and how records decide it."""

from optathlon.spec import Claim

CLAIMS: tuple[Claim, ...] = ()
