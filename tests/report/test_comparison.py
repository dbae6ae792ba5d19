"""Two explanations side by side: the links, the page, the command."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tam.errors import OutputError
from tam.files.storage import save_explanation
from tam.report.comparison import compare
from tam.report.links import linked_words
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
    assert page.locator(".pane-title").all_inner_texts() == ["left", "right"]
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
    path = compare(explanation(), several(), tmp_path / "both.html", labels=("one", "two"))
    html = path.read_text("utf-8")
    assert "<title>one | two – Token Activation Map</title>" in html
    with pytest.raises(OutputError, match="exists already"):
        compare(explanation(), several(), path)
    compare(explanation(), explanation(), path, force=True)
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
