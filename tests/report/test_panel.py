"""All words as a table and as a matrix, and which later words rest on one."""

from dataclasses import replace

from playwright.sync_api import expect

from tam.text.function_words import is_content
from tam.text.printable import decimal
from tests.hand_made import explanation, with_grounding
from tests.report.pages import PHONE, Open, chosen, heading, index_of, told, word


def test_the_table_is_sorted_searched_and_filtered(open_report: Open) -> None:
    result = with_grounding(explanation(), (0.9, 0.2, 0.4, 0.4, 0.4))
    page = open_report(result)
    assert page.locator("table").count() == 0, "it is made when it is asked for"
    page.get_by_role("button", name="Table", exact=True).click()
    words = page.locator(".cell-word bdi")
    said = [item.text for item in result.words]
    assert words.all_inner_texts() == said
    page.get_by_role("button", name="Visual").click()
    by_height = sorted(result.words, key=lambda item: -(item.visual or 0))
    assert words.all_inner_texts() == [item.text for item in by_height]
    shown = page.locator("tbody tr td:nth-child(4)").all_inner_texts()
    assert shown == [decimal(item.visual) for item in by_height]
    assert page.locator("th[data-key=visual]").get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="Visual").click()
    assert words.all_inner_texts() == [item.text for item in reversed(by_height)]
    page.get_by_label("Content words").check()
    assert sorted(words.all_inner_texts()) == sorted(filter(is_content, said))
    page.get_by_label("Doubted").check()
    assert sorted(words.all_inner_texts()) == ["grey", "greyhound"]
    page.get_by_label("Search words").fill("hound")
    assert words.all_inner_texts() == ["greyhound"]
    expect(page.locator(".panel output").last).to_have_text(f"1 of {4 + len(said)} words")
    words.first.click()
    assert heading(page) == "greyhound"
    page.get_by_label("Search words").fill("")
    page.get_by_label("Doubted").uncheck()
    page.get_by_label("Content words").uncheck()
    page.get_by_label("Reply only").uncheck()
    assert len(words.all()) == 4 + len(said)
    page.get_by_label("Probability up to").fill("50")
    likely = {item.text for item in result.words if (item.probability or 0) > 0.5}
    assert not likely & set(words.all_inner_texts())


def test_a_long_table_is_filled_as_one_scrolls(open_report: Open) -> None:
    page = open_report(explanation(reply=[f" w{i}" for i in range(900)]))
    page.get_by_role("button", name="Table", exact=True).click()
    assert 0 < page.locator("tbody tr").count() < 500
    box = page.locator(".table-box")
    for _ in range(6):
        box.evaluate("(e) => { e.scrollTop = e.scrollHeight; }")
        page.wait_for_timeout(60)
    expect(page.locator("tbody tr")).to_have_count(900)


def test_the_matrix_is_the_relevance_of_every_word(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    assert page.locator(".matrix").count() == 0
    page.get_by_role("button", name="Relevance", exact=True).click()
    matrix = page.locator(".matrix")
    everyone = (*result.prompt_words, *result.words)
    matrix.scroll_into_view_if_needed()
    box = matrix.bounding_box()
    assert box
    cell = box["width"] / len(everyone)
    row, column = index_of(result, "bench"), index_of(result, "is")
    page.mouse.move(box["x"] + (column + 0.5) * cell, box["y"] + (row + 0.5) * cell)
    relevance = everyone[row].relevance(everyone[column])
    expect(page.locator(".matrix-told")).to_have_text(
        f"is ({column + 1}) for bench ({row + 1}): {decimal(relevance)}"
    )
    drawn = matrix.evaluate(
        """(e, [x, y]) => e.getContext("2d").getImageData(x, y, 1, 1).data[3]""",
        [int((column + 0.5) * cell), int((row + 0.5) * cell)],
    )
    assert abs(drawn - 255 * float(decimal(relevance))) <= 1
    page.mouse.click(box["x"] + 2, box["y"] + (row + 0.5) * cell)
    assert chosen(page) == ["bench"]
    matrix.focus()
    page.keyboard.press("ArrowRight")
    assert told(page).endswith(f": {decimal(everyone[row].relevance(everyone[1]))}")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert heading(page) == "a"


def test_which_later_words_rest_on_a_word(open_report: Open) -> None:
    result = explanation()
    result.relevance[:] = 0
    bench, greyhound = result.words[5], result.words[2]
    result.relevance[bench.targets[0], greyhound.targets[1]] = 0.8
    page = open_report(result)
    word(page, index_of(result, "greyhound")).click()
    later = page.locator(".column").nth(2)
    assert later.locator(".line").all_inner_texts() == ["bench\n0.80"]
    later.locator("button").click()
    assert heading(page) == "bench"
    assert "None depends on it." in page.locator(".column").nth(2).inner_text()


def test_a_reply_without_relevance_has_no_matrix(open_report: Open) -> None:
    page = open_report(replace(explanation(), relevance=None, text_scores=None))
    assert page.get_by_role("button", name="Relevance", exact=True).count() == 0
    page.get_by_role("button", name="Table", exact=True).click()
    assert "not known" in page.locator("tbody tr").first.inner_text()


def test_terms_are_explained_under_the_pointer_and_the_focus(open_report: Open) -> None:
    page = open_report(explanation())
    tip = page.get_by_role("tooltip")
    page.get_by_text("Evidence", exact=True).hover()
    expect(tip).to_contain_text("on one scale")
    page.locator("dfn", has_text="Focus").focus()
    expect(tip).to_contain_text("85 %")
    assert page.locator("dfn[aria-describedby=tip]").inner_text() == "Focus"
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    terms = page.locator("dfn").evaluate_all("(all) => all.map((e) => e.dataset.term)")
    assert {"evidence", "visual", "textual", "share", "peak", "probability"} <= set(terms)
    assert "evidence" in page.locator(".lead").inner_text()


def test_what_the_template_dropped_is_shown_as_such(open_report: Open) -> None:
    result = explanation()
    part = {"turn": 0, "role": "user", "text": "<think>hm</think>", "before_token": 2}
    provenance = {**result.provenance, "dropped_text": [part]}
    page = open_report(replace(result, provenance=provenance), **PHONE)
    assert "not read by the model" in page.locator(".dropped").inner_text()
    assert "<think>hm</think>" in page.locator(".text").first.inner_text()
