from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import expect

from tam.render import OPACITY, OPACITY_EXPONENT
from tests.hand_made import explanation, grid, picture, several, with_stages
from tests.report.pages import (
    Open,
    assert_shows,
    canvas,
    heading,
    index_of,
    word,
)


def test_it_opens_on_a_sign_only_where_there_is_no_word(open_report: Open) -> None:
    result = explanation()
    result.maps[:] = 0.4
    result.maps[-1] = 1  # the full stop
    assert heading(open_report(result)) == "grey", "the first that is no function word"
    signs = explanation(reply=("…", "!"))
    assert heading(open_report(signs)) in ("…", "!")


def test_it_opens_on_the_most_visual_word(open_report: Open) -> None:
    result = explanation(reply=[f" word{i}" for i in range(400)])
    result.maps[:] *= 0.5
    result.maps[300, 10] = 1
    page = open_report(result)
    assert heading(page) == "word296"
    assert_shows(canvas(page), result.words[296].map(0))
    expect(word(page, 300)).to_be_in_viewport()


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
    page.locator(".scrub").fill("0")
    for media in range(3):
        assert_shows(canvas(page, f".heat[data-media='{media}']"), result.words[5].map(media))


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
        assert float(value.removeprefix("≈ ")) == pytest.approx(heat[y, x], abs=0.008)


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
    expect(page.locator(".figure-key").first).to_have_text("not seen by the model")
    expect(whole.locator(".figure-key")).to_be_hidden()


def test_opacity_colors_and_stretch(open_report: Open) -> None:
    result = explanation()
    result.maps[:] *= 0.25
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    heat = result.words[5].map(0)
    assert_shows(canvas(page), heat)
    assert page.locator(".ticks").inner_text().split() == ["0", "0.25", "0.5", "0.75", "1"]
    page.get_by_text("Display").click()
    page.locator("#stretch").check()
    top = result.words[5].visual
    ticks = [float(tick) for tick in page.locator(".ticks").inner_text().split()]
    np.testing.assert_allclose(ticks, np.linspace(0, 1, 5) * top, atol=0.003)
    assert canvas(page)[..., 3].max() > 190
    page.locator("#opacity").fill("0")
    assert canvas(page)[..., 3].max() == 0
    page.locator("#opacity").fill("100")
    page.locator("#colors").select_option("jet")
    drawn = canvas(page)
    highest = np.unravel_index(int(np.argmax(drawn[..., 3])), drawn.shape[:2])
    assert drawn[highest][0] > 100
    assert drawn[highest][2] < 30  # the end of jet is a dark red


def test_smoothing_off_shows_the_cells(open_report: Open) -> None:
    result = explanation()  # 6 × 8 cells over 48 × 64 pixels
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    page.get_by_text("Display").click()
    page.locator("#smooth").uncheck()
    cells = result.words[5].cells().reshape(6, 8)
    assert_shows(canvas(page), cells.repeat(8, axis=0).repeat(8, axis=1))
    page.locator("#smooth").check()
    assert_shows(canvas(page), result.words[5].map(0))


def test_one_view_can_be_shown_alone(open_report: Open) -> None:
    result = several()
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    page.get_by_text("Display").click()
    views = page.locator("#view option").all_inner_texts()
    assert views == ["mean of all", "tiles", "thumbnail"]
    page.locator("#view").select_option("thumbnail")
    others = result.maps.copy()
    others[:, 36 : 36 + 48] = 0  # the tiles' cells; then the mean of both is half of one
    alone = replace(result, maps=others).words[5].map(1) * 2
    assert_shows(canvas(page, ".heat[data-media='1']"), alone)
    assert_shows(canvas(page, ".heat[data-media='0']"), result.words[5].map(0))
    single = open_report(explanation())
    expect(single.locator("#view-label")).to_be_hidden()


def test_the_cells_of_every_view_are_drawn_on_demand(open_report: Open) -> None:
    page = open_report(several())
    assert page.locator(".lines path").count() == 0
    page.get_by_text("Display").click()
    page.locator("#cells").check()
    second = page.locator(".lines").nth(1)
    assert second.get_attribute("viewBox") == "0 0 40 60"
    borders = second.locator(".border").evaluate_all(
        "(all) => all.map((e) => ['x', 'y', 'width', 'height'].map((n) => +e.getAttribute(n)))"
    )
    assert borders == [[0, 0, 40, 60], [-10, 0, 60, 60]]
    lines = second.locator(".cells").first.get_attribute("d") or ""
    assert lines.count("V") == 5
    assert lines.count("H") == 7
    seams = second.locator(".seams").first.get_attribute("d")
    assert seams == "M20 0V60M0 15H40M0 30H40M0 45H40"
    assert page.locator(".figure-key").nth(1).inner_text().split("\n") == [
        "tiles: 8 × 6 cells in 4 × 2 tiles",
        "thumbnail: 3 × 3 cells",
    ]
    page.locator("#view").select_option("thumbnail")
    assert page.locator(".figure-key").nth(1).inner_text().strip() == "thumbnail: 3 × 3 cells"
    page.locator("#cells").uncheck()
    expect(page.locator(".figure-key").nth(1)).to_be_hidden()


def test_a_threshold_is_outlined(open_report: Open) -> None:
    result = explanation()
    page = open_report(result)
    word(page, index_of(result, "bench")).click()
    expect(page.locator(".outline")).to_be_hidden()
    page.get_by_text("Display").click()
    page.locator("#level").fill("60")
    assert page.locator("#outline").is_checked()
    assert page.locator("#level-value").inner_text() == "0.60"
    drawn = canvas(page, ".outline")
    inner = (drawn[..., :3] == 255).all(-1) & (drawn[..., 3] == 255)
    heat = result.words[5].map(0)
    assert inner.any()
    assert heat[inner].min() >= 0.6 - 1 / 255
    above = np.pad(heat >= 0.6, 1, mode="edge")
    bordering = np.zeros(heat.shape, bool)
    for y, x in ((0, 1), (2, 1), (1, 0), (1, 2)):
        bordering |= ~above[y : y + 48, x : x + 64]
    sure = np.abs(heat - 0.6) > 0.03  # eight bits may put the rest on either side
    np.testing.assert_array_equal(inner[sure], ((heat >= 0.6) & bordering)[sure])


def test_stages_are_shown_on_the_scale_of_the_raw_score(open_report: Open) -> None:
    result = with_stages(explanation())
    page = open_report(result)
    chosen_word = result.words[2]  # of three tokens
    word(page, index_of(result, "greyhound")).click()
    assert result.stages
    for name, rows in (
        ("raw", result.stages.activation),
        ("after causal step", result.stages.after_eci),
    ):
        stage = page.get_by_role("button", name=name)
        stage.click()
        expect(stage).to_have_attribute("aria-pressed", "true")  # its layer is decoded first
        top = float(result.stages.activation[list(chosen_word.targets)].max())
        assert float(page.locator(".ticks li").last.inner_text()) == pytest.approx(top, abs=0.05)
        staged = replace(result, maps=rows / top).words[2].map(0)
        assert_shows(canvas(page), staged)
    filtered = page.get_by_role("button", name="filtered")
    filtered.click()
    expect(filtered).to_have_attribute("aria-pressed", "true")
    assert_shows(canvas(page), chosen_word.map(0))
    expect(open_report(explanation()).locator("#stages")).to_be_hidden()
