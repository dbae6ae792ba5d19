"""Measures the report: its size without the pictures, and the time a browser takes to open it.

    python benchmarks/report.py [--words 200] [--pictures 4] [--candidates 0] [--stages] [--json]

The maps are smooth bumps and noise on 24 × 32 cells for each picture; the pictures are noise that
JPEG cannot compress well. A page counts as open when its script has drawn the first word. The time
is read from the page's own clock, from the start of the navigation, in a freshly started headless
Chromium; the median of several fresh pages is reported.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from tam.errors import ended_in_one_line
from tam.explanation.explanation import Explanation
from tam.media.media import Media
from tam.report import report_html

sys.path.insert(0, str(Path(__file__).parent.parent))
from benchmarks.made import COLUMNS, ROWS, made
from tests.provide_chromium import find

SCALE = 40
TIMES_OPENED = 7
# Records, by the page's own clock, when the page marks itself as ready.
WATCH = """
new MutationObserver(() => {
  if (document.documentElement?.dataset.ready) window.openedAt ??= performance.now();
}).observe(document, { attributes: true, subtree: true });
"""
SIZE_LIMIT, TIME_LIMIT = 3_000_000, 1.0


def main() -> int:
    """Run the benchmark, print the result, and fail if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--words", type=int, default=200, help="words of the reply")
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--candidates", type=int, default=0, help="candidates with maps")
    parser.add_argument("--stages", action="store_true", help="keep the stages")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    example = made(
        noisy(options.pictures), options.words, options.candidates, stages=options.stages
    )
    result = measure(example)
    print(json.dumps(result, indent=2) if options.json else told(result, options))
    # The size limit does not apply if optional content (candidates, stages) was requested.
    plain = not options.candidates and not options.stages
    small = not plain or result["bytes_beside_pictures"] <= SIZE_LIMIT
    within = small and result["opened_in"] < TIME_LIMIT
    return 0 if within else 1


def noisy(pictures: int) -> list[Media]:
    """Make pictures that JPEG cannot compress well."""
    rng = np.random.default_rng(0)
    found = []
    for index in range(pictures):
        coarse = rng.integers(0, 255, (ROWS * 4, COLUMNS * 4, 3), dtype=np.uint8)
        pixels = coarse.repeat(SCALE // 4, axis=0).repeat(SCALE // 4, axis=1)
        found.append(Media(pixels[None], np.zeros(1), f"picture {index + 1}"))
    return found


def measure(example: Explanation) -> dict[str, Any]:
    """Write the report and open it."""
    start = time.perf_counter()
    html = report_html(example)
    written = time.perf_counter() - start
    pictures = sum(len(uri) for uri in re.findall(r'"frames":\[(.*?)\]', html))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        path.write_text(html, encoding="utf-8")
        seconds = opened(path)
    return {
        "words": len(example.words),
        "pictures": len(example.media),
        "written_in": round(written, 3),
        "bytes": len(html.encode()),
        "bytes_of_pictures": pictures,
        "bytes_beside_pictures": len(html.encode()) - pictures,
        "opened_in": round(statistics.median(seconds), 3),
        "slowest": round(max(seconds), 3),
    }


def opened(path: Path) -> list[float]:
    """Return seconds from navigation until the first word is drawn, for several fresh pages."""
    seconds = []
    chromium = find()  # called before playwright starts, because it may start playwright itself
    if chromium is None:
        raise SystemExit("no chromium or chrome here; run `python tests/provide_chromium.py`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for _ in range(TIMES_OPENED):
            context = browser.new_context(offline=True, viewport={"width": 1400, "height": 900})
            page = context.new_page()
            page.add_init_script(WATCH)
            page.goto(path.as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            seconds.append(page.evaluate("window.openedAt") / 1000)
            context.close()
        browser.close()
    return seconds


def told(result: dict[str, Any], options: argparse.Namespace) -> str:
    kept = [f"{options.candidates} candidates' maps"] if options.candidates else []
    kept += ["stages"] if options.stages else []
    return "\n".join(
        (
            f"{result['words']} words, {result['pictures']} pictures"
            + (f", with {' and '.join(kept)}" if kept else ""),
            f"  size     {result['bytes'] / 1e6:.2f} MB, "
            f"{result['bytes_beside_pictures'] / 1e6:.2f} MB beside the pictures "
            f"(limit {SIZE_LIMIT / 1e6:g} MB)",
            f"  written  in {result['written_in']:.2f} s",
            f"  opened   in {result['opened_in']:.2f} s, slowest {result['slowest']:.2f} s "
            f"(limit {TIME_LIMIT:g} s)",
        )
    )


if __name__ == "__main__":
    with ended_in_one_line():
        raise SystemExit(main())
