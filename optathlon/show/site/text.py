"""Texts of the site: templates, Markdown, formulas. Whatever comes from a record or a declaration is shown as text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from markupsafe import Markup

from optathlon.spec.text import clean

if TYPE_CHECKING:
    from jinja2 import Environment

LONGEST = 2000  # characters of a text from a record that a page shows
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_MATH = re.compile(r":math:`([^`]+)`")
_ALIGNED = {"text-align:right": "right", "text-align:center": "centre", "text-align:left": "left"}


def environment() -> Environment:
    """Return the templates: every text escaped and cleaned, nothing undefined."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("optathlon.show.site", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: clean(value) if type(value) is str else "" if value is None else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def short(text: str, limit: int = LONGEST) -> str:
    """Return a text from a record as a page shows it: cleaned, and cut where it is too long, with its length."""
    text = text.strip()
    return clean(text if len(text) <= limit else f"{text[:limit]} … ({len(text):,} characters in the record)")


@lru_cache(maxsize=4096)
def mathml(latex: str, display: str = "block") -> Markup:
    """Return a formula as MathML; its LaTeX where latex2mathml is not installed or cannot read it."""
    latex = " ".join(latex.split())
    try:
        from latex2mathml.converter import convert

        formula = convert(latex, display=display)
        if all(_is_math(element) for element in ElementTree.fromstring(formula).iter()):
            return Markup(formula)
    except Exception:  # the converter raises whatever it stumbles over
        pass
    return Markup("<code>{}</code>").format(clean(latex))


def _is_math(element: ElementTree.Element) -> bool:
    """Return whether an element is one of MathML's, with no address, style or handler: texts in formulas come out unescaped."""
    space, _, name = element.tag.rpartition("}")
    plain = not any(key in ("href", "style", "src") or key.startswith("on") for key in element.attrib)
    return space == "{http://www.w3.org/1998/Math/MathML" and name.startswith("m") and plain


def inline_math(text: str) -> Markup:
    """Return a docstring's text, escaped, with its inline formulas."""
    parts = _MATH.split(text)
    return Markup("").join(mathml(part, "inline") if i % 2 else clean(part).replace("`", "") for i, part in enumerate(parts))


def markdown(text: str, link: Callable[[str, bool], str], *, lower: int = 1) -> Markup:
    """Return Markdown as HTML: no raw HTML, no style, headings so many levels lower and with an address of their own.

    Parameters
    ----------
    text : str
        The Markdown; comments in it are left out.
    link : callable
        ``link(target, is_image) -> address`` as the page needs it; an image without an address becomes its description.
    lower : int
        By how many levels headings are lowered, for what stands above them on the page.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(_COMMENT.sub("", text))
    slugs: dict[str, int] = {}
    for index, token in enumerate(tokens):
        if "style" in token.attrs:
            token.attrSet("class", _ALIGNED.get(str(token.attrs.pop("style")), "left"))
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + lower)}"
        if token.type == "heading_open":
            token.attrSet("id", _slug(tokens[index + 1].content, slugs))
        for child in token.children or ():
            _relink(child, link)
    html = parser.renderer.render(tokens, parser.options, {})
    html = html.replace("<pre>", '<pre tabindex="0">').replace("</table>", "</table></div>")
    count = itertools.count(1)
    opened = '<div class="scroll" tabindex="0" role="group" aria-label="table {}"><table>'
    return Markup(re.sub("<table>", lambda _: opened.format(next(count)), html))


def _relink(token: Any, link: Callable[[str, bool], str]) -> None:
    if token.type == "image":
        address = link(str(token.attrs["src"]), True)
        if not address:
            token.type, token.tag, token.content, token.children = "text", "", token.content, None
        token.attrs |= {"src": address, "loading": "lazy"} if address else {}
    elif token.type == "link_open":
        token.attrSet("href", link(str(token.attrs["href"]), False))


def _slug(text: str, taken: dict[str, int]) -> str:
    """Return the address of a heading as GitHub makes it, so that links written for there lead here too."""
    slug = re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") or "section"
    taken[slug] = taken.get(slug, -1) + 1
    return f"{slug}-{taken[slug]}" if taken[slug] else slug
