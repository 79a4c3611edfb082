"""The site in a real browser: what a visitor sees, does and waits for."""

from __future__ import annotations

import json
import math
import random
import re
import shutil
import statistics
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import made
import pytest

from optathlon import store
from optathlon.show.site import publish
from optathlon.show.site.columns import script
from optathlon.show.site.runs import run_data
from optathlon.spec import Status

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
READY = (
    "return document.readyState === 'complete' && "
    "(!document.querySelector('#boards') || !!document.querySelector('#boards').dataset.drawn)"
)
FIRST_PLOT, SORT = 1.0, 1.0  # seconds


@pytest.fixture(scope="module")
def go(browser, site):
    """Return a function that opens a page of the site, waits until it is drawn and returns the browser."""

    def open_page(page: str, *, width: int = 1400, folder: Path = site, dark: bool = False):
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        browser.get_log("browser"), browser.get_log("performance")  # what an earlier page left
        browser.get("about:blank")  # a change after the # alone loads nothing
        name, _, state = page.partition("#")
        browser.get((folder / name).as_uri() + (f"#{state}" if state else ""))
        wait(browser, READY)
        return browser

    return open_page


def wait(browser, condition: str, seconds: float = 20.0):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, seconds, poll_frequency=0.02).until(lambda found: found.execute_script(condition))


def requests_of(browser) -> list[str]:
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]


