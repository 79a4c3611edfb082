"""The texts of the repository on the site: the suites' READMEs with their figures, verdicts, contributing, plug-ins."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from markupsafe import Markup

from optathlon.show.site.text import markdown
from optathlon.show.site.writer import Folder

HOME = "https://github.com/optathlon/optathlon"
PICTURES = (".png", ".svg", ".jpg", ".webp")
# Page: its title, and the files that it is made of.
PAGES = {
    "verdicts.html": ("How ranks and verdicts are made", ("docs/verdicts.md", "docs/calibration.md", "docs/trust.md")),
    "contributing.html": ("Contributing", ("CONTRIBUTING.md", "docs/architecture.md")),
    "plugins.html": ("Plug-ins", ("docs/plugins/README.md",)),
    "submit.html": ("Submit a method or records", ("docs/submitting.md",)),
}
_LISTINGS = {"plugins.html": ("docs/plugins/pyproject.toml", "docs/plugins/optathlon_example/*.py")}
_TITLE = re.compile(r"\A\s*# .*\n")


def linker(place: str, root: str, *, picture: Callable[[str], str] = lambda target: "") -> Callable[[str, bool], str]:
    """Return how links of a file of the repository lead on the site.

    Parameters
    ----------
    place : str
        The file's folder in the repository, ``"suites/gans"``.
    root : str
        From the page to the site's root.
    picture : callable
        ``picture(target) -> address`` of a picture beside the file; empty where there is none.
    """
    pages = {source: name for name, (_, sources) in PAGES.items() for source in sources}

    def link(target: str, is_image: bool) -> str:
        if is_image:
            return "" if "//" in target else picture(target)
        if re.match(r"[a-z]+:|#|/", target) or not target:
            return target
        path, _, anchor = target.partition("#")
        whole = _normal(f"{place}/{path}")
        anchor = f"#{anchor}" if anchor else ""
        if whole in pages:
            return f"{root}{pages[whole]}{anchor}"
        if (suite := re.fullmatch(r"suites/(\w+)(?:/(?:README\.md)?)?", whole)) is not None:
            return f"{root}suite/{suite[1]}/index.html{anchor}"
        return f"{HOME}/blob/main/{whole}{anchor}"

    return link


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in PurePosixPath(path).parts:
        if part == ".." and parts:
            parts.pop()
        elif part not in (".", ".."):
            parts.append(part)
    return "/".join(parts)


def suite_report(name: str, home: Path | None, folder: Folder) -> tuple[Markup | None, str]:
    """Return a suite's READMEs as HTML, their pictures copied beside the page, and the first picture's address on the site."""
    if home is None or not (home / "README.md").is_file():
        return None, ""
    found: list[str] = []

    def picture(target: str) -> str:
        path = (home / target).resolve()
        if not path.is_relative_to(home.resolve()) or path.suffix not in PICTURES or not path.is_file():
            return ""
        address = f"files/{path.relative_to(home.resolve()).as_posix()}"
        if address not in found:
            found.append(address)
            folder.copy(f"suite/{name}/{address}", path)
        return address

    link = linker(f"suites/{name}", "../../", picture=picture)
    texts = [home / "README.md", *sorted(path for path in home.glob("*.md") if path.name != "README.md")]
    report = Markup("\n").join(markdown(path.read_text(encoding="utf-8"), link) for path in texts)
    return report, f"suite/{name}/{found[0]}" if found else ""


def document(name: str, repository: Path) -> list[Markup]:
    """Return the parts of a page that is made of files of the repository; none where the files are not there."""
    bodies = []
    if name == "submit.html" and not (repository / PAGES[name][1][0]).is_file():
        text = (Path(__file__).parent / "templates" / "submit.md").read_text(encoding="utf-8")
        return [markdown(text, lambda target, is_image: target, lower=0)]
    for source in PAGES[name][1]:
        path = repository / source
        if path.is_file():
            link = linker(str(PurePosixPath(source).parent), "")
            text = path.read_text(encoding="utf-8")
            bodies.append(markdown(text, link) if bodies else markdown(_TITLE.sub("", text), link, lower=0))
    for pattern in _LISTINGS.get(name, ()):
        for path in sorted(repository.glob(pattern)):
            if text := path.read_text(encoding="utf-8").strip():
                listing = Markup('<h2><code>{}</code></h2><pre tabindex="0"><code>{}</code></pre>')
                bodies.append(listing.format(path.relative_to(repository).as_posix(), text))
    return bodies
