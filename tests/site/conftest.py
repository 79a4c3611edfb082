from __future__ import annotations

import shutil
from pathlib import Path

import made
import pytest

from optathlon import store
from optathlon.show.site import publish

REPO = Path(__file__).parents[2]
SAMPLE = ("gans/ring-small", "random_features")  # real records, where there are any


@pytest.fixture(scope="session")
def results(tmp_path_factory) -> Path:
    """Return a repository's results folder with made-up records and a sample of the real ones."""
    repository = tmp_path_factory.mktemp("repository")
    results = repository / "results"
    for group in store.to_groups(made.records()):
        path = store.path_of(results, group.cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        store.save(results, store.to_records(group)[0])  # one by the front door, all at once by hand: it is what takes long
        _write(path, group)
    for machine in (REPO / "results" / "records").glob("*"):
        for place in SAMPLE:
            for path in sorted((machine / place).rglob("*.json"))[:40]:
                target = results / path.relative_to(REPO / "results")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    for name in ("docs", "CONTRIBUTING.md"):
        source = REPO / name
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, repository / name)
    return results


def _write(path: Path, group: store.Group) -> None:
    import orjson

    document = orjson.loads(path.read_bytes())
    document["runs"] = [orjson.loads(orjson.dumps(run)) for run in group.runs]
    path.write_bytes(orjson.dumps(document))


@pytest.fixture(scope="session")
def material(results):
    return made.material(results)


@pytest.fixture(scope="session")
def site(material, tmp_path_factory) -> Path:
    """Return the site of the made-up repository, without what other tools write."""
    target = tmp_path_factory.mktemp("site") / "html"
    assert publish(material, target, asv=False, api=False) == target / "index.html"
    return target


@pytest.fixture(scope="session")
def browser():
    """Return a headless Chromium or Chrome that logs what it asks for; Debian's packages are chromium and chromium-driver."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield found
    found.quit()
