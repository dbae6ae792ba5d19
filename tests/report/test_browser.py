import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

from tam.colours import colour
from tam.explanation import Explanation
from tam.layout import VisionGrid
from tam.render import OPACITY, OPACITY_EXPONENT
from tests.hand_made import explanation, grid, picture, several

Open = Callable[..., Page]
PHONE = {"viewport": {"width": 375, "height": 740}, "has_touch": True, "is_mobile": True}
HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "<b>bold</b>",
    "שלום",
    " cat",
    "👩‍👩‍👧",
    "\u2028",
    "javascript:alert(1)",
    "猫" * 60,
    "w" * 300,
)


def word(page: Page, index: int) -> Any:
    return page.locator(f".word[data-word='{index}']")


def heading(page: Page) -> str:
    return page.locator(".chosen-word").inner_text()


def canvas(page: Page, selector: str = ".heat[data-media='0']") -> NDArray[np.uint8]:
    """RGBA of what is drawn on a canvas, uint8 [H, W, 4]."""
    uri = page.locator(selector).evaluate("(canvas) => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGBA"))


def assert_shows(drawn: NDArray[np.uint8], heat: NDArray[np.float32]) -> None:
    """The canvas is the map: its opacity everywhere, its colour where it is opaque enough."""
    assert drawn.shape[:2] == heat.shape
    alpha = OPACITY * heat.astype(float) ** OPACITY_EXPONENT
    # Steep near zero, where one 8-bit step of the map is several of the opacity.
    slack = np.where(heat < 0.05, 0.03, 0.006)
    assert np.all(np.abs(drawn[..., 3] / 255 - alpha) < slack)
    opaque = drawn[..., 3] > 128
    off = np.abs(drawn[..., :3].astype(float) - colour(heat))[opaque]
    assert off.max(initial=0) < 8


def index_of(result: Explanation, text: str) -> int:
    words = (*result.prompt_words, *result.words)
    return [item.text for item in words].index(text)


def test_it_opens_on_the_most_visual_word(open_report: Open) -> None:
    result = explanation(reply=[f" word{i}" for i in range(400)])
    result.maps[:] *= 0.5
    result.maps[300, 10] = 1
    page = open_report(result)
    assert heading(page) == "word296"
    assert_shows(canvas(page), result.words[296].map(0))
    expect(word(page, 300)).to_be_in_viewport()


def test_the_conversation_reads_as_it_was(open_report: Open) -> None:
    page = open_report(explanation())
    texts = page.locator(".text").all_inner_texts()
    assert texts == ["What is here?", "A grey greyhound on a bench."]
    roles = page.locator(".role").all_inner_texts()
    assert roles == ["User · turn 1 dog.png", "Assistant · turn 2"]
    assert page.title() == "A grey greyhound on a bench. – Token Activation Map"


