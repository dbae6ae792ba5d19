from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tam.explanation.explanation import Explanation
from tam.geometry.layout import VisionGrid
from tests.hand_made import explanation, grid, picture, several, with_stages, with_unread
from tests.report.pages import (
    HOSTILE,
    PHONE,
    Open,
    heading,
    index_of,
    word,
)


def test_the_conversation_reads_as_it_was(open_report: Open) -> None:
    page = open_report(explanation())
    texts = page.locator(".text").all_inner_texts()
    assert texts == ["What is here?", "A grey greyhound on a bench."]
    roles = page.locator(".role").all_inner_texts()
    assert roles == ["User · turn 1 dog.png", "Assistant · turn 2"]
    assert page.title() == "A grey greyhound on a bench. – Token Activation Map"


def test_what_the_model_did_not_read_is_told_and_a_cut_reply_says_so(open_report: Open) -> None:
    page = open_report(with_unread(explanation(), "<b>Hm</b>, a dog?", "so " * 200))
    texts = page.locator(".text").all_inner_texts()
    assert " ".join(texts[0].split()) == (
        "3 words not read by the model <b>Hm</b>, a dog? What 200 words not read by the model "
        "is here?"
    )
    assert texts[1] == "A grey greyhound on a bench. … (cut at its limit)"
    page.locator(".dropped summary").last.click()
    assert "so so so" in page.locator(".text").first.inner_text()


def test_light_and_dark(open_report: Open) -> None:
    def ground(page: Page) -> int:
        value: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in value[4:-1].split(","))

    light = open_report(explanation(), color_scheme="light")
    dark = open_report(explanation(), color_scheme="dark")
    assert ground(light) > 600 > 150 > ground(dark)
    dark.get_by_role("button", name="Theme: dark").click()
    assert ground(dark) == ground(light)
    light.get_by_role("button", name="Theme: light").click()
    assert ground(light) < 150
    expect(light.get_by_role("button", name="Theme: dark")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_report: Open, theme: str) -> None:
    page = open_report(explanation(), color_scheme=theme)

    def luminance(name: str) -> float:
        value = page.evaluate(
            f"getComputedStyle(document.documentElement).getPropertyValue('{name}')"
        )
        channels = np.array(list(bytes.fromhex(value.strip().lstrip("#")))) / 255
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for text in ("--ink", "--soft"):
        for ground in ("--paper", "--card"):
            low, high = sorted((luminance(text), luminance(ground)))
            assert (high + 0.05) / (low + 0.05) > 4.5


