import numpy as np
from playwright.sync_api import Page

from tam.explanation.explanation import Explanation
from tests.hand_made import explanation, several
from tests.report.pages import PHONE, Open, at, heading, index_of, told, word


def pointed(result: Explanation, cells: dict[str, int]) -> Explanation:
    """Return each named word one cell of evidence, and the others none."""
    result.maps[:] = 0
    for text, cell in cells.items():
        for item in result.words:
            if item.text == text:
                result.maps[list(item.targets), cell] = 0.8 if text == "bench" else 0.6
    return result


def found(page: Page) -> list[str]:
    return page.locator(".region-words .chip:not(.lower)").all_inner_texts()


def test_a_click_lists_the_words_whose_evidence_lies_there(open_report: Open) -> None:
    result = pointed(explanation(), {"grey": 9, "bench": 9, "on": 40})
    page = open_report(result)
    page.mouse.click(*at(page, 8 + 4, 8 + 4))  # the second cell of the second row
    assert found(page) == ["bench≈ 0.70", "grey≈ 0.53"]
    assert page.locator(".word.here").all_inner_texts() == ["grey", "bench"]
    assert told(page) == "Here: bench ≈ 0.70, grey ≈ 0.53."
    page.locator(".region-words .chip").nth(1).click()
    assert heading(page) == "grey"
    page.mouse.click(*at(page, 12, 12))  # the same cell again leaves it
    assert page.locator(".region-words").is_hidden()
    assert page.locator(".word.here").count() == 0


def test_dragging_frames_a_region(open_report: Open) -> None:
    result = pointed(explanation(), {"grey": 9, "bench": 18, "on": 47})
    page = open_report(result)
    page.mouse.move(*at(page, 30, 23))
    page.mouse.down()
    page.mouse.move(*at(page, 9, 9), steps=3)
    page.mouse.up()
    assert found(page) == ["bench≈ 0.70", "grey≈ 0.53"]
    region = page.locator(".region")
    edges = [float(region.get_attribute(name) or 0) for name in ("x", "y", "width", "height")]
    np.testing.assert_allclose(edges, [9, 9, 21, 14], atol=0.5)
    same = [item.text for item in result.words_for((9, 9, 30, 23))]
    assert same == ["bench", "grey"]
    page.get_by_role("button", name="Close the region").click()
    assert page.locator(".region").count() == 0


def test_the_words_of_a_region_are_those_that_python_finds(open_report: Open) -> None:
    result = explanation()
    result.maps[:] = (result.maps**3 * 255).round() / 255  # few words are high in few cells
    page = open_report(result)
    counts = set()
    for x0, y0, x1, y1 in ((4, 4, 20, 20), (24, 2, 36, 14), (34, 26, 62, 46), (2, 30, 10, 38)):
        page.mouse.move(*at(page, x0, y0))
        page.mouse.down()
        page.mouse.move(*at(page, x1, y1), steps=3)
        page.mouse.up()
        expected = [word.text for word in result.words_for((x0, y0, x1, y1))]
        shown = page.locator(".region-words .chip:not(.lower)").evaluate_all(
            "(chips) => chips.map((chip) => chip.firstChild.textContent)"
        )
        assert shown == expected
        counts.add(len(expected))
    assert len(counts) > 1


def test_a_region_is_moved_and_grown_with_the_keyboard(open_report: Open) -> None:
    result = pointed(explanation(), {"grey": 3 * 8 + 4, "bench": 3 * 8 + 5, "on": 2 * 8 + 5})
    page = open_report(result)
    page.locator(".frame").focus()
    page.keyboard.press("ArrowRight")  # begins in the middle
    assert found(page) == ["grey≈ 0.53"]
    page.keyboard.press("ArrowRight")
    assert found(page) == ["bench≈ 0.70"]
    page.keyboard.press("ArrowUp")
    assert found(page) == ["on≈ 0.53"]
    page.keyboard.press("Shift+ArrowDown")
    assert found(page) == ["bench≈ 0.70", "on≈ 0.53"]
    page.keyboard.press("Escape")
    assert page.locator(".region-words").is_hidden()


def test_a_tap_asks_too(open_report: Open) -> None:
    result = pointed(explanation(), {"grey": 9})
    page = open_report(result, **PHONE)
    page.touchscreen.tap(*at(page, 12, 12))
    assert found(page) == ["grey≈ 0.53"]


def test_where_no_word_has_its_evidence(open_report: Open) -> None:
    page = open_report(pointed(explanation(), {"grey": 9}))
    page.mouse.click(*at(page, 50, 40))
    assert "No word of the reply is highest here." in page.locator(".region-words").inner_text()
    assert page.locator(".region-words .chip").count() == 0


def test_a_region_where_no_word_is_highest_tells_the_strongest_there(open_report: Open) -> None:
    result = pointed(explanation(), {"grey": 9, "bench": 9})
    for item in result.words:
        if item.text in ("grey", "bench"):
            result.maps[list(item.targets), 40] = 0.3
    page = open_report(result)
    page.mouse.click(*at(page, 4, 44))
    assert found(page) == []
    assert "higher elsewhere" in page.locator(".region-words").inner_text()
    lower = page.locator(".region-words .chip")
    assert sorted(lower.all_inner_texts()) == ["bench≈ 0.30", "grey≈ 0.30"]
    assert told(page).startswith("No word is highest here. Strongest: ")
    lower.last.click()
    assert heading(page) in ("bench", "grey")


def test_of_a_clip_the_shown_frame_is_asked(open_report: Open) -> None:
    result = pointed(several(), {"grey": 36 + 48 + 9, "bench": 36 + 48 + 9 + 20})
    page = open_report(result)
    word(page, index_of(result, "on")).click()
    page.locator(".scrub").fill("0")
    clip = page.locator(".frame").nth(2)
    clip.click(position={"x": 2, "y": 2})
    assert found(page) == ["grey≈ 0.60"]
    page.locator(".scrub").fill("3")
    assert found(page) == ["bench≈ 0.80"]
