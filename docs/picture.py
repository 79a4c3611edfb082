"""Take the README's picture, docs/leaderboard.png, of a suite's page in a published site: `python docs/picture.py`."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

HERE = Path(__file__).parent
SIZE = {"width": 1280, "height": 1120, "deviceScaleFactor": 1, "mobile": False}


def take(page: Path, address: str, target: Path) -> None:
    """Draw a page in a headless Chromium and write what is seen of it."""
    from selenium import webdriver
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
        browser.get(page.resolve().as_uri() + address)
        WebDriverWait(browser, 30).until(lambda one: one.execute_script("return document.querySelector('#boards').dataset.drawn"))
        browser.save_screenshot(str(target))
    finally:
        browser.quit()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--html", type=Path, default=HERE.parent / "html", help="folder of the site")
    parser.add_argument("--suite", default="binary_regression")
    parser.add_argument(
        "--board",
        default="gaussian-30x60-sigma0.6%2Fsmall%2Fcpu%2Fintel-xeon-f6m167-skylakex-2c",
        help="workload/scale/device/machine",
    )
    asked = parser.parse_args()
    take(asked.html / "suite" / asked.suite / "index.html", f"#board={asked.board}", HERE / "leaderboard.png")
