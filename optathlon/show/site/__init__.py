"""The public site: static pages from records, verdicts and declarations, which work from a folder as from a server."""

from optathlon.show.site.build import Material, publish

__all__ = ["Material", "publish"]
