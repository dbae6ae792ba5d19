"""The page over many reports."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tam.cli import run
from tests.hand_made import explanation, picture, with_grounding
from tests.report.pages import HOSTILE


def filled(folder: Path) -> Path:
    """Three explanations as a chat leaves them, one damaged, and one of hostile words."""
    first = explanation()
    first.save(folder / "talk" / "reply-1")
    other = {**first.provenance, "model": "other/model"}
    with_grounding(explanation(reply=(" A", " red", " cat")), (0.9, 0.1)).save(
        folder / "talk" / "reply-2"
    )
    hostile = explanation([picture(name=HOSTILE[0])], reply=HOSTILE, prompt=HOSTILE)
    replace(hostile, provenance=other).save(folder / "it's #1: <b>", others={"raw": first})
    (folder / "broken").mkdir()
    for name in ("explanation.json", "report.html"):
        (folder / "broken" / name).write_text("{}")
    return folder


def test_the_gallery_leads_to_every_report(
    tmp_path: Path, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = filled(tmp_path / "all")
    assert run(["gallery", str(folder)]) == 0
    assert "left out: " in capsys.readouterr().err
    assert run(["gallery", str(folder)]) == 2
    assert "--force" in capsys.readouterr().err
    assert run(["gallery", str(folder), "--force"]) == 0
    page = browser.new_page(viewport={"width": 1280, "height": 860}, offline=True)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto((folder / "gallery.html").as_uri())
    cards = page.locator(".card")
    expect(cards).to_have_count(3)
    assert page.locator(".card-name").all_inner_texts() == [
        "it's #1: <b>",
        "talk/reply-1",
        "talk/reply-2",
    ]
    page.get_by_label("Search").fill("red cat")
    expect(cards).to_have_count(1)
    expect(page.locator("#count")).to_have_text("1 of 3")
    page.get_by_label("Search").fill("")
    page.get_by_label("Model").select_option("other/model")
    expect(page.locator(".card-name")).to_have_text(["it's #1: <b>"])
    page.get_by_label("Model").select_option("")
    page.get_by_label("With doubted words").check()
    expect(page.locator(".card-name")).to_have_text(["talk/reply-2"])
    page.get_by_label("With doubted words").uncheck()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.locator(".card a").first.click()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert "Token Activation Map" in page.title()
    assert HOSTILE[0] in page.locator(".pane:not([hidden]) .text").last.inner_text()
    assert said == []
    page.close()


def test_a_thousand_reports_open_at_once(tmp_path: Path, browser: Browser) -> None:
    from tam.report.gallery import gallery_html

    original = explanation([picture(480, 640)]).save(tmp_path / "0").parent
    item = gallery_html(tmp_path, tmp_path)
    assert item.count("data:image/") == 1
    for index in range(1, 40):
        shutil.copytree(original, tmp_path / str(index))
    html = gallery_html(tmp_path, tmp_path)
    start, end = html.index('"items":[') + 9, html.rindex("]}</script>")
    rows = html[start:end]
    many = ",".join([rows] * 25)
    (tmp_path / "many.html").write_text(html[:start] + many + html[end:], "utf-8")
    page = browser.new_page(offline=True)
    page.goto((tmp_path / "many.html").as_uri())
    expect(page.locator("#count")).to_have_text("1000 of 1000")
    assert page.locator(".card").count() < 200
    page.mouse.wheel(0, 20_000)
    page.wait_for_timeout(200)
    assert page.locator(".card").count() > 48
    page.close()


def test_a_folder_without_reports_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["gallery", str(tmp_path)]) == 2
    assert "holds no explanation" in capsys.readouterr().err
    assert run(["gallery", str(tmp_path / "none")]) == 2
    assert "is not a folder" in capsys.readouterr().err
