"""Files that the page offers, the page on paper, and what axe-core finds."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from tam.render.table import words_csv
from tests.hand_made import explanation, several, with_grounding, with_stages
from tests.report.pages import PHONE, Open, index_of, word


def downloaded(page: Page, name: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name, exact=True).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_the_view_and_the_numbers_are_taken_away(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    page.locator("summary", has_text="Download").click()
    name, content = downloaded(page, "picture with its map as PNG")
    assert name == "bench-picture.png"
    drawn = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert drawn.shape == result.media[0].frames[0].shape
    name, content = downloaded(page, "picture with its map as SVG")
    assert name == "bench-picture.svg"
    svg = ET.fromstring(content)
    assert svg.get("viewBox") == "0 0 64 48"
    assert [part.get("id") for part in svg if part.tag.endswith("image")] == ["picture", "map"]
    name, content = downloaded(page, "Figures of all words as CSV")
    assert (name, content.decode("utf-8-sig")) == ("words.csv", words_csv(result))
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert rows[5]["word"] == "bench"
    name, content = downloaded(page, "Figures of all words as JSON")
    told = json.loads(content)
    assert told["chosen"]["visual"] == result.words[5].visual
    assert [item["visual"] for item in told["words"] if item["reply"]] == [
        item.visual for item in result.words
    ]


def test_on_paper_every_small_map_is_drawn(open_report: Open) -> None:
    page = open_report(explanation(reply=[f" w{i}" for i in range(120)]))
    expect(page.locator(".small-map canvas[data-drawn]").first).to_be_attached()
    assert page.locator(".small-map canvas[data-drawn]").count() < 120
    assert page.pdf()[:5] == b"%PDF-"
    assert page.locator(".small-map canvas[data-drawn]").count() == 120
    page.emulate_media(media="print")
    expect(page.locator(".controls")).to_be_hidden()
    expect(page.locator(".facts")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_report: Open, theme: str) -> None:
    result = with_grounding(with_stages(several()), (0.9, 0.2))
    page = open_report(result, color_scheme=theme)
    page.locator("summary", has_text="Display").click()
    for view in ("Maps", "Table", "Relevance"):
        page.get_by_role("button", name=view, exact=True).click()
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_axe_finds_nothing_on_a_phone(open_report: Open) -> None:
    page = open_report(explanation(), **PHONE)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
