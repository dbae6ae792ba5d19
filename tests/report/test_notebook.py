import html
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tam.render import word_image
from tam.report.notebook import notebook_html, notebook_png
from tests.hand_made import explanation, picture, several

# What front ends put around an output: nothing; VS Code's policy; Colab's frame without an origin.
PLAIN = "<!doctype html><title>notebook</title><div>{}</div>"
VSCODE = (
    "<!doctype html><title>notebook</title><meta http-equiv='Content-Security-Policy' content=\""
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
    '"><div id="output"></div>'
    "<script>document.getElementById('output').innerHTML = {}</script>"
)
COLAB = "<!doctype html><title>notebook</title><iframe sandbox='allow-scripts' srcdoc=\"{}\">"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(offline=True, viewport={"width": 1000, "height": 900})
    opened = context.new_page()
    messages: list[str] = []
    requests: list[str] = []
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.on("request", lambda request: requests.append(request.url))
    yield opened
    context.close()
    assert messages == []
    assert [url for url in requests if not url.startswith(("data:", "file:"))] == []


def assert_works(frame: FrameLocator) -> None:
    frame.locator("html[data-ready]").wait_for(state="attached", timeout=20_000)
    for text in ("bench", "grey"):
        frame.get_by_text(text, exact=True).first.click()
        expect(frame.locator(".chosen-word")).to_have_text(text)


@pytest.mark.parametrize("host", ["plain", "vscode", "colab"])
def test_the_viewer_works_inside_any_front_end(host: str, page: Page, tmp_path: Path) -> None:
    fragment = notebook_html(explanation())
    if host == "vscode":
        document = VSCODE.format(json.dumps(fragment).replace("</", "<\\/"))
    elif host == "colab":
        document = COLAB.format(html.escape(fragment))
    else:
        document = PLAIN.format(fragment)
    path = tmp_path / "notebook.html"
    path.write_text(document, "utf-8")
    page.goto(path.as_uri())
    outer: Any = page.frame_locator("iframe") if host == "colab" else page
    assert_works(outer.frame_locator("iframe"))


def test_the_viewer_cannot_reach_the_notebook(page: Page, tmp_path: Path) -> None:
    (tmp_path / "notebook.html").write_text(PLAIN.format(notebook_html(explanation())), "utf-8")
    page.goto((tmp_path / "notebook.html").as_uri())
    page.frame_locator("iframe").locator("html[data-ready]").wait_for(state="attached")
    frame = page.frames[1]
    assert frame.evaluate("window.origin") == "null"
    reach = "() => { try { return parent.document.title } catch (error) { return error.name } }"
    assert frame.evaluate(reach) == "SecurityError"


HOSTILE = ("</iframe><script>alert(1)</script>", '" onload="alert(1)', "&quot;", "\ud800", "\x00")


def test_hostile_words_stay_inside_the_frame(page: Page, tmp_path: Path) -> None:
    result = explanation([picture(name=HOSTILE[0])], prompt=HOSTILE, reply=HOSTILE)
    fragment = notebook_html(result)
    assert fragment.count("<") == 2  # the frame's begin and end
    (tmp_path / "notebook.html").write_text(PLAIN.format(fragment), "utf-8")
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.goto((tmp_path / "notebook.html").as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready]").wait_for(state="attached")
    assert page.locator("script, iframe").count() == 1
    expect(frame.get_by_text(HOSTILE[0], exact=True).first).to_be_visible()


def test_where_frames_are_dropped_the_reply_is_left() -> None:
    fragment = notebook_html(explanation())
    content = fragment.split(">", 1)[1].removesuffix("</iframe>")
    assert content.startswith("A grey greyhound on a bench. (Trust")


def test_the_size_is_that_of_a_small_picture() -> None:
    large = notebook_html(explanation([picture(2400, 3200)]))
    assert len(large) < 600_000
    assert len(large) < 1.5 * len(notebook_html(explanation([picture(600, 800)])))


def test_a_word_is_its_map_over_the_picture() -> None:
    result = explanation()
    data = result.words[2]._repr_png_()
    assert data is not None
    with Image.open(io.BytesIO(data)) as shown:
        np.testing.assert_array_equal(np.asarray(shown), word_image(result.words[2]))
    many = notebook_png(several().words[0])
    assert many is not None
    assert notebook_png(explanation([], [], reply=("x",)).words[0]) is None


def test_the_plain_form_is_one_short_line() -> None:
    result = explanation(reply=[" word"] * 500)
    assert repr(result) == "<Explanation of 500 words: ' word word w...ord word word'>"
    assert repr(result.words[0]) == "<Word 'word'>"
    assert result._repr_html_() == notebook_html(result)
