"""What the site is built from and how, without a browser."""

from __future__ import annotations

import gzip
import re
import urllib.request
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import made
import pytest

from optathlon import judge, store
from optathlon.cli.serving import server
from optathlon.show.site import api, claims, documents, history, methods, publish, source, text, vendor
from optathlon.show.site.api import with_formulas
from optathlon.show.site.writer import Folder
from optathlon.spec import Figure, Method, RunRecord, Status

KIB = 1024


def test_vendored_files_are_those_of_the_lock():
    assert vendor.faults() == []
    assert vendor.faults(Path(__file__).parent / "vendor") == []
    assert sum(path.stat().st_size for path in vendor.FOLDER.iterdir()) < 1024 * KIB
    assert all(entry["licence"] and entry["version"] for entry in vendor.lock().values())


def test_a_changed_an_absent_and_a_stray_vendored_file_are_named(tmp_path):
    for path in vendor.FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "d3-array.min.js").write_text("edited")
    (tmp_path / "d3-path.min.js").unlink()
    (tmp_path / "stray.js").write_text("")
    said = " ".join(vendor.faults(tmp_path))
    assert all(
        word in said for word in ("stray.js is not in the lock", "d3-array.min.js is not the file", "d3-path.min.js is missing")
    )


def test_no_page_has_a_script_a_style_or_a_handler_of_its_own(site):
    for path in site.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert "default-src 'self'" in page
        assert not re.search(r"<style|<script(?![^>]*\ssrc=)|<[^>]*\sstyle=|<[a-z][^<>]*\son[a-z]+=", page), path
        assert not re.search(r'(?:src|href)="(?:https?:)?//(?!github\.com/optathlon)', page), path


def test_every_link_leads_to_a_page_that_is_there(site):
    wrong = set()
    for path in site.rglob("*.html"):
        for target in re.findall(r'(?:href|src)="([^"#]+)', path.read_text(encoding="utf-8")):
            if not target.startswith(("http", "data:")) and not (path.parent / target).is_file():
                wrong.add((path.name, target))
    assert wrong == set()


@pytest.mark.parametrize(
    ("page", "budget"), [("index.html", 60), ("suite/toy/index.html", 120), ("suite/toy/claims.html", 40), ("runs.html", 40)]
)
def test_a_page_weighs_no_more_than_its_budget(site, page, budget):
    """In KiB, compressed, with the scripts and styles that it asks for, its boards among them."""
    html = (site / page).read_text(encoding="utf-8")
    parts = [
        site / page,
        *((site / page).parent / name for name in re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)"', html)),
    ]
    assert sum(len(gzip.compress(part.read_bytes())) for part in parts if part.name != "runs.js") < budget * KIB


def test_a_hundred_thousand_runs_weigh_no_more_than_two_megabytes():
    from optathlon.show.site.columns import script
    from optathlon.show.site.runs import run_data

    groups = []
    for method in range(100):
        record = {"status": "ok", "commit": made.COMMIT, "finished": "2026-01-02T03:04:05+00:00"}
        runs = [
            record | {"seed": s, "scores": {"error": (s * 7919 % 10007) / (method + 3)}, "seconds": (s * 104729 % 1009) / 7}
            for s in range(1000)
        ]
        groups.append(store.Group(made.cell("w", f"m{method}"), runs))
    assert len(gzip.compress(script("runs", run_data(groups)).encode(), 6)) < 2048 * KIB


def test_what_an_earlier_publishing_left_is_removed_and_nothing_else(material, tmp_path):
    publish(material, tmp_path, asv=False, api=False)
    (tmp_path / "mine.txt").write_text("mine")
    gone = replace(
        material,
        rows=[row for row in material.rows if row.suite == "toy"],
        groups=[g for g in material.groups if g.cell.suite == "toy"],
    )
    publish(gone, tmp_path, asv=False, api=False)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert [path.name for path in (tmp_path / "suite").glob("*/index.html")] == ["index.html"]


def test_a_list_of_files_cannot_name_what_lies_outside(tmp_path):
    (tmp_path / "precious").write_text("kept")
    folder = Folder(tmp_path / "html")
    (tmp_path / "html" / "files.txt").write_text("../precious\n")
    folder.close()
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_site_without_records_and_without_declarations(tmp_path):
    empty = made.Material(results=tmp_path / "results", groups=[], rows=[])
    assert "<h1>" in publish(empty, tmp_path / "html", asv=False, api=False).read_text()


