"""The reference of the library, by pdoc in our frame: `python -m optathlon.show.site.api FOLDER`, in a process of its own.

pdoc imports what it documents, which the rest of the site never does.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import warnings
from pathlib import Path

from optathlon.show.site.text import mathml

TEMPLATES = Path(__file__).parent / "templates" / "api"
OFFERED = ("optathlon", "optathlon.api", "optathlon.spec", "optathlon.data", "optathlon.judge", "optathlon.judge.claims")
LIBRARY = "optathlon.baselines"
_DISPLAYED = re.compile(r"\$\$(.+?)\$\$|^( *)\.\. math::(.*(?:\n(?:\2 +\S.*| *(?=\n)))*)", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<![\\$\w])\$(?!\s*\d+\s)([^$\n]+?)\$|\\\\\((.+?)\\\\\)|:math:`([^`]+)`")


def library_modules() -> list[str]:
    """Return the packages and modules of the library by name, private ones aside."""
    spec = importlib.util.find_spec(LIBRARY)
    (folder,) = (spec.submodule_search_locations or [""])[:1] if spec else [""]
    names = [LIBRARY]
    for path in sorted(Path(folder).rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if parts and not any(part.startswith("_") for part in parts):
            names.append(".".join((LIBRARY, *parts)))
    return names


def with_formulas(markdown: str) -> str:
    """Return a docstring's Markdown with its formulas as MathML."""
    markdown = _DISPLAYED.sub(_displayed, markdown)
    return _INLINE.sub(lambda found: str(mathml(next(filter(None, found.groups())), "inline")), markdown)


def _displayed(found: re.Match[str]) -> str:
    return f'\n\n<div class="formula" tabindex="0">{mathml(found[1] or found[3])}</div>\n\n'


def write(folder: Path) -> None:
    """Write the reference into a folder."""
    import jinja2
    import pdoc
    from pdoc import render, render_helpers

    warnings.simplefilter("ignore")  # names that a package imports when they are asked for are documented where they stand

    @jinja2.pass_context
    def to_markdown(context: jinja2.runtime.Context, docstring: str) -> str:
        return with_formulas(render_helpers.to_markdown_with_context(context, docstring))

    render.env.filters["to_markdown"] = to_markdown
    render.configure(docformat="numpy", show_source=False, search=False, template_directory=TEMPLATES)
    pdoc.pdoc(*OFFERED, *library_modules(), output_directory=folder)
    (folder / "index.html").unlink(missing_ok=True)  # ours is beside the folder


if __name__ == "__main__":
    write(Path(sys.argv[1]))