@pytest.mark.parametrize("options", [{}, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("result", [several(), explanation(reply=HOSTILE)], ids=["many", "hostile"])
def test_nothing_reaches_beyond_the_window(
    open_report: Open, result: Explanation, options: dict[str, Any]
) -> None:
    page = open_report(result, **options)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    outside = page.locator("main *").evaluate_all(
        """(all) => all.filter((e) => e.getBoundingClientRect().right > innerWidth + 1
             && !e.closest(".ramp, .strip-row, .lines")).map((e) => e.className)"""
    )
    assert outside == []


@pytest.mark.parametrize("options", [{}, PHONE], ids=["wide", "phone"])
def test_the_name_of_the_model_is_not_cut_off(open_report: Open, options: dict[str, Any]) -> None:
    result = several()
    named = {**result.provenance, "model": "organization/A-Model-2.5-VL-7B-Instruct"}
    name = open_report(replace(result, provenance=named), **options).locator("#model")
    assert "7B-Instruct" in name.inner_text()
    assert name.evaluate("(e) => e.scrollWidth <= e.clientWidth")


@pytest.mark.parametrize("height", [720, 900])
def test_the_legend_and_the_controls_stay_beside_a_long_reply(
    open_report: Open, height: int
) -> None:
    media = [picture(600, 900)]
    result = explanation(media, reply=[f" word{i}" for i in range(240)])
    page = open_report(result, viewport={"width": 1280, "height": height})
    for part in (".legend", ".controls", ".keys"):
        box = page.locator(part).bounding_box()
        assert box
        assert box["y"] + box["height"] <= height


@pytest.mark.parametrize("options", [{}, PHONE], ids=["wide", "phone"])
def test_what_is_pressed_is_large_enough(open_report: Open, options: dict[str, Any]) -> None:
    page = open_report(with_stages(several()), **options)
    page.locator("summary", has_text="Display").click()
    page.locator("#cells").check()
    pressed = "button, .check" if options else "button.line, .stages button, .chip"
    heights = page.locator(pressed).evaluate_all(
        "(all) => all.filter((e) => e.checkVisibility())"
        ".map((e) => e.getBoundingClientRect().height)"
    )
    assert len(heights) > 8
    assert min(heights) >= (34 if options else 24)


def test_everything_that_is_pressed_has_a_name(open_report: Open) -> None:
    page = open_report(explanation(reply=tuple(f" {text}" for text in (*HOSTILE, "\u200b"))))
    names = page.locator("[role=button], button").evaluate_all(
        "(all) => all.map((e) => (e.getAttribute('aria-label') ?? e.textContent).trim())"
    )
    assert all(name.strip("\u2028\u200b") for name in names)
    labels = page.locator(".word[aria-label]").evaluate_all(
        "(all) => all.map((e) => e.getAttribute('aria-label'))"
    )
    assert labels == ["U+0020 U+2028", "U+200B"]
    page.locator(".word[aria-label='U+200B']").focus()
    assert heading(page) == "U+200B"
    assert page.locator(".small-map[aria-pressed=true] bdi").inner_text() == "U+200B"


def test_escape_closes_the_display_options(open_report: Open) -> None:
    page = open_report(explanation())
    page.locator("summary", has_text="Display").click()
    page.locator("#smooth").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#smooth")).to_be_hidden()
    expect(page.locator("summary", has_text="Display")).to_be_focused()


@pytest.mark.promise("app", "a reply without words", "the page says so")
def test_a_reply_without_words_says_so(open_report: Open) -> None:
    page = open_report(explanation(reply=()))
    expect(page.get_by_text("The reply has no words.")).to_be_visible()
    assert page.locator(".strip-row").count() == 0


def test_tapping_on_a_phone(open_report: Open) -> None:
    result = explanation()
    page = open_report(result, **PHONE)
    word(page, index_of(result, "bench")).tap()
    assert heading(page) == "bench"
    page.get_by_role("button", name="Next word").tap()
    assert heading(page) == "."
    page.get_by_role("button", name="Previous word").tap()
    assert heading(page) == "bench"
    image = page.locator("img").bounding_box()
    assert image
    assert image["y"] >= 0  # still in sight


@pytest.mark.promise(
    "hostile words", "markup in prompts, replies and names", "shown as text on the page"
)
def test_hostile_text_is_shown_as_text(open_report: Open) -> None:
    result = explanation(
        [picture(name=HOSTILE[0])], reply=HOSTILE, prompt=HOSTILE[:2], notes=HOSTILE[:1]
    )
    page = open_report(result)
    assert page.locator("main img").count() == 1
    assert page.locator("b", has_text="bold").count() == 0
    assert HOSTILE[0] in page.locator(".text").nth(1).inner_text()
    assert page.locator(".notes").inner_text() == HOSTILE[0]
    assert page.locator("figcaption").inner_text() == HOSTILE[0]
    for index, item in enumerate((*result.prompt_words, *result.words)):
        page.keyboard.press("Tab")
        word(page, index).focus()
        # A line separator cannot be seen: it is named by its code point.
        assert heading(page).strip() == (item.text.strip() or "U+2028")
    assert page.evaluate("document.querySelectorAll('script').length") == 2


def test_right_to_left_text_flows_and_is_walked_as_it_reads(open_report: Open) -> None:
    result = explanation(reply=("שלום", " red", " cat", " עולם"))
    page = open_report(result)
    boxes = [word(page, index).bounding_box()["x"] for index in range(4, 8)]
    assert boxes[0] > boxes[2] > boxes[1] > boxes[3]  # "red cat" stays in order between them
    word(page, 4).click()
    page.keyboard.press("ArrowLeft")
    assert heading(page) == "red"


def test_text_without_spaces_wraps(open_report: Open) -> None:
    result = explanation(reply=tuple("一只灰色的大猫安静地坐在木凳子上面" * 8))
    page = open_report(result, **PHONE)
    tops = {word(page, index).bounding_box()["y"] for index in range(4, 4 + len(result.words))}
    assert len(tops) > 3


def test_a_conversation_without_pictures(open_report: Open) -> None:
    page = open_report(explanation([], []))
    expect(page.locator(".stage")).to_be_hidden()
    word(page, 6).click()
    assert heading(page) == "greyhound"


def test_every_turn_names_its_pictures(open_report: Open) -> None:
    media = [picture(name="first.png"), picture(name="second.png")]
    whole = (0.0, 0.0, 64.0, 48.0)
    grids: list[VisionGrid] = [
        grid(0, (1, 2, 2), whole),
        grid(1, (1, 2, 2), whole, first=50, turn=2),
    ]
    page = open_report(explanation(media, grids))
    roles = page.locator(".role").all_inner_texts()
    assert roles == [
        "User · turn 1 first.png",
        "Assistant · turn 2",
        "User · turn 3 second.png",
    ]


def test_notes_are_shown_and_provenance_is_folded(open_report: Open) -> None:
    page = open_report(explanation())
    assert page.locator(".notes li").all_inner_texts() == ["The reply was given."]
    expect(page.locator("#provenance")).to_be_hidden()
    page.get_by_text("Provenance").click()
    expect(page.locator("#provenance")).to_contain_text("tam: 0")
    assert page.locator("#model").inner_text() == "hand/made"