def test_clicking_shows_the_words_map_and_facts(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    for item in result.words:
        if item.text == "a":
            continue
        word(page, index_of(result, item.text)).click()
        assert heading(page) == item.text
        assert_shows(canvas(page), item.map(0))
        assert f"{100 * (item.probability or 0):.1f} %" in page.locator(".meters").inner_text()


@pytest.mark.parametrize("box", [(8.0, 0.0, 56.0, 48.0), (-12.5, 3.25, 70.0, 45.5)])
@pytest.mark.parametrize("shape", [(1, 6, 8), (1, 1, 9), (1, 5, 1), (1, 1, 1)])
def test_any_grid_is_drawn_as_the_explanation_has_it(
    open_report: Open, box: tuple[float, float, float, float], shape: tuple[int, int, int]
) -> None:
    result = explanation(grids=[grid(0, shape, box)])
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    assert_shows(canvas(page), result.words[5].map(0))


def test_several_pictures_views_and_frames(open_report: Open) -> None:
    result = several()
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    for media in range(3):
        assert_shows(canvas(page, f".heat[data-media='{media}']"), result.words[5].map(media))
    slider = page.locator("input[type=range]").nth(0)
    before = page.locator("img").nth(2).get_attribute("src")
    slider.fill("2")
    assert "3 of 4 · 1.00 s" in page.locator(".frames").inner_text()
    assert page.locator("img").nth(2).get_attribute("src") != before
    assert_shows(canvas(page, ".heat[data-media='2']"), result.words[5].map(2, 2))


def test_a_large_picture_is_drawn_in_place(open_report: Open) -> None:
    media = picture(700, 1400)
    result = explanation([media], [grid(0, (1, 9, 13), (100.0, -50.0, 1300.0, 800.0))])
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    drawn, heat = canvas(page), result.words[5].map(0)
    assert drawn.shape[:2] == (320, 640)
    scale = 1400 / 640
    y, x = (np.floor((np.arange(n) + 0.5) * scale).astype(int) for n in (320, 640))
    sampled = OPACITY * heat[np.ix_(y, x)].astype(float) ** OPACITY_EXPONENT
    inner = drawn[:, 60:580, 3] / 255  # the box ends between pixels elsewhere
    assert np.abs(inner - sampled[:, 60:580]).max() < 0.03


def test_the_value_under_the_pointer(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    heat = result.words[5].map(0)
    box = page.locator("img").bounding_box()
    assert box
    for x, y in ((5, 7), (60, 40), (33, 21)):
        page.mouse.move(
            box["x"] + (x + 0.5) / 64 * box["width"], box["y"] + (y + 0.5) / 48 * box["height"]
        )
        value, place = page.locator("#readout").inner_text().split(" at ")
        assert place == f"{x}, {y}"
        assert float(value) == pytest.approx(heat[y, x], abs=0.008)


def test_what_is_not_covered_is_hatched_and_said(open_report: Open) -> None:
    result = explanation(grids=[grid(0, (1, 6, 6), (8.0, 0.0, 56.0, 48.0))])
    page = open_report(result)
    alpha = canvas(page, ".hatch")[..., 3]
    np.testing.assert_array_equal(alpha > 0, ~result.coverage(0))
    box = page.locator("img").bounding_box()
    assert box
    page.mouse.move(box["x"] + 3, box["y"] + 30)
    assert page.locator("#readout").inner_text().startswith("not seen at")
    whole = open_report(explanation())
    expect(whole.locator(".hatch")).to_be_hidden()


def test_hover_previews_and_leaving_returns(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, index_of(result, "grey")).click()
    word(page, index_of(result, "bench")).hover()
    assert heading(page) == "bench"
    assert_shows(canvas(page), result.words[5].map(0))
    page.mouse.move(5, 5)
    assert heading(page) == "grey"
    assert_shows(canvas(page), result.words[1].map(0))


def test_arrow_keys_walk_over_the_words(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, 0).click()
    walked = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home", "ArrowDown"):
        page.keyboard.press(key)
        walked.append(heading(page))
    assert walked[:5] == ["is", "here", "is", ".", "What"]
    assert walked[5] in [item.text for item in result.words]
    page.keyboard.press("ArrowUp")
    assert heading(page) in [item.text for item in result.prompt_words]
    assert page.evaluate("document.activeElement.classList.contains('word')")


def test_tab_enters_the_words_once(open_report: Open) -> None:
    page = open_report(explanation())
    word(page, 6).click()
    assert page.locator(".word[tabindex='0']").count() == 1
    page.locator("#stretch").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.word") == "6"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"


def test_a_choice_is_told_to_screen_readers(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    index = index_of(result, "bench")
    word(page, index).focus()
    told = page.locator("[aria-live=polite]").text_content() or ""
    assert told.startswith(f"bench; probability {100 * (result.words[5].probability or 0):.1f} %")
    assert "most relevant earlier word" in told
    assert word(page, index).get_attribute("aria-pressed") == "true"
    assert word(page, index).get_attribute("role") == "button"
    unnamed = page.locator("button, input, select, img").evaluate_all(
        """(all) => all.filter((e) => !(e.textContent.trim() || e.ariaLabel || e.alt
             || e.labels?.[0]?.textContent.trim())).length"""
    )
    assert unnamed == 0


def test_each_token_of_a_word_can_be_chosen(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, index_of(result, "greyhound")).click()
    chips = page.locator(".chip")
    assert chips.all_inner_texts() == ["whole word", "␣gr", "ey", "hound"]
    chips.nth(2).click()
    assert_shows(canvas(page), result.token_map(7))
    probability = result.predictions[7 - 4].probability
    assert f"{100 * probability:.1f} %" in page.locator(".meters").inner_text()
    assert "Candidates for ey" in page.locator(".facts").inner_text()
    assert page.evaluate("document.activeElement.dataset.token") == "7"
    chips.nth(0).click()
    assert_shows(canvas(page), result.words[2].map(0))
    word(page, index_of(result, "bench")).click()
    assert chips.count() == 0


def test_candidates_and_sampled_probability(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    candidates = page.locator(".column").nth(0).locator("li")
    expected = result.predictions[11 - 4].candidates
    assert candidates.locator(".name").all_inner_texts() == ["␣bench", "␣cat", "↵", "猫"]
    values = candidates.locator(".value").all_inner_texts()
    assert values == [f"{100 * candidate.probability:.1f} %" for candidate in expected]
    assert page.locator(".bars .chosen .name").all_inner_texts() == ["␣bench"]
    sampled = result.predictions[11 - 4].sampled_probability or 0
    assert f"{100 * sampled:.1f} %" in page.locator(".meters").inner_text()


def test_a_candidate_that_cannot_be_seen_is_named(open_report: Open) -> None:
    result = explanation(reply=("", "\u200b", "a"), reply_words=(0, 0, 0))
    page = open_report(result)
    assert page.locator(".chip").all_inner_texts() == ["whole word", "#200", "U+200B", "a"]


def test_earlier_words_are_coloured_by_their_relevance(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    chosen = result.words[5]
    shares = page.locator(".word").evaluate_all(
        "(all) => all.map((e) => Number(e.style.getPropertyValue('--relevance')))"
    )
    earlier = [chosen.relevance(item) for item in (*result.prompt_words, *result.words[:5])]
    np.testing.assert_allclose(shares, [*earlier, 0, 0], atol=0.5 / 255 + 1e-6)
    alphas = page.locator(".word").evaluate_all(
        """(all) => all.map((e) => Number(
             getComputedStyle(e).backgroundColor.match(/[\\d.]+\\)$/)[0].slice(0, -1)))"""
    )
    np.testing.assert_allclose(alphas[: len(earlier)], np.array(earlier) * 0.42, atol=0.005)


def test_a_word_of_the_prompt_has_a_map_and_no_probability(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, 1).click()
    assert_shows(canvas(page), result.prompt_words[1].map(0))
    assert "has no probability" in page.locator(".facts").inner_text()


def test_opacity_colours_and_stretch(open_report: Open) -> None:
    result = explanation()
    result.maps[:] *= 0.25
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    heat = result.words[5].map(0)
    assert_shows(canvas(page), heat)
    assert page.locator(".ticks").inner_text().split() == ["0", "0.25", "0.5", "0.75", "1"]
    page.locator("#stretch").check()
    top = float(result.words[5].cells().max())
    ticks = [float(tick) for tick in page.locator(".ticks").inner_text().split()]
    np.testing.assert_allclose(ticks, np.linspace(0, 1, 5) * top, atol=0.003)
    assert canvas(page)[..., 3].max() > 190
    page.locator("#opacity").fill("0")
    assert canvas(page)[..., 3].max() == 0
    page.locator("#opacity").fill("100")
    page.locator("#colours").select_option("jet")
    drawn = canvas(page)
    highest = np.unravel_index(int(np.argmax(drawn[..., 3])), drawn.shape[:2])
    assert drawn[highest][0] > 100
    assert drawn[highest][2] < 30  # the end of jet is a dark red


def test_light_and_dark(open_report: Open) -> None:
    def ground(page: Page) -> int:
        value: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in value[4:-1].split(","))

    light = open_report(explanation(), color_scheme="light")
    dark = open_report(explanation(), color_scheme="dark")
    assert ground(light) > 600 > 150 > ground(dark)
    dark.locator("#theme").click()
    assert ground(dark) == ground(light)
    light.get_by_role("button", name="Dark").click()
    assert ground(light) < 150
    assert light.locator("#theme").get_attribute("aria-pressed") == "true"


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
    page.locator("summary").click()
    assert page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    outside = page.locator("main *").evaluate_all(
        """(all) => all.filter((e) => e.getBoundingClientRect().right > innerWidth + 1
             && !e.closest(".ramp")).map((e) => e.className)"""
    )
    assert outside == []


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


def test_hostile_text_is_shown_as_text(open_report: Open) -> None:
    result = explanation(
        [picture(name=HOSTILE[0])], reply=HOSTILE, prompt=HOSTILE[:2], notes=HOSTILE[:1]
    )
    page = open_report(result)
    assert page.locator("main img").count() == 1
    assert page.locator("b").count() == 0
    assert HOSTILE[0] in page.locator(".text").nth(1).inner_text()
    assert page.locator(".notes").inner_text() == HOSTILE[0]
    assert page.locator("figcaption").inner_text() == HOSTILE[0]
    for index, item in enumerate((*result.prompt_words, *result.words)):
        page.keyboard.press("Tab")
        word(page, index).focus()
        assert heading(page).strip() == item.text.strip()
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
    page.locator("summary").click()
    expect(page.locator("#provenance")).to_contain_text("tam: 0")
    assert page.locator("#model").inner_text() == "hand/made"
