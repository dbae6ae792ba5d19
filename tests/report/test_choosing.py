from dataclasses import replace

import numpy as np
import pytest

from tam.explanation.check import Check
from tam.explanation.explanation import Word
from tam.text.printable import decimal
from tests.hand_made import explanation
from tests.report.pages import (
    Open,
    assert_shows,
    canvas,
    chosen,
    heading,
    index_of,
    told,
    word,
)


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
    page.locator("summary", has_text="Download").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.word") == "6"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.facts') !== null")


def test_a_choice_is_told_to_screen_readers(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    index = index_of(result, "bench")
    word(page, index).focus()
    assert told(page).startswith(
        f"bench; probability {100 * (result.words[5].probability or 0):.1f} %"
    )
    assert "most relevant earlier word" in told(page)
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


def test_earlier_words_are_colored_by_their_relevance(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    chosen = result.words[5]
    shares = page.locator(".word").evaluate_all(
        "(all) => all.map((e) => Number(e.style.getPropertyValue('--relevance')))"
    )
    earlier = [chosen.relevance(item) for item in (*result.prompt_words, *result.words[:5])]
    printed = [float(decimal(value)) for value in earlier]
    np.testing.assert_allclose(shares, [*printed, 0, 0], atol=1e-9)
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


def test_several_words_are_shown_together(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    grey, bench = index_of(result, "grey"), index_of(result, "bench")
    word(page, bench).click()
    word(page, grey).click(modifiers=["Control"])
    assert chosen(page) == ["grey", "bench"]
    assert heading(page) == "grey + bench"
    together = Word(result, (*result.words[1].targets, *result.words[5].targets))
    assert_shows(canvas(page), together.map(0))
    both = (result.words[1].probability or 0) * (result.words[5].probability or 0)
    assert f"{100 * both:.1f} %" in page.locator(".meters").inner_text()
    page.get_by_role("button", name="remove bench").click()
    assert chosen(page) == ["grey"]
    word(page, bench).click(modifiers=["Shift"])
    assert chosen(page) == ["grey", "greyhound", "on", "a", "bench"]
    word(page, bench).click()
    assert chosen(page) == ["bench"]


def test_several_words_are_taken_in_with_the_keyboard(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, index_of(result, "grey")).click()
    page.keyboard.press("Shift+ArrowRight")
    assert chosen(page) == ["grey", "greyhound"]
    assert told(page).startswith("grey and greyhound; ")
    page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Control+ArrowRight")
    assert chosen(page) == ["grey", "greyhound"], "with Ctrl only the focus moves"
    page.keyboard.press("Control+Enter")
    assert chosen(page) == ["grey", "greyhound", "a"]
    page.keyboard.press("Control+Enter")
    assert chosen(page) == ["grey", "greyhound"]
    page.keyboard.press("ArrowRight")
    assert chosen(page) == ["bench"]


def test_the_share_of_visual_and_textual_evidence(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    weighed = result.words[5]
    visual, textual = page.locator(".told").all_inner_texts()
    assert " ".join(visual.split()) == (
        f"picture {weighed.visual:.2f} · {round(100 * weighed.share)} %"
    )
    assert f"{weighed.textual:.2f}" in textual
    widths = [
        (part.bounding_box() or {"width": 0})["width"] for part in page.locator(".part").all()
    ]
    assert widths[0] / sum(widths) == pytest.approx(weighed.share, abs=0.01)


def test_an_earlier_word_leads_to_its_own_map(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    first = page.locator(".column").nth(1).locator("button").first
    name = first.locator(".name").inner_text()
    first.click()
    assert heading(page) == name
    assert page.evaluate("document.activeElement.classList.contains('word')")


def test_an_earlier_word_shows_where_it_is_said(open_report: Open) -> None:
    result = explanation(reply=(" a", " ring", " and", " a", " ring", "."))
    result.relevance[9, [5, 8]] = 0.9, 0.5  # both rings, for the full stop
    page = open_report(result)
    word(page, 9).click()
    rings = page.locator(".line", has_text="ring")
    assert rings.count() == 2
    for row, place in ((0, 5), (1, 8)):
        rings.nth(row).hover()
        assert page.locator(".word.pointed").evaluate_all(
            "(all) => all.map((e) => e.dataset.word)"
        ) == [str(place)]
    page.mouse.move(1, 1)
    assert page.locator(".word.pointed").count() == 0
    rings.nth(1).focus()
    assert page.locator(".word.pointed").get_attribute("data-word") == "8"


def test_words_that_the_grounding_score_doubts_are_marked(open_report: Open) -> None:
    result = explanation()
    assert open_report(result).locator(".doubted, .swatch-doubt").count() == 0
    scores = np.full(len(result.predictions), 0.9, np.float32)
    scores[7] = 0.2  # bench
    scores[2:4] = 0.1  # two of the three tokens of greyhound
    scores[0] = np.nan
    page = open_report(replace(result, token_grounding=scores))
    assert page.locator(".word.doubted").all_inner_texts() == ["bench"]
    word(page, index_of(result, "bench")).click()
    assert "0.20 ?" in page.locator(".meters").inner_text()
    assert told(page).endswith("doubted by the grounding score.")
    assert page.locator(".key").last.inner_text().endswith("doubted by the grounding score")
    note = page.get_by_text("not calibrated for this model")
    assert note.is_visible()
    known = replace(
        result, token_grounding=scores, provenance={**result.provenance, "model": "small"}
    )
    assert open_report(known).get_by_text("not calibrated").count() == 0


def test_words_whose_map_is_not_what_the_model_used_are_marked(open_report: Open) -> None:
    result = explanation()
    assert open_report(result).locator(".unused, .swatch-unused, .checked").count() == 0
    used, unused = (result.words[index].targets for index in (1, 2))
    page = open_report(
        replace(
            result,
            checks=(
                Check(used, "blur", -0.1, -4.0, (-0.1, -0.2) * 4),
                Check(unused, "blur", -0.1, -0.1, (-1.0, -1.1) * 4),
            ),
        )
    )
    assert page.locator(".word.unused").all_inner_texts() == ["greyhound"]
    word(page, index_of(result, "greyhound")).click()
    assert (
        page.locator(".checked")
        .inner_text()
        .startswith("Checked: hiding the marked region matters little")
    )
    assert "checked: hiding the marked region matters little" in told(page)
    word(page, index_of(result, "grey")).click()
    assert "90.5% → 1.8%" in page.locator(".checked").inner_text()


def test_words_side_by_side_are_a_phrase(open_report: Open) -> None:
    result = explanation()
    result.maps[:] = 0.3 + 0.7 * result.maps  # near zero the logarithm sees the grey levels
    page = open_report(result)
    word(page, index_of(result, "grey")).click()
    word(page, index_of(result, "on")).click(modifiers=["Shift"])
    phrase = result.phrase("grey greyhound on")
    assert chosen(page) == ["grey", "greyhound", "on"]
    assert_shows(canvas(page), phrase.map(0))
    said = [" ".join(text.split()) for text in page.locator(".told").all_inner_texts()]
    assert said[0].startswith(f"picture {decimal(phrase.visual)} ·")
    assert said[1].startswith(f"earlier words {decimal(phrase.textual)} ·")
    word(page, index_of(result, "bench")).click(modifiers=["Control"])
    assert "no figures" in page.locator(".meters").inner_text()


def test_what_is_not_known_is_said(open_report: Open) -> None:
    result = replace(explanation(), relevance=None, text_scores=None)
    result.maps[11] = np.nan  # bench
    page = open_report(result)
    word(page, index_of(result, "on")).click()
    visual, textual = page.locator(".told").all_inner_texts()
    assert visual.split()[-1] == decimal(result.words[3].visual)
    assert "not known" in textual
    assert page.locator(".part").count() == 0
    assert "Not known" in page.locator(".column").nth(1).inner_text()
    word(page, index_of(result, "bench")).click()
    assert "not known" in page.locator(".told").first.inner_text()
    assert page.locator(".where").inner_text() == "not known"


def test_figures_are_rounded_as_in_python(open_report: Open) -> None:
    heights = (0.125, 0.375, 0.625, 0.875, 0.005, 0.995)
    result = explanation(reply=[f" word{n}" for n in range(len(heights))])
    result.maps[4:] = np.array(heights)[:, None]
    labels = open_report(result).locator(".small-label .faint").all_inner_texts()
    assert labels == [decimal(word.visual) for word in result.words]
    assert labels[:4] == ["0.12", "0.38", "0.62", "0.88"], "an exact half goes to the even digit"
