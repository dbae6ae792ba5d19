import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from tam.explanation.word import Word
from tam.render import OPACITY, OPACITY_EXPONENT
from tests.hand_made import explanation, several, with_stages
from tests.report.pages import Open, assert_shows, canvas, index_of, told, word


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


def compared(page: Page, kind: str) -> NDArray[np.uint8]:
    return canvas(page, f".heat[data-kind='{kind}']")


def test_why_not_that_one(open_report: Open) -> None:
    result = with_stages(explanation())
    page = open_report(result)
    target = 11
    word(page, index_of(result, "bench")).click()
    page.locator("[data-rank='2']").click()
    expect(page.locator("figure")).to_have_count(3)
    assert page.locator("figcaption").all_inner_texts() == [
        f"bench {100 * result.predictions[7].candidates[0].probability:.1f} %",
        f"↵ {100 * result.predictions[7].candidates[2].probability:.1f} %",
        "bench − ↵",
    ]
    own, other = result.token_map(target), result.candidate_map(target, 2)
    assert_shows(compared(page, "word"), own)
    assert_shows(compared(page, "candidate"), other)
    drawn, difference = compared(page, "difference"), own - other
    alpha = OPACITY * np.abs(difference).astype(float) ** OPACITY_EXPONENT
    sure = np.abs(difference) > 0.05
    assert np.abs(drawn[..., 3] / 255 - alpha)[sure].max() < 0.02
    red, blue = drawn[..., 0].astype(int), drawn[..., 2].astype(int)
    assert (red > blue)[difference > 0.1].all(), "orange where the word has more"
    assert (blue > red)[difference < -0.1].all(), "blue where the candidate has more"
    verdict = page.locator(".verdict").inner_text()
    assert f"for bench reaches {Word(result, (target,)).visual:.2f}" in verdict
    assert "Why not ↵?" in told(page)


def test_a_comparison_is_left_again(open_report: Open) -> None:
    result = with_stages(explanation())
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    page.locator("[data-rank='1']").press("Enter")
    expect(page.locator("figure")).to_have_count(3)
    assert page.evaluate("document.activeElement.dataset.rank") == "1"
    assert page.get_by_role("button", name="raw").is_disabled(), "candidates have no stages"
    page.get_by_role("button", name="Close the comparison").click()
    assert page.locator("figure").count() == 1
    assert_shows(canvas(page), result.words[5].map(0))
    page.locator("[data-rank='1']").click()
    expect(page.locator("figure")).to_have_count(3)
    word(page, index_of(result, "grey")).click()
    assert page.locator("figure").count() == 1


def test_the_picture_with_the_evidence_is_compared(open_report: Open) -> None:
    result = with_stages(several())
    assert result.candidate_maps is not None
    result.maps[11] = result.candidate_maps[7, 1] = 0
    result.candidate_maps[7, 1, 90] = 1  # a cell of the second picture
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    page.locator("[data-rank='1']").click()
    expect(page.locator(".verdict")).to_be_visible()
    assert page.locator(".heat").first.get_attribute("data-media") == "1"
    assert_shows(compared(page, "candidate"), result.candidate_map(11, 1, 1))


def test_a_token_of_a_word_has_its_own_candidates(open_report: Open) -> None:
    result = with_stages(explanation())
    page = open_report(result)
    word(page, index_of(result, "greyhound")).click()
    page.locator(".chip[data-token='7']").click()
    page.locator("[data-rank='1']").click()
    assert_shows(compared(page, "candidate"), result.candidate_map(7, 1))


def test_candidates_without_maps_are_no_buttons(open_report: Open) -> None:
    page = open_report(explanation())
    word(page, 10).click()
    assert page.locator(".bars [data-rank]").count() == 0
