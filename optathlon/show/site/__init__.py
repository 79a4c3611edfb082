"""The public site, written as static files from rows and verdicts."""

from optathlon.show.site.page import publish

__all__ = ["publish"]
