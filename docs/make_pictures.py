"""Take the screenshots on the front page, from real reports in a headless Chromium.

    python docs/make_pictures.py [--model MODEL] [--prompt TEXT] [PICTURE]

Writes ``docs/words.webp``, which steps through the words of the reply, and ``docs/report.png``, a
still of the small model's report. Without arguments the first shows a bundled photograph, described
by the photo model, which ``tam get photo`` assembles.
"""

import argparse
import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import tam

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.provide_chromium import find

DOCS = Path(__file__).parent
TAM = DOCS.parent / "tam"
PHOTOGRAPH = TAM / "photo" / "pack" / "photos" / "butterfly.webp"
WINDOW = (1180, 640)
SECONDS, LAST = 0.9, 2.5
"""How long each word is shown, and how long the last one."""


@contextmanager
def opened(result: tam.Explanation, size: tuple[int, int]) -> Iterator[Page]:
    """Open the report of an explanation in a window of size (width, height)."""
    chromium = find()  # must come before sync_playwright(): find() itself may start playwright
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = result.save(Path(folder) / "out")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        page.wait_for_timeout(1000)  # the strip of maps is drawn lazily
        yield page
        browser.close()


def walk(page: Page, count: int) -> Iterator[Image.Image]:
    """Choose the last ``count`` words one after another and take a screenshot of each."""
    # Each map is stretched to its maximum, as the legend says: maps of a photograph can be pale.
    page.evaluate("document.getElementById('stretch').click()")
    words = page.locator(".word")
    for index in range(words.count() - count, words.count()):
        words.nth(index).click()
        page.mouse.move(0, 0)
        page.wait_for_timeout(400)
        yield Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def main() -> None:
    """Run the models and take the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("picture", nargs="?", default=str(PHOTOGRAPH))
    parser.add_argument("--model", default="photo")
    parser.add_argument("--prompt", default="What is in the picture?")
    given = parser.parse_args()
    result = tam.load(given.model).explain(given.picture, given.prompt)
    print(result.text)
    with opened(result, WINDOW) as page:
        first, *others = walk(page, len(result.words))
    milliseconds = [int(1000 * SECONDS)] * len(others) + [int(1000 * LAST)]
    first.save(
        DOCS / "words.webp", save_all=True, append_images=others, duration=milliseconds, loop=0,
        quality=70, method=6,
    )  # fmt: skip
    drawn = tam.load("small").explain(
        str(TAM / "scenes" / "demo.png"), "Describe this image.", stages=True, candidate_maps=4
    )
    with opened(drawn, (1280, 860)) as page:
        page.screenshot(path=DOCS / "report.png")


if __name__ == "__main__":
    main()
