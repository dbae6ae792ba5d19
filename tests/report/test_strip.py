import numpy as np
from playwright.sync_api import Page, expect

from tests.hand_made import explanation, several
from tests.report.pages import Open, canvas, chosen, heading, index_of, word


def small(page: Page, index: int) -> str:
    return f".small-map[data-word='{index}']"


def test_every_word_of_the_reply_has_a_small_map(open_report: Open) -> None:
    result = explanation()
    result.maps[:] = 0
    result.maps[11, 0] = 1  # bench, in the upper left corner
    page = open_report(result)
    labels = page.locator(".small-label bdi").all_inner_texts()
    assert labels == [item.text for item in result.words]
    expect(page.locator(".small-map canvas[data-drawn]")).to_have_count(len(labels))
    drawn = [canvas(page, f"{small(page, index_of(result, t))} canvas") for t in ("bench", "on")]
    difference = np.abs(drawn[0].astype(int) - drawn[1]).sum(axis=-1)
    height, width = difference.shape
    assert difference[: height // 8, : width // 8].min() > 30
    assert difference[height // 2 :, width // 2 :].max() == 0


def test_small_maps_far_away_are_drawn_when_they_come_into_sight(open_report: Open) -> None:
    page = open_report(explanation(reply=[f" w{i}" for i in range(120)]))
    last = page.locator(".small-map").last
    assert last.locator("canvas[data-drawn]").count() == 0
    last.scroll_into_view_if_needed()
    expect(last.locator("canvas[data-drawn]")).to_have_count(1)
    page.get_by_role("button", name="Show all").click()
    row = page.locator(".strip-row")
    assert row.evaluate("(e) => e.scrollWidth <= e.clientWidth + 1")


def test_the_strip_chooses_words(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    bench = index_of(result, "bench")
    page.locator(small(page, bench)).click()
    assert heading(page) == "bench"
    assert page.locator(small(page, bench)).get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowLeft")
    assert heading(page) == "a"
    page.locator(small(page, bench)).click(modifiers=["Control"])
    assert chosen(page) == ["a", "bench"]
    word(page, index_of(result, "grey")).click()
    assert page.locator(".small-map[tabindex='0']").inner_text().startswith("grey")


def test_a_word_is_shown_where_it_is_highest(open_report: Open) -> None:
    result = several()
    result.maps[:] = 0
    result.maps[11, 36 + 48 + 9 + 20 + 3] = 1  # bench: the clip's second half
    page = open_report(result)
    drawn = f"{small(page, index_of(result, 'bench'))} canvas[data-drawn]"
    assert page.locator(drawn).evaluate("(e) => [e.width, e.height]") == [56, 40]


def test_small_maps_of_pictures_of_all_sizes_stand_in_line(open_report: Open) -> None:
    result = several()
    result.maps[:] = 0
    result.maps[4, 0] = result.maps[11, 36] = 1  # in the first picture, and in the higher second
    page = open_report(result)
    heights = page.locator(".small-map canvas").evaluate_all(
        "(all) => all.map((e) => e.offsetHeight)"
    )
    assert len(set(heights)) == 1
