"""Makes ``docs/report.png``, the picture at the top of the README, from a real run.

    python docs/make_report_png.py [--word TEXT]

Explains the picture that comes with the toolkit with the model that comes with it, opens the report
in a headless Chromium, chooses a word, and takes a picture of the window.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import tam

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.provide_chromium import find

ROOT = Path(__file__).parent.parent
WINDOW = {"width": 1280, "height": 860}


def main() -> None:
    """Run the model and take the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--word", help="a word of the reply; the most visual one without it")
    word = parser.parse_args().word
    result = tam.load("small").explain(
        str(ROOT / "tam" / "scenes" / "demo.png"),
        "Describe this image.",
        stages=True,
        candidate_maps=4,
    )
    print(result.text)
    chromium = find()  # before playwright runs: to look for its own download it runs it, too
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = result.save(Path(folder) / "out")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW)
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        if word:
            page.locator(".word", has_text=word).last.click()
            page.mouse.move(0, 0)
        page.wait_for_timeout(1000)  # the strip is drawn as it comes into sight
        page.screenshot(path=ROOT / "docs" / "report.png")
        browser.close()


if __name__ == "__main__":
    main()