def test_hostile_names_of_rows_make_no_path_and_no_markup(tmp_path, material):
    row = next(row for row in material.rows if row.method == "method-a")
    bad = replace(row, method="../<img src=x onerror=alert(1)>", workload="<b>w</b>", machine="<i>m</i>", reason=made.HOSTILE)
    publish(made.Material(results=tmp_path, groups=[], rows=[bad]), tmp_path / "html", asv=False, api=False)
    pages = "".join(path.read_text() for path in (tmp_path / "html").rglob("*.html"))
    assert "<img src=x" not in pages
    assert "<b>w" not in pages
    assert [path.name for path in (tmp_path / "html" / "method" / "toy").iterdir()] == [methods.page_name(bad.method) + ".html"]


def test_served_with_the_headers_of_a_strict_host(site):
    with server(site) as address:
        answer = urllib.request.urlopen(f"{address}index.html", timeout=10)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert answer.status == 200


# Texts --------------------------------------------------------------------------------------------------------------


def test_markdown_holds_no_html_no_style_and_no_script_address():
    shown = text.markdown(
        "# A\n<b onclick=x>b</b> [x](javascript:alert(1))\n\n| a | b |\n| --: | :- |\n| 1 | 2 |\n\n<!-- c -->", lambda t, _: t
    )
    assert "<b" not in shown
    assert "style=" not in shown
    assert 'href="javascript' not in shown
    assert '<h2 id="a">' in shown
    assert 'class="right"' in shown
    assert "c --" not in shown


def test_links_of_the_repository_lead_to_pages_or_to_the_sources():
    link = documents.linker("suites/gans", "../../")
    assert link("../coresets/README.md", False) == "../../suite/coresets/index.html"
    assert link("../../docs/verdicts.md#ranks", False) == "../../verdicts.html#ranks"
    assert link("suite.py", False) == f"{documents.HOME}/blob/main/suites/gans/suite.py"
    assert link("https://example.org", False) == "https://example.org"
    assert link("https://example.org/badge.svg", True) == ""


def test_formulas_become_mathml_or_stay_what_they_are():
    pytest.importorskip("latex2mathml")
    assert "<math" in text.mathml(r"\frac{1}{2}")
    assert "<math" in with_formulas("Minimise $$\\min_w f(w)$$ over \\\\( w \\\\).")
    assert "<script>" not in text.mathml(r"\text{<script>}")
    assert text.inline_math("`x` <b>") == "x &lt;b&gt;"


def test_long_texts_are_cut_and_say_how_long_they_are():
    assert text.short("a" * 5000).endswith("… (5,000 characters in the record)")
    assert text.short("\x1b[31m") == "\\x1b[31m"


def test_a_method_leads_to_the_functions_of_the_library_that_it_calls():
    from optathlon.baselines.binary_regression import maximin

    def run(problem, context, *, n_steps):
        return maximin(problem.X, problem.y, n_steps=n_steps)

    (piece,) = [piece for piece in source.pieces_of(Method(name="m", run=run)) if piece.name == "maximin"]
    assert piece.path.startswith("baselines/binary_regression/")
    assert piece.reference.startswith("optathlon/baselines/binary_regression/")
    assert source.formulas("A.\n\n.. math:: x\n   + y\n\nB.") == ("x + y",)


@pytest.mark.slow
def test_the_reference_has_an_entry_for_every_public_name_and_keeps_to_the_site(tmp_path):
    pytest.importorskip("pdoc")
    api.write(tmp_path)
    pages = {str(path.relative_to(tmp_path)): path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")}
    for piece in (piece for pieces in source.library().values() for piece in pieces):
        page, _, name = piece.reference.partition("#")
        assert f'id="{name}"' in pages[page], piece
    for page in pages.values():
        assert not re.search(r"<style|<script(?![^>]*\ssrc=)|<[^>]*\sstyle=|https?://(?!github)[^\"<]*\.(?:js|css)", page)


def test_bibtex_says_what_the_declaration_says():
    entry = methods.bibtex(made.suite(), made.suite().methods[0])
    assert "howpublished = {Paper \\& method-a}" in entry


# Claims -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reported", "number"),
    [
        ("0.87", 0.87),
        ("2.4 ± 0.2", 2.4),
        ("3.68 %", 0.0368),
        ("578.90 +- 205.43", 578.9),
        ("2.691 against 1.878", None),
        ("lower", None),
        ("", None),
    ],
)
def test_only_a_number_alone_is_drawn_as_reported(reported, number):
    assert claims.reported_number(reported) == (None if number is None else pytest.approx(number))


