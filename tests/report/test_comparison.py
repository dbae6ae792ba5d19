"""Two explanations side by side: the links, the page, the command."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tam.errors import OutputError
from tam.explanation.explanation import Explanation
from tam.files.storage import load_explanation, save_explanation
from tam.report.comparison import compare
from tam.report.links import linked_words
from tam.text.printable import decimal
from tests.hand_made import explanation, several, with_stages
from tests.report.pages import HOSTILE, PHONE, Open, assert_shows, canvas


def pane_word(page: Page, pane: int, text: str) -> None:
    page.locator(".pane").nth(pane).get_by_role("button", name=text, exact=True).first.click()


def headings(page: Page) -> list[str]:
    return page.locator(".chosen-word").all_inner_texts()


@pytest.mark.parametrize(
    ("first", "second", "links"),
    [
        ("a red dog", "a red dog", [0, 1, 2]),
        ("a dog", "A big dog", [0, 2]),
        ("a cat", "a dog", [0, -1]),
        ("red dog and blue cat", "blue cat and red dog", [3, 4, 2, 0, 1]),
        ("the dog saw the cat", "the cat saw the dog", [3, 4, 2, 0, 1]),
    ],
)
def test_the_same_words_are_linked(first: str, second: str, links: list[int]) -> None:
    a, b = (explanation(prompt=("Why",), reply=text.split()) for text in (first, second))
    forward, backward = linked_words(a, b)
    assert forward == [0, *(link if link < 0 else link + 1 for link in links)]
    for index, link in enumerate(forward):
        assert link < 0 or backward[link] >= 0, index


def test_prompts_are_linked_with_prompts() -> None:
    a = explanation(prompt=("dog", "?"), reply=("cat",))
    b = explanation(prompt=("cat", "?"), reply=("dog",))
    assert linked_words(a, b) == ([-1, 1, -1], [-1, 1, -1])


def test_a_choice_is_followed_by_the_other(open_report: Open) -> None:
    first, second = explanation(), explanation(reply=(" A", " bench", " on", " grey"), seed=1)
    page = open_report(first, second)
    assert page.locator(".pane-title bdi").all_inner_texts() == ["left", "right"]
    pane_word(page, 0, "bench")
    assert headings(page) == ["bench", "bench"]
    left, right = (f".pane:nth-child({number}) .heat[data-media='0']" for number in (1, 2))
    assert_shows(canvas(page, left), first.words[5].map(0))
    assert_shows(canvas(page, right), second.words[1].map(0))
    pane_word(page, 1, "grey")
    assert headings(page) == ["grey", "grey"]
    page.locator(".pane").nth(0).locator(".word", has_text="on").first.hover()
    assert_shows(canvas(page, right), second.words[2].map(0))
    assert page.locator(".mark").count() == 2


def test_a_word_that_the_other_does_not_say(open_report: Open) -> None:
    page = open_report(explanation(), explanation(reply=(" A", " dog")))
    pane_word(page, 0, "bench")
    assert headings(page) == ["bench"]
    expect(page.locator(".facts").nth(1)).to_contain_text("“bench” is not said here.")
    assert canvas(page, ".pane:nth-child(2) .heat")[..., 3].max() == 0


def test_each_side_compares_its_own_candidates(open_report: Open) -> None:
    page = open_report(with_stages(explanation()), with_stages(several()))
    pane_word(page, 0, "bench")
    page.locator(".pane").nth(1).locator("[data-rank='1']").click()
    expect(page.locator(".pane").nth(1).locator(".verdict")).to_be_visible()
    assert page.locator(".pane").nth(0).locator(".verdict").count() == 0


@pytest.mark.parametrize("options", [{}, PHONE], ids=["wide", "phone"])
def test_hostile_labels_and_words_stay_text(open_report: Open, options: dict[str, object]) -> None:
    hostile = explanation(reply=HOSTILE)
    page = open_report(hostile, hostile, labels=(HOSTILE[0], HOSTILE[8]), **options)
    assert page.locator(".pane-title").first.inner_text() == HOSTILE[0]
    assert page.locator("main img").count() == 2
    assert page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


def test_a_comparison_is_written_and_not_replaced(tmp_path: Path) -> None:
    path = compare([explanation(), several()], tmp_path / "both.html", labels=("one", "two"))
    html = path.read_text("utf-8")
    assert "<title>one | two – Token Activation Map</title>" in html
    with pytest.raises(OutputError, match="exists already"):
        compare([explanation(), several()], path, labels=("one", "two"))
    compare([explanation()] * 2, path, labels=("one", "two"), force=True)
    assert path.read_text("utf-8") != html
    assert [item.name for item in tmp_path.iterdir()] == ["both.html"]


def test_the_command_without_torch(tmp_path: Path) -> None:
    """What is saved is compared and reported where neither torch nor transformers is there."""
    example = with_stages(explanation())
    other = replace(example, provenance={"model": "other/model", "method": {"name": "tam"}})
    for name, item in (("a", example), ("b", other)):
        (tmp_path / name).mkdir()
        save_explanation(item, tmp_path / name)
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from tam.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "compare", "a", "b", "--out", "c.html"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    size, path = done.stdout.splitlines()
    assert size == f"Report, {(tmp_path / 'c.html').stat().st_size / 1e6:.2f} MB:"
    assert Path(path) == (tmp_path / "c.html").resolve()
    html = (tmp_path / "c.html").read_text("utf-8")
    assert "a · hand/made" in html
    assert "b · other/model · tam" in html


def three() -> list[Explanation]:
    """One reply explained three times: the second half like the first, the third unlike it."""
    first = explanation()
    rng = np.random.default_rng(3)
    noise = rng.random(first.maps.shape, dtype=np.float32)
    return [
        first,
        *(replace(first, maps=(1 - part) * first.maps + part * noise) for part in (0.5, 1)),
    ]


def test_three_side_by_side_with_their_correlation_and_difference(
    browser: Browser, tmp_path: Path
) -> None:
    results = three()
    page = browser.new_page(viewport={"width": 1500, "height": 900}, offline=True)
    path = compare(results, tmp_path / "three.html", labels=("a", "b", "c"))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    pane_word(page, 1, "bench")
    assert headings(page) == ["bench"] * 3
    maps = [item.words[5].cells() for item in results]
    told = page.locator(".alike").all_inner_texts()
    assert told == [
        "",
        *(f"correlation with a: {decimal(float(np.corrcoef(maps[0], m)[0, 1]))}" for m in maps[1:]),
    ]
    page.locator("summary", has_text="Display").click()
    page.get_by_label("Difference from the first").check()
    drawn = canvas(page, ".pane:nth-child(3) .heat")
    wanted = results[2].words[5].map(0) - results[0].words[5].map(0)
    height, width = wanted.shape
    drawn = drawn[:height, :width].astype(int)
    more, less = wanted > 0.4, wanted < -0.4
    assert (drawn[..., 0] > drawn[..., 2])[more].all(), "orange where there is more"
    assert (drawn[..., 2] > drawn[..., 0])[less].all(), "blue where there is less"
    assert page.locator(".heat").count() == 3
    page.close()


def test_a_switch_between_the_methods_of_one_folder(browser: Browser, tmp_path: Path) -> None:
    first, second, _ = three()
    first = replace(first, provenance={**first.provenance, "method": {"name": "tam"}})
    report = first.save(tmp_path / "out", others={"attention": second})
    assert load_explanation(tmp_path / "out" / "methods" / "attention").text == first.text
    assert first.save(tmp_path / "out", others={"raw": second}, force=True) == report
    assert [item.name for item in (tmp_path / "out" / "methods").iterdir()] == ["raw"]
    page = browser.new_page(viewport={"width": 1280, "height": 860}, offline=True)
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.content().count("data:image/jpeg") + page.content().count("data:image/png") < 12
    shown = page.locator(".pane:not([hidden])")
    shown.locator(".word", has_text="bench").click()
    assert_shows(canvas(page, ".pane:not([hidden]) .heat"), first.words[5].map(0))
    page.get_by_role("button", name="raw", exact=True).click()
    assert shown.locator(".chosen-word").inner_text() == "bench"
    assert_shows(canvas(page, ".pane:not([hidden]) .heat"), second.words[5].map(0))
    expect(page.locator("#ramp")).to_be_visible()
    page.get_by_role("button", name="side by side").click()
    expect(shown).to_have_count(2)
    expect(page).to_have_url(re.compile("beside=1"))
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    expect(shown).to_have_count(2)
    page.close()
