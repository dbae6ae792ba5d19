"""The state in the address, and text that is selected, copied and explained as a phrase."""

import re

from playwright.sync_api import Page, expect

from tests.hand_made import explanation, several, with_stages
from tests.report.pages import (
    Open,
    assert_shows,
    at,
    canvas,
    chosen,
    heading,
    index_of,
    word,
)


def test_what_is_shown_is_there_again_after_a_reload(open_report: Open) -> None:
    result = with_stages(several())
    page = open_report(result)
    word(page, index_of(result, "grey")).click()
    word(page, index_of(result, "bench")).click(modifiers=["Control"])
    page.locator("#colors").evaluate(
        "(e) => { e.value = 'viridis'; e.dispatchEvent(new Event('change')); }"
    )
    page.get_by_role("button", name="after causal step").click()
    page.locator(".scrub").fill("3")
    page.locator(".frame").first.focus()
    page.keyboard.press("+")
    page.mouse.click(*at(page, 30, 20))
    page.get_by_role("button", name="Table", exact=True).click()
    expect(page).to_have_url(re.compile("panel=table"))
    before = page.url
    asked = before.split("#")[1].split("&")
    assert "word=1,5" in asked
    assert "frame=2,3" in asked
    drawn = canvas(page)
    region = page.locator(".region").first.get_attribute("x")
    page.goto("about:blank")
    page.goto(before)
    page.wait_for_selector("html[data-ready]", state="attached")
    assert chosen(page) == ["grey", "bench"]
    assert page.locator("#colors").input_value() == "viridis"
    assert (canvas(page) == drawn).all()
    assert page.locator(".region").first.get_attribute("x") == region
    assert page.locator(".scrub").input_value() == "3"
    assert page.locator(".zoomed output").first.inner_text() == "125 %"
    expect(page.locator("table")).to_be_visible()
    page.wait_for_timeout(300)
    assert page.url == before
    page.evaluate("location.hash = 'word=3'")
    expect(page.locator(".chosen-word")).to_have_text("on")
    page.evaluate("location.hash = 'word=99,x&panel=%3Cb%3E&zoom=7,1;;&region=0,1'")
    page.wait_for_timeout(200)
    assert heading(page) == "on", "what is not there changes nothing"


def drag(page: Page, first: int, last: int, inside: float) -> None:
    """Drag from a place in one word to the end of another; ``inside`` is in pixels."""
    begin, end = word(page, first).bounding_box(), word(page, last).bounding_box()
    assert begin
    assert end
    page.mouse.move(begin["x"] + inside, begin["y"] + begin["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"] - 2, end["y"] + end["height"] / 2, steps=6)
    page.mouse.up()


def test_dragging_over_text_takes_a_phrase_and_selects_the_text(open_report: Open) -> None:
    result = explanation()
    result.maps[:] = 0.3 + 0.7 * result.maps  # near zero the logarithm sees the grey levels
    page = open_report(result)
    first, last = index_of(result, "grey"), index_of(result, "on")
    for inside in (1.5, 20):  # within the first letter, and behind it
        page.mouse.click(5, 5)
        word(page, index_of(result, "bench")).click()
        drag(page, first, last, inside)
        assert chosen(page) == ["grey", "greyhound", "on"]
        assert_shows(canvas(page), result.phrase("grey greyhound on").map(0))
        said: str = page.evaluate("getSelection().toString()")
        assert "greyhound on" in said
    drag(page, first, last, 1.5)
    assert page.evaluate("getSelection().toString()") == "grey greyhound on"
    page.mouse.click(5, 5)
    word(page, index_of(result, "bench")).click()
    assert chosen(page) == ["bench"]