def figure(value, low, high, what="error", at_least=-float("inf"), at_most=1.0):
    return Figure(what, ("m",), ("w",), value, low, high, at_least, at_most)


def test_a_figure_lies_on_its_axis_where_it_should():
    shown = claims.axis([figure(0.5, 0.4, 0.6)], 0.8)
    (mark,) = shown.marks
    assert claims.LEFT < mark.low < mark.value < mark.high < shown.allowed[1] < claims.RIGHT
    assert shown.allowed[0] == claims.LEFT
    assert mark.high < shown.reported < shown.allowed[1]
    assert shown.words == "m on w: error 0.5 [0.4, 0.6]"


def test_what_the_paper_reports_is_not_drawn_beside_a_ratio():
    assert claims.axis([figure(0.5, 0.4, 0.6, what="ratio of error")], 0.8).reported is None


def test_figures_of_different_kinds_share_no_axis():
    assert claims.axis([figure(1, 1, 1), figure(1, 1, 1, what="seconds")], None) is None
    assert claims.axis([], None) is None
    assert claims.axis([figure(float("nan"), 1, 1)], None) is None


# History ------------------------------------------------------------------------------------------------------------


def points(values, width=0.05):
    return [history.Point(f"c{i}", f"2026-01-{i + 1:02d}", v, v - width, v + width) for i, v in enumerate(values)]


def test_a_step_is_found_and_noise_is_none():
    pytest.importorskip("asv")
    assert history.steps(points([1.0, 1.01, 0.99, 1.0, 2.0, 2.01, 1.99, 2.0]), timed=False) == [4]
    assert history.steps(points([1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01]), timed=False) == []
    assert history.steps(points([1.0, 1.01, 0.99, 1.0, 2.0, 2.01, 1.99, 2.0], width=3), timed=False) == []  # intervals meet
    assert history.steps(points([1, 1.001, 0.999, 1, 1.1, 1.101, 1.099, 1.1], width=0), timed=True) == []  # within TIMING
    assert history.steps(points([1.0, 2.0]), timed=False) == []


def test_numbers_over_commits_come_from_the_history_and_the_newest_records(tmp_path):
    for number, value in enumerate((3.0, 2.0)):
        for seed in range(2):
            record = replace(made.run(made.cell("easy", "method-a"), seed, value, 0.1, ()), commit=f"{number}" * 40)
            store.save(tmp_path / "results" / "history" / (str(number) * 12), record)
    now = [
        replace(made.run(made.cell("easy", "method-a"), 0, 1.0, 0.1, ()), commit="f" * 40, finished="2026-02-01T00:00:00+00:00")
    ]
    groups = store.to_groups(now)
    found = history.collect(tmp_path / "results", judge.build(groups), groups)
    (error,) = [one for one in found if one.metric == "error"]
    assert [point.value for point in error.points] == [3.0, 2.0, 1.0]
    assert history.history_data([error])["commits"] == ["0" * 12, "1" * 12, "f" * 12]


def test_a_method_page_says_nothing_of_an_older_version(tmp_path):
    results = tmp_path / "results"
    old = replace(made.cell("gone", "method-a"), suite_version="0")
    store.save(results, RunRecord(cell=old, seed=0, status=Status.ERROR, reason="what is mended since"))
    store.save(results, made.run(made.cell("easy", "method-a"), 0, 1.0, 0.5, ()))
    index = publish(made.material(results), tmp_path / "html", asv=False, api=False)
    assert "what is mended since" not in (index.parent / "method" / "toy" / "method-a.html").read_text()


def test_boards_of_earlier_versions_are_said_and_no_more() -> None:
    from optathlon.show.site.build import _outdated

    def row(version: str, machine: str) -> Any:
        return SimpleNamespace(version=version, machine=machine)

    assert _outdated("2", [row("2", "a")]) == ""
    assert _outdated("2", [row("1", "b"), row("2", "a")]).startswith("Some boards are of earlier declarations")
    assert "version 1 on b" in _outdated("2", [row("1", "b"), row("2", "a")])
    assert "no claim of version 2 is tested yet" in _outdated("2", [row("1", "b")])