@pytest.fixture(scope="module")
def visits(go, site):
    """Visit every page once on a telephone: its errors, its requests, its width, what axe finds; every second one is dark."""
    pages = [str(path.relative_to(site)) for path in sorted(site.rglob("*.html"))]
    methods = [page for page in pages if page.startswith("method/")]
    pages = [page for page in pages if page not in methods[3:]]
    axe = AXE.read_text(encoding="utf-8")
    found = {}
    for number, page in enumerate(pages):
        browser = go(page, width=360, dark=bool(number % 2))
        widths = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        log, asked = browser.get_log("browser"), requests_of(browser)
        browser.execute_script(axe)
        rules = {"preload": False, "resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}
        violations = browser.execute_async_script(
            "const done = arguments[1]; axe.run(document, arguments[0]).then((r) => done(r.violations.map((v) => "
            "[v.id, v.impact, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160))])), "
            "(e) => done([[String(e), 'critical', []]]))",
            rules,
        )
        found[page] = {"widths": widths, "violations": violations, "errors": log, "requests": asked}
    return found


def test_no_page_says_an_error_on_the_console(visits):
    assert {page: visit["errors"] for page, visit in visits.items() if visit["errors"]} == {}


def test_no_page_asks_for_anything_beyond_its_folder(visits, site):
    own = (site.as_uri(), "about:", "data:")
    asked = {page: [url for url in visit["requests"] if not url.startswith(own)] for page, visit in visits.items()}
    assert {page: urls for page, urls in asked.items() if urls} == {}
    assert any(url.endswith("toy.traces.js") for url in visits["suite/toy/index.html"]["requests"])


def test_no_page_is_wider_than_a_telephone(visits):
    assert {page: visit["widths"] for page, visit in visits.items() if visit["widths"][0] > visit["widths"][1]} == {}


def test_axe_finds_nothing_serious(visits):
    serious = {page: [v for v in visit["violations"] if v[1] in ("serious", "critical")] for page, visit in visits.items()}
    assert {page: found for page, found in serious.items() if found} == {}


def test_hostile_texts_are_shown_as_text(go):
    shown = " ".join(made.HOSTILE.replace("\u202e", "\\u202e").split())
    browser = go("suite/toy/claims.html")
    assert shown in browser.find_element("id", "hostile").text
    browser = go("method/toy/method-broken.html")
    text = browser.find_element("tag name", "main").text
    assert shown in text
    assert "1,000,000 characters in the record" in text
    browser = go("suite/toy/index.html#board=hard%2Fsmall%2Fcpu%2Fbench-1")
    browser.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert shown in browser.find_element("css selector", ".failures").text
    browser = go("runs.html#status=error")
    for button in browser.find_elements("css selector", "button.open"):
        button.click()
    assert shown in browser.find_element("id", "runs").text
    assert browser.execute_script("return window.broken") is None
    assert not browser.find_elements("css selector", "main img")


# Odd boards ---------------------------------------------------------------------------------------------------------

ODD = {
    "wide": (1e-300, 1.0, 1e300),
    "huge": (-1.7e308, 1.0, 1.7e308),
    "near": (1 - 1e-9, 1.0, 1 + 1e-9),
    "partly": (1.0, 2.0, 3.0),
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory) -> Path:
    """Return a site of boards with values of every size, metrics that are called as columns are, and methods not ranked."""
    results = tmp_path_factory.mktemp("odd") / "results"
    metrics = (made.METRICS[0], *(replace(made.METRICS[1], name=name) for name in ("seconds", "rank")))
    for workload, values in ODD.items():
        for number, value in enumerate(values):
            cell = replace(made.cell(workload, made.METHODS[number]), metrics=metrics, target=None)
            for seed in range(3):
                run = made.run(cell, seed, value, 0.5 + number, ())
                store.save(results, replace(run, scores={"error": value, "seconds": 5.0 - number, "rank": 7.0 + number}))
    cell = replace(made.cell("partly", made.METHODS[0]), metrics=metrics, target=None)
    store.save(results, replace(made.run(cell, 3, 1.0, 0.5, ()), status=Status.TIMEOUT, scores={}))
    for name, status in (("method-gone", Status.CRASHED), ("method-told", Status.OK)):
        cell = replace(made.cell("partly", name), metrics=metrics, target=None)
        scores = {"error": 0.5} if status is Status.OK else {}
        store.save(results, replace(made.run(cell, 0, 0.5, 0.5, ()), status=status, scores=scores))
    return publish(made.material(results), results.parent / "html", asv=False, api=False).parent


@pytest.mark.parametrize("workload", ODD)
def test_values_of_every_size_are_drawn_and_their_axes_tell_them_apart(go, odd, workload):
    """A board of 1e-300 and 1e300 ended the tab, one of 1.7e308 was drawn nowhere, and one near 1 had an axis of ones."""
    browser = go(f"suite/toy/index.html#board={workload}%2Fsmall%2Fcpu%2Fbench-1", folder=odd)
    assert browser.get_log("browser") == []
    marks = "return [...document.querySelectorAll('#view svg')].map((svg) => svg.outerHTML).join('')"
    assert not re.search("NaN|Infinity", browser.execute_script(marks))
    texts = browser.execute_script(
        "return [...document.querySelectorAll('#view .chart .grid text[text-anchor=end]:not(.label)')].map((t) => t.textContent)"
    )
    assert len(texts) == len(set(texts)) > 2


def test_a_metric_that_is_called_as_a_column_is_sorted_by_itself(go, odd):
    browser = go("suite/toy/index.html#board=near%2Fsmall%2Fcpu%2Fbench-1&board.sort=seconds+(metric)", folder=odd)
    heads = browser.execute_script("return [...document.querySelectorAll('#view thead th')].map((c) => c.textContent)")
    assert len(heads) == len(set(heads))
    at = heads.index("seconds (metric)")
    assert column(browser, "#view", at) == ["3", "4", "5"]
    press(browser, "rank (metric)", "#view")
    assert column(browser, "#view", heads.index("rank (metric)")) == ["7", "8", "9"]


def test_a_picture_says_what_is_not_ranked_and_what_it_leaves_out(go, odd):
    browser = go("suite/toy/index.html#board=partly%2Fsmall%2Fcpu%2Fbench-1", folder=odd)
    names, crosses, words = browser.execute_script(
        "const plot = document.querySelector('#view .plot'); const all = (what) => [...plot.querySelectorAll(what)];"
        "return [all('text.name').map((t) => t.textContent), all('.cross').length, plot.textContent]"
    )
    assert "method-a: timeout (1 of 4)" in names
    assert crosses == 2
    assert "Not drawn: method-gone: crashed (1 of 1)." in words


def test_a_link_to_a_board_that_is_not_there_says_so(go, odd):
    browser = go("suite/toy/index.html#board=nowhere%2Fsmall%2Fcpu%2Fbench-1", folder=odd)
    assert "No board here is called nowhere/small/cpu/bench-1: this is" in browser.find_element("id", "view").text
    browser = go("suite/toy/index.html", folder=odd)
    assert "No board here" not in browser.find_element("id", "view").text


def test_the_link_of_the_last_page_of_runs_leads_there(go, site):
    browser = go("runs.html")
    browser.execute_script("document.querySelector('[aria-label=\"last page\"]').click()")
    last, link = browser.find_element("css selector", ".count").text, browser.current_url
    go("runs.html#" + link.partition("#")[2])
    assert browser.find_element("css selector", ".count").text == last != "page 1 of 1"
    go("runs.html#page=1.5")
    assert browser.find_element("css selector", ".count").text.startswith("page 2 of")


# Tables -------------------------------------------------------------------------------------------------------------


def column(browser, selector: str, index: int) -> list[str]:
    rows = (
        "return [...document.querySelectorAll(arguments[0] + ' tbody tr')].filter((r) => r.offsetParent)"
        ".map((r) => r.cells[arguments[1]]?.textContent.trim())"
    )
    return browser.execute_script(rows, selector, index)


def press(browser, text: str, within: str) -> None:
    find = "return [...document.querySelectorAll(arguments[0] + ' thead button')].find((b) => b.textContent === arguments[1])"
    browser.execute_script("arguments[0].click()", browser.execute_script(find, within, text))


def test_a_table_is_sorted_either_way_and_its_link_says_how(go):
    browser = go("suite/toy/index.html")
    inside = "#view .table"
    press(browser, "seconds", inside)
    values = [float(text) for text in column(browser, inside, 5)[:14]]
    assert values == sorted(values)
    press(browser, "seconds", inside)
    assert [float(text) for text in column(browser, inside, 5)[:14]] == sorted(values, reverse=True)
    assert browser.find_element("css selector", "#view th[aria-sort]").get_attribute("aria-sort") == "descending"
    address = browser.current_url
    assert "board.sort=seconds-" in address
    there = go(f"suite/toy/index.html#{address.partition('#')[2]}")
    assert [float(text) for text in column(there, inside, 5)[:14]] == sorted(values, reverse=True)


def test_a_table_is_filtered_and_its_link_says_by_what(go):
    browser = go("index.html#wins.filter=toy%20easy")
    assert set(column(browser, '[data-name="wins"]', 1)) == {"easy"}
    box = browser.find_element("css selector", '[data-name="wins"] input[type="search"]')
    assert box.get_attribute("value") == "toy easy"
    box.clear()
    box.send_keys("toy hard")
    assert set(column(browser, '[data-name="wins"]', 1)) == {"hard"}
    assert "wins.filter=toy+hard" in browser.current_url


@pytest.mark.parametrize(
    ("form", "start"), [("csv", "rank,method,error"), ("latex", "% needs"), ("markdown", "| rank | method | error |")]
)
def test_a_table_is_copied(go, form, start):
    browser = go("suite/toy/index.html#board.filter=method-c")
    browser.find_element("css selector", f'#view button[data-format="{form}"]').click()
    text = wait(browser, "return Optathlon.copied")
    assert text.startswith(start)
    assert "method-c" in text
    assert "method-d" not in text
    if form == "csv":
        assert len(text.splitlines()) == 2


def test_claims_are_filtered_and_have_links_of_their_own(go):
    browser = go("suite/toy/claims.html#verdict=contradicted")
    shown = [item.get_attribute("id") for item in browser.find_elements("css selector", "ol.claims > li") if item.is_displayed()]
    assert "fails" in shown
    assert "holds" not in shown
    browser = go("suite/toy/claims.html#holds")
    assert browser.execute_script("return document.querySelector(':target').id") == "holds"
    assert browser.find_element("css selector", "#holds .axis").get_attribute("aria-label").startswith("method-a on easy: error")
    assert len(browser.find_elements("css selector", "#holds .axis .reported")) == 1
    browser.find_element("css selector", "#holds .behind a").send_keys("\n")
    assert column(browser, "#runs", 3) == ["method-a"] * 5


def test_the_keyboard_alone_is_enough(go):
    from selenium.webdriver.common.keys import Keys

    browser = go("index.html")
    browser.find_element("tag name", "body").send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to the content"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    for _ in range(200):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        if browser.switch_to.active_element.get_attribute("class") == "sort":
            break
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.find_elements("css selector", "th[aria-sort='ascending']")


# Numbers ------------------------------------------------------------------------------------------------------------


def read(text: str) -> float:
    return float(text.lstrip("~").rstrip("×"))


def test_two_hundred_cells_say_what_the_records_say(go, results):
    """Means and medians are taken here anew, from the files."""
    groups = {}
    for path in results.glob("records/*/*/*/*.json"):
        document = json.loads(path.read_text())
        cell = document["cell"]
        environment = cell["environment"]
        place = environment["machine"] + (f"+{kind}" if (kind := environment.get("arithmetic", "native")) != "native" else "")
        groups[cell["suite"], cell["workload"], cell["scale"], place, cell["method"]] = document
    checked = 0
    for suite in sorted({key[0] for key in groups}):
        boards = sorted({key[1:4] for key in groups if key[0] == suite})
        for workload, scale, machine in random.Random(1).sample(boards, min(len(boards), 4)):
            browser = go(f"suite/{suite}/index.html#board={quote(f'{workload}/{scale}/cpu/{machine}', safe='')}")
            lines = browser.execute_script(
                "return [...document.querySelectorAll('#view tbody:not([data-fixed]) tr')]"
                ".map((r) => [...r.cells].map((c) => c.dataset.text ?? c.textContent))"
            )
            for _, method, value, _, _, seconds, _, *_ in lines:
                document = groups[suite, workload, scale, machine, method]
                runs = [run for run in document["runs"] if run["status"] == "ok"]
                metric = document["cell"]["metrics"][0]["name"]
                if not runs:
                    assert value == seconds == ""
                    continue
                assert math.isclose(read(value), statistics.fmean(run["scores"][metric] for run in runs), rel_tol=6e-4)
                assert math.isclose(read(seconds), statistics.median(run["seconds"] for run in runs), rel_tol=6e-4)
                checked += 2
    browser = go("runs.html#suite=toy&workload=easy")
    for line in browser.execute_script(
        "return [...document.querySelectorAll('#runs tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))"
    ):
        document = groups["toy", "easy", "small", "bench-1", line[3]]
        run = next(run for run in document["runs"] if run["seed"] == int(line[6]))
        assert math.isclose(read(line[9]), run["scores"]["error"], rel_tol=6e-5)
        assert math.isclose(read(line[10]), run["seconds"], rel_tol=6e-5)
        checked += 2
    assert checked >= 200


# Speed and weight ---------------------------------------------------------------------------------------------------


def test_the_first_plot_of_twenty_thousand_points_is_there_within_a_second(go, site):
    """The best of three loads, for other work on this machine is no fault of the page."""
    traces = (site / "data" / "toy.traces.js").read_text()
    data = json.loads(traces[traces.index("{") : traces.rindex("}") + 1])
    code = data["board"]["words"].index("long/small/cpu/bench-1")
    lines = [line for line, board in zip(data["seconds"], data["board"]["codes"], strict=True) if board == code]
    assert len(lines) >= 369
    assert sum(map(len, lines)) >= 20_000
    took = []
    for _ in range(3):
        browser = go("suite/toy/index.html#board=long%2Fsmall%2Fcpu%2Fbench-1")
        took.append(browser.execute_script("return performance.getEntriesByName('drawn')[0].startTime / 1000"))
    assert len(browser.find_elements("css selector", "#view path.median")) >= 14
    assert min(took) <= FIRST_PLOT


def test_a_hundred_thousand_runs_are_sorted_and_filtered_within_a_second(go, site, tmp_path):
    groups = []
    for workload in range(20):
        for method in range(50):
            cell = made.cell(f"w{workload}", f"m{method}")
            runs = [
                {
                    "seed": s,
                    "status": "ok",
                    "scores": {"error": (s * 7919 + method) % 1000 / 7},
                    "seconds": (s + method) / 9,
                    "commit": made.COMMIT,
                }
                for s in range(100)
            ]
            groups.append(store.Group(cell, runs))
    for name in ("assets", "runs.html"):
        (shutil.copytree if (site / name).is_dir() else shutil.copyfile)(site / name, tmp_path / name)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "runs.js").write_text(script("runs", run_data(groups)))
    browser = go("runs.html", folder=tmp_path)
    assert wait(browser, "return document.querySelector('#runs [role=status]').textContent") == "100,000 of 100,000 runs"
    timed = "const t = performance.now(); arguments[0].click(); document.body.offsetHeight; return (performance.now() - t) / 1000"
    for name in ("score", "method", "seconds"):
        find = "return [...document.querySelectorAll('#runs thead button')].find((b) => b.textContent === arguments[0])"
        button = browser.execute_script(find, name)
        assert min(browser.execute_script(timed, button) for _ in range(2)) <= SORT
    press(browser, "score", "#runs")
    scores = [float(text) for text in column(browser, "#runs", 9)]
    assert scores == sorted(scores)
    assert len(scores) == 100
    typed = (
        "const [box] = arguments; const t = performance.now(); box.value = '=m7'; box.dispatchEvent(new Event('input')); "
        "document.body.offsetHeight; return (performance.now() - t) / 1000"
    )
    assert browser.execute_script(typed, browser.find_element("css selector", "#runs input[name=method]")) <= SORT
    assert browser.find_element("css selector", "#runs [role=status]").text == "2,000 of 100,000 runs"
